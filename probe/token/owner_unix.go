//go:build unix

package token

import (
	"io/fs"
	"os"
	"syscall"
)

// isOpen tells whether group or world may read or write.
func isOpen(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }

func isForeign(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) != os.Getuid()
}
