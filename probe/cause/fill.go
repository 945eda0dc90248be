package cause

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// words fills placeholders.
type words interface {
	word(name string) (string, bool)
}

// How much of somebody else's text goes into ours, in characters: a word, and
// the whole message.
const (
	longestWord = 160
	longestText = 600
)

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
		if !ok || !v.holdsSurely(e.When) {
			continue
		}
		list = append(list, Fix{Text: text, Who: e.Who, Setting: optional(e.Setting, w), From: optional(e.From, w), To: optional(e.To, w),
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
		if !ok || !v.holdsSurely(e.When) {
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
		if v.holdsSurely(e.When) {
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
func cleaned(text string, longest int) string {
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
	longest := longestWord
	switch name {
	case "text", "advice", "token_why", "token_fix", "enable", "enable_path", "published":
		longest = longestText
	}
	word = cleaned(word, longest)
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
	case "fitting_name":
		return f.fittingName()
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

// fittingName is a host name that the certificate carries and that may be
// entered in place of the host: what the DNS has the host as an alias of, or a
// name of the host's own domain. Other names are never proposed, as whoever
// stands on the way could have one made.
func (f *Facts) fittingName() string {
	names := strings.Split(f.Values["names"], ", ")
	alias := strings.ToLower(strings.TrimSuffix(f.Values["cname"], "."))
	if alias != f.Host && isHostName(alias) && slices.ContainsFunc(names, func(carried string) bool { return carries(carried, alias) }) {
		return alias
	}
	for _, name := range append([]string{f.ServerName}, names...) {
		fits := slices.ContainsFunc(names, func(carried string) bool { return carries(carried, name) })
		if fits && isHostName(name) && name != f.Host && organisation(name) == organisation(f.Host) {
			return name
		}
	}
	return ""
}

// organisation is the part of a name that is somebody's: two labels, or three
// below a short second level such as co.uk.
func organisation(host string) string {
	labels := strings.Split(strings.ToLower(host), ".")
	n := min(2, len(labels))
	if len(labels) > 2 && len(labels[len(labels)-2]) <= 3 {
		n = 3
	}
	return strings.Join(labels[len(labels)-n:], ".")
}

// carries tells whether a certificate's name, perhaps a wildcard, covers a host.
func carries(carried, host string) bool {
	_, parent, _ := strings.Cut(host, ".")
	return strings.EqualFold(carried, host) || strings.EqualFold(carried, "*."+parent)
}

// isHostName: letters, digits, hyphens and dots; neither wildcard nor address.
func isHostName(name string) bool {
	host := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' }
	return strings.ContainsFunc(name, func(r rune) bool { return r >= 'a' && r <= 'z' }) && !strings.ContainsFunc(name, func(r rune) bool { return !host(r) })
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
