package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const mit = `MIT License

Copyright (c) 2026 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`

const gpl = `This program is free software: you can redistribute it and/or modify
it under the terms of the GNU General Public License as published by the Free
Software Foundation, either version 3 of the License, or (at your option) any
later version.
`

func TestKnownLicencesAreNamed(t *testing.T) {
	apache, err := os.ReadFile("../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	for want, text := range map[string]string{"MIT": mit, "Apache-2.0": string(apache)} {
		if got, err := identify([]byte(text)); err != nil || got != want {
			t.Errorf("got %q, %v; want %s", got, err, want)
		}
	}
}

func TestOtherLicencesAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"none":            "All rights reserved.",
		"not accepted":    gpl,
		"mixed":           mit + gpl,
		"added condition": mit + strings.Repeat("The Software shall be used for good, on weekdays, and by nobody who competes with us. ", 8),
	} {
		if got, err := identify([]byte(text)); err == nil {
			t.Errorf("%s: taken for %s", name, got)
		}
	}
}

func TestAPackagesOwnLicenceIsIncluded(t *testing.T) {
	root := t.TempDir()
	inner := filepath.Join(root, "inner", "deep")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(root, "LICENSE"), mit)
	put(t, filepath.Join(root, "NOTICE"), "Contains work of Example.")
	put(t, filepath.Join(root, "inner", "LICENSE-MIT.txt"), mit)
	put(t, filepath.Join(inner, "license.go"), "package deep")

	var out bytes.Buffer
	m := module{Path: "example", Version: "v1.0.0", Root: root, Folders: []string{inner}}
	if err := write(&out, []module{m}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"example v1.0.0: LICENSE (MIT)", "inner/LICENSE-MIT.txt (MIT)", "Contains work of Example."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestAModuleWithoutLicenceIsRefused(t *testing.T) {
	root := t.TempDir()
	put(t, filepath.Join(root, "NOTICE"), "no licence here")
	m := module{Path: "example", Version: "v1.0.0", Root: root, Folders: []string{root}}
	if err := write(&bytes.Buffer{}, []module{m}); err == nil || !strings.Contains(err.Error(), "example v1.0.0: no licence file") {
		t.Errorf("got %v", err)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
