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
		{"a URL says the encryption", []string{"smtps://h.example", "", "", "me", ""},
			answers{"h.example", "465", "ssl", "me", ""}},
		{"a URL with a port", []string{"SMTPS://h.example:2465/", "", "", "me", ""},
			answers{"h.example", "2465", "ssl", "me", ""}},
		{"a URL without TLS", []string{"smtp://h.example:25", "", "", "me", ""},
			answers{"h.example", "25", "starttls", "me", ""}},
		{"a URL with a password is not taken", []string{"smtps://u:secret@h.example", "h.example", "", "", "me", ""},
			answers{"h.example", "587", "starttls", "me", ""}},
		{"a sender is an address", []string{"h.example", "", "", "me", "no", "b@c.example"},
			answers{"h.example", "587", "starttls", "me", "b@c.example"}},
		{"TLS in a form means STARTTLS", []string{"h.example", "587", "TLS", "me", ""},
			answers{"h.example", "587", "starttls", "me", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ask := &scripted{answers: c.typed}
			got, err := fillForm(context.Background(), ask, &bytes.Buffer{}, nil)
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
	if _, err := fillForm(context.Background(), &scripted{answers: []string{"h.example"}}, &bytes.Buffer{}, nil); !errors.Is(err, errNoAnswer) {
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

func TestFormOffersWhatIsFoundForAnAddress(t *testing.T) {
	t.Parallel()
	find := func(_ context.Context, address string) (answers, string, error) {
		if address != "me@example.com" {
			return answers{}, "", errors.New("no settings were found")
		}
		return answers{host: "smtp.example.net", port: "465", encryption: "ssl", account: "me@example.com", from: "me@example.com"}, "example.com is at Example", nil
	}
	for _, c := range []struct {
		name  string
		typed []string
		want  answers
		says  string
	}{
		{"all taken", []string{"me@example.com", "", "", "", "", ""}, answers{"smtp.example.net", "465", "ssl", "me@example.com", ""}, "example.com is at Example"},
		{"another host has its own port", []string{"me@example.com", "other.example", "", "", "", ""}, answers{"other.example", "587", "starttls", "me@example.com", ""}, ""},
		{"another port has its own encryption", []string{"me@example.com", "", "587", "", "", ""}, answers{"smtp.example.net", "587", "starttls", "me@example.com", ""}, ""},
		{"nothing found", []string{"you@example.org", "h.example", "", "", "", ""}, answers{"h.example", "587", "starttls", "you@example.org", ""}, "no settings were found"},
		{"a host", []string{"h.example", "", "", "me", ""}, answers{"h.example", "587", "starttls", "me", ""}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ask, out := &scripted{answers: c.typed}, &bytes.Buffer{}
			got, err := fillForm(context.Background(), ask, out, find)
			if err != nil || got != c.want || !strings.Contains(out.String(), c.says) {
				t.Errorf("got %+v, %v\nwant %+v\n%s", got, err, c.want, out)
			}
			if len(ask.answers) > 0 {
				t.Errorf("not asked for: %q", ask.answers)
			}
		})
	}
}
