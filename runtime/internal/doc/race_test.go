//go:build race

package doc

// racing: with the race detector more escapes to the heap, so what reading
// allocates is not measured under it. Nor are there witnesses, see TestMain.
const racing = true
