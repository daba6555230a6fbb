// Package manifest is the list of what makes up a store: which runs each table
// has, and up to which batch the journal is sealed into them. A store switches
// from one state of its files to the next by writing a manifest under the next
// number; the highest that is whole is the one that counts.
//
// A manifest is text:
//
//	destam manifest
//	format 1
//	number 31
//	store 88ec4031ca2e1b676ca333cdce23e41d
//	sealed 5012
//	next 7
//	table notes revision 3 existing 12 alive 11 commits 30
//	unique "slug"
//	run 4 id 75cf68478cc92ce4 data 1024 size 2048 documents 12 commits 30 alive 11 purges 0
//	gone journal/0000000001.log 1795388530
//	check 2f76431a
//
// Tables ascend by name; their unique fields and then their runs follow, oldest
// first. Gone are files that no manifest from this one on names, and since when
// (Unix seconds): they stay a while for those who are copying the store.
package manifest
