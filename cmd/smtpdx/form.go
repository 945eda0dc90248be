package main

import (
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

// fillForm asks for the settings in the order of the forms people know them from.
func fillForm(ctx context.Context, ask asker, out io.Writer) (answers, error) {
	fmt.Fprint(out, "No settings given, so I ask. Enter takes the value in [ ], Ctrl-C stops.\n\n")
	f := form{ctx: ctx, ask: ask, out: out}
	var a answers
	port := ""
	a.host = f.until("  Host", "", func(s string) string {
		switch {
		case s == "":
			return "The name of the mail server, for example smtp.example.com."
		case strings.Contains(s, "@") && !strings.Contains(s, "://"):
			return "That is an address. The name of the mail server is wanted, for example smtp.example.com."
		}
		return ""
	})
	if host, p, err := net.SplitHostPort(a.host); err == nil && !strings.Contains(host, "://") {
		a.host, port = host, p
	}
	if port == "" {
		port = "587"
	}
	a.port = f.until("  Port", port, checkPort)
	a.encryption = encryptionWord(f.until("  Encryption, SSL or TLS/STARTTLS", usualEncryption(a.port), func(s string) string {
		if encryptionWord(s) == "" {
			return "SSL (TLS from the first byte), TLS/STARTTLS, or none."
		}
		return ""
	}))
	a.account = f.until("  Account (- for no login)", "", func(s string) string {
		if s == "" {
			return "Usually the full mail address; - if the server wants no login."
		}
		return ""
	})
	sender := ""
	if a.account == "-" {
		a.account = ""
	}
	if strings.Contains(a.account, "@") {
		sender = a.account
	}
	a.from = f.until("  Sender address, if another", sender, func(string) string { return "" })
	if a.from == a.account {
		a.from = ""
	}
	if f.err != nil {
		return answers{}, f.err
	}
	fmt.Fprintln(out)
	if a.account != "" {
		fmt.Fprint(out, "Checking; I ask for the password when the server is ready for it.\n\n")
	}
	return a, nil
}

// form asks until an answer fits; after an error it asks nothing more.
type form struct {
	ctx context.Context
	ask asker
	out io.Writer
	err error
}

// until asks again while refuse has something to say about the answer.
func (f *form) until(question, usual string, refuse func(string) string) string {
	if usual != "" {
		question += " [" + usual + "]"
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
