package received

import (
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Address is a mailbox as a header names it.
type Address struct {
	Name    string // decoded, "" when there is none
	Address string // name@domain, the domain in lower case; "" when nothing like it is there
}

// maxAddresses is how many addresses of a header are kept.
const maxAddresses = 200

// Addresses gives the mailboxes of every field with a name, however badly they
// are written.
func (h Header) Addresses(name string) []Address {
	var all []Address
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) && len(all) < maxAddresses {
			all = append(all, ParseAddresses(f.raw)...)
		}
	}
	return all[:min(len(all), maxAddresses)]
}

// Address gives the first mailbox of the topmost field with a name.
func (h Header) Address(name string) Address {
	for _, a := range h.Addresses(name) {
		if a.Address != "" {
			return a
		}
	}
	return Address{}
}

// ParseAddresses reads a list of mailboxes (RFC 5322 section 3.4).
func ParseAddresses(raw string) []Address {
	parser := mail.AddressParser{WordDecoder: wordDecoder()}
	list, err := parser.ParseList(toUTF8(raw))
	if err != nil {
		return looseAddresses(raw)
	}
	all := make([]Address, 0, len(list))
	for _, a := range list {
		all = append(all, Address{Name: clean(a.Name), Address: lowerDomain(clean(a.Address))})
	}
	return all
}

// looseAddresses picks what looks like an address.
func looseAddresses(raw string) []Address {
	var all []Address
	text := toUTF8(raw)
	for _, at := range anAddress().FindAllStringIndex(text, maxAddresses) {
		address := lowerDomain(clean(text[at[0]:at[1]]))
		all = append(all, Address{Address: address, Name: nameBefore(text[:at[0]])})
	}
	return all
}

// nameBefore is the name in front of "<address>", after the last comma.
func nameBefore(text string) string {
	name, found := strings.CutSuffix(text, "<")
	if !found {
		return ""
	}
	if i := strings.LastIndexAny(name, ",;>"); i >= 0 {
		name = name[i+1:]
	}
	return DecodeWords(strings.Trim(strings.TrimSpace(name), `"'`))
}

func lowerDomain(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	return address[:at] + strings.ToLower(strings.TrimSuffix(address[at:], "."))
}

// Domain is what stands after the @, "" without one.
func Domain(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return ""
	}
	return strings.ToLower(strings.Trim(address[at+1:], ".> "))
}

// Organisation is the domain under which a name was registered (RFC 7489
// section 3.2), the name itself where there is none.
func Organisation(domain string) string {
	domain = strings.ToLower(strings.Trim(domain, "."))
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = ascii
	}
	registered, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return domain
	}
	return registered
}

// SameMailbox compares addresses as mail servers do for all that matters:
// without regard to capitals, and with domains in either script.
func SameMailbox(a, b string) bool {
	return a != "" && b != "" && mailbox(a) == mailbox(b)
}

func mailbox(address string) string {
	address = strings.ToLower(strings.TrimSpace(address))
	domain := Domain(address)
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil && domain != "" {
		return strings.TrimSuffix(address, domain) + ascii
	}
	return address
}
