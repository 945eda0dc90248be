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
	"time"

	"github.com/zalando/go-keyring"
)

// World is what lies outside: variables, files, commands, the keyring. Tests
// bring their own. A field that is nil has nothing.
type World struct {
	Env           func(name string) (string, bool)
	Open          func(path string) (fs.File, error)
	UserConfigDir func() (string, error)
	Stdin         io.Reader
	Run           func(ctx context.Context, argv []string) ([]byte, error) // gives standard output
	Keyring       Keyring
	Owner         func(fs.FileInfo) Ownership
	Now           func() time.Time // nil: the clock
}

// Keyring keeps passwords for the user who is logged in. An entry is found by
// service and account; the service is KeyringService unless another is named.
type Keyring interface {
	Get(service, account string) (string, error)
	Set(service, account, password string) error
	Delete(service, account string) error
}

// KeyringService is the service under which passwords are kept unless another is named.
const KeyringService = "smtpdx"

// IsNotFound tells whether the keyring works and has no such entry.
func IsNotFound(err error) bool { return errors.Is(err, keyring.ErrNotFound) }

// Ownership is what the file system says of a file; all false where it says
// nothing, as on Windows.
type Ownership struct {
	Foreign        bool // another user owns it, and that is not root
	OthersMayWrite bool // group or world
	OthersMayRead  bool // group or world
}

// Bounds of what is read, in bytes.
const (
	maxFile   = 4 << 20 // a settings file or certificates
	maxSecret = 64 << 10
)

// commandTime is how long a password command may take.
const commandTime = 30 * time.Second

// Real is this computer, without variables and standard input: those belong to
// the process and its caller.
func Real() World {
	return World{
		Open:          func(path string) (fs.File, error) { return os.Open(path) }, //nolint:gosec // the user names the file
		UserConfigDir: os.UserConfigDir, Run: runCommand, Keyring: systemKeyring{}, Owner: owner,
	}
}

func (w World) variable(name string) string {
	if w.Env == nil {
		return ""
	}
	text, _ := w.Env(name)
	return text
}

func (w World) now() time.Time {
	if w.Now == nil {
		return time.Now()
	}
	return w.Now()
}

func (w World) owner(info fs.FileInfo) Ownership {
	if w.Owner == nil || info == nil {
		return Ownership{}
	}
	return w.Owner(info)
}

var errTooLarge = errors.New("it is too large")

// readAll reads at most limit bytes.
func readAll(r io.Reader, limit int) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(raw) > limit {
		err = errTooLarge
	}
	return raw, err
}

// readPath reads a file, or standard input where "-" stands for it; purpose
// names what is read, in case two things want standard input.
func (l *loader) readPath(path, purpose string, limit int) ([]byte, error) {
	if path == "-" {
		return l.readStdin(purpose, limit)
	}
	if l.world.Open == nil {
		return nil, fs.ErrNotExist
	}
	return await(l.ctx, func() ([]byte, error) {
		file, err := l.world.Open(path)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		return readAll(file, limit)
	})
}

// stdinTwiceError tells that standard input was read for something else.
type stdinTwiceError struct{ before string }

func (e *stdinTwiceError) Error() string {
	return "standard input was read already, for " + e.before
}

func (l *loader) readStdin(purpose string, limit int) ([]byte, error) {
	if l.stdin != "" {
		return nil, &stdinTwiceError{l.stdin}
	}
	l.stdin = purpose
	if l.world.Stdin == nil {
		return nil, nil
	}
	return await(l.ctx, func() ([]byte, error) { return readAll(l.world.Stdin, limit) })
}

// await waits for something that may hang, a pipe or a keyring that asks a
// person, no longer than ctx. Such a call cannot be stopped: its goroutine
// ends with it, or with the process that was interrupted.
func await[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := do()
		done <- outcome{value, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// reason is the part of a file's error that says why, without the path.
func reason(err error) string {
	var twice *stdinTwiceError
	var path *fs.PathError
	var command *commandError
	switch {
	case errors.As(err, &twice), errors.Is(err, errTooLarge), errors.As(err, &command):
		return err.Error()
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	case errors.As(err, &path):
		return path.Err.Error()
	}
	return "it cannot be opened"
}

// commandError says how a password command failed, in words that are safe: an
// exit status, never what the command printed or how it was called.
type commandError struct{ text string }

func (e *commandError) Error() string { return e.text }

// runCommand runs a password command without a shell. What it says on standard
// error goes to nobody, since it may repeat the password.
func runCommand(ctx context.Context, argv []string) ([]byte, error) {
	limit, cancel := context.WithTimeoutCause(ctx, commandTime, &commandError{fmt.Sprintf("it did not end within %v", commandTime)})
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(limit, argv[0], argv[1:]...) //nolint:gosec // the user names the command
	cmd.Stdout = &limited{buf: &out}
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var status *exec.ExitError
	switch {
	case err == nil:
		return out.Bytes(), nil
	case limit.Err() != nil, interrupted(ctx, status, err):
		return nil, context.Cause(limit)
	case errors.As(err, &status) && status.ExitCode() >= 0:
		return nil, &commandError{fmt.Sprintf("it ended with exit status %d", status.ExitCode())}
	case errors.As(err, &status):
		return nil, &commandError{"it was killed by a signal"}
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return nil, &commandError{"there is no such program"}
	case errors.Is(err, fs.ErrPermission):
		return nil, &commandError{"the program may not be run"}
	}
	return nil, &commandError{"it could not be run"}
}

// interrupted tells whether a signal that ended the command is about to end
// this program as well: Ctrl-C reaches both, in any order.
func interrupted(ctx context.Context, status *exec.ExitError, err error) bool {
	if !errors.As(err, &status) || status.ExitCode() >= 0 {
		return false
	}
	select {
	case <-ctx.Done():
		return true
	case <-time.After(200 * time.Millisecond):
		return false
	}
}

// limited keeps what a secret may have, and one byte more.
type limited struct{ buf *bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := maxSecret + 1 - l.buf.Len(); room > 0 {
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
