//go:build !amd64 || race

package doc

const peeks = false
