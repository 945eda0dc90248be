package explain

import (
	"strings"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// What a transcript shows beside the refusal: lines as they went over the
// wire, behind the marks that programs put before them.
var (
	greetingLine   = compiled(`(?m)^[^\w\n]{0,12}(?:S|SERVER -> CLIENT|server|SMTP)?[^\w\n]{0,6}220[ -]([^\n]{1,200})`)
	capabilityLine = compiled(`(?im)^[^\n]{0,40}?\b250[ -]([A-Z0-9][A-Z0-9-]*)(?:[ =]([^\n]{0,120}))?$`)
	usedMechanism  = compiled(`(?im)(?:^|[^-\w ]|[^\d ] )AUTH[ =](PLAIN|LOGIN|XOAUTH2|OAUTHBEARER|CRAM-MD5|DIGEST-MD5|SCRAM-[\w-]+|NTLM)\b`)
	loggedIn       = compiled(`(?m)^[^\w\n]{0,12}(?:S|SERVER -> CLIENT|server)?[^\w\n]{0,6}235[ -]`)
)

// transcriptFacts notes what the server offered and what the client used, as
// far as the text has it.
func transcriptFacts(f *cause.Facts, text string) {
	if at := greetingLine().FindStringSubmatch(text); at != nil {
		f.Greeting = strings.TrimSpace(at[1])
		if strings.Contains(f.Greeting, "****") {
			f.Seen.Add(cause.GreetingMasked)
		}
	}
	if at := usedMechanism().FindAllStringSubmatch(text, -1); len(at) > 0 {
		f.Mechanism = strings.ToUpper(at[len(at)-1][1])
		if f.Mechanism == "XOAUTH2" || f.Mechanism == "OAUTHBEARER" {
			f.Credential = "token"
		}
	}
	if loggedIn().MatchString(text) {
		f.Seen.Add(cause.LoggedIn)
	}
	capabilityFacts(f, text)
}

func capabilityFacts(f *cause.Facts, text string) {
	for _, at := range capabilityLine().FindAllStringSubmatch(text, -1) {
		switch word := strings.ToUpper(at[1]); {
		case word == "STARTTLS":
			f.Seen.Add(cause.StarttlsOffered)
		case word == "AUTH":
			f.Seen.Add(cause.AuthOffered)
			f.Values["mechanisms"] = strings.Join(strings.Fields(at[2]), ", ")
		case len(word) >= 4 && strings.Trim(word, "X") == "" || strings.HasPrefix(word, "XXXX"):
			f.Seen.Add(cause.CapabilityMasked)
		}
	}
}
