package pos

// Key is the place of an element among the others of its array. Keys compare
// as bytes. The empty Key is no element's: it stands for the open end on
// either side.
type Key string

// Max is the longest key of a stored document in bytes.
const Max = 64

// The integers of a path. No path ends in least.
const (
	least = -1_099_562_223_632
	most  = 1_099_596_050_591
)

// class is a range of integers that are encoded in the same number of bytes.
type class struct {
	first byte  // first byte of the least integer
	last  byte  // first byte of the greatest
	extra uint8 // bytes after the first
	low   int64 // least integer
}

// single is the class of one byte, which most integers are in, and pairs the
// one above it.
var (
	single = class{0x11, 0xc0, 0, -16}
	pairs  = class{0xc1, 0xf0, 1, 160}
)

// classes are all of them, ascending and without gaps. The shares were chosen
// on the editing trace: integers above zero are many more than those below,
// and spending more first bytes on two bytes each lengthens the mean.
var classes = [...]class{
	{0x01, 0x01, 5, least},
	{0x02, 0x04, 3, -50_595_856},
	{0x05, 0x08, 2, -264_208},
	{0x09, 0x10, 1, -2_064},
	single,
	pairs,
	{0xf1, 0xf8, 2, 12_448},
	{0xf9, 0xfd, 3, 536_736},
	{0xfe, 0xfe, 5, 84_422_816},
}

// none is the class of first bytes that begin no integer. Nothing is long
// enough for it.
var none = class{extra: 255}

// byFirst finds the class of an integer by its first byte.
var byFirst = func() (by [256]*class) {
	for i := range by {
		by[i] = &none
	}
	for i := range classes {
		for b := int(classes[i].first); b <= int(classes[i].last); b++ {
			by[b] = &classes[i]
		}
	}
	return by
}()

// integer reads the first integer of a path and says how many bytes it takes:
// none when the path does not begin with an integer.
func integer(k Key) (v int64, size int) {
	if k == "" {
		return 0, 0
	}
	c := byFirst[k[0]]
	v = int64(k[0] - c.first)
	size = 1 + int(c.extra)
	if size > len(k) {
		return 0, 0
	}
	for i := 1; i < size; i++ {
		v = v<<8 | int64(k[i])
	}
	return c.low + v, size
}

// classFor finds the class of an integer between least and most.
func classFor(v int64) *class {
	if single.low <= v && v < pairs.low {
		return &single
	}
	i := len(classes) - 1
	for v < classes[i].low {
		i--
	}
	return &classes[i]
}

// appendInteger appends v, which is between least and most.
func appendInteger(b []byte, v int64) []byte {
	c := classFor(v)
	v -= c.low
	b = append(b, c.first+byte(v>>(8*c.extra)))
	for shift := 8 * int(c.extra); shift > 0; {
		shift -= 8
		b = append(b, byte(v>>shift))
	}
	return b
}

// sizeOf returns how many bytes v takes.
func sizeOf(v int64) int { return 1 + int(classFor(v).extra) }

// Valid says whether k can be the key of an element: a path of whole integers
// that does not end in the least one, of at most [Max] bytes. What comes from
// a disk or a network is checked before it is used.
func Valid(k Key) bool {
	if k == "" || len(k) > Max {
		return false
	}
	var last int64
	for k != "" {
		v, size := integer(k)
		if size == 0 {
			return false
		}
		last, k = v, k[size:]
	}
	return last != least
}
