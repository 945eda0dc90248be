package probe

import (
	"bytes"
	"crypto/x509"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// loadRoots begins to read this computer's store when the handshake begins,
// since parsing it takes longer than a handshake. crypto/x509 keeps what it
// read, so that the certificate step finds it there.
func (l *lane) loadRoots() {
	s := l.settings()
	if s.CA != nil || l.run.prober.Net.Roots != nil {
		return
	}
	l.run.leaving.Go(func() { _, _ = x509.SystemCertPool() })
}

// rootsHere are the authorities that count here: ca_file's, or the store's.
// nil means that this computer has none.
func (l *lane) rootsHere() *x509.CertPool {
	if l.settings().CA != nil {
		return l.settings().CA
	}
	pool := l.run.prober.Net.Roots
	if pool == nil {
		pool, _ = x509.SystemCertPool()
	}
	if pool == nil || pool.Equal(x509.NewCertPool()) {
		return nil
	}
	return pool
}

// publicRoots are those of the public list that the chain names as issuer.
// Parsing the whole list takes longer than the rest of a check, comparing
// subjects does not.
func publicRoots(chain []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		subject := rawSubject(root.Certificate)
		if subject == nil || !isNamed(subject, chain) {
			continue
		}
		c, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			continue
		}
		if root.Constraint != nil {
			pool.AddCertWithConstraint(c, root.Constraint)
		} else {
			pool.AddCert(c)
		}
	}
	return pool
}

func isNamed(subject []byte, chain []*x509.Certificate) bool {
	for _, c := range chain {
		if bytes.Equal(c.RawIssuer, subject) {
			return true
		}
	}
	return false
}

// rawSubject finds the subject in a certificate without parsing the rest
// (RFC 5280 section 4.1); nil when there is none.
func rawSubject(der []byte) []byte {
	input := cryptobyte.String(der)
	var certificate, tbs, subject cryptobyte.String
	if !input.ReadASN1(&certificate, asn1.SEQUENCE) ||
		!certificate.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) || // version
		!tbs.SkipASN1(asn1.INTEGER) || // serial number
		!tbs.SkipASN1(asn1.SEQUENCE) || // signature algorithm
		!tbs.SkipASN1(asn1.SEQUENCE) || // issuer
		!tbs.SkipASN1(asn1.SEQUENCE) || // validity
		!tbs.ReadASN1Element(&subject, asn1.SEQUENCE) {
		return nil
	}
	return subject
}
