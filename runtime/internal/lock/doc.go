// Package lock is a lock whose holders' values others may read without it.
package lock
