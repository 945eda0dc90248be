package token

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// signIn fetches by browser from a server on loopback; visit is the browser,
// which gets the URL that a person sees. It gives where the browser had to return.
func signIn(t *testing.T, id *identity, visit func(browser *http.Client, page string)) (Grant, string, error) {
	t.Helper()
	server := httptest.NewUnstartedServer(id)
	cert, roots := certificate(t)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.StartTLS()
	t.Cleanup(server.Close)
	browser := &http.Client{Transport: Transport(roots)}
	visited := make(chan struct{})
	var back string
	w := World{Transport: Transport(roots), Show: func(p Prompt) {
		page, err := url.Parse(p.URL)
		if err != nil {
			t.Error(err)
			return
		}
		back = page.Query().Get("redirect_uri")
		go func() { // ends before signIn does
			defer close(visited)
			visit(browser, p.URL)
		}()
	}}
	r := Request{Provider: Google, ClientID: "my-client", ClientSecret: secret.New(id.clientSecret), Account: "anna@gmail.example",
		Endpoints: Endpoints{Auth: server.URL + "/authorize", Token: server.URL + "/token"}}
	g, err := Fetch(t.Context(), w, r)
	<-visited
	hidesSecrets(t, g, err)
	return g, back, err
}

// get visits a page, follows it back, and gives the last answer.
func get(t *testing.T, browser *http.Client, page string) (int, string) {
	t.Helper()
	res, err := browser.Get(page)
	if err != nil {
		t.Errorf("%v", err)
		return 0, ""
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("%v", err)
	}
	return res.StatusCode, string(body)
}

func TestBrowserSignInWithPKCE(t *testing.T) {
	id := newIdentity()
	id.clientSecret = canarySecret
	g, back, err := signIn(t, id, func(browser *http.Client, page string) {
		status, text := get(t, browser, page)
		if status != http.StatusOK || !strings.Contains(text, "can be closed") || strings.Contains(text, "canary") {
			t.Errorf("%d %s", status, text)
		}
	})
	if err != nil || g.Access.Reveal() != canaryAccess || g.Refresh.Reveal() != canaryRefresh {
		t.Fatalf("%v", err)
	}
	q := id.authorized
	if q.Get("scope") != googleMail || q.Get("access_type") != "offline" || q.Get("login_hint") != "anna@gmail.example" || q.Get("prompt") != "consent" {
		t.Errorf("%v", q)
	}
	if !strings.HasPrefix(back, "http://127.0.0.1:") {
		t.Errorf("returns to %s", back)
	}
	isClosed(t, back)
}

// isClosed: nobody listens there any more.
func isClosed(t *testing.T, back string) {
	t.Helper()
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := net.DialTimeout("tcp", u.Host, time.Second); err == nil {
		conn.Close()
		t.Errorf("somebody still listens at %s", u.Host)
	}
}

func TestForeignComebacksNeitherEndTheSignInNorSlipInACode(t *testing.T) {
	id := newIdentity()
	g, back, err := signIn(t, id, func(browser *http.Client, page string) {
		u, err := url.Parse(page)
		if err != nil {
			t.Error(err)
			return
		}
		home, state := u.Query().Get("redirect_uri"), u.Query().Get("state")
		for _, foreign := range []string{
			"?code=evil", "?code=evil&state=", "?code=evil&state=" + state[1:], "?error=access_denied&state=x", "?state=" + state, "favicon.ico?code=evil&state=" + state,
		} {
			if status, text := get(t, browser, home+foreign); status != http.StatusBadRequest || strings.Contains(text, "evil") {
				t.Errorf("%s: %d %s", foreign, status, text)
			}
		}
		otherHost(t, browser, home+"?code=evil&state="+state)
		if res, err := browser.Post(home+"?code=evil&state="+state, "text/plain", nil); err != nil || res.StatusCode != http.StatusBadRequest {
			t.Errorf("POST: %v, %v", res, err)
		}
		get(t, browser, page)
	})
	if err != nil || g.Access.Reveal() != canaryAccess {
		t.Errorf("%v", err)
	}
	isClosed(t, back)
}

// otherHost comes to the right address under another name (DNS rebinding).
func otherHost(t *testing.T, browser *http.Client, page string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page, nil)
	if err != nil {
		t.Error(err)
		return
	}
	req.Host = "evil.example"
	if res, err := browser.Do(req); err != nil || res.StatusCode != http.StatusBadRequest {
		t.Errorf("other host: %v, %v", res, err)
	}
}

func TestPersonWhoSaysNoEndsTheSignIn(t *testing.T) {
	id := newIdentity()
	id.outcome = "access_denied"
	_, back, err := signIn(t, id, func(browser *http.Client, page string) {
		if _, text := get(t, browser, page); !strings.Contains(text, "refused") {
			t.Error(text)
		}
	})
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Code != "access_denied" || !strings.Contains(refused.Hint, "test users") {
		t.Errorf("%v", err)
	}
	isClosed(t, back)
}

// The server refuses a code that came with another challenge, so that this
// shows that the verifier is really sent and really the right one.
func TestServerRefusesAnotherVerifier(t *testing.T) {
	id := newIdentity()
	_, _, err := signIn(t, id, func(browser *http.Client, page string) {
		get(t, browser, tampered(page))
	})
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Code != "invalid_grant" || refused.Said != "Invalid code verifier." {
		t.Errorf("%v", err)
	}
}

// tampered is the page with the challenge of somebody else.
func tampered(page string) string {
	u, err := url.Parse(page)
	if err != nil {
		return page
	}
	q := u.Query()
	q.Set("code_challenge", strings.Repeat("A", 43))
	u.RawQuery = q.Encode()
	return u.String()
}

func TestListenerEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var back string
	_, err := Fetch(ctx, World{Transport: unreachable{t}, Show: func(p Prompt) {
		u, err := url.Parse(p.URL)
		if err != nil {
			t.Error(err)
		}
		back = u.Query().Get("redirect_uri")
		cancel()
	}}, Request{Provider: Google, ClientID: "my-client"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	isClosed(t, back)
}
