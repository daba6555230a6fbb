package run

import (
	"encoding/binary"
	"math/bits"

	"github.com/destam-go/destamgen/runtime/driver"
)

// A table has several runs, and most of what is asked for is in one of them.
// So each has two filters, of ids and of the hashes of terms and values, that
// tell with one look into the index that something is not there: words of 64
// bits, of which a key sets four bits of one. With 16 bits for a key less than
// one in a hundred is taken to be there that is not.
const keysPerWord = 4

// filterWords is how many words a filter of so many keys has.
func filterWords(keys uint64) uint64 { return (keys + keysPerWord - 1) / keysPerWord }

// filterBits gives the word of a hash among some, and its bits there.
func filterBits(hash, words uint64) (word, set uint64) {
	word, _ = bits.Mul64(hash, words)
	return word, 1<<(hash&63) | 1<<(hash>>6&63) | 1<<(hash>>12&63) | 1<<(hash>>18&63)
}

// filter is a filter that is being made.
type filter []uint64

func (f filter) add(hash uint64) {
	word, set := filterBits(hash, uint64(len(f)))
	f[word] |= set
}

func (f filter) append(b []byte) []byte {
	for _, word := range f {
		b = binary.LittleEndian.AppendUint64(b, word)
	}
	return b
}

// id is a hash of an id for the filter. Ids are made by the store's users, who
// could do themselves no more harm than to make it slow, so it need not be as
// good as that of texts.
func (k *seed) id(id driver.ID) uint64 {
	const odd = 0x9e3779b97f4a7c15
	le := binary.LittleEndian
	hi, lo := bits.Mul64(le.Uint64(id[:8])^le.Uint64(k[:8]), le.Uint64(id[8:])^le.Uint64(k[8:]))
	hi, lo = bits.Mul64(hi^lo, odd)
	return hi ^ lo
}

// may tells whether a key of a hash may be in a filter of the index. Runs that
// were written without filters may have everything.
func (x *finder) may(filter, words int64, hash uint64) (bool, error) {
	if words == 0 {
		return true, nil
	}
	word, set := filterBits(hash, uint64(words))
	have, err := x.uint64(filter + 8*int64(word))
	return have&set == set, err
}

// mayHave tells whether the run may have a document.
func (x *finder) mayHave(id driver.ID) (bool, error) {
	return x.may(x.layout.idFilter, x.idWords, x.seed.id(id))
}
