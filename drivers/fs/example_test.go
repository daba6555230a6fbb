package fs_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/destam-go/destamgen/drivers/fs"
)

// A store is a folder, which Open makes if need be. It belongs to whoever
// opened it until Close; usually that is destam.Open, which takes it over.
func ExampleOpen() {
	parent, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(parent)
	dir := filepath.Join(parent, "data")

	store, err := fs.Open(dir, nil)
	if err != nil {
		log.Fatal(err)
	}
	_, err = fs.Open(dir, nil)
	fmt.Println("opened twice:", errors.Is(err, fs.ErrInUse))
	fmt.Println("survives a power failure after Sync:", store.Stats().Durable)
	if err := store.Close(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// opened twice: true
	// survives a power failure after Sync: true
}
