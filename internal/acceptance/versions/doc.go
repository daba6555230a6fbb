// Package versions keeps ten successive schemas of one table, each with its
// generated code and the destam.lock of its time, and tries them on one store.
package versions
