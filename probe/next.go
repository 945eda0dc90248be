package probe

import (
	"crypto/tls"
	"net"
	"strconv"
	"strings"

	"github.com/smtpdx/smtpdx/probe/secret"
)

func itoa(n int) string { return strconv.Itoa(n) }

// nextSteps gives what to do next: after a pass nothing but the honest
// remark, after a failure the check to repeat, with the suggestion if there is one.
func nextSteps(s *Settings, res *Result) List[Next] {
	if s.Refused != nil || s.Host == "" {
		return nil
	}
	set := SuggestedSettings{Host: s.Host, Port: s.Port, Encryption: string(s.Encryption)}
	text := "repeat this check"
	switch {
	case res.Interrupted:
	case res.Suggestion != nil:
		set, text = res.Suggestion.Settings, "check the suggested settings"
	case res.FailedStep != "":
		text = "check again after the change"
	}
	if res.Suggestion == nil && isFromFile(s) {
		return List[Next]{{Text: text, Command: Maybe(fileCommand(s)), Shell: "posix"}}
	}
	return List[Next]{{Text: text, Command: Maybe(checkCommand(s, set, res.Settings)), Shell: "posix"}}
}

// isFromFile tells whether the settings file, read again, gives these settings.
func isFromFile(s *Settings) bool {
	found := false
	for _, origin := range s.Origins {
		switch origin.From {
		case "flag", "target", "env", "asked":
			return false
		case "file":
			found = true
		}
	}
	return found && s.File != "-"
}

func fileCommand(s *Settings) string {
	words := []string{"smtpdx", "check"}
	if s.File != "" {
		words = append(words, "-c", quote(s.File))
	}
	if s.Profile != "" {
		words = append(words, quote(s.Profile))
	}
	return strings.Join(words, " ")
}

// checkCommand writes the command line for settings. Credentials are asked
// for, so none is in it.
func checkCommand(s *Settings, set SuggestedSettings, shown ShownSettings) string {
	words := []string{"smtpdx", "check", net.JoinHostPort(set.Host, itoa(set.Port))}
	if impliedEncryption(set.Port) != Encryption(set.Encryption) {
		words = append(words, "--encryption", set.Encryption)
	}
	if account := string(shown.Account); account != "" && !hidden(account) {
		words = append(words, "-u", quote(account))
	}
	for _, from := range shown.From {
		if from != string(shown.Account) && !hidden(from) {
			words = append(words, "--from", quote(from))
		}
	}
	for _, to := range shown.To {
		if !hidden(to) {
			words = append(words, "--to", quote(to))
		}
	}
	words = append(words, loginWords(s)...)
	words = append(words, tlsWords(s, set.Host)...)
	if s.Family != 0 {
		words = append(words, "-"+itoa(s.Family))
	}
	if s.Resolver != "" {
		words = append(words, "--resolver", s.Resolver)
	}
	if s.Proxy != "" {
		words = append(words, "--proxy", quote(s.Proxy))
	}
	return strings.Join(words, " ")
}

// loginWords are the flags on how to greet and to log in.
func loginWords(s *Settings) []string {
	var words []string
	for _, flag := range []struct{ name, value string }{{"--auth", s.Auth}, {"--helo", s.Helo}} {
		if flag.value != "" {
			words = append(words, flag.name, quote(flag.value))
		}
	}
	if s.AllowPlaintextAuth {
		words = append(words, "--allow-plaintext-auth")
	}
	return words
}

// tlsWords are the flags on TLS; a name that was set for one host says nothing of another.
func tlsWords(s *Settings, host string) []string {
	var words []string
	if s.UsedBy == "cloud" {
		words = append(words, "--used-by", s.UsedBy)
	}
	if s.CAFile != "" {
		words = append(words, "--ca-file", quote(s.CAFile))
	}
	if s.TLSServerName != "" && host == s.Host {
		words = append(words, "--tls-server-name", quote(s.TLSServerName))
	}
	if version := tlsVersionNumber(s.TLSMin); version != "" && s.TLSMin != tls.VersionTLS12 {
		words = append(words, "--tls-min", version)
	}
	if s.Insecure {
		words = append(words, "--insecure")
	}
	return words
}

func hidden(word string) bool { return strings.Contains(word, secret.Hidden) }

// impliedEncryption is what auto makes of a port.
func impliedEncryption(port int) Encryption {
	switch port {
	case 465:
		return SSL
	case 25, 587, 2525:
		return STARTTLS
	}
	return ""
}

// quote writes a word so that POSIX shells and PowerShell read it back alike.
func quote(word string) string {
	plain := word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@.-_+:/=,", r) && r < 0x7f)
	}) && word[0] != '@' && word[0] != '-'
	if plain {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
