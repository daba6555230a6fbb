// Package leak ends a package's tests with a look at its goroutines: those that
// are there after the last test must be those that were there before the first.
// It is for TestMain functions of this project.
package leak
