package probe

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// Encryption is how a connection is protected.
type Encryption string

// The encryptions. Auto is resolved before the plan is made.
const (
	STARTTLS     Encryption = "starttls"
	SSL          Encryption = "ssl" // implicit TLS
	NoEncryption Encryption = "none"
	Auto         Encryption = "auto"
)

// Settings are what one probe is asked to do. They are complete, cleaned and
// read-only from here on; what reading them saw stands in Cleaned and Remarks.
type Settings struct {
	Profile    string // "" when the settings have no name
	File       string // the settings file, if the user named one
	Host       string // as dialled: lower case ASCII (punycode) or an IP literal without brackets
	Port       int    // 1-65535
	Encryption Encryption
	Account    string // "" = no login
	Password   Credential
	Token      Credential
	OAuth      *OAuth   // where Token.Source is oauth
	Auth       string   // a forced mechanism in capitals, or ""
	From       []string // bare addresses; empty: no sender is asked for
	To         []string // as given; empty: each From itself
	Helo       string   // "" = an address literal
	Preset     string
	Provider   *Provider // what is known of the provider, or nil
	UsedBy     string    // here or cloud

	CAFile             string // as given, for the report
	CA                 *x509.CertPool
	TLSServerName      string
	TLSMin             uint16 // tls.VersionTLS12 when nothing was set
	ClientCert         *tls.Certificate
	Insecure           bool
	AllowPlaintextAuth bool

	Resolver string       // IP:PORT, or "" for the system's
	Family   int          // 4, 6, or 0 for both
	Proxy    string       // URL without user and password, for the report; "" = none
	ProxyURL secret.Value // the URL as given

	Timeout  time.Duration // per step; 0 = the step's own
	Deadline time.Duration // for the probe up to sender; 0 = 60 s
	Until    StepID        // "" = to the end of the plan

	Message  *Message  // the test message to send; nil: none is sent, whatever else is set
	Follow   *Follow   // where to look for it; nil: nowhere
	Redirect *Redirect // it goes through an address that redirects; nil: it does not

	Origins map[string]Origin // by YAML key
	Cleaned []Cleaned
	Remarks []Remark // observations of the settings step
	Refused *Refusal // not nil: the settings cannot be used and nothing is contacted
}

// Credential is a password or token and where it comes from.
type Credential struct {
	Value  secret.Value
	Source string // env, file, command, stdin, keyring, prompt, literal, oauth; "" = none
}

// OAuth says which access token is to be fetched when the login is reached:
// the words of the settings file, plain data for whoever fetches it.
type OAuth struct {
	Provider     string // microsoft or google
	Flow         string // "" = the provider's usual one
	ClientID     string
	Tenant       string
	Cache        string // file in which the sign-in is kept; "" = the system's keyring
	Authority    string
	AuthURL      string
	TokenURL     string
	DeviceURL    string
	Scopes       []string
	ClientSecret secret.Value
	Key          secret.Value // of a service account
}

// TokenProblem is why a server would refuse a token, seen before it is asked.
type TokenProblem struct {
	Text, Why, Fix string
	IsCertain      bool // no server takes it
}

// IsGiven tells whether there is one or it can be asked for.
func (c Credential) IsGiven() bool { return c.Source != "" }

// Provider is what the engine needs to know of the provider, as plain data.
type Provider struct {
	ID, Name    string
	BeforeLogin []string // sentences on what must be done there before a login can work
}

// Cleaned is a value that was not used as it was typed.
type Cleaned struct {
	Key   string `json:"key"`
	Given string `json:"given"`
	Used  string `json:"used"`
}

// Remark is something that reading the settings saw; Observation is one of
// package cause's, Values fill its texts (file, line; never a secret).
type Remark struct {
	Observation string
	Values      map[string]string
}

// Refusal tells why settings cannot be used, in a sentence that names file,
// line and column where there is a file, and what to do about it.
type Refusal struct {
	Key, Text, Hint string
}

// Shown gives the settings as a report shows them.
func (s Settings) Shown() ShownSettings {
	shown := ShownSettings{
		Host: Maybe(s.Host), Encryption: Maybe(s.Encryption), Account: Maybe(s.Account), Auth: Maybe(s.Auth),
		From: s.From, To: s.To, Helo: Maybe(s.Helo), Preset: Maybe(s.Preset), UsedBy: Maybe(s.UsedBy),
		CAFile: Maybe(s.CAFile), TLSServerName: Maybe(s.TLSServerName), TLSMin: Maybe(tlsVersionNumber(s.TLSMin)),
		Insecure: s.Insecure, AllowPlaintextAuth: s.AllowPlaintextAuth, Resolver: Maybe(s.Resolver), Proxy: Maybe(s.Proxy),
		Password: s.Password.shown(), Token: s.Token.shown(), Origins: s.Origins,
	}
	if s.Provider != nil {
		shown.Provider = Maybe(s.Provider.ID)
	}
	if s.Port != 0 {
		shown.Port = ptr(s.Port)
	}
	if s.Family != 0 {
		shown.Family = ptr(s.Family)
	}
	if s.Timeout > 0 {
		shown.TimeoutMs = ptr(Milliseconds(s.Timeout))
	}
	shown.DeadlineMs = ptr(Milliseconds(s.deadline()))
	if shown.Origins == nil {
		shown.Origins = map[string]Origin{}
	}
	return shown
}

func (c Credential) shown() *SecretSource {
	if !c.IsGiven() {
		return nil
	}
	return &SecretSource{Source: c.Source}
}

func (s Settings) deadline() time.Duration {
	if s.Deadline > 0 {
		return s.Deadline
	}
	return time.Minute
}

// tlsVersionNumber gives "1.2" for the constant, "" for 0.
func tlsVersionNumber(v uint16) string {
	if v < tls.VersionTLS10 || v > tls.VersionTLS13 {
		return ""
	}
	return "1." + string(rune('0'+v-tls.VersionTLS10))
}

// IsUnusual knows the pairs of port and encryption that do not go together
// (RFC 8314 section 3.3); login: an account is used.
func IsUnusual(port int, e Encryption, login bool) bool {
	switch port {
	case 465:
		return e != SSL
	case 587, 2525:
		return e == SSL
	case 25:
		return e == SSL || login
	}
	return false
}
