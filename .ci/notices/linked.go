package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// module is a module with at least one package in the program.
type module struct {
	Path, Version string
	// Root is the folder of the module; Folders are those of its linked packages.
	Root    string
	Folders []string
}

func (m module) name() string { return strings.TrimSpace(m.Path + " " + m.Version) }

// listed is what go list says of one package.
type listed struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Version, Dir string
		Main               bool
		Replace            *struct{ Path, Version, Dir string }
	}
}

// linked returns the modules that are linked into pkg on any of the targets
// (GOOS/GOARCH), sorted by path, Go's own standard library first.
func linked(dir, pkg string, targets []string) ([]module, error) {
	found := map[string]*module{}
	for _, target := range targets {
		packages, err := list(dir, pkg, target)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			collect(found, p)
		}
	}
	goroot, err := goRoot(dir)
	if err != nil {
		return nil, err
	}
	all := []module{{Path: "Go", Version: runtime.Version(), Root: goroot, Folders: []string{goroot}}}
	var others []module
	for _, m := range found {
		others = append(others, *m)
	}
	if len(others) == 0 {
		return nil, fmt.Errorf("%s links no module but its own: is that the right package?", pkg)
	}
	slices.SortFunc(others, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	return append(all, others...), nil
}

func collect(found map[string]*module, p listed) {
	if p.Standard || p.Module == nil || p.Module.Main {
		return
	}
	m := module{Path: p.Module.Path, Version: p.Module.Version, Root: p.Module.Dir}
	if r := p.Module.Replace; r != nil {
		m = module{Path: r.Path, Version: r.Version, Root: r.Dir}
	}
	if found[m.Path] == nil {
		found[m.Path] = &m
	}
	known := found[m.Path]
	if !slices.Contains(known.Folders, p.Dir) {
		known.Folders = append(known.Folders, p.Dir)
	}
}

func list(dir, pkg, target string) ([]listed, error) {
	goos, goarch, ok := strings.Cut(target, "/")
	if !ok {
		return nil, fmt.Errorf("%q is not GOOS/GOARCH", target)
	}
	cmd := exec.Command("go", "list", "-deps", "-json=Dir,Standard,Module", pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list for %s: %w", target, err)
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages, nil
		}
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", target, err)
		}
		packages = append(packages, p)
	}
}

func goRoot(dir string) (string, error) {
	cmd := exec.Command("go", "env", "GOROOT")
	cmd.Dir = dir
	output, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	return filepath.Clean(strings.TrimSpace(string(output))), nil
}
