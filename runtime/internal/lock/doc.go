// Package lock has locks whose holders' values others may read without them.
package lock
