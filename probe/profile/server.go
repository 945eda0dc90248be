package profile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

const portHint = "Usual are 587 (TLS/STARTTLS) and 465 (SSL)."

const hostHint = "The name of the mail server is wanted, for example smtp.example.com."

// server finds host, port and encryption, which depend on each other.
func (b *builder) server() {
	if b.set.target.host != "" && b.flags.Values["host"] != "" {
		b.reject(&UsageError{Key: "host", Text: "the server is named twice, by --host and by the target", Hint: "Keep one of them."})
	}
	v, ok := b.find("host")
	if !ok {
		b.reject(&UsageError{Key: "host", Text: "no host was given", Hint: "host: smtp.example.com in the file, --host, or the target HOST[:PORT]"})
		return
	}
	b.hostLevel = v.level
	c := cleanHost(v.text)
	switch {
	case c.address:
		b.refuse("host", v, hostHint, "the host is an address or has a user name in it")
		return
	case c.host == "":
		b.refuse("host", v, hostHint, "nothing is left of the host without its decoration")
		return
	case strings.Contains(c.host, ":") && !isIP(c.host):
		b.refuse("host", v, "HOST:PORT, or [ADDRESS]:PORT for an IPv6 address.", "there is a colon too many in the host")
		return
	}
	b.s.Host = c.host
	b.noteCleaned(v, c)
	b.port(v, c)
	b.encryption(c)
	if b.wrong == nil {
		b.defaults()
	}
}

// noteCleaned says what of the host was not used as typed. The forms of a
// target are no decoration, nor is upper case anywhere.
func (b *builder) noteCleaned(v value, c cleaned) {
	typed := strings.ToLower(v.text)
	if b.isTarget() {
		typed = strings.TrimPrefix(strings.TrimPrefix(typed, "smtp://"), "smtps://")
		typed = strings.TrimSuffix(typed, "/")
		if c.port != "" {
			typed = strings.TrimSuffix(typed, ":"+c.port)
		}
	}
	if typed == c.host || typed == "["+c.host+"]" {
		return
	}
	if toASCII(typed) == c.host {
		b.see(cause.HostInternational, map[string]string{"given": secret.Clean(v.text), "used": c.host})
	}
	b.s.Cleaned = append(b.s.Cleaned, probe.Cleaned{Key: "host", Given: secret.Clean(v.text), Used: c.host})
}

func (b *builder) isTarget() bool { return b.set.target.host != "" }

// port reads the setting; a port behind the host counts where there is none.
func (b *builder) port(host value, c cleaned) {
	v, ok := b.find("port")
	if flag := b.flags.Values["port"]; flag != "" && portNumber(flag) == 0 {
		b.refuse("port", v, portHint, "the port has to be a number from 1 to 65535")
		return
	}
	if b.isTarget() && c.port != "" && b.flags.Values["port"] != "" && portNumber(b.flags.Values["port"]) != portNumber(c.port) {
		b.reject(&UsageError{Key: "port", Text: "two ports are given, by --port and behind the host", Hint: "Keep one of them."})
		return
	}
	if c.port != "" && (!ok || v.level < host.level || v.origin.From == "preset") {
		v, ok = host, true
		v.text = c.port
		b.s.Origins["port"] = host.origin
	}
	if !ok {
		return
	}
	b.s.Port = portNumber(v.text)
	if b.s.Port == 0 {
		b.refuse("port", v, portHint, "the port has to be a number from 1 to 65535")
	}
}

// portNumber reads "0465" as 465; 0: it is no port.
func portNumber(text string) int {
	text = strings.TrimSpace(text)
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 || text[0] == '+' {
		return 0
	}
	return n
}

// encryptionOf reads the words that mean an encryption; "tls" means two, by port.
func encryptionOf(word string, port int) (e probe.Encryption, isAmbiguous bool) {
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "starttls", "tls/starttls", "start_tls", "explicit":
		return probe.STARTTLS, false
	case "ssl", "implicit", "smtps", "ssl/tls":
		return probe.SSL, false
	case "none":
		return probe.NoEncryption, false
	case "auto":
		return probe.Auto, false
	case "tls":
		if port == 465 {
			return probe.SSL, true
		}
		return probe.STARTTLS, true
	}
	return "", false
}

func (b *builder) encryption(c cleaned) {
	v, ok := b.find("encryption")
	if isSSL := c.scheme == "smtps" || c.scheme == "ssl"; !ok || isSSL && v.origin.From == "preset" {
		b.s.Encryption = probe.Auto
		if c.scheme == "smtps" || c.scheme == "ssl" {
			b.s.Encryption = probe.SSL
			b.s.Origins["encryption"] = b.s.Origins["host"]
			return
		}
		b.given("encryption", "auto")
		return
	}
	e, isAmbiguous := encryptionOf(v.text, b.s.Port)
	if e == "" {
		const words = "starttls, ssl (TLS from the first byte), none or auto."
		hint := words
		if near := nearest(strings.TrimSpace(v.text), []string{"starttls", "ssl", "none", "auto"}); near != "" {
			hint = "Did you mean " + near + "? " + words
		}
		b.refuse("encryption", v, hint, "there is no such encryption")
		return
	}
	b.s.Encryption = e
	if isAmbiguous {
		b.see(cause.EncryptionAmbiguous, nil)
	}
}

// defaults fill the port by the encryption, and the encryption by a port that
// means one; on any other port one look tells, which is the engine's business.
func (b *builder) defaults() {
	if b.s.Port == 0 {
		b.s.Port = usualPort(b.s.Encryption)
		b.given("port", "by encryption")
	}
	if b.s.Encryption != probe.Auto {
		return
	}
	switch b.s.Port {
	case 465:
		b.s.Encryption = probe.SSL
	case 25, 587, 2525:
		b.s.Encryption = probe.STARTTLS
	default:
		return
	}
	b.s.Origins["encryption"] = probe.Origin{From: "found", Where: fmt.Sprintf("port %d", b.s.Port)}
}

func usualPort(e probe.Encryption) int {
	switch e {
	case probe.SSL:
		return 465
	case probe.NoEncryption:
		return 25
	}
	return 587
}
