package profile

import (
	"slices"
	"strings"
)

type keyKind int

const (
	textKind keyKind = iota + 1
	listKind
	secretKind
	inboxKind
)

// kindOf tells how a key of the settings file is written, 0 for none.
func kindOf(key string) keyKind {
	switch key {
	case "host", "port", "encryption", "account", "auth", "preset", "used_by", "helo", "ca_file", "tls_server_name", "tls_min", "client_cert",
		"client_key", "insecure", "allow_plaintext_auth", "resolver", "family", "proxy", "timeout", "deadline":
		return textKind
	case "from", "to":
		return listKind
	case "password", "token":
		return secretKind
	case "inbox":
		return inboxKind
	}
	return 0
}

// Keys lists the keys of a profile in the settings file.
func Keys() []string { return keyNames() }

// keyNames lists what may be written, in the order of the usual form.
func keyNames() []string {
	return []string{"host", "port", "encryption", "account", "password", "token", "auth", "from", "to", "preset", "used_by", "helo", "ca_file",
		"tls_server_name", "tls_min", "client_cert", "client_key", "insecure", "allow_plaintext_auth", "resolver", "family", "proxy",
		"timeout", "deadline", "inbox"}
}

// meant gives the key that another program's word stands for, or "".
func meant(word string) string {
	switch strings.ReplaceAll(strings.ToLower(word), "-", "_") {
	case "server", "smtp_host", "smtp_server", "hostname", "smarthost", "relayhost", "address", "mailhost":
		return "host"
	case "smtp_port":
		return "port"
	case "security", "secure", "ssl", "tls", "starttls", "smtp_encryption", "connection_security":
		return "encryption"
	case "user", "username", "user_name", "login", "smtp_user", "smtp_username":
		return "account"
	case "pass", "pwd", "pw", "passwd", "smtp_password", "smtp_pass":
		return "password"
	case "access_token", "oauth_token":
		return "token"
	case "auth_type", "authentication", "mechanism":
		return "auth"
	case "sender", "mail_from", "from_address", "smtp_from":
		return "from"
	case "recipient", "rcpt", "rcpt_to":
		return "to"
	case "ehlo", "hello", "local_hostname":
		return "helo"
	case "cacert", "ca", "ca_cert", "ca_bundle", "tls_trust_file":
		return "ca_file"
	case "servername", "server_name", "sni":
		return "tls_server_name"
	case "verify", "tls_verify", "insecure_skip_verify", "skip_verify", "tls_certcheck":
		return "insecure"
	case "dns", "nameserver", "dns_server":
		return "resolver"
	}
	return ""
}

// example is a value that the key would take.
func example(key string) string {
	switch key {
	case "host", "tls_server_name":
		return "smtp.example.com"
	case "port":
		return "587"
	case "encryption":
		return "starttls"
	case "account", "from", "to":
		return "me@example.com"
	case "auth":
		return "PLAIN"
	case "used_by":
		return "cloud"
	case "preset":
		return "gmail"
	case "helo":
		return "client.example.com"
	case "tls_min":
		return "1.2"
	case "insecure", "allow_plaintext_auth":
		return "true"
	case "family":
		return "4"
	case "resolver":
		return "192.0.2.53"
	case "proxy":
		return "socks5://127.0.0.1:1080"
	case "timeout", "deadline":
		return "10s"
	case "folder":
		return "INBOX"
	}
	return "certificate.pem"
}

// nearest gives the valid word that differs in at most a third of its letters, or "".
func nearest(word string, valid []string) string {
	if len(word) > 40 {
		return ""
	}
	word = strings.ReplaceAll(strings.ToLower(word), "-", "_")
	best, least := "", max(len(word)/3, 1)+1
	for _, v := range valid {
		if d := distance(word, strings.ReplaceAll(strings.ToLower(v), "-", "_")); d < least {
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

// nearestKey gives the key that was meant by a word that is none, or "".
func nearestKey(word string, valid []string) string {
	if near := nearest(word, valid); near != "" {
		return near
	}
	if near := meant(word); slices.Contains(valid, near) {
		return near
	}
	return ""
}
