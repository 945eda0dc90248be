package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

func TestFormAsksInTheOrderOfTheForm(t *testing.T) {
	for _, c := range []struct {
		name  string
		typed []string
		want  answers
	}{
		{"defaults", []string{"smtp.example.com", "", "", "me@example.com", ""},
			answers{"smtp.example.com", "587", "starttls", "me@example.com", ""}},
		{"465 is SSL", []string{"smtp.example.com", "465", "", "me", "me@example.com"},
			answers{"smtp.example.com", "465", "ssl", "me", "me@example.com"}},
		{"the host's own port is the default", []string{"smtp.example.com:2525", "", "", "me", ""},
			answers{"smtp.example.com", "2525", "starttls", "me", ""}},
		{"wrong answers are asked again", []string{"", "me@example.com", "h.example", "x", "0", "70000", "25", "maybe", "none", "", "-", "a@b.example"},
			answers{"h.example", "25", "none", "", "a@b.example"}},
		{"TLS in a form means STARTTLS", []string{"h.example", "587", "TLS", "me", ""},
			answers{"h.example", "587", "starttls", "me", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ask := &scripted{answers: c.typed}
			got, err := fillForm(context.Background(), ask, &bytes.Buffer{})
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
			if len(ask.answers) > 0 {
				t.Errorf("not asked for: %q", ask.answers)
			}
		})
	}
}

func TestFormEndsWithTheInput(t *testing.T) {
	if _, err := fillForm(context.Background(), &scripted{answers: []string{"h.example"}}, &bytes.Buffer{}); !errors.Is(err, errNoAnswer) {
		t.Errorf("error %v", err)
	}
}

func TestReadLineLeavesTheNextLineAlone(t *testing.T) {
	in := strings.NewReader("smtp.example.com\r\n587\nlast")
	for _, want := range []string{"smtp.example.com", "587", "last"} {
		if got, err := readLine(in); err != nil || got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	if _, err := readLine(in); !errors.Is(err, errNoAnswer) {
		t.Errorf("error %v at the end", err)
	}
	if _, err := readLine(strings.NewReader(strings.Repeat("x", longestAnswer+1))); err == nil {
		t.Error("an endless line is taken")
	}
}
