// Package v7 is the schema of the notes with the values of the map as text under a new name, and without the price.
package v7
