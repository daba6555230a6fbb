// Command testserver is a server that speaks MongoDB's protocol, for the tests
// of package mongodb: FerretDB 1 on SQLite. It has a module of its own, so that
// it is nobody's dependency.
//
//	go run -tags ferretdb_no_postgresql . -dir DIR [-addr 127.0.0.1:0]
//
// prints its mongodb:// URI and serves until its standard input ends.
//
// What it is not: its updates are not atomic, it scans for every query, and it
// has neither transactions nor change streams nor several nodes.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("dir", "", "folder for the data")
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	flag.Parse()
	if *dir == "" {
		log.Fatal("testserver: -dir is missing")
	}
	if err := serve(*dir, *addr); err != nil {
		log.Fatalf("testserver: %v", err)
	}
}

func serve(dir, addr string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: addr},
		Handler:   "sqlite",
		SQLiteURL: "file:" + filepath.Clean(dir) + "/",
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	fmt.Println(server.MongoDBURI())
	_, err = io.Copy(io.Discard, os.Stdin)
	cancel()
	if e := <-ended; err == nil {
		err = e
	}
	return err
}
