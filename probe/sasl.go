package probe

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/wneessen/go-mail/smtp"

	"github.com/smtpdx/smtpdx/probe/wire"
)

// mechanism is one SASL mechanism as the loop of the auth step drives it.
type mechanism interface {
	first() ([]byte, error)                // initial response; nil: the server speaks first
	next(challenge []byte) ([]byte, error) // the answer to a challenge
	accepted(reply wire.Reply) error       // what a 235 must have proven
	tolerant() bool                        // challenges need not be base64
	bearer() bool                          // carries an OAuth token
	salted() bool                          // SCRAM
}

// newMechanism gives the named mechanism with the account's credential.
func newMechanism(name string, s *Settings, state *tls.ConnectionState) mechanism {
	user, password, token := s.Account, s.Password.Value.Reveal(), s.Token.Value.Reveal()
	if s.Token.Value.IsSet() && !s.Password.Value.IsSet() {
		password = token
	}
	if token == "" {
		token = password
	}
	switch name {
	case "LOGIN":
		return &login{user: user, password: password}
	case "CRAM-MD5":
		return &libraryMechanism{auth: smtp.CRAMMD5Auth(user, password)}
	case "SCRAM-SHA-1":
		return &scram{auth: smtp.ScramSHA1Auth(user, password)}
	case "SCRAM-SHA-256":
		return &scram{auth: smtp.ScramSHA256Auth(user, password)}
	case "SCRAM-SHA-1-PLUS":
		return &scram{auth: smtp.ScramSHA1PlusAuth(user, password, state)}
	case "SCRAM-SHA-256-PLUS":
		return &scram{auth: smtp.ScramSHA256PlusAuth(user, password, state)}
	case "XOAUTH2":
		return &libraryMechanism{auth: smtp.XOAuth2Auth(user, token), speaksFirst: true, token: true}
	case "OAUTHBEARER":
		return &oauthBearer{user: user, token: token, host: s.Host, port: s.Port}
	}
	return &libraryMechanism{auth: smtp.PlainAuth("", user, password, "", true), speaksFirst: true}
}

// channelBinding names the binding that -PLUS uses on this connection (RFC 9266).
func channelBinding(name string, state *tls.ConnectionState) string {
	switch {
	case state == nil || !strings.HasSuffix(name, "-PLUS"):
		return ""
	case state.Version >= tls.VersionTLS13 || state.TLSUnique == nil:
		return "tls-exporter"
	}
	return "tls-unique"
}

// libraryMechanism is one of go-mail's.
type libraryMechanism struct {
	auth        smtp.Auth
	speaksFirst bool
	token       bool
}

func (m *libraryMechanism) first() ([]byte, error) {
	_, response, err := m.auth.Start(&smtp.ServerInfo{TLS: true})
	if !m.speaksFirst {
		return nil, err
	}
	return response, err
}

func (m *libraryMechanism) next(challenge []byte) ([]byte, error) {
	return m.auth.Next(challenge, true)
}
func (m *libraryMechanism) accepted(wire.Reply) error { return nil }
func (m *libraryMechanism) tolerant() bool            { return m.token } // any challenge to a token is a no, answered alike
func (m *libraryMechanism) bearer() bool              { return m.token }
func (m *libraryMechanism) salted() bool              { return false }

// login is LOGIN as servers in the field speak it: the challenges are
// understood where they can be (some are no base64, some servers ask for the
// password only) and counted where they cannot.
type login struct {
	user, password string
	asked          int
}

func (m *login) first() ([]byte, error) { return nil, nil }

func (m *login) next(challenge []byte) ([]byte, error) {
	m.asked++
	words := strings.ToLower(string(challenge))
	switch {
	case m.asked > 2:
		return nil, errors.New("a third challenge, after account and password")
	case strings.Contains(words, "pass"):
		return []byte(m.password), nil
	case strings.Contains(words, "user"), m.asked == 1:
		return []byte(m.user), nil
	}
	return []byte(m.password), nil
}

func (m *login) accepted(wire.Reply) error { return nil }
func (m *login) tolerant() bool            { return true }
func (m *login) bearer() bool              { return false }
func (m *login) salted() bool              { return false }

// scram demands the server's signature, which go-mail does not, and speaks
// first, which saves a round trip (RFC 5802 section 5).
type scram struct {
	auth     smtp.Auth
	answered bool // a challenge with nonce, salt and count
	proven   bool
}

func (m *scram) first() ([]byte, error) { return m.auth.Next(nil, true) }

// next keeps to the order of RFC 5802 section 5. go-mail begins anew at an
// empty challenge, and with nothing salted yet its check is one of a signature
// that anybody can compute.
func (m *scram) next(challenge []byte) ([]byte, error) {
	proof := strings.HasPrefix(string(challenge), "v=")
	switch {
	case proof && !m.answered:
		return nil, errors.New("the server's signature came before its challenge, and so proves nothing")
	case len(challenge) == 0 && m.answered:
		return nil, errors.New("an empty challenge in the middle of the exchange")
	}
	response, err := m.auth.Next(challenge, true)
	if err != nil {
		return nil, err
	}
	m.answered = m.answered || strings.HasPrefix(string(challenge), "r=")
	m.proven = m.proven || proof
	return response, nil
}

// accepted wants v= to have come, as a challenge or with the 235 (RFC 4954 section 4).
func (m *scram) accepted(reply wire.Reply) error {
	if m.proven {
		return nil
	}
	for _, line := range reply.Raw() {
		for word := range strings.FieldsSeq(line) {
			proof, err := base64.StdEncoding.DecodeString(word)
			if err != nil || !strings.HasPrefix(string(proof), "v=") {
				continue
			}
			_, err = m.next(proof)
			return err
		}
	}
	return errors.New("the server said yes without proving that it knows the password (no signature)")
}

func (m *scram) tolerant() bool { return false }
func (m *scram) bearer() bool   { return false }
func (m *scram) salted() bool   { return true }

// oauthBearer is RFC 7628.
type oauthBearer struct {
	user, token, host string
	port              int
}

func (m *oauthBearer) first() ([]byte, error) {
	user := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(m.user)
	return []byte("n,a=" + user + ",\x01host=" + m.host + "\x01port=" + itoa(m.port) + "\x01auth=Bearer " + m.token + "\x01\x01"), nil
}

// next answers the error challenge as section 3.2.3 says, so that the final reply comes.
func (m *oauthBearer) next([]byte) ([]byte, error) { return []byte{1}, nil }
func (m *oauthBearer) accepted(wire.Reply) error   { return nil }
func (m *oauthBearer) tolerant() bool              { return true }
func (m *oauthBearer) bearer() bool                { return true }
func (m *oauthBearer) salted() bool                { return false }
