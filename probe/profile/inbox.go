package profile

import (
	"errors"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/smtpdx/smtpdx/probe"
)

// inboxKeys lists what may be written below inbox.
func inboxKeys() []string {
	return []string{"host", "port", "encryption", "account", "password", "token", "ca_file", "tls_server_name", "insecure", "folder"}
}

const inboxForm = "inbox: {host: imap.example.com, account: me@example.com, password: {env: NAME}}"

// inbox reads the mapping that says how to read a mailbox.
func (p *parser) inbox(v *value, n *yaml.Node) (*value, *UsageError) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, usage(inboxForm, "%s: inbox wants settings below it, each as \"key: value\"", p.at(n))
	}
	v.inbox = map[string]value{}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, body := n.Content[i], resolve(n.Content[i+1])
		switch {
		case !slices.Contains(inboxKeys(), key.Value):
			return nil, p.unknown(key, inboxKeys())
		case seen[key.Value]:
			return nil, p.twice(key)
		}
		seen[key.Value] = true
		kind := textKind
		if key.Value == "password" || key.Value == "token" {
			kind = secretKind
		}
		one, wrong := p.value(key, kind, body)
		if wrong != nil {
			return nil, wrong
		}
		if one != nil {
			v.inbox[key.Value] = *one
		}
	}
	return v, nil
}

// follow finds the mailbox that a message is looked for in: that of the
// profile that was named, else the own one; nil: a person looks.
func (b *builder) follow() {
	if !b.flags.Follow {
		return
	}
	b.s.Follow = &probe.Follow{}
	profile, v := b.set.name, value{}
	if name, at := b.inboxName(); name != "" {
		file, wrong := b.profileOf(name, at)
		if wrong != nil {
			b.reject(wrong)
			return
		}
		profile, v = name, file.values["inbox"]
		if v.inbox == nil {
			b.reject(&UsageError{Key: "inbox", Text: at + ": the profile " + name + " has no inbox", Hint: inboxForm})
			return
		}
		if file.wrong != nil && file.wrong.Key == "inbox" {
			b.reject(file.wrong)
			return
		}
	} else if b.set.file != nil {
		v = b.set.file.values["inbox"]
	}
	if v.inbox == nil {
		return
	}
	b.s.Origins["inbox"] = v.origin
	b.s.Follow.Inbox = b.readInbox(profile, v)
}

// inboxName is the profile whose inbox was asked for by flag or variable.
func (b *builder) inboxName() (name, at string) {
	if name := b.flags.Values["inbox"]; name != "" {
		return name, "--inbox"
	}
	if name := b.env("inbox"); name != "" {
		return name, variable("inbox")
	}
	return "", ""
}

// profileOf gives a profile by its name, of the file that was read or would be.
func (b *builder) profileOf(name, at string) (*layer, *UsageError) {
	doc := b.doc
	if doc == nil {
		var err error
		var wrong *UsageError
		if doc, err = b.readFoundOnes(); errors.As(err, &wrong) {
			return nil, wrong
		}
	}
	switch {
	case doc == nil:
		return nil, &UsageError{Key: "inbox", Text: at + ": it names a profile, and there is no settings file", Hint: "Name the file with -c, or write ./smtpdx.yaml."}
	case !slices.Contains(doc.names, name):
		return nil, &UsageError{Key: "inbox", Text: at + ": " + doc.file + " has no profile of that name", Hint: profileHint(name, doc.names)}
	}
	return doc.profiles[name], nil
}

// readInbox makes the settings of IMAP; what is wrong with them is refused.
func (b *builder) readInbox(profile string, v value) *probe.Inbox {
	in := &probe.Inbox{Profile: profile, Encryption: probe.SSL, Folder: v.inbox["folder"].text}
	host := v.inbox["host"]
	c := cleanHost(host.text)
	switch {
	case host.text == "":
		b.refuse("inbox", v, inboxForm, "the inbox has no host")
		return in
	case c.address || c.host == "" || strings.Contains(c.host, ":") && !isIP(c.host):
		b.refuse("inbox", host, "The name of the mailbox server is wanted, for example imap.example.com.", "this is no host")
		return in
	}
	in.Host = c.host
	in.Account = strings.TrimSpace(v.inbox["account"].text)
	b.inboxLine(in, v, c.port)
	b.inboxTLS(in, v)
	if b.wrong == nil {
		b.inboxCredentials(in, v)
	}
	return in
}

// inboxLine reads port and encryption, which depend on each other.
func (b *builder) inboxLine(in *probe.Inbox, v value, behindHost string) {
	port := v.inbox["port"]
	if port.text == "" {
		port.text = behindHost
	}
	if port.text != "" {
		if in.Port = portNumber(port.text); in.Port == 0 {
			b.refuse("inbox", port, "Usual are 993 (SSL) and 143 (TLS/STARTTLS).", "the port has to be a number from 1 to 65535")
			return
		}
	}
	if word := v.inbox["encryption"]; word.text != "" {
		e, isAmbiguous := encryptionOf(word.text, 0)
		if isAmbiguous && in.Port != 143 {
			e = probe.SSL
		}
		if e != probe.SSL && e != probe.STARTTLS {
			b.refuse("inbox", word, "ssl or starttls: the password of a mailbox goes over an encrypted line only.", "there is no such encryption for an inbox")
			return
		}
		in.Encryption = e
	} else if in.Port == 143 {
		in.Encryption = probe.STARTTLS
	}
	if in.Port == 0 {
		in.Port = 993
		if in.Encryption == probe.STARTTLS {
			in.Port = 143
		}
	}
}

func (b *builder) inboxTLS(in *probe.Inbox, v value) {
	if name := v.inbox["tls_server_name"]; name.text != "" {
		if in.TLSServerName = cleanHost(name.text).host; in.TLSServerName == "" {
			b.refuse("inbox", name, "For example imap.example.com.", "this is no name that a certificate could carry")
		}
	}
	if word := v.inbox["insecure"]; word.text != "" {
		yes, known := truth(word.text)
		if !known {
			b.refuse("inbox", word, "true or false.", "insecure is either true or false")
		}
		in.Insecure = yes
	}
	file := v.inbox["ca_file"]
	if file.text == "" {
		return
	}
	in.CAFile = file.pathOf()
	raw, err := b.readPath(in.CAFile, "ca_file", maxFile)
	if err != nil {
		b.refuse("inbox", file, hintOfPath(file.text), "the file cannot be read: %s", reason(err))
		return
	}
	if in.CA = pool(raw); in.CA == nil {
		b.refuse("inbox", file, "PEM (-----BEGIN CERTIFICATE-----) or DER.", "there is no certificate in the file")
	}
}

// inboxCredentials read password or token, which stand beside the host that
// they belong to. A token goes before a password.
func (b *builder) inboxCredentials(in *probe.Inbox, v value) {
	if in.Account == "" {
		b.refuse("inbox", v, inboxForm, "the inbox has no account to log in with")
		return
	}
	for _, key := range []string{"token", "password"} {
		source, given := v.inbox[key]
		if !given || source.source == nil {
			continue
		}
		c := &credential{key: key + " of the inbox", source: *source.source, level: levelFile, at: source.at, file: source.file}
		if c.source.Kind == "oauth" {
			b.refuse("inbox", source, "token: {command: [smtpdx, token, fetch, ...]} gives it one.", "the token of an inbox cannot be fetched from here")
			return
		}
		b.exposure(c)
		got := probe.Credential{Source: c.source.Kind}
		if c.source.Kind != "prompt" {
			read, wrong := b.read(c, in.Account)
			if wrong != nil {
				wrong.Key = "inbox"
				b.reject(wrong)
				return
			}
			got.Value = read
		}
		if key == "token" {
			in.Token = got
		} else {
			in.Password = got
		}
		return
	}
	in.Password.Source = "prompt"
}

// truth reads the words for yes and no.
func truth(text string) (yes, known bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "yes", "on", "1":
		return true, true
	case "false", "no", "off", "0":
		return false, true
	}
	return false, false
}
