package probe

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// Bounds on what is kept of a chain.
const (
	maxChain = 10
	maxNames = 250
)

// CertificateEvidence is the chain as sent and the judgements on it.
type CertificateEvidence struct {
	HostChecked   Maybe             `json:"host_checked"`
	Chain         List[Certificate] `json:"chain"` // as sent, at most 10
	TrustedPublic *bool             `json:"trusted_public"`
	TrustedHere   *bool             `json:"trusted_here"`
	NameMatches   *bool             `json:"name_matches"`
	DaysLeft      *int              `json:"days_left"` // negative: so many days ago
	Problems      List[string]      `json:"problems"`  // cause.Observation words certificate-*

	product string   // that seems to stand in the connection
	fits    string   // another name of the same server, seen on the way, that the certificate is for
	link    string   // subject of the intermediate certificate that is missing
	words   []string // each fatal problem in a few words, in the order of Problems
	long    []string // and in a sentence
	byFile  bool     // trusted_here speaks of ca_file
}

// Certificate is one certificate of the chain.
type Certificate struct {
	Subject    string       `json:"subject"`
	Issuer     string       `json:"issuer"`
	Names      List[string] `json:"names"`
	NotBefore  time.Time    `json:"not_before"`
	NotAfter   time.Time    `json:"not_after"`
	Key        string       `json:"key"`
	Signature  string       `json:"signature"`
	SHA256     string       `json:"sha256"`
	SelfSigned bool         `json:"self_signed"`
	PEM        string       `json:"pem"`
}

func (*CertificateEvidence) isEvidence() {}

func (e *CertificateEvidence) summary(fault *Fault) string {
	if len(e.Chain) == 0 {
		return "none was sent"
	}
	if len(e.words) > 0 {
		words := strings.Join(e.words, ", ")
		if fault == nil {
			words += " (accepted by the settings)"
		}
		return words
	}
	return "fits the name, " + e.trustWords() + ", " + e.leftWords()
}

func (e *CertificateEvidence) trustWords() string {
	switch {
	case e.byFile:
		return "trusted by the CA file"
	case e.TrustedPublic != nil && *e.TrustedPublic:
		return "public issuer"
	}
	return "trusted by this computer only"
}

func (e *CertificateEvidence) leftWords() string {
	switch {
	case e.DaysLeft == nil:
		return ""
	case *e.DaysLeft == 1:
		return "1 day left"
	}
	return itoa(*e.DaysLeft) + " days left"
}

// certificateStep judges the chain of the handshake, twice: by the public
// roots and by what this computer trusts.
func certificateStep(_ context.Context, l *lane) (Evidence, error) {
	s := l.settings()
	if l.tls == nil || len(l.tls.PeerCertificates) == 0 {
		return &CertificateEvidence{HostChecked: Maybe(hostChecked(s))}, &Fault{Kind: BadCertificate, Text: "the server sent no certificate"}
	}
	chain := l.tls.PeerCertificates
	chain = chain[:min(len(chain), maxChain)]
	public := l.run.prober.Net.PublicRoots
	if public == nil {
		public = publicRoots(chain)
	}
	j := &judgement{chain: chain, host: hostChecked(s), now: time.Now(), public: public, here: l.rootsHere(chain),
		e: &CertificateEvidence{HostChecked: Maybe(hostChecked(s)), byFile: s.CA != nil}, shown: l.run.shown}
	j.judge()
	if j.e.NameMatches != nil && !*j.e.NameMatches {
		j.e.fits = fitting(chain[0], l.otherNames())
	}
	if len(j.e.words) == 0 || s.Insecure {
		return j.e, nil
	}
	return j.e, &Fault{Kind: BadCertificate, Text: strings.Join(j.e.long, "; ")}
}

// otherNames are names of the server that were seen on the way: what the host
// is an alias of, and what the server calls itself.
func (l *lane) otherNames() []string {
	var names []string
	l.run.mu.Lock()
	if l.run.dns != nil {
		names = slices.Clone(l.run.dns.CNAME)
	}
	l.run.mu.Unlock()
	slices.Reverse(names) // the last one is the server's
	if hello, ok := l.seen[StepEHLO].(*EHLOEvidence); ok {
		names = append(names, string(hello.ServerName))
	}
	if greeting, ok := l.seen[StepGreeting].(*GreetingEvidence); ok {
		names = append(names, string(greeting.HostName))
	}
	return names
}

// fitting gives the first full name that the certificate is for.
func fitting(leaf *x509.Certificate, names []string) string {
	for _, name := range names {
		if strings.Contains(name, ".") && leaf.VerifyHostname(name) == nil {
			return strings.ToLower(name)
		}
	}
	return ""
}

// judgement is the work on one chain. Every question is asked on its own, as
// Verify stops at the first fault.
type judgement struct {
	chain  []*x509.Certificate
	host   string
	now    time.Time
	public *x509.CertPool
	here   trusted
	shown  func(string) string
	e      *CertificateEvidence
	stale  *x509.Certificate // another certificate than the leaf, out of its dates
}

func (j *judgement) judge() {
	for _, c := range j.chain {
		j.e.Chain = append(j.e.Chain, j.describe(c))
	}
	j.judgeName()
	j.judgeDates()
	j.judgeTrust()
	j.judgeUse()
	j.judgeStrength()
}

// remark notes a problem that is none of the server's identity.
func (j *judgement) remark(o cause.Observation) {
	if !slices.Contains(j.e.Problems, string(o)) {
		j.e.Problems = append(j.e.Problems, string(o))
	}
}

// fatal notes a problem for which no credential may follow.
func (j *judgement) fatal(o cause.Observation, words, long string) {
	j.remark(o)
	j.e.words = append(j.e.words, words)
	j.e.long = append(j.e.long, long)
}

func (j *judgement) leaf() *x509.Certificate { return j.chain[0] }

// judgeName compares names as RFC 6125 wants it: an address by the addresses in
// the certificate, and never by the common name.
func (j *judgement) judgeName() {
	if j.host == "" {
		return
	}
	host, _, _ := strings.Cut(j.host, "%") // a zone is of this computer only
	matches := j.leaf().VerifyHostname(host) == nil
	j.e.NameMatches = &matches
	if matches {
		return
	}
	long := "the certificate is not for " + j.host
	names := j.e.Chain[0].Names
	switch {
	case len(names) == 0:
		long += "; it has no subject alternative name, and a common name does not count"
	default:
		long += " but for " + firstNames(names, 4)
	}
	j.fatal(cause.CertNameMismatch, "not for the name "+j.host, long)
	if len(names) == 0 {
		j.remark(cause.CertNoNames)
	}
}

const dayFormat = "2006-01-02"

func (j *judgement) judgeDates() {
	leaf := j.leaf()
	left := leaf.NotAfter.Sub(j.now)
	days := int(left / (24 * time.Hour))
	j.e.DaysLeft = &days
	switch {
	case j.now.Before(leaf.NotBefore):
		j.fatal(cause.CertNotYetValid, "not valid before "+leaf.NotBefore.UTC().Format(dayFormat),
			fmt.Sprintf("the certificate is valid from %s; this computer's clock says %s",
				leaf.NotBefore.UTC().Format("2006-01-02 15:04 MST"), j.now.UTC().Format("2006-01-02 15:04 MST")))
	case left < 0:
		j.fatal(cause.CertExpired, "expired "+ago(-days), "the certificate expired on "+leaf.NotAfter.UTC().Format(dayFormat))
	case left < min(21*24*time.Hour, leaf.NotAfter.Sub(leaf.NotBefore)/5):
		j.remark(cause.CertExpiresSoon)
	}
}

func ago(days int) string {
	switch days {
	case 0:
		return "today"
	case 1:
		return "yesterday"
	}
	return itoa(days) + " days ago"
}

func (j *judgement) judgeTrust() {
	public, _ := j.trusts(j.public)
	stalePublic := j.stale
	here, path := j.trusts(j.here.few)
	if !here && j.here.whole != nil {
		j.here.few = j.here.whole()
		here, path = j.trusts(j.here.few)
	}
	if !here {
		j.stale = stalePublic
	}
	j.e.TrustedPublic, j.e.TrustedHere = &public, &here
	if !public {
		if j.e.product = interceptorOf(j.chain); j.e.product != "" {
			j.remark(cause.CertIntercepted)
		}
	}
	switch {
	case !public && !here:
		j.judgeUnknown()
	case public && !here && !isEmpty(j.here.few):
		j.fatal(cause.CertTrustedPublic, "not trusted "+j.where(), "the certificate's authority is on the public list but not trusted "+j.where())
	case public && !here:
		j.fatal(cause.CertStoreMissing, "this computer has no trusted roots", "this computer has no trusted root certificates to judge by")
	case !public:
		j.remark(cause.CertTrustedHere)
		j.judgeTrustedHere(path)
	}
	j.judgeStale()
}

func (j *judgement) where() string {
	if j.e.byFile {
		return "by the CA file"
	}
	return "on this computer"
}

// judgeUnknown tells in which way nobody knows the issuer.
func (j *judgement) judgeUnknown() {
	top := j.top()
	issuer := j.shown(top.Issuer.String())
	if isEmpty(j.here.few) {
		j.remark(cause.CertStoreMissing)
	}
	switch {
	case isSelfSigned(j.leaf()):
		j.fatal(cause.CertSelfSigned, "self-signed", "the certificate is self-signed")
	case slices.ContainsFunc(j.chain, func(c *x509.Certificate) bool { return isWeaklySigned(c) && !isSelfSigned(c) }):
		j.fatal(cause.CertWeakSignature, "weak signature", "the certificate is signed with "+j.leaf().SignatureAlgorithm.String()+", which counts no more")
	case !isSelfSigned(top) && hasIssuerURL(top) && !j.isRoot(top.RawIssuer):
		j.e.link = issuer
		j.fatal(cause.CertMissingLink, "the intermediate certificate is missing",
			"the server does not send the intermediate certificate "+issuer)
	default:
		j.fatal(cause.CertUnknownIssuer, "the issuer is not known", "the certificate's authority is not known "+j.where()+": "+issuer)
	}
}

// judgeTrustedHere looks at how a chain is trusted that no public root stands
// behind. The system verifiers of Windows and macOS fetch a missing intermediate
// and do not say so; and a store may hold the intermediate itself.
func (j *judgement) judgeTrustedHere(path []*x509.Certificate) {
	if isSelfSigned(j.leaf()) {
		j.remark(cause.CertSelfSigned)
		return
	}
	for i, c := range path {
		if i == 0 || slices.ContainsFunc(j.chain, c.Equal) {
			continue
		}
		if i < len(path)-1 || !bytes.Equal(c.RawSubject, c.RawIssuer) && hasIssuerURL(path[i-1]) {
			j.e.link = j.shown(c.Subject.String())
			j.remark(cause.CertMissingLink)
			return
		}
	}
}

// judgeStale: the leaf is in its dates, another certificate of the chain is not.
func (j *judgement) judgeStale() {
	if j.stale == nil {
		return
	}
	name := j.shown(j.stale.Subject.String())
	if j.now.Before(j.stale.NotBefore) {
		j.fatal(cause.CertNotYetValid, "an authority's certificate is not valid yet", "not valid before "+j.stale.NotBefore.UTC().Format(dayFormat)+": "+name)
		return
	}
	j.fatal(cause.CertExpired, "an authority's certificate has expired", "expired on "+j.stale.NotAfter.UTC().Format(dayFormat)+": "+name)
}

// trusts tells whether a chain leads from the leaf to one of the roots, dates
// and names aside, and gives that chain. It notes in stale what of it is out of
// its dates where there is no other chain.
func (j *judgement) trusts(roots *x509.CertPool) (bool, []*x509.Certificate) {
	j.stale = nil
	if roots == nil {
		return false, nil
	}
	leaf := j.leaf()
	inside := !j.now.Before(leaf.NotBefore) && !j.now.After(leaf.NotAfter)
	if inside {
		path, err := j.verify(roots, j.now)
		var invalid x509.CertificateInvalidError
		if err == nil || !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
			return err == nil, path
		}
		if path, err = j.verify(roots, j.insideAll()); err == nil {
			j.stale = invalid.Cert
		}
		return err == nil, path
	}
	path, err := j.verify(roots, j.insideAll())
	return err == nil, path
}

func (j *judgement) verify(roots *x509.CertPool, at time.Time) ([]*x509.Certificate, error) {
	between := x509.NewCertPool()
	for _, c := range j.chain[1:] {
		between.AddCert(c)
	}
	paths, err := j.leaf().Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return nil, err
	}
	return paths[0], nil
}

// insideAll gives a moment at which the whole chain was valid, if there was one.
func (j *judgement) insideAll() time.Time {
	from, to := j.leaf().NotBefore, j.leaf().NotAfter
	for _, c := range j.chain[1:] {
		if c.NotBefore.After(from) {
			from = c.NotBefore
		}
		if c.NotAfter.Before(to) {
			to = c.NotAfter
		}
	}
	if from.Before(to) {
		return from.Add(time.Second)
	}
	return j.leaf().NotBefore.Add(time.Second)
}

// top is the last certificate as sent on the way up from the leaf.
func (j *judgement) top() *x509.Certificate {
	top := j.leaf()
	for range j.chain {
		next := slices.IndexFunc(j.chain, func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubject, top.RawIssuer) && !c.Equal(top)
		})
		if next < 0 || isSelfSigned(top) {
			break
		}
		top = j.chain[next]
	}
	return top
}

// isRoot tells whether a root of that name is known: then nothing is missing.
func (j *judgement) isRoot(subject []byte) bool {
	for _, pool := range []*x509.CertPool{j.public, j.here.few} {
		if pool == nil {
			continue
		}
		for _, s := range pool.Subjects() { //nolint:staticcheck // of a system pool it gives none, which is what we need
			if bytes.Equal(s, subject) {
				return true
			}
		}
	}
	return false
}

func hasIssuerURL(c *x509.Certificate) bool {
	return slices.ContainsFunc(c.IssuingCertificateURL, func(u string) bool { return strings.HasPrefix(strings.ToLower(u), "http") })
}

// isSelfSigned: subject and issuer are one, and so are their keys as far as
// the certificate names them. The signature itself may be too old to be checked.
func isSelfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) &&
		(len(c.AuthorityKeyId) == 0 || len(c.SubjectKeyId) == 0 || bytes.Equal(c.AuthorityKeyId, c.SubjectKeyId)) &&
		(isWeaklySigned(c) || c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil)
}

// judgeUse: a certificate made for something else (RFC 5280 section 4.2.1.12).
func (j *judgement) judgeUse() {
	leaf := j.leaf()
	if len(leaf.ExtKeyUsage) == 0 && len(leaf.UnknownExtKeyUsage) == 0 {
		return
	}
	if slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return
	}
	j.fatal(cause.CertNotUsed, "not made for servers", "the certificate is not made for servers (extended key usage)")
}

// judgeStrength looks at keys and signatures of all but roots, whose own
// signature proves nothing.
func (j *judgement) judgeStrength() {
	for _, c := range j.chain {
		if isWeakKey(c) {
			j.remark(cause.CertWeakKey)
		}
		if isWeaklySigned(c) && (c == j.leaf() || !isSelfSigned(c)) {
			j.remark(cause.CertWeakSignature)
		}
	}
}

func isWeakKey(c *x509.Certificate) bool {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() < 2048
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize < 224
	}
	return c.PublicKeyAlgorithm == x509.DSA
}

func isWeaklySigned(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}

func (j *judgement) describe(c *x509.Certificate) Certificate {
	sum := sha256.Sum256(c.Raw)
	return Certificate{
		Subject: j.shown(c.Subject.String()), Issuer: j.shown(c.Issuer.String()), Names: j.namesOf(c),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
		Key: keyOf(c), Signature: c.SignatureAlgorithm.String(), SHA256: hex.EncodeToString(sum[:]),
		SelfSigned: isSelfSigned(c),
		PEM:        string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})),
	}
}

func (j *judgement) namesOf(c *x509.Certificate) List[string] {
	var names List[string]
	for _, name := range c.DNSNames {
		names = append(names, j.shown(name))
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names[:min(len(names), maxNames)]
}

func keyOf(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA " + itoa(key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return c.PublicKeyAlgorithm.String()
}
