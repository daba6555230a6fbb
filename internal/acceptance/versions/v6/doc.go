// Package v6 is the schema of the notes with tags of a named type under another name, and tasks of a renamed Go type.
package v6
