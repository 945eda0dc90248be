package discover

import (
	"fmt"
	"strings"
	"time"
)

// ProfileOptions are settings that the discovery was run with and that the
// check needs as well.
type ProfileOptions struct {
	CAFile, Resolver string
	Account          string // "": the one that follows from the address
	Date             time.Time
}

// Profile is the chosen candidate as a settings file, with what to know about
// it as comments; it holds no password. ok is false when there is none.
func (s Sheet) Profile(o ProfileOptions) (text string, ok bool) {
	c, ok := s.Chosen()
	if !ok {
		return "", false
	}
	var b strings.Builder
	comment := func(format string, args ...any) {
		fmt.Fprintf(&b, "# %s\n", strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
	}
	comment("Settings for %s, found by smtpdx discover on %s.", s.Address, o.Date.Format(time.DateOnly))
	comment("Says so: %s.", strings.Join(c.Sources, ", "))
	if c.IsVerified() {
		comment("Seen, without the password: %s.", c.Why)
	} else {
		comment("NOT seen to work: %s.", c.Why)
	}
	if c.NeedsConsent() {
		comment("The host is not in %s: see whether you know it before you enter a password.", s.Address.Unicode)
	}
	for _, section := range s.sections() {
		switch section.label {
		case "First", "Password", "Sender", "Soon":
			comment("%s: %s", section.label, strings.Join(section.lines, " "))
		}
	}
	b.WriteString("\n")
	s.writeKeys(&b, c, o)
	return b.String(), true
}

func (s Sheet) writeKeys(b *strings.Builder, c Candidate, o ProfileOptions) {
	account := o.Account
	if account == "" {
		account = c.AccountFor(s.Address)
	}
	fmt.Fprintf(b, "host: %s\nport: %d\nencryption: %s\n", scalar(c.Host), c.Port, c.Encryption)
	if account != "" {
		fmt.Fprintf(b, "account: %s\n", scalar(account))
		b.WriteString("# password: {env: NAME}, {file: FILE}, {command: [..]} or {keyring: smtpdx};\n# without one it is asked for when it is needed\n")
	} else {
		b.WriteString("# account: the login name; no source says what it is\n")
	}
	if from := s.Address.Local + "@" + s.Address.Domain; from != account {
		fmt.Fprintf(b, "from: %s\n", scalar(s.Address.String()))
	}
	if o.CAFile != "" {
		fmt.Fprintf(b, "ca_file: %s\n", scalar(o.CAFile))
	}
	if o.Resolver != "" {
		fmt.Fprintf(b, "resolver: %s\n", scalar(o.Resolver))
	}
	for _, line := range s.inboxes() {
		fmt.Fprintf(b, "# inbox: %s\n", line)
	}
}

// scalar writes a YAML value; what could mean something else stands in quotes.
func scalar(text string) string {
	plain := text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@._+-/", r))
	})
	first := strings.IndexAny(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	if plain && first == 0 && strings.ContainsAny(text, ".@") {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
