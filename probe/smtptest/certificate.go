package smtptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"slices"
	"sync"
	"time"
)

// certificateKinds are what a dialogue can ask for. All but the first four
// are bad enough that no credential may follow them.
var certificateKinds = []string{"good", "expires-soon", "weak", "hostile", "expired", "not-yet-valid", "misnamed", "self-signed",
	"unknown-issuer", "missing-intermediate", "intercepted"}

func isBadCertificate(kind string) bool {
	return kind != "good" && kind != "expires-soon" && kind != "weak" && kind != "hostile"
}

const day = 24 * time.Hour

// authority makes the certificates of one server when they are first needed.
type authority struct {
	names []string
	ips   []net.IP

	mu   sync.Mutex
	root *issuer
	made map[string]tls.Certificate
}

// issuer signs certificates; one that nobody issued signs itself.
type issuer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newAuthority(names []string, ips []net.IP) *authority {
	return &authority{names: names, ips: ips, made: map[string]tls.Certificate{}}
}

// rootPEM gives the root that the good chain ends in.
func (a *authority) rootPEM() ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	root, err := a.trusted()
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.cert.Raw}), nil
}

func (a *authority) trusted() (*issuer, error) {
	if a.root != nil {
		return a.root, nil
	}
	root, err := newRoot("smtpdx lab root", "smtpdx lab")
	if err != nil {
		return nil, err
	}
	a.root = root
	return root, nil
}

// get makes the certificate of a kind, or gives the one made before. RSA is
// for cipher suites that know nothing else.
func (a *authority) get(kind string, useRSA bool) (tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	name := fmt.Sprint(kind, useRSA)
	if c, ok := a.made[name]; ok {
		return c, nil
	}
	c, err := a.make(kind, useRSA)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate (%s): %w", kind, err)
	}
	a.made[name] = c
	return c, nil
}

func (a *authority) make(kind string, useRSA bool) (tls.Certificate, error) {
	key, err := newKey(kind, useRSA)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf := a.template(kind)
	if kind == "self-signed" {
		der, err := sign(leaf, nil, key, key.Public())
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
	}
	root, err := a.rootFor(kind)
	if err != nil {
		return tls.Certificate{}, err
	}
	between, err := newIntermediate(root)
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := sign(leaf, between, between.key, key.Public())
	chain := [][]byte{der, between.cert.Raw}
	if kind == "missing-intermediate" {
		chain = chain[:1]
	}
	return tls.Certificate{Certificate: chain, PrivateKey: key}, err
}

func newKey(kind string, useRSA bool) (crypto.Signer, error) {
	switch {
	case kind == "weak":
		return rsa.GenerateKey(rand.Reader, 1024)
	case useRSA:
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// hostileNames try the syntax of whatever a report is written in: HTML,
// Markdown, XML, the commands of GitHub's runners, Nagios' performance data, and
// what moves a terminal's cursor.
var hostileNames = []string{
	"<script>alert('cn')</script>", "[o](javascript:alert(1))", "]]></failure><testcase name=\"ou\"/>",
	"a\r\n::error::forged", "b|time=0s;;;;", "c\x1b[2J",
}

// template is the leaf of a kind: it lasts 90 days, of which 60 are left.
func (a *authority) template(kind string) *x509.Certificate {
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: a.names[0]},
		DNSNames:     a.names, IPAddresses: a.ips,
		NotBefore: now.Add(-30 * day), NotAfter: now.Add(60 * day),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	switch kind {
	case "hostile":
		t.Subject = pkix.Name{CommonName: hostileNames[0], Organization: hostileNames[1:2], OrganizationalUnit: hostileNames[2:]}
		t.DNSNames = append(slices.Clone(a.names), hostileNames...)
	case "expired":
		t.NotBefore, t.NotAfter = now.Add(-100*day), now.Add(-10*day)
	case "not-yet-valid":
		t.NotBefore, t.NotAfter = now.Add(2*day), now.Add(92*day)
	case "expires-soon":
		t.NotBefore, t.NotAfter = now.Add(-85*day), now.Add(5*day+time.Hour)
	case "misnamed":
		t.Subject.CommonName = "hosting.example"
		t.DNSNames, t.IPAddresses = []string{"*.hosting.example", "hosting.example"}, nil
	}
	return t
}

func (a *authority) rootFor(kind string) (*issuer, error) {
	switch kind {
	case "unknown-issuer":
		return newRoot("ACME Internal Root CA", "ACME Ltd")
	case "intercepted":
		return newRoot("AVG Web/Mail Shield Root", "AVG Technologies")
	}
	return a.trusted()
}

func newRoot(name, organisation string) (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := authorityTemplate(pkix.Name{CommonName: name, Organization: []string{organisation}})
	return issued(t, nil, key, key)
}

// newIntermediate stands between the root and the leaf, as public authorities have it.
func newIntermediate(root *issuer) (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	subject := root.cert.Subject
	subject.CommonName = subject.Organization[0] + " issuing CA 1"
	t := authorityTemplate(pkix.Name{CommonName: subject.CommonName, Organization: subject.Organization})
	t.MaxPathLenZero = true
	return issued(t, root, root.key, key)
}

func authorityTemplate(subject pkix.Name) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial(), Subject: subject,
		NotBefore: now.Add(-365 * day), NotAfter: now.Add(3650 * day),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true,
	}
}

func issued(t *x509.Certificate, by *issuer, signer, key crypto.Signer) (*issuer, error) {
	der, err := sign(t, by, signer, key.Public())
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &issuer{cert: cert, key: key}, err
}

func sign(t *x509.Certificate, by *issuer, signer crypto.Signer, public crypto.PublicKey) ([]byte, error) {
	parent := t
	if by != nil {
		parent = by.cert
		if !t.IsCA {
			t.IssuingCertificateURL = []string{"http://ca.acme.example/issuing-1.crt"}
		}
	}
	return x509.CreateCertificate(rand.Reader, t, parent, public, signer)
}

// serial is never zero and never twice the same by chance.
func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return big.NewInt(1)
	}
	return n.Add(n, big.NewInt(1))
}

// tlsConfig is the server's side of a handshake.
func (s *script) tlsConfig(a *authority) (*tls.Config, error) {
	cert, err := a.get(s.certificate, s.weakCiphers)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13,
		SessionTicketsDisabled: true,
	}
	if s.minTLS != 0 {
		c.MinVersion, c.MaxVersion = s.minTLS, s.maxTLS
	}
	if s.weakCiphers {
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS12
		c.CipherSuites = []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_RC4_128_SHA}
	}
	switch s.clientCertificate {
	case "asked":
		c.ClientAuth = tls.RequestClientCert
	case "required":
		c.ClientAuth = tls.RequireAnyClientCert
	}
	return c, nil
}
