package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// allocated is how much a file takes on disk.
func allocated(info os.FileInfo) int64 { return info.Sys().(*syscall.Stat_t).Blocks * 512 }

// dropCache makes the system forget what it has of a folder's files.
func dropCache(dir string) {
	unix.Sync()
	check(filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	}))
}

// memory is one of the figures that the system has of this process, in MiB.
func memory(name string) (mib float64) {
	b, err := os.ReadFile("/proc/self/status")
	check(err)
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			_, err := fmt.Sscanf(strings.TrimSpace(rest), "%f", &mib)
			check(err)
		}
	}
	return mib / 1024
}
