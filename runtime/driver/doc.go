// Package driver is the contract between a database of documents and the
// store that keeps them.
package driver
