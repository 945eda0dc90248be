package profile

import (
	"net/url"
	"slices"
	"strings"
)

// target is one word of the command line: a profile or a server.
type target struct {
	profile string
	host    string // with port and scheme, as typed; "" for a profile
	account string // of a URL
}

// readTargets understands the words, each once. What cannot be a target is not
// repeated, as it may be a password at the wrong place.
func readTargets(words []string) ([]target, error) {
	var out []target
	for _, word := range words {
		t, err := readTarget(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out, nil
}

func readTarget(word string) (target, error) {
	switch {
	case strings.Contains(word, "://"):
		return urlTarget(word)
	case strings.Contains(word, "@"):
		return target{}, usage("Give the host: smtpdx check smtp.example.com:587 -u me@example.com",
			"finding settings from an address is not in this version")
	case strings.ContainsAny(word, ".:"):
		return target{host: word}, nil
	case isProfileName(word):
		return target{profile: word}, nil
	}
	return target{}, usage("A profile of the settings file, HOST[:PORT], smtp://HOST[:PORT] or smtps://HOST[:PORT].",
		"the target is neither a profile's name nor a server")
}

// isProfileName takes letters, digits, "-" and "_".
func isProfileName(word string) bool {
	return word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
}

// urlTarget takes a user name out of a URL. Everything else that does not
// belong there, other schemes among it, is cleaned away like that of any host.
func urlTarget(word string) (target, error) {
	scheme, rest, _ := strings.Cut(word, "://")
	user, host, found := cutAtLast(rest)
	if !found {
		return target{host: word}, nil
	}
	if strings.Contains(user, ":") {
		return target{}, usage("Leave it out, and say where the password is: --password-env NAME, --password-file FILE, ...",
			"the URL has a password in it, and a command line is no place for one")
	}
	account, err := url.PathUnescape(user)
	if err != nil || strings.ContainsAny(user, "/?#") {
		return target{}, usage("smtp://smtp.example.com:587 -u me@example.com", "the URL has a user name that cannot be understood")
	}
	return target{host: scheme + "://" + host, account: account}, nil
}

// cutAtLast cuts an address, or the user name of a URL, at its last "@".
func cutAtLast(s string) (before, after string, found bool) {
	if i := strings.LastIndex(s, "@"); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return "", s, false
}

// namesServer tells whether the command line says which server is meant.
func (l *loader) namesServer(targets []target) bool {
	return l.flags.Values["host"] != "" || l.flags.Values["preset"] != "" || slices.ContainsFunc(targets, func(t target) bool { return t.host != "" })
}

func namesProfile(targets []target) bool {
	return slices.ContainsFunc(targets, func(t target) bool { return t.profile != "" })
}
