package delivery

import (
	"os"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

func TestTheClientIsWhoHandedTheMessageToTheReceivingSide(t *testing.T) {
	for _, c := range []struct{ name, header, want string }{
		{"no results", "Received: from smtp.sender.example (smtp.sender.example [192.0.2.51])\n\tby mx.app.example; Thu, 26 Nov 2026 16:12:08 +0000\n", "192.0.2.51"},
		{"private addresses are the receiving side's own", "Received: from mx.app.example (mx [10.0.0.4]) by store.app.example; Thu, 26 Nov 2026 16:12:09 +0000\n" +
			"Received: from smtp.sender.example ([IPv6:2001:db8::51]) by mx.app.example; Thu, 26 Nov 2026 16:12:08 +0000\n", "2001:db8::51"},
		{"results below the stamp, as Google has them", "Received: by 2002:a05:6504:12c8:b0:2a1:1 with SMTP id x; Thu, 26 Nov 2026 16:12:09 +0000\n" +
			"Received: from mail.sender.example (mail.sender.example. [192.0.2.51]) by mx.google.com with ESMTPS; Thu, 26 Nov 2026 16:12:08 +0000\n" +
			"Authentication-Results: mx.google.com; spf=pass smtp.mailfrom=a@sender.example\n" +
			"Received: from laptop ([192.0.2.200]) by mail.sender.example; Thu, 26 Nov 2026 16:12:07 +0000\n", "192.0.2.51"},
		{"results without a name, as Microsoft's", "Received: from DB5EUR01FT014.eop-EUR01.prod.protection.outlook.com (2603:10a6:10:2c8::1) by DB5PR06CA0012.outlook.office365.com (2603:10a6:10:2c8::2); Thu, 26 Nov 2026 16:12:09 +0000\n" +
			"Authentication-Results: spf=pass (sender IP is 192.0.2.51) smtp.mailfrom=sender.example; dmarc=pass header.from=sender.example\n" +
			"Received: from mail.sender.example (192.0.2.51) by DB5EUR01FT014.mail.protection.outlook.com (10.152.0.1); Thu, 26 Nov 2026 16:12:08 +0000\n", "192.0.2.51"},
		{"results of a server on the way", "Received: from mx.company.example (mx.company.example [192.0.2.52]) by mx.app.example; Thu, 26 Nov 2026 16:12:09 +0000\n" +
			"Authentication-Results: mx.company.example; spf=pass smtp.mailfrom=sender.example\n" +
			"Received: from smtp.sender.example ([192.0.2.51]) by mx.company.example; Thu, 26 Nov 2026 16:12:08 +0000\n", "192.0.2.52"},
		{"Postfix with LMTP to Dovecot", savedHeader(t, "direct.eml"), "192.0.2.51"},
		{"the same through an alias", savedHeader(t, "postfix-alias.eml"), "192.0.2.52"},
		{"no stamps", "Subject: x\n", "invalid IP"},
		{"results and no stamps", "Authentication-Results: mx.app.example; spf=pass smtp.mailfrom=sender.example\n", "invalid IP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := received.Read(strings.NewReader(c.header + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			if got := clientOf(m.Header).String(); got != c.want {
				t.Errorf("the client is %s, expected %s", got, c.want)
			}
		})
	}
}

// savedHeader is that of a message that real programs made.
func savedHeader(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile("judge/testdata/real/" + file)
	if err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(string(text), "\n\n")
	return header + "\n"
}
