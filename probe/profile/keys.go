package profile

import "slices"

type keyKind int

const (
	textKind keyKind = iota + 1
	listKind
	secretKind
	reserved
)

// keys are the settings, by their YAML names.
var keys = map[string]keyKind{
	"host": textKind, "port": textKind, "encryption": textKind, "account": textKind, "password": secretKind, "token": secretKind,
	"auth": textKind, "from": listKind, "to": listKind, "used_by": textKind, "helo": textKind, "ca_file": textKind,
	"tls_server_name": textKind, "tls_min": textKind, "client_cert": textKind, "client_key": textKind, "insecure": textKind,
	"allow_plaintext_auth": textKind, "resolver": textKind, "family": textKind, "proxy": textKind, "timeout": textKind,
	"deadline": textKind, "preset": reserved, "inbox": reserved,
}

// keyNames lists what may be written, in alphabetical order.
func keyNames() []string {
	var names []string
	for name, kind := range keys {
		if kind != reserved {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// example is a value that the key would take.
func example(key string) string {
	known := map[string]string{
		"host": "smtp.example.com", "port": "587", "encryption": "starttls", "account": "me@example.com", "auth": "PLAIN",
		"used_by": "cloud", "helo": "client.example.com", "tls_min": "1.2", "insecure": "true", "family": "4",
		"resolver": "192.0.2.53", "proxy": "socks5://127.0.0.1:1080", "timeout": "10s", "deadline": "60s",
	}
	if e, ok := known[key]; ok {
		return e
	}
	return "VALUE"
}

// nearest gives the valid word that differs in at most a third of its letters, or "".
func nearest(word string, valid []string) string {
	best, least := "", max(len(word)/3, 1)+1
	for _, v := range valid {
		if d := distance(word, v); d < least {
			best, least = v, d
		}
	}
	return best
}

// distance is Levenshtein's, with a swap of neighbours counted once.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
