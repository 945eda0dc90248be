// Package token fetches OAuth 2.0 access tokens for sending mail, renews them,
// and looks inside one without trusting it. For the token command, for profiles
// whose token is fetched, and for a check that wants to know before the login
// what a server would only answer with 535.
package token

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/endpoints"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// The providers whose ways to a token are known.
const (
	Microsoft = "microsoft"
	Google    = "google"
)

// Flow is a way to a token.
type Flow string

// The flows.
const (
	Device            Flow = "device"             // a person enters a code in any browser (RFC 8628)
	ClientCredentials Flow = "client-credentials" // the application on its own (RFC 6749 section 4.4)
	Browser           Flow = "browser"            // a person signs in on this computer: code with PKCE to a loopback address (RFC 8252)
	ServiceAccount    Flow = "service-account"    // a signed assertion in the name of the account (RFC 7523)
)

// Flows are those of a provider, the usual one first; none for an unknown one.
func Flows(provider string) []Flow {
	switch provider {
	case Microsoft:
		return []Flow{Device, ClientCredentials}
	case Google:
		return []Flow{Browser, ServiceAccount}
	}
	return nil
}

// WantsPerson tells whether somebody has to sign in.
func (f Flow) WantsPerson() bool { return f == Device || f == Browser }

// Request says which token is wanted. The client is the user's own: no
// identity of this program is registered anywhere.
type Request struct {
	Provider     string
	Flow         Flow // "": the provider's usual one for what is given
	ClientID     string
	ClientSecret secret.Value
	Key          secret.Value // a service account's key, the JSON file's text
	Tenant       string       // Microsoft: domain, id, or "" for any
	Account      string       // mailbox: whose token it is to be
	Scopes       []string     // nil: what sending by SMTP wants
	Endpoints    Endpoints
}

// Endpoints replace the provider's, for national clouds and for tests. Each is
// an https URL; an empty one stands for the provider's.
type Endpoints struct {
	Authority string // Microsoft: base of the three others, as in https://login.microsoftonline.us
	Auth      string // where a person signs in
	Token     string
	Device    string
}

// RequestError says which part of a request cannot be used, and what to do.
type RequestError struct {
	Field      string // provider, flow, client-id, client-secret, key, tenant, account, authority, auth-url, token-url, device-url
	Text, Hint string
}

func (e *RequestError) Error() string { return e.Text }

func wrong(field, hint, format string, args ...any) *RequestError {
	return &RequestError{Field: field, Text: fmt.Sprintf(format, args...), Hint: hint}
}

// Check gives the request with its flow filled in, or a *RequestError. Nothing
// is contacted.
func (r Request) Check() (Request, error) {
	flows := Flows(r.Provider)
	if flows == nil {
		return r, wrong("provider", "microsoft or google.", "there is no such provider of tokens")
	}
	if r.Flow == "" {
		r.Flow = r.usual()
	}
	if !slices.Contains(flows, r.Flow) {
		return r, wrongFlow(r)
	}
	for _, check := range []func(Request) *RequestError{checkClient, checkAccount, checkTenant, checkEndpoints} {
		if err := check(r); err != nil {
			return r, err
		}
	}
	return r, nil
}

// usual is the flow that fits what was given.
func (r Request) usual() Flow {
	switch {
	case r.Provider == Microsoft && r.ClientSecret.IsSet():
		return ClientCredentials
	case r.Provider == Google && r.Key.IsSet():
		return ServiceAccount
	}
	return Flows(r.Provider)[0]
}

func wrongFlow(r Request) *RequestError {
	if r.Provider == Google && r.Flow == Device {
		return wrong("flow", "browser, or service-account for a whole Workspace domain.",
			"Google's device flow gives no tokens for mail (it answers invalid_scope)")
	}
	var names []string
	for _, f := range Flows(r.Provider) {
		names = append(names, string(f))
	}
	return wrong("flow", strings.Join(names, " or ")+".", "%s has no such flow", r.Provider)
}

func checkClient(r Request) *RequestError {
	switch {
	case r.Flow == ServiceAccount && !r.Key.IsSet():
		return wrong("key", "It is the JSON file that Google Cloud gives for the service account.", "a service account needs its key")
	case r.Flow == ServiceAccount:
		_, err := readKey(r.Key)
		return err
	case r.ClientID == "":
		return wrong("client-id", clientHint(r.Provider), "the id of your own application (client id) is missing")
	case !isPlain(r.ClientID):
		return wrong("client-id", clientHint(r.Provider), "this is no client id: it has blanks or control characters in it")
	case r.Flow == ClientCredentials && !r.ClientSecret.IsSet():
		return wrong("client-secret", "Microsoft Entra admin center > App registrations > your application > Certificates & secrets (the value, not the id).",
			"an application that signs in on its own needs its client secret")
	}
	return nil
}

func clientHint(provider string) string {
	if provider == Google {
		return "Google Cloud console > APIs & Services > Credentials > OAuth client ID, type Desktop app."
	}
	return "Microsoft Entra admin center > App registrations > your application > Application (client) ID."
}

func checkAccount(r Request) *RequestError {
	switch {
	case r.Flow == ServiceAccount && r.Account == "":
		return wrong("account", "A service account has no mailbox of its own; name the one it is to send as.", "the mailbox is missing")
	case r.Account != "" && !isPlain(r.Account):
		return wrong("account", "", "the account has blanks or control characters in it")
	}
	return nil
}

// checkTenant keeps what goes into the path of a URL to what a tenant can be.
func checkTenant(r Request) *RequestError {
	const hint = "The directory's domain or id, as in acme.onmicrosoft.com (Microsoft Entra admin center > Overview)."
	strange := strings.ContainsFunc(r.Tenant, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-')
	})
	switch {
	case strange || strings.Trim(r.Tenant, ".") != r.Tenant:
		return wrong("tenant", hint, "this is no tenant")
	case r.Flow == ClientCredentials && (r.Tenant == "" || slices.Contains([]string{"common", "organizations", "consumers"}, r.Tenant)):
		return wrong("tenant", hint, "an application that signs in on its own must name its tenant")
	}
	return nil
}

func checkEndpoints(r Request) *RequestError {
	for field, text := range map[string]string{"authority": r.Endpoints.Authority, "auth-url": r.Endpoints.Auth,
		"token-url": r.Endpoints.Token, "device-url": r.Endpoints.Device} {
		if text == "" {
			continue
		}
		if u, err := url.Parse(text); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			return wrong(field, "For example https://login.microsoftonline.us", "this is no https URL")
		}
	}
	return nil
}

// isPlain: one word without blanks and control characters.
func isPlain(s string) bool {
	return secret.Clean(s) == s && !strings.ContainsAny(s, " \n")
}

// endpoint is where the provider is asked; client id and secret go into the
// body, which both providers take, so that a code is not spent on a try.
func (r Request) endpoint() oauth2.Endpoint {
	e := endpoints.Google
	if r.Provider == Microsoft {
		e = r.microsoft()
	}
	e.AuthStyle = oauth2.AuthStyleInParams
	for _, o := range []struct {
		to   *string
		from string
	}{{&e.AuthURL, r.Endpoints.Auth}, {&e.TokenURL, r.Endpoints.Token}, {&e.DeviceAuthURL, r.Endpoints.Device}} {
		if o.from != "" {
			*o.to = o.from
		}
	}
	return e
}

func (r Request) microsoft() oauth2.Endpoint {
	if r.Endpoints.Authority == "" {
		return endpoints.AzureAD(r.Tenant)
	}
	tenant := r.Tenant
	if tenant == "" {
		tenant = "common"
	}
	base := strings.TrimRight(r.Endpoints.Authority, "/") + "/" + tenant + "/oauth2/v2.0/"
	return oauth2.Endpoint{AuthURL: base + "authorize", TokenURL: base + "token", DeviceAuthURL: base + "devicecode"}
}

// scopes are what sending by SMTP wants, unless others were asked for.
func (r Request) scopes() []string {
	switch {
	case r.Scopes != nil:
		return r.Scopes
	case r.Flow == ClientCredentials:
		return []string{"https://outlook.office365.com/.default"}
	case r.Provider == Microsoft:
		return []string{"https://outlook.office.com/SMTP.Send", "offline_access"}
	}
	return []string{googleMail}
}

// googleMail is the one scope with which Gmail takes a token for SMTP.
const googleMail = "https://mail.google.com/"

// entry names the request where refresh tokens are kept.
func (r Request) entry() string {
	return strings.ToLower(strings.Join([]string{r.Provider, r.ClientID, r.Tenant, r.Account}, " "))
}
