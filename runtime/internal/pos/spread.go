package pos

// Keys of [Spread] and [Part] are at least so far apart that one more fits
// between any two. Those of Spread are further apart as long as an integer
// stays within four bytes.
const (
	spreadLeast = 2
	spreadMost  = 1024
	spreadSize  = 4
)

// Spread returns n ascending keys, short and evenly apart: those of all the
// elements of an array.
func Spread(n int) []Key {
	step := int64(spreadMost)
	for step > spreadLeast && sizeOf(step*int64(n)) > spreadSize {
		step /= 2
	}
	return series{step: step, n: n}.keys(nil)
}
