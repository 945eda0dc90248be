package cause

import (
	"net"
	"strconv"
	"strings"
	"unicode"
)

// words fills placeholders.
type words interface {
	word(name string) (string, bool)
}

// longest is how much of somebody else's text goes into ours, in characters.
const longest = 160

// fill puts words into a template; it fails when one is not known.
func fill(template string, w words, quote func(string) string) (string, bool) {
	var out strings.Builder
	for template != "" {
		before, rest, found := strings.Cut(template, "{")
		out.WriteString(before)
		if !found {
			break
		}
		if after, escaped := strings.CutPrefix(rest, "{"); escaped {
			out.WriteByte('{')
			template = after
			continue
		}
		name, after, _ := strings.Cut(rest, "}")
		word, ok := w.word(name)
		if !ok {
			return "", false
		}
		if quote != nil && !isCommand(name) {
			word = quote(word)
		}
		out.WriteString(word)
		template = after
	}
	return out.String(), true
}

// isCommand tells whether a placeholder's value is words of a command line already.
func isCommand(name string) bool { return name == "check" || name == "check_plain" }

// firstFilled gives the first of some variants that can be filled.
func firstFilled(variants []string, w words) string {
	for _, v := range variants {
		if text, ok := fill(v, w, nil); ok {
			return text
		}
	}
	return ""
}

// optional gives "" in place of a text that cannot be filled.
func optional(template string, w words) string {
	text, _ := fill(template, w, nil)
	return text
}

// fixes gives those fixes that hold and whose text can be filled.
func fixes(w words, all []FixEntry, v *view) []Fix {
	var list []Fix
	for _, e := range all {
		text, ok := fill(e.Text, w, nil)
		if !ok || !v.holds(e.When) {
			continue
		}
		list = append(list, Fix{Text: text, Who: e.Who, Setting: e.Setting, From: optional(e.From, w), To: optional(e.To, w),
			Path: optional(e.Path, w), Commands: commands(w, e.Commands)})
	}
	return list
}

func commands(w words, all []Command) []Command {
	var list []Command
	for _, c := range all {
		if text, ok := fill(c.Text, w, quoteFor(c.Shell)); ok {
			list = append(list, Command{Shell: c.Shell, Text: text})
		}
	}
	return list
}

func decides(w words, all []DecidesEntry, v *view) []Decides {
	var list []Decides
	for _, e := range all {
		question, ok := fill(e.Question, w, nil)
		if !ok || !v.holds(e.When) {
			continue
		}
		command, _ := fill(e.Command, w, quoteFor("posix"))
		list = append(list, Decides{Question: question, Command: command})
	}
	return list
}

func links(all []LinkEntry, v *view) []Link {
	var list []Link
	for _, e := range all {
		if v.holds(e.When) {
			list = append(list, Link{Title: e.Title, URL: e.URL})
		}
	}
	return list
}

// quoteFor gives the quoting of a shell: values come from servers and
// certificates too, and a command is made to be pasted.
func quoteFor(shell string) func(string) string {
	escaped := `'\''`
	if shell == "powershell" {
		escaped = "''"
	}
	return func(word string) string {
		if isPlainWord(word) {
			return word
		}
		return "'" + strings.ReplaceAll(word, "'", escaped) + "'"
	}
}

// isPlainWord: nothing in it means anything to a shell.
func isPlainWord(word string) bool {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@.-_+:/=", r)
	}
	return word != "" && word[0] != '-' && word[0] != '@' && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0
}

// cleaned makes somebody else's text fit for a line of ours: no control
// characters, single blanks, bounded.
func cleaned(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	if short := []rune(text); len(short) > longest {
		return string(short[:longest-1]) + "…"
	}
	return text
}

// standIns fills every placeholder with its own name in capitals.
type standIns struct{}

func (standIns) word(name string) (string, bool) {
	switch name {
	case "check":
		return "smtpdx check HOST:PORT -u ACCOUNT", true
	case "check_plain":
		return "smtpdx check HOST:PORT", true
	}
	return strings.ToUpper(name), true
}

// word fills from the facts, from what the rule's pattern caught, and from Values.
func (v *view) word(name string) (string, bool) {
	word, ok := v.caught[name]
	if !ok {
		word, ok = v.f.Values[name]
	}
	if !ok {
		word = v.own(name)
	}
	word = cleaned(word)
	return word, word != "" && !strings.Contains(word, "[hidden]")
}

func (v *view) own(name string) string {
	f := v.f
	switch name {
	case "host":
		return f.Host
	case "port":
		return number(f.Port)
	case "server":
		return f.server()
	case "encryption":
		return formWord(f.Encryption)
	case "other_encryption":
		return formWord(map[string]string{"ssl": "starttls", "starttls": "ssl"}[f.Encryption])
	case "account":
		return f.Account
	case "account_domain":
		return domainOf(f.Account)
	case "account_local":
		return localOf(f.Account)
	case "from":
		return f.From
	case "from_domain":
		return domainOf(f.From)
	case "to":
		return f.To
	case "to_domain":
		return domainOf(f.To)
	case "code":
		return number(f.Code)
	case "enhanced":
		return f.Enhanced
	case "reply":
		return strings.TrimSpace(number(f.Code) + " " + f.Enhanced)
	case "text":
		return v.text
	case "mechanism":
		return f.Mechanism
	case "software":
		return f.Software
	case "server_name":
		return f.ServerName
	case "greeting":
		return f.Greeting
	case "check":
		return f.checkCommand(true)
	case "check_plain":
		return f.checkCommand(false)
	}
	return ""
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// formWord is an encryption in the words that forms use.
func formWord(encryption string) string {
	return map[string]string{"ssl": "SSL", "starttls": "TLS/STARTTLS", "none": "none"}[encryption]
}

func domainOf(address string) string {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return ""
	}
	return strings.ToLower(address[i+1:])
}

func localOf(address string) string {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return ""
	}
	return address[:i]
}

func (f *Facts) server() string {
	if f.Host == "" || f.Port == 0 {
		return ""
	}
	return net.JoinHostPort(f.Host, strconv.Itoa(f.Port))
}

// checkCommand writes the check of these settings; with the account, if there is one.
func (f *Facts) checkCommand(account bool) string {
	if f.server() == "" {
		return ""
	}
	quote := quoteFor("posix")
	command := "smtpdx check " + quote(f.server())
	if f.Encryption != "" {
		command += " --encryption " + quote(f.Encryption)
	}
	if account && f.Account != "" && !strings.Contains(f.Account, "[hidden]") {
		command += " -u " + quote(f.Account)
	}
	return command
}
