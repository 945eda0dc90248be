package profile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// soon is how long before an announced day it becomes a warning.
const soon = 90 * 24 * time.Hour

// preset finds the provider whose values fill what is absent.
func (b *builder) preset() {
	v, ok := b.find("preset")
	if !ok {
		return
	}
	id := strings.ToLower(strings.TrimSpace(v.text))
	p, known := presets.Get(id)
	if !known {
		hint := "smtpdx presets list shows them."
		if near := nearest(id, presets.IDs()); near != "" {
			hint = "Did you mean " + near + "? " + hint
		}
		b.refuse("preset", v, hint, "there is no such preset")
		return
	}
	if p.NoSMTP != "" {
		b.refuse("preset", v, p.NoSMTP, "%s has no SMTP", p.Name)
		return
	}
	b.s.Preset = id
	b.filler = &filler{provider: p, value: v}
}

// filler gives the values of a preset.
type filler struct {
	provider presets.Provider
	value    value // the setting that names the preset: its level is that of what it fills
}

func (f *filler) fill(text string) (value, bool) {
	v := f.value
	v.text, v.list = text, []string{text}
	v.origin = probe.Origin{From: "preset", Where: f.provider.ID}
	v.file = nil
	return v, text != ""
}

// endpointFor gives the first endpoint that goes with what is given already; 0
// and "" mean not given.
func endpointFor(p presets.Provider, port int, e probe.Encryption) (presets.Endpoint, bool) {
	i := slices.IndexFunc(p.Endpoints, func(x presets.Endpoint) bool {
		return (port == 0 || x.Port == port) && (e == "" || e == probe.Auto || probe.Encryption(x.Encryption) == e)
	})
	if i < 0 {
		return presets.Endpoint{}, false
	}
	return p.Endpoints[i], true
}

// fromPreset fills host, port and encryption where a preset is named and
// nothing else says them.
func (b *builder) fromPreset() {
	if b.filler == nil || b.wrong != nil {
		return
	}
	port, encryption := b.givenPort()
	endpoint, ok := endpointFor(b.filler.provider, port, encryption)
	if !ok {
		return // the preset says nothing of this pair; what was given stands
	}
	account, _ := b.look("account")
	_, domain, _ := cutAtLast(account.text)
	filled, missing := endpoint.Fill(toASCII(domain), nil)
	_, given := b.look("host")
	b.presetPort, b.presetEncryption = filled.Port, filled.Encryption
	if given {
		return
	}
	b.presetHost = filled.Host
	if len(missing) > 0 {
		b.refuse("preset", b.filler.value, "It stands in the welcome mail or in the customer area. Enter it with --host.",
			"the host of %s is different for each customer: %s", b.filler.provider.Name, filled.Host)
	}
}

func (b *builder) givenPort() (int, probe.Encryption) {
	port, encryption := 0, probe.Encryption("")
	host, _ := b.look("host")
	typed := cleanHost(host.text)
	if v, ok := b.look("port"); ok {
		port = portNumber(v.text)
	} else if typed.port != "" {
		port = portNumber(typed.port)
	}
	if v, ok := b.look("encryption"); ok {
		encryption, _ = encryptionOf(v.text, port)
	} else if typed.scheme == "smtps" || typed.scheme == "ssl" {
		encryption = probe.SSL
	}
	return port, encryption
}

// presetValue is what the preset has for a key.
func (b *builder) presetValue(key string) (value, bool) {
	if b.filler == nil {
		return value{}, false
	}
	switch key {
	case "host":
		return b.filler.fill(b.presetHost)
	case "port":
		if b.presetPort > 0 {
			return b.filler.fill(fmt.Sprint(b.presetPort))
		}
	case "encryption":
		return b.filler.fill(b.presetEncryption)
	case "account":
		return b.filler.fill(b.filler.provider.Account.Word)
	}
	return value{}, false
}

// compare says what the provider, known by the host, publishes otherwise and
// wants to be known before the first login.
func (b *builder) compare() {
	p, ok := b.provider()
	if !ok {
		return
	}
	b.s.Provider = &probe.Provider{ID: p.ID, Name: p.Name}
	b.comparePort(p)
	b.compareAccount(p)
	if b.s.Account == "" {
		return
	}
	b.prepare(p)
	if !b.s.Token.IsGiven() {
		b.announced(p)
	}
}

// provider is the one whose server this is. Where several share a host, the
// account's domain tells more.
func (b *builder) provider() (presets.Provider, bool) {
	if b.filler != nil {
		return b.filler.provider, true
	}
	if _, domain, found := cutAtLast(b.s.Account); found {
		if id, ok := presets.MatchDomain(toASCII(domain)); ok {
			if p, ok := presets.Get(id); ok && hasHost(p, b.s.Host) {
				return p, true
			}
		}
	}
	id, ok := presets.MatchHost(b.s.Host)
	if !ok {
		return presets.Provider{}, false
	}
	return presets.Get(id)
}

func hasHost(p presets.Provider, host string) bool {
	return slices.ContainsFunc(p.Endpoints, func(e presets.Endpoint) bool {
		_, fits := e.Values(host)
		return fits
	})
}

// comparePort remarks a pair of port and encryption that the provider does not
// publish for this host.
func (b *builder) comparePort(p presets.Provider) {
	var published []string
	isVerified := false
	for _, e := range p.Endpoints {
		values, fits := e.Values(b.s.Host)
		if fits && e.Port == b.s.Port && (probe.Encryption(e.Encryption) == b.s.Encryption || b.s.Encryption == probe.Auto) {
			return
		}
		filled, missing := e.Fill("", values)
		if len(missing) == 0 && (fits || !hasHost(p, b.s.Host)) {
			published = append(published, endpointWords(filled))
			isVerified = isVerified || e.Verified
		}
	}
	if len(published) == 0 {
		return
	}
	seen := cause.ProviderDiffers
	if !isVerified {
		seen = cause.ListDiffers
	}
	b.see(seen, map[string]string{"provider": p.Name, "published": strings.Join(published, "; ")})
}

func endpointWords(e presets.Endpoint) string {
	word := map[string]string{"ssl": "SSL", "starttls": "TLS/STARTTLS", "none": "no encryption"}[e.Encryption]
	return fmt.Sprintf("%s port %d %s", e.Host, e.Port, word)
}

// compareAccount remarks a login name of another form than the provider wants.
func (b *builder) compareAccount(p presets.Provider) {
	if b.s.Account == "" {
		return
	}
	isAddress := strings.Contains(b.s.Account, "@")
	wanted := ""
	switch a := p.Account; a.Form {
	case "full-address":
		if !isAddress {
			wanted = "the full mail address"
		}
	case "local-part":
		if isAddress {
			wanted = "the part before the @"
		}
	case "fixed":
		if b.s.Account != a.Word {
			wanted = "the word " + a.Word
		}
	}
	if p.Account.Form != "" {
		b.unsee(cause.AccountWithoutDomain)
	}
	if wanted != "" {
		b.see(cause.AccountFormDiffers, map[string]string{"provider": p.Name, "wanted": wanted})
	}
}

// unsee takes back a remark that knowing the provider makes needless.
func (b *builder) unsee(o cause.Observation) {
	b.s.Remarks = slices.DeleteFunc(b.s.Remarks, func(r probe.Remark) bool { return r.Observation == string(o) })
}

// prepare notes what must be done at the provider before a login can work.
func (b *builder) prepare(p presets.Provider) {
	note := func(format string, args ...any) {
		if !reachesLogin(b.s.Until) {
			return
		}
		b.s.Provider.BeforeLogin = append(b.s.Provider.BeforeLogin, fmt.Sprintf(format, args...))
	}
	password := !b.s.Token.IsGiven()
	switch {
	case password && p.OAuth == "required":
		note("%s takes no password by SMTP, only sign-in by OAuth 2.0 (a token).", p.Name)
	case password && p.AppPassword == "required":
		b.see(cause.AppPasswordWanted, map[string]string{"provider": p.Name, "app_password_path": p.AppPasswordPath})
		note("%s takes an app password, not the normal one%s.", p.Name, way(p.AppPasswordPath))
	}
	if p.Enable != nil {
		b.see(cause.SwitchOnFirst, map[string]string{"provider": p.Name, "enable": p.Enable.Text, "enable_path": p.Enable.Path})
		note("%s: %s%s", p.Name, p.Enable.Text, way(p.Enable.Path))
	}
}

func way(path string) string {
	if path == "" {
		return ""
	}
	return " (" + path + ")"
}

// announced notes a change to password login, by how near it is.
func (b *builder) announced(p presets.Provider) {
	now := b.world.now()
	for _, a := range p.Announced {
		day, err := time.Parse(time.DateOnly, a.Date)
		if err != nil {
			continue
		}
		seen := cause.PasswordLoginEnding
		switch {
		case now.After(day):
			seen = cause.PasswordLoginEnded
		case day.Sub(now) <= soon:
			seen = cause.PasswordLoginEndingSoon
		}
		b.see(seen, map[string]string{"provider": p.Name, "ends": a.Date, "ends_text": a.Text, "ends_link": a.Link})
		return
	}
}
