//go:build race

package destam

// racing: under the race detector there are no witnesses, see TestMain.
const racing = true
