package mask

import (
	"strings"
)

// An address in a text; @ can stand as xtext (RFC 3461 section 4) or
// quoted-printable. What stands before a = is not part of it, so that rewritten
// senders (SRS0=HASH=TT=acme.example=jobs@forwarder.example, prvs=TAG=jobs@...)
// come apart.
const (
	localPart = `"[^"\n]{1,64}"|[\pL\pN_](?:[\pL\pN._+'~-]*[\pL\pN_+-])?`
	atSign    = `@|\+40|=40`
	mailHost  = `\[[^\]\s]{2,60}\]|[\pL\pN](?:[\pL\pN.-]*[\pL\pN])?`
)

var (
	addressPattern = compiled(`(` + localPart + `)(` + atSign + `)(` + mailHost + `)`)
	homePattern    = compiled(`(?i)((?:/home/|[\\/]+Users[\\/]+|[\\/]+Documents and Settings[\\/]+))([^\\/:"'<>|\r\n]*[^\\/:"'<>|\s])`)
)

// addresses replaces mail addresses.
func (m *Masker) addresses(s string) string {
	if !strings.Contains(s, "@") && !strings.Contains(s, "40") {
		return s
	}
	return replaced(addressPattern(), s, func(from, to int) (string, bool) {
		part := addressPattern().FindStringSubmatch(s[from:to])
		local, at, host := part[1], part[2], part[3]
		if at != "@" && !strings.Contains(host, ".") {
			return "", false
		}
		code := replyCode(local)
		return code + m.mailbox(local[len(code):]) + at + m.mailHost(host), true
	})
}

var codePattern = compiled(`^[2-5]\d\d-[\pL\pN_]`)

// replyCode is the code of a reply with more lines, where that stands before a name.
func replyCode(name string) string {
	if codePattern().MatchString(name) {
		return name[:4]
	}
	return ""
}

func (m *Masker) mailbox(local string) string {
	return m.user(strings.Trim(local, `"`))
}

func (m *Masker) mailHost(host string) string {
	if strings.HasPrefix(host, "[") {
		return m.networks(host)
	}
	return m.host(host)
}

// homes replaces the names of people in paths: /home/NAME, C:\Users\NAME. A
// name with blanks in it ends at the next separator; where there is none, at a blank.
func (m *Masker) homes(s string) string {
	if !strings.ContainsAny(s, `/\`) {
		return s
	}
	return replaced(homePattern(), s, func(from, to int) (string, bool) {
		part := homePattern().FindStringSubmatch(s[from:to])
		name, rest := part[2], ""
		if to == len(s) || s[to] != '/' && s[to] != '\\' {
			if i := strings.IndexAny(name, " \t,;"); i >= 0 {
				name, rest = name[:i], name[i:]
			}
		}
		return part[1] + m.user(name) + rest, true
	})
}
