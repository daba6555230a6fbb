// Package v4 is the schema of the notes with the priority as a number under a new name.
package v4
