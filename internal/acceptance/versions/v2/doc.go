// Package v2 is the schema of the notes with more fields, also in what lists hold.
package v2
