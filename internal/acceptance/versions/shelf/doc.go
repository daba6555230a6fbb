// Package shelf is the model of a program whose books are found by names that the
// program after it has changed.
package shelf
