package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// accepted holds the SPDX names of the licences a linked module may have.
func accepted(id string) bool {
	return slices.Contains([]string{"MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Apache-2.0"}, id)
}

// leastCovered is how much of a licence file, in per cent of its words, must be
// a known licence. The rest is the copyright lines and a heading; a file with
// an added clause stays under it or is named by a licence that is not accepted.
const leastCovered = 75

// write writes the notices of the modules, or fails on the first module without
// a licence file or with a licence that is not accepted.
func write(w io.Writer, modules []module) error {
	fmt.Fprintf(w, "smtpdx contains the following software of others, under the licences below.\n")
	for _, m := range modules {
		if err := writeModule(w, m); err != nil {
			return fmt.Errorf("%s: %w", m.name(), err)
		}
	}
	return nil
}

func writeModule(w io.Writer, m module) error {
	files, err := licenceFiles(m)
	if err != nil {
		return err
	}
	known := false
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(m.Root, file)
		if err != nil {
			return err
		}
		ids := "notice"
		if isLicence(file) {
			if ids, err = identify(text); err != nil {
				return fmt.Errorf("%s: %w", relative, err)
			}
			known = true
		}
		fmt.Fprintf(w, "\n%s\n%s: %s (%s)\n%s\n\n%s\n", strings.Repeat("=", 78), m.name(),
			filepath.ToSlash(relative), ids, strings.Repeat("=", 78), strings.TrimSpace(string(text)))
	}
	if !known {
		return fmt.Errorf("no licence file in %s", m.Root)
	}
	return nil
}

// identify names the licences in text, joined by " and ".
func identify(text []byte) (string, error) {
	cover := licensecheck.Scan(text)
	var ids []string
	for _, match := range cover.Match {
		if !accepted(match.ID) {
			return "", fmt.Errorf("licence %s is not accepted", match.ID)
		}
		if !slices.Contains(ids, match.ID) {
			ids = append(ids, match.ID)
		}
	}
	if len(ids) == 0 {
		return "", fmt.Errorf("unknown licence")
	}
	if cover.Percent < leastCovered {
		return "", fmt.Errorf("only %.0f %% of the text is a known licence (%s)", cover.Percent, strings.Join(ids, ", "))
	}
	return strings.Join(ids, " and "), nil
}

// licenceFiles returns the licence and notice files that govern the linked
// packages of m: those in the folder of each package and in every folder above
// it, up to the module's root.
func licenceFiles(m module) ([]string, error) {
	if m.Root == "" {
		return nil, fmt.Errorf("not in the module cache; run go mod download")
	}
	var files []string
	seen := map[string]bool{}
	for _, folder := range m.Folders {
		for ; !seen[folder]; folder = filepath.Dir(folder) {
			seen[folder] = true
			here, err := os.ReadDir(folder)
			if err != nil {
				return nil, err
			}
			for _, entry := range here {
				path := filepath.Join(folder, entry.Name())
				if entry.Type().IsRegular() && (isLicence(path) || isNotice(path)) {
					files = append(files, path)
				}
			}
			if folder == m.Root {
				break
			}
		}
	}
	slices.Sort(files)
	return files, nil
}

func isLicence(path string) bool {
	return named(path, "LICENSE") || named(path, "LICENCE") || named(path, "COPYING")
}

func isNotice(path string) bool {
	return named(path, "NOTICE") || named(path, "COPYRIGHT") || named(path, "PATENTS")
}

// named tells whether the file's name is word, or begins with it and goes on
// as LICENSE.txt, LICENSE-MIT and license_bsd do; licence.go is source.
func named(path, word string) bool {
	name := strings.ToUpper(filepath.Base(path))
	rest, found := strings.CutPrefix(name, word)
	return found && !strings.HasSuffix(name, ".GO") && (rest == "" || strings.ContainsAny(rest[:1], ".-_"))
}
