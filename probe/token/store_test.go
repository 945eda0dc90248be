package token

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// ring is a keyring in memory.
type ring struct {
	entries map[string]secret.Value
	fails   error
}

func (r *ring) Get(service, account string) (string, error) {
	text, ok := r.entries[service+"/"+account]
	if !ok && r.fails == nil {
		return "", keyring.ErrNotFound
	}
	return text.Reveal(), r.fails
}

func (r *ring) Set(service, account, text string) error {
	if r.fails == nil {
		r.entries[service+"/"+account] = secret.New(text)
	}
	return r.fails
}

func (r *ring) Delete(service, account string) error {
	if _, ok := r.entries[service+"/"+account]; !ok && r.fails == nil {
		return keyring.ErrNotFound
	}
	delete(r.entries, service+"/"+account)
	return r.fails
}

func TestStoresKeepReplaceAndDelete(t *testing.T) {
	for name, s := range map[string]Store{
		"keyring": InKeyring(&ring{entries: map[string]secret.Value{}}),
		"file":    InFile(filepath.Join(t.TempDir(), "tokens.json")),
	} {
		get := func(entry string) string {
			t.Helper()
			v, err := s.Get(t.Context(), entry)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if v.IsSet() != (v.Reveal() != "") {
				t.Errorf("%s: set and empty", name)
			}
			return v.Reveal()
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if got := get("a"); got != "" {
			t.Errorf("%s: %q out of nothing", name, got)
		}
		must(s.Delete(t.Context(), "a"))
		must(s.Set(t.Context(), "a", secret.New("one")))
		must(s.Set(t.Context(), "b", secret.New("two")))
		must(s.Set(t.Context(), "a", secret.New("three")))
		if a, b := get("a"), get("b"); a != "three" || b != "two" {
			t.Errorf("%s: %q, %q", name, a, b)
		}
		must(s.Delete(t.Context(), "a"))
		if a, b := get("a"), get("b"); a != "" || b != "two" {
			t.Errorf("%s: after the deletion %q, %q", name, a, b)
		}
		hidesSecrets(t, s)
	}
}

func TestFailingKeyringIsSaidWithoutItsWords(t *testing.T) {
	for want, fails := range map[error]error{ErrNoKeyring: errors.New("dbus: cannot store canary"), errKeyringFull: keyring.ErrSetDataTooBig} {
		s := InKeyring(&ring{fails: fails})
		if err := s.Set(t.Context(), "a", secret.New(canaryRefresh)); !errors.Is(err, want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v", err)
		}
	}
}

// hanging is a keyring that waits for a person.
type hanging struct{ ring }

func (*hanging) Get(string, string) (string, error) { select {} }

func TestKeyringThatAsksAPersonEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := InKeyring(&hanging{}).Get(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestCacheFileIsForItsOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing there")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "tokens.json")
	s := InFile(path)
	if err := s.Set(t.Context(), "a", secret.New(canaryRefresh)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("beside it: %v, %v", left, err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o660, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := s.Get(t.Context(), "a")
		var refused *CacheError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "others may read it") {
			t.Errorf("%o: %v", mode, err)
		}
		if err := s.Set(t.Context(), "b", secret.New("x")); !errors.As(err, &refused) {
			t.Errorf("%o: written all the same", mode)
		}
	}
}

func TestOtherFilesAreLeftAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	for name, make := range map[string]func(path string) error{
		"another document": func(p string) error { return os.WriteFile(p, []byte(`{"schema":"x"}`), 0o600) },
		"text":             func(p string) error { return os.WriteFile(p, []byte("host: smtp.example.com\n"), 0o600) },
		"folder":           func(p string) error { return os.Mkdir(p, 0o700) },
		"too large":        func(p string) error { return os.WriteFile(p, []byte(strings.Repeat(" ", maxCache+1)), 0o600) },
		"link": func(p string) error {
			if runtime.GOOS == "windows" {
				return os.WriteFile(p, []byte("x"), 0o600)
			}
			mine := filepath.Join(t.TempDir(), "mine")
			if err := InFile(mine).Set(t.Context(), "b", secret.New("x")); err != nil {
				return err
			}
			return os.Symlink(mine, p)
		},
	} {
		path := filepath.Join(dir, name)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		err := InFile(path).Set(t.Context(), "a", secret.New(canaryRefresh))
		after, _ := os.ReadFile(path)
		var refused *CacheError
		if !errors.As(err, &refused) || string(before) != string(after) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := InFile(filepath.Join(dir, "no", "such", "folder")).Set(t.Context(), "a", secret.New("x")); err == nil {
		t.Error("a folder that does not exist is no error")
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := InFile(empty).Set(t.Context(), "a", secret.New("x")); err != nil {
		t.Errorf("an empty file of the user's own is refused: %v", err)
	}
}
