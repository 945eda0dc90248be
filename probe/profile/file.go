package profile

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// document is a settings file.
type document struct {
	file     string
	single   bool // one profile without a name, at ""
	names    []string
	profiles map[string]*layer
}

// only gives the one profile that is meant when none is named, or nil.
func (d *document) only() (string, *layer) {
	switch {
	case d.single:
		return "", d.profiles[""]
	case len(d.names) == 1:
		return d.names[0], d.profiles[d.names[0]]
	case d.profiles["default"] != nil:
		return "default", d.profiles["default"]
	}
	return "", nil
}

// layer is what a file says of one profile: values by YAML key.
type layer struct {
	origin fileOrigin
	values map[string]value
	wrong  *UsageError // why this profile cannot be used
}

// fileOrigin is where a settings file comes from.
type fileOrigin struct {
	path  string // "-" for standard input
	named bool   // by the user, with -c
	owner Ownership
}

// beside gives a path that stands in the file, which is relative to it.
func (f fileOrigin) beside(path string) string {
	if path == "-" || f.path == "-" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(f.path), path)
}

// value is one setting as it was written.
type value struct {
	text   string
	list   []string
	source *Source
	inbox  map[string]value // of the key inbox
	origin probe.Origin
	at     string // file:line:column, or the flag's or variable's name
	level  int
	file   *fileOrigin // nil: not from a file
}

// Levels of sources; a higher one goes before a lower.
const (
	levelFile = iota + 1
	levelEnv
	levelFlag
)

// readFile reads the settings file, if one is to be read: none when the server
// comes from the command line, unless a file or profile is named.
func (l *loader) readFile(targets []target) (*document, error) {
	if l.flags.Config != "" {
		return l.readNamed(l.flags.Config)
	}
	if l.namesServer(targets) && !namesProfile(targets) && !l.flags.All {
		return nil, nil
	}
	return l.readFoundOnes()
}

// readFoundOnes reads the first file that stands at a default place; nil: none does.
func (l *loader) readFoundOnes() (*document, error) {
	places := []string{"smtpdx.yaml"}
	if l.world.UserConfigDir != nil {
		if dir, err := l.world.UserConfigDir(); err == nil {
			places = append(places, filepath.Join(dir, "smtpdx", "smtpdx.yaml"))
		}
	}
	for _, path := range places {
		if doc, err := l.readFound(path); doc != nil || err != nil {
			return doc, err
		}
	}
	return nil, nil
}

func (l *loader) readNamed(path string) (*document, error) {
	if path == "-" {
		raw, err := l.readStdin("the settings (-c -)", maxFile)
		if err != nil {
			return nil, unreadable("standard input", err)
		}
		return parseFile(fileOrigin{path: "-", named: true}, raw)
	}
	file, info, err := l.open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return l.parse(file, fileOrigin{path: path, named: true, owner: l.world.owner(info)})
}

// readFound reads a file at one of the default places, if there is one. What
// others could have written is not read: it says where credentials go.
func (l *loader) readFound(path string) (*document, error) {
	file, info, err := l.open(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(path, err)
	}
	owner := l.world.owner(info)
	switch {
	case owner.Foreign:
		_ = file.Close()
		return nil, usage("Read it, and name it with -c "+path+" if it is to be trusted.", "%s is not read: it belongs to another user", path)
	case owner.OthersMayWrite:
		_ = file.Close()
		return nil, usage("chmod go-w "+path+", or name it with -c "+path+" if it is to be trusted.", "%s is not read: others may write to it", path)
	}
	return l.parse(file, fileOrigin{path: path, owner: owner})
}

// open gives a file with what the system says of this very file.
func (l *loader) open(path string) (fs.File, fs.FileInfo, error) {
	if l.world.Open == nil {
		return nil, nil, fs.ErrNotExist
	}
	file, err := await(l.ctx, func() (fs.File, error) { return l.world.Open(path) })
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

func (l *loader) parse(file fs.File, origin fileOrigin) (*document, error) {
	defer func() { _ = file.Close() }()
	raw, err := await(l.ctx, func() ([]byte, error) { return readAll(file, maxFile) })
	if err != nil {
		return nil, unreadable(origin.path, err)
	}
	return parseFile(origin, raw)
}

func unreadable(path string, err error) *UsageError {
	hint := "See whether the path is right and the file may be read."
	if strings.HasPrefix(path, "~") {
		hint = tildeHint
	}
	return usage(hint, "the settings cannot be read from %s: %s", path, reason(err))
}

const tildeHint = "~ is the shell's word for the home folder and means nothing here; write the whole path."
