//go:build linux

package main_test

import (
	"net/netip"
	"time"
)

// Accounts of testdata/interop/dovecot/users and mailpit/users.
const (
	jobs  = "jobs@acme.example"
	right = "right-4711"
	wrong = "wrong-4711"
	boss  = "boss@acme.example"
	box   = "box@acme.example"
)

// row is what a check comes to. Where nothing failed, the cause is that of the
// first warning.
type row struct {
	step, cause string // "-" where there is none
	exit        int
	verdict     string
}

// trusted is a check without a fault. That the test's own authority is trusted
// on this computer only is no more than right.
var trusted = row{"-", "cert-trusted-here-only", 0, "warn"}

func failsAt(step, cause string, exit int) row { return row{step, cause, exit, "fail"} }
func warnsOf(cause string) row                 { return row{"-", cause, 0, "warn"} }

// interopCase is one set of settings, and what must come of it.
type interopCase struct {
	name       string
	target     string // HOST:PORT
	encryption string // "" = auto
	account    string
	password   string
	token      string // "accepted" or "forged"
	auth       string
	from, to   string
	proxy      string
	more       []string // further arguments

	want   row
	also   []string      // causes that must be named as well
	says   string        // stands in the report
	within time.Duration // 0 = 10 s

	needs      string     // a server beside Postfix and Dovecot
	nameserver netip.Addr // written to resolv.conf
	cutShort   bool       // the fault allows no QUIT
	peer       peer       // what another client must see; see interop_peers_test.go
}

// The table of the expected, written before the first run.
var interopCases = []interopCase{
	// All well.
	{name: "well-starttls", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "well-ssl", target: "smtp.acme.example:465", encryption: "ssl", account: jobs, password: right, want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "well-auto-587", target: "smtp.acme.example:587", account: jobs, password: right, want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "well-auto-465", target: "smtp.acme.example:465", account: jobs, password: right, want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "well-alias", target: "mail.acme.example:587", encryption: "starttls", account: jobs, password: right, want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "plain-587", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, auth: "PLAIN", want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "login-587", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, auth: "LOGIN", want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "cram-md5-587", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, auth: "CRAM-MD5", want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "scram-sha-1-587", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, auth: "SCRAM-SHA-1", want: trusted, peer: gsasl(0, "235 2.7.0")},
	{name: "scram-sha-256-587", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, auth: "SCRAM-SHA-256", want: trusted, peer: gsasl(0, "235 2.7.0")},
	{name: "plain-465", target: "smtp.acme.example:465", encryption: "ssl", account: jobs, password: right, auth: "PLAIN", want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "login-465", target: "smtp.acme.example:465", encryption: "ssl", account: jobs, password: right, auth: "LOGIN", want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "cram-md5-465", target: "smtp.acme.example:465", encryption: "ssl", account: jobs, password: right, auth: "CRAM-MD5", want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "scram-sha-1-465", target: "smtp.acme.example:465", encryption: "ssl", account: jobs, password: right, auth: "SCRAM-SHA-1", want: trusted, peer: openssl(0, "334 ")},
	{name: "scram-sha-256-465", target: "smtp.acme.example:465", encryption: "ssl", account: jobs, password: right, auth: "SCRAM-SHA-256", want: trusted, peer: openssl(0, "334 ")},
	{name: "no-login-port-25", target: "smtp.acme.example:25", encryption: "starttls", from: "client@other.example", to: jobs, want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "postscreen", target: "mx.acme.example:25", encryption: "starttls", from: "client@other.example", to: jobs, want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "dovecot-submission", target: "dovecot.acme.example:587", encryption: "starttls", account: jobs, password: right, want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "mailpit-login", target: "mailpit.acme.example:587", encryption: "starttls", account: box, password: "box-2323", needs: "mailpit", want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "mailpit-open", target: "mailpit.acme.example:1025", encryption: "none", from: box, needs: "mailpit-open", want: row{"-", "-", 0, "pass"}, peer: swaks(0, "250 2.1.5 Ok")},

	// Login refused.
	{name: "wrong-password", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: wrong, want: failsAt("auth", "auth-bad-credentials", 16), says: "--auth PLAIN", peer: swaks(28, "535 5.7.8")},
	{name: "wrong-password-plain", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: wrong, auth: "PLAIN", want: failsAt("auth", "auth-bad-credentials", 16), peer: swaks(28, "535 5.7.8")},
	{name: "wrong-password-login", target: "smtp.acme.example:465", encryption: "ssl", account: jobs, password: wrong, auth: "LOGIN", want: failsAt("auth", "auth-bad-credentials", 16), peer: swaks(28, "535 5.7.8")},
	{name: "wrong-password-cram-md5", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: wrong, auth: "CRAM-MD5", want: failsAt("auth", "auth-bad-credentials", 16), peer: swaks(28, "535 5.7.8")},
	{name: "wrong-password-dovecot", target: "dovecot.acme.example:587", encryption: "starttls", account: jobs, password: wrong, auth: "PLAIN", want: failsAt("auth", "auth-bad-credentials", 16), peer: swaks(28, "535 5.7.8")},
	{name: "wrong-password-mailpit", target: "mailpit.acme.example:587", encryption: "starttls", account: box, password: wrong, needs: "mailpit", want: failsAt("auth", "auth-bad-credentials", 16), peer: swaks(28, "535 5.7.8")},
	{name: "unknown-account", target: "smtp.acme.example:587", encryption: "starttls", account: "jbos@acme.example", password: right, want: failsAt("auth", "auth-bad-credentials", 16), peer: swaks(28, "535 5.7.8")},
	{name: "mechanism-not-offered", target: "limited.acme.example:587", encryption: "starttls", account: jobs, password: right, auth: "CRAM-MD5", want: failsAt("auth", "auth-mechanism-unsupported", 16), peer: swaks(28, "requested type not available")},
	{name: "no-login-offered", target: "smtp.acme.example:25", encryption: "starttls", account: jobs, password: right, want: failsAt("auth", "auth-not-offered-at-all", 16), peer: swaks(28, "did not advertise authentication")},

	// A token of 3,000 characters.
	{name: "token-xoauth2", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, token: "accepted", auth: "XOAUTH2", want: trusted, peer: curl(0, "250 2.0.0 O")},
	{name: "token-oauthbearer", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, token: "accepted", auth: "OAUTHBEARER", want: trusted, peer: curl(0, "250 2.0.0 O")},
	{name: "token-default", target: "smtp.acme.example:465", encryption: "ssl", account: jobs, token: "accepted", want: trusted, peer: curl(0, "250 2.0.0 O")},
	{name: "token-dovecot", target: "dovecot.acme.example:587", encryption: "starttls", account: jobs, token: "accepted", auth: "XOAUTH2", want: trusted, peer: curl(0, "250 2.0.0 O")},
	{name: "token-xoauth2-refused", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, token: "forged", auth: "XOAUTH2", want: failsAt("auth", "auth-oauth-token-invalid", 16), peer: curl(67, "535 5.7.8")},
	{name: "token-oauthbearer-refused", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, token: "forged", auth: "OAUTHBEARER", want: failsAt("auth", "auth-oauth-token-invalid", 16), peer: curl(67, "535 5.7.8")},

	// TLS required, or missing.
	{name: "tls-required-login", target: "smtp.acme.example:587", encryption: "none", account: jobs, password: right, want: failsAt("auth", "auth-not-offered-before-tls", 16), peer: swaks(28, "did not advertise authentication")},
	{name: "tls-required-strict-login", target: "strict.acme.example:587", encryption: "none", account: jobs, password: right, want: failsAt("auth", "auth-not-offered-before-tls", 16), peer: swaks(28, "did not advertise authentication")},
	{name: "tls-required-sender", target: "strict.acme.example:587", encryption: "none", from: jobs, want: failsAt("sender", "starttls-required", 17), peer: swaks(23, "530 5.7.0 Must issue a STARTTLS command first")},
	{name: "login-in-clear", target: "plain.acme.example:587", encryption: "none", account: jobs, password: right, want: failsAt("auth", "auth-in-clear", 16), peer: swaks(0, "250 2.1.5 Ok")},
	{name: "login-in-clear-allowed", target: "plain.acme.example:587", encryption: "none", account: jobs, password: right, more: []string{"--allow-plaintext-auth"}, want: warnsOf("auth-in-clear"), peer: swaks(0, "250 2.1.5 Ok")},
	{name: "no-starttls", target: "notls.acme.example:587", encryption: "starttls", account: jobs, password: right, want: failsAt("starttls", "starttls-not-offered", 14), peer: swaks(29, "did not advertise STARTTLS")},
	{name: "old-tls", target: "old.acme.example:587", encryption: "starttls", account: jobs, password: right, cutShort: true, want: failsAt("tls", "tls-version-too-old", 14), peer: swaks(29, "220 2.0.0 Ready to start TLS")},

	// Wrong encryption, both ways.
	{name: "ssl-on-587", target: "smtp.acme.example:587", encryption: "ssl", account: jobs, password: right, cutShort: true, want: failsAt("tls", "tls-wrong-mode-implicit-on-starttls-port", 14), peer: swaks(29, "wrong version number")},
	{name: "starttls-on-465", target: "smtp.acme.example:465", encryption: "starttls", account: jobs, password: right, cutShort: true, want: failsAt("greeting", "tls-wrong-mode-plain-on-tls-port", 12), peer: swaks(21, "closed connection unexpectedly")},
	{name: "none-on-465", target: "smtp.acme.example:465", encryption: "none", account: jobs, password: right, cutShort: true, want: failsAt("greeting", "tls-wrong-mode-plain-on-tls-port", 12), peer: swaks(21, "closed connection unexpectedly")},

	// Certificates.
	{name: "expired", target: "expired.acme.example:587", encryption: "starttls", account: jobs, password: right, want: failsAt("certificate", "cert-expired", 15), peer: curl(60, "certificate has expired")},
	{name: "expired-ssl", target: "expired.acme.example:465", encryption: "ssl", account: jobs, password: right, want: failsAt("certificate", "cert-expired", 15), peer: curl(60, "certificate has expired")},
	{name: "expired-insecure", target: "expired.acme.example:587", encryption: "starttls", account: jobs, password: right, more: []string{"--insecure"}, want: warnsOf("cert-expired"), peer: curl(60, "certificate has expired")},
	{name: "misnamed", target: "misnamed.acme.example:587", encryption: "starttls", account: jobs, password: right, want: failsAt("certificate", "cert-name-mismatch", 15), says: "w0123456.hoster.example", peer: curl(60, "no alternative certificate subject name matches")},
	{name: "misnamed-other-name", target: "misnamed.acme.example:587", encryption: "starttls", account: jobs, password: right, more: []string{"--tls-server-name", "w0123456.hoster.example"}, want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "self-signed", target: "selfsigned.acme.example:587", encryption: "starttls", account: jobs, password: right, want: failsAt("certificate", "cert-self-signed", 15), peer: curl(60, "self-signed certificate")},
	{name: "unknown-issuer", target: "unknown.acme.example:587", encryption: "starttls", account: jobs, password: right, want: failsAt("certificate", "cert-untrusted-chain", 15), peer: curl(60, "self-signed certificate in certificate chain")},
	{name: "missing-intermediate", target: "incomplete.acme.example:587", encryption: "starttls", account: jobs, password: right, want: failsAt("certificate", "cert-missing-intermediate", 15), peer: curl(60, "unable to get local issuer certificate")},

	// Senders and recipients.
	{name: "foreign-sender", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, from: boss, want: failsAt("sender", "sender-not-owned", 17), says: "not owned by user", peer: swaks(24, "553 5.7.1 <boss@acme.example>: Sender address rejected: not owned by user jobs@acme.example")},
	{name: "own-sender-refused", target: "maps.acme.example:587", encryption: "starttls", account: jobs, password: right, want: failsAt("sender", "sender-login-map-broken", 17), peer: swaks(24, "553 5.7.1")},
	{name: "sender-without-login", target: "smtp.acme.example:587", encryption: "starttls", from: jobs, to: boss, want: failsAt("sender", "auth-required-missing", 17), peer: swaks(24, "553 5.7.1 <jobs@acme.example>: Sender address rejected: not logged in")},
	{name: "sender-domain-unknown", target: "relay.acme.example:25", encryption: "starttls", from: "client@nowhere.example", to: jobs, want: failsAt("sender", "sender-domain-not-found", 17), peer: swaks(24, "450 4.1.8 <client@nowhere.example>: Sender address rejected: Domain not found")},
	{name: "unknown-recipient", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, to: "nobody@acme.example", want: failsAt("sender", "recipient-unknown", 17), peer: swaks(24, "550 5.1.1")},
	{name: "default-recipient-unknown", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, from: "noreply@acme.example", want: trusted, also: []string{"recipient-unknown"}, says: "--to", peer: swaks(24, "550 5.1.1")},
	{name: "relay-denied-no-login", target: "smtp.acme.example:587", encryption: "starttls", from: "client@other.example", to: "someone@other.example", want: failsAt("sender", "relay-denied-no-login", 17), peer: swaks(24, "554 5.7.1 <someone@other.example>: Relay access denied")},
	{name: "relay-denied-not-allowed", target: "relay.acme.example:25", encryption: "starttls", from: "client@other.example", to: "someone@other.example", want: failsAt("sender", "relay-denied-not-allowed", 17), peer: swaks(24, "554 5.7.1 <someone@other.example>: Relay access denied")},
	{name: "login-forgotten", target: "gateway.acme.example:587", encryption: "starttls", from: "client@other.example", to: "someone@other.example", want: failsAt("sender", "auth-required-missing", 17), peer: swaks(24, "554 5.7.1 <someone@other.example>: Recipient address rejected: Access denied")},
	{name: "helo-refused", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, more: []string{"--helo", "localhost"}, want: failsAt("sender", "helo-name-rejected", 17), peer: swaks(24, "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname")},

	// The way there.
	{name: "port-closed", target: "smtp.acme.example:2526", encryption: "starttls", account: jobs, password: right, want: failsAt("tcp", "tcp-refused", 11), peer: swaks(2, "Connection refused")},
	{name: "one-address-dead", target: "both.acme.example:587", encryption: "starttls", account: jobs, password: right, within: 5 * time.Second, want: trusted, peer: swaks(2, "connect: timeout")},
	{name: "ipv6-dead", target: "halfsix.acme.example:587", encryption: "starttls", account: jobs, password: right, within: 5 * time.Second, want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "one-address-closed", target: "halfdown.acme.example:587", encryption: "starttls", account: jobs, password: right, want: warnsOf("addresses-differ"), also: []string{"cert-trusted-here-only"}, says: "192.0.2.28", peer: swaks(2, "Connection refused")},
	{name: "one-address-expired", target: "mixed.acme.example:587", encryption: "starttls", account: jobs, password: right, want: warnsOf("cert-expired"), also: []string{"cert-trusted-here-only"}, peer: curl(60, "certificate has expired")},
	{name: "two-addresses-one-login", target: "dual.acme.example:587", encryption: "starttls", account: jobs, password: wrong, want: failsAt("auth", "auth-bad-credentials", 16), peer: swaks(28, "535 5.7.8")},
	{name: "all-dead", target: "dead.acme.example:587", encryption: "starttls", account: jobs, password: right, more: []string{"--timeout", "3s"}, within: 8 * time.Second, want: failsAt("tcp", "tcp-filtered-port", 11), peer: swaks(2, "connect: timeout")},
	{name: "ipv6-only", target: "six.acme.example:587", encryption: "starttls", account: jobs, password: right, want: trusted, peer: curl(0, "250 2.0.0 O")},
	{name: "ipv6-only-ssl", target: "six.acme.example:465", encryption: "ssl", account: jobs, password: right, want: trusted, peer: curl(0, "250 2.0.0 O")},
	{name: "ipv6-asked-for", target: "dual.acme.example:587", encryption: "starttls", account: jobs, password: right, more: []string{"-6"}, want: trusted, peer: curl(0, "250 2.0.0 O")},
	{name: "both-families", target: "dual.acme.example:587", encryption: "starttls", account: jobs, password: right, want: trusted, peer: swaks(0, "250 2.1.5 Ok")},
	{name: "ipv6-literal", target: "[2001:db8::11]:587", encryption: "starttls", account: jobs, password: right, more: []string{"--tls-server-name", "six.acme.example"}, want: trusted, peer: curl(60, "no alternative certificate subject name matches")},

	// Other services.
	{name: "pop3-service", target: "mailpit.acme.example:1110", encryption: "none", from: box, needs: "mailpit", want: failsAt("greeting", "not-an-smtp-service", 12), peer: swaks(21, "+OK")},
	{name: "http-service", target: "mailpit.acme.example:8025", encryption: "none", from: box, needs: "mailpit", more: []string{"--timeout", "5s"}, want: failsAt("greeting", "not-an-smtp-service", 12), peer: swaks(21, "closed connection unexpectedly")},

	// Names.
	{name: "nxdomain", target: "smpt.acme.example:587", encryption: "starttls", account: jobs, password: right, want: failsAt("dns", "dns-no-such-host", 10), peer: swaks(2, "Bad hostname")},
	{name: "mail-domain-as-host", target: "acme.example:587", encryption: "starttls", account: jobs, password: right, want: failsAt("dns", "dns-mail-domain-as-host", 10), peer: swaks(2, "Bad hostname")},
	{name: "servfail", target: "broken.acme.example:587", encryption: "starttls", account: jobs, password: right, want: failsAt("dns", "dns-resolver-failure", 10), peer: swaks(2, "Bad hostname")},
	{name: "no-resolver", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, nameserver: netip.MustParseAddr("127.0.0.9"), want: failsAt("dns", "dns-resolver-failure", 10), peer: swaks(2, "Bad hostname")},
	{name: "resolver-silent", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, nameserver: netip.MustParseAddr("192.0.2.153"), more: []string{"--timeout", "3s"}, want: failsAt("dns", "dns-resolver-failure", 10), peer: swaks(2, "Bad hostname")},
	{name: "other-resolver", target: "elsewhere.acme.example:587", encryption: "starttls", account: jobs, password: right, more: []string{"--resolver", "127.0.0.1:5353"}, want: trusted, peer: swaks(2, "Bad hostname")},

	// Proxies.
	{name: "socks5", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, proxy: "socks5://proxy.acme.example:1080", needs: "dante", want: trusted, peer: curl(0, "250 2.0.0 O")},
	{name: "socks5-local", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, proxy: "socks5+local://proxy.acme.example:1080", needs: "dante", want: trusted, peer: curl(0, "250 2.0.0 O")},
	{name: "socks5-refuses", target: "smtp.acme.example:25", encryption: "starttls", from: jobs, proxy: "socks5://proxy.acme.example:1080", needs: "dante", want: failsAt("tcp", "proxy-refused", 11), peer: curl(97, "(2)")},
	{name: "socks5-behind-closed", target: "smtp.acme.example:2526", encryption: "starttls", account: jobs, password: right, proxy: "socks5://proxy.acme.example:1080", needs: "dante", want: failsAt("tcp", "tcp-refused", 11), peer: curl(97, "(5)")},
	{name: "socks5-wants-login", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, proxy: "socks5://proxy.acme.example:1081", needs: "microsocks", want: failsAt("tcp", "proxy-login", 11), peer: curl(97, "No authentication method was acceptable")},
	{name: "socks5-with-login", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, proxy: "socks5://mallory:letmein@proxy.acme.example:1081", needs: "microsocks", want: trusted, peer: curl(0, "250 2.0.0 O")},
	{name: "socks5-wrong-login", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, proxy: "socks5://mallory:letmeout@proxy.acme.example:1081", needs: "microsocks", want: failsAt("tcp", "proxy-login", 11), peer: curl(97, "User was rejected by the SOCKS5 server")},
	{name: "http-proxy", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, proxy: "http://proxy.acme.example:8888", needs: "tinyproxy", want: trusted, peer: curl(0, "250 2.0.0 O")},
	{name: "http-proxy-refuses", target: "smtp.acme.example:25", encryption: "starttls", from: jobs, proxy: "http://proxy.acme.example:8888", needs: "tinyproxy", want: failsAt("tcp", "proxy-refused", 11), peer: curl(56, "403")},
	{name: "http-proxy-wants-login", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, proxy: "http://proxy.acme.example:8889", needs: "tinyproxy-login", want: failsAt("tcp", "proxy-login", 11), peer: curl(56, "407")},
	{name: "http-proxy-with-login", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, proxy: "http://mallory:letmein@proxy.acme.example:8889", needs: "tinyproxy-login", want: trusted, peer: curl(0, "250 2.0.0 O")},
	{name: "proxy-down", target: "smtp.acme.example:587", encryption: "starttls", account: jobs, password: right, proxy: "http://proxy.acme.example:8899", want: failsAt("tcp", "proxy-refused", 11), peer: curl(7, "Couldn't connect to server")},
}
