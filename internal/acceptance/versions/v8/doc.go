// Package v8 is the schema of the notes with the title under a third name.
package v8
