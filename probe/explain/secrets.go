package explain

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// passwordWords are the names that a password or token has in forms, files and prose.
const passwordWords = `(?:[\w.-]*(?:password|passwort|kennwort|passwd|passphrase|passwrd|pwd|secret|api[_-]?key|apikey|access[_-]?token|refresh[_-]?token)|(?:[\w.-]*[_.-])?(?:pass|pw|token|key)|app[- ]?passw\w+|mot de passe|contrase(?:ñ|n)a|wachtwoord|has(?:ł|l)o|пароль|密码|密碼|パスワード)`

// mixedWord is a word that no sentence has: letters with digits or signs in it.
const mixedWord = `[^\s"'“”»]*(?:[a-zA-Z][0-9!$%&#?*+]|[0-9!$%&#?*+][a-zA-Z])[^\s"'“”»]*`

// The forms in which a secret is written down; the last group holds it. First
// those that have a delimiter at the end.
var secretForms = []func() *regexp.Regexp{
	// smtp://user:password@host
	compiled(`(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@"']*:([^\s"']+)@[\w.\[-]`),
	// 'password' => 'x', "pass": "x", password='x', define('SMTP_PASS', 'x')
	compiled(`(?i)` + passwordWords + `["'\]]{0,3}\s{0,4}(?::=|=>|[:=,：])\s{0,4}(?:["]([^"\n]+)["]|[']([^'\n]+)['])`),
	// login("user", "x"), NetworkCredential("user", "x"), PlainAuth("", "user", "x", "host")
	compiled(`(?i)\b(?:login|networkcredential|credentials?|passwordauthentication|setcredentials|authenticate)\(\s*["'][^"'\n]*["']\s*,\s*["']([^"'\n]+)["']`),
	// login(user, 'x') with a variable for the user
	compiled(`(?i)\b(?:login|networkcredential|passwordauthentication|setcredentials)\(\s*[$\w.\[\]>-]{1,40}\s*,\s*["']([^"'\n]+)["']`),
	compiled(`(?i)\bplainauth\(\s*["'][^"'\n]*["']\s*,\s*["'][^"'\n]*["']\s*,\s*["']([^"'\n]+)["']`),
	// Password: x to the end of the line, when the line begins with it
	compiled(`(?im)^[\s*#|>•-]{0,6}(?:\$[\w]+->|[\w ]{0,14}[ .])?` + passwordWords + `["'\]]{0,2}(?: \([^)\n]{0,30}\))?[ \t]{0,6}(?:(?::=|=>|[:=|：])[ \t]{0,20}|\t+| {3,})([^\n]+)`),
	// password: x within a line
	compiled(`(?i)(?:^|[^\w])` + passwordWords + `["'\]]{0,2}[ \t]{0,3}(?::=|=>|[:=：])[ \t]{0,3}([^\s,;"')\]}]+)`),
	// <password>x</password>
	compiled(`(?i)<(?:smtp[_-]?)?(?:password|passwort|passwd|pass|pwd)>([^<\n]+)</`),
	// Password: alone, and x on the next line that is not empty
	compiled(`(?im)^[ \t*#>•-]{0,6}(?:[\w -]{0,14}[ .-])?(?:password|passwort|kennwort|passwd|pwd|mot de passe|contraseña|wachtwoord|hasło|пароль)[ \t]?[:：=]?\**[ \t]*\n(?:[ \t]*\n)?[ \t]{0,8}([^\s:]{3,64})[ \t]*$`),
	// the whole line "password x", as .msmtprc and .netrc have it
	compiled(`(?m)^\s{0,8}(?:password|passwd)[ \t]+"?([^\s"]+)"?[ \t]*$`),
	compiled(`(?im)^\s{0,8}(?:password|passwort|kennwort)[ \t]+(` + mixedWord + `)[ \t]*$`),
	// server:587 account:x, as Postfix's sasl_passwd has it; account / x behind its heading
	compiled(`(?m)^\[?[\w.-]+\]?(?::\d+)?[ \t]+[^\s:]+@[\w.-]+:(\S+)[ \t]*$`),
	compiled(`(?i)(?:zugangsdaten|zugang|credentials|logindaten|login data)[ \t]*[:=][ \t]*\S{3,80}[ \t]+/[ \t]+(\S+)`),
	// das Kennwort für ... lautet x1, with password x1
	compiled(`(?i)\b(?:password|passwort|kennwort)\b(?:[^\n:;]{1,60}?\s(?:ist|lautet|is)\s*:?| (?:f(?:ü|ue)r|for|di|del|des|de|vom|zum) [\w@. -]{1,40}:)\s*["'„“«]?(` + mixedWord + `)`),
	compiled(`(?i)\b(?:with|using|mit)(?: the| my| dem| unserem)? (?:app[- ]?)?(?:password|passwort|kennwort|pw)\s+["'„“«]?(` + mixedWord + `)`),
	// an API key of SendGrid
	compiled(`\b(SG\.[\w-]{16,}\.[\w-]{16,})`),
	// das Passwort ist x, the password is x, PW x
	compiled(`(?i)\b(?:password|passwort|kennwort|pwd|pw)\s+(?:(?:ist|lautet|war|is|was|hei(?:ß|ss)t)\s*:?\s*)["'„“«]?([^\s"'“”»]+)`),
	compiled(`\b(?:PW|Pw|pw|PWD|Passwort|Kennwort)\s+["'„“]?([^\s"'“”]*[0-9!$%&#?*+][^\s"'“”]*)`),
	// swaks -ap x, curl -u user:x
	compiled(`(?:^|\s)(?:-ap|-xp|--auth-password|--password|--passwd|-w)[ =]+["']?([^\s"']+)`),
	compiled(`(?:^|\s)(?:-u|--user)[ =]+["']?[^\s:"']+:([^\s"']+)`),
	// Bearer x
	compiled(`(?i)\bbearer\s+([A-Za-z0-9._~+/-]{16,}=*)`),
}

// loginLine is a login as it goes over the line: what follows is a payload.
var loginLine = compiled(`(?i)\bAUTH[ =]+(PLAIN|LOGIN|XOAUTH2|OAUTHBEARER|CRAM-MD5|SCRAM-[\w-]+|NTLM)[ \t]+([A-Za-z0-9+/]{6,}={0,2})`)

// mechanismName is what stands behind a mechanism in a server's list of them.
var mechanismName = compiled(`^(?i:XOAUTH2?|OAUTHBEARER|GSSAPI|EXTERNAL|DIGEST|CRAM|SCRAM|NTLM|KERBEROS.*|LOGIN|PLAIN|ANONYMOUS|NEGOTIATE)(?:250)?$`)

// payloadLine is a line of base64 alone, as a client sends it after 334.
var payloadLine = compiled(`(?m)^[^\n]*\b334\b[^\n]*\n[^\w\n]{0,12}(?:(?:C|CLIENT -> SERVER|CLIENT|send|client -> server|\d{2}:\d{2}:\d{2}\S*)\b[^\w\n]{1,8}){0,2}((?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)(?:\\r\\n)?['"]?[ \t]*$`)

// appPassword is one of Google's: four groups of four letters.
var appPassword = compiled(`^["']?([a-z]{4} [a-z]{4} [a-z]{4} [a-z]{4})\b`)

// notSecret are words that stand where a password would, and say something of it.
var notSecret = compiled(`(?i)^(?:\*+|x{3,}|•+|\.{2,}|-+|_+|<[^>]*>?|https?:.*|\[[^\]]*\]?|\{\{?.*|\$\{?\w.*|%\w*%?|%s|process\.env.*|os\.(?:environ|getenv).*|getenv.*|env\(.*|getpass.*|null|nil|none|undefined|true|false|yes|no|ja|nein|empty|leer|set|gesetzt|hidden|redacted|masked|removed|changed|your[-_ ]?\w*|my[-_]?password|passwor[dt]|secret|wrong|incorrect|invalid|correct|right|valid|required|expired|missing|unknown|falsch|richtig|korrekt|nicht|ung(?:ü|ue)ltig|abgelaufen|erforderlich|falsches?|not|too|expired|the|a|an|is|ist|very|weak|simple|used|needed|sent|accepted|given|entered|at|in|on|for|of|zu|von|wird|wurde|und|and|or|oder|in|im|bei|eines|from|to|ok|okay|still|same|auch|das|der|die|error|failed|rejected|command|string\(\d+\).*|[45]\d\d|\(?[45]\d\d[ ,)].*)$`)

// findSecrets gives the secrets that stand in a text, each once.
func findSecrets(text string) []string {
	all := everySecret(text)
	slices.Sort(all)
	return slices.Compact(all)
}

func everySecret(text string) []string {
	var all []string
	add := func(s string) {
		s = strings.Trim(strings.TrimSpace(s), `"'`+"`,;")
		if len(s) >= 3 && len(s) <= 4096 && !notSecret().MatchString(s) && !strings.Contains(s, secret.Hidden) {
			all = append(all, s)
		}
	}
	for _, form := range secretForms {
		for _, at := range form().FindAllStringSubmatchIndex(text, -1) {
			for i := 2; i < len(at); i += 2 {
				if at[i] < 0 {
					continue
				}
				if whole := appPassword().FindStringSubmatch(text[at[i]:]); whole != nil {
					add(whole[1])
					add(strings.ReplaceAll(whole[1], " ", ""))
				}
				add(text[at[i]:at[i+1]])
			}
		}
	}
	for _, at := range loginLine().FindAllStringSubmatch(text, -1) {
		if !mechanismName().MatchString(at[2]) {
			all = append(all, payload(at[1], at[2])...)
		}
	}
	for _, at := range payloadLine().FindAllStringSubmatch(text, -1) {
		all = append(all, payload("LOGIN", at[1])...)
	}
	return all
}

// payload gives the secret parts of what a client sends with AUTH; user names
// stay readable where the form tells them apart (RFC 4616).
func payload(mechanism, encoded string) []string {
	if isMechanism(encoded) {
		return nil // a list of mechanisms, not a login
	}
	said, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return []string{encoded}
	}
	text := string(said)
	switch parts := strings.Split(text, "\x00"); {
	case strings.EqualFold(mechanism, "PLAIN") && len(parts) == 3:
		return append(printable(parts[2]), encoded)
	case strings.EqualFold(mechanism, "LOGIN") && strings.Contains(text, "@"):
		return []string{encoded} // the user name
	}
	return append(printable(text), encoded)
}

func isMechanism(word string) bool {
	switch strings.ToUpper(word) {
	case "PLAIN", "LOGIN", "XOAUTH2", "XOAUTH", "OAUTHBEARER", "GSSAPI", "EXTERNAL", "NTLM", "DIGEST", "CRAM", "SCRAM", "CLIENTTOKEN", "ANONYMOUS", "SPNEGO", "KERBEROS":
		return true
	}
	return false
}

func printable(s string) []string {
	if len(s) < 3 || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
		return nil
	}
	return []string{s}
}
