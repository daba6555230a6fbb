//go:build !race

package destam

const racing = false
