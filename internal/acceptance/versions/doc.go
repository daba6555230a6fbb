// Package versions keeps ten successive schemas of one table, and two of another, each with its
// generated code and the destam.lock of its time, and tries them on one store.
package versions
