// Package v9 is the schema of the notes with the rank as a type with a codec, for both that it was.
package v9
