//go:build !race

package fs

const racing = false
