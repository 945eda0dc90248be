package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// answers are what a person entered in the form; the texts of the settings flags.
type answers struct {
	host, port, encryption, account, from string
}

// finder looks for the settings of a mail address, and says in words what it found.
type finder func(ctx context.Context, address string) (answers, string, error)

// fillForm asks for the settings in the order of the forms people know them
// from. Who enters an address has its settings looked for, and offered.
func fillForm(ctx context.Context, ask asker, out io.Writer, find finder) (answers, error) {
	fmt.Fprint(out, "No settings given, so I ask. Enter takes the value in [ ], Ctrl-C stops.\n\n")
	f := form{ctx: ctx, ask: ask, out: out}
	a := f.settings(f.address("  Host (or your mail address)", find))
	if f.err != nil {
		return answers{}, f.err
	}
	fmt.Fprintln(out)
	if a.account != "" {
		fmt.Fprint(out, "Checking; I ask for the password when the server is ready for it.\n\n")
	}
	return a, nil
}

// settings asks for each of the settings; what was found is offered.
func (f *form) settings(found answers) answers {
	var a answers
	port := ""
	a.host = f.until("  Host", found.host, func(s string) string {
		switch {
		case s == "":
			return "The name of the mail server, for example smtp.example.com."
		case withUser(s):
			return noUser
		case isAddress(s):
			return "That is an address. The name of the mail server is wanted, for example smtp.example.com."
		}
		return ""
	})
	if a.host != found.host {
		found.port, found.encryption = "", ""
	}
	if scheme, rest, isURL := strings.Cut(a.host, "://"); isURL {
		a.host = strings.TrimRight(rest, "/")
		if strings.EqualFold(scheme, "smtps") {
			found.port, found.encryption = "465", "ssl"
		}
	}
	if host, p, err := net.SplitHostPort(a.host); err == nil && checkPort(p) == "" {
		a.host, port = host, p
	}
	if port == "" {
		port = cmp.Or(found.port, "587")
	}
	if found.encryption == "ssl" && found.port == "465" {
		found.port = port // smtps:// with a port of its own
	}
	a.port = f.until("  Port", port, checkPort)
	usual := usualEncryption(a.port)
	if a.port == found.port {
		usual = formEncryption(found.encryption)
	}
	a.encryption = encryptionWord(f.until("  Encryption, SSL or TLS/STARTTLS", usual, func(s string) string {
		if encryptionWord(s) == "" {
			return "SSL (TLS from the first byte), TLS/STARTTLS, or none."
		}
		return ""
	}))
	a.account = f.until("  Account (- for no login)", found.account, func(s string) string {
		if s == "" {
			return "Usually the full mail address; - if the server wants no login."
		}
		return ""
	})
	sender := found.from
	if a.account == "-" {
		a.account = ""
	}
	if sender == "" && strings.Contains(a.account, "@") {
		sender = a.account
	}
	a.from = f.until("  Sender address, if another", sender, func(s string) string {
		if s != "" && !isAddress(s) {
			return "A mail address, for example jobs@example.com."
		}
		return ""
	})
	if a.from == a.account {
		a.from = ""
	}
	return a
}

// address asks for the host, and where a mail address is entered looks for its
// settings; then the host is asked for again, with what was found.
func (f *form) address(question string, find finder) answers {
	typed := f.until(question, "", func(s string) string {
		if withUser(s) {
			return noUser
		}
		if s == "" || isAddress(s) && find == nil {
			return "The name of the mail server, for example smtp.example.com."
		}
		return ""
	})
	if f.err != nil || !isAddress(typed) {
		f.typed = typed
		return answers{}
	}
	found, words, err := find(f.ctx, typed)
	switch {
	case f.ctx.Err() != nil:
		f.err = f.ctx.Err()
	case err != nil:
		fmt.Fprintf(f.out, "    %v\n", err)
		found.account, found.from = typed, typed
	default:
		fmt.Fprintf(f.out, "    %s\n", words)
	}
	return found
}

const noUser = "Without a user name or password: smtps://smtp.example.com. Both are asked for later."

// withUser tells a URL with a user name in it, and perhaps a password.
func withUser(s string) bool { return strings.Contains(s, "://") && strings.Contains(s, "@") }

// formEncryption is the word of forms for an encryption.
func formEncryption(e string) string {
	switch e {
	case "ssl":
		return "SSL"
	case "none":
		return "none"
	}
	return "TLS/STARTTLS"
}

// form asks until an answer fits; after an error it asks nothing more.
type form struct {
	ctx context.Context
	ask asker
	out io.Writer
	err error

	typed string // an answer that stands for the next question
}

// until asks again while refuse has something to say about the answer.
func (f *form) until(question, usual string, refuse func(string) string) string {
	if usual != "" {
		question += " [" + usual + "]"
	}
	if typed := f.typed; typed != "" {
		f.typed = ""
		return typed
	}
	for f.err == nil {
		answer, err := f.ask.Line(f.ctx, question+": ")
		if err != nil {
			f.err = err
			break
		}
		answer = strings.TrimSpace(answer)
		if answer == "" {
			answer = usual
		}
		complaint := refuse(answer)
		if complaint == "" {
			return answer
		}
		fmt.Fprintf(f.out, "    %s\n", complaint)
	}
	return ""
}

func checkPort(s string) string {
	if n, err := strconv.Atoi(s); err != nil || n < 1 || n > 65535 {
		return "A number from 1 to 65535; usual are 587, 465 and 25."
	}
	return ""
}

// usualEncryption is what forms show beside a port.
func usualEncryption(port string) string {
	if strings.TrimLeft(port, "0") == "465" {
		return "SSL"
	}
	return "TLS/STARTTLS"
}

// encryptionWord reads the words of forms as the setting's value, "" for an unknown one.
func encryptionWord(s string) string {
	switch strings.ToLower(s) {
	case "ssl", "ssl/tls", "smtps", "implicit":
		return "ssl"
	case "tls", "starttls", "tls/starttls":
		return "starttls"
	case "none", "no", "off":
		return "none"
	}
	return ""
}

// choose asks for one of several names.
func choose(ctx context.Context, ask asker, out io.Writer, question string, names []string) (string, error) {
	f := form{ctx: ctx, ask: ask, out: out}
	chosen := f.until(question+" ("+strings.Join(names, ", ")+")", names[0], func(s string) string {
		for _, name := range names {
			if s == name {
				return ""
			}
		}
		return "One of: " + strings.Join(names, ", ") + "."
	})
	return chosen, f.err
}
