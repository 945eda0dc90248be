package probe

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// factsOf turns one step of a result into what the rules may look at. It is
// pure: the same result gives the same facts. A step with several cases (one
// for each refused sender) gives several.
func factsOf(s *Settings, res *Result, step StepResult) []cause.Facts {
	if step.Status == Skip {
		return nil
	}
	f := baseFacts(s, res, step)
	earlierFacts(&f, res, step)
	switch e := step.Evidence.(type) {
	case *SettingsEvidence:
		settingsFacts(&f, s, e)
	case *DNSEvidence:
		dnsFacts(&f, s, e)
	case *TCPEvidence:
		tcpFacts(&f, e)
	case *GreetingEvidence:
		greetingFacts(&f, e)
	case *TLSEvidence:
		tlsFacts(&f, e)
	case *CertificateEvidence:
		certificateFacts(&f, e)
	case *AuthEvidence:
		authFacts(&f, s, e)
	case *SenderEvidence:
		return senderFacts(f, s, e)
	case *MessageEvidence:
		return messageFacts(f, s, e)
	case *DeliveryEvidence:
		deliveryFacts(&f, s, e)
	case *RedirectEvidence:
		redirectFacts(&f, s, e)
	}
	return []cause.Facts{f}
}

func baseFacts(s *Settings, res *Result, step StepResult) cause.Facts {
	f := cause.Facts{
		Step: string(step.ID), Failed: step.Status == Fail,
		Host: s.Host, HostKind: HostKind(s.Host), Port: s.Port, Encryption: string(s.Encryption),
		Account: string(res.Settings.Account), AccountForm: AccountForm(s.Account), Credential: credentialKind(s), UsedBy: s.UsedBy,
		Seen: cause.Set{}, Values: map[string]string{},
	}
	if s.Provider != nil {
		f.Provider = s.Provider.ID
	}
	if len(res.Settings.From) == 1 {
		f.From = res.Settings.From[0]
	}
	if step.Fault != nil {
		f.Fault, f.Text = string(step.Fault.Kind), step.Fault.Text
	}
	if step.Reply != nil {
		f.Code, f.Enhanced = step.Reply.Code, string(step.Reply.Enhanced)
		f.Text = strings.Join(step.Reply.Lines, "\n")
		if f.Code/100 == 4 {
			f.Seen.Add(cause.Temporary)
		}
	}
	if n := len(step.Exchanges); n > 0 {
		f.Verb = verbOf(step.Exchanges[n-1].Command)
	}
	if address := string(step.Address); address != "" {
		f.Values["address"] = address
		if a, err := netip.ParseAddrPort(address); err == nil && a.Addr().Is6() {
			f.Seen.Add(cause.AddressIPv6)
		}
	}
	if step.DurationMs != nil {
		f.Values["seconds"] = strconv.FormatFloat(float64(*step.DurationMs)/1000, 'f', 0, 64)
	}
	return f
}

// verbOf is the first word of a command line.
func verbOf(command string) string {
	verb, _, _ := strings.Cut(command, " ")
	return strings.ToUpper(verb)
}

// HostKind tells what was entered as host: name, bare-name, ipv4, ipv6 or localhost.
func HostKind(host string) string {
	if a, err := netip.ParseAddr(host); err == nil {
		switch {
		case a.IsLoopback():
			return "localhost"
		case a.Unmap().Is4():
			return "ipv4"
		}
		return "ipv6"
	}
	switch lower := strings.ToLower(strings.TrimSuffix(host, ".")); {
	case lower == "localhost" || strings.HasSuffix(lower, ".localhost"):
		return "localhost"
	case !strings.Contains(lower, "."):
		return "bare-name"
	}
	return "name"
}

// AccountForm tells the form of a login name: none, address or bare.
func AccountForm(account string) string {
	switch {
	case account == "":
		return "none"
	case strings.Contains(account, "@"):
		return "address"
	}
	return "bare"
}

func credentialKind(s *Settings) string {
	switch {
	case s.Account == "":
		return "none"
	case s.Token.IsGiven():
		return "token"
	case s.Password.IsGiven():
		return "password"
	}
	return "none"
}

// earlierFacts adds what earlier steps on the same address saw, and what
// other addresses did at this step.
func earlierFacts(f *cause.Facts, res *Result, step StepResult) {
	for _, other := range res.Steps {
		if other.Status == Skip {
			continue
		}
		if other.ID == step.ID && other.Address != step.Address {
			otherAddressFacts(f, step, other)
			continue
		}
		if other.Address != "" && step.Address != "" && other.Address != step.Address {
			continue
		}
		if other.Address != "" && step.Address == "" && res.Address != "" && other.Address != res.Address {
			continue
		}
		addEarlier(f, other, step.ID)
	}
}

func otherAddressFacts(f *cause.Facts, step, other StepResult) {
	if other.Status == Fail {
		f.Seen.Add(cause.OtherAddressBad)
		return
	}
	f.Seen.Add(cause.OtherAddressGood)
	a, err := netip.ParseAddrPort(string(step.Address))
	b, otherErr := netip.ParseAddrPort(string(other.Address))
	if err == nil && otherErr == nil && a.Addr().Is4() != b.Addr().Is4() {
		f.Seen.Add(cause.OtherFamilyGood)
	}
}

func addEarlier(f *cause.Facts, other StepResult, now StepID) {
	switch e := other.Evidence.(type) {
	case *DNSEvidence:
		if now != StepDNS {
			addressFacts(f, e)
		}
		f.Values["mx"] = strings.Join(e.MX, ", ")
		if n := len(e.CNAME); n > 0 {
			f.Values["cname"] = e.CNAME[n-1]
		}
	case *GreetingEvidence:
		f.Greeting, f.Software, f.ServerName = e.text, strings.ToLower(string(e.Software)), string(e.HostName)
		if masked(e.text) {
			f.Seen.Add(cause.GreetingMasked)
		}
	case *EHLOEvidence:
		helloFacts(f, e, other.ID, now)
	case *TLSEvidence:
		if e.ClientCertificateAsked != nil && *e.ClientCertificateAsked {
			f.Seen.Add(cause.ClientCertAsked)
		}
		f.Values["tls_version"] = string(e.Version)
	case *AuthEvidence:
		if now != StepAuth && (other.Status == Pass || other.Status == Warn) {
			f.Seen.Add(cause.LoggedIn)
		}
		if f.Mechanism == "" {
			f.Mechanism = string(e.Mechanism)
		}
	}
}

// masked tells whether a middlebox has blotted a greeting out.
func masked(greeting string) bool { return strings.Contains(greeting, "****") }

// helloFacts tells what is offered on the connection as it is at step now.
func helloFacts(f *cause.Facts, e *EHLOEvidence, at, now StepID) {
	if e.ServerName != "" {
		f.ServerName = string(e.ServerName)
	}
	if e.Verb == "HELO" {
		f.Seen.Add(cause.HELOUsed)
	}
	for _, c := range e.Capabilities {
		if len(c.Keyword) >= 4 && strings.Trim(c.Keyword, "X") == "" || strings.HasPrefix(c.Keyword, "XXXX") {
			f.Seen.Add(cause.CapabilityMasked)
		}
	}
	f.Values["helo"] = string(e.Helo)
	f.Values["mechanisms"] = strings.Join(e.Auth, ", ")
	delete(f.Seen, cause.AuthOffered)
	delete(f.Seen, cause.AuthMissing)
	if len(e.Auth) > 0 {
		f.Seen.Add(cause.AuthOffered)
	} else if len(e.Capabilities) > 0 || e.Verb != "" {
		f.Seen.Add(cause.AuthMissing)
	}
	switch {
	case at == StepEHLOTLS:
		if slices.ContainsFunc(e.Removed, func(w string) bool { return !strings.HasPrefix(w, "AUTH ") }) {
			f.Seen.Add(cause.CapabilitiesGone)
		}
		return
	case len(e.Auth) > 0:
		f.Seen.Add(cause.AuthOfferedPlain)
	}
	if e.offers("STARTTLS") {
		f.Seen.Add(cause.StarttlsOffered)
	} else if now != StepTLS && now != StepCertificate {
		f.Seen.Add(cause.StarttlsMissing)
	}
}

func settingsFacts(f *cause.Facts, s *Settings, e *SettingsEvidence) {
	if s.Refused != nil {
		f.Seen.Add(cause.SettingsRefused)
		f.Values["key"], f.Values["hint"] = s.Refused.Key, s.Refused.Hint
	}
	remarkFacts(f, s.Remarks)
	if len(e.Cleaned) > 0 && !f.Seen[cause.HostInternational] {
		f.Seen.Add(cause.HostCleaned)
		f.Values["given"], f.Values["used"] = e.Cleaned[0].Given, e.Cleaned[0].Used
	}
	if s.Password.Value.IsSet() && s.Password.Source != "prompt" {
		f.Seen.Add(PasswordRemarks(s.Password.Value)...)
	}
}

func remarkFacts(f *cause.Facts, remarks []Remark) {
	for _, remark := range remarks {
		f.Seen.Add(cause.Observation(remark.Observation))
		maps.Copy(f.Values, remark.Values)
	}
}

func dnsFacts(f *cause.Facts, s *Settings, e *DNSEvidence) {
	addressFacts(f, e)
	f.Values["mx"] = strings.Join(e.MX, ", ")
	f.Values["resolver"] = string(e.Resolver)
	f.Values["rcode"] = string(e.Rcode)
	if HostKind(s.Host) == "name" && slices.ContainsFunc(e.MX, func(mx string) bool { return !strings.EqualFold(mx, s.Host) }) {
		f.Seen.Add(cause.NameIsMailDomain)
	}
	if e.partial {
		f.Seen.Add(cause.FamilyPartial)
	}
	if e.differs {
		f.Seen.Add(cause.OwnQueryDiffers)
	}
	if e.silent {
		f.Seen.Add(cause.ResolverSilent)
	}
}

func addressFacts(f *cause.Facts, e *DNSEvidence) {
	var private []string
	for _, a := range e.Addresses {
		addr, err := netip.ParseAddr(a.Address)
		if err != nil {
			continue
		}
		switch addressKind(addr) {
		case "loopback":
			f.Seen.Add(cause.AddressLoopback)
		case "private":
			f.Seen.Add(cause.AddressPrivate)
			private = append(private, a.Address)
		}
	}
	f.Values["addresses"] = joinAddresses(e.Addresses)
	f.Values["private"] = strings.Join(private, ", ")
}

func joinAddresses(all []HostAddress) string {
	var words []string
	for _, a := range all {
		words = append(words, a.Address)
	}
	return strings.Join(words, ", ")
}

func tcpFacts(f *cause.Facts, e *TCPEvidence) {
	if e.Proxy != "" {
		f.Seen.Add(cause.ThroughProxy)
		f.Values["proxy"] = string(e.Proxy)
	}
	if e.proxyLogin {
		f.Seen.Add(cause.ProxyWantsLogin)
	}
}

var looks = map[Maybe]cause.Observation{
	"http": cause.LooksLikeHTTP, "imap": cause.LooksLikeIMAP, "pop3": cause.LooksLikePOP3, "ssh": cause.LooksLikeSSH,
	"ftp": cause.LooksLikeFTP, "tls": cause.LooksLikeTLS, "smtp": cause.LooksLikeSMTP, "nothing": cause.LooksLikeNothing,
}

func greetingFacts(f *cause.Facts, e *GreetingEvidence) {
	if seen, ok := looks[e.LooksLike]; ok {
		f.Seen.Add(seen)
		f.Values["service"] = strings.ToUpper(string(e.LooksLike))
	}
	if e.TLSAnswers != nil && *e.TLSAnswers {
		f.Seen.Add(cause.TLSAnswers)
	} else if e.TLSAnswers != nil {
		f.Seen.Add(cause.TLSDoesNotAnswer)
	}
	f.Software = strings.ToLower(string(e.Software))
	f.Greeting = e.text
}

func tlsFacts(f *cause.Facts, e *TLSEvidence) {
	if e.plainGreeting != "" {
		f.Seen.Add(cause.PlainGreetingSeen)
		f.Text = e.plainGreeting
		f.Values["greeting"] = e.plainGreeting
	}
	for _, v := range e.VersionsAccepted {
		if v == "1.0" || v == "1.1" {
			f.Seen.Add(cause.OldTLSAccepted)
		}
	}
	if e.weakCipher {
		f.Seen.Add(cause.WeakCipherAccepted)
	}
	if e.Version == "1.0" || e.Version == "1.1" {
		f.Seen.Add(cause.OldTLSUsed)
	}
	if e.ClientCertificateAsked != nil && *e.ClientCertificateAsked {
		f.Seen.Add(cause.ClientCertAsked)
	}
	if e.clientCertSent {
		f.Seen.Add(cause.ClientCertSent)
	}
	if e.weakCipherName != "" {
		f.Values["cipher"] = e.weakCipherName
	}
	if seen, ok := looks[e.plainLooks]; ok {
		f.Seen.Add(seen)
		f.Values["service"] = strings.ToUpper(string(e.plainLooks))
	}
	f.Values["versions"] = strings.Join(e.VersionsAccepted, ", ")
	f.Values["alert"] = string(e.Alert)
	f.Values["tls_version"] = string(e.Version)
}

func certificateFacts(f *cause.Facts, e *CertificateEvidence) {
	for _, problem := range e.Problems {
		f.Seen.Add(cause.Observation(problem))
	}
	if e.DaysLeft != nil {
		f.Values["days"] = strconv.Itoa(max(*e.DaysLeft, -*e.DaysLeft))
	}
	if len(e.Chain) > 0 {
		leaf := e.Chain[0]
		f.Values["issuer"], f.Values["subject"] = holderName(leaf.Issuer), holderName(leaf.Subject)
		f.Values["names"] = firstNames(leaf.Names, 4)
		f.Values["not_after"] = leaf.NotAfter.Format("2006-01-02")
		f.Values["not_before"] = leaf.NotBefore.Format("2006-01-02")
	}
	f.Values["checked"] = string(e.HostChecked)
	f.Values["fits"], f.Values["link"], f.Values["product"] = e.fits, e.link, e.product
}

// holderName is what a person calls the holder of a distinguished name (RFC
// 4514): "ACME (Issuing CA 1)" for CN=Issuing CA 1,O=ACME,C=DE. A name without
// CN and O stays as it is.
func holderName(dn string) string {
	organisation, common := attribute(dn, "O"), attribute(dn, "CN")
	switch {
	case organisation == "" && common == "":
		return dn
	case organisation == "" || strings.Contains(strings.ToLower(common), strings.ToLower(organisation)):
		return common
	case common == "":
		return organisation
	}
	return organisation + " (" + common + ")"
}

// attribute is the first value of a type in a distinguished name.
func attribute(dn, kind string) string {
	for start, escaped, i := 0, false, 0; i <= len(dn); i++ {
		if i < len(dn) && (escaped || dn[i] != ',' && dn[i] != '+') {
			escaped = !escaped && dn[i] == '\\'
			continue
		}
		if value, ok := strings.CutPrefix(dn[start:i], kind+"="); ok {
			return strings.ReplaceAll(value, `\`, "")
		}
		start = i + 1
	}
	return ""
}

// firstNames lists at most n names and counts the rest.
func firstNames(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}

func authFacts(f *cause.Facts, s *Settings, e *AuthEvidence) {
	f.Mechanism = string(e.Mechanism)
	f.Verb = "AUTH"
	f.Seen.Add(e.seen...)
	remarkFacts(f, s.Remarks)
	if s.Auth != "" {
		f.Seen.Add(cause.MechanismForced)
		f.Values["forced"] = s.Auth
	}
	if s.Encryption == NoEncryption {
		f.Seen.Add(cause.PlainLine)
	}
	if e.token != nil {
		f.Values["token_problem"], f.Values["token_why"], f.Values["token_fix"] = e.token.Text, e.token.Why, e.token.Fix
	}
	if e.OAuthError != nil {
		f.Seen.Add(cause.OAuthErrorSeen)
		f.Values["oauth_status"], f.Values["oauth_scope"] = e.OAuthError.Status, e.OAuthError.Scope
	}
	if slices.Contains(e.Offered, "PLAIN") {
		f.Seen.Add(cause.PlainOffered)
	}
	if len(e.Offered) > 0 {
		f.Values["mechanisms"] = strings.Join(e.Offered, ", ")
	}
	if s.Password.Source == "prompt" && s.Password.Value.IsSet() {
		f.Seen.Add(PasswordRemarks(s.Password.Value)...)
	}
}

// senderFacts gives a case for each sender that was refused, or one for all that were accepted.
func senderFacts(base cause.Facts, s *Settings, e *SenderEvidence) []cause.Facts {
	if !base.Seen[cause.LoggedIn] {
		base.Seen.Add(cause.NotLoggedIn)
	}
	if !isASCII(strings.Join(append(slices.Clone(s.From), s.To...), "")) {
		base.Seen.Add(cause.NeedsSMTPUTF8)
	}
	var cases []cause.Facts
	for _, try := range e.Tries {
		if try.Refused != "" && !try.AccountItself && !leftToMessage(s, e, try) {
			cases = append(cases, refusedSender(base, s, e, try))
		}
	}
	if len(cases) > 0 {
		return cases
	}
	if s.Account != "" && !allAccount(s) && decidesLate(base) {
		base.Seen.Add(cause.DecidedAfterMessage)
	}
	return []cause.Facts{base}
}

func allAccount(s *Settings) bool {
	return !slices.ContainsFunc(s.From, func(f string) bool { return !strings.EqualFold(f, s.Account) })
}

// decidesLate knows the makes of server that look at the sender only after the message.
func decidesLate(f cause.Facts) bool { return strings.Contains(f.Software, "exchange") }

func refusedSender(base cause.Facts, s *Settings, e *SenderEvidence, try SenderTry) cause.Facts {
	f := base
	f.Seen, f.Values = maps.Clone(base.Seen), maps.Clone(base.Values)
	f.From, f.To, f.Verb = try.From, try.To, try.verb
	if try.Reply != nil {
		f.Code, f.Enhanced = try.Reply.Code, string(try.Reply.Enhanced)
		f.Text = strings.Join(try.Reply.Lines, "\n")
		if f.Code/100 == 4 {
			f.Seen.Add(cause.RefusedForNow, cause.Temporary)
		}
	}
	f.Seen.Add(refusedObservation(try.Refused))
	if len(s.To) == 0 {
		f.Seen.Add(cause.RecipientDefault)
	}
	if try.account {
		f.Seen.Add(cause.FromIsAccount)
	}
	for _, other := range e.Tries {
		if other.account && !try.account {
			accountFacts(&f, other)
		}
	}
	return f
}

// refusedObservation names who is refused: sender, recipient or unclear.
func refusedObservation(who Maybe) cause.Observation {
	return map[Maybe]cause.Observation{"sender": cause.SenderRefused, "recipient": cause.RecipientRefused, "unclear": cause.RefusalUnclear}[who]
}

func accountFacts(f *cause.Facts, try SenderTry) {
	switch try.Refused {
	case "", "recipient":
		f.Seen.Add(cause.AccountSenderAccepted)
	default:
		f.Seen.Add(cause.AccountSenderRefused)
	}
}
