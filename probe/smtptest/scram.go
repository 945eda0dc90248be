package smtptest

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // SCRAM-SHA-1 is what servers still offer
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
)

// scram is SCRAM (RFC 5802, RFC 7677), with and without channel binding, and
// with the faults that a dialogue asks for.
func (x *exchange) scram() (bool, error) {
	text, err := x.first()
	if err != nil {
		return false, err
	}
	hello, ok := parseScramHello(text)
	if !ok || !x.bindingFits(hello.flag) {
		return false, errMalformed
	}
	nonce := hello.nonce + base64.StdEncoding.EncodeToString(random(18))
	salt := random(16)
	serverFirst := fmt.Sprintf("r=%s,s=%s,i=%d", nonce, base64.StdEncoding.EncodeToString(salt), x.script.iterations)
	final, err := x.challenge(serverFirst)
	if err != nil {
		return false, err
	}
	if x.script.iterations < 1 || x.script.iterations > 1_000_000 {
		x.violate("went on with %d iterations of SCRAM", x.script.iterations)
		return false, nil
	}
	bare, proof, ok := strings.Cut(final, ",p=")
	if !ok {
		return false, errMalformed
	}
	keys, err := x.scramKeys(salt, hello.bare+","+serverFirst+","+bare)
	if err != nil {
		return false, errMalformed
	}
	binding := base64.StdEncoding.EncodeToString([]byte(hello.header + x.bindingData(hello.flag)))
	good := bare == "c="+binding+",r="+nonce && keys.proves(proof)
	if !x.proved(hello.account, good) {
		return false, nil
	}
	return true, x.sign(keys.signature)
}

// scramHello is the client's first message.
type scramHello struct {
	header  string // with its commas, as it is bound
	flag    string // n, y or p=NAME
	bare    string
	account string
	nonce   string
}

func parseScramHello(text string) (h scramHello, ok bool) {
	parts := strings.SplitN(text, ",", 3)
	if len(parts) != 3 {
		return h, false
	}
	h.flag, h.bare = parts[0], parts[2]
	h.header = parts[0] + "," + parts[1] + ","
	for part := range strings.SplitSeq(h.bare, ",") {
		switch {
		case strings.HasPrefix(part, "n="):
			h.account = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(part[2:])
		case strings.HasPrefix(part, "r="):
			h.nonce = part[2:]
		}
	}
	return h, h.account != "" && h.nonce != ""
}

// bindingFits demands binding from -PLUS and only from it. "y" says that the
// client could bind and saw no offer to: wrong when there was one.
func (x *exchange) bindingFits(flag string) bool {
	if strings.HasSuffix(x.mechanism, "-PLUS") {
		return x.encrypted != nil && x.bindingData(flag) != ""
	}
	if flag == "y" {
		for _, m := range x.script.offers(x.encrypted != nil) {
			if m == x.mechanism+"-PLUS" {
				return false
			}
		}
	}
	return flag == "n" || flag == "y"
}

// bindingData ties the login to this TLS connection (RFC 9266, RFC 5929).
func (x *exchange) bindingData(flag string) string {
	if x.encrypted == nil {
		return ""
	}
	switch {
	case flag == "p=tls-exporter":
		b, err := x.encrypted.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		if err != nil {
			return ""
		}
		return string(b)
	case flag == "p=tls-unique" && x.encrypted.Version < tls.VersionTLS13:
		return string(x.encrypted.TLSUnique)
	}
	return ""
}

// scramKeys are what both sides compute from the password.
type scramKeys struct {
	hash            func() hash.Hash
	stored          []byte
	clientSignature []byte
	signature       []byte // the server's
}

func (x *exchange) scramKeys(salt []byte, message string) (k scramKeys, err error) {
	k.hash = sha256.New
	if strings.HasPrefix(x.mechanism, "SCRAM-SHA-1") {
		k.hash = sha1.New
	}
	salted, err := pbkdf2.Key(k.hash, x.script.password, salt, x.script.iterations, k.hash().Size())
	if err != nil {
		return k, err
	}
	h := k.hash()
	h.Write(k.mac(salted, "Client Key"))
	k.stored = h.Sum(nil)
	k.clientSignature = k.mac(k.stored, message)
	k.signature = k.mac(k.mac(salted, "Server Key"), message)
	return k, nil
}

func (k scramKeys) mac(key []byte, text string) []byte {
	m := hmac.New(k.hash, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// proves tells whether a client's proof can only come from the password.
func (k scramKeys) proves(proof string) bool {
	key, err := base64.StdEncoding.DecodeString(proof)
	if err != nil || len(key) != len(k.clientSignature) {
		return false
	}
	for i := range key {
		key[i] ^= k.clientSignature[i]
	}
	h := k.hash()
	h.Write(key)
	return hmac.Equal(h.Sum(nil), k.stored)
}

// sign proves to the client that the server knows the password, too, or fails to.
func (x *exchange) sign(signature []byte) error {
	switch x.script.scram {
	case "no-signature":
		return nil
	case "wrong-signature":
		signature = random(len(signature))
	}
	answer, err := x.challenge("v=" + base64.StdEncoding.EncodeToString(signature))
	if err != nil {
		return err
	}
	if answer != "" {
		return errMalformed
	}
	if x.script.scram == "wrong-signature" {
		x.violate("went on after a wrong server signature")
	}
	return nil
}

// random does not fail (crypto/rand.Read ends the program before it would).
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
