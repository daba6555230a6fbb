//go:build !race

package doc

const racing = false
