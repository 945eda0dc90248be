package smtptest

import (
	"errors"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// sights is what a careful client sees of every dialogue that is not healthy:
// part of the words with which it stops, or of a warning.
var sights = map[string]string{
	"dns-no-such-host":            "NXDOMAIN",
	"dns-no-data":                 "no address: ",
	"dns-servfail":                "SERVFAIL",
	"dns-timeout":                 "no answer: ",
	"dns-mail-domain":             "no address: MX 10 mail.acme.example.",
	"dns-host-malformed":          "NXDOMAIN",
	"dns-private-address":         "A 10.20.30.40",
	"tcp-refused-localhost":       "refused",
	"tcp-timeout":                 "timeout",
	"tcp-ipv6-refused":            "AAAA ::1",
	"tcp-reset":                   "reset",
	"greeting-refused":            "554 mail.acme.example ESMTP not accepting messages",
	"greeting-unavailable":        "421 4.3.2",
	"greeting-too-many":           "421 4.7.0",
	"greeting-blocklisted":        "blocked using zen.spamhaus.org",
	"greeting-missing-ptr":        "Bad DNS PTR",
	"greeting-direct-delivery":    "Dialup/transient IP not allowed",
	"greeting-silent":             `after "": read tcp`,
	"wrong-encryption-plain":      `after "": read tcp`,
	"greeting-tls-alert":          `after "\x15\x03\x01\x00\x02\x02F"`,
	"greeting-closed":             `after "": EOF`,
	"greeting-half":               `after "220 mail.acme.ex": EOF`,
	"greeting-half-silent":        `after "220 mail.acme.ex": read tcp`,
	"greeting-endless-line":       "a line without end",
	"greeting-endless-lines":      "lines without end",
	"greeting-mixed-codes":        "mixed codes: 220 and 554",
	"greeting-imap":               "* OK [CAPABILITY IMAP4rev1",
	"greeting-pop3":               "+OK Dovecot ready.",
	"greeting-ssh":                "SSH-2.0-OpenSSH",
	"greeting-ftp":                "FTP server ready",
	"greeting-http":               "HTTP/1.1 408",
	"greeting-asterisks":          "not offered: ",
	"ehlo-refused":                "550 5.5.0",
	"ehlo-helo-only":              "ehlo: 5.5.1 Command not implemented",
	"ehlo-name":                   "504 5.5.2 <localhost>: Helo command rejected",
	"ehlo-name-google":            "421 4.7.0 Try again later, closing connection. (EHLO)",
	"ehlo-syntax":                 "501 Syntactically invalid",
	"ehlo-silent":                 "i/o timeout",
	"starttls-not-offered":        "not offered: mail.acme.example|PIPELINING",
	"starttls-refused":            "503 5.5.1",
	"starttls-unavailable":        "454 4.7.0",
	"starttls-stripped":           "|XXXXXXXA|",
	"starttls-injection":          "37 bytes before the handshake",
	"starttls-closed":             "EOF",
	"wrong-encryption":            "first record does not look like a TLS handshake",
	"tls-old-version":             "protocol version not supported",
	"tls-weak-cipher":             "handshake failure",
	"tls-client-certificate":      "certificate required",
	"tls-client-certificate-1.2":  "remote error: tls: ",
	"tls-alert":                   "internal error",
	"tls-garbage":                 "first record does not look like a TLS handshake",
	"tls-closed":                  "EOF",
	"tls-silent":                  "deadline exceeded",
	"tls-plain-answer":            "first record does not look like a TLS handshake",
	"cert-expired":                "has expired or is not yet valid",
	"cert-not-yet-valid":          "is before",
	"cert-name-mismatch":          "valid for *.hosting.example, hosting.example, not localhost",
	"smtp-redirected":             "valid for *.hosting.example, hosting.example, not smtp.gmail.com",
	"settings-password-quotes":    "", // the server knows the password as it is
	"cert-self-signed":            `unknown authority (chain of 1, issuer "localhost")`,
	"cert-untrusted-chain":        `unknown authority (chain of 2, issuer "ACME Ltd issuing CA 1")`,
	"cert-missing-intermediate":   `unknown authority (chain of 1, issuer "smtpdx lab issuing CA 1")`,
	"cert-tls-intercepted":        `unknown authority (chain of 2, issuer "AVG`,
	"cert-weak":                   "certificate: short key",
	"cert-expires-soon":           "certificate: expires soon",
	"cert-self-signed-insecure":   "certificate: x509: certificate signed by unknown authority",
	"cert-one-address":            "AAAA ::1",
	"ehlo-tls-refused":            "503 5.5.1 Duplicate EHLO",
	"ehlo-tls-nothing-left":       "not offered, STARTTLS offered: false",
	"wrong-password":              "535 5.7.8",
	"wrong-password-exim":         "535 Incorrect authentication data",
	"wrong-password-exchange":     "535 5.7.3",
	"wrong-password-then-silent":  "535 5.7.8",
	"wrong-password-challenge":    "CRAM-MD5 535 5.7.8",
	"app-password":                "BadCredentials",
	"auth-tenant-disabled":        "535 5.7.139",
	"auth-oauth-required":         "basic authentication is disabled",
	"auth-not-offered":            "not offered, STARTTLS offered: false",
	"auth-not-before-tls":         "not offered, STARTTLS offered: true",
	"auth-in-clear":               "in clear: [PLAIN LOGIN]",
	"auth-in-clear-allowed":       "auth: in clear with CRAM-MD5",
	"auth-starttls-required":      "530 5.7.0 Must issue a STARTTLS command first",
	"auth-windows-only":           "no mechanism: [NTLM GSSAPI]",
	"auth-mechanism-missing":      "no mechanism: [PLAIN LOGIN SCRAM-SHA-1-PLUS]",
	"auth-mechanism-refused":      "LOGIN 504 5.7.4",
	"scram-no-signature":          "no signature of the server's",
	"scram-wrong-signature":       "invalid server signature",
	"scram-iterations-huge":       "iterations 5000000",
	"scram-iterations-zero":       "iterations 0",
	"scram-iterations-negative":   "iterations -5",
	"token-refused":               `BadCredentials ffacd0b85a97d-429eb40475csm3 - gsmtp [{"status":"400"`,
	"token-refused-oauthbearer":   `[{"status":"invalid_token"`,
	"token-refused-exchange":      "XOAUTH2 535 5.7.3",
	"auth-rate-limited":           "454 4.7.0 Too many login attempts",
	"auth-temporary":              "454 4.7.0 Temporary authentication failure",
	"account-blocked":             "suspended",
	"auth-access-not-enabled":     "550 User has no permission",
	"auth-encoding":               "Invalid base64",
	"auth-ip-not-authorized":      "525 5.7.1",
	"auth-not-needed":             "503 5.5.1",
	"auth-username-form":          "Invalid user name",
	"auth-web-login":              "534 5.7.14",
	"auth-wrong-kind":             "Bad username / password",
	"auth-closed":                 "EOF",
	"auth-silent":                 "i/o timeout",
	"auth-flood":                  "lines without end",
	"hostile-echo":                "with password correct-horse\n5.7.8 account am9ic0BhY21lLmV4YW1wbGU=, password Y29ycmVjdC1ob3JzZQ==",
	"hostile-injection":           "authentication failed: <script>alert(6)</script>",
	"sender-not-owned":            "MAIL 550 Sender address is not allowed.",
	"sender-not-owned-at-rcpt":    "RCPT 553 5.7.1 <ceo@acme.example>: Sender address rejected: not owned by user jobs@acme.example",
	"sender-login-map-broken":     "RCPT 553 5.7.1",
	"sender-domain-not-found":     "Domain not found",
	"sender-refused":              "MAIL 550 5.7.1",
	"recipient-unknown":           "RCPT 550 5.1.1",
	"recipient-unknown-default":   "sender: 5.1.1 <no-reply@acme.example>",
	"recipient-mailbox-full":      "RCPT 452 4.2.2",
	"recipient-greylisted":        "Greylisted",
	"relay-no-login":              "Relay access denied",
	"relay-not-allowed":           "relaying denied",
	"login-required":              "MAIL 530 5.7.0 Authentication required",
	"starttls-required":           "MAIL 530 5.7.0 Must issue a STARTTLS",
	"smtputf8-missing":            "SMTPUTF8 is not offered",
	"sender-blocklisted":          "Client host [127.0.0.1] blocked",
	"quota-exceeded":              "550 5.4.5",
	"sender-unverified":           "MAIL 550 5.7.1 Unconfigured Sending Domain",
	"sender-verification-failed":  "RCPT 550",
	"sender-address-syntax":       "RCPT 504 5.5.2 <root@localhost>",
	"sender-spf-failed":           "RCPT 550 5.7.23",
	"sender-sandbox":              "RCPT 421 Domain sandbox1",
	"sender-account-blocked":      "MAIL 550 5.7.1 Your account has been suspended",
	"sender-client-address":       "MAIL 550 that IP address",
	"sender-helo-rejected":        "RCPT 504 5.5.2 <app1>: Helo command rejected",
	"sender-missing-ptr":          "RCPT 450 4.7.25",
	"sender-direct-delivery":      "RCPT 550 5.7.1 Mail from dynamic IP address [127.0.0.1]",
	"sender-too-many":             "MAIL 450 4.7.1",
	"sender-disk-full":            "MAIL 452 4.3.1",
	"sender-too-large":            "MAIL 552 5.3.4",
	"recipient-server-broken":     "Error: open resolver",
	"recipient-refused":           "RCPT 550 5.7.1 <someone@recipient.example>: recipient not wanted",
	"recipient-spam":              "RCPT 550 Rejected by header based Anti-Spoofing policy",
	"sender-closed":               "MAIL 421 4.3.0",
	"sender-silent":               "i/o timeout",
	"message-send-as":             "554 5.2.252 SendAsDenied; svc-hr@acme.example not allowed to send as jobs@acme.example",
	"message-spam":                "554 5.7.1 Spam",
	"message-refused":             "554 5.0.0",
	"message-quota":               "550 5.4.5 Daily user sending limit exceeded",
	"message-too-large":           "552 5.3.4",
	"message-over-size":           "the limit is 1000",
	"message-format":              "bare LF",
	"message-deferred":            "452 4.3.1",
	"message-silent":              "i/o timeout",
	"message-closed":              "EOF",
	"message-one-recipient":       "RCPT TO:<nobody@acme.example> 550 5.1.1",
	"message-unverified-identity": "region EU-WEST-1: jobs@acme.example",
	"message-sender-domain":       "550 5.7.26",
	"redirect-forwarded":          "FW: ",
	"redirect-attached":           "Content-Type: message/rfc822",
	"redirect-from-rewritten":     `"A sender via Jobs" <jobs@acme.example>`,
	"redirect-footer":             "body hash did not verify",
	"redirect-duplicate":          "2 in INBOX: Return-Path: <ann@candidate.example>",
	"redirect-external-blocked":   "2 came back: ",
	"redirect-lost":               "nothing arrived and nothing came back",
	"delivery-junk":               "1 in Junk: Return-Path: <jobs@acme.example>",
	"delivery-altered":            "one line\r\nThis message was checked by the gateway",
	"delivery-unproved":           "1 in INBOX: Return-Path: <jobs@acme.example>\r\nAuthentication-Results: mx.recipient.example; spf=fail",
	"delivery-not-arrived":        "nothing arrived",
	"imap-unreachable":            "connection refused",
	"imap-disabled":               "not enabled for IMAP",
	"delivery-twice":              "2 in INBOX: Return-Path",
	"imap-login-failed":           "AUTHENTICATIONFAILED",
}

func TestEveryDialogueDoesWhatItSays(t *testing.T) {
	for _, d := range Catalogue() {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			s := started(t, d)
			step, why, warnings := meet(t, s, "127.0.0.1")
			wanted := d.Step
			if d.Verdict != "fail" {
				wanted = ""
			}
			if step != wanted {
				t.Errorf("it ended at %q (%s), and the dialogue says %q", step, why, wanted)
			}
			sight, known := sights[d.Name]
			if all := why + "\n" + strings.Join(warnings, "\n"); !strings.Contains(all, sight) {
				t.Errorf("no %q in:\n%s", sight, all)
			}
			if known == (d.Verdict == "pass") {
				t.Error("a dialogue that is not healthy, and no other one, needs an entry in sights")
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if v := s.Violations(); len(v) > 0 {
				t.Errorf("a good client is blamed:\n%s", strings.Join(v, "\n"))
			}
		})
	}
}

// started serves a dialogue until the end of the test, or skips the test where
// this computer cannot.
func started(t *testing.T, d Dialogue) *Server {
	t.Helper()
	if d.LinuxOnly && runtime.GOOS != "linux" {
		t.Skip("only Linux can play it")
	}
	s, err := Start(t.Context(), d, Options{})
	if errors.Is(err, ErrNoIPv6) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestTheOtherAddressDiffers(t *testing.T) {
	for name, wanted := range map[string]string{"tcp-ipv6-refused": "tcp", "cert-one-address": "certificate"} {
		d, _ := Lookup(name)
		s := started(t, d)
		if step, why, _ := meet(t, s, "::1"); step != wanted {
			t.Errorf("%s: at ::1 it ended at %q (%s), not at %q", name, step, why, wanted)
		}
	}
}

func TestLocalhostAnswersAtBothAddresses(t *testing.T) {
	if !hasIPv6() {
		t.Skip("no IPv6 here")
	}
	d, _ := Lookup("healthy")
	s := started(t, d)
	if step, why, _ := meet(t, s, "::1"); step != "" {
		t.Errorf("at ::1 it ended at %q (%s)", step, why)
	}
}

func TestTLSAnswersBehindTheSilentPort(t *testing.T) {
	d, _ := Lookup("wrong-encryption-plain")
	s := started(t, d)
	d.Settings.Encryption = "ssl"
	c := &client{t: t, d: d, s: s, address: "127.0.0.1"}
	if err := c.talk(); err != nil {
		t.Error(err)
	}
}

func TestTheCatalogueIsInOrder(t *testing.T) {
	all := Catalogue()
	if len(all) < 45 {
		t.Errorf("%d dialogues are too few", len(all))
	}
	if !slices.IsSortedFunc(all, byStep) {
		t.Error("the dialogues are not sorted by step and name")
	}
	if all[0].Name != "healthy" {
		t.Errorf("the first one is %s", all[0].Name)
	}
	ids := regexp.MustCompile(`^[a-z0-9.-]+$`)
	for _, d := range all {
		switch {
		case !ids.MatchString(d.Name):
			t.Errorf("%s is no name to type", d.Name)
		case len(d.Title) > 100 || len(d.Teaches) < 40:
			t.Errorf("%s: the title has %d characters and teaches %d", d.Name, len(d.Title), len(d.Teaches))
		case (d.Verdict == "pass") != (d.Step == "") || (d.Verdict == "fail") != (d.ExitCode != 0):
			t.Errorf("%s: verdict %s, step %q and exit code %d do not fit", d.Name, d.Verdict, d.Step, d.ExitCode)
		case d.Verdict != "pass" && !ids.MatchString(d.Cause):
			t.Errorf("%s: %q is no cause", d.Name, d.Cause)
		}
	}
}

func TestLookupFindsWhatIsThereAndNothingElse(t *testing.T) {
	if d, ok := Lookup("wrong-password"); !ok || d.Title != "The password is wrong" || d.ExitCode != 16 {
		t.Errorf("found %v: %q, %d", ok, d.Title, d.ExitCode)
	}
	if _, ok := Lookup("wrong-passwor"); ok {
		t.Error("found what is not there")
	}
}
