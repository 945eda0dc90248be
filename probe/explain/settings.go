package explain

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// labels are the names of settings in forms, configuration files and tickets,
// English and German, lower case. Before them may stand what programs put
// there: smtp_, mail., $mail->, EMAIL_.
var labels = []struct{ key, names string }{
	{"host", `(?:outgoing |outbound )?(?:mail |e-?mail )?(?:smtp[ _.-]?)?(?:server|host)(?:[ _]?name|[ _]?address|adresse)?|smtp[ _.-]?(?:server|host|relay|url|address|adresse)|postausgangs-?server|(?:mail)?ausgangs-?server|server postausgang|post(?:ausgang)?server|mail-?server|relay[ _]?host|smarthost|endpoint`},
	{"port", `port(?:[ _-]?(?:nummer|number))?`},
	{"encryption", `encryption(?:[ _]?(?:type|method|mode))?|connection security|security(?:[ _]?(?:type|protocol|mode))?|verbindungssicherheit|verschl(?:ü|ue)sselung(?:s(?:typ|art|methode|protokoll))?|sicherheit(?:styp)?|smtpsecure|secure|ssl[ /_-]?tls|starttls|use[ _]?(?:start)?tls|use[ _]?ssl|enable[ _]?ssl|tls|ssl|(?:smtp[._])?(?:ssl|starttls)[._]enable|requiretls|transport|scheme|crypto`},
	{"account", `account(?:[ _]?name)?|user(?:[ _-]?(?:name|id))?|benutzer(?:[ _-]?(?:name|konto|kennung))?|login(?:[ _-]?name)?|anmelde-?name|konto(?:name)?|auth[ _]?user|utilisateur`},
	{"from", `from(?:[ _-]?(?:address|e?mail|email))?|absender(?:[ _-]?(?:adresse|e-?mail|mail))?|sender(?:[ _-]?(?:address|e?mail))?|envelope[ _-]?(?:from|sender)|von|mail from|reply-from`},
}

// pairs finds "label: value", "label=value", label => 'value', "| label | value |"
// and label, tab or wide gap, value.
var pairs = makePairs()

func makePairs() map[string]func() *regexp.Regexp {
	all := map[string]func() *regexp.Regexp{}
	for _, l := range labels {
		all[l.key] = compiled(`(?im)(?:^|[\s,;{(\[|"'$>*_.-]|\b(?:smtp|mail|email|e-mail|mailer|out|outgoing)[ _.-]?)(` + l.names +
			`)["'\]]{0,2}\**(?:[ \t]\([^)\n]{0,24}\))?(?:[ \t]{0,4}(?::=|=>|[:=|,])\**[ \t]{0,4}|\t+| {2,}|[ \t]*\n[ \t]+)(?:["'<]|\(string\) )?([^\n"'>,;|]{1,120})`)
	}
	return all
}

// urlServer finds smtp://host:port, smtps://user@host:port.
var urlServer = compiled(`(?i)\b(smtps?|ssl|tls|tcp)://(?:[^\s/"']*@)?(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?`)

// nameAndPort finds host:port with a port of mail, and host[address]:port.
var nameAndPort = compiled(`(?i)(?:^|[\s("'=>/,@])((?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]+|localhost|\d{1,3}(?:\.\d{1,3}){3})(?: ?[\[(][0-9a-f.:]+[\])])?:(25|465|587|2525|1025|1587|2465|2587|588|26)\b`)

// failedName finds the host that a client could not resolve or reach.
var failedName = compiled(`(?i)\b(?:(?:enotfound|eai_again|eservfail|could not resolve host:?|couldn.t resolve host(?: name)?|unknownhostexception:|dial tcp: lookup|getaddrinfo for)\s+["'` + "`" + `]?([a-z0-9_][a-z0-9_.-]*[a-z0-9])|(?:connect to|connecting to(?: smtp server)?|opening to|servername|host name)\s+(?:(?:ssl|tls|tcp)://)?["'` + "`" + `]?((?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]*[a-z0-9]))`)

// quotedHost finds the host as a program was given it, blanks and all.
var quotedHost = compiled(`(?i)\bhost(?:name)?["']?\s?[:=]\s?["']([^"'\n]{1,100})["']`)

// mailHeader finds the lines that stand below the sender in the head of a mail.
var mailHeader = compiled(`(?im)\A[^\n]{0,120}\n(?:[^\n]{0,120}\n){0,2}(?:to|an|subject|betreff|date|datum|sent|gesendet|cc)[ \t]*:`)

// portWord finds "port 587", "Port: 465".
var portWord = compiled(`(?i)\bport[ =:]{0,3}(\d{2,5})\b`)

// serverWords and encryptionWords find "Postausgangsserver smtp.acme.example" and "Verschlüsselung SSL".
var (
	serverWords     = compiled(`(?i)\b(?:postausgangs-?server|smtp[ -]?server|smtp[ -]?host)[ \t]+((?:[a-z0-9-]+\.)+[a-z]{2,})\b`)
	encryptionWords = compiled(`(?i)\b(verschl(?:ü|ue)sselung|verbindungssicherheit|encryption|connection security)[ \t]+(tls/starttls|starttls|ssl/tls|ssl|tls|keine|none)\b`)
)

// complete fills what is not known yet with what the text says.
func (s *Settings) complete(text string) {
	found := Settings{}
	secure := ""
	for _, key := range []string{"host", "port", "account", "from"} {
		for _, at := range pairs[key]().FindAllStringSubmatchIndex(text, -1) {
			if key == "from" && mailHeader().MatchString(text[at[1]:min(len(text), at[1]+300)]) {
				continue // of the mail in which the ticket came
			}
			found.set(key, strings.TrimSpace(text[at[4]:at[5]]))
		}
	}
	found.fromWords(text)
	for _, at := range append(pairs["encryption"]().FindAllStringSubmatch(text, -1), encryptionWords().FindAllStringSubmatch(text, -1)...) {
		if e := encryptionOf(at[1], at[2], firstOf(s.Port, found.Port)); e != "" && secure == "" {
			secure = e
			found.tlsAlone = strings.EqualFold(strings.Trim(at[2], " \t\"'`*.)]}"), "tls")
		}
	}
	if found.Encryption == "" {
		found.Encryption = secure
	} else {
		found.tlsAlone = false
	}
	s.fill(found)
}

func firstOf(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}

// fill takes over what is not known yet. A host that was given keeps the text's
// port and encryption only if the text names no other host.
func (s *Settings) fill(found Settings) {
	other := s.Host != "" && found.Host != "" && !strings.EqualFold(s.Host, found.Host)
	if s.Host == "" {
		s.Host = found.Host
	}
	if s.Port == 0 && !other {
		s.Port = found.Port
	}
	if s.Encryption == "" && !other {
		s.Encryption, s.tlsAlone = found.Encryption, found.tlsAlone
	}
	if s.Account == "" {
		s.Account = found.Account
	}
	if s.From == "" {
		s.From = found.From
	}
}

// set takes a value that looks like one of its kind; the first counts.
func (s *Settings) set(key, value string) {
	value = strings.Trim(secret.Clean(value), " \t\"'`*<")
	switch key {
	case "host":
		host, port := splitPort(value)
		if s.Host == "" && isHost(host) {
			s.Host = host
			s.set("port", port)
		}
	case "port":
		word, _, _ := strings.Cut(value, " ")
		if n, err := strconv.Atoi(strings.TrimRight(word, ".)]}/")); err == nil && n > 0 && n < 65536 && s.Port == 0 {
			s.Port = n
		}
	case "account":
		if word, _, _ := strings.Cut(value, " "); s.Account == "" && isAccount(word) {
			s.Account = word
		}
	case "from":
		if address := addressIn(value); s.From == "" {
			s.From = address
		}
	}
}

// fromWords reads settings that stand in sentences and in the errors themselves.
func (s *Settings) fromWords(text string) {
	if at := urlServer().FindStringSubmatch(text); at != nil {
		s.set("host", strings.Trim(at[2], "[]"))
		s.set("port", at[3])
		if scheme := strings.ToLower(at[1]); s.Encryption == "" && (scheme == "smtps" || scheme == "ssl") {
			s.Encryption = "ssl"
		}
	}
	if at := nameAndPort().FindStringSubmatch(text); at != nil && (s.Host == "" || strings.EqualFold(s.Host, at[1])) {
		if a, err := netip.ParseAddr(at[1]); err != nil || a.IsLoopback() { // an address that was dialled is rarely what was entered
			s.set("host", at[1])
		}
		s.set("port", at[2])
	}
	if at := failedName().FindStringSubmatch(text); at != nil && s.Host == "" {
		s.Host = secret.Clean(at[1] + at[2])
	}
	if at := quotedHost().FindStringSubmatch(text); at != nil && (s.Host == "" || strings.Contains(at[1], s.Host)) {
		s.Host = secret.Clean(at[1])
	}
	if at := serverWords().FindStringSubmatch(text); at != nil {
		s.set("host", at[1])
	}
	if at := portWord().FindStringSubmatch(text); at != nil {
		s.set("port", at[1])
	}
}

func splitPort(value string) (host, port string) {
	value = strings.TrimRight(value, "/.)]} ")
	for _, scheme := range []string{"smtps://", "smtp://", "ssl://", "tls://", "tcp://"} {
		value = strings.TrimPrefix(value, scheme)
	}
	host, port, found := strings.Cut(value, ":")
	if !found || strings.Contains(port, ":") {
		word, _, _ := strings.Cut(value, " ")
		return word, ""
	}
	return host, port
}

// isHost: a name with a dot, an address, or localhost. One label alone is too
// often a word of a sentence.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	lower := strings.ToLower(host)
	if lower == "localhost" {
		return true
	}
	_, last, found := cutLast(lower, ".")
	valid := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("-._", r) || r > 0x7f
	}
	return found && len(last) > 1 && !strings.HasPrefix(lower, ".") && !isFile(last) &&
		strings.IndexFunc(lower, func(r rune) bool { return !valid(r) }) < 0 && strings.ContainsFunc(last, func(r rune) bool { return r >= 'a' && r <= 'z' })
}

// isFile knows the endings of files, which stand in stack traces.
func isFile(ending string) bool {
	switch ending {
	case "js", "ts", "go", "py", "php", "rb", "java", "cs", "c", "cc", "cpp", "h", "log", "txt", "json", "yml", "yaml", "conf", "cf", "ini", "mjs", "rs", "jar", "dll", "exe", "html":
		return true
	}
	return false
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func isAccount(word string) bool {
	if len(word) < 3 || len(word) > 120 || strings.Trim(word, "0123456789") == "" || strings.ContainsAny(word, "()[]{}$%*<>\\") {
		return false
	}
	return strings.Contains(word, "@") || !isSentenceWord(strings.ToLower(strings.TrimRight(word, ".,:;!")))
}

// isSentenceWord knows what stands behind "user" or "account" in errors.
func isSentenceWord(word string) bool {
	switch word {
	case "unknown", "not", "name", "and", "is", "the", "password", "disabled", "locked", "has", "does", "was", "null", "none", "true", "false", "yes", "error", "failed", "invalid",
		"ist", "und", "nicht", "unbekannt", "gesperrt", "for", "from", "with", "address", "string", "undefined", "authentication", "login", "account":
		return true
	}
	return false
}

var address = compiled(`[\w.+%&'=/-]+@[\w-]+(?:\.[\w-]+)+`)

func addressIn(text string) string { return address().FindString(text) }

// encryptionOf reads the value of a setting whose name may say the kind.
func encryptionOf(label, value string, port int) string {
	label = strings.ToLower(label)
	value = strings.ToLower(strings.Trim(value, " \t\"'`*.)]}"))
	word, _, _ := strings.Cut(value, " ")
	switch word {
	case "starttls", "tls/starttls", "starttls/tls", "start_tls", "explicit", "encryption_starttls":
		return "starttls"
	case "ssl", "smtps", "implicit", "ssl/tls", "tls/ssl", "encryption_smtps", "ssltls":
		return "ssl"
	case "tls", "tlsv1.2", "tlsv1.3", "tls1.2":
		if port == 465 && !strings.Contains(label, "secure") {
			return "ssl"
		}
		return "starttls"
	case "none", "keine", "unverschlüsselt", "unverschluesselt", "unencrypted", "plain", "off", "aus", "no", "nein", "false", "0":
		if strings.Contains(label, "encr") || strings.Contains(label, "verschl") || strings.Contains(label, "securi") || strings.Contains(label, "sicherheit") {
			return "none"
		}
		return ""
	case "true", "yes", "ja", "on", "an", "ein", "1", "aktiv", "aktiviert", "enabled":
		return encryptionByLabel(label, port)
	}
	return ""
}

func encryptionByLabel(label string, port int) string {
	switch {
	case strings.Contains(label, "starttls"), strings.Contains(label, "requiretls"), strings.HasSuffix(label, "tls") && !strings.Contains(label, "ssl"):
		if port == 465 && !strings.Contains(label, "start") && !strings.Contains(label, "use") {
			return "ssl"
		}
		return "starttls"
	case strings.Contains(label, "enablessl"), strings.Contains(label, "enable_ssl"):
		return "starttls" // .NET's EnableSsl is STARTTLS
	case strings.Contains(label, "ssl"), label == "secure":
		return "ssl"
	}
	return ""
}

// EncryptionOf reads a word of a form as starttls, ssl or none; "tls" alone
// means ssl on port 465, else starttls. It gives "" for other words.
func EncryptionOf(word string, port int) string { return encryptionOf("encryption", word, port) }
