// Package journal is the one file that a store appends to: records in one
// order, many of them made durable by one sync of the disk.
//
// A journal is a directory of segments. A segment is filled with zeros, synced
// and only then given its name and written to from front to back, so that an
// append changes neither its size nor its blocks, which makes a sync as cheap
// as the disk allows.
//
//	segment  0000000012.log, all integers little-endian
//	+-------+---------+-------+-----+--------+----+--------+------+-------+
//	| magic | version | flags | crc | number | id | synced | size | store |
//	| 8     | 2       | 2     | 4   | 8      | 8  | 8      | 8    | 16    |
//	+-------+---------+-------+-----+--------+----+--------+------+-------+
//	| batch | batch | … | zeros up to size                                  |
//	+-------+-------+---+---------------------------------------------------+
//
//	batch, begins at a multiple of 8
//	+-------+-----+----+----+--------+--------+----------+-------+-------+
//	| magic | crc | id | no | synced | length | body crc | count | flags |
//	| 4     | 4   | 8  | 8  | 8      | 4      | 4        | 4     | 4     |
//	+-------+-----+----+----+--------+--------+----------+-------+-------+
//	| count records, each a uvarint length and its bytes | zeros to 8    |
//	+-----------------------------------------------------+--------------+
//
// The crc of a batch (CRC-32C) covers the rest of its header, the body crc all
// behind it; both begin with the segment's id, so a batch that strayed in from
// another segment is none. Batches are numbered from 1 without a gap through
// all segments. length counts the whole batch; where a batch would begin and
// there are zeros the segment ends.
//
// synced is the highest number of which was known, when the header was made,
// that it and all before it are durable; in the front of a segment it is true
// by the time that the segment has its name. It tells a torn tail from rot: when
// batch k is bad, and any header that is whole says that k was durable, then
// the disk lost what it had promised to keep, and [Open] refuses. When no
// header says so the power failed before k was durable, nobody was told that
// it was, and the journal ends before it. An empty batch, a mark, is written
// soon after the last sync and when the journal is closed, only to say this of
// the batches before it.
//
// # Recovery
//
// What follows the last durable batch may be in the page cache alone, or gone
// from it after a sync that failed. So Open never goes on behind a tail that
// no header vouches for: it copies the batches of the last segment into a new
// one, syncs that and the directory, and removes the old one. Batches keep
// their numbers; where two segments have a batch of one number the later
// segment has it. Bytes behind the last good batch are put into lost+found
// first. Every step may be cut short and is done again by the next Open.
//
// A sector that is written again with some bytes unchanged must keep those
// through a power failure; the journal appends within the sector where the
// last batch ended, as other write-ahead logs do.
package journal
