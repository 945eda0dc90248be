package explain

import (
	"testing"

	"github.com/smtpdx/smtpdx/probe/cause"
)

func TestSayingsOfOtherServersAndProgramsAreUnderstood(t *testing.T) {
	for text, want := range map[string]string{
		// a code alone says less than the words beside it
		"5.7.0 This message was blocked because its content presents a potential security issue. - gsmtp": "message-rejected-as-spam",
		"5.7.0 ...authentication rejected":  "auth-bad-credentials",
		"5.1.1 Command not recognized":      "auth-not-offered-at-all",
		"Error: Expected code 250, got 552": "message-too-large",
		// who is meant
		"550 5.7.1 [BFD] Sender prohibited by SPF":                                                      "sender-domain-authentication-failed",
		"550 5.1.0 Sender is not allowed to send from acme.example (R2)":                                "sender-not-owned",
		"502 5.7.0 Your SMTP account is not yet activated":                                              "account-blocked",
		"554 5.7.1 Account awaiting approval, sending is not possible yet":                              "account-blocked",
		"450 4.7.1 <anna@other.example>: Recipient address rejected: Policy Rejection- Quota Exceeded.": "quota-exceeded",
		"450 4.4.1 <anna@other.example>: the recipient's server was temporarily unavailable":            "recipient-server-misconfigured",
		"421 4.7.0 Sender IP rejected: insufficient reputation":                                         "policy-blocklisted",
		// the dialogue
		"Sent: STARTTLS\nGot: 500 5.3.3 Unrecognized command":                   "starttls-not-offered",
		"421 mail.acme.example You talk too soon":                               "client-protocol-defect",
		"503 5.5.1 Bad sequence of commands: EHLO required":                     "client-protocol-defect",
		"503 5.5.2 Need rcpt command":                                           "client-protocol-defect",
		"AUTH XOAUTH2\n454 4.7.0 Temporary authentication failure":              "auth-oauth-token-invalid",
		"454 4.7.0 Temporary authentication failure":                            "server-temporary-failure",
		"HTTP/1.1 407 Proxy Authentication Required":                            "proxy-login",
		"curl: (56) Received HTTP code 403 from proxy after CONNECT":            "proxy-refused",
		"421 4.4.2 mail.acme.example Error: timeout exceeded":                   "server-temporary-failure",
		"<~  250 8BITMIME\n*** Host did not advertise authentication":           "auth-not-offered-at-all",
		"H=mx.acme.example [192.0.2.1] temporarily rejected RCPT <b@x.example>": "recipient-greylisted",
		// TLS and names
		"Host mail.acme.example is not in the cert's alt names: DNS:*.hoster.example":              "cert-name-mismatch",
		"The certificate is NOT trusted. The name in the certificate does not match the expected.": "cert-name-mismatch",
		"Peer certificate CN=`srv.hoster.example' did not match expected CN=`smtp.gmail.com'":      "smtp-redirected-by-host",
		"certificate is not yet valid":                              "cert-not-yet-valid",
		"dh key is too small":                                       "tls-weak-crypto",
		"port 587 is typically reserved for plain-text connections": "tls-wrong-mode-implicit-on-starttls-port",
		"getaddrinfo EAI_FAIL anna@acme.example":                    "dns-host-malformed",
		// what is no error
		"We have 535 readers of this letter, and since Monday none gets it.": "",
	} {
		got := ""
		if found := explain(cause.Builtin(), text, Settings{}).Findings; len(found) > 0 {
			got = found[0].Cause
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestAHostThatIsNoneExplainsASentenceWithoutAReason(t *testing.T) {
	for host, want := range map[string]string{"https://host.acme.example:2083": "dns-host-malformed", "ssl://host.acme.example": "error-text-generic"} {
		found := explain(cause.Builtin(), "SMTP connect() failed.", Settings{Host: host, Port: 587, Encryption: "starttls"}).Findings
		if len(found) == 0 || found[0].Cause != want {
			t.Errorf("%s: %v, want %s", host, found, want)
		}
	}
}
