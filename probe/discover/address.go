package discover

import (
	"errors"
	"net/mail"
	"net/netip"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// Address is a mail address (RFC 5321 section 4.1.2) taken apart.
type Address struct {
	Local   string // as it is entered, without quotes
	Domain  string // ASCII (RFC 5890 A-labels), lower case
	Unicode string // the domain as people write it
}

// String is the address as people write it; a local part that needs quotes has them.
func (a Address) String() string {
	written := mail.Address{Address: a.Local + "@" + a.Unicode}
	return strings.TrimSuffix(strings.TrimPrefix(written.String(), "<"), ">")
}

// Why a text is no address that settings can be found for. None of them
// repeats the text, which may be a password at the wrong place.
var (
	ErrNoDomain  = errors.New("an address has a domain behind an @")
	ErrNoAddress = errors.New("this is no mail address")
	ErrMany      = errors.New("this is more than one address")
	ErrLiteral   = errors.New("the address has an IP address for a domain: nobody publishes settings for one")
	ErrBadDomain = errors.New("what follows the @ is no domain")
)

// ParseAddress reads an address as people paste it: with a display name, in
// angle brackets, behind "mailto:", with an international domain.
func ParseAddress(text string) (Address, error) {
	text = strings.TrimSpace(strings.Map(dropInvisible, text))
	text = strings.TrimPrefix(strings.TrimPrefix(text, "mailto:"), "MAILTO:")
	local, domain, err := split(text)
	if err != nil {
		return Address{}, err
	}
	return Address{Local: local}.at(domain)
}

func dropInvisible(r rune) rune {
	if unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}

// split knows what the standard allows, and beyond it the plain local parts
// that some providers give out (two dots in a row, one at the end).
func split(text string) (local, domain string, err error) {
	if !strings.Contains(text, "@") {
		return "", "", ErrNoDomain
	}
	if list, err := mail.ParseAddressList(text); err == nil {
		if len(list) > 1 {
			return "", "", ErrMany
		}
		text = list[0].Address
	} else if _, inside, found := strings.Cut(text, "<"); found {
		text, _, _ = strings.Cut(inside, ">")
	}
	at := strings.LastIndex(text, "@")
	if at < 0 {
		return "", "", ErrNoDomain
	}
	local, domain = text[:at], strings.TrimSpace(text[at+1:])
	switch {
	case local == "" || len(local) > 128 || strings.ContainsFunc(local, unicode.IsControl):
		return "", "", ErrNoAddress
	case domain == "":
		return "", "", ErrNoDomain
	case strings.HasPrefix(domain, "["):
		return "", "", ErrLiteral
	}
	return local, domain, nil
}

// at fills the domain in.
func (a Address) at(domain string) (Address, error) {
	domain = strings.TrimSuffix(domain, ".")
	if _, err := netip.ParseAddr(domain); err == nil {
		return Address{}, ErrLiteral
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !isHostName(ascii) || !strings.Contains(ascii, ".") {
		return Address{}, ErrBadDomain
	}
	a.Domain = strings.ToLower(ascii)
	a.Unicode = Readable(a.Domain)
	return a, nil
}

// Readable writes a domain as people do; one that could not be read back stays ASCII.
func Readable(domain string) string {
	text, err := idna.Display.ToUnicode(domain)
	if err != nil {
		return domain
	}
	if again, err := idna.Lookup.ToASCII(text); err != nil || again != domain {
		return domain
	}
	return text
}

// isHostName tells whether a name can be looked up and dialled: letters,
// digits, hyphens and (as met in the field) underscores (RFC 1123 section 2.1).
func isHostName(name string) bool {
	if name == "" || len(name) > 253 || strings.Trim(name, "0123456789.") == "" {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, notInName) {
			return false
		}
	}
	return true
}

func notInName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}

// hostName makes a host of what a source says, "" when it cannot be one.
func hostName(text string) string {
	text = strings.TrimSuffix(strings.TrimSpace(text), ".")
	if ascii, err := idna.Lookup.ToASCII(text); err == nil {
		text = ascii
	}
	if !isHostName(text) {
		return ""
	}
	return strings.ToLower(text)
}
