// Package v1 is the schema of the notes as it was first stored.
package v1
