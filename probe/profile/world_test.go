package profile

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/zalando/go-keyring"

	"github.com/smtpdx/smtpdx/probe"
)

// canary is a password that no message may hold.
const canary = "Pa55-canary-ünï"

// desk is a computer with a few files, for tests.
type desk struct {
	files   map[string]string
	vars    map[string]string
	stdin   string
	keyring map[string]string // by service and account
	owners  map[string]Ownership
	ran     [][]string
	runs    func(argv []string) ([]byte, error)
}

func (d *desk) world() World {
	return World{
		Env:           func(name string) (string, bool) { v, ok := d.vars[name]; return v, ok },
		Open:          d.open,
		UserConfigDir: func() (string, error) { return "/home/me/.config", nil },
		Stdin:         strings.NewReader(d.stdin),
		Run:           d.run,
		Keyring:       d,
		Owner:         func(info fs.FileInfo) Ownership { return d.owners[info.Name()] },
	}
}

func (d *desk) open(path string) (fs.File, error) {
	text, ok := d.files[filepath.ToSlash(path)]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	name := filepath.Base(path)
	return fstest.MapFS{name: {Data: []byte(text)}}.Open(name)
}

func (d *desk) run(_ context.Context, argv []string) ([]byte, error) {
	d.ran = append(d.ran, argv)
	if d.runs == nil {
		return nil, &commandError{"there is no such program"}
	}
	return d.runs(argv)
}

func (d *desk) Get(service, account string) (string, error) {
	if v, ok := d.keyring[service+"/"+account]; ok {
		return v, nil
	}
	if d.keyring == nil {
		return "", errors.New("the bus says " + canary)
	}
	return "", keyring.ErrNotFound
}

func (d *desk) Set(string, string, string) error { return errors.New("not here") }
func (d *desk) Delete(string, string) error      { return errors.New("not here") }

// one loads what must be one set of settings.
func (d *desk) one(t *testing.T, f Flags) probe.Settings {
	t.Helper()
	all, err := Load(t.Context(), f, d.world())
	if err != nil {
		t.Fatalf("%v", err)
	}
	if len(all) != 1 {
		t.Fatalf("%d sets of settings", len(all))
	}
	return all[0]
}

// refusal loads what must not be usable and gives the words for it.
func (d *desk) refusal(t *testing.T, f Flags) (text, hint string) {
	t.Helper()
	all, err := Load(t.Context(), f, d.world())
	var wrong *UsageError
	switch {
	case errors.As(err, &wrong):
		return wrong.Text, wrong.Hint
	case err != nil:
		return err.Error(), ""
	case all[0].Refused != nil:
		return all[0].Refused.Text, all[0].Refused.Hint
	}
	t.Fatalf("accepted: %+v", all[0].Shown())
	return "", ""
}

func mustHold(t *testing.T, where, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Errorf("%s does not hold %q:\n%s", where, part, text)
	}
}

func observations(s probe.Settings) string {
	var all []string
	for _, r := range s.Remarks {
		all = append(all, r.Observation)
	}
	return strings.Join(all, " ")
}
