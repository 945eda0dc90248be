//go:build !unix

package token

import "io/fs"

// The modes that Go makes up on Windows say nothing about who may what; a new
// file there has the rights of its folder.
func isOpen(fs.FileInfo) bool    { return false }
func isForeign(fs.FileInfo) bool { return false }
