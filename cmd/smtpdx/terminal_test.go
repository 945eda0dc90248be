package main

import (
	"os"
	"path/filepath"
	"testing"
)

func environment(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func TestColourFollowsTheEnvironment(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{}, true},
		{map[string]string{"NO_COLOR": ""}, true},
		{map[string]string{"NO_COLOR": "1"}, false},
		{map[string]string{"CLICOLOR": "0"}, false},
		{map[string]string{"CLICOLOR": "1"}, true},
		{map[string]string{"TERM": "dumb"}, false},
		{map[string]string{"TERM": "xterm"}, true},
	} {
		if got := mayColor(environment(c.env)); got != c.want {
			t.Errorf("%v: %v, want %v", c.env, got, c.want)
		}
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got := lookAtTerminal(file, file, environment(map[string]string{"LANG": "C.UTF-8", "COLUMNS": "44"}))
	if got.outTTY || got.errTTY || got.color {
		t.Errorf("%+v", got)
	}
	if questionScreen(file, file) != nil {
		t.Error("a file can be asked")
	}
	if got.width != 44 {
		t.Errorf("width %d, want the 44 of COLUMNS", got.width)
	}
	if got := width(file, false, environment(map[string]string{"COLUMNS": "wide"})); got != plainWidth {
		t.Errorf("width %d without a terminal", got)
	}
}

func TestLocaleOrderIsThatOfPOSIX(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{}, false},
		{map[string]string{"LANG": "de_DE.UTF-8"}, true},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, false},
		{map[string]string{"LANG": "C", "LC_CTYPE": "en_US.utf8"}, true},
	} {
		if got := isUTF8Locale(environment(c.env)); got != c.want {
			t.Errorf("%v: %v, want %v", c.env, got, c.want)
		}
	}
}
