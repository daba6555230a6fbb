// Package v3 is the schema of the notes with the title under another name.
package v3
