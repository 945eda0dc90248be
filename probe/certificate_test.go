package probe

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// signer is a certificate with its key.
type signer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

const aDay = 24 * time.Hour

// made makes a certificate; a nil issuer makes it self-signed. change may alter the template.
func made(t *testing.T, by *signer, name string, change func(*x509.Certificate)) *signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return madeWith(t, by, key, name, change)
}

func madeWith(t *testing.T, by *signer, key crypto.Signer, name string, change func(*x509.Certificate)) *signer {
	t.Helper()
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"Test"}},
		NotBefore: time.Now().Add(-30 * aDay), NotAfter: time.Now().Add(60*aDay + time.Hour), BasicConstraintsValid: true}
	if change != nil {
		change(template)
	}
	if by == nil {
		by = &signer{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{cert, key}
}

func authority(c *x509.Certificate) {
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
	c.NotBefore, c.NotAfter = time.Now().Add(-1000*aDay), time.Now().Add(3000*aDay)
}

func server(c *x509.Certificate) {
	c.DNSNames = []string{"mail.acme.example", "*.pool.acme.example"}
	c.IPAddresses = []net.IP{net.ParseIP("192.0.2.10"), net.ParseIP("2001:db8::10")}
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
}

func withURL(c *x509.Certificate) {
	c.IssuingCertificateURL = []string{"http://ca.example/issuing.crt"}
}

func both(changes ...func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for _, change := range changes {
			change(c)
		}
	}
}

func poolOf(all ...*signer) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, s := range all {
		pool.AddCert(s.cert)
	}
	return pool
}

// judged runs the step on a chain.
func judged(t *testing.T, n Net, s Settings, chain ...*signer) (*CertificateEvidence, *Fault) {
	t.Helper()
	l := laneFor(t, n, s)
	l.tls = &tls.ConnectionState{}
	for _, c := range chain {
		l.tls.PeerCertificates = append(l.tls.PeerCertificates, c.cert)
	}
	seen, err := certificateStep(t.Context(), l)
	return seen.(*CertificateEvidence), faultOf(err)
}

func TestEachQuestionAboutACertificateIsAskedOnItsOwn(t *testing.T) {
	root := made(t, nil, "Public Root", authority)
	between := made(t, root, "Public Issuing", both(authority, withURL))
	leaf := made(t, between, "mail.acme.example", both(server, withURL))
	company := made(t, nil, "ACME Root", authority)
	companyIssuing := made(t, company, "ACME Issuing", authority)
	product := made(t, nil, "AVG Web/Mail Shield Root", authority)
	lookalike := made(t, nil, "Holding Data Root", authority)
	weakRSA, _ := rsa.GenerateKey(rand.Reader, 1024)
	dates := func(from, to time.Duration) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to) }
	}
	staleIssuing := made(t, root, "Stale Issuing", both(authority, withURL, dates(-500*aDay, -2*aDay)))
	self := made(t, nil, "mail.acme.example", server)
	empty := x509.NewCertPool()
	sha1 := func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }

	for _, test := range []struct {
		name         string
		chain        []*signer
		host         string // mail.acme.example when empty
		public, here *x509.CertPool
		ca           *x509.CertPool
		insecure     bool
		trustPublic  bool
		trustHere    bool
		problems     []cause.Observation
		summary      string
		text         string // of the fault; "" none
		days         int    // 60 when zero
	}{
		{name: "good", chain: []*signer{leaf, between}, trustPublic: true, trustHere: true, summary: "fits the name, public issuer, 60 days left"},
		{name: "good with the root sent", chain: []*signer{leaf, between, root}, trustPublic: true, trustHere: true, summary: "fits the name, public issuer, 60 days left"},
		{name: "good in disorder", chain: []*signer{leaf, root, company, between}, trustPublic: true, trustHere: true, summary: "fits the name, public issuer, 60 days left"},
		{name: "wildcard", chain: []*signer{leaf, between}, host: "a.pool.acme.example", trustPublic: true, trustHere: true, summary: "fits the name, public issuer, 60 days left"},
		{name: "final dot and case", chain: []*signer{leaf, between}, host: "Mail.ACME.example.", trustPublic: true, trustHere: true, summary: "fits the name, public issuer, 60 days left"},
		{name: "address", chain: []*signer{leaf, between}, host: "192.0.2.10", trustPublic: true, trustHere: true, summary: "fits the name, public issuer, 60 days left"},
		{name: "IPv6 address", chain: []*signer{leaf, between}, host: "2001:db8::10", trustPublic: true, trustHere: true, summary: "fits the name, public issuer, 60 days left"},
		{name: "other address", chain: []*signer{leaf, between}, host: "192.0.2.11", trustPublic: true, trustHere: true, problems: []cause.Observation{cause.CertNameMismatch},
			summary: "not for the name 192.0.2.11", text: "the certificate is not for 192.0.2.11 but for mail.acme.example, *.pool.acme.example, 192.0.2.10, 2001:db8::10"},
		{name: "two levels under a wildcard", chain: []*signer{leaf, between}, host: "a.b.pool.acme.example", trustPublic: true, trustHere: true, problems: []cause.Observation{cause.CertNameMismatch},
			summary: "not for the name a.b.pool.acme.example", text: "not for a.b.pool.acme.example"},
		{name: "common name only", chain: []*signer{made(t, between, "mail.acme.example", nil), between}, trustPublic: true, trustHere: true,
			problems: []cause.Observation{cause.CertNameMismatch, cause.CertNoNames}, summary: "not for the name mail.acme.example", text: "a common name does not count"},
		{name: "expired and misnamed and unknown", chain: []*signer{made(t, companyIssuing, "x", both(server, dates(-100*aDay, -10*aDay-time.Hour))), companyIssuing}, host: "relay.acme.example", days: -10,
			problems: []cause.Observation{cause.CertNameMismatch, cause.CertExpired, cause.CertUnknownIssuer},
			summary:  "not for the name relay.acme.example, expired 10 days ago, the issuer is not known", text: "expired on "},
		{name: "expired, trusted all the same", chain: []*signer{made(t, between, "x", both(server, dates(-100*aDay, -10*aDay-time.Hour))), between}, trustPublic: true, trustHere: true, days: -10,
			problems: []cause.Observation{cause.CertExpired}, summary: "expired 10 days ago", text: "expired on "},
		{name: "not yet valid", chain: []*signer{made(t, between, "x", both(server, dates(2*aDay, 92*aDay+time.Hour))), between}, trustPublic: true, trustHere: true, days: 92,
			problems: []cause.Observation{cause.CertNotYetValid}, summary: "not valid before " + time.Now().Add(2*aDay).UTC().Format(dayFormat), text: "this computer's clock says"},
		{name: "soon by days", chain: []*signer{made(t, between, "x", both(server, dates(-345*aDay, 20*aDay+time.Hour))), between}, trustPublic: true, trustHere: true, days: 20,
			problems: []cause.Observation{cause.CertExpiresSoon}, summary: "fits the name, public issuer, 20 days left"},
		{name: "not yet soon for a short life", chain: []*signer{made(t, between, "x", both(server, dates(-30*aDay, 10*aDay+time.Hour))), between}, trustPublic: true, trustHere: true, days: 10,
			summary: "fits the name, public issuer, 10 days left"},
		{name: "soon by a fifth", chain: []*signer{made(t, between, "x", both(server, dates(-5*aDay, aDay+time.Hour))), between}, trustPublic: true, trustHere: true, days: 1,
			problems: []cause.Observation{cause.CertExpiresSoon}, summary: "fits the name, public issuer, 1 day left"},
		{name: "stale intermediate", chain: []*signer{made(t, staleIssuing, "x", server), staleIssuing}, trustPublic: true, trustHere: true,
			problems: []cause.Observation{cause.CertExpired}, summary: "an authority's certificate has expired", text: "CN=Stale Issuing"},
		{name: "self-signed", chain: []*signer{self}, problems: []cause.Observation{cause.CertSelfSigned}, summary: "self-signed", text: "the certificate is self-signed"},
		{name: "self-signed, accepted", chain: []*signer{self}, insecure: true, problems: []cause.Observation{cause.CertSelfSigned}, summary: "self-signed (accepted by the settings)"},
		{name: "self-signed, in the CA file", chain: []*signer{self}, ca: poolOf(self), trustHere: true, problems: []cause.Observation{cause.CertTrustedHere, cause.CertSelfSigned},
			summary: "fits the name, trusted by the CA file, 60 days left"},
		{name: "unknown issuer", chain: []*signer{made(t, companyIssuing, "x", server), companyIssuing}, problems: []cause.Observation{cause.CertUnknownIssuer},
			summary: "the issuer is not known", text: "not known on this computer: CN=ACME Root,O=Test"},
		{name: "unknown issuer with its root", chain: []*signer{made(t, companyIssuing, "x", both(server, withURL)), companyIssuing, company}, problems: []cause.Observation{cause.CertUnknownIssuer},
			summary: "the issuer is not known", text: "CN=ACME Root"},
		{name: "unknown to the CA file", chain: []*signer{leaf, between}, ca: poolOf(company), trustPublic: true, problems: []cause.Observation{cause.CertTrustedPublic},
			summary: "not trusted by the CA file", text: "not trusted by the CA file"},
		{name: "company's, here", chain: []*signer{made(t, companyIssuing, "x", server), companyIssuing}, here: poolOf(company), trustHere: true, problems: []cause.Observation{cause.CertTrustedHere},
			summary: "fits the name, trusted by this computer only, 60 days left"},
		{name: "missing intermediate", chain: []*signer{leaf}, problems: []cause.Observation{cause.CertMissingLink},
			summary: "the intermediate certificate is missing", text: "does not send the intermediate certificate CN=Public Issuing,O=Test"},
		{name: "missing intermediate in the store", chain: []*signer{leaf}, here: poolOf(between), trustHere: true, problems: []cause.Observation{cause.CertTrustedHere, cause.CertMissingLink},
			summary: "fits the name, trusted by this computer only, 60 days left"},
		{name: "issued by a root that has another key", chain: []*signer{made(t, made(t, nil, "Public Root", authority), "x", both(server, withURL))}, problems: []cause.Observation{cause.CertUnknownIssuer},
			summary: "the issuer is not known", text: "CN=Public Root"},
		{name: "a product, unknown", chain: []*signer{made(t, product, "x", server)}, problems: []cause.Observation{cause.CertIntercepted, cause.CertUnknownIssuer},
			summary: "the issuer is not known", text: "AVG"},
		{name: "a product, in the store", chain: []*signer{made(t, product, "x", server)}, here: poolOf(product), trustHere: true, problems: []cause.Observation{cause.CertIntercepted, cause.CertTrustedHere},
			summary: "fits the name, trusted by this computer only, 60 days left"},
		{name: "no product", chain: []*signer{made(t, lookalike, "x", server)}, problems: []cause.Observation{cause.CertUnknownIssuer}, summary: "the issuer is not known", text: "Holding Data"},
		{name: "empty store", chain: []*signer{leaf, between}, here: empty, trustPublic: true, problems: []cause.Observation{cause.CertStoreMissing},
			summary: "this computer has no trusted roots", text: "no trusted root certificates"},
		{name: "another store", chain: []*signer{leaf, between}, here: poolOf(company), trustPublic: true, problems: []cause.Observation{cause.CertTrustedPublic},
			summary: "not trusted on this computer", text: "not trusted on this computer"},
		{name: "old signature", chain: []*signer{made(t, between, "x", both(server, sha1)), between}, problems: []cause.Observation{cause.CertWeakSignature},
			summary: "weak signature", text: "signed with ECDSA-SHA1"},
		{name: "old signature of a root", chain: []*signer{leaf, between, made(t, nil, "Old Root", both(authority, sha1))}, trustPublic: true, trustHere: true, summary: "fits the name, public issuer, 60 days left"},
		{name: "old self-signed", chain: []*signer{made(t, nil, "x", both(server, sha1))}, problems: []cause.Observation{cause.CertSelfSigned, cause.CertWeakSignature},
			summary: "self-signed", text: "self-signed"},
		{name: "for clients only", chain: []*signer{made(t, between, "x", both(server, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })), between},
			trustPublic: true, trustHere: true, problems: []cause.Observation{cause.CertNotUsed}, summary: "not made for servers", text: "extended key usage"},
		{name: "weak key", chain: []*signer{madeWith(t, between, weakRSA, "x", server), between}, trustPublic: true, trustHere: true, problems: []cause.Observation{cause.CertWeakKey},
			summary: "fits the name, public issuer, 60 days left"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.public == nil {
				test.public = poolOf(root)
			}
			if test.here == nil {
				test.here = poolOf(root)
			}
			if test.host == "" {
				test.host = "mail.acme.example"
			}
			if test.days == 0 {
				test.days = 60
			}
			e, fault := judged(t, Net{Roots: test.here, PublicRoots: test.public}, Settings{Host: test.host, CA: test.ca, Insecure: test.insecure}, test.chain...)
			var want []string
			for _, p := range test.problems {
				want = append(want, string(p))
			}
			if !slices.Equal(e.Problems, want) {
				t.Errorf("problems %q, want %q", e.Problems, want)
			}
			if *e.TrustedPublic != test.trustPublic || *e.TrustedHere != test.trustHere || *e.DaysLeft != test.days {
				t.Errorf("public %v here %v days %d", *e.TrustedPublic, *e.TrustedHere, *e.DaysLeft)
			}
			if *e.NameMatches == slices.Contains(want, string(cause.CertNameMismatch)) {
				t.Errorf("name matches: %v", *e.NameMatches)
			}
			if got := e.summary(fault); got != test.summary {
				t.Errorf("summary %q", got)
			}
			switch {
			case test.text == "" && fault != nil:
				t.Errorf("fault %+v", fault)
			case test.text != "" && (fault == nil || fault.Kind != BadCertificate || !strings.Contains(fault.Text, test.text)):
				t.Errorf("fault %+v, want %q", fault, test.text)
			}
			if len(e.Chain) != len(test.chain) {
				t.Errorf("%d certificates", len(e.Chain))
			}
		})
	}
}

func TestTheNameCheckedIsTheOneThatIsSet(t *testing.T) {
	root := made(t, nil, "Root", authority)
	leaf := made(t, root, "x", server)
	e, fault := judged(t, Net{Roots: poolOf(root), PublicRoots: poolOf(root)}, Settings{Host: "10.0.0.1", TLSServerName: "mail.acme.example"}, leaf)
	if fault != nil || e.HostChecked != "mail.acme.example" || !*e.NameMatches {
		t.Errorf("%+v %v", e, fault)
	}
}

func TestAnotherNameOfTheServerThatFitsIsFound(t *testing.T) {
	root := made(t, nil, "Root", authority)
	leaf := made(t, root, "x", server)
	for _, test := range []struct {
		cname       []string
		hello, want string
	}{
		{[]string{"hop.example", "mail.acme.example"}, "", "mail.acme.example"},
		{[]string{"a.pool.acme.example", "b.pool.acme.example"}, "", "b.pool.acme.example"},
		{nil, "Mail.acme.example", "mail.acme.example"},
		{[]string{"hop.example"}, "localhost", ""},
		{nil, "", ""},
	} {
		l := laneFor(t, Net{Roots: poolOf(root), PublicRoots: poolOf(root)}, Settings{Host: "mail.customer.example"})
		l.tls = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf.cert}}
		l.run.dns = &DNSEvidence{CNAME: test.cname}
		l.seen[StepEHLO] = &EHLOEvidence{ServerName: Maybe(test.hello)}
		seen, err := certificateStep(t.Context(), l)
		if got := seen.(*CertificateEvidence).fits; got != test.want || err == nil {
			t.Errorf("%v %s: %q", test.cname, test.hello, got)
		}
	}
}

func TestTheChainIsShownAsItCame(t *testing.T) {
	root := made(t, nil, "Root \x1b[31m", authority)
	leaf := made(t, root, "mail.acme.example", server)
	e, _ := judged(t, Net{Roots: poolOf(root), PublicRoots: poolOf(root)}, Settings{Host: "mail.acme.example"}, leaf, root)
	first := e.Chain[0]
	block, _ := pem.Decode([]byte(first.PEM))
	if block == nil || !slices.Equal(block.Bytes, leaf.cert.Raw) {
		t.Error("the PEM is not the certificate")
	}
	if sum, err := hex.DecodeString(first.SHA256); err != nil || len(sum) != 32 || first.Key != "ECDSA P-256" || first.Signature != "ECDSA-SHA256" || first.SelfSigned || !e.Chain[1].SelfSigned {
		t.Errorf("%+v", first)
	}
	if strings.Contains(first.Issuer, "\x1b") || !strings.Contains(first.Issuer, `CN=Root`) {
		t.Errorf("issuer %q", first.Issuer)
	}
	if !slices.Equal(first.Names, []string{"mail.acme.example", "*.pool.acme.example", "192.0.2.10", "2001:db8::10"}) {
		t.Errorf("names %q", first.Names)
	}
}

func TestAChainIsKeptToItsBound(t *testing.T) {
	root := made(t, nil, "Root", authority)
	chain := []*signer{made(t, root, "x", server)}
	for len(chain) < 40 {
		chain = append(chain, root)
	}
	e, fault := judged(t, Net{Roots: poolOf(root), PublicRoots: poolOf(root)}, Settings{Host: "mail.acme.example"}, chain...)
	if len(e.Chain) != maxChain || fault != nil {
		t.Errorf("%d %v", len(e.Chain), fault)
	}
}

func TestNoCertificateIsAFault(t *testing.T) {
	e, fault := judged(t, Net{}, Settings{Host: "mail.acme.example"})
	if fault == nil || fault.Kind != BadCertificate || e.TrustedHere != nil || e.summary(fault) != "none was sent" {
		t.Errorf("%+v %+v", e, fault)
	}
}

func TestSubjectsOfTheWholePublicListAreRead(t *testing.T) {
	n := 0
	for root := range bundle.Roots() {
		c, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(rawSubject(root.Certificate), c.RawSubject) {
			t.Errorf("%s is read otherwise", c.Subject)
		}
		n++
	}
	if n < 50 {
		t.Errorf("only %d roots", n)
	}
	for _, bad := range [][]byte{nil, {0x30}, {0x30, 0x03, 0x30, 0x01, 0x00}, []byte("no certificate")} {
		if rawSubject(bad) != nil {
			t.Errorf("% x has a subject", bad)
		}
	}
}

func TestOnlyTheRootsThatAChainNamesAreParsed(t *testing.T) {
	var some *x509.Certificate
	for root := range bundle.Roots() {
		some, _ = x509.ParseCertificate(root.Certificate)
		break
	}
	pool := publicRoots([]*x509.Certificate{{RawIssuer: some.RawSubject}, {RawIssuer: []byte("unknown")}})
	want := x509.NewCertPool()
	want.AddCert(some)
	if !pool.Equal(want) {
		t.Error("another root, or more than one")
	}
}

func TestOfABundleOnlyTheNamedRootsAreTaken(t *testing.T) {
	root := made(t, nil, "Root", authority)
	other := made(t, nil, "Other", authority)
	leaf := made(t, root, "x", server)
	var bundle []byte
	for _, block := range []*pem.Block{
		{Type: "CERTIFICATE", Bytes: other.cert.Raw}, {Type: "CERTIFICATE", Bytes: []byte("garbage")}, {Type: "PRIVATE KEY", Bytes: root.cert.Raw},
		{Type: "CERTIFICATE", Bytes: root.cert.Raw},
	} {
		bundle = append(bundle, "# a remark\n"...)
		bundle = append(bundle, pem.EncodeToMemory(block)...)
	}
	if !rootsIn(bundle, []*x509.Certificate{leaf.cert}).Equal(poolOf(root)) {
		t.Error("not the root, or more than it")
	}
	if !isEmpty(rootsIn(nil, []*x509.Certificate{leaf.cert})) {
		t.Error("something came out of nothing")
	}
}

func TestTheWholeStoreIsReadOnlyWhereAFewRootsDoNotDo(t *testing.T) {
	root, company := made(t, nil, "Root", authority), made(t, nil, "Company", authority)
	for _, test := range []struct {
		leaf  *signer
		asked int
	}{{made(t, root, "x", server), 0}, {made(t, company, "x", server), 1}} {
		asked := 0
		j := &judgement{chain: []*x509.Certificate{test.leaf.cert}, host: "mail.acme.example", now: time.Now(), public: poolOf(root), e: &CertificateEvidence{},
			shown: func(s string) string { return s },
			here:  trusted{few: poolOf(root), whole: func() *x509.CertPool { asked++; return poolOf(root, company) }}}
		j.judge()
		if asked != test.asked || !*j.e.TrustedHere {
			t.Errorf("asked %d times, trusted %v", asked, *j.e.TrustedHere)
		}
	}
}

// What stands between a handshake and the verdict: kept small, since
// everything else in a check on loopback is small.
func BenchmarkPublicRoots(b *testing.B) {
	chain := []*x509.Certificate{{RawIssuer: []byte("unknown")}}
	for b.Loop() {
		publicRoots(chain)
	}
}

func BenchmarkSystemBundle(b *testing.B) {
	chain := []*x509.Certificate{{RawIssuer: []byte("unknown")}}
	for b.Loop() {
		rootsIn(systemBundle(), chain)
	}
}

// What the public roots lead to only over an expired certificate counts for
// nothing where this computer has another way.
func TestAnExpiredWayCountsOnlyWhereThereIsNoOther(t *testing.T) {
	root := made(t, nil, "Public Root", authority)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	expired := madeWith(t, root, key, "Issuing", both(authority, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-aDay) }))
	company := madeWith(t, nil, key, "Issuing", authority)
	leaf := made(t, expired, "mail.acme.example", server)
	s := given("mail.acme.example", 587, STARTTLS, "", "")
	e, fault := judged(t, Net{PublicRoots: poolOf(root), Roots: poolOf(company)}, s, leaf, expired)
	if fault != nil || !*e.TrustedHere {
		t.Errorf("another way is there: %v %v", fault, e.Problems)
	}
	_, fault = judged(t, Net{PublicRoots: poolOf(root), Roots: poolOf(root)}, s, leaf, expired)
	if fault == nil || !strings.Contains(fault.Text, "expired") {
		t.Errorf("no other way is there: %v", fault)
	}
}
