package profile

import (
	"crypto/tls"
	"fmt"
	"net/mail"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// builder makes one set of settings. The first thing that is wrong stays in
// wrong; the rest is read all the same, so that a report can name the host,
// but no credential is.
type builder struct {
	*loader
	set       set
	s         probe.Settings
	wrong     *UsageError
	hostLevel int

	filler           *filler // of the preset that was named, or nil
	presetHost       string
	presetPort       int
	presetEncryption string
}

func (l *loader) build(c set) probe.Settings {
	b := &builder{loader: l, set: c, s: probe.Settings{Profile: c.name, UsedBy: "here", TLSMin: tls.VersionTLS12, Until: l.flags.Until,
		Origins: map[string]probe.Origin{}}}
	if c.file != nil {
		b.wrong = c.file.wrong
	}
	if c.file != nil && c.file.origin.named {
		b.s.File = c.file.origin.path
	}
	b.preset()
	b.fromPreset()
	b.server()
	b.identity()
	b.policy()
	b.network()
	if b.wrong == nil {
		b.credentials()
	}
	if b.wrong == nil {
		b.follow()
	}
	if b.wrong != nil {
		b.s.Refused = &probe.Refusal{Key: b.wrong.Key, Text: b.wrong.Text, Hint: b.wrong.Hint}
		return b.s
	}
	b.remark()
	b.compare()
	return b.s
}

// refuse notes what is wrong with a value; the value itself is not repeated
// unless the caller puts it into the text.
func (b *builder) refuse(key string, v value, hint, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if v.at != "" {
		text = v.at + ": " + text
	}
	b.reject(&UsageError{Key: key, Text: text, Hint: hint})
}

func (b *builder) reject(wrong *UsageError) {
	if b.wrong == nil {
		b.wrong = wrong
	}
}

// find gives a key's value from the highest source that has one, and notes its origin.
func (b *builder) find(key string) (value, bool) {
	v, ok := b.look(key)
	if ok {
		b.s.Origins[key] = v.origin
	}
	return v, ok
}

func (b *builder) look(key string) (value, bool) {
	if v, ok := b.fromFlags(key); ok {
		return v, true
	}
	if text := b.set.target.account; key == "account" && text != "" {
		return targetValue(text), true
	}
	if text := b.env(key); text != "" {
		name := variable(key)
		return value{text: text, list: splitAddresses(text), at: name, level: levelEnv, origin: probe.Origin{From: "env", Where: name}}, true
	}
	if b.set.file != nil {
		if v, ok := b.set.file.values[key]; ok {
			return v, true
		}
	}
	return b.presetValue(key)
}

// fromFlags: a target's host goes before --host, with which it is refused
// unless both say the same.
func (b *builder) fromFlags(key string) (value, bool) {
	if text := b.set.target.host; key == "host" && text != "" {
		return targetValue(text), true
	}
	flag := "--" + flagName(key)
	v := value{at: flag, level: levelFlag, origin: probe.Origin{From: "flag", Where: flag}}
	switch {
	case key == "from":
		v.list = b.flags.From
	case key == "to":
		v.list = b.flags.To
	case b.flags.Values[key] != "":
		v.text = b.flags.Values[key]
		v.list = []string{v.text}
	}
	return v, len(v.list) > 0
}

func targetValue(text string) value {
	return value{text: text, at: "the target", level: levelFlag, origin: probe.Origin{From: "target", Where: "command line"}}
}

// splitAddresses takes a variable's list apart at commas, not inside quotes.
func splitAddresses(text string) []string {
	list, err := mail.ParseAddressList(text)
	if err != nil || len(list) < 2 {
		return []string{text}
	}
	var out []string
	for _, a := range list {
		out = append(out, a.Address)
	}
	return out
}

// given notes a default.
func (b *builder) given(key, where string) {
	b.s.Origins[key] = probe.Origin{From: "default", Where: where}
}

func (b *builder) see(o cause.Observation, values map[string]string) {
	b.s.Remarks = append(b.s.Remarks, probe.Remark{Observation: string(o), Values: values})
}
