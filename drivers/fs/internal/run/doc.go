// Package run is the sealed form of documents: an immutable file of one table,
// in which everything about a document lies together, with sorted indexes of
// ids and query terms behind it. All integers are little-endian, all checksums
// CRC-32C that begin with the CRC of the run's id.
//
//	run     header | frame | frame | … | index | sums | footer
//
//	header  128 bytes
//	 0 magic 8 | 8 version 2 | 10 flags 2 | 12 crc 4 | 16 number 8 | 24 id 8
//	32 store 16 | 48 length 1 and name of the table | zeros
//
//	frame   one document, ascending by id, at a multiple of 8
//	 0 length 8   of the frame, a multiple of 8
//	 8 front  8   of what is read to build the newest state: up to and with the
//	              commits behind the newest checkpoint
//	16 crc    4   of the front, from byte 24 on and of the 16 bytes before
//	20 crc    4   of the rest of the frame
//	24 id     16
//	40 seq    8   of the newest commit
//	48 first  8   of the oldest commit that is in this frame
//	56 life   1   a driver.Life | zeros 3
//	60 crc    4   of the 16 bytes at the front and from byte 24 on up to the
//	              records, but for itself; 0 for none
//	64 section    length + 1 (varint; 0 for none) and bytes
//	   held       count (varint), each a length (varint) and bytes
//	   length of the records of the front (varint), records; zeros to 8
//	   the record of their strides, if there are any; the other records, oldest
//	   first; zeros to 8
//
//	record  length (varint) | kind 1 | body
//	1 commit      as driver.AppendCommit writes it
//	2 checkpoint  sequence (varint) | content; it stands behind the commit of
//	              that sequence
//	3 tries       sequence (varint) of the first | 16 bytes for each commit that
//	              a purge erased
//	4 strides     for each: the sequence that it begins with 8 | where it ends,
//	              from here on 8 | its crc 4; then the sequence after all of
//	              them 8 | crc of this body 4. A stride ends before the first
//	              commit or tries behind 16 KiB of it; one alone is not noted
//
//	index   in blocks of 4096 bytes, the last one shorter; ascending
//	ids     16 bytes each: of all documents
//	places  8 bytes each: where their frames begin
//	terms   8 bytes each: hashes of the terms by which documents are found
//	values  8 bytes each: hashes of the unique values that documents hold
//	filter  words of 8 bytes: of the ids
//	filter  words of 8 bytes: of the hashes of terms and values
//	        4 bytes for each term: the number of its document, from 0 on
//	        4 bytes for each value: the same
//	sums    4 bytes each: crc of the blocks of the index
//
//	footer  128 bytes
//	 0 magic 8 | 8 version 2 | 10 flags 2 | 12 crc 4 | 16 end of the frames 8
//	24 documents 8 | 32 terms 8 | 40 values 8 | 48 commits 8
//	56 alive 8 | 64 purges 8 | 72 seed 16 | 88 id 8 | 96 crc of sums 4 | zeros 4
//	104 words of the filter of ids 8 | 112 of the other 8 | zeros
//
// Entries of one hash stand in the order of their documents, so a query needs
// no sort and pages by id. Hashes are SipHash-2-4 with the seed of the run;
// two terms of one hash are no harm, as every hit is compared with the section
// in its frame.
//
// A filter tells that something is not in the run. A hash of 64 bits is in the
// word that its product with their number, divided by 2^64, counts to; there it
// has the four bits that its lowest four groups of six bits count to. The hash
// of an id is the upper half of the product of its halves, each mixed with that
// of the seed by exclusive or, mixed in the same way with the lower half; and
// the same once more with 0x9e3779b97f4a7c15 as the other factor. Runs of which
// the footer counts no words have no filters.
//
// The frames are the truth. An index of which anything is damaged is made anew
// in memory, see [Run.Healed]; a damaged frame is an error for its document.
//
// # Memory
//
// A run is mapped where that is possible, and read where it is not. Nothing
// that this package hands out is the map's memory, except to functions that are
// called with a [Frame], for as long as they run. Faults of the map, which are
// a disk that cannot read or a file that somebody cut, become errors.
package run
