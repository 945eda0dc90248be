package smtptest

import (
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // CRAM-MD5 is what servers still offer
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	errCancelled = errors.New("the client cancelled the login")
	errMalformed = errors.New("the client's answer cannot be read")
)

// exchange is one AUTH command from its first word to the server's decision.
type exchange struct {
	*session
	mechanism string
	initial   *string // the initial response, decoded; nil: none
}

// login answers AUTH.
func (c *session) login(rest string) error {
	mechanism, initial, given := strings.Cut(rest, " ")
	mechanism = strings.ToUpper(mechanism)
	c.credential = [32]byte{}
	c.judgeLogin(shownVerb(mechanism), "AUTH "+rest)
	switch {
	case !c.knows:
		c.violate("AUTH before EHLO")
		return c.say("503 5.5.1 Error: send HELO/EHLO first")
	case c.authed:
		return c.say("503 5.5.1 Error: already authenticated")
	case c.mail:
		return c.say("503 5.5.1 Error: MAIL transaction in progress")
	case c.script.requiresEncryption && c.encrypted == nil:
		return c.say("530 5.7.0 Must issue a STARTTLS command first", "AUTH without TLS")
	}
	if actions, ok := c.script.find(c.encrypted != nil, "AUTH "+mechanism, "AUTH"); ok {
		return c.scriptedLogin(actions, mechanism)
	}
	if !slices.Contains(c.script.offers(c.encrypted != nil), mechanism) {
		if c.server.dialogue.Settings.Auth != mechanism {
			c.violate("AUTH %s, which is not offered", shownVerb(mechanism))
		}
		return c.say("504 5.5.4 Unrecognized authentication type")
	}
	if given && c.script.refusesInitial {
		return c.say("501 5.5.4 Initial response not supported")
	}
	x := &exchange{session: c, mechanism: mechanism}
	if given {
		text, err := decode(initial)
		if err != nil {
			return c.say("501 5.5.2 Error: malformed initial response")
		}
		x.initial = &text
	}
	return x.decide()
}

// scriptedLogin does what the dialogue says in place of a mechanism; after a
// challenge the client's answer is read and answered by "AUTH answered".
func (c *session) scriptedLogin(actions []action, mechanism string) error {
	err := c.run(actions)
	for err == nil && c.reply.code == 334 {
		x := &exchange{session: c, mechanism: mechanism}
		if _, err = x.answer(); err == nil || errors.Is(err, errMalformed) {
			err = c.say("535 5.7.8 Error: authentication failed", "AUTH "+mechanism+" answered", "AUTH answered")
		}
		if errors.Is(err, errCancelled) {
			return c.say("501 5.7.0 Authentication aborted")
		}
	}
	c.authed = c.reply.code == 235
	return err
}

// decide runs the mechanism and says what came of it.
func (x *exchange) decide() error {
	good, err := x.verify()
	switch {
	case errors.Is(err, errCancelled):
		return x.say("501 5.7.0 Authentication aborted")
	case errors.Is(err, errMalformed):
		return x.say("501 5.5.2 Error: malformed authentication response")
	case err != nil:
		return err
	}
	if actions, ok := x.script.find(x.encrypted != nil, "AUTH "+x.mechanism+" answered", "AUTH answered"); ok {
		err = x.run(actions)
	} else if good {
		err = x.say("235 2.7.0 Authentication successful", "AUTH "+x.mechanism+" accepted", "AUTH accepted")
	} else {
		err = x.say("535 5.7.8 Error: authentication failed", "AUTH "+x.mechanism+" refused", "AUTH refused")
	}
	x.answeredLogin()
	x.authed = x.reply.code == 235
	return err
}

func (x *exchange) verify() (bool, error) {
	switch x.mechanism {
	case "PLAIN":
		return x.plain()
	case "LOGIN":
		return x.loginPrompts()
	case "CRAM-MD5":
		return x.cram()
	case "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS":
		return x.scram()
	case "XOAUTH2":
		return x.xoauth2()
	case "OAUTHBEARER":
		return x.oauthbearer()
	}
	// NTLM and GSSAPI are offered by some dialogues and spoken by none.
	return false, errMalformed
}

// first gives the initial response, or asks for it with an empty challenge.
func (x *exchange) first() (string, error) {
	if x.initial != nil {
		return *x.initial, nil
	}
	return x.ask("334 ")
}

// challenge sends a text in base64 and reads the answer.
func (x *exchange) challenge(text string) (string, error) {
	return x.ask("334 " + base64.StdEncoding.EncodeToString([]byte(text)))
}

func (x *exchange) ask(line string) (string, error) {
	if err := x.run([]action{{verb: "line", text: line}}); err != nil {
		return "", err
	}
	return x.answer()
}

// answer reads one line of the client within the exchange. It is never logged.
func (x *exchange) answer() (string, error) {
	line, err := x.readLine()
	if err != nil {
		return "", err
	}
	if line == "*" {
		x.server.log(x.id, "C:", "*")
		return "", errCancelled
	}
	x.server.log(x.id, "C:", fmt.Sprintf("(hidden, %d octets)", len(line)))
	x.line = line
	return decode(line)
}

// decode reads base64; "=" is an empty initial response (RFC 4954 section 4).
func decode(line string) (string, error) {
	if line == "=" {
		return "", nil
	}
	b, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		return "", errMalformed
	}
	return string(b), nil
}

// matches compares what the client gave with what the server knows.
func (x *exchange) matches(account, given, known string) bool {
	x.account, x.password = account, given
	x.judgeCredentials(account, given)
	same := subtle.ConstantTimeCompare([]byte(given), []byte(known)) == 1
	return same && account == x.script.account && known != ""
}

// plain is RFC 4616: [authzid] NUL authcid NUL passwd.
func (x *exchange) plain() (bool, error) {
	text, err := x.first()
	if err != nil {
		return false, err
	}
	parts := strings.Split(text, "\x00")
	if len(parts) != 3 {
		return false, errMalformed
	}
	return x.matches(parts[1], parts[2], x.script.password), nil
}

// loginPrompts is LOGIN, which no standard describes: prompts differ.
func (x *exchange) loginPrompts() (bool, error) {
	prompts := [2]string{"334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"}
	switch {
	case x.script.barePrompts:
		prompts = [2]string{"334", "334"}
	case x.script.prompts != nil:
		prompts = [2]string{"334 " + x.script.prompts[0], "334 " + x.script.prompts[1]}
	}
	var account string
	var err error
	if x.initial != nil {
		account = *x.initial
	} else if account, err = x.ask(prompts[0]); err != nil {
		return false, err
	}
	password, err := x.ask(prompts[1])
	if err != nil {
		return false, err
	}
	return x.matches(account, password, x.script.password), nil
}

// cram is CRAM-MD5 (RFC 2195): the password itself does not travel.
func (x *exchange) cram() (bool, error) {
	if x.initial != nil {
		x.violate("AUTH CRAM-MD5 with an initial response")
		return false, errMalformed
	}
	challenge := fmt.Sprintf("<%d.%d@%s>", 4711+x.id, x.commands, x.script.name)
	text, err := x.challenge(challenge)
	if err != nil {
		return false, err
	}
	space := strings.LastIndexByte(text, ' ')
	if space < 0 {
		return false, errMalformed
	}
	account, digest := text[:space], text[space+1:]
	mac := hmac.New(md5.New, []byte(x.script.password))
	mac.Write([]byte(challenge))
	good := hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(digest))
	return x.proved(account, good), nil
}

// proved decides about a login whose password stays with the client.
func (x *exchange) proved(account string, good bool) bool {
	x.account = account
	known := "a proof of another password"
	if good {
		known = x.script.password
	}
	x.judgeCredentials(account, known)
	return good && account == x.script.account && x.script.password != ""
}

// xoauth2 is Google's and Microsoft's: user=ACCOUNT ^A auth=Bearer TOKEN ^A ^A.
func (x *exchange) xoauth2() (bool, error) {
	text, err := x.first()
	if err != nil {
		return false, err
	}
	account, ok1 := field(text, "user=")
	token, ok2 := field(text, "auth=Bearer ")
	if !ok1 || !ok2 || !strings.HasSuffix(text, "\x01\x01") {
		return false, errMalformed
	}
	return x.bearer(account, token, "")
}

// oauthbearer is RFC 7628 section 3.1.
func (x *exchange) oauthbearer() (bool, error) {
	text, err := x.first()
	if err != nil {
		return false, err
	}
	header, rest, _ := strings.Cut(text, "\x01")
	account, named := strings.CutPrefix(header, "n,a=")
	token, ok := field(rest, "auth=Bearer ")
	if !named || !ok || !strings.HasSuffix(text, "\x01\x01") {
		return false, errMalformed
	}
	account = strings.TrimSuffix(account, ",")
	account = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(account)
	return x.bearer(account, token, "\x01")
}

// bearer decides about a token. A refusal comes as a challenge with the reason
// first, which the client has to answer (RFC 7628 section 3.2.3: ^A; XOAUTH2: nothing).
func (x *exchange) bearer(account, token, dummy string) (bool, error) {
	if x.matches(account, token, x.script.token) {
		return true, nil
	}
	if x.script.oauthError == "" {
		return false, nil
	}
	answer, err := x.challenge(x.script.oauthError)
	if errors.Is(err, errCancelled) {
		x.violate("* in answer to the error of %s", x.mechanism)
	}
	if err == nil && answer != dummy {
		x.violate("%d octets in answer to the error of %s; %d are right", len(answer), x.mechanism, len(dummy))
	}
	return false, err
}

// field finds "key value" among values that end with ^A.
func field(text, key string) (string, bool) {
	for part := range strings.SplitSeq(text, "\x01") {
		if value, ok := strings.CutPrefix(part, key); ok {
			return value, true
		}
	}
	return "", false
}
