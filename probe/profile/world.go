package profile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/zalando/go-keyring"
)

// World is what lies outside: variables, files, commands, the keyring. Tests
// bring their own.
type World struct {
	Env           func(name string) (string, bool)
	ReadFile      func(path string) ([]byte, error) // at most MaxFile bytes and one
	Stat          func(path string) (fs.FileInfo, error)
	UserConfigDir func() (string, error)
	Stdin         io.Reader
	Run           func(ctx context.Context, argv []string) ([]byte, error)
	Keyring       Keyring
	Owner         func(fs.FileInfo) Ownership
}

// Keyring keeps passwords for the user who is logged in.
type Keyring interface {
	Get(service, account string) (string, error)
	Set(service, account, password string) error
	Delete(service, account string) error
}

// Ownership is what the file system says of a file; all false where it says nothing.
type Ownership struct {
	Foreign        bool // another user owns it
	OthersMayWrite bool
	OthersMayRead  bool
}

// MaxFile is the number of bytes that a settings file or credential may have.
const MaxFile = 1 << 20

// commandTime is how long a password command may take; it may ask a person.
const commandTime = time.Minute

// Real is this computer.
func Real() World {
	return World{
		Env: os.LookupEnv, ReadFile: readFile, Stat: os.Stat, UserConfigDir: os.UserConfigDir, Stdin: os.Stdin,
		Run: runCommand, Keyring: systemKeyring{}, Owner: owner,
	}
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, MaxFile+1))
}

// runCommand runs a password command; what it says on standard error goes to
// nobody, since it may repeat the password.
func runCommand(ctx context.Context, argv []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the user names the command
	var out bytes.Buffer
	cmd.Stdout = &limited{buf: &out}
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("no answer within %v", commandTime)
	}
	return out.Bytes(), err
}

// limited keeps the first MaxFile bytes and one.
type limited struct{ buf *bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := MaxFile + 1 - l.buf.Len(); room > 0 {
		l.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

type systemKeyring struct{}

func (systemKeyring) Get(service, account string) (string, error) {
	return keyring.Get(service, account)
}

func (systemKeyring) Set(service, account, password string) error {
	return keyring.Set(service, account, password)
}

func (systemKeyring) Delete(service, account string) error { return keyring.Delete(service, account) }

// IsNotFound tells whether the keyring works and has no such entry.
func IsNotFound(err error) bool { return errors.Is(err, keyring.ErrNotFound) }

// KeyringService is the service under which passwords are kept unless another is named.
const KeyringService = "smtpdx"

// decodeText makes a string of a file's bytes: UTF-8 with or without a
// byte-order mark, or UTF-16 as PowerShell writes it.
func decodeText(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte{0xef, 0xbb, 0xbf}):
		return string(b[3:])
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		return fromUTF16(b[2:], 0)
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return fromUTF16(b[2:], 1)
	case len(b) >= 4 && len(b)%2 == 0 && b[0] != 0 && b[1] == 0 && b[3] == 0 && !utf8Text(b):
		return fromUTF16(b, 0)
	}
	return string(b)
}

func utf8Text(b []byte) bool { return utf8.Valid(b) && !bytes.ContainsRune(b, 0) }

func fromUTF16(b []byte, high int) string {
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i+high])<<8|uint16(b[i+1-high]))
	}
	return string(utf16.Decode(units))
}

// withoutLineEnd removes one line end; more stays, and is remarked.
func withoutLineEnd(s string) string {
	if t, ok := strings.CutSuffix(s, "\r\n"); ok {
		return t
	}
	return strings.TrimSuffix(s, "\n")
}
