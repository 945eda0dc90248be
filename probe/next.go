package probe

import (
	"crypto/tls"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

func itoa(n int) string { return strconv.Itoa(n) }

// nextSteps gives what to do next: after a pass nothing but the honest
// remark, after a failure the check to repeat, with the suggestion if there is one.
func nextSteps(s *Settings, res *Result) List[Next] {
	if s.Refused != nil || s.Host == "" {
		return nil
	}
	if s.Message != nil && reachedMessage(res) {
		return afterMessage(s, res)
	}
	set := SuggestedSettings{Host: s.Host, Port: s.Port, Encryption: string(s.Encryption)}
	text := "check again"
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

// command is what a run of these settings is called.
func (s *Settings) command() string {
	switch {
	case s.Redirect != nil:
		return "redirect"
	case s.Follow != nil:
		return "deliver"
	case s.Message != nil:
		return "send"
	}
	return "check"
}

func reachedMessage(res *Result) bool {
	return slices.ContainsFunc(res.Steps, func(step StepResult) bool { return step.ID == StepMessage && step.Status != Skip })
}

// afterMessage: what was taken is looked for, and what may have been taken is
// looked for before anything is sent again.
func afterMessage(s *Settings, res *Result) List[Next] {
	i := slices.IndexFunc(res.Steps, func(step StepResult) bool { return step.ID == StepMessage })
	e, ok := res.Steps[i].Evidence.(*MessageEvidence)
	switch {
	case !ok || res.Steps[i].Status == Skip:
		return nil
	case slices.Contains(e.seen, cause.MessageUnanswered):
		return List[Next]{{Text: "look for " + string(e.Token) + " in the recipient's mailbox before you send again"}}
	case res.Steps[i].Status == Fail:
		return List[Next]{{Text: "send again after the change", Command: Maybe(sendAgain(s, res.Settings, e)), Shell: "posix"}}
	}
	return lookFor(s, res, e)
}

// lookFor tells where to look, unless the message was found.
func lookFor(s *Settings, res *Result, e *MessageEvidence) List[Next] {
	look := "look for " + string(e.Token) + " in the recipient's mailbox, in the junk folder too"
	if s.Follow == nil {
		return List[Next]{{Text: look}}
	}
	for _, step := range res.Steps {
		if d, ok := step.Evidence.(*DeliveryEvidence); ok && d.Folder != "" {
			return nil
		}
	}
	return List[Next]{{Text: "see how it came", Command: Maybe(inspectCommand(s)), Shell: "posix"}}
}

// sendAgain is the command for those who did not get the message.
func sendAgain(s *Settings, shown ShownSettings, e *MessageEvidence) string {
	if isFromFile(s) && e.accepted() == 0 {
		return fileCommand(s)
	}
	if e.accepted() > 0 {
		shown.To = nil
		for _, r := range e.Recipients {
			if r.Status != RecipientAccepted {
				shown.To = append(shown.To, r.Address)
			}
		}
	}
	return checkCommand(s, SuggestedSettings{Host: s.Host, Port: s.Port, Encryption: string(s.Encryption)}, shown)
}

func fileCommand(s *Settings) string {
	words := []string{"smtpdx", s.command()}
	if s.File != "" {
		words = append(words, "-c", quote(s.File))
	}
	name := s.Profile
	if s.Redirect != nil {
		name = s.Redirect.Profile
	}
	if name != "" {
		words = append(words, quote(name))
	}
	if s.Redirect != nil {
		words = append(words, "--via", quote(s.Redirect.Via))
	}
	return strings.Join(words, " ")
}

// CheckCommand writes the check of settings that are known in part: host, port
// (0: not known), encryption ("": not known), account and sender.
func CheckCommand(host string, port int, e Encryption, account, from string) string {
	shown := ShownSettings{Account: Maybe(account)}
	if from != "" {
		shown.From = List[string]{from}
	}
	return checkCommand(&Settings{TLSMin: tls.VersionTLS12}, SuggestedSettings{Host: host, Port: port, Encryption: string(e)}, shown)
}

// checkCommand writes the command line for settings. Credentials are asked
// for, so none is in it.
func checkCommand(s *Settings, set SuggestedSettings, shown ShownSettings) string {
	words := []string{"smtpdx", s.command(), quote(set.Host)}
	if set.Port != 0 {
		words[2] = net.JoinHostPort(set.Host, itoa(set.Port))
	}
	if set.Encryption != "" && impliedEncryption(set.Port) != Encryption(set.Encryption) {
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
	recipient := "--to"
	if s.Redirect != nil {
		recipient = "--via"
	}
	for _, to := range shown.To {
		if !hidden(to) {
			words = append(words, recipient, quote(to))
		}
	}
	return strings.Join(append(words, policyFlags(s, set)...), " ")
}

// policyFlags repeat what else was set, so that the next check asks the same.
// What weakens security (insecure, allow_plaintext_auth) is not proposed again.
func policyFlags(s *Settings, set SuggestedSettings) []string {
	var words []string
	add := func(flag, value string) {
		if value != "" && !hidden(value) {
			words = append(words, flag, quote(value))
		}
	}
	add("--auth", s.Auth)
	add("--helo", s.Helo)
	add("--ca-file", s.CAFile)
	if set.Host == s.Host {
		add("--tls-server-name", s.TLSServerName)
	}
	if s.TLSMin != tls.VersionTLS12 {
		add("--tls-min", tlsVersionNumber(s.TLSMin))
	}
	if s.UsedBy == "cloud" {
		add("--used-by", s.UsedBy)
	}
	for _, limit := range []struct {
		flag string
		time time.Duration
	}{{"--timeout", s.Timeout}, {"--deadline", s.Deadline}} {
		if limit.time > 0 {
			add(limit.flag, limit.time.String())
		}
	}
	if s.Family != 0 {
		words = append(words, "-"+itoa(s.Family))
	}
	if s.Follow != nil && s.Follow.Inbox != nil && s.Follow.Inbox.Profile != s.Profile {
		add("--inbox", s.Follow.Inbox.Profile)
	}
	if s.Resolver != "" {
		words = append(words, "--resolver", s.Resolver)
	}
	if s.Proxy != "" {
		words = append(words, "--proxy", quote(s.Proxy))
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

// inspectCommand judges the message that a person has found and saved.
func inspectCommand(s *Settings) string {
	command := "smtpdx inspect message.eml"
	if s.Redirect != nil {
		command += " --via " + quote(s.Redirect.Via)
		if len(s.From) > 0 {
			command += " --sender " + quote(s.From[0])
		}
	}
	return command
}
