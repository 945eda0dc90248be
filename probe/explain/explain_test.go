package explain

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

const disabled = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."

func read(t *testing.T, text string, s Settings) *Explanation {
	t.Helper()
	x, err := Read(cause.Builtin(), strings.NewReader(text), s)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func firstCause(x *Explanation) string {
	if len(x.Findings) == 0 {
		return "nothing"
	}
	return x.Findings[0].Cause
}

func TestRepliesOfOneCodeAreToldApart(t *testing.T) {
	for text, want := range map[string]string{
		disabled: "auth-disabled-by-admin",
		"535 5.7.139 Authentication unsuccessful, the request did not meet the criteria to be authenticated successfully. basic authentication is disabled.": "auth-disabled-by-admin auth-oauth-required",
		"535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.":                                                                      "auth-bad-credentials",
		"535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.":               "auth-disabled-by-admin",
		"534 5.7.9 Application-specific password required.":                                                                                                  "auth-app-password-required",
		"534-5.7.14 <https://accounts.google.com/signin/continue> Please log in via your web browser and then try again.":                                    "auth-web-login-required",
		"550 5.7.60 SMTP; Client does not have permissions to send as this sender":                                                                           "sender-not-owned",
		"553 5.7.1 <a@acme.example>: Sender address rejected: not owned by user b@acme.example":                                                              "sender-not-owned",
		"x509: certificate is valid for *.kasserver.com, not mail.acme.example":                                                                              "cert-name-mismatch",
		"error:0A00010B:SSL routines:ssl3_get_record:wrong version number":                                                                                   "tls-wrong-mode-implicit-on-starttls-port",
		"SMTP ERROR: Failed to connect to server":                                                                                                            "error-text-generic",
		"SMTP connection could not be established":                                                                                                           "error-text-generic",
		"SMTP Error: Could not authenticate.":                                                                                                                "error-text-generic",
		"SMTP-Verbindung fehlgeschlagen":                                                                                                                     "error-text-generic",
		"454 4.7.1 <x@example.org>: Relay access denied":                                                                                                     "relay-denied-no-login",
		"554 5.7.1 <kunde@example.org>: Relay access denied":                                                                                                 "relay-denied-no-login",
		"Es ist ein Fehler beim Senden der E-Mail aufgetreten":                                                                                               "error-text-generic",
	} {
		if got := firstCause(read(t, text, Settings{})); !slices.Contains(strings.Fields(want), got) {
			t.Errorf("%.80q: %s, want %s", text, got, want)
		}
	}
}

func TestTheFormOfATextDoesNotMatter(t *testing.T) {
	wide := func(order func(uint16) []byte) string {
		var b []byte
		for _, u := range utf16.Encode([]rune("\ufeff" + disabled)) {
			b = append(b, order(u)...)
		}
		return string(b)
	}
	for name, text := range map[string]string{
		"plain":            disabled,
		"byte-order mark":  "\ufeff" + disabled,
		"UTF-16 LE":        wide(func(u uint16) []byte { return []byte{byte(u), byte(u >> 8)} }),
		"UTF-16 BE":        wide(func(u uint16) []byte { return []byte{byte(u >> 8), byte(u)} }),
		"quoted":           "> > " + disabled,
		"Windows line end": "Error:\r\n" + disabled + "\r\n",
		"JSON":             `{"error":"Invalid login: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.\nVisit https:\/\/aka.ms","code":"EAUTH"}`,
		"Python":           `smtplib.SMTPAuthenticationError: (535, b'5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. [X.PROD.OUTLOOK.COM]')`,
		"HTML":             "<p>535 5.7.139 Authentication unsuccessful,<br>SmtpClientAuthentication is disabled for the Tenant.</p>",
		"quoted-printable": "Fehler=3A 535 5.7.139 Authentication unsuccessful, SmtpClientAuthent=\nication is disabled for the Tenant.",
		"folded reply":     "535-5.7.139 Authentication unsuccessful,\n535 5.7.139 SmtpClientAuthentication is disabled for the Tenant.",
		"log line":         "Nov 23 14:02:11 mx postfix/smtp[535]: 4F2A: SASL authentication failed; server smtp.office365.com[192.0.2.1] said: " + disabled,
		"swaks":            "=== Connected to smtp.office365.com.\n<-  220 ready\n -> EHLO pc\n<-  250 AUTH LOGIN XOAUTH2\n ~> AUTH LOGIN\n<~  334 VXNlcm5hbWU6\n ~> aW5mb0BhY21lLmV4YW1wbGU=\n<~  334 UGFzc3dvcmQ6\n ~> Z2VoZWltMTIz\n<~* " + disabled + "\n -> QUIT\n<-  221 bye",
	} {
		if got := firstCause(read(t, text, Settings{})); got != "auth-disabled-by-admin" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestTheRefusalOfATranscriptDecidesAndNotWhatFollowsFromIt(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"mail after a refused login": {"AUTH LOGIN\n535 5.7.8 Error: authentication failed\nMAIL FROM:<a@acme.example>\n530 5.7.0 Authentication required\nQUIT\n221 bye", "auth-bad-credentials"},
		"HELO after a refused EHLO":  {"EHLO pc\n502 Error: command not implemented\nHELO pc\n250 ok\nAUTH LOGIN\n535 5.7.8 Error: authentication failed\nQUIT\n221 2.0.0 bye", "auth-bad-credentials"},
	} {
		if got := firstCause(read(t, c.text, Settings{})); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

const germanTicket = `Hallo Support-Team,

seit gestern können wir aus eurem System keine E-Mails mehr verschicken. Es kommt
"SMTP-Verbindung konnte nicht hergestellt werden". Der Virenscanner meldet nichts.

Postausgangsserver:  smtp.strato.de
Port:                465
Verschlüsselung:     TLS/STARTTLS
Benutzername:        jobs@acme.example
Passwort:            Sommer#2026!
Absender:            Jobs <bewerbung@acme.example>

Viele Grüße`

func TestSettingsAreReadOutOfATicket(t *testing.T) {
	x := read(t, germanTicket, Settings{})
	k := x.Settings
	if k.Host != "smtp.strato.de" || k.Port == nil || *k.Port != 465 || k.Encryption != "starttls" || k.Account != "jobs@acme.example" || k.From != "bewerbung@acme.example" {
		t.Errorf("%+v", k)
	}
	if got := firstCause(x); got != "tls-wrong-mode-plain-on-tls-port" {
		t.Errorf("%s", got)
	}
	for _, id := range []string{"settings-port-encryption-unusual", "settings-secret-pasted"} {
		if !hasCause(x.Findings, id) {
			t.Errorf("%s is missing", id)
		}
	}
	if text := asJSON(t, x); strings.Contains(text, "Sommer") {
		t.Error("the password is repeated")
	}
	if next := string(x.Next[0].Command); !strings.Contains(next, "smtp.strato.de:465") || !strings.Contains(next, "jobs@acme.example") {
		t.Error(next)
	}
}

func TestFlagsGoBeforeTheText(t *testing.T) {
	x := read(t, germanTicket, Settings{Host: "smtp.gmail.com", Account: "other@acme.example"})
	if x.Settings.Host != "smtp.gmail.com" || x.Settings.Account != "other@acme.example" || x.Settings.Port != nil {
		t.Errorf("settings of another host were mixed in: %+v", x.Settings)
	}
	if x.Settings.Origins["host"] != "given" || x.Settings.Origins["from"] != "text" {
		t.Error(x.Settings.Origins)
	}
}

func TestSettingsAreReadInTheFormsPeoplePaste(t *testing.T) {
	for name, text := range map[string]string{
		"form":       "Server: smtp.acme.example\nPort: 587\nSecurity: STARTTLS\nUsername: jobs@acme.example",
		"env":        "MAIL_HOST=smtp.acme.example\nMAIL_PORT=587\nMAIL_ENCRYPTION=tls\nMAIL_USERNAME=jobs@acme.example",
		"PHP":        "$mail->Host = 'smtp.acme.example';\n$mail->Port = 587;\n$mail->SMTPSecure = 'tls';\n$mail->Username = 'jobs@acme.example';",
		"JSON":       `{"host": "smtp.acme.example", "port": 587, "requireTLS": true, "auth": {"user": "jobs@acme.example"}}`,
		"YAML":       "smtp:\n  host: smtp.acme.example\n  port: 587\n  starttls: true\n  username: jobs@acme.example",
		"Django":     "EMAIL_HOST = 'smtp.acme.example'\nEMAIL_PORT = 587\nEMAIL_USE_TLS = True\nEMAIL_HOST_USER = 'jobs@acme.example'",
		"properties": "mail.smtp.host=smtp.acme.example\nmail.smtp.port=587\nmail.smtp.starttls.enable=true\nmail.smtp.user=jobs@acme.example",
		"table":      "| Host | smtp.acme.example |\n| Port | 587 |\n| Encryption | STARTTLS |\n| Account | jobs@acme.example |",
		"tabs":       "Postausgangsserver\tsmtp.acme.example\nPort\t587\nVerschlüsselung\tSTARTTLS\nBenutzername\tjobs@acme.example",
		"one line":   "Host: smtp.acme.example, Port: 587, Encryption: STARTTLS, Login: jobs@acme.example",
	} {
		x := read(t, text, Settings{})
		k := x.Settings
		if k.Host != "smtp.acme.example" || k.Port == nil || *k.Port != 587 || k.Encryption != "starttls" || k.Account != "jobs@acme.example" {
			t.Errorf("%s: host %q, port %v, encryption %q, account %q", name, k.Host, k.Port, k.Encryption, k.Account)
		}
		if x.Kind != SettingsOnly {
			t.Errorf("%s: %s", name, x.Kind)
		}
	}
}

func TestNoPasswordIsRepeated(t *testing.T) {
	const password = "Tr0ub4dor&3xyz"
	encoded := "VHIwdWI0ZG9yJjN4eXo=" // the password in base64
	for _, text := range []string{
		"Password: " + password, "Passwort:\t" + password, "Kennwort = " + password, "das Passwort ist " + password + " und die Mail geht nicht",
		"PW " + password, "pw: " + password, `$mail->Password = '` + password + `';`, `define('SMTP_PASS', '` + password + `');`,
		`{"user":"a@acme.example","pass":"` + password + `"}`, "MAIL_PASSWORD=" + password, "spring.mail.password=" + password,
		"smtp://jobs%40acme.example:" + password + "@smtp.acme.example:587", "smtps://u:" + password + "@smtp.acme.example",
		`server.login("a@acme.example", "` + password + `")`, `new NetworkCredential("a", "` + password + `")`,
		`smtp.PlainAuth("", "a", "` + password + `", "smtp.acme.example")`, "swaks -au a -ap " + password + " --server x",
		"curl -u jobs@acme.example:" + password + " smtp://x", "AUTH PLAIN AGpvYnNAYWNtZS5leGFtcGxlAFRyMHViNGRvciYzeHl6",
		"334 UGFzc3dvcmQ6\n" + encoded + "\n535 5.7.8 bad", "<~  334 UGFzc3dvcmQ6\n ~> " + encoded + "\n<~* 535 5.7.8 bad",
		"reply: '334 UGFzc3dvcmQ6'\nsend: '" + encoded + "\\r\\n'\nreply: b'535 5.7.8 bad'",
		"Passwort:\n" + password, "Benutzername:\na@acme.example\nPasswort:\n\n" + password, "Passwort " + password, "password " + password,
		"<password>" + password + "</password>", "<tr><td>Passwort</td><td>" + password + "</td></tr>", "server.login(user, '" + password + "')",
		"sendemail -xu a -xp " + password, "[smtp.acme.example]:587 a@acme.example:" + password, "Zugangsdaten: a@acme.example / " + password,
		"Unser Kennwort für das Postfach lautet: " + password, "the password for a@acme.example is " + password, "Password di accesso: " + password,
		"it fails with password " + password, "Пароль: " + password, "密码：" + password, "パスワード：" + password,
		"CLIENT -> SERVER: am9ic0BhY21lLmV4YW1wbGU=\nSERVER -> CLIENT: 334 UGFzc3dvcmQ6\nCLIENT -> SERVER: " + encoded,
		"SMTP_PASSWORD: " + password + "\nlater: the server said 535 for " + password,
	} {
		x := read(t, text+"\n535 5.7.8 Error: authentication failed for "+password+"\n", Settings{})
		out := asJSON(t, x)
		if strings.Contains(out, "Tr0ub4dor") || strings.Contains(out, encoded) || strings.Contains(out, "VHIwdWI0") {
			t.Errorf("%q: the password is repeated:\n%s", text, out)
		}
		if !hasCause(x.Findings, "settings-secret-pasted") {
			t.Errorf("%q: not reported", text)
		}
	}
}

func TestWordsAboutPasswordsAreNotTakenForOne(t *testing.T) {
	for _, text := range []string{
		"535 5.7.8 Username and Password not accepted.", "The password is wrong", "Passwort ist falsch", "password: ********", "pass: '***'",
		"SMTP Error: Password command failed: 535 5.7.8 bad", "334 Password:\n451 Authentication failed: Maximum credits exceeded",
		"535 5.7.0 authentication rejected: your password is too simple", "MAIL_PASSWORD=${SMTP_PASSWORD}", "password = os.environ['X']", "Passwort: [hidden]",
		"SERVER -> CLIENT: 250-acme.example Hello 250-AUTH LOGIN PLAIN250-SIZE 140000000250 STARTTLS\nSERVER -> CLIENT: 535 bad",
		"The password for this account is incorrect: 535 5.7.8", "Password:\n535 5.7.8 Error: authentication failed", "wrong password https://support.acme.example/mail/?p=BadCredentials",
		"smtps://noreply@example.com:****@host.example.net:587", "Application-specific password required",
	} {
		if x := read(t, text, Settings{}); hasCause(x.Findings, "settings-secret-pasted") {
			t.Errorf("%q: taken for a password", text)
		}
	}
}

func TestATextWithoutAnErrorIsNotExplained(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want Kind
	}{
		"empty": {"", Empty}, "blank": {" \n\t\n", Empty}, "greeting": {"Good morning, the coffee is in the kitchen.", Other},
		"picture": {"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x00\x00\x00\x01\x00\x08\x06\x00\x00\x00", Binary},
		"prose":   {"The newsletter of November went to 5350 readers; page 12 has a test of virus scanners and of TLS.", Other},
		"code":    {"func main() {\n\tfmt.Println(\"hello\")\n}\n", Other},
		"success": {"250 2.0.0 OK: queued as 4F2A1", Other},
	} {
		if x := read(t, c.text, Settings{}); x.Kind != c.want {
			t.Errorf("%s: %s, %s", name, x.Kind, firstCause(x))
		}
	}
}

func TestAnUnknownWordingGetsTheGeneralCauseAndAdmitsIt(t *testing.T) {
	for text, want := range map[string]string{
		"535 5.7.8 zzqx vrrm":                                   "auth-bad-credentials",
		"550 zzqx vrrm (in reply to MAIL FROM command)":         "sender-refused",
		"550 zzqx vrrm (in reply to RCPT TO command)":           "sender-refused", // with a title that names both
		"554 5.7.1 zzqx vrrm (in reply to end of DATA command)": "message-refused",
	} {
		x := read(t, text, Settings{})
		if firstCause(x) != want || x.Findings[0].Confidence == cause.Certain {
			t.Errorf("%q: %s (%s), want %s", text, firstCause(x), x.Findings[0].Confidence, want)
		}
	}
}

func TestAMailDomainAsHostIsNamed(t *testing.T) {
	x := read(t, "Host: gmail.com\nPort: 587\nEncryption: STARTTLS", Settings{})
	if firstCause(x) != "dns-mail-domain-as-host" {
		t.Error(firstCause(x))
	}
}

func asJSON(t *testing.T, x *Explanation) string {
	t.Helper()
	b, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFindingsCarryTheStepOnlyWhereTheTextShowsIt(t *testing.T) {
	if x := read(t, disabled, Settings{}); x.Findings[0].Step != probe.Maybe("auth") {
		t.Errorf("%q", x.Findings[0].Step)
	}
	if x := read(t, "SMTP connection could not be established", Settings{}); x.Findings[0].Step != "" {
		t.Errorf("%q", x.Findings[0].Step)
	}
}

const longTicket = `Von: Max Muster <max.muster@acme.example>
An: support@hr-software.example
Betreff: Re: [Ticket#2026112310] E-Mail-Versand geht nicht mehr

Sehr geehrte Damen und Herren,

seit dem Wochenende können wir keine Mails mehr verschicken. Unser Virenscanner wurde am Freitag aktualisiert, das
Zertifikat des Webservers ebenfalls erneuert, und die Firewall hatte letzte Woche einen timeout. Ob das damit zu tun hat,
weiß ich nicht. Im Protokoll der Anwendung steht:

2026-11-23 09:58:01 INFO  Mailer - Sende E-Mail an bewerber@example.org
2026-11-23 09:58:02 ERROR Mailer - Versand fehlgeschlagen
javax.mail.AuthenticationFailedException: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information. [FR3P281CA0019.DEUP281.PROD.OUTLOOK.COM 2026-11-23T08:58:02.123Z 08DE29C0AAAAAAAA]
    at com.sun.mail.smtp.SMTPTransport$Authenticator.authenticate(SMTPTransport.java:965)
    at com.sun.mail.smtp.SMTPTransport.authenticate(SMTPTransport.java:876)
    at com.sun.mail.smtp.SMTPTransport.protocolConnect(SMTPTransport.java:780)
    at javax.mail.Service.connect(Service.java:364)
    at com.hr.mail.Sender.send(Sender.java:112)

Die Einstellungen haben wir nicht geändert:

Server: smtp.office365.com
Port: 587
Verschlüsselung: STARTTLS
Benutzer: jobs@acme.example
Kennwort: Herbst!2026xy

> Am 23.11.2026 um 09:30 schrieb HR-Software Support:
> bitte senden Sie uns die genaue Fehlermeldung und die Einstellungen (Server, Port, Verschlüsselung, Benutzername).
> Das Passwort bitte NICHT mitschicken.`

func TestALongTicketIsReadByItsErrorAndNotByItsProse(t *testing.T) {
	x := read(t, longTicket, Settings{})
	if firstCause(x) != "auth-disabled-by-admin" || x.Findings[0].Confidence != cause.Certain {
		t.Errorf("%s", firstCause(x))
	}
	if k := x.Settings; k.Host != "smtp.office365.com" || k.Account != "jobs@acme.example" || k.From != "" {
		t.Errorf("the sender of the ticket is no setting: %+v", k)
	}
	if evidence := x.Findings[0].Evidence[0].Text; !strings.Contains(evidence, "535 5.7.139") || strings.Contains(evidence, "SMTPTransport") {
		t.Errorf("%q", evidence)
	}
	if strings.Contains(asJSON(t, x), "Herbst") {
		t.Error("the password is repeated")
	}
}

func TestALoginThatSucceededLaterIsNotTheCause(t *testing.T) {
	x := read(t, "AUTH CRAM-MD5\n535 Authentication failed\nAUTH PLAIN AGEAZ2VoZWltMTIz\n235 ok\nMAIL FROM:<shop@other.example>\n553 Sender address rejected: not owned by user a@acme.example\nQUIT\n221 bye", Settings{})
	if firstCause(x) != "sender-not-owned" {
		t.Error(firstCause(x))
	}
}

func TestTheEndOfATranscriptIsNoFaultBesideTheRefusal(t *testing.T) {
	const transcript = "=== Connected to smtp.acme.example.\n<-  220 smtp.acme.example ESMTP\n -> EHLO pc\n<-  250 AUTH PLAIN\n -> AUTH PLAIN x\n" +
		"<** 535-5.7.8 Error: authentication failed, see\n<** 535 5.7.8 https://acme.example/help\n*** No authentication type succeeded\n -> QUIT\n<-  221 2.0.0 closing connection\n=== Connection closed with remote host.\n"
	x := read(t, transcript, Settings{})
	for _, f := range x.Findings {
		if f.Cause == "connection-closed" || f.Cause == "tls-wrong-mode-implicit-on-starttls-port" {
			t.Errorf("%s is found in the farewell", f.Cause)
		}
	}
	if text := x.Findings[0].Evidence[0].Text; !strings.HasSuffix(text, "535 5.7.8 https://acme.example/help") {
		t.Errorf("the reply is quoted as %q", text)
	}
}

func TestAMailInHTMLIsReadLikeItsText(t *testing.T) {
	x := read(t, "<html><body><p>Fehler: <b>535 5.7.8 Error: authentication failed: &lt;a@acme.example&gt;</b></p><table><tr><td>Host</td><td>smtp.acme.example</td></tr>"+
		"<tr><td>Port</td> <td class=x>465</td></tr><tr><td>Encryption</td><td>STARTTLS</td></tr></table></body></html>", Settings{})
	if k := x.Settings; k.Host != "smtp.acme.example" || k.Port == nil || *k.Port != 465 || k.Encryption != "starttls" {
		t.Errorf("read host %q, port %v, encryption %q", k.Host, k.Port, k.Encryption)
	}
	if hasCause(x.Findings, "not-an-smtp-service") || strings.Contains(x.Findings[0].Evidence[0].Text, "<b>") {
		t.Errorf("the tags are taken for the server's: %s", asJSON(t, x))
	}
}

func TestAConnectionLostLaterIsNotCalledUnmade(t *testing.T) {
	for _, text := range []string{
		"Die Nachricht konnte nicht gesendet werden, weil die Verbindung mit dem Postausgangsserver (SMTP) smtp.acme.example mitten in der Transaktion abbrach.",
		"The message could not be sent because the connection to Outgoing server (SMTP) smtp.acme.example was lost in the middle of the transaction.",
	} {
		if got := read(t, text, Settings{}).Findings[0].Cause; got != "connection-closed" {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestTheNextCheckHasTheChange(t *testing.T) {
	x := read(t, "wrong version number", Settings{Host: "smtp.acme.example", Port: 587, Encryption: "ssl", Account: "a@acme.example"})
	if got := string(x.Next[0].Command); got != "smtpdx check smtp.acme.example:587 -u a@acme.example" {
		t.Errorf("next is %q, with the settings that failed", got)
	}
}

func TestSettingsAreReadWithoutAColon(t *testing.T) {
	x := read(t, "Postausgangsserver smtp.acme.example\nPort 587\nVerschlüsselung SSL\nMeldung: Could not authenticate", Settings{})
	if k := x.Settings; k.Host != "smtp.acme.example" || k.Port == nil || *k.Port != 587 || k.Encryption != "ssl" {
		t.Errorf("read host %q, port %v, encryption %q", k.Host, k.Port, k.Encryption)
	}
}

func TestAnAccountWithoutItsDomainGetsTheSendersWhereItIsTheSame(t *testing.T) {
	for from, want := range map[string]string{"jobs@acme.example": "jobs@acme.example", "info@acme.example": "name@domain", "": "name@domain"} {
		x := read(t, "535 5.7.8 Error: authentication failed", Settings{Host: "mail.acme.example", Account: "jobs", From: from})
		got := ""
		for _, fix := range x.Findings[0].Fix {
			if fix.Setting == "account" {
				got += string(fix.To)
			}
		}
		if got != want {
			t.Errorf("sender %q: the account is to be %q", from, got)
		}
	}
}

func TestEveryFixOfACertificatesNameIsGivenOnce(t *testing.T) {
	for _, text := range []string{
		"System.Security.Authentication.AuthenticationException: RemoteCertificateNameMismatch",
		"x509: certificate is valid for *.kasserver.com, kasserver.com, not mail.acme.example",
		"Hostname/IP does not match certificate's altnames: Host: mail.acme.example. is not in the cert's altnames: DNS:*.kasserver.com",
	} {
		f, enter := read(t, text, Settings{}).Findings[0], 0
		for _, fix := range f.Fix {
			if fix.Setting == "host" {
				enter++
			}
		}
		if enter != 1 || strings.Contains(f.Explanation, "DNS:") {
			t.Errorf("%q: %d fixes for the host: %s", text, enter, f.Explanation)
		}
	}
}

// The case that this program was made for: a sentence without a cause, and a
// word that forms use for both ways.
func TestTheWordTLSOnPort465IsDoubtedBeforeTheQuestions(t *testing.T) {
	ticket := "Hallo,\nbeim Test kommt \"SMTP connection could not be established\".\nPostausgangsserver: smtp.strato.de\nPort: 465\nVerschlüsselung: %s\nBenutzername: jobs@acme.example\n"
	for word, want := range map[string]string{"TLS": "tls-wrong-mode-plain-on-tls-port", "TLS/STARTTLS": "tls-wrong-mode-plain-on-tls-port", "SSL": "error-text-generic", "SSL/TLS": "error-text-generic"} {
		if got := firstCause(read(t, fmt.Sprintf(ticket, word), Settings{})); got != want {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
	}
}
