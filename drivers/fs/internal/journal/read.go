package journal

import (
	"errors"

	"github.com/destam-go/destamgen/drivers/fs/internal/vfs"
)

// Read replays a journal that somebody else may be writing to, up to the newest
// batch that a header says is durable. It changes nothing and keeps no file
// open; places stay readable from memory.
//
// What is being written may be read half: a [*DamageError] is to be believed
// only when it comes again, and a file that is missing only when the journal
// did not move on meanwhile.
func Read(f vfs.FS, dir string, o Options, replay Replay) (err error) {
	if o.codec.seal == nil {
		o.codec = format
	}
	r := &recovery{fs: f, dir: dir, o: o, replay: replay, no: o.Sealed + 1}
	defer func() {
		for _, s := range r.segs {
			err = errors.Join(err, s.file.Close())
		}
	}()
	for _, step := range []func() error{r.open, r.sort, r.passSealed, r.judge} {
		if err := step(); err != nil {
			return err
		}
	}
	if r.last == nil {
		return nil
	}
	n := len(r.batches)
	for n > 0 && r.batches[n-1].no > r.vouched {
		n--
	}
	return r.replayBatches(r.last, r.batches[:n])
}
