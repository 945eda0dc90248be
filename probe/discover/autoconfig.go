package discover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// clientConfig is the part of an autoconfig document that is read
// (draft-bucksch-autoconfig; as Thunderbird has it, version 1.1).
type clientConfig struct {
	XMLName   struct{}      `xml:"clientConfig"`
	Providers []emailServer `xml:"emailProvider"`
}

type emailServer struct {
	Incoming []configServer `xml:"incomingServer"`
	Outgoing []configServer `xml:"outgoingServer"`
	Enable   []struct {
		URL   string   `xml:"visiturl,attr"`
		Texts []string `xml:"instruction"`
	} `xml:"enable"`
}

type configServer struct {
	Type     string `xml:"type,attr"`
	Host     string `xml:"hostname"`
	Port     string `xml:"port"`
	Socket   string `xml:"socketType"`
	Username string `xml:"username"`
}

// published asks for the autoconfig that the domain itself publishes. The URL
// has the domain in it and nothing else: no address goes with it.
func (s *search) published(url string) func(context.Context) reply {
	return func(ctx context.Context) reply { return s.askAutoconfig(ctx, url, s.domain, rankPublished) }
}

// askAutoconfig fetches one document. domain is the one whose customers it is for.
func (s *search) askAutoconfig(ctx context.Context, url, domain string, rank int) reply {
	p, err := s.web.fetch(ctx, request{url: url})
	if err != nil {
		return webReply(url, err)
	}
	r := s.readAutoconfig(p.body, domain, rank)
	r.text = hostOf(url) + ": " + r.text
	if p.from != "" {
		r.text += " (redirected to " + p.from + ")"
	}
	return r
}

func webReply(url string, err error) reply {
	var gone *absent
	r := trouble(err)
	if errors.As(err, &gone) {
		r = reply{state: Nothing, text: gone.text}
	}
	r.text = hostOf(url) + ": " + r.text
	return r
}

// hostOf is the host of a URL of ours.
func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// readAutoconfig makes offers of a document; rank 0 wants only the words.
func (s *search) readAutoconfig(body []byte, domain string, rank int) reply {
	if isHTML(body) {
		return reply{state: Nothing, text: "a web page, no configuration"}
	}
	var config clientConfig
	if err := readXML(body, &config); err != nil {
		return reply{state: Failed, text: err.Error()}
	}
	r := reply{state: Nothing, text: "a configuration that names no usable SMTP server"}
	for _, provider := range config.Providers {
		for _, server := range provider.Outgoing {
			if c, ok := server.candidate(domain, rank, len(r.offers)); ok && len(r.offers) < maxServers {
				c.Enable = provider.enable()
				r.offers = append(r.offers, c)
			}
		}
		for _, server := range provider.Incoming {
			if c, ok := server.candidate(domain, rank, 0); ok && strings.EqualFold(server.Type, "imap") && len(r.inbox) < maxServers {
				r.inbox = append(r.inbox, Inbox{Host: c.Host, Port: c.Port, Encryption: c.Encryption, Source: "autoconfig"})
			}
		}
	}
	if len(r.offers) > 0 {
		r.state, r.text = Found, words(r.offers)
	}
	return r
}

// candidate reads a server; an incoming one is read alike. What has no usable
// name, port or encryption is none.
func (c configServer) candidate(domain string, rank, order int) (Candidate, bool) {
	host := hostName(strings.ReplaceAll(c.Host, "%EMAILDOMAIN%", domain))
	port, err := strconv.Atoi(strings.TrimSpace(c.Port))
	encryption := map[string]probe.Encryption{"SSL": probe.SSL, "TLS": probe.SSL, "STARTTLS": probe.STARTTLS, "PLAIN": probe.NoEncryption}[strings.ToUpper(strings.TrimSpace(c.Socket))]
	if host == "" || err != nil || port < 1 || port > 65535 || encryption == "" {
		return Candidate{}, false
	}
	out := Candidate{Host: host, Port: port, Encryption: encryption, rank: rank, order: order}
	out.Account, out.template = accountOf(c.Username)
	return out, true
}

// accountOf reads the form of a login name.
func accountOf(template string) (presets.Account, string) {
	template = strings.TrimSpace(template)
	switch {
	case template == "" || len(template) > 256 || secret.Clean(template) != template || strings.Contains(template, "\n"):
		return presets.Account{}, ""
	case template == "%EMAILADDRESS%":
		return presets.Account{Form: "full-address"}, ""
	case template == "%EMAILLOCALPART%":
		return presets.Account{Form: "local-part"}, ""
	case !strings.Contains(template, "%EMAIL"):
		return presets.Account{Form: "fixed", Word: template}, ""
	}
	return presets.Account{Form: "other", Text: "as in " + template}, template
}

// enable is what the domain says must be switched on first.
func (e emailServer) enable() []presets.Enable {
	var all []presets.Enable
	for _, one := range e.Enable {
		text := oneLine(strings.Join(one.Texts, " "))
		if text != "" && len(all) < 3 {
			all = append(all, presets.Enable{Text: text, Link: oneLine(one.URL)})
		}
	}
	return all
}

// oneLine makes foreign text fit for a sheet.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(secret.Clean(text)), " ")
	if len(text) > 300 {
		return strings.ToValidUTF8(text[:300], "") + " ..."
	}
	return text
}

// askPlainHTTP asks over http, where anybody on the way can write the answer:
// it is shown, and never made a candidate. No redirect is followed.
func (s *search) askPlainHTTP(ctx context.Context) reply {
	url := "http://autoconfig." + s.domain + "/mail/config-v1.1.xml"
	p, err := s.web.fetch(ctx, request{url: url, noHops: true})
	if err != nil {
		return webReply(url, err)
	}
	r := s.readAutoconfig(p.body, s.domain, 0)
	r.offers, r.inbox = nil, nil
	r.text = hostOf(url) + ": " + r.text
	if r.state == Found {
		r.text += " (over http anybody on the way can write this: shown, not used)"
	}
	return r
}

// askWhereMXIs asks for autoconfig at the registrable domain of the MX, where
// hosting companies publish it for all their customers.
func (s *search) askWhereMXIs(ctx context.Context) reply {
	mx := s.mx.wait(ctx)
	switch {
	case !mx.known:
		return notAsked("the MX is not known")
	case len(mx.hosts) == 0:
		return notAsked("there is no MX")
	case mx.filter != "":
		return notAsked("the MX belongs to a filter, " + mx.filter)
	}
	at := registrable(mx.hosts[0])
	if at == s.domain {
		return notAsked("the MX is in the domain itself")
	}
	return betterOf(func(url string) reply { return s.askAutoconfig(ctx, url, s.domain, rankMXPublished) },
		"https://autoconfig."+at+"/mail/config-v1.1.xml", "https://"+at+"/.well-known/autoconfig/mail/config-v1.1.xml")
}

// askDatabase asks the public configuration database, by the domain and by
// that of its MX.
func (s *search) askDatabase(ctx context.Context) reply {
	const base = "https://autoconfig.thunderbird.net/v1.1/"
	r := s.askAutoconfig(ctx, base+s.domain, s.domain, rankDatabase)
	mx := s.mx.wait(ctx)
	if r.state == Found || len(mx.hosts) == 0 || mx.filter != "" || registrable(mx.hosts[0]) == s.domain {
		return r
	}
	return better(r, s.askAutoconfig(ctx, base+registrable(mx.hosts[0]), s.domain, rankDatabase))
}

// betterOf asks at two places at once and gives the reply that says more.
func betterOf(ask func(url string) reply, first, second string) reply {
	other := make(chan reply, 1)
	go func() { other <- ask(second) }()
	r := ask(first)
	return better(r, <-other)
}

// better is the reply that says more; the texts of two that say nothing are joined.
func better(a, b reply) reply {
	order := []State{Found, Failed, TimedOut, Nothing, NotAsked}
	if slices.Index(order, b.state) < slices.Index(order, a.state) {
		a, b = b, a
	}
	if a.state != Found {
		a.text = fmt.Sprintf("%s; %s", a.text, b.text)
	}
	return a
}
