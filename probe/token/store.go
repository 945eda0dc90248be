package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/zalando/go-keyring"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// Store keeps refresh tokens, each under the name of an entry. Get of what is
// not there gives an unset Value.
type Store interface {
	Get(ctx context.Context, entry string) (secret.Value, error)
	Set(ctx context.Context, entry string, refresh secret.Value) error
	Delete(ctx context.Context, entry string) error
}

// Keyring keeps secrets for the user who is logged in.
type Keyring interface {
	Get(service, account string) (string, error)
	Set(service, account, secret string) error
	Delete(service, account string) error
}

// KeyringService is the service under which the keyring has refresh tokens.
const KeyringService = "smtpdx-oauth"

// ErrNoKeyring tells that the keyring does not work here, as on most computers
// without a desktop.
var ErrNoKeyring = errors.New("the system's keyring does not work here; name a file that may keep it: --token-cache FILE")

var errKeyringFull = errors.New("the token is too long for the system's keyring; name a file that may keep it: --token-cache FILE")

// InKeyring keeps refresh tokens in the keyring. What a failing keyring says
// is not repeated: it may hold what it was given.
func InKeyring(k Keyring) Store { return inKeyring{k} }

type inKeyring struct{ keyring Keyring }

func (s inKeyring) Get(ctx context.Context, entry string) (secret.Value, error) {
	text, err := await(ctx, func() (string, error) { return s.keyring.Get(KeyringService, entry) })
	if err = keyringError(ctx, err); err != nil || text == "" {
		return secret.Value{}, err
	}
	return secret.New(text), nil
}

func (s inKeyring) Set(ctx context.Context, entry string, refresh secret.Value) error {
	_, err := await(ctx, func() (string, error) { return "", s.keyring.Set(KeyringService, entry, refresh.Reveal()) })
	return keyringError(ctx, err)
}

func (s inKeyring) Delete(ctx context.Context, entry string) error {
	_, err := await(ctx, func() (string, error) { return "", s.keyring.Delete(KeyringService, entry) })
	return keyringError(ctx, err)
}

func keyringError(ctx context.Context, err error) error {
	switch {
	case err == nil, errors.Is(err, keyring.ErrNotFound):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return errKeyringFull
	}
	return ErrNoKeyring
}

// await waits for a keyring no longer than ctx; one that asks a person cannot
// be called back, and its goroutine ends with the answer or the process.
func await(ctx context.Context, do func() (string, error)) (string, error) {
	type outcome struct {
		text string
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		text, err := do()
		done <- outcome{text, err}
	}()
	select {
	case o := <-done:
		return o.text, o.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// CacheError tells that the file for refresh tokens cannot be used.
type CacheError struct {
	Path, Text string
	err        error
}

func (e *CacheError) Error() string { return "token cache " + e.Path + ": " + e.Text }

// Unwrap gives what failed.
func (e *CacheError) Unwrap() error { return e.err }

// InFile keeps refresh tokens in a file that only its owner may read.
func InFile(path string) Store { return inFile{path} }

type inFile struct{ path string }

// cacheSchema marks the file, so that no other is overwritten by mistake.
const cacheSchema = "smtpdx.token-cache/v1"

const maxCache = 1 << 20

// cache is the file's content. It prints as what it is not: the texts are
// secret, and live only while the file is read or written.
type cache struct {
	Schema string            `json:"schema"`
	Tokens map[string]string `json:"refresh_tokens"`
}

func (s inFile) Get(_ context.Context, entry string) (secret.Value, error) {
	c, err := s.read()
	if err != nil || c.Tokens[entry] == "" {
		return secret.Value{}, err
	}
	return secret.New(c.Tokens[entry]), nil
}

func (s inFile) Set(_ context.Context, entry string, refresh secret.Value) error {
	c, err := s.read()
	if err != nil {
		return err
	}
	c.Tokens[entry] = refresh.Reveal()
	return s.write(c)
}

func (s inFile) Delete(_ context.Context, entry string) error {
	c, err := s.read()
	if err != nil {
		return err
	}
	if _, kept := c.Tokens[entry]; !kept {
		return nil
	}
	delete(c.Tokens, entry)
	return s.write(c)
}

func (s inFile) fail(err error, format string, args ...any) *CacheError {
	return &CacheError{Path: s.path, Text: fmt.Sprintf(format, args...), err: err}
}

// read gives an empty cache where there is no file.
func (s inFile) read() (cache, error) {
	empty := cache{Schema: cacheSchema, Tokens: map[string]string{}}
	info, err := os.Lstat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return empty, nil
	case err != nil:
		return cache{}, s.fail(err, "%s", reason(err))
	}
	if err := s.guard(info); err != nil {
		return cache{}, err
	}
	text, err := s.load(info)
	if err != nil {
		return cache{}, err
	}
	if len(text) == 0 {
		return empty, nil
	}
	var c cache
	if json.Unmarshal(text, &c) != nil || c.Schema != cacheSchema {
		return cache{}, s.fail(nil, "this is another file, or it is damaged; it is left as it is")
	}
	if c.Tokens == nil {
		c.Tokens = empty.Tokens
	}
	return c, nil
}

// guard refuses a file that others could have written or can read.
func (s inFile) guard(info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return s.fail(nil, "this is no plain file")
	case isForeign(info):
		return s.fail(nil, "it belongs to another user")
	case isOpen(info):
		return s.fail(nil, "others may read it (mode %04o); chmod 600 makes it yours, and what was in it should be withdrawn", info.Mode().Perm())
	}
	return nil
}

// load reads the very file that was looked at.
func (s inFile) load(looked fs.FileInfo) ([]byte, error) {
	file, err := os.Open(s.path)
	if err != nil {
		return nil, s.fail(err, "%s", reason(err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !os.SameFile(info, looked) {
		return nil, s.fail(err, "it changed while it was read")
	}
	text, err := io.ReadAll(io.LimitReader(file, maxCache+1))
	switch {
	case err != nil:
		return nil, s.fail(err, "%s", reason(err))
	case len(text) > maxCache:
		return nil, s.fail(nil, "it is too large to be one")
	}
	return text, nil
}

// write puts a whole new file in the place of the old one.
func (s inFile) write(c cache) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return s.fail(nil, "it cannot be written")
	}
	file, err := os.CreateTemp(filepath.Dir(s.path), ".smtpdx-token-*") // mode 0600
	if err != nil {
		return s.fail(err, "%s", reason(err))
	}
	_, err = file.Write(append(text, '\n'))
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(file.Name(), s.path)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // half a file is worth nothing
		return s.fail(err, "%s", reason(err))
	}
	return nil
}

// reason leaves out the path, which is said already.
func reason(err error) string {
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &at):
		return at.Err.Error()
	case errors.As(err, &link):
		return link.Err.Error()
	}
	return err.Error()
}
