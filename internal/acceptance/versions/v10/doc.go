// Package v10 is the schema of the notes with fields from an embedded struct, and an array.
package v10
