package probe

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// trusted are the authorities that count on this computer. Trust only grows
// with more roots, so that a few will do where they are enough: whole is asked
// for the others, and nil when there are no others.
type trusted struct {
	few   *x509.CertPool
	whole func() *x509.CertPool
}

// rootsHere are ca_file's roots, or those of this computer's store. Reading the
// whole store takes longer than the rest of a check; of the distribution's file
// only the roots are parsed that the chain names. A store that the environment
// names instead (SSL_CERT_FILE, SSL_CERT_DIR) comes as Net.Roots: the engine
// reads no environment.
func (l *lane) rootsHere(chain []*x509.Certificate) trusted {
	if l.settings().CA != nil {
		return trusted{few: l.settings().CA}
	}
	if l.run.prober.Net.Roots != nil {
		return trusted{few: l.run.prober.Net.Roots}
	}
	return trusted{few: rootsIn(systemBundle(), chain), whole: wholeStore}
}

// wholeStore gives the system's store, nil when this computer has none.
func wholeStore() *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil
	}
	return pool
}

// isEmpty tells whether a pool is there and empty. A system that judges itself
// has a pool of which nothing can be seen, which is none of these.
func isEmpty(pool *x509.CertPool) bool { return pool == nil || pool.Equal(x509.NewCertPool()) }

// rootsIn are the certificates of a PEM file that the chain names as issuer,
// or that the chain holds.
func rootsIn(bundle []byte, chain []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for len(bundle) > 0 {
		var block *pem.Block
		if block, bundle = pem.Decode(bundle); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 || !isNamed(rawSubject(block.Bytes), chain) {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			pool.AddCert(c)
		}
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
		if !isNamed(subject, chain) {
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
	if subject == nil {
		return false
	}
	for _, c := range chain {
		if bytes.Equal(c.RawIssuer, subject) || bytes.Equal(c.RawSubject, subject) {
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
