package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// tokenDesk is a mail server that takes tokens only, and a profile for it.
type tokenDesk struct {
	server     *smtptest.Server
	good       string // the token that it takes
	dir, cache string
}

func newTokenDesk(t *testing.T) *tokenDesk {
	t.Helper()
	d, known := smtptest.Lookup("healthy-long-token")
	if !known {
		t.Fatal("no dialogue with a token")
	}
	server, err := smtptest.Start(t.Context(), d, smtptest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	k := &tokenDesk{server: server, good: d.Settings.Token, dir: t.TempDir()}
	k.cache = filepath.Join(k.dir, "tokens.json")
	if err := os.WriteFile(filepath.Join(k.dir, "ca.pem"), server.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	return k
}

// profile writes the settings with this token: and gives the arguments to check them.
func (k *tokenDesk) profile(t *testing.T, token string, more ...string) []string {
	t.Helper()
	file := filepath.Join(k.dir, "smtpdx.yaml")
	text := fmt.Sprintf("host: localhost\nport: %d\nfamily: 4\nencryption: starttls\naccount: jobs@acme.example\nto: someone@recipient.example\nca_file: ca.pem\ntoken: %s\n", k.server.Port(), token)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return append([]string{"check", "-c", file, "-o", "json"}, more...)
}

// sawLogin tells whether the mail server was asked to log somebody in.
func (k *tokenDesk) sawLogin() bool {
	return strings.Contains(strings.Join(k.server.Transcript(), "\n"), " C: AUTH ")
}

// byItself is the token: of an application that signs in on its own.
func (id *identityServer) byItself() string {
	return "{oauth: microsoft, flow: client-credentials, client_id: my-app, tenant: acme.example, client_secret: {env: APP_SECRET}, token_url: " + id.URL + "/token}"
}

// byPerson is the token: for which somebody has to sign in.
func (id *identityServer) byPerson() string {
	return "{oauth: google, client_id: my-app, client_secret: {env: APP_SECRET}, auth_url: " + id.URL + "/auth, token_url: " + id.URL + "/token, token_cache: tokens.json}"
}

// trusting runs the program as a process of its own: only a new one takes the
// identity server's certificate for one of the system's.
func (id *identityServer) trusting(t *testing.T, env map[string]string, args []string) (code int, out, errs string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SSL_CERT_FILE is read on Linux only")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "smtpdx", args...)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+id.ca, "SSL_CERT_DIR=/nowhere", "HOME="+t.TempDir(), "CI=true")
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if text := stdout.String() + stderr.String(); strings.Contains(text, "canary") {
		t.Errorf("the output holds a secret:\n%s", text)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

func TestATokenThatCannotBeFetchedAsDescribedIsExitCode2(t *testing.T) {
	t.Parallel()
	k := newTokenDesk(t)
	for _, c := range []struct{ token, text, hint string }{
		{"{oauth: google}", "token: client_id: the id of your own application (client id) is missing", "Google Cloud console"},
		{"{oauth: google, client_id: a b}", "token: client_id: this is no client id", "Desktop app"},
		{"{oauth: google, client_id: x, flow: device}", "token: flow: Google's device flow gives no tokens for mail", "browser"},
		{"{oauth: microsoft, client_id: x, flow: browser}", "token: flow: microsoft has no such flow", "device or client-credentials"},
		{"{oauth: microsoft, client_id: x, tenant: a/b}", "token: tenant: this is no tenant", "onmicrosoft.com"},
		{"{oauth: microsoft, client_id: x, client_secret: {env: APP_SECRET}}", "token: tenant: an application that signs in on its own must name its tenant", "onmicrosoft.com"},
		{"{oauth: microsoft, client_id: x, tenant: acme.example, flow: client-credentials}", "token: client_secret: an application that signs in on its own needs its client secret", "Certificates"},
		{"{oauth: microsoft, client_id: x, authority: http://login.example}", "token: authority: this is no https URL", "https://"},
		{"{oauth: google, client_id: x, token_url: https://me:canary@login.example/t}", "token: token_url: this is no https URL", "https://"},
		{"{oauth: google, flow: service-account}", "token: key: a service account needs its key", "JSON"},
		{"{oauth: google, key: {env: APP_SECRET}}", "token: key: the key is not the JSON file of a service account", "JSON"},
		{"{oauth: yahoo}", "tokens come from microsoft or google", "oauth: google"},
	} {
		p, out, errs := pipes(map[string]string{"APP_SECRET": secretOfApp})
		args := k.profile(t, c.token)
		if code := run(context.Background(), p, args); code != exitUsage {
			t.Errorf("%s: exit code %d\n%s%s", c.token, code, out, errs)
		}
		place := filepath.Join(k.dir, "smtpdx.yaml") + ":8:"
		for _, want := range []string{place, c.text, c.hint} {
			if !strings.Contains(errs.String(), want) {
				t.Errorf("%s: standard error does not hold %q\n%s", c.token, want, errs)
			}
		}
		if !strings.Contains(out.String(), `"failed_step": "settings"`) || strings.Contains(out.String()+errs.String(), "canary") {
			t.Errorf("%s: no report of bad settings, or it holds a secret\n%s%s", c.token, out, errs)
		}
	}
	if n := k.server.Connections(); n > 0 {
		t.Errorf("%d connections", n)
	}
}

func TestATokenIsFetchedWhenTheLoginIsReached(t *testing.T) {
	t.Parallel()
	id, k := startIdentity(t), newTokenDesk(t)
	id.token = k.good
	code, out, errs := id.trusting(t, map[string]string{"APP_SECRET": secretOfApp}, k.profile(t, id.byItself(), "-v"))
	if code != 0 || !k.sawLogin() || len(id.grants) != 1 || strings.Contains(out+errs, k.good[:40]) {
		t.Errorf("exit code %d, fetched %v\n%s%s", code, id.grants, out, errs)
	}
}

func TestNoTokenIsFetchedWhereNoLoginIsPlanned(t *testing.T) {
	t.Parallel()
	id, k := startIdentity(t), newTokenDesk(t)
	p, out, errs := pipes(nil)
	if code := run(context.Background(), p, k.profile(t, id.byItself(), "--until", "ehlo-tls")); code != 0 || id.grants != nil || k.sawLogin() {
		t.Errorf("exit code %d, fetched %v\n%s%s", code, id.grants, out, errs)
	}
}

func TestNobodyIsAskedToSignInForACheckWithoutATerminal(t *testing.T) {
	t.Parallel()
	id := startIdentity(t)
	for name, c := range map[string]struct {
		isThere bool
		env     map[string]string
		args    []string
	}{"no terminal": {}, "flag": {isThere: true, args: []string{"--no-input"}}, "CI": {isThere: true, env: map[string]string{"CI": "true"}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newTokenDesk(t)
			env := map[string]string{"APP_SECRET": secretOfApp}
			for name, value := range c.env {
				env[name] = value
			}
			p, out, errs := pipes(env)
			person := &scripted{}
			if c.isThere {
				p.ask = person
			}
			code := run(context.Background(), p, k.profile(t, id.byPerson(), c.args...))
			mustFailWithout(t, k, code, out.String(), "nobody can be asked; sign in once with smtpdx token fetch")
			if strings.Contains(errs.String(), "open this") || len(person.questions) > 0 {
				t.Errorf("somebody was asked: %s%v", errs, person.questions)
			}
		})
	}
}

// mustFailWithout demands the finding about the token, and that none was sent.
func mustFailWithout(t *testing.T, k *tokenDesk, code int, out, says string) {
	t.Helper()
	for _, want := range []string{`"failed_step": "auth"`, `"cause": "auth-oauth-token-invalid"`, says} {
		if !strings.Contains(out, want) {
			t.Errorf("the report does not hold %q\n%s", want, out)
		}
	}
	if code != 16 || k.sawLogin() || k.server.Connections() == 0 {
		t.Errorf("exit code %d, %d connections\n%s", code, k.server.Connections(), strings.Join(k.server.Transcript(), "\n"))
	}
	if bad := k.server.Violations(); len(bad) > 0 {
		t.Errorf("the server complains: %v", bad)
	}
	if strings.Contains(out, "canary") {
		t.Errorf("the report holds a secret\n%s", out)
	}
}

func TestAFetchThatFailsIsAFindingOfTheLogin(t *testing.T) {
	t.Parallel()
	t.Run("not trusted", func(t *testing.T) {
		t.Parallel()
		id, k := startIdentity(t), newTokenDesk(t)
		p, out, _ := pipes(map[string]string{"APP_SECRET": secretOfApp})
		mustFailWithout(t, k, run(context.Background(), p, k.profile(t, id.byItself())), out.String(), "no token from 127.0.0.1:")
		if id.grants != nil {
			t.Errorf("asked for %v", id.grants)
		}
	})
	t.Run("not there", func(t *testing.T) {
		t.Parallel()
		id, k := startIdentity(t), newTokenDesk(t)
		id.Close()
		p, out, _ := pipes(map[string]string{"APP_SECRET": secretOfApp})
		mustFailWithout(t, k, run(context.Background(), p, k.profile(t, id.byItself())), out.String(), "no token from 127.0.0.1:")
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		id, k := startIdentity(t), newTokenDesk(t)
		code, out, _ := id.trusting(t, map[string]string{"APP_SECRET": "canary-wrong-secret"}, k.profile(t, id.byItself()))
		mustFailWithout(t, k, code, out, "the client secret is wrong (invalid_client, AADSTS7000215)")
	})
	t.Run("kept sign-in refused", func(t *testing.T) {
		t.Parallel()
		id, k := startIdentity(t), newTokenDesk(t)
		kept := `{"schema": "smtpdx.token-cache/v1", "refresh_tokens": {"google my-app  jobs@acme.example": "1//canary-old"}}`
		if err := os.WriteFile(k.cache, []byte(kept), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := id.trusting(t, map[string]string{"APP_SECRET": secretOfApp}, k.profile(t, id.byPerson()))
		mustFailWithout(t, k, code, out, "(invalid_grant)")
		text, err := os.ReadFile(k.cache)
		if err != nil || strings.Contains(string(text), "canary") || !strings.Contains(errs, "was removed") {
			t.Errorf("%v\n%s\n%s", err, text, errs)
		}
	})
	t.Run("cache that others read", func(t *testing.T) {
		t.Parallel()
		if runtime.GOOS == "windows" {
			t.Skip("there is no mode to see")
		}
		id, k := startIdentity(t), newTokenDesk(t)
		if err := os.WriteFile(k.cache, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(k.cache, 0o644); err != nil {
			t.Fatal(err)
		}
		p, out, _ := pipes(map[string]string{"APP_SECRET": secretOfApp})
		mustFailWithout(t, k, run(context.Background(), p, k.profile(t, id.byPerson())), out.String(), "others may read it")
	})
}

func TestATokenThatNoServerTakesIsNotSent(t *testing.T) {
	t.Parallel()
	graph := testJWT(map[string]any{"iss": "https://sts.windows.net/x/", "aud": "https://graph.microsoft.com", "scp": "SMTP.Send", "exp": time.Now().Add(time.Hour).Unix()})
	expired := testJWT(map[string]any{"iss": "https://login.example", "aud": "https://mail.example", "exp": time.Now().Add(-time.Hour).Unix()})
	for name, c := range map[string]struct{ token, says string }{
		"wrong audience": {graph, "the token is for another service"},
		"expired":        {expired, "the token has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newTokenDesk(t)
			p, out, _ := pipes(map[string]string{"TOKEN": c.token})
			code := run(context.Background(), p, k.profile(t, "{env: TOKEN}"))
			if name == "wrong audience" { // a server of one's own may take it
				if code != 16 || !k.sawLogin() || !strings.Contains(out.String(), c.says) {
					t.Errorf("exit code %d\n%s", code, out)
				}
				return
			}
			mustFailWithout(t, k, code, out.String(), c.says)
		})
		t.Run(name+", fetched", func(t *testing.T) {
			t.Parallel()
			id, k := startIdentity(t), newTokenDesk(t)
			id.token = c.token
			code, out, _ := id.trusting(t, map[string]string{"APP_SECRET": secretOfApp}, k.profile(t, id.byItself()))
			mustFailWithout(t, k, code, out, c.says)
		})
	}
}

// A server decides about what is only unlikely.
func TestATokenOfAnotherUserIsSentAndRemarked(t *testing.T) {
	t.Parallel()
	k := newTokenDesk(t)
	token := testJWT(map[string]any{"iss": "https://login.example", "email": "boss@acme.example", "exp": time.Now().Add(time.Hour).Unix()})
	p, out, errs := pipes(map[string]string{"TOKEN": token})
	code := run(context.Background(), p, k.profile(t, "{env: TOKEN}"))
	if code != 16 || !k.sawLogin() || !strings.Contains(out.String(), "boss@acme.example") || !strings.Contains(out.String(), "the token is of another user than the account") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

func TestInterruptedSignInOfACheckIsExitCode130(t *testing.T) {
	t.Parallel()
	id, k := startIdentity(t), newTokenDesk(t)
	ctx, cancel := context.WithCancel(context.Background())
	p, out, errs := pipes(map[string]string{"APP_SECRET": secretOfApp})
	p.ask = &scripted{}
	var asked sync.Once
	p.err = writerFunc(func(text []byte) (int, error) {
		if regexp.MustCompile(`https://\S+/auth\?`).Match(text) {
			asked.Do(cancel)
		}
		return errs.Write(text)
	})
	code := run(ctx, p, k.profile(t, id.byPerson()))
	if code != exitInterrupted || !strings.Contains(out.String(), `"interrupted": true`) || k.sawLogin() || strings.Contains(out.String(), "canary") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}
