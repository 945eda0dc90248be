package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/smtpdx/smtpdx/probe/token"
)

const (
	secretOfApp   = "canary~app~secret~0123456789"
	refreshOfTest = "1//canary-refresh-0123456789"
	codeOfTest    = "4/0canary-code-0123456789"
)

// identityServer gives tokens to whoever knows the application's secret.
type identityServer struct {
	*httptest.Server
	ca     string
	mu     sync.Mutex
	token  string
	good   string // refresh token
	grants []string
}

func startIdentity(t *testing.T) *identityServer {
	t.Helper()
	id := &identityServer{good: refreshOfTest, token: "ya29." + strings.Repeat("canary-access-", 20)}
	id.Server = httptest.NewTLSServer(id)
	t.Cleanup(id.Close)
	id.ca = filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.Certificate().Raw})
	if err := os.WriteFile(id.ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return id
}

func (id *identityServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id.mu.Lock()
	defer id.mu.Unlock()
	if r.URL.Path == "/auth" {
		back := url.Values{"state": {r.URL.Query().Get("state")}, "code": {codeOfTest}}
		http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
		return
	}
	if err := r.ParseForm(); err != nil {
		http.Error(w, "form", http.StatusBadRequest)
		return
	}
	grant := r.PostForm.Get("grant_type")
	id.grants = append(id.grants, grant)
	w.Header().Set("Content-Type", "application/json")
	body := map[string]any{"access_token": id.token, "token_type": "Bearer", "expires_in": 3600, "scope": "https://mail.google.com/"}
	switch {
	case r.PostForm.Get("client_secret") != secretOfApp:
		w.WriteHeader(http.StatusUnauthorized)
		body = map[string]any{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided: " + r.PostForm.Get("client_secret")}
	case grant == "authorization_code":
		body["refresh_token"] = id.good
	case grant == "refresh_token" && r.PostForm.Get("refresh_token") != id.good:
		w.WriteHeader(http.StatusBadRequest)
		body = map[string]any{"error": "invalid_grant", "error_description": "Token has been expired or revoked: " + r.PostForm.Get("refresh_token")}
	}
	_ = json.NewEncoder(w).Encode(body)
}

// visitor is standard error with a person before it who opens the address.
type visitor struct {
	io.Writer
	client *http.Client
	done   sync.WaitGroup
	visits int
}

func (v *visitor) Write(p []byte) (int, error) {
	if page := regexp.MustCompile(`https://\S+/auth\?\S+`).FindString(string(p)); page != "" {
		v.visits++
		v.done.Go(func() {
			if res, err := v.client.Get(page); err == nil {
				res.Body.Close()
			}
		})
	}
	return v.Writer.Write(p)
}

// fetched runs token fetch and shows what it put where.
func (id *identityServer) fetched(t *testing.T, env map[string]string, args ...string) (code int, out, errs string, visits int) {
	t.Helper()
	p, stdout, stderr := pipes(env)
	v := &visitor{Writer: stderr, client: id.Client()}
	p.err = v
	code = run(context.Background(), p, append([]string{"token", "fetch", "--ca-file", id.ca, "--auth-url", id.URL + "/auth", "--token-url", id.URL + "/token"}, args...))
	v.done.Wait()
	for _, text := range []string{stdout.String(), stderr.String()} {
		for _, canary := range []string{secretOfApp, refreshOfTest, codeOfTest} {
			if strings.Contains(text, canary) {
				t.Errorf("%v: the output holds %s:\n%s", args, canary, text)
			}
		}
	}
	if strings.Contains(stderr.String(), "canary") {
		t.Errorf("%v: standard error holds a secret:\n%s", args, stderr)
	}
	return code, stdout.String(), stderr.String(), v.visits
}

func TestTokenIsFetchedKeptAndRemovedWhenRefused(t *testing.T) {
	t.Parallel()
	id := startIdentity(t)
	cache := filepath.Join(t.TempDir(), "tokens.json")
	env := map[string]string{"APP_SECRET": secretOfApp}
	args := []string{"--provider", "google", "--client-id", "my-app", "--client-secret-env", "APP_SECRET", "-u", "anna@gmail.example", "--token-cache", cache}

	code, out, errs, visits := id.fetched(t, env, args...)
	if code != 0 || visits != 1 || !strings.Contains(out, "opaque of Google") || !strings.Contains(out, "Allows    https://mail.google.com/") || strings.Contains(out, "canary") {
		t.Fatalf("first: exit code %d, %d visits\n%s\n%s", code, visits, out, errs)
	}
	code, out, errs, visits = id.fetched(t, env, append(args, "--no-input", "--print")...)
	if code != 0 || visits != 0 || out != id.token+"\n" || errs != "" {
		t.Errorf("kept: exit code %d, %d visits\n%s\n%s", code, visits, out, errs)
	}
	id.good = "another"
	code, out, errs, visits = id.fetched(t, env, append(args, "--no-input", "--print")...)
	if code != 16 || visits != 0 || out != "" || !strings.Contains(errs, "was removed") || !strings.Contains(errs, "invalid_grant") {
		t.Errorf("revoked: exit code %d, %d visits\n%s\n%s", code, visits, out, errs)
	}
	if text, err := os.ReadFile(cache); err != nil || strings.Contains(string(text), "canary") {
		t.Errorf("the refused token is still there: %v\n%s", err, text)
	}
	if want := []string{"authorization_code", "refresh_token", "refresh_token"}; !cmp.Equal(id.grants, want) {
		t.Error(cmp.Diff(want, id.grants))
	}
}

func TestNobodyIsAskedToSignInWithoutInput(t *testing.T) {
	t.Parallel()
	id := startIdentity(t)
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
	}{"flag": {nil, []string{"--no-input"}}, "CI": {map[string]string{"CI": "true"}, nil}} {
		args := append([]string{"--provider", "google", "--client-id", "my-app", "--token-cache", filepath.Join(t.TempDir(), "x")}, c.args...)
		if code, out, errs, visits := id.fetched(t, c.env, args...); code != exitUsage || out != "" || visits != 0 || !strings.Contains(errs, "a person has to sign in") {
			t.Errorf("%s: exit code %d\n%s%s", name, code, out, errs)
		}
	}
	if id.grants != nil {
		t.Errorf("the server was asked: %v", id.grants)
	}
}

func TestRefusedFetchIsExitCode16InWordsAndJSON(t *testing.T) {
	t.Parallel()
	id := startIdentity(t)
	env := map[string]string{"APP_SECRET": "canary-wrong-secret"}
	args := []string{"--provider", "microsoft", "--tenant", "acme.example", "--client-id", "my-app", "--client-secret-env", "APP_SECRET", "-o", "json"}
	code, out, errs, _ := id.fetched(t, env, args...)
	if code != 16 || !strings.Contains(errs, "the client secret is wrong (invalid_client, AADSTS7000215)") || !strings.Contains(errs, "[hidden]") {
		t.Errorf("exit code %d\n%s", code, errs)
	}
	var d tokenJSON
	if err := json.Unmarshal([]byte(out), &d); err != nil || d.Refusal == nil || d.Refusal.Code != "invalid_client" || d.ExitCode != 16 || d.Form != nil || strings.Contains(out, "canary") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A token that Exchange would refuse is a finding, not a 535.
func TestFetchedTokenOfNoUseIsExitCode16(t *testing.T) {
	t.Parallel()
	id := startIdentity(t)
	id.token = testJWT(map[string]any{"iss": "https://sts.windows.net/x/", "aud": "https://graph.microsoft.com", "roles": []string{"Mail.Send"}, "exp": time.Now().Add(time.Hour).Unix()})
	env := map[string]string{"APP_SECRET": secretOfApp}
	args := []string{"--provider", "microsoft", "--tenant", "acme.example", "--client-id", "my-app", "--client-secret-env", "APP_SECRET"}
	if code, out, _, _ := id.fetched(t, env, args...); code != 16 || !strings.Contains(out, "FAILED: the token is for another service") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	code, out, errs, _ := id.fetched(t, env, append(args, "--print")...)
	if code != 16 || out != id.token+"\n" || !strings.Contains(errs, "the token is for another service") {
		t.Errorf("--print: exit code %d\n%s", code, errs)
	}
}

func TestServerThatCannotBeReachedIsExitCode16(t *testing.T) {
	t.Parallel()
	id := startIdentity(t)
	id.Close()
	env := map[string]string{"APP_SECRET": secretOfApp}
	code, out, errs, _ := id.fetched(t, env, "--provider", "microsoft", "--tenant", "acme.example", "--client-id", "my-app", "--client-secret-env", "APP_SECRET")
	if code != 16 || out != "" || !strings.Contains(errs, "no token from 127.0.0.1:") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

func TestInterruptedSignInIsExitCode130(t *testing.T) {
	t.Parallel()
	id := startIdentity(t)
	ctx, cancel := context.WithCancel(context.Background())
	p, out, errs := pipes(nil)
	p.err = writerFunc(func(text []byte) (int, error) {
		if strings.Contains(string(text), "/auth?") {
			cancel()
		}
		return errs.Write(text)
	})
	code := run(ctx, p, []string{"token", "fetch", "--provider", "google", "--client-id", "x", "--auth-url", id.URL + "/auth", "--token-url", id.URL + "/token", "--token-cache", filepath.Join(t.TempDir(), "x")})
	if code != exitInterrupted || out.Len() > 0 {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// testJWT has a signature that nobody checks.
func testJWT(claims map[string]any) string {
	part := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return part(map[string]string{"alg": "RS256", "typ": "JWT"}) + "." + part(claims) + "." + base64.RawURLEncoding.EncodeToString([]byte("a signature, canary"))
}

func TestTokenIsAskedForOnATerminalAndNotShown(t *testing.T) {
	t.Parallel()
	raw := testJWT(map[string]any{"iss": "https://sts.windows.net/x/", "aud": "https://outlook.office.com", "scp": "SMTP.Send", "upn": "anna@acme.example", "exp": time.Now().Add(time.Hour).Unix()})
	p, out, errs := pipes(nil)
	person := &scripted{answers: []string{raw}}
	p.ask = person
	if code := run(context.Background(), p, []string{"token", "show", "-u", "anna@acme.example"}); code != 0 || len(person.questions) != 1 || !strings.Contains(out.String(), "Nothing in it speaks against it") {
		t.Errorf("exit code %d, %q\n%s%s", code, person.questions, out, errs)
	}
	for _, piece := range strings.Split(raw, ".") {
		if strings.Contains(out.String()+errs.String(), piece) {
			t.Errorf("a part of the token is shown: %s", piece)
		}
	}
	p, out, errs = pipes(nil)
	p.ask = &scripted{answers: []string{raw}}
	if code := run(context.Background(), p, []string{"token", "show", "--no-input"}); code != exitUsage || out.Len() > 0 {
		t.Errorf("--no-input: exit code %d\n%s%s", code, out, errs)
	}
}

func TestDeviceCodeIsPutBeforeThePerson(t *testing.T) {
	t.Parallel()
	p, out, errs := pipes(nil)
	showPrompt(p, token.Prompt{URL: "https://microsoft.example/devicelogin", Code: "ABCD-EFGH", Ends: time.Now()})
	if out.Len() > 0 || !strings.Contains(errs.String(), "\n  https://microsoft.example/devicelogin\n  ABCD-EFGH ") {
		t.Errorf("%q %q", out, errs)
	}
}

func TestTokenRowsKeepWithin80Columns(t *testing.T) {
	t.Parallel()
	var words []string
	for n := range 40 {
		words = append(words, fmt.Sprintf("Scope.Number%d", n))
	}
	raw := testJWT(map[string]any{"iss": "https://sts.windows.net/x/", "aud": "https://graph.microsoft.com", "scp": strings.Join(words, " "), "exp": 1})
	p, out, _ := pipes(map[string]string{"SMTPDX_TOKEN": raw})
	if code := run(context.Background(), p, []string{"token", "show"}); code != 16 {
		t.Errorf("exit code %d", code)
	}
	for line := range strings.Lines(out.String()) {
		if len(strings.TrimRight(line, "\n")) > plainWidth {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}
