package discover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
)

// invented is the local part that Autodiscover is asked with: the protocol
// wants an address, and nobody's is given away.
const invented = "autodiscover"

// autodiscoverAnswer is the part of a POX answer that is read ([MS-OXDSCLI]).
type autodiscoverAnswer struct {
	XMLName  struct{} `xml:"Autodiscover"`
	Response struct {
		Account struct {
			Action       string `xml:"Action"`
			RedirectURL  string `xml:"RedirectUrl"`
			RedirectAddr string `xml:"RedirectAddr"`
			Protocols    []struct {
				Type       string `xml:"Type"`
				Server     string `xml:"Server"`
				Port       string `xml:"Port"`
				SSL        string `xml:"SSL"`
				Encryption string `xml:"Encryption"`
				LoginName  string `xml:"LoginName"`
			} `xml:"Protocol"`
		} `xml:"Account"`
	} `xml:"Response"`
}

// askAutodiscover asks the domain's own POX Autodiscover over https, without
// credentials, and never Microsoft.
func (s *search) askAutodiscover(ctx context.Context) reply {
	if mx := s.mx.wait(ctx); isMicrosoft(mx.hosts...) {
		return notAsked("the domain is at Microsoft, which is never asked")
	}
	r := betterOf(func(url string) reply { return s.askAutodiscoverAt(ctx, url) },
		"https://autodiscover."+s.domain+"/autodiscover/autodiscover.xml", "https://"+s.domain+"/autodiscover/autodiscover.xml")
	if r.state == Found {
		r.text += " (asked for " + invented + "@" + s.domain + ", not for you)"
	}
	return r
}

func (s *search) askAutodiscoverAt(ctx context.Context, url string) reply {
	asked := hostOf(url)
	for range maxRedirects {
		p, err := s.web.fetch(ctx, request{url: url, body: s.autodiscoverRequest(), allow: s.notMicrosoft})
		if err != nil {
			return autodiscoverTrouble(asked, err)
		}
		if isHTML(p.body) {
			return reply{state: Nothing, text: asked + ": a web page, no configuration"}
		}
		var answer autodiscoverAnswer
		if err := readXML(p.body, &answer); err != nil {
			return reply{state: Failed, text: asked + ": " + err.Error()}
		}
		account := answer.Response.Account
		if account.RedirectAddr != "" {
			return reply{state: Nothing, text: asked + ": it leads to another address, " + oneLine(account.RedirectAddr) + ", which is not followed"}
		}
		if account.RedirectURL == "" {
			return s.readAutodiscover(asked, answer)
		}
		if !strings.HasPrefix(strings.ToLower(account.RedirectURL), "https://") {
			return reply{state: Failed, text: asked + ": it leads on, but not over https, which is not followed"}
		}
		url = account.RedirectURL
	}
	return reply{state: Failed, text: fmt.Sprintf("%s: it leads on more than %d times", asked, maxRedirects)}
}

func autodiscoverTrouble(host string, err error) reply {
	var never *microsoftError
	if errors.As(err, &never) {
		return notAsked(never.Error())
	}
	return webReply("https://"+host, err)
}

func (s *search) autodiscoverRequest() string {
	return `<?xml version="1.0" encoding="utf-8"?>` +
		`<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>` +
		`<EMailAddress>` + invented + "@" + s.domain + `</EMailAddress>` +
		`<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema>` +
		`</Request></Autodiscover>`
}

func (s *search) readAutodiscover(host string, answer autodiscoverAnswer) reply {
	r := reply{state: Nothing, text: host + ": it names no SMTP server"}
	for _, p := range answer.Response.Account.Protocols {
		host := hostName(p.Server)
		port, err := strconv.Atoi(strings.TrimSpace(p.Port))
		if !strings.EqualFold(strings.TrimSpace(p.Type), "SMTP") || host == "" || err != nil || port < 1 || port > 65535 || len(r.offers) >= maxServers {
			continue
		}
		r.offers = append(r.offers, Candidate{Host: host, Port: port, Encryption: poxEncryption(p.Encryption, p.SSL, port),
			Account: s.poxAccount(p.LoginName), rank: rankAutodiscover, order: len(r.offers)})
	}
	if len(r.offers) > 0 {
		r.state, r.text = Found, host+": "+words(r.offers)
	}
	return r
}

// poxEncryption reads Encryption (None, SSL, TLS, Auto) where it is given, and
// SSL (on, off) where not: "on" means TLS of either kind, and the port decides.
func poxEncryption(encryption, ssl string, port int) probe.Encryption {
	byPort := probe.STARTTLS
	if port == 465 {
		byPort = probe.SSL
	}
	switch strings.ToUpper(strings.TrimSpace(encryption)) {
	case "SSL":
		return probe.SSL
	case "TLS", "STARTTLS":
		return byPort
	case "NONE":
		return probe.NoEncryption
	}
	if strings.EqualFold(strings.TrimSpace(ssl), "off") {
		return probe.NoEncryption
	}
	return byPort
}

// poxAccount reads the form of a login name from the one of the invented address.
func (s *search) poxAccount(name string) presets.Account {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "", invented + "@" + s.domain:
		return presets.Account{Form: "full-address"}
	case invented:
		return presets.Account{Form: "local-part"}
	}
	return presets.Account{}
}

// microsoftError stops a question before it gets to Microsoft.
type microsoftError struct{ host string }

func (e *microsoftError) Error() string {
	return e.host + " leads to Microsoft, which is never asked"
}

// notMicrosoft looks where a name leads before it is asked.
func (s *search) notMicrosoft(ctx context.Context, host string) error {
	found, err := s.lookup(ctx, host, dns.TypeA)
	if err != nil {
		return err
	}
	if isMicrosoft(append(found.aliases, host)...) {
		return &microsoftError{host}
	}
	return nil
}

// isMicrosoft knows Microsoft's hosts by their domains.
func isMicrosoft(hosts ...string) bool {
	domains := []string{"outlook.com", "office365.com", "office.com", "office.net", "microsoft.com", "microsoftonline.com", "microsoftonline.us",
		"mx.microsoft", "cloud.microsoft", "office365.us", "hotmail.com", "live.com", "msn.com", "onmicrosoft.com", "outlook.cn", "outlook.de",
		"azure.com", "azure.net", "windows.net", "trafficmanager.net", "azurefd.net", "msedge.net"}
	return slices.ContainsFunc(hosts, func(host string) bool {
		return slices.ContainsFunc(domains, func(domain string) bool { return isWithin(plain(host), domain) })
	})
}
