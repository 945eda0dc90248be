package profile

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strings"
)

// policy is what TLS must be like, and what may be done without it.
func (b *builder) policy() {
	b.usedBy()
	b.s.Insecure = b.boolean("insecure")
	b.s.AllowPlaintextAuth = b.boolean("allow_plaintext_auth")
	if v, ok := b.find("tls_server_name"); ok {
		if b.s.TLSServerName = cleanHost(v.text).host; b.s.TLSServerName == "" {
			b.refuse("tls_server_name", v, "For example smtp.example.com.", "this is no name that a certificate could carry")
		}
	}
	b.tlsMin()
	b.roots()
	b.clientCertificate()
}

func (b *builder) usedBy() {
	v, ok := b.find("used_by")
	if !ok {
		b.given("used_by", "here")
		return
	}
	switch word := strings.ToLower(strings.TrimSpace(v.text)); word {
	case "here", "cloud":
		b.s.UsedBy = word
	default:
		b.refuse("used_by", v, "here or cloud: where the application runs that will use these settings.", "there is no such place")
	}
}

func (b *builder) boolean(key string) bool {
	v, ok := b.find(key)
	if !ok {
		return false
	}
	if yes, known := truth(v.text); known {
		return yes
	}
	b.refuse(key, v, "true or false.", "%s is either true or false", key)
	return false
}

func (b *builder) tlsMin() {
	v, ok := b.find("tls_min")
	if !ok {
		b.given("tls_min", "1.2")
		return
	}
	switch strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(v.text)), "tls"), "v") {
	case "1.0", "1":
		b.s.TLSMin = tls.VersionTLS10
	case "1.1":
		b.s.TLSMin = tls.VersionTLS11
	case "1.2":
		b.s.TLSMin = tls.VersionTLS12
	case "1.3":
		b.s.TLSMin = tls.VersionTLS13
	default:
		b.refuse("tls_min", v, "1.0, 1.1, 1.2 or 1.3.", "there is no such TLS version")
	}
}

// pathOf is relative to the settings file, where the value stands in one.
func (v value) pathOf() string {
	if v.file == nil {
		return v.text
	}
	return v.file.beside(v.text)
}

const pathHint = "See whether the path is right and the file may be read."

func hintOfPath(path string) string {
	if strings.HasPrefix(path, "~") {
		return tildeHint
	}
	return pathHint
}

func (b *builder) roots() {
	v, ok := b.find("ca_file")
	if !ok {
		return
	}
	b.s.CAFile = v.pathOf()
	raw, err := b.readPath(b.s.CAFile, "ca_file", maxFile)
	if err != nil {
		b.refuse("ca_file", v, hintOfPath(v.text), "the file cannot be read: %s", reason(err))
		return
	}
	if b.s.CA = pool(raw); b.s.CA == nil {
		b.refuse("ca_file", v, "PEM (-----BEGIN CERTIFICATE-----) or DER.", "there is no certificate in the file")
	}
}

// pool reads PEM or DER; nil: no certificate in it.
func pool(raw []byte) *x509.CertPool {
	p := x509.NewCertPool()
	if p.AppendCertsFromPEM([]byte(DecodeText(raw))) {
		return p
	}
	if block, _ := pem.Decode(raw); block != nil {
		return nil
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil
	}
	p.AddCert(cert)
	return p
}

// clientCertificate reads certificate and key, which may stand in one file.
func (b *builder) clientCertificate() {
	cert, hasCert := b.find("client_cert")
	key, hasKey := b.find("client_key")
	switch {
	case !hasCert && !hasKey:
		return
	case !hasCert:
		b.refuse("client_cert", key, "Name the certificate too.", "a client key wants a client certificate")
		return
	}
	certPEM, err := b.readPath(cert.pathOf(), "client_cert", maxFile)
	keyPEM := certPEM
	if err == nil && hasKey {
		keyPEM, err = b.readPath(key.pathOf(), "client_key", maxFile)
	}
	if err != nil {
		b.refuse("client_cert", cert, hintOfPath(cert.text), "the client certificate or its key cannot be read: %s", reason(err))
		return
	}
	pair, err := tls.X509KeyPair([]byte(DecodeText(certPEM)), []byte(DecodeText(keyPEM)))
	if err != nil {
		b.refuse("client_cert", cert, "PEM, the key without a passphrase.", "client certificate and key do not fit together, or one of them is none")
		return
	}
	b.s.ClientCert = &pair
}
