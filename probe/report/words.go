package report

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// took writes a time span as a person reads it: "0.3 ms", "24 ms", "5.1 s"; "" for 0.
func took(ms probe.Ms) string {
	switch {
	case ms <= 0:
		return ""
	case ms < 0.1:
		return "<0.1 ms"
	case ms < 0.95:
		return fmt.Sprintf("%.1f ms", float64(ms))
	case ms < 999.5:
		return fmt.Sprintf("%.0f ms", float64(ms))
	case ms < 99_950:
		return fmt.Sprintf("%.1f s", float64(ms)/1000)
	}
	return fmt.Sprintf("%.0f s", float64(ms)/1000)
}

// allOf, anyOf and noneOf count addresses in words.
func allOf(n int) string {
	if n == 2 {
		return "both"
	}
	return fmt.Sprintf("all %d", n)
}

func anyOf(n int) string {
	if n == 2 {
		return "either address"
	}
	return fmt.Sprintf("any of %d addresses", n)
}

func noneOf(n int) string {
	if n == 2 {
		return "neither address"
	}
	return fmt.Sprintf("none of %d addresses", n)
}

// encryptionWord is what people call an encryption.
func encryptionWord(e string) string {
	switch probe.Encryption(e) {
	case probe.STARTTLS:
		return "STARTTLS"
	case probe.SSL:
		return "SSL"
	}
	return e
}

// formEncryption is what a form calls an encryption, as a value to change to.
func formEncryption(e string) string {
	if word := encryptionWord(strings.ToLower(e)); word == "STARTTLS" {
		return "TLS/STARTTLS"
	} else if word == "SSL" {
		return word
	}
	return e
}

// settingWord is what a form calls a setting.
func settingWord(key string) string {
	words := map[string]string{"host": "Host", "port": "Port", "encryption": "Encryption", "account": "Account", "password": "Password",
		"token": "Token", "auth": "Login method", "from": "Sender", "to": "Recipient", "helo": "EHLO name"}
	if word := words[key]; word != "" {
		return word
	}
	return key
}

// settingValue is what a form calls a value of a setting.
func settingValue(key, value string) string {
	if key == "encryption" {
		return formEncryption(value)
	}
	return value
}

// whoWords says who can act.
func whoWords(who cause.Who) string {
	words := map[cause.Who]string{
		cause.User:          "whoever enters the settings in the application",
		cause.ITAdmin:       "the administrator of the mail system",
		cause.MailProvider:  "the mail provider",
		cause.Network:       "whoever runs the firewall and name servers of this network",
		cause.RecipientSide: "the administrator of the recipient's mail system",
		cause.Application:   "the maker of the application that uses the settings",
	}
	if word := words[who]; word != "" {
		return word
	}
	return string(who)
}

// skipWords says why a step did not run.
func skipWords(r probe.StepResult) string {
	switch probe.SkipReason(r.SkipReason) {
	case probe.Blocked:
		return "blocked by " + string(r.BlockedBy)
	case probe.NotAsked:
		return "not asked for"
	case probe.NotApplicable:
		return "does not apply"
	case probe.GivenUp:
		return "given up"
	case probe.Interrupted:
		return "interrupted"
	}
	return "not run"
}

// nameOf is the profile's name, or the host with its port.
func nameOf(r *probe.Result) string {
	if r.Profile != "" {
		return string(r.Profile)
	}
	return target(r.Settings)
}

// target is host and port, "-" without a host.
func target(s probe.ShownSettings) string {
	switch {
	case s.Host == "":
		return "-"
	case s.Port == nil:
		return string(s.Host)
	}
	return net.JoinHostPort(string(s.Host), strconv.Itoa(*s.Port))
}

// heading says in a sentence what is checked; what is usual is left out.
func (p page) heading(name string, s probe.ShownSettings) []row {
	if s.Host == "" {
		return p.paragraph(span{strings.TrimPrefix(name+": ", ": ") + "no host", plain})
	}
	parts := []string{target(s)}
	if name != "" && name != parts[0] {
		parts[0] = name + ": " + parts[0]
	}
	if s.Encryption != "" {
		parts = append(parts, encryptionPart(s))
	}
	parts = append(parts, peopleParts(s)...)
	parts = append(parts, unusualParts(s)...)
	return texts(p.list(parts, p.limit))
}

// list joins parts with commas, and breaks lines between parts where it can.
func (p page) list(parts []string, room int) []string {
	var out []string
	current := ""
	for i, part := range parts {
		if i < len(parts)-1 {
			part += ","
		}
		part = p.clean(part)
		if current != "" && columns(current)+1+columns(part) > room {
			out = append(out, p.wrap(current, room, room)...)
			current = ""
		}
		if current != "" {
			current += " "
		}
		current += part
	}
	return append(out, p.wrap(current, room, room)...)
}

func encryptionPart(s probe.ShownSettings) string {
	words := "encryption " + encryptionWord(string(s.Encryption))
	origin := s.Origins["encryption"]
	switch {
	case origin.From != "found":
	case strings.HasPrefix(origin.Where, "port "):
		words += " (by the port)"
	case strings.Contains(origin.Where, "assumed"):
		words += " (assumed)"
	default:
		words += " (found by a look at the port)"
	}
	return words
}

func peopleParts(s probe.ShownSettings) []string {
	var parts []string
	from := strings.Join(s.From, ", ")
	same := s.Account != "" && from == string(s.Account)
	switch {
	case same:
		parts = append(parts, "account and sender "+from)
	case s.Account != "":
		parts = append(parts, "account "+string(s.Account))
	default:
		parts = append(parts, "no login")
	}
	if from != "" && !same {
		parts = append(parts, plural("sender", len(s.From))+" "+from)
	}
	if len(s.To) > 0 {
		parts = append(parts, plural("recipient", len(s.To))+" "+strings.Join(s.To, ", "))
	}
	return parts
}

func unusualParts(s probe.ShownSettings) []string {
	var parts []string
	add := func(value probe.Maybe, words string) {
		if value != "" {
			parts = append(parts, words+" "+string(value))
		}
	}
	add(s.Auth, "login method")
	add(s.TLSServerName, "certificate name")
	add(s.CAFile, "roots of")
	add(s.Proxy, "through")
	add(s.Resolver, "name server")
	if s.Family != nil {
		parts = append(parts, fmt.Sprintf("IPv%d only", *s.Family))
	}
	if s.UsedBy == "cloud" {
		parts = append(parts, "used from the cloud")
	}
	if s.Insecure {
		parts = append(parts, "a bad certificate is let pass")
	}
	if s.AllowPlaintextAuth {
		parts = append(parts, "login without encryption allowed")
	}
	return parts
}

func plural(word string, n int) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
