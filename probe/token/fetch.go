package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/oauth2/jwt"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// signInTime is how long a person may take to sign in.
const signInTime = 15 * time.Minute

// World is what a fetch may use of the world outside; nil fields have nothing.
type World struct {
	Transport http.RoundTripper // nil: the real network
	Store     Store             // where refresh tokens are kept
	Show      func(Prompt)      // puts before a person what is needed to sign in; nil: nobody is there
	Note      func(text string) // what happened to a kept refresh token, for a person
}

// Prompt is what a person needs to sign in.
type Prompt struct {
	URL  string
	Code string    // to enter there; "" when the URL is all
	Ends time.Time // the code is good until then
}

// Grant is a token that was given.
type Grant struct {
	Access  secret.Value
	Refresh secret.Value // unset where none was given
	Expires time.Time    // zero where the server does not say
	Scopes  []string     // nil where the server does not say
}

// Fetch goes one flow to its end, without looking for anything kept. Errors
// are *RequestError before anything is contacted, *RefusedError, *FailedError,
// ErrNobody, or that of ctx.
func Fetch(ctx context.Context, w World, r Request) (Grant, error) {
	r, err := r.Check()
	if err != nil {
		return Grant{}, err
	}
	if r.Flow.WantsPerson() && w.Show == nil {
		return Grant{}, ErrNobody
	}
	return newConversation(ctx, w, r).fetch()
}

// Refresh gives a new access token for a kept refresh token.
func Refresh(ctx context.Context, w World, r Request, kept secret.Value) (Grant, error) {
	r, err := r.Check()
	if err != nil {
		return Grant{}, err
	}
	c := newConversation(ctx, w, r)
	return c.grant(c.config.TokenSource(c.ctx, &oauth2.Token{RefreshToken: kept.Reveal()}).Token())
}

// ErrNobody tells that a person would have to sign in and nobody is there.
var ErrNobody = errors.New("a person has to sign in for this token, and nobody can be asked")

// conversation is one fetch with one identity server.
type conversation struct {
	ctx     context.Context // carries the HTTP client to the library
	world   World
	request Request
	config  oauth2.Config
	line    *line
}

func newConversation(ctx context.Context, w World, r Request) *conversation {
	next := w.Transport
	if next == nil {
		next = Transport(nil)
	}
	c := &conversation{world: w, request: r, line: &line{ctx: ctx, next: next}}
	c.line.redactor.Learn(r.ClientSecret.Reveal())
	c.ctx = context.WithValue(ctx, oauth2.HTTPClient, c.line.client())
	c.config = oauth2.Config{ClientID: r.ClientID, ClientSecret: r.ClientSecret.Reveal(), Endpoint: r.endpoint(), Scopes: r.scopes()}
	return c
}

func (c *conversation) fetch() (Grant, error) {
	switch c.request.Flow {
	case Device:
		return c.device()
	case Browser:
		return c.browser()
	case ServiceAccount:
		return c.serviceAccount()
	}
	return c.clientCredentials()
}

// grant takes what the library gives, and explains its errors.
func (c *conversation) grant(t *oauth2.Token, err error) (Grant, error) {
	if err != nil {
		return Grant{}, c.line.explain(c.request, err)
	}
	if t.AccessToken == "" {
		return Grant{}, c.line.failure(nil, "its answer has no token in it")
	}
	if !strings.EqualFold(t.Type(), "Bearer") {
		return Grant{}, c.line.failure(nil, "what it gave is no bearer token")
	}
	g := Grant{Access: secret.New(t.AccessToken), Expires: t.Expiry}
	if t.RefreshToken != "" {
		g.Refresh = secret.New(t.RefreshToken)
	}
	if scope, ok := t.Extra("scope").(string); ok {
		g.Scopes = strings.Fields(secret.Clean(scope))
	}
	return g, nil
}

func (c *conversation) clientCredentials() (Grant, error) {
	config := clientcredentials.Config{ClientID: c.config.ClientID, ClientSecret: c.config.ClientSecret,
		TokenURL: c.config.Endpoint.TokenURL, Scopes: c.config.Scopes, AuthStyle: oauth2.AuthStyleInParams}
	return c.grant(config.Token(c.ctx))
}

// key is what of a service account's JSON file is needed.
type key struct {
	Type     string `json:"type"`
	Email    string `json:"client_email"`
	ID       string `json:"private_key_id"`
	Private  string `json:"private_key"`
	TokenURL string `json:"token_uri"`
}

// readKey never repeats what stands in the file.
func readKey(text secret.Value) (key, *RequestError) {
	const hint = "Google Cloud console > IAM > Service accounts > the account > Keys > Add key > JSON."
	var k key
	switch err := json.Unmarshal([]byte(text.Reveal()), &k); {
	case err != nil:
		return key{}, wrong("key", hint, "the key is not the JSON file of a service account")
	case k.Type != "service_account":
		return key{}, wrong("key", hint, "the JSON file is not that of a service account (its type says so)")
	case k.Email == "" || k.Private == "":
		return key{}, wrong("key", hint, "client_email or private_key is missing in the JSON file")
	case k.TokenURL != "" && !strings.HasPrefix(k.TokenURL, "https://"):
		return key{}, wrong("key", hint, "token_uri in the JSON file is no https URL")
	}
	return k, nil
}

func (c *conversation) serviceAccount() (Grant, error) {
	k, wrongKey := readKey(c.request.Key)
	if wrongKey != nil {
		return Grant{}, wrongKey
	}
	c.line.redactor.Learn(k.Private)
	config := jwt.Config{Email: k.Email, PrivateKey: []byte(k.Private), PrivateKeyID: k.ID, Subject: c.request.Account,
		Scopes: c.config.Scopes, TokenURL: c.config.Endpoint.TokenURL}
	if k.TokenURL != "" && c.request.Endpoints.Token == "" {
		config.TokenURL = k.TokenURL
	}
	g, err := c.grant(config.TokenSource(c.ctx).Token())
	var failed *FailedError
	if errors.As(err, &failed) && failed.Host == "" { // nothing was sent
		return Grant{}, wrong("key", "Take the JSON file as Google gave it.", "the private key in the JSON file cannot be read")
	}
	return g, err
}

// device shows a code and waits until somebody has entered it.
func (c *conversation) device() (Grant, error) {
	asked, err := c.config.DeviceAuth(c.ctx)
	if err != nil {
		return Grant{}, c.line.explain(c.request, err)
	}
	if asked.DeviceCode == "" || asked.UserCode == "" || !strings.HasPrefix(asked.VerificationURI, "https://") {
		return Grant{}, c.line.failure(nil, "its answer has no code and no page to enter it")
	}
	bound(asked)
	c.world.Show(Prompt{URL: secret.Clean(asked.VerificationURI), Code: secret.Clean(asked.UserCode), Ends: asked.Expiry})
	return c.poll(asked)
}

// bound keeps what the server says of times within reason: the library's
// ticker panics at a negative interval.
func bound(asked *oauth2.DeviceAuthResponse) {
	if asked.Interval == 0 {
		asked.Interval = 5 // RFC 8628 section 3.2
	}
	asked.Interval = min(max(asked.Interval, 1), 60)
	if latest := time.Now().Add(signInTime); asked.Expiry.IsZero() || asked.Expiry.After(latest) {
		asked.Expiry = latest
	}
}

// poll asks until the code is entered, refused or too old; an exchange that
// got lost in between is made again, at longer intervals (RFC 8628 section 3.5).
func (c *conversation) poll(asked *oauth2.DeviceAuthResponse) (Grant, error) {
	for {
		t, err := c.config.DeviceAccessToken(c.ctx, asked)
		switch {
		case err == nil:
			return c.grant(t, nil)
		case c.line.ctx.Err() != nil:
			return Grant{}, c.line.ctx.Err()
		case !time.Now().Before(asked.Expiry):
			return Grant{}, c.line.failure(err, "nobody has entered the code in time")
		case !isLost(c.line.failed):
			return c.grant(nil, err)
		}
		asked.Interval *= 2
	}
}

// isLost: the network swallowed or broke an exchange.
func isLost(err error) bool {
	var failed *net.OpError
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &failed)
}

// browser has a person sign in with a browser on this computer.
func (c *conversation) browser() (Grant, error) {
	back, err := listen(c.ctx)
	if err != nil {
		return Grant{}, &FailedError{Text: "no port on this computer for the browser to return to: " + err.Error(), err: err}
	}
	defer back.close()
	verifier := oauth2.GenerateVerifier()
	c.config.RedirectURL = back.url
	c.world.Show(Prompt{URL: c.config.AuthCodeURL(back.state, c.signIn(verifier)...)})
	got, err := back.wait(c.ctx)
	switch {
	case err != nil && c.line.ctx.Err() != nil:
		return Grant{}, c.line.ctx.Err()
	case err != nil:
		return Grant{}, &FailedError{Text: fmt.Sprintf("nobody has signed in within %v", signInTime), err: err}
	case got.code == "":
		c.line.host, c.line.last = "the sign-in page", &answer{code: got.failure, description: got.description}
		return Grant{}, c.line.refusal(c.request)
	}
	return c.grant(c.config.Exchange(c.ctx, got.code, oauth2.VerifierOption(verifier)))
}

// signIn are the parameters of the page: offline and consent, since otherwise
// a refresh token comes only the first time.
func (c *conversation) signIn(verifier string) []oauth2.AuthCodeOption {
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oauth2.AccessTypeOffline, oauth2.ApprovalForce}
	if c.request.Account != "" {
		options = append(options, oauth2.SetAuthURLParam("login_hint", c.request.Account))
	}
	return options
}
