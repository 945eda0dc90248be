package token

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smtpdx/smtpdx/probe/internal/pipe"
)

// The secrets that no output may hold.
const (
	canaryAccess  = "eyJ0eXAiOiJKV1QifQ.canaryAccess0123456789.c2lnbmF0dXJl"
	canaryRefresh = "1.canaryRefresh-abcdefghijklmnop"
	canaryDevice  = "canaryDeviceCode-zyxwvutsrqponm"
	canarySecret  = "canary~Client.Secret_0123456789"
	canaryCode    = "4/0canaryAuthorizationCode"
)

// identity is a truthful identity server: it demands what the RFCs demand and
// gives tokens for nothing less.
type identity struct {
	mu sync.Mutex

	clientID, clientSecret string
	account                *rsa.PublicKey // of the service account
	mailboxes              []string       // that it may act for

	pending   int           // polls before the person has entered the code
	outcome   string        // then: "" a token, else this error code
	interval  int64         // seconds between polls
	announced int64         // what the client is told of it, 0 for the truth
	expires   int64         // seconds that the device code is good
	lived     time.Duration // of access tokens
	lose      int           // token requests to swallow without an answer
	rotate    bool          // another refresh token with each use

	asked      time.Time // of the device code, then of the last poll
	polls      int
	challenge  string // of the code that was given
	redirect   string
	codeSpent  bool
	refresh    string // the one that is good
	requests   []url.Values
	authorized url.Values

	override http.HandlerFunc // in place of all that
}

func newIdentity() *identity {
	return &identity{clientID: "my-client", interval: 5, expires: 900, lived: time.Hour, refresh: canaryRefresh}
}

func (id *identity) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if err := r.ParseForm(); err != nil {
		http.Error(w, "form", http.StatusBadRequest)
		return
	}
	id.requests = append(id.requests, r.PostForm)
	switch {
	case id.override != nil:
		id.override(w, r)
	case strings.HasSuffix(r.URL.Path, "/authorize"):
		id.authorize(w, r)
	case r.Method != http.MethodPost:
		http.Error(w, "method", http.StatusMethodNotAllowed)
	case strings.HasSuffix(r.URL.Path, "/devicecode"):
		id.deviceCode(w, r)
	case strings.HasSuffix(r.URL.Path, "/token"):
		id.token(w, r)
	default:
		http.NotFound(w, r)
	}
}

func answerJSON(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, code, description string) {
	answerJSON(w, http.StatusBadRequest, map[string]any{"error": code, "error_description": description})
}

func (id *identity) deviceCode(w http.ResponseWriter, r *http.Request) {
	if r.PostForm.Get("client_id") != id.clientID {
		refuse(w, "unauthorized_client", "AADSTS700016: Application with identifier was not found in the directory.\r\nTrace ID: 1")
		return
	}
	id.asked = time.Now()
	interval := id.interval
	if id.announced != 0 {
		interval = id.announced
	}
	answerJSON(w, http.StatusOK, map[string]any{"device_code": canaryDevice, "user_code": "ABCD-EFGH",
		"verification_uri": "https://microsoft.example/devicelogin", "expires_in": id.expires, "interval": interval})
}

func (id *identity) token(w http.ResponseWriter, r *http.Request) {
	if id.lose > 0 {
		id.lose--
		id.mu.Unlock()
		<-r.Context().Done() // until the client gives up
		id.mu.Lock()
		return
	}
	f := r.PostForm
	if f.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		switch {
		case f.Get("client_id") != id.clientID:
			refuse(w, "invalid_client", "no such client")
			return
		case f.Get("client_secret") != id.clientSecret: // the server repeats it, as a bad one would
			answerJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client",
				"error_description": "AADSTS7000215: Invalid client secret provided: " + f.Get("client_secret") + "\r\nTrace ID: 1"})
			return
		}
	}
	switch f.Get("grant_type") {
	case "urn:ietf:params:oauth:grant-type:device_code":
		id.pollDevice(w, f)
	case "client_credentials":
		id.give(w, "")
	case "refresh_token":
		id.useRefresh(w, f)
	case "authorization_code":
		id.useCode(w, f)
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		id.assertion(w, r)
	default:
		refuse(w, "unsupported_grant_type", "")
	}
}

func (id *identity) give(w http.ResponseWriter, refresh string) {
	body := map[string]any{"access_token": canaryAccess, "token_type": "Bearer", "expires_in": int(id.lived.Seconds())}
	if refresh != "" {
		body["refresh_token"] = refresh
	}
	answerJSON(w, http.StatusOK, body)
}

func (id *identity) pollDevice(w http.ResponseWriter, f url.Values) {
	since := time.Since(id.asked)
	id.asked = time.Now()
	id.polls++
	switch {
	case f.Get("device_code") != canaryDevice:
		refuse(w, "bad_verification_code", "")
	case since < time.Duration(id.interval)*time.Second:
		id.interval = id.announced + 5
		refuse(w, "slow_down", "")
	case id.pending > 0:
		id.pending--
		refuse(w, "authorization_pending", "AADSTS70016: not yet "+f.Get("device_code"))
	case id.outcome != "":
		refuse(w, id.outcome, "for the device code "+f.Get("device_code"))
	default:
		id.give(w, id.refresh)
	}
}

func (id *identity) useRefresh(w http.ResponseWriter, f url.Values) {
	if f.Get("refresh_token") != id.refresh {
		refuse(w, "invalid_grant", "AADSTS50173: The provided grant has expired due to it being revoked: "+f.Get("refresh_token"))
		return
	}
	if id.rotate {
		id.refresh += "-next"
	}
	id.give(w, id.refresh)
}

// authorize is the sign-in page: it sends the browser back at once.
func (id *identity) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	id.authorized = q
	if q.Get("client_id") != id.clientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 {
		http.Error(w, "what is this?", http.StatusBadRequest)
		return
	}
	id.challenge, id.redirect, id.codeSpent = q.Get("code_challenge"), q.Get("redirect_uri"), false
	back := url.Values{"state": {q.Get("state")}}
	if id.outcome != "" {
		back.Set("error", id.outcome)
	} else {
		back.Set("code", canaryCode)
	}
	http.Redirect(w, r, id.redirect+"?"+back.Encode(), http.StatusFound)
}

func (id *identity) useCode(w http.ResponseWriter, f url.Values) {
	sum := sha256.Sum256([]byte(f.Get("code_verifier")))
	switch {
	case id.codeSpent, f.Get("code") != canaryCode:
		refuse(w, "invalid_grant", "Bad code "+f.Get("code"))
	case base64.RawURLEncoding.EncodeToString(sum[:]) != id.challenge:
		refuse(w, "invalid_grant", "Invalid code verifier.")
	case f.Get("redirect_uri") != id.redirect:
		refuse(w, "redirect_uri_mismatch", "")
	default:
		id.codeSpent = true
		id.give(w, id.refresh)
	}
}

// assertion checks a service account's request as RFC 7523 section 3 says.
func (id *identity) assertion(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.PostForm.Get("assertion"), ".")
	if len(parts) != 3 {
		refuse(w, "invalid_grant", "Invalid JWT")
		return
	}
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	var claims struct {
		Iss, Sub, Aud, Scope string
		Exp, Iat             int64
	}
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	_ = json.Unmarshal(text, &claims)
	now := time.Now().Unix()
	switch {
	case rsa.VerifyPKCS1v15(id.account, crypto.SHA256, sum[:], signature) != nil:
		refuse(w, "invalid_grant", "Invalid JWT Signature.")
	case claims.Aud != "https://"+r.Host+r.URL.Path || claims.Exp <= now || claims.Iat > now || claims.Iss != "robot@project.example":
		refuse(w, "invalid_grant", "Invalid JWT: token must be short-lived")
	case claims.Scope != googleMail || !strings.Contains(strings.Join(id.mailboxes, " "), claims.Sub):
		refuse(w, "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.")
	default:
		id.give(w, "")
	}
}

// certificate is good in virtual time, which begins in the year 2000, and now.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "identity.example"}, DNSNames: []string{"identity.example"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// memory is a listener whose connections are pipes, for virtual time.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}
func (m *memory) Close() error   { m.once.Do(func() { close(m.done) }); return nil }
func (m *memory) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443} }

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	a, b := pipe.New(0, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 9}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443})
	select {
	case m.conns <- b:
		return a, nil
	case <-m.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// online serves over TLS in memory, at https://identity.example, and gives
// the transport to it. It is for a synctest bubble, and ends with it.
func online(t *testing.T, handler http.Handler) http.RoundTripper {
	t.Helper()
	cert, roots := certificate(t)
	m := &memory{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(tls.NewListener(m, &tls.Config{Certificates: []tls.Certificate{cert}}))
	}()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
	transport, ok := Transport(roots).(*http.Transport)
	if !ok {
		t.Fatal("the transport is another")
	}
	transport.Proxy, transport.DialContext = nil, m.dial
	return transport
}

// serviceKey makes a service account's JSON file.
func serviceKey(t *testing.T, tokenURL string) (text string, public *rsa.PublicKey) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "robot@project.example", "private_key_id": "k1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": tokenURL})
	if err != nil {
		t.Fatal(err)
	}
	return string(file), &private.PublicKey
}
