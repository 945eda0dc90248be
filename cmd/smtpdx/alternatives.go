package main

import (
	"slices"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/alternative"
)

// alternatives tries other settings when a connection does not come about.
func (o *checkOptions) alternatives() probe.Alternatives {
	if o.settings.noAlternatives {
		return nil
	}
	return alternative.Finder{Published: publishedFor}
}

// publishedFor gives the servers of the provider that a host belongs to: as
// its server, as a mail domain that was given for one, or, where there is no
// such host, as the misspelling of a well-known one.
func publishedFor(host string, mx []string, missing bool) []alternative.Endpoint {
	id, by, ok := presets.Match(host)
	switch {
	case ok && by == "host":
		return endpointsOf(id, host, "")
	case ok && by == "mx":
		return endpointsOf(id, host, host+" takes incoming mail only; applications send over another server of "+presets.Name(id)+".")
	case ok:
		return endpointsOf(id, host, host+" is a mail domain of "+presets.Name(id)+", not its server.")
	}
	for _, name := range mx {
		if id, ok := presets.MatchMX(name); ok {
			return endpointsOf(id, host, host+" is a mail domain; its mail is at "+presets.Name(id)+".")
		}
	}
	if !missing {
		return nil
	}
	near := nearHost(host)
	if near == "" {
		return nil
	}
	id, _ = presets.MatchHost(near)
	return endpointsOf(id, near, "Did you mean "+near+"?", near)
}

// endpointsOf gives the endpoints whose host is known; only, if given, those of one host.
func endpointsOf(id, domain, why string, only ...string) []alternative.Endpoint {
	provider, ok := presets.Get(id)
	if !ok {
		return nil
	}
	var list []alternative.Endpoint
	for _, e := range provider.Endpoints {
		filled, missing := e.Fill(domain, nil)
		if len(missing) > 0 || len(only) > 0 && !slices.Contains(only, filled.Host) {
			continue
		}
		list = append(list, alternative.Endpoint{Host: filled.Host, Port: filled.Port, Encryption: probe.Encryption(filled.Encryption), Why: why})
	}
	return list
}

// nearHost is the server of a provider whose name is one or two letters away.
func nearHost(host string) string {
	const mostLetters = 2
	best, least := "", mostLetters+1
	for _, id := range presets.IDs() {
		provider, _ := presets.Get(id)
		for _, e := range provider.Endpoints {
			if d := distance(host, e.Host); len(e.Placeholders()) == 0 && d < least {
				best, least = e.Host, d
			}
		}
	}
	return best
}
