package judge

import (
	"regexp"
	"strings"
	"sync"
)

// Rewritten is an envelope sender that a server on the way put in place of the
// original one, decoded as far as its form allows.
type Rewritten struct {
	Scheme    string // srs0, srs1, srs-microsoft, caf-google
	Original  string // the sender before, "" when the form does not keep it
	Forwarder string // the mailbox or domain that rewrote it
	Target    string // to whom it was passed on, where the form says it
}

// pattern compiles an expression when it is first needed.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

var (
	srs0      = pattern(`(?i)^srs0[-+=]([^=]+)=([^=]+)=([^=]+)=(.+)@([^@]+)$`)
	srs1      = pattern(`(?i)^srs1[-+=]([^=]+)=([^=]+)=[-+=]([^=]+)=([^=]+)=([^=]+)=(.+)@([^@]+)$`)
	microsoft = pattern(`(?i)^(.+?)\+srs=([^=]+)=([^=]+)=([^=]+)=(.+)@([^@]+)$`)
	relayed   = pattern(`(?i)^bounces\+srs=([^=]+)=([^=@]+)@([^@]+)$`)
	google    = pattern(`(?i)^(.+?)\+caf_=(.+)=([^=@]+)@([^@]+)$`)
	batv      = pattern(`(?i)^(?:(?:ms)?prvs\d?=[^=@]+=|btv1==[^=@]+==)(.+@[^@]+)$`)
)

// DecodeEnvelope decodes what forwarding servers make of an envelope sender:
// SRS0 and SRS1 (libsrs2), Microsoft's +SRS=, Google's +caf_=. It tells false
// for an address that none of them made; tags that senders themselves put on
// (BATV) are taken off first.
func DecodeEnvelope(address string) (Rewritten, bool) {
	address = strings.Trim(strings.TrimSpace(address), "<>")
	if found := batv().FindStringSubmatch(address); found != nil {
		address = found[1]
	}
	if found := srs1().FindStringSubmatch(address); found != nil {
		return Rewritten{Scheme: "srs1", Original: join(found[6], found[5]), Forwarder: found[7]}, true
	}
	if found := srs0().FindStringSubmatch(address); found != nil {
		return Rewritten{Scheme: "srs0", Original: join(found[4], found[3]), Forwarder: found[5]}, true
	}
	if found := relayed().FindStringSubmatch(address); found != nil {
		return Rewritten{Scheme: "srs-microsoft", Forwarder: found[3]}, true
	}
	if found := microsoft().FindStringSubmatch(address); found != nil {
		return Rewritten{Scheme: "srs-microsoft", Original: join(found[5], found[4]), Forwarder: join(found[1], found[6])}, true
	}
	if found := google().FindStringSubmatch(address); found != nil {
		return Rewritten{Scheme: "caf-google", Forwarder: join(found[1], found[4]), Target: join(found[2], found[3])}, true
	}
	return Rewritten{}, false
}

func join(local, domain string) string { return local + "@" + strings.ToLower(domain) }
