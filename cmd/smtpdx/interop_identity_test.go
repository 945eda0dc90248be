//go:build linux

package main_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// Where the identity server is, and who may ask it.
const (
	issuer         = "https://login.acme.example"
	publicApp      = "acme-printer" // an application without a secret
	secretApp      = "acme-desktop"
	appSecret      = "canary~app~secret~0123456789"
	mailServer     = "mailserver:asks-4711" // may introspect; see dovecot/introspection.conf.ext
	exchangeOnline = "https://outlook.office.com"
	gmail          = "https://mail.google.com/"
)

// grant is what a person has agreed to.
type grant struct {
	user, audience, scope string
	isExpired, isRevoked  bool
}

// request is one sign-in, until its code is spent.
type request struct {
	client, scope       string
	redirect, challenge string // of the flow with a browser
	state               string
	userCode            string // of the flow with a device
	begun, asked        time.Time
	granted             *grant
	isDeclined          bool
}

// identity is a truthful identity server: it demands what RFC 6749, 7636,
// 8252 and 8628 demand, gives tokens for nothing less, and tells who may ask
// what its tokens are (RFC 7662).
type identity struct {
	t    *testing.T
	key  []byte // of the signatures, the one that Dovecot has
	life time.Duration

	mu            sync.Mutex
	secrets       []string            // whatever no output may hold
	requests      map[string]*request // by page, device code or authorization code
	refreshes     map[string]grant    // by refresh token
	opaque        map[string]grant    // by access token
	pending       chan struct{}       // closed with the first poll that comes too early
	introspection int                 // questions answered
}

const pollInterval = time.Second

func startIdentity(t *testing.T) *identity {
	t.Helper()
	text, err := os.ReadFile(root + "/dovecot/keys/default/HS256/default")
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		t.Fatal(err)
	}
	id := &identity{t: t, key: key, life: time.Hour, secrets: []string{appSecret}, requests: map[string]*request{},
		refreshes: map[string]grant{}, opaque: map[string]grant{}, pending: make(chan struct{})}
	id.serve(t)
	return id
}

func (id *identity) serve(t *testing.T) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(root+"/pki/identity.pem", root+"/pki/identity.pem")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "192.0.2.31:443")
	if err != nil {
		t.Fatal(err)
	}
	pages := http.NewServeMux()
	for pattern, page := range map[string]func(http.ResponseWriter, *http.Request){
		"POST /common/oauth2/v2.0/devicecode": id.deviceCode, "POST /common/oauth2/v2.0/token": id.token,
		"GET /device": id.devicePage, "POST /device": id.enterCode,
		"GET /google/auth": id.signInPage, "POST /google/signin": id.signIn, "POST /google/token": id.token,
		"POST /introspect": id.introspect,
	} {
		pages.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			id.mu.Lock()
			defer id.mu.Unlock()
			if err := r.ParseForm(); err != nil {
				http.Error(w, "form", http.StatusBadRequest)
				return
			}
			page(w, r)
		})
	}
	server := &http.Server{Handler: pages, ReadHeaderTimeout: 5 * time.Second, ErrorLog: log.New(io.Discard, "", 0)} // strangers break off the handshake
	ended := make(chan error, 1)
	go func() {
		ended <- server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}}))
	}()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// decline says no as a careless server does, with what it was given.
func decline(w http.ResponseWriter, code, about string) {
	answer(w, http.StatusBadRequest, map[string]any{"error": code, "error_description": "declined: " + about})
}

// invent makes a secret that is looked for in the outputs.
func (id *identity) invent(kind string) string {
	text := kind + rand.Text() + rand.Text()
	id.secrets = append(id.secrets, text)
	return text
}

func (id *identity) isClient(w http.ResponseWriter, f url.Values) bool {
	secret, known := map[string]string{publicApp: "", secretApp: appSecret}[f.Get("client_id")]
	if known && subtle.ConstantTimeCompare([]byte(f.Get("client_secret")), []byte(secret)) == 1 {
		return true
	}
	answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "not its secret: " + f.Get("client_secret")})
	return false
}

// deviceCode begins the flow of RFC 8628.
func (id *identity) deviceCode(w http.ResponseWriter, r *http.Request) {
	if r.PostForm.Get("client_id") != publicApp {
		decline(w, "unauthorized_client", r.PostForm.Get("client_id"))
		return
	}
	code, user := id.invent("device-"), rand.Text()[:4]+"-"+rand.Text()[:4]
	now := time.Now()
	id.requests[code] = &request{client: publicApp, scope: r.PostForm.Get("scope"), userCode: user, begun: now, asked: now}
	answer(w, http.StatusOK, map[string]any{"device_code": code, "user_code": user, "verification_uri": issuer + "/device",
		"expires_in": 600, "interval": int(pollInterval.Seconds())})
}

func (id *identity) devicePage(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprint(w, `<form method="post" action="/device"><input name="user_code"><input name="user"><button name="answer" value="agree"></form>`)
}

// enterCode is what comes of the form: somebody signed in and agreed, or not.
func (id *identity) enterCode(w http.ResponseWriter, r *http.Request) {
	for _, asked := range id.requests {
		if asked.userCode != "" && asked.userCode == r.PostForm.Get("user_code") && asked.granted == nil {
			asked.decide(r.PostForm)
			fmt.Fprint(w, "You can go back to the device.")
			return
		}
	}
	http.Error(w, "no such code", http.StatusNotFound)
}

func (q *request) decide(f url.Values) {
	if q.isDeclined = f.Get("answer") != "agree"; q.isDeclined {
		return
	}
	audience, scope := resource(q.scope)
	q.granted = &grant{user: f.Get("user"), audience: audience, scope: scope}
}

// resource is the service that a scope names, and the scope there.
func resource(scopes string) (audience, scope string) {
	for _, word := range strings.Fields(scopes) {
		if word == gmail {
			return gmail, gmail
		}
		if u, err := url.Parse(word); err == nil && u.Host != "" {
			return u.Scheme + "://" + u.Host, strings.TrimPrefix(u.Path, "/")
		}
	}
	return "", ""
}

// signInPage begins the flow of RFC 8252: PKCE with S256, and back to this computer only.
func (id *identity) signInPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case err != nil, back.Scheme != "http", !net.ParseIP(back.Hostname()).IsLoopback():
		http.Error(w, "where to?", http.StatusBadRequest)
	case q.Get("client_id") != secretApp, q.Get("response_type") != "code", q.Get("state") == "", q.Get("code_challenge_method") != "S256", len(q.Get("code_challenge")) != 43:
		http.Error(w, "what is this?", http.StatusBadRequest)
	default:
		page := rand.Text()
		id.requests[page] = &request{client: secretApp, scope: q.Get("scope"), redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), state: q.Get("state")}
		fmt.Fprintf(w, `<form method="post" action="/google/signin"><input type="hidden" name="page" value="%s"><input name="user"></form>`, html.EscapeString(page))
	}
}

// signIn sends the browser back with a code, or with the reason for none.
func (id *identity) signIn(w http.ResponseWriter, r *http.Request) {
	page := r.PostForm.Get("page")
	asked := id.requests[page]
	if asked == nil || asked.redirect == "" {
		http.Error(w, "no such page", http.StatusNotFound)
		return
	}
	delete(id.requests, page)
	asked.decide(r.PostForm)
	back := url.Values{"state": {asked.state}}
	if asked.isDeclined {
		back.Set("error", "access_denied")
	} else {
		code := id.invent("code-")
		id.requests[code] = asked
		back.Set("code", code)
	}
	http.Redirect(w, r, asked.redirect+"?"+back.Encode(), http.StatusSeeOther)
}

func (id *identity) token(w http.ResponseWriter, r *http.Request) {
	f := r.PostForm
	if !id.isClient(w, f) {
		return
	}
	switch f.Get("grant_type") {
	case "urn:ietf:params:oauth:grant-type:device_code":
		id.poll(w, f)
	case "authorization_code":
		id.exchange(w, f)
	case "refresh_token":
		id.refresh(w, f)
	default:
		decline(w, "unsupported_grant_type", f.Get("grant_type"))
	}
}

func (id *identity) poll(w http.ResponseWriter, f url.Values) {
	code := f.Get("device_code")
	asked := id.requests[code]
	if asked == nil || asked.userCode == "" || asked.client != f.Get("client_id") {
		decline(w, "bad_verification_code", code)
		return
	}
	since := time.Since(asked.asked)
	asked.asked = time.Now()
	switch {
	case since < pollInterval-50*time.Millisecond: // the timers of two processes
		decline(w, "slow_down", code)
	case asked.isDeclined:
		decline(w, "authorization_declined", code)
	case asked.granted == nil:
		id.sawPending()
		decline(w, "authorization_pending", code)
	default:
		delete(id.requests, code)
		id.give(w, *asked.granted)
	}
}

func (id *identity) sawPending() {
	select {
	case <-id.pending:
	default:
		close(id.pending)
	}
}

func (id *identity) exchange(w http.ResponseWriter, f url.Values) {
	code := f.Get("code")
	asked := id.requests[code]
	delete(id.requests, code) // good once
	id.secrets = append(id.secrets, f.Get("code_verifier"))
	sum := sha256.Sum256([]byte(f.Get("code_verifier")))
	switch {
	case asked == nil || asked.granted == nil || asked.redirect == "" || asked.client != f.Get("client_id"):
		decline(w, "invalid_grant", code)
	case base64.RawURLEncoding.EncodeToString(sum[:]) != asked.challenge:
		decline(w, "invalid_grant", "the verifier "+f.Get("code_verifier"))
	case f.Get("redirect_uri") != asked.redirect:
		decline(w, "redirect_uri_mismatch", "")
	default:
		id.give(w, *asked.granted)
	}
}

// refresh gives another refresh token with each use; the one before is spent.
func (id *identity) refresh(w http.ResponseWriter, f url.Values) {
	kept, known := id.refreshes[f.Get("refresh_token")]
	if !known || kept.isRevoked {
		decline(w, "invalid_grant", f.Get("refresh_token"))
		return
	}
	delete(id.refreshes, f.Get("refresh_token"))
	if scope := f.Get("scope"); scope != "" {
		kept.audience, kept.scope = resource(scope)
	}
	id.give(w, kept)
}

func (id *identity) give(w http.ResponseWriter, g grant) {
	refresh := id.invent("refresh-")
	id.refreshes[refresh] = g
	answer(w, http.StatusOK, map[string]any{"access_token": id.sign(g), "token_type": "Bearer", "expires_in": int(id.life.Seconds()), "refresh_token": refresh})
}

// signed makes a token without anybody asking.
func (id *identity) signed(g grant) string {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.sign(g)
}

// unreadable makes a token that only this server can read.
func (id *identity) unreadable(g grant) string {
	id.mu.Lock()
	defer id.mu.Unlock()
	text := id.invent("opaque-")
	id.opaque[text] = g
	return text
}

// sign makes a token (RFC 7519, HS256) of 3,000 characters.
func (id *identity) sign(g grant) string {
	issued := time.Now().Add(-time.Minute)
	if g.isExpired {
		issued = issued.Add(-2 * id.life)
	}
	claims := map[string]any{"iss": issuer, "sub": "42", "email": g.user, "aud": g.audience, "scp": g.scope, "iat": issued.Unix(), "exp": issued.Add(id.life).Unix(), "jti": rand.Text()}
	encode := base64.RawURLEncoding.EncodeToString
	for padding := 1500; padding < 2500; padding++ {
		claims["pad"] = strings.Repeat("x", padding)
		text, err := json.Marshal(claims)
		if err != nil {
			panic(err) // texts and numbers only
		}
		head := encode([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + encode(text)
		if token := head + "." + encode(id.mac(head)); len(token) == 3000 {
			id.secrets = append(id.secrets, token)
			return token
		}
	}
	panic("no padding gives 3000 characters")
}

func (id *identity) mac(text string) []byte {
	mac := hmac.New(sha256.New, id.key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// introspect tells a mail server whose token this is, if it is good there.
func (id *identity) introspect(w http.ResponseWriter, r *http.Request) {
	name, password, _ := r.BasicAuth()
	if name+":"+password != mailServer {
		w.Header().Set("WWW-Authenticate", `Basic realm="introspection"`)
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	id.introspection++
	g, known := id.read(r.PostForm.Get("token"))
	if !known || g.isExpired || g.isRevoked || g.audience != exchangeOnline && g.audience != gmail {
		answer(w, http.StatusOK, map[string]any{"active": false})
		return
	}
	answer(w, http.StatusOK, map[string]any{"active": true, "username": g.user, "aud": g.audience, "scope": g.scope})
}

// read trusts nothing but its own signature.
func (id *identity) read(token string) (grant, bool) {
	if g, known := id.opaque[token]; known {
		return g, true
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return grant{}, false
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(signature, id.mac(parts[0]+"."+parts[1])) {
		return grant{}, false
	}
	var claims struct {
		Email, Aud, Scp string
		Exp             int64
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return grant{}, false
	}
	return grant{user: claims.Email, audience: claims.Aud, scope: claims.Scp, isExpired: time.Now().Unix() >= claims.Exp}, true
}

// revoke ends every sign-in of a user.
func (id *identity) revoke(user string) {
	id.mu.Lock()
	defer id.mu.Unlock()
	for refresh, g := range id.refreshes {
		g.isRevoked = g.isRevoked || g.user == user
		id.refreshes[refresh] = g
	}
}

// canaries are the secrets given so far.
func (id *identity) canaries() []string {
	id.mu.Lock()
	defer id.mu.Unlock()
	return append([]string(nil), id.secrets...)
}

func (id *identity) introspected() int {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.introspection
}

// person sits before a browser.
type person struct {
	id     *identity
	user   string
	answer string // agree, or anything else
	pages  *http.Client
}

func (id *identity) person(t *testing.T, user, answer string) *person {
	t.Helper()
	text, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return &person{id, user, answer, &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}}
}

// entersCode opens the page after the device has asked in vain once.
func (p *person) entersCode(page, code string) error {
	select {
	case <-p.id.pending:
	case <-time.After(10 * time.Second):
		return fmt.Errorf("the device does not ask")
	}
	if _, err := p.get(page); err != nil {
		return err
	}
	_, err := p.post(page, url.Values{"user_code": {code}, "user": {p.user}, "answer": {p.answer}})
	return err
}

// signsIn opens the page and follows where it leads.
func (p *person) signsIn(page string) error {
	text, err := p.get(page)
	if err != nil {
		return err
	}
	_, after, _ := strings.Cut(text, `name="page" value="`)
	number, _, found := strings.Cut(after, `"`)
	if !found {
		return fmt.Errorf("no form: %s", text)
	}
	text, err = p.post(issuer+"/google/signin", url.Values{"page": {number}, "user": {p.user}, "answer": {p.answer}})
	if err == nil && !strings.Contains(text, "smtpdx: ") {
		err = fmt.Errorf("not back at smtpdx: %s", text)
	}
	return err
}

func (p *person) get(page string) (string, error) { return read(p.pages.Get(page)) }

func (p *person) post(page string, form url.Values) (string, error) {
	return read(p.pages.PostForm(page, form))
}

func read(res *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, text)
	}
	return string(text), err
}
