//go:build unix

package profile

import (
	"io/fs"
	"os"
	"syscall"
)

func owner(info fs.FileInfo) Ownership {
	mode := info.Mode().Perm()
	o := Ownership{OthersMayWrite: mode&0o022 != 0, OthersMayRead: mode&0o044 != 0}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		uid := os.Getuid()
		o.Foreign = int(stat.Uid) != uid && stat.Uid != 0
	}
	return o
}
