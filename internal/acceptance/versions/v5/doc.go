// Package v5 is the schema of the notes with the due date as an instant under a new name.
package v5
