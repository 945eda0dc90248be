package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// Form is what a token looks like from outside.
type Form string

// The forms.
const (
	Opaque       Form = "opaque"        // only its issuer can read it
	JWT          Form = "jwt"           // signed, readable (RFC 7519)
	Encrypted    Form = "encrypted"     // a JWT that only the service can read (RFC 7516)
	Broken       Form = "broken"        // begins like a JWT and is none, or holds what no token can hold
	IDToken      Form = "id-token"      // says who signed in, opens nothing
	RefreshToken Form = "refresh-token" // gets access tokens, is none
	AuthCode     Form = "code"          // an authorization code
	ClientSecret Form = "client-secret" // of an application
	Wrapped      Form = "wrapped"       // an access token with something around it
	Empty        Form = "empty"
)

// Inspection is what a token says of itself. Nothing is verified: whoever can
// write can write such a token. No part of it could be used as one.
type Inspection struct {
	Form      Form
	Length    int    // in bytes
	Flaw      string // what is wrong with the form, "" for nothing
	Provider  string // by issuer or by its beginning, "" for unknown
	Algorithm string // of the signature, "none" for none
	Issuer    string
	Audience  []string
	Scopes    []string // delegated by a person (scp or scope)
	Roles     []string // of the application itself
	User      string   // address or name of the person, "" where it names none
	App       string   // id of the application
	Tenant    string   // Microsoft
	AppOnly   bool     // an application's own token, without a person
	IssuedAt  time.Time
	NotBefore time.Time
	Expires   time.Time // zero where it does not say
}

// longestToken is more than any provider gives.
const longestToken = 64 << 10

// Inspect looks into a token. It is pure; now is there for what it says of
// times that cannot be.
func Inspect(raw string, now time.Time) Inspection {
	i := Inspection{Form: Opaque, Length: len(raw)}
	switch form, flaw := outside(raw); {
	case form != "":
		i.Form, i.Flaw = form, flaw
		return i
	case len(raw) > longestToken:
		i.Form, i.Flaw = Broken, "it is longer than any token"
		return i
	}
	if known, ok := byBeginning(raw); ok {
		i.Form, i.Provider, i.Flaw = known.form, known.provider, known.flaw
		return i
	}
	parts := strings.Split(raw, ".")
	if !strings.HasPrefix(raw, "eyJ") && len(parts) != 3 && len(parts) != 5 {
		return i
	}
	i.readParts(parts, now)
	return i
}

// outside finds what is wrong with a token as a text.
func outside(raw string) (Form, string) {
	trimmed := strings.TrimSpace(raw)
	switch {
	case trimmed == "":
		return Empty, "there is nothing in it"
	case len(raw) > len("bearer ") && strings.EqualFold(raw[:len("bearer ")], "bearer "):
		return Wrapped, "it begins with the word Bearer, which is no part of it"
	case strings.HasPrefix(trimmed, "{"):
		return Wrapped, "it is a whole JSON answer; only the value of access_token is wanted"
	case strings.HasPrefix(raw, `"`), strings.HasPrefix(raw, "'"):
		return Wrapped, "it stands in quotes"
	case isSASL(raw):
		return Wrapped, "it is encoded for XOAUTH2 or OAUTHBEARER already; the token alone is wanted"
	case trimmed != raw:
		return Wrapped, "there are blanks or line ends around it"
	case strings.ContainsFunc(raw, func(c rune) bool { return c <= ' ' || c > '~' }):
		return Broken, "it holds blanks, line ends or characters that no token has (a part may be missing)"
	}
	return "", ""
}

// isSASL knows the base64 of "user=…^Aauth=Bearer …" and "n,a=…".
func isSASL(raw string) bool {
	head := raw[:min(len(raw), 1024)/4*4]
	text, err := base64.StdEncoding.DecodeString(head)
	return err == nil && (strings.HasPrefix(string(text), "user=") || strings.HasPrefix(string(text), "n,a="))
}

// beginning is a form that vendors show by how their secrets begin.
type beginning struct {
	prefix, provider string
	form             Form
	flaw             string
}

// shortestMicrosoft is less than any of Microsoft's tokens has; a short one
// that begins alike is somebody else's.
const shortestMicrosoft = 100

func byBeginning(raw string) (beginning, bool) {
	const refresh = "it is a refresh token: it gets access tokens and is none"
	const either = "it is a refresh token or an authorization code: it gets access tokens and is none"
	for _, b := range []beginning{
		{"ya29.", Google, Opaque, ""},
		{"GOCSPX-", Google, ClientSecret, "it is the secret of an application and no token"},
		{"1//", Google, RefreshToken, refresh},
		{"4/0", Google, AuthCode, "it is an authorization code: it gets one token, once, and is none"},
		{"EwA", Microsoft, Opaque, ""}, {"EwB", Microsoft, Opaque, ""}, {"EwC", Microsoft, Opaque, ""}, // personal accounts
		{"M.C", Microsoft, RefreshToken, either}, {"M.R", Microsoft, RefreshToken, either},
		{"0.A", Microsoft, RefreshToken, either}, {"1.A", Microsoft, RefreshToken, either},
	} {
		if strings.HasPrefix(raw, b.prefix) && (b.provider == Google || len(raw) >= shortestMicrosoft) {
			return b, true
		}
	}
	return beginning{}, false
}

// header is that of RFC 7515 and RFC 7516.
type header struct {
	Algorithm  string `json:"alg"`
	Encryption string `json:"enc"`
}

func (i *Inspection) readParts(parts []string, now time.Time) {
	var h header
	headed := decodePart(parts[0], &h) == nil
	switch {
	case !headed && !strings.HasPrefix(parts[0], "eyJ"):
		return // has dots and is opaque
	case !headed:
		i.broken("its first part cannot be read")
		return
	case len(parts) == 5 || h.Encryption != "":
		i.Form, i.Algorithm = Encrypted, shortClean(h.Algorithm)
		return
	case len(parts) != 3:
		i.broken("a JWT has three parts, and this has another number: it was cut or joined")
		return
	}
	i.Algorithm = shortClean(h.Algorithm)
	var c claims
	if err := decodePart(parts[1], &c); err != nil {
		i.broken("its second part cannot be read: it was cut or changed")
		return
	}
	if parts[2] == "" && !strings.EqualFold(h.Algorithm, "none") {
		i.broken("its signature is missing: it was cut")
		return
	}
	i.Form = JWT
	i.readClaims(c, now)
}

func (i *Inspection) broken(flaw string) { i.Form, i.Flaw = Broken, flaw }

// decodePart reads one part of a JWT: base64url without padding, which some
// tools add all the same.
func decodePart(part string, to any) error {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	if err != nil {
		return err
	}
	if !isObject(text) {
		return errors.New("no JSON object")
	}
	return json.Unmarshal(text, to)
}

// claims are those of RFC 7519 section 4.1, of Microsoft and of Google.
type claims struct {
	Issuer    word    `json:"iss"`
	Audience  several `json:"aud"`
	Scp       several `json:"scp"`
	Scope     several `json:"scope"`
	Roles     several `json:"roles"`
	UPN       word    `json:"upn"`
	Preferred word    `json:"preferred_username"`
	Unique    word    `json:"unique_name"`
	Email     word    `json:"email"`
	Username  word    `json:"username"`
	Subject   word    `json:"sub"`
	AppID     word    `json:"appid"`
	Party     word    `json:"azp"`
	Client    word    `json:"client_id"`
	Tenant    word    `json:"tid"`
	IDType    word    `json:"idtyp"`
	Nonce     word    `json:"nonce"`
	AtHash    word    `json:"at_hash"`
	Issued    instant `json:"iat"`
	NotBefore instant `json:"nbf"`
	Expires   instant `json:"exp"`
}

func (i *Inspection) readClaims(c claims, now time.Time) {
	i.Issuer, i.Audience, i.Roles, i.Tenant = string(c.Issuer), c.Audience, c.Roles, string(c.Tenant)
	i.Provider = providerOf(i.Issuer)
	for _, list := range []several{c.Scp, c.Scope} {
		for _, s := range list {
			i.Scopes = append(i.Scopes, strings.Fields(s)...)
		}
	}
	i.App = firstOf(c.AppID, c.Party, c.Client)
	i.User = firstOf(c.UPN, c.Preferred, c.Unique, c.Email, c.Username)
	if i.User == "" && strings.Contains(string(c.Subject), "@") {
		i.User = string(c.Subject)
	}
	i.AppOnly = c.IDType == "app" || i.User == "" && len(i.Scopes) == 0 && i.Provider == Microsoft
	i.IssuedAt, i.NotBefore, i.Expires = c.Issued.Time, c.NotBefore.Time, c.Expires.Time
	switch {
	case i.isIDToken(c):
		i.Form, i.Flaw = IDToken, "it is an ID token: it says who signed in and opens no mailbox"
	case i.IssuedAt.After(now.Add(day)):
		i.Flaw = "it was issued in the future: the clock of this computer or of its issuer is wrong"
	}
}

const day = 24 * time.Hour

// isIDToken: Google gives JWTs as ID tokens only; Microsoft's are for the
// application itself.
func (i *Inspection) isIDToken(c claims) bool {
	if i.Provider == Google {
		return true
	}
	own := i.App == "" || slices.Contains(i.Audience, i.App)
	return i.Provider == Microsoft && len(i.Scopes) == 0 && len(i.Roles) == 0 && own && (c.Nonce != "" || c.AtHash != "" || c.Preferred != "") && c.IDType == ""
}

// providerOf knows the issuers, Microsoft's of both versions and all clouds.
func providerOf(issuer string) string {
	for prefix, provider := range map[string]string{
		"https://sts.windows.net/": Microsoft, "https://login.microsoftonline.com/": Microsoft,
		"https://sts.chinacloudapi.cn/": Microsoft, "https://login.partner.microsoftonline.cn/": Microsoft,
		"https://login.microsoftonline.us/": Microsoft, "https://login.chinacloudapi.cn/": Microsoft,
		"https://accounts.google.com": Google, "accounts.google.com": Google,
	} {
		if strings.HasPrefix(issuer, prefix) {
			return provider
		}
	}
	return ""
}

func firstOf(words ...word) string {
	for _, w := range words {
		if w != "" {
			return string(w)
		}
	}
	return ""
}

const longestClaim = 512

func shortClean(s string) string { return oneLine(secret.Clean(s), longestClaim) }

// word is a text in a claim, fit to be shown; other types count as absent.
type word string

// UnmarshalJSON never fails, so that one strange claim hides no other.
func (w *word) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*w = word(shortClean(s))
	}
	return nil
}

// several is one text or a list of them, as aud is.
type several []string

const mostWords = 100

// UnmarshalJSON never fails, as for word.
func (l *several) UnmarshalJSON(b []byte) error {
	for _, s := range textsOf(b) {
		*l = append(*l, shortClean(s))
	}
	return nil
}

func textsOf(b []byte) []string {
	var one string
	var many []string
	switch {
	case json.Unmarshal(b, &one) == nil && one != "":
		return []string{one}
	case json.Unmarshal(b, &many) == nil:
		return many[:min(len(many), mostWords)]
	}
	return nil
}

// instant is seconds since 1970, possibly with a fraction or in quotes.
type instant struct{ time.Time }

// UnmarshalJSON never fails, as for word.
func (t *instant) UnmarshalJSON(b []byte) error {
	var n float64
	if json.Unmarshal([]byte(strings.Trim(string(b), `"`)), &n) == nil && math.Abs(n) < 1<<40 && n != 0 {
		t.Time = time.Unix(int64(n), 0).UTC()
	}
	return nil
}
