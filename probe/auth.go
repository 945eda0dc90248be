package probe

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
	"github.com/smtpdx/smtpdx/probe/wire"
)

// maxAuthCommand is the length in octets, line end included, up to which an
// initial response goes with AUTH (RFC 4954 section 4); Postfix cuts a longer
// command and answers a false 535.
const maxAuthCommand = 512

// AuthEvidence is how the login went.
type AuthEvidence struct {
	Mechanism      Maybe             `json:"mechanism"` // of the last attempt
	Offered        List[string]      `json:"offered"`
	Attempts       List[AuthAttempt] `json:"attempts"`
	OAuthError     *OAuthError       `json:"oauth_error"`
	ChannelBinding Maybe             `json:"channel_binding"` // tls-exporter, tls-unique

	seen  []cause.Observation // for the rules
	user  string              // as the report may show it
	token *TokenProblem       // what speaks most against the token, nil for nothing
}

// AuthAttempt is one AUTH command.
type AuthAttempt struct {
	Mechanism       string `json:"mechanism"`
	InitialResponse bool   `json:"initial_response"`
}

// OAuthError is the decoded challenge of a refused token (RFC 7628 section 3.2.2).
type OAuthError struct {
	Status  string `json:"status"`
	Schemes string `json:"schemes"`
	Scope   string `json:"scope"`
}

func (*AuthEvidence) isEvidence() {}

func (e *AuthEvidence) saw(o ...cause.Observation) { e.seen = append(e.seen, o...) }

func (e *AuthEvidence) summary(fault *Fault) string {
	switch {
	case fault == nil:
		return "logged in as " + e.user + " (" + string(e.Mechanism) + ")"
	case fault.Kind == Rejected || fault.Kind == Deferred:
		return string(e.Mechanism) + " refused with " + codeWords(fault.Text)
	case fault.Kind == NotOffered && len(e.Offered) == 0:
		return "the server offers no login here"
	}
	return ""
}

// codeWords takes "535 5.7.8" from the text of a refusal.
func codeWords(text string) string {
	words := strings.Fields(strings.TrimPrefix(text, "the server answered "))
	if len(words) > 1 && strings.Count(words[1], ".") == 2 && strings.Trim(words[1], "0123456789.") == "" {
		return words[0] + " " + words[1]
	}
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

func skipAuth(s Settings) SkipReason {
	if s.Account == "" {
		return NotAsked
	}
	return ""
}

// authStep logs in once: the first mechanism of the order that the server
// offers, and another only after a reply that speaks of the mechanism. It
// sends nothing on a plain line unless the settings allow it.
func authStep(ctx context.Context, l *lane) (Evidence, error) {
	s := l.settings()
	e := l.newAuthEvidence()
	if l.askErr != nil {
		return e, l.askErr
	}
	if err := l.mayNotLogIn(e); err != nil {
		return e, err
	}
	if err := l.hasCredential(e); err != nil {
		return e, err
	}
	if err := l.judgeToken(e); err != nil {
		return e, err
	}
	choice := l.mechanisms(e)
	l.conn.LongLines(true)
	defer l.conn.LongLines(false)
	err := l.attempt(ctx, e, choice[0])
	if len(choice) > 1 && speaksOfMechanism(err) {
		err = l.attempt(ctx, e, choice[1])
	}
	var refused *refusal
	if errors.As(err, &refused) && refused.reply.Code/100 == 5 && !speaksOfMechanism(err) {
		l.run.prober.Refused.remember(s)
	}
	return e, err
}

func (e *EHLOEvidence) mechanisms() List[string] {
	if e == nil {
		return nil
	}
	return e.Auth
}

func (l *lane) newAuthEvidence() *AuthEvidence {
	return &AuthEvidence{Offered: l.hello().mechanisms(), user: l.run.shown(l.settings().Account)}
}

// mayNotLogIn gives the reason why no credential, whatever it is, can be used
// on this line; nil: one can.
func (l *lane) mayNotLogIn(e *AuthEvidence) error {
	s := l.settings()
	if !l.encrypted() {
		e.saw(cause.PlainLine)
		if !s.AllowPlaintextAuth && len(e.Offered) > 0 {
			return policy("the connection is not encrypted, so the password was not sent")
		}
		if s.AllowPlaintextAuth {
			e.saw(cause.PlainLineAllowed)
		}
	}
	switch {
	case len(e.Offered) == 0:
		return &Fault{Kind: NotOffered, Text: "AUTH is not among the capabilities"}
	case len(l.mechanisms(e)) == 0:
		return l.nothingToUse(e)
	}
	return nil
}

// hasCredential gives the reason why there is nothing to log in with.
func (l *lane) hasCredential(e *AuthEvidence) error {
	s := l.settings()
	if !s.Password.Value.IsSet() && !s.Token.Value.IsSet() {
		return policy("no password or token was given for the account")
	}
	if name, again := l.run.prober.Refused.profile(s); again {
		e.saw(cause.AlreadyRefused)
		return policy("not tried: the server refused the same account and password a moment ago (profile %s)", orThis(name))
	}
	return nil
}

// judgeToken looks at a token before it is sent, and gives the reason where no
// server would take it: a finding says more than the server's 535.
func (l *lane) judgeToken(e *AuthEvidence) error {
	s := l.settings()
	if l.run.prober.JudgeToken == nil || !s.Token.Value.IsSet() {
		return nil
	}
	for _, p := range l.run.prober.JudgeToken(s.Token.Value, *s) {
		if e.token == nil || p.IsCertain && !e.token.IsCertain {
			e.token = &p
		}
	}
	if e.token == nil {
		return nil
	}
	e.saw(cause.TokenUnfit)
	if e.token.IsCertain {
		return policy("the token was not sent: %s", e.token.Text)
	}
	return nil
}

func orThis(profile string) string {
	if profile == "" {
		return "before"
	}
	return profile
}

// Orders of preference: on a verified TLS line, on a plain one, and with a token.
var (
	orderTLS   = []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5"}
	orderPlain = []string{"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"}
	orderToken = []string{"OAUTHBEARER", "XOAUTH2"}
)

// mechanisms are those to try, in order.
func (l *lane) mechanisms(e *AuthEvidence) []string {
	s := l.settings()
	order := orderTLS
	switch {
	case s.Auth != "":
		order = []string{s.Auth}
	case s.Token.IsGiven(): // also one that is still to be fetched
		order = orderToken
	case !l.encrypted():
		order = orderPlain
	}
	var usable []string
	for _, m := range order {
		if slices.Contains(e.Offered, m) && (l.encrypted() || !strings.HasSuffix(m, "-PLUS")) {
			usable = append(usable, m)
		}
	}
	return usable
}

// nothingToUse says why none of the offered mechanisms can be used.
func (l *lane) nothingToUse(e *AuthEvidence) error {
	s := l.settings()
	offered := "offered: " + strings.Join(e.Offered, ", ")
	switch {
	case s.Auth != "":
		e.Mechanism = Maybe(s.Auth)
		return &Fault{Kind: NotOffered, Text: s.Auth + " is not offered (" + offered + ")"}
	case onlyWindows(e.Offered):
		e.saw(cause.OnlyWindowsLogin)
		return &Fault{Kind: NotOffered, Text: "only Windows logins are offered: " + strings.Join(e.Offered, ", ")}
	}
	e.saw(cause.NoCommonMechanism)
	return &Fault{Kind: NotOffered, Text: "no mechanism that fits the credential (" + offered + ")"}
}

func onlyWindows(offered []string) bool {
	return !slices.ContainsFunc(offered, func(m string) bool {
		return m != "NTLM" && m != "GSSAPI" && m != "GSS-SPNEGO" && m != "KERBEROS_V4" && m != "EXTERNAL" && m != "X-EXPS"
	})
}

var mechanismWords = regexp.MustCompile(`(?i)mechanism|auth(entication)? (type|method)`)

// speaksOfMechanism tells whether a refusal is about the mechanism and not the
// credential: 504 (RFC 4954 section 6) or words that say so. That something is
// "not recognised" is said of accounts as well.
func speaksOfMechanism(err error) bool {
	var refused *refusal
	if !errors.As(err, &refused) {
		return false
	}
	r := refused.reply
	return r.Code == 504 || r.Enhanced == "5.5.4" || r.Enhanced == "5.7.4" || mechanismWords.MatchString(r.Text())
}

// attempt runs one AUTH exchange to its end.
func (l *lane) attempt(ctx context.Context, e *AuthEvidence, name string) error {
	s := l.settings()
	m := newMechanism(name, s, l.tls)
	e.Mechanism = Maybe(name)
	e.ChannelBinding = Maybe(channelBinding(name, l.tls))
	if slices.Contains([]string{"CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"}, name) {
		e.saw(cause.ChallengeMechanism)
	}
	first, err := m.first()
	if err != nil {
		return &Fault{Kind: Mechanism, Text: name + ": " + l.run.shown(err.Error())}
	}
	reply, initial, err := l.openAuth(ctx, name, first)
	e.Attempts = append(e.Attempts, AuthAttempt{Mechanism: name, InitialResponse: initial})
	if err != nil {
		return err
	}
	if reply, err = l.answerChallenges(ctx, e, m, reply, first, initial); err != nil {
		return err
	}
	l.reply = &reply
	if reply.Code != 235 {
		return &refusal{reply}
	}
	if err := m.accepted(reply); err != nil {
		e.saw(cause.ServerSignatureBad)
		return &Fault{Kind: Mechanism, Text: name + ": " + err.Error()}
	}
	return nil
}

// openAuth sends AUTH, with the initial response where there is one and it fits.
func (l *lane) openAuth(ctx context.Context, name string, first []byte) (wire.Reply, bool, error) {
	if first == nil {
		r, err := l.conn.Command(ctx, "AUTH", name)
		return r, false, err
	}
	payload := encodeInitial(first)
	if len("AUTH "+name+" "+payload+"\r\n") > maxAuthCommand {
		r, err := l.conn.Command(ctx, "AUTH", name)
		return r, false, err
	}
	r, err := l.conn.Hidden(ctx, "AUTH", secret.Hidden, "AUTH "+name+" ", payload)
	return r, true, err
}

// encodeInitial writes an empty initial response as "=" (RFC 4954 section 4).
func encodeInitial(first []byte) string {
	if len(first) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(first)
}

// maxChallenges bounds an exchange; SCRAM needs three.
const maxChallenges = 8

// answerChallenges answers 334 until the server decides.
func (l *lane) answerChallenges(ctx context.Context, e *AuthEvidence, m mechanism, reply wire.Reply, first []byte, initial bool) (wire.Reply, error) {
	for n := 0; reply.Code == 334; n++ {
		if n == maxChallenges {
			return reply, &Fault{Kind: Mechanism, Text: fmt.Sprintf("more than %d challenges", maxChallenges)}
		}
		response := first
		if initial || n > 0 || first == nil {
			var err error
			if response, err = l.answer(e, m, reply); err != nil {
				l.cancelAuth(ctx)
				return reply, &Fault{Kind: Mechanism, Text: string(e.Mechanism) + ": " + l.run.shown(err.Error())}
			}
		}
		payload := base64.StdEncoding.EncodeToString(response)
		if n := len(payload) + len("\r\n"); n > wire.MaxAuthLine {
			l.cancelAuth(ctx)
			return reply, &Fault{Kind: Mechanism, Text: fmt.Sprintf("%s: the credential makes a line of %d octets, and %d are the limit (RFC 4954 section 4)", e.Mechanism, n, wire.MaxAuthLine)}
		}
		var err error
		if reply, err = l.conn.Hidden(ctx, "AUTH", secret.Hidden, "", payload); err != nil {
			return reply, err
		}
	}
	return reply, nil
}

// answer decodes one challenge and lets the mechanism answer it.
func (l *lane) answer(e *AuthEvidence, m mechanism, reply wire.Reply) ([]byte, error) {
	raw := strings.TrimSpace(strings.Join(reply.Raw(), ""))
	challenge, err := base64.StdEncoding.DecodeString(raw)
	if err != nil {
		e.saw(cause.ChallengeNotBase64)
		if !m.tolerant() {
			return nil, errors.New("the challenge is not base64: " + l.run.shown(raw))
		}
		challenge = []byte(raw)
	}
	if oauth := readOAuthError(challenge); oauth != nil && m.bearer() {
		oauth.Status, oauth.Schemes, oauth.Scope = l.run.shown(oauth.Status), l.run.shown(oauth.Schemes), l.run.shown(oauth.Scope)
		e.OAuthError = oauth
	}
	if n, ok := iterations(challenge); ok && m.salted() && (n < 1 || n > maxIterations) {
		e.saw(cause.IterationsUnusable)
		return nil, fmt.Errorf("the server asks for %d rounds of hashing; between 1 and %d make sense", n, maxIterations)
	}
	response, err := m.next(challenge)
	if err != nil && m.salted() && strings.HasPrefix(string(challenge), "v=") {
		e.saw(cause.ServerSignatureBad)
	}
	return response, err
}

// cancelAuth ends an exchange that is still open (RFC 4954 section 4).
func (l *lane) cancelAuth(ctx context.Context) {
	if l.conn.AuthOpen() {
		_, _ = l.conn.Command(ctx, "*", "")
	}
}

// readOAuthError reads the JSON of a refused token; nil if it is none.
func readOAuthError(challenge []byte) *OAuthError {
	var fields struct {
		Status  any    `json:"status"`
		Schemes string `json:"schemes"`
		Scope   string `json:"scope"`
	}
	if len(challenge) == 0 || challenge[0] != '{' || json.Unmarshal(challenge, &fields) != nil {
		return nil
	}
	status := ""
	switch v := fields.Status.(type) {
	case string:
		status = v
	case float64:
		status = strconv.Itoa(int(v))
	}
	return &OAuthError{Status: status, Schemes: fields.Schemes, Scope: fields.Scope}
}

// maxIterations bounds the work a SCRAM server can make us do (about 0.3 s).
const maxIterations = 1_000_000

// iterations reads i= of a SCRAM server-first message (RFC 5802 section 5.1).
func iterations(challenge []byte) (int, bool) {
	if !strings.HasPrefix(string(challenge), "r=") {
		return 0, false
	}
	for field := range strings.SplitSeq(string(challenge), ",") {
		if value, ok := strings.CutPrefix(field, "i="); ok {
			n, err := strconv.Atoi(value)
			return n, err == nil
		}
	}
	return 0, false
}
