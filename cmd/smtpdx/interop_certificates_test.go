//go:build linux

package main_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const caFile = root + "/pki/root.pem"

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// makeCertificates writes the servers' files: the key, then the chain as it is sent.
func makeCertificates(t *testing.T) {
	t.Helper()
	ours := newAuthority(t, "Acme Root CA", nil)
	issuing := newAuthority(t, "Acme Issuing CA", ours)
	company := newAuthority(t, "Widget Ltd Internal CA", nil)
	writePEM(t, "root.pem", ours.certificate, nil)

	good := certificateFor("smtp.acme.example", "mail.acme.example", "dual.acme.example", "six.acme.example", "both.acme.example", "halfsix.acme.example", "halfdown.acme.example", "mixed.acme.example",
		"plain.acme.example", "limited.acme.example", "maps.acme.example", "strict.acme.example", "mx.acme.example", "relay.acme.example",
		"gateway.acme.example", "old.acme.example", "dovecot.acme.example", "mailpit.acme.example", "elsewhere.acme.example", "blocked.acme.example")
	good.DNSNames = append(good.DNSNames, discoverHosts...)
	issuing.issue(t, "good.pem", good, issuing.certificate)
	issuing.issue(t, "delivery.pem", certificateFor(deliveryHosts...), issuing.certificate)
	issuing.issue(t, "web.pem", certificateFor(discoverWeb...), issuing.certificate)
	issuing.issue(t, "identity.pem", certificateFor("login.acme.example", "introspect.acme.example"), issuing.certificate)

	expired := certificateFor("expired.acme.example", "mixed.acme.example")
	expired.NotBefore, expired.NotAfter = time.Now().AddDate(0, -3, 0), time.Now().AddDate(0, 0, -3)
	issuing.issue(t, "expired.pem", expired, issuing.certificate)

	issuing.issue(t, "misnamed.pem", certificateFor("w0123456.hoster.example", "*.hoster.example"), issuing.certificate)
	company.issue(t, "unknown.pem", certificateFor("unknown.acme.example"), company.certificate)

	incomplete := certificateFor("incomplete.acme.example")
	incomplete.IssuingCertificateURL = []string{"http://pki.acme.example/issuing.cer"}
	issuing.issue(t, "incomplete.pem", incomplete)

	alone := &authority{key: newKey(t)}
	alone.certificate = certificateFor("selfsigned.acme.example")
	alone.issue(t, "selfsigned.pem", alone.certificate)
}

func newAuthority(t *testing.T, name string, above *authority) *authority {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SerialNumber: serial(t), NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(9, 0, 0),
	}
	a := &authority{key: newKey(t)}
	signer := above
	if signer == nil {
		signer = &authority{template, a.key}
	}
	a.certificate = sign(t, template, signer, a.key)
	return a
}

// certificateFor is a server's certificate before it is signed.
func certificateFor(names ...string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().AddDate(0, 0, -1), NotAfter: time.Now().AddDate(0, 0, 89),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// issue signs a certificate and writes it with a new key and what the server sends after it.
func (a *authority) issue(t *testing.T, file string, template *x509.Certificate, chain ...*x509.Certificate) {
	t.Helper()
	template.SerialNumber = serial(t)
	key := newKey(t)
	if a.certificate == template { // signs itself
		key = a.key
	}
	writePEM(t, file, sign(t, template, a, key), key, chain...)
}

func sign(t *testing.T, template *x509.Certificate, by *authority, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func serial(t *testing.T) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func writePEM(t *testing.T, file string, leaf *x509.Certificate, key *ecdsa.PrivateKey, chain ...*x509.Certificate) {
	t.Helper()
	var text bytes.Buffer
	if key != nil {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		_ = pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	for _, certificate := range append([]*x509.Certificate{leaf}, chain...) {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
	}
	if err := os.WriteFile(filepath.Join(root, "pki", file), text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
