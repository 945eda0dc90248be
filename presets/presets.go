// Package presets is the list of mail providers: where their submission
// servers are, what the login looks like, what must be switched on first and
// who may be the sender. For programs that know a domain, an MX or a host and
// want settings. It never asks the network.
//
// A provider is one file, data/ID.yaml, whose keys are those of Provider; what
// is not known is left out. After a change run `go generate ./presets`, which
// writes the index anew: by it a look-up parses nothing, and Get parses one
// file. The tests tell what is wrong with a file. CREDITS.md explains sources.
package presets

import (
	"embed"
	"slices"
)

//go:generate go run -tags presetsgen ./gen

//go:embed data/*.yaml
var files embed.FS

// Provider is what is known of one provider. Texts are for people; "" and nil
// mean that nothing is known, never "no".
type Provider struct {
	ID              string         `yaml:"id"`
	Name            string         `yaml:"name"`
	Kind            string         `yaml:"kind"`    // one of Kinds
	Country         string         `yaml:"country"` // ISO 3166-1, two letters
	Domains         []string       `yaml:"domains"` // mail domains in lower case, exact or "*.rr.com"
	MX              []string       `yaml:"mx"`      // suffixes of MX names in lower case, without the final dot
	Hosts           []string       `yaml:"hosts"`   // further submission hosts, old or regional: they tell the provider, nobody should enter them
	Yields          []string       `yaml:"yields"`  // names of ours that lead to another provider in a look-up; decides a clash
	NoSMTP          string         `yaml:"no_smtp"` // why there is no SMTP and what there is instead; "": there is SMTP
	Endpoints       []Endpoint     `yaml:"endpoints"`
	Account         Account        `yaml:"account"`
	AppPassword     string         `yaml:"app_password"`      // required, optional, no
	AppPasswordPath string         `yaml:"app_password_path"` // the way to make one
	OAuth           string         `yaml:"oauth"`             // required, supported, no
	Auth            []string       `yaml:"auth"`              // SASL mechanisms offered
	Enable          *Enable        `yaml:"enable"`            // what must be switched on first
	ReadyAtOnce     bool           `yaml:"ready_at_once"`     // known that nothing must be switched on first
	Sender          SenderRule     `yaml:"sender"`
	IMAP            *Endpoint      `yaml:"imap"`
	Help            string         `yaml:"help"` // a link
	Announced       []Announcement `yaml:"announced"`
	Redirect        string         `yaml:"redirect"` // how mail is redirected there so that its sender survives
	Notes           string         `yaml:"notes"`
	Sources         []string       `yaml:"sources"` // all: those of the endpoints, then those of the rest; see CREDITS.md
	Agree           int            `yaml:"agree"`   // how many independent lists agree, on the first endpoint if there is one
	Verified        bool           `yaml:"-"`       // some endpoint has a source besides the compiler of the list
	Checked         string         `yaml:"checked"` // when the facts were last compared with their sources, 2006-01-02
}

// Endpoint is a server of a provider. A part of its host may be a placeholder
// in braces; see Fill.
type Endpoint struct {
	Host       string   `yaml:"host"`
	Port       int      `yaml:"port"`
	Encryption string   `yaml:"encryption"` // starttls, ssl (TLS from the first byte) or none
	Sources    []string `yaml:"sources"`
	Agree      int      `yaml:"agree"`
	Verified   bool     `yaml:"-"` // there is a source besides the compiler of the list
}

// Account says what the login name looks like.
type Account struct {
	Form string `yaml:"form"` // one of AccountForms
	Word string `yaml:"word"` // the login name of form fixed
	Text string `yaml:"text"` // what form other is, for people
}

// Enable says what must be switched on before SMTP works. A text without a
// path means that the way there is not known.
type Enable struct {
	Text string `yaml:"text"`
	Path string `yaml:"path"`
	Link string `yaml:"link"`
}

// SenderRule says whose address may be the sender, and when the server
// decides that.
type SenderRule struct {
	Rule     string   `yaml:"rule"`    // one of SenderRules
	Decided  string   `yaml:"decided"` // mail, rcpt, message (after it) or rewritten (From is replaced)
	Text     string   `yaml:"text"`
	Sources  []string `yaml:"sources"` // "vendor" or links to the provider's own pages
	Verified bool     `yaml:"-"`       // the provider itself is a source
}

// Announcement is a change that the provider has announced.
type Announcement struct {
	Date string `yaml:"date"` // 2006-01-02, when it takes effect
	Text string `yaml:"text"`
	Link string `yaml:"link"`
}

// Kinds are the kinds of providers.
func Kinds() []string {
	return []string{"bridge", "business-suite", "hosting", "isp", "mailbox", "relay", "transactional"}
}

// AccountForms are the forms of a login name; none: there is no login.
func AccountForms() []string {
	return []string{"full-address", "local-part", "api-key", "fixed", "other", "none"}
}

// SenderRules are the rules on senders.
func SenderRules() []string {
	return []string{"verified-identity", "own-address", "alias-allowed", "own-domain", "any"}
}

// IDs gives the ids of all providers, sorted. It parses nothing.
func IDs() []string { return slices.Clone(ids) }

// Name gives the name of a provider, "" for an unknown id. It parses nothing.
func Name(id string) string {
	i, known := slices.BinarySearch(ids, id)
	if !known {
		return ""
	}
	return names[i]
}

// Get parses the file of one provider.
func Get(id string) (Provider, bool) {
	if _, known := slices.BinarySearch(ids, id); !known {
		return Provider{}, false
	}
	text, err := files.ReadFile("data/" + id + ".yaml")
	if err != nil {
		return Provider{}, false
	}
	p, err := Parse(text)
	return p, err == nil // a test parses every file
}
