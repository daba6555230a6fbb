// Package library is the model of the program after that of package shelf: it
// calls everything something else.
package library
