package profile

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// builder makes one set of settings. The first thing that is wrong stays in
// wrong and ends the work.
type builder struct {
	*loader
	from  chosen
	s     probe.Settings
	wrong *UsageError
	host  int // level of the source of the host
}

func (l *loader) build(c chosen) probe.Settings {
	b := &builder{loader: l, from: c, s: probe.Settings{Profile: c.name, UsedBy: "here", TLSMin: tls.VersionTLS12, Until: l.flags.Until,
		Origins: map[string]probe.Origin{}}}
	if c.file != nil {
		b.wrong = c.file.wrong
	}
	for _, step := range []func(){b.server, b.identity, b.policy, b.network, b.times, b.credentials, b.remark} {
		if b.wrong == nil {
			step()
		}
	}
	if b.wrong != nil {
		b.s.Refused = &probe.Refusal{Key: b.wrong.Key, Text: b.wrong.Text, Hint: b.wrong.Hint}
	}
	return b.s
}

// refuse notes what is wrong with a value; the value itself is not repeated
// unless the caller puts it into the text.
func (b *builder) refuse(key string, v value, hint, format string, args ...any) {
	if b.wrong != nil {
		return
	}
	text := fmt.Sprintf(format, args...)
	if v.at != "" {
		text = v.at + ": " + text
	}
	b.wrong = &UsageError{Key: key, Text: text, Hint: hint}
}

// find gives a key's value from the highest source that has one, and notes its origin.
func (b *builder) find(key string) (value, bool) {
	v, ok := b.look(key)
	if ok {
		b.s.Origins[key] = v.origin
	}
	return v, ok
}

func (b *builder) look(key string) (value, bool) {
	if t := b.from.target; t != nil && t.values[key] != "" {
		return value{text: t.values[key], at: "the target", level: levelFlag, origin: probe.Origin{From: "target", Where: "command line"}}, true
	}
	flag := "--" + flagName(key)
	if list := b.flagList(key); len(list) > 0 {
		return value{list: list, at: flag, level: levelFlag, origin: probe.Origin{From: "flag", Where: flag}}, true
	}
	if text := b.flags.Values[key]; text != "" {
		return value{text: text, list: []string{text}, at: flag, level: levelFlag, origin: probe.Origin{From: "flag", Where: flag}}, true
	}
	if text := b.env(key); text != "" {
		return value{text: text, list: splitAddresses(text), at: variable(key), level: levelEnv, origin: probe.Origin{From: "env", Where: variable(key)}}, true
	}
	if b.from.file != nil {
		v, ok := b.from.file.values[key]
		return v, ok
	}
	return value{}, false
}

func (b *builder) flagList(key string) []string {
	switch key {
	case "from":
		return b.flags.From
	case "to":
		return b.flags.To
	}
	return nil
}

// splitAddresses takes a variable's list apart at commas, not inside quotes.
func splitAddresses(text string) []string {
	if list, err := mail.ParseAddressList(text); err == nil && len(list) > 1 {
		var out []string
		for _, a := range list {
			out = append(out, a.Address)
		}
		return out
	}
	return []string{text}
}

// given notes a default.
func (b *builder) given(key, where string) {
	b.s.Origins[key] = probe.Origin{From: "default", Where: where}
}

func (b *builder) server() {
	if b.env("preset") != "" || b.env("inbox") != "" {
		b.wrong = usage("Unset them for now.", "SMTPDX_PRESET and SMTPDX_INBOX are not in this version yet")
		return
	}
	v, ok := b.find("host")
	if !ok {
		b.wrong = &UsageError{Key: "host", Text: "no host was given", Hint: "host: smtp.example.com in the file, --host, or the target HOST[:PORT]"}
		return
	}
	b.host = v.level
	c := cleanHost(v.text)
	switch {
	case c.address:
		b.refuse("host", v, "The name of the mail server is wanted, for example smtp.example.com.", "the host is an address or has a user name in it")
		return
	case c.host == "":
		b.refuse("host", v, "The name of the mail server is wanted, for example smtp.example.com.", "nothing is left of the host without its decoration")
		return
	}
	b.s.Host = c.host
	b.port(c)
	b.encryption(c)
	b.noteCleaned(v, c)
}

// noteCleaned says what of the host was not used as typed. HOST:PORT on the
// command line is the usual form and no cleaning.
func (b *builder) noteCleaned(v value, c cleaned) {
	plain := c.host
	if v.level == levelFlag && c.port != "" {
		plain = net.JoinHostPort(c.host, c.port)
	}
	typed := strings.ToLower(v.text)
	if typed == plain || typed == "["+c.host+"]" || c.port != "" && v.level == levelFlag && typed == c.host+":"+c.port {
		return
	}
	if b.from.target != nil && (typed == "["+c.host+"]:"+c.port || typed == c.host) {
		return
	}
	b.s.Cleaned = append(b.s.Cleaned, probe.Cleaned{Key: "host", Given: secret.Clean(v.text), Used: c.host})
}

func (b *builder) port(c cleaned) {
	v, ok := b.find("port")
	if !ok && c.port != "" {
		v, ok = value{text: c.port, at: "the host", origin: b.s.Origins["host"]}, true
		b.s.Origins["port"] = v.origin
	}
	if !ok {
		return
	}
	text := strings.TrimSpace(v.text)
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 || text[0] == '+' {
		b.refuse("port", v, "Usual are 587 (TLS/STARTTLS) and 465 (SSL).", "the port has to be a number from 1 to 65535")
		return
	}
	b.s.Port = n
}

// Words that mean an encryption; "tls" means two, by port.
var encryptionWords = map[string]probe.Encryption{
	"starttls": probe.STARTTLS, "tls/starttls": probe.STARTTLS, "start_tls": probe.STARTTLS, "explicit": probe.STARTTLS,
	"ssl": probe.SSL, "implicit": probe.SSL, "smtps": probe.SSL, "ssl/tls": probe.SSL,
	"none": probe.NoEncryption, "auto": probe.Auto,
}

func (b *builder) encryption(c cleaned) {
	v, ok := b.find("encryption")
	word := strings.ToLower(strings.TrimSpace(v.text))
	b.s.Encryption = probe.Auto
	switch e, known := encryptionWords[word]; {
	case !ok && c.scheme == "smtps" || !ok && c.scheme == "ssl":
		b.s.Encryption = probe.SSL
		b.s.Origins["encryption"] = b.s.Origins["host"]
	case !ok:
		b.given("encryption", "auto")
	case word == "tls":
		b.s.Encryption = probe.STARTTLS
		if b.s.Port == 465 {
			b.s.Encryption = probe.SSL
		}
		b.s.Remarks = append(b.s.Remarks, probe.Remark{Observation: string(cause.EncryptionAmbiguous)})
	case known:
		b.s.Encryption = e
	default:
		hint := "starttls, ssl (TLS from the first byte), none or auto."
		if near := nearest(word, []string{"starttls", "ssl", "none", "auto"}); near != "" {
			hint = "Did you mean " + near + "? " + hint
		}
		b.refuse("encryption", v, hint, "there is no such encryption")
		return
	}
	b.defaults()
}

// defaults fill the port by the encryption and the encryption by a port that means one.
func (b *builder) defaults() {
	if b.s.Port == 0 {
		b.s.Port = map[probe.Encryption]int{probe.SSL: 465, probe.NoEncryption: 25}[b.s.Encryption]
		if b.s.Port == 0 {
			b.s.Port = 587
		}
		b.given("port", "by encryption")
	}
	if b.s.Encryption != probe.Auto {
		return
	}
	switch b.s.Port {
	case 465:
		b.s.Encryption = probe.SSL
	case 25, 587, 2525:
		b.s.Encryption = probe.STARTTLS
	default:
		return // one look tells; the engine's business
	}
	b.s.Origins["encryption"] = probe.Origin{From: "found", Where: fmt.Sprintf("port %d", b.s.Port)}
}

// identity is who logs in and who sends to whom.
func (b *builder) identity() {
	if v, ok := b.find("account"); ok {
		b.s.Account = strings.TrimSpace(v.text)
	}
	b.s.From = b.addresses("from")
	b.s.To = b.addresses("to")
	if len(b.s.From) == 0 && strings.Contains(b.s.Account, "@") {
		if address, ok := bareAddress(b.s.Account); ok {
			b.s.From = []string{address}
			b.given("from", "the account")
		}
	}
	if v, ok := b.find("auth"); ok {
		b.s.Auth = strings.ToUpper(strings.TrimSpace(v.text))
		if !slices.Contains(mechanisms, b.s.Auth) {
			hint := "One of " + strings.Join(mechanisms, ", ") + "."
			if slices.Contains([]string{"NTLM", "GSSAPI", "DIGEST-MD5"}, b.s.Auth) {
				hint = b.s.Auth + " is recognised in what the server offers, and not spoken. " + hint
			}
			b.refuse("auth", v, hint, "there is no such mechanism here")
		}
	}
	if v, ok := b.find("helo"); ok {
		b.s.Helo = strings.TrimSpace(v.text)
		if b.s.Helo == "" || strings.ContainsFunc(b.s.Helo, func(r rune) bool { return r <= ' ' || r > 0x7e }) {
			b.refuse("helo", v, "A full name such as client.example.com, or an address in brackets.", "the EHLO name has characters that no name has")
		}
	}
}

var mechanisms = []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER"}

func (b *builder) addresses(key string) []string {
	v, ok := b.find(key)
	if !ok {
		return nil
	}
	var out []string
	for _, text := range v.list {
		address, ok := bareAddress(text)
		if !ok {
			b.refuse(key, v, "For example jobs@example.com, or Jobs <jobs@example.com>.", "%s holds something that is no address", key)
			return nil
		}
		if !slices.Contains(out, address) {
			out = append(out, address)
		}
	}
	return out
}

// bareAddress takes "a@b" and "Name <a@b>". The domain goes to punycode where
// the local part is ASCII, so that SMTPUTF8 is not needed for its sake (RFC 6531 section 3.2).
func bareAddress(text string) (string, bool) {
	text = strings.TrimSpace(text)
	parsed, err := mail.ParseAddress(text)
	if err != nil {
		return "", false
	}
	local, domain, found := cutLast(parsed.Address, "@")
	if !found || local == "" || domain == "" || strings.ContainsAny(parsed.Address, "\r\n<> ") {
		return "", false
	}
	if isASCII(local) {
		domain = toASCII(domain)
	}
	return local + "@" + domain, true
}

func isASCII(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e }) }

// policy is what TLS must be like.
func (b *builder) policy() {
	if v, ok := b.find("used_by"); ok {
		b.s.UsedBy = strings.ToLower(v.text)
		if b.s.UsedBy != "here" && b.s.UsedBy != "cloud" {
			b.refuse("used_by", v, "here or cloud.", "there is no such place")
		}
	} else {
		b.given("used_by", "here")
	}
	b.s.Insecure = b.boolean("insecure")
	b.s.AllowPlaintextAuth = b.boolean("allow_plaintext_auth")
	if v, ok := b.find("tls_server_name"); ok {
		b.s.TLSServerName = cleanHost(v.text).host
	}
	if v, ok := b.find("tls_min"); ok {
		versions := map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
		if b.s.TLSMin, ok = versions[strings.TrimPrefix(strings.ToLower(v.text), "tls")]; !ok {
			b.refuse("tls_min", v, "1.0, 1.1, 1.2 or 1.3.", "there is no such TLS version")
		}
	} else {
		b.given("tls_min", "1.2")
	}
	b.certificates()
}

func (b *builder) boolean(key string) bool {
	v, ok := b.find(key)
	if !ok {
		return false
	}
	switch strings.ToLower(v.text) {
	case "true", "yes", "on", "1":
		return true
	case "false", "no", "off", "0":
		return false
	}
	b.refuse(key, v, "true or false.", "%s is either true or false", key)
	return false
}

func (b *builder) certificates() {
	if v, ok := b.find("ca_file"); ok {
		path := b.path(v)
		b.s.CAFile = path
		raw, err := b.world.ReadFile(path)
		if err != nil {
			b.refuse("ca_file", v, "See whether the path is right and the file may be read.", "the file cannot be read: %s", reason(err))
			return
		}
		if b.s.CA = pool(raw); b.s.CA == nil {
			b.refuse("ca_file", v, "PEM (-----BEGIN CERTIFICATE-----) or DER.", "there is no certificate in the file")
		}
	}
	cert, hasCert := b.find("client_cert")
	key, hasKey := b.find("client_key")
	if !hasCert && !hasKey {
		return
	}
	if !hasCert {
		b.refuse("client_cert", key, "Name the certificate too.", "a client key wants a client certificate")
		return
	}
	b.clientCertificate(cert, key, hasKey)
}

func (b *builder) clientCertificate(cert, key value, hasKey bool) {
	certPEM, err := b.world.ReadFile(b.path(cert))
	keyPEM := certPEM // both in one file
	if err == nil && hasKey {
		keyPEM, err = b.world.ReadFile(b.path(key))
	}
	if err != nil {
		b.refuse("client_cert", cert, "See whether the paths are right and the files may be read.", "the client certificate or its key cannot be read: %s", reason(err))
		return
	}
	pair, err := tls.X509KeyPair([]byte(decodeText(certPEM)), []byte(decodeText(keyPEM)))
	if err != nil {
		b.refuse("client_cert", cert, "PEM, the key without a passphrase.", "client certificate and key do not fit together, or one of them is none")
		return
	}
	b.s.ClientCert = &pair
}

// pool reads PEM or DER; nil: no certificate in it.
func pool(raw []byte) *x509.CertPool {
	p := x509.NewCertPool()
	if p.AppendCertsFromPEM([]byte(decodeText(raw))) {
		return p
	}
	if block, _ := pem.Decode(raw); block == nil {
		if cert, err := x509.ParseCertificate(raw); err == nil {
			p.AddCert(cert)
			return p
		}
	}
	return nil
}

// path is relative to the settings file, where the value stands in one.
func (b *builder) path(v value) string {
	if v.level == levelFile {
		return besideFile(v.text, b.from.file)
	}
	return v.text
}

// network is the way to the server.
func (b *builder) network() {
	if v, ok := b.find("resolver"); ok {
		b.s.Resolver = resolver(v.text)
		if b.s.Resolver == "" {
			b.refuse("resolver", v, "For example 192.0.2.53 or [2001:db8::53]:5353.", "the name server has to be an IP address, with or without a port")
		}
	}
	if v, ok := b.find("family"); ok {
		b.s.Family = map[string]int{"4": 4, "6": 6, "ipv4": 4, "ipv6": 6}[strings.ToLower(v.text)]
		if b.s.Family == 0 {
			b.refuse("family", v, "4 or 6.", "there is no such address family")
		}
	}
	if v, ok := b.find("proxy"); ok {
		b.proxy(v)
	}
}

func resolver(text string) string {
	if a, err := netip.ParseAddrPort(text); err == nil && a.Port() > 0 {
		return a.String()
	}
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return netip.AddrPortFrom(a, 53).String()
	}
	return ""
}

// proxy keeps the URL with its password as a secret, and shows it without.
func (b *builder) proxy(v value) {
	const hint = "socks5://HOST:PORT or http://HOST:PORT (the proxy resolves), socks5+local://HOST:PORT (resolved here)."
	u, err := url.Parse(v.text)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" {
		b.refuse("proxy", v, hint, "the proxy has to be a URL with a host")
		return
	}
	if !slices.Contains([]string{"socks5", "socks5h", "socks5+local", "http"}, u.Scheme) {
		b.refuse("proxy", v, hint, "there is no such kind of proxy")
		return
	}
	b.s.ProxyURL = secret.New(v.text)
	b.s.Proxy = u.Scheme + "://" + u.Host
}

func (b *builder) times() {
	b.s.Timeout = b.duration("timeout")
	b.s.Deadline = b.duration("deadline")
}

func (b *builder) duration(key string) time.Duration {
	v, ok := b.find(key)
	if !ok {
		return 0
	}
	text := strings.TrimSpace(v.text)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		text = strconv.FormatFloat(seconds, 'f', -1, 64) + "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Millisecond || d > 24*time.Hour {
		b.refuse(key, v, "For example 10s, 2m, or a number of seconds.", "%s has to be a time", key)
		return 0
	}
	return d
}

// credentials find password and token, see that they belong to this server,
// and read them, unless the plan ends before the login.
func (b *builder) credentials() {
	token, password := b.source("token"), b.source("password")
	if b.wrong != nil || b.s.Account == "" {
		return
	}
	if token != nil {
		if password != nil {
			b.s.Remarks = append(b.s.Remarks, probe.Remark{Observation: string(cause.TokenBeforePassword)})
		}
		b.s.Token = b.fetch("token", token)
		return
	}
	if password != nil {
		exposure(password, &b.s)
		b.s.Password = b.fetch("password", password)
	}
}

func (b *builder) source(key string) *credential {
	c, wrong := b.credential(key, b.from.file)
	if wrong != nil && b.wrong == nil {
		b.wrong = wrong
	}
	if c == nil || b.wrong != nil {
		return nil
	}
	if c.source.Kind != "prompt" && b.host > c.level {
		b.wrong = &UsageError{Key: key,
			Text: fmt.Sprintf("the %s comes from %s and the host from %s: it belongs to another server, perhaps, and goes nowhere", key, whereWords(c), b.hostWords()),
			Hint: fmt.Sprintf("Say on the command line too where the %s is: --%s-env NAME, --%s-file FILE, ...", key, key, key)}
		return nil
	}
	b.s.Origins[key] = c.origin
	return c
}

func whereWords(c *credential) string {
	if c.level == levelEnv {
		return "the environment (" + c.at + ")"
	}
	return "the settings file"
}

func (b *builder) hostWords() string {
	if b.host == levelFlag {
		return "the command line"
	}
	return "the environment"
}

// fetch reads a credential unless a person is to be asked for it later, or
// the login is not in the plan.
func (b *builder) fetch(key string, c *credential) probe.Credential {
	out := probe.Credential{Source: c.source.Kind}
	if c.source.Kind == "prompt" || !reachesLogin(b.flags.Until) {
		return out
	}
	v, wrong := b.loader.read(key, c, b.s.Account)
	if wrong != nil {
		b.wrong = wrong
		return out
	}
	out.Value = v
	return out
}

func reachesLogin(until probe.StepID) bool {
	return until == "" || until == probe.StepAuth || until == probe.StepSender
}

// remark notes what is unusual about values that are each right by themselves.
func (b *builder) remark() {
	see := func(o cause.Observation) {
		b.s.Remarks = append(b.s.Remarks, probe.Remark{Observation: string(o)})
	}
	if unusual(b.s.Port, b.s.Encryption, b.s.Account != "") {
		see(cause.PortEncryptionUnusual)
	}
	account, ok := bareAddress(b.s.Account)
	if b.s.Account != "" && !strings.Contains(b.s.Account, "@") {
		see(cause.AccountWithoutDomain)
	}
	if !ok {
		return
	}
	for _, from := range b.s.From {
		if strings.EqualFold(from, account) {
			continue
		}
		see(cause.FromDiffers)
		_, domain, _ := cutLast(from, "@")
		_, own, _ := cutLast(account, "@")
		if !strings.EqualFold(domain, own) {
			see(cause.FromOtherDomain)
		}
	}
}

// unusual knows the pairs that do not go together (RFC 8314 section 3.3).
func unusual(port int, e probe.Encryption, login bool) bool {
	switch port {
	case 465:
		return e != probe.SSL
	case 587, 2525:
		return e == probe.SSL
	case 25:
		return e == probe.SSL || login
	}
	return false
}
