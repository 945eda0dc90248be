package profile

import (
	"net/netip"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// cleaned is what became of a host as it was typed.
type cleaned struct {
	host, port string
	scheme     string // lower case, "" when none was typed
	address    bool   // an "@" was in it: a mail address, or a user name of a URL
}

// cleanHost takes a host as people paste it: with a scheme, a path, a port,
// blanks, quotes, invisible characters, in brackets, in another script. What
// is still no host name afterwards is left to the dns step to name.
func cleanHost(typed string) cleaned {
	var c cleaned
	s := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && r != '\t' || r == '\u034f' {
			return -1
		}
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, typed)
	s = strings.Trim(s, " \"'`\u201c\u201d\u201e\u2018\u2019<>,;")
	if scheme, rest, found := strings.Cut(s, "://"); found {
		c.scheme, s = strings.ToLower(scheme), rest
	}
	if i := strings.IndexAny(s, "/\\?#"); i >= 0 {
		s = s[:i]
	}
	c.address = strings.Contains(s, "@")
	s, c.port = splitPort(strings.Trim(s, " "))
	s = strings.TrimRight(strings.Trim(s, " ,;"), ".")
	if addr, err := netip.ParseAddr(s); err == nil {
		c.host = addr.String()
		return c
	}
	c.host = toASCII(s)
	return c
}

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// splitPort takes HOST:PORT and [ADDRESS]:PORT apart.
func splitPort(s string) (host, port string) {
	if rest, bracketed := strings.CutPrefix(s, "["); bracketed {
		host, port, _ = strings.Cut(rest, "]")
		return host, strings.TrimPrefix(port, ":")
	}
	if strings.Count(s, ":") == 1 {
		host, port, _ = strings.Cut(s, ":")
		return strings.TrimRight(host, " "), strings.TrimSpace(port)
	}
	return s, ""
}

// toASCII writes an international name in punycode (RFC 5891) and everything in lower case.
func toASCII(name string) string {
	ascii := !strings.ContainsFunc(name, func(r rune) bool { return r > 0x7e })
	if ascii {
		return strings.ToLower(name)
	}
	if out, err := idna.Lookup.ToASCII(name); err == nil {
		return out
	}
	return strings.ToLower(name)
}
