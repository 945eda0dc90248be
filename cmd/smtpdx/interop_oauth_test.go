//go:build linux

package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// The hosts at which Dovecot validates tokens in its two ways.
const (
	byKey           = "smtp.acme.example"       // the signature, on its own
	byIntrospection = "introspect.acme.example" // asks the identity server
)

// oauthLab is the world with an identity server in it, and what came of each case.
type oauthLab struct {
	*world
	id   *identity
	home string
	rows map[string]oauthRow
}

type oauthRow struct {
	got, want row
	ok        bool
}

// logsInWithTokens has people sign in at an identity server, takes their
// tokens through Postfix into Dovecot, and sees what becomes of bad ones.
func (w *world) logsInWithTokens(t *testing.T) {
	w.canRun(t, interopCase{})
	w.startIntrospection(t)
	lab := &oauthLab{world: w, id: startIdentity(t), home: root + "/home/oauth", rows: map[string]oauthRow{}}
	if err := os.MkdirAll(lab.home, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lab.print(os.Stdout) })
	for _, c := range signIns {
		t.Run(c.name, func(t *testing.T) { lab.signIn(t, c) })
	}
	for _, c := range tokenCases() {
		t.Run(c.name, func(t *testing.T) { lab.logIn(t, c) })
	}
	t.Run("no-secret-in-files", lab.leftNoSecret)
	t.Run("complete", lab.isComplete)
}

// startIntrospection starts the Dovecot that shows each token to the identity server.
func (w *world) startIntrospection(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"run", "state"} {
		if err := os.MkdirAll(root+"/dovecot/introspection/"+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	roots, err := os.ReadFile(caFile) // which only root may read
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/dovecot/introspection/root.pem", roots, 0o644); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("dovecot")
	if err != nil {
		missing(t, err.Error())
	}
	start(t, "dovecot-introspection", path, []string{"-F", "-c", root + "/etc/dovecot/introspection.conf"})
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(root + "/run/auth-introspection"); err == nil {
			return
		}
	}
	t.Fatal("the Dovecot that introspects does not listen")
}

// signIn is one call of token fetch, with a person before it.
type signInCase struct {
	name   string
	args   []string
	cache  string
	user   string // who sits there, "" for nobody
	answer string // "" for agree
	want   row
	says   string // in the answer or beside it
}

// The arguments by which each provider's flow is asked for.
var (
	byDevice  = []string{"--provider", "microsoft", "--flow", "device", "--client-id", publicApp, "--authority", issuer}
	byBrowser = []string{"--provider", "google", "--flow", "browser", "--client-id", secretApp, "--client-secret-env", "APP_SECRET", "--auth-url", issuer + "/google/auth", "--token-url", issuer + "/google/token"}
	byURLs    = []string{"--provider", "microsoft", "--client-id", publicApp, "--device-url", issuer + "/common/oauth2/v2.0/devicecode", "--token-url", issuer + "/common/oauth2/v2.0/token"}
	forGraph  = []string{"--scope", "https://graph.microsoft.com/SMTP.Send", "--scope", "offline_access"}
)

var given = row{"-", "-", 0, "pass"}

// noToken is a fetch that ends without a token, or with one of no use.
func noToken(cause string) row { return row{"token", cause, 16, "fail"} }

var signIns = []signInCase{
	{name: "device-granted", args: byDevice, cache: "microsoft.json", user: jobs, want: given},
	{name: "browser-granted", args: byBrowser, cache: "google.json", user: jobs, want: given},
	{name: "device-kept", args: byDevice, cache: "microsoft.json", want: given},
	{name: "browser-kept", args: byBrowser, cache: "google.json", want: given},
	{name: "device-declined", args: byURLs, cache: "declined.json", user: jobs, answer: "no", want: noToken("auth-oauth-token-invalid"), says: "authorization_declined"},
	{name: "browser-declined", args: byBrowser, cache: "declined.json", user: jobs, answer: "no", want: noToken("auth-oauth-token-invalid"), says: "access_denied"},
	{name: "device-another-user", args: byDevice, cache: "another.json", user: boss, want: row{"-", "auth-oauth-token-invalid", 0, "warn"}, says: boss},
	{name: "device-wrong-audience", args: append(forGraph, byDevice...), cache: "graph.json", user: jobs, want: noToken("auth-oauth-token-invalid"), says: "graph.microsoft.com"},
	{name: "browser-to-be-revoked", args: byBrowser, cache: "revoked.json", user: "anna@acme.example", want: row{"-", "auth-oauth-token-invalid", 0, "warn"}, says: "anna@acme.example"},
	{name: "nobody-there", args: byDevice, cache: "nobody.json", want: row{"-", "-", 2, "fail"}, says: "nobody can be asked"},
}

func (lab *oauthLab) signIn(t *testing.T, c signInCase) {
	t.Helper()
	args := append([]string{"token", "fetch", "-u", jobs, "--ca-file", caFile, "--token-cache", filepath.Join(lab.home, c.cache), "-o", "json"}, c.args...)
	if c.user == "" {
		args = append(args, "--no-input")
	}
	answer := c.answer
	if answer == "" {
		answer = "agree"
	}
	p := lab.watched(t, lab.id.person(t, c.user, answer), c.user == "", args...)
	got := tokenRow(t, p)
	lab.note(t, c.name, c.want, got, args, p)
	if !strings.Contains(p.out+p.complaints, c.says) {
		t.Errorf("it does not say %q\n%s\n%s", c.says, p.out, p.complaints)
	}
}

// tokenRow is what smtpdx.token/v1 comes to.
func tokenRow(t *testing.T, p printed) row {
	t.Helper()
	got := row{"-", "-", p.exit, "pass"}
	if p.exit != 0 {
		got.verdict = "fail"
	}
	if p.exit == 2 { // nothing on standard output
		return got
	}
	var d struct {
		Length   int
		Problems []struct{ Cause string }
		Refusal  *struct{ Cause string }
	}
	if err := json.Unmarshal([]byte(p.out), &d); err != nil {
		t.Errorf("no document: %v\n%s\n%s", err, p.out, p.complaints)
	}
	if d.Refusal == nil && d.Length != 3000 {
		t.Errorf("a token of %d characters", d.Length)
	}
	switch {
	case d.Refusal != nil:
		got.cause = d.Refusal.Cause
	case len(d.Problems) > 0:
		got.cause = d.Problems[0].Cause
	}
	switch {
	case p.exit != 0:
		got.step = "token"
	case got.cause != "-":
		got.verdict = "warn"
	}
	return got
}

// screen is standard error with a person before it, who acts once.
type screen struct {
	text bytes.Buffer
	acts sync.WaitGroup
	act  func(page, code string) error
	err  error
	seen bool
}

// prompted finds the page, and the code where there is one, in what was printed.
var prompted = regexp.MustCompile(`(?m)^  (https://\S+)\n(?:  ([A-Z0-9]{4}-[A-Z0-9]{4}) .*\n)?`)

func (s *screen) Write(b []byte) (int, error) {
	s.text.Write(b)
	found := prompted.FindStringSubmatch(s.text.String())
	if s.seen || found == nil {
		return len(b), nil
	}
	s.seen = true
	s.acts.Go(func() { s.err = s.act(found[1], found[2]) })
	return len(b), nil
}

// watched runs the program with a person who does what it asks for.
func (lab *oauthLab) watched(t *testing.T, who *person, alone bool, args ...string) printed {
	t.Helper()
	binary, err := lab.binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.WaitDelay = lab.home, time.Second
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + root + "/home", "LC_ALL=C.UTF-8", "APP_SECRET=" + appSecret}
	var out bytes.Buffer
	before := &screen{act: func(page, code string) error {
		if code == "" {
			return who.signsIn(page)
		}
		return who.entersCode(page, code)
	}}
	cmd.Stdout, cmd.Stderr = &out, before
	err = cmd.Run()
	before.acts.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Errorf("smtpdx: %v, %v", err, ctx.Err())
	}
	if before.err != nil {
		t.Errorf("the person: %v", before.err)
	}
	if before.seen == alone {
		t.Errorf("a person was asked: %v\n%s", before.seen, before.text.String())
	}
	p := printed{out: out.String(), complaints: before.text.String(), exit: cmd.ProcessState.ExitCode()}
	lab.showsNoSecret(t, p)
	return p
}

// note keeps the row of a case and compares it.
func (lab *oauthLab) note(t *testing.T, name string, want, got row, args []string, p printed) {
	t.Helper()
	if got != want {
		t.Errorf("came to %v, expected %v\nsmtpdx %s\n%s\n%s", got, want, strings.Join(args, " "), p.complaints, p.out)
	}
	lab.rows[name] = oauthRow{got, want, got == want}
}

// tokenCase is one check with a token.
type tokenCase struct {
	name    string
	host    string
	auth    string
	token   func(*identity) string // handed over in a variable
	profile string                 // or the token: of a settings file
	before  func(*identity)
	more    []string
	unknown bool // the identity server's authority is not trusted

	want row
	sent bool   // the server was shown the token
	says string // in a finding
}

// The tokens of profiles whose sign-ins are kept.
const (
	ofMicrosoft = "{oauth: microsoft, client_id: " + publicApp + ", authority: " + issuer + ", token_cache: "
	ofGoogle    = "{oauth: google, client_id: " + secretApp + ", client_secret: {env: APP_SECRET}, auth_url: " + issuer + "/google/auth, token_url: " + issuer + "/google/token, token_cache: "
)

// badToken is a token that is refused, before or by the server.
var badToken = failsAt("auth", "auth-oauth-token-invalid", 16)

func signed(g grant) func(*identity) string { return func(id *identity) string { return id.signed(g) } }
func unreadable(g grant) func(*identity) string {
	return func(id *identity) string { return id.unreadable(g) }
}

// tokenCases are the table of the expected.
func tokenCases() []tokenCase {
	good := grant{user: jobs, audience: exchangeOnline, scope: "SMTP.Send"}
	expired := grant{user: jobs, audience: exchangeOnline, scope: "SMTP.Send", isExpired: true}
	graph := grant{user: jobs, audience: "https://graph.microsoft.com", scope: "SMTP.Send"}
	another := grant{user: boss, audience: exchangeOnline, scope: "SMTP.Send"}
	cases := goodTokenCases(good)
	for _, host := range []string{byKey, byIntrospection} {
		at := "-" + strings.TrimSuffix(host, ".acme.example")
		cases = append(cases,
			tokenCase{name: "expired" + at, host: host, token: signed(expired), want: badToken, says: "the token has expired"},
			tokenCase{name: "expired-opaque" + at, host: host, token: unreadable(expired), sent: true, want: badToken},
			tokenCase{name: "encrypted" + at, host: host, token: encrypted, sent: true, want: badToken},
			tokenCase{name: "forged" + at, host: host, token: forged(good), sent: true, want: badToken},
			tokenCase{name: "damaged" + at, host: host, token: cut(good), want: badToken, says: "the token is damaged"},
			tokenCase{name: "wrong-audience-preset" + at, host: host, token: signed(graph), more: []string{"--preset", "microsoft-365"}, want: badToken, says: "the token is for another service"},
			tokenCase{name: "wrong-audience-profile" + at, host: host, profile: ofMicrosoft + "graph.json}", want: badToken, says: "the token is for another service"},
			tokenCase{name: "another-user" + at, host: host, token: signed(another), sent: true, want: badToken, says: boss},
			tokenCase{name: "another-user-bearer" + at, host: host, auth: "OAUTHBEARER", token: signed(another), sent: true, want: badToken, says: boss},
			tokenCase{name: "another-user-profile" + at, host: host, profile: ofMicrosoft + "another.json}", sent: true, want: badToken, says: boss},
		)
	}
	return append(cases,
		tokenCase{name: "opaque", host: byIntrospection, token: unreadable(good), sent: true, want: trusted},
		tokenCase{name: "another-user-opaque", host: byIntrospection, token: unreadable(another), sent: true, want: badToken},
		tokenCase{name: "wrong-audience-unknown-provider", host: byIntrospection, token: signed(graph), sent: true, want: badToken},
		tokenCase{name: "nobody-signed-in", host: byKey, profile: ofMicrosoft + "empty.json}", want: badToken, says: "nobody can be asked"},
		tokenCase{name: "kept-sign-in-revoked", host: byKey, profile: ofGoogle + "revoked.json}", before: func(id *identity) { id.revoke("anna@acme.example") }, want: badToken, says: "invalid_grant"},
		tokenCase{name: "app-secret-wrong", host: byKey, profile: strings.Replace(ofGoogle, "APP_SECRET", "WRONG_SECRET", 1) + "google.json}", want: badToken, says: "invalid_client"},
		tokenCase{name: "identity-not-trusted", host: byKey, profile: ofMicrosoft + "microsoft.json}", unknown: true, want: badToken, says: "unknown authority"},
		tokenCase{name: "stops-before-login", host: byKey, profile: ofMicrosoft + "microsoft.json}", unknown: true, more: []string{"--until", "ehlo-tls"}, want: trusted},
	)
}

// goodTokenCases: both mechanisms, both ways to validate, and both providers.
func goodTokenCases(good grant) (cases []tokenCase) {
	for _, host := range []string{byKey, byIntrospection} {
		at := "-" + strings.TrimSuffix(host, ".acme.example")
		for _, auth := range []string{"XOAUTH2", "OAUTHBEARER"} {
			name := strings.ToLower(auth) + at
			cases = append(cases,
				tokenCase{name: name, host: host, auth: auth, token: signed(good), sent: true, want: trusted},
				tokenCase{name: name + "-microsoft-profile", host: host, auth: auth, profile: ofMicrosoft + "microsoft.json}", sent: true, want: trusted},
				tokenCase{name: name + "-google-profile", host: host, auth: auth, profile: ofGoogle + "google.json}", sent: true, want: trusted})
		}
	}
	return cases
}

// encrypted has the five parts of RFC 7516.
func encrypted(id *identity) string {
	id.mu.Lock()
	defer id.mu.Unlock()
	return "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0.." + id.invent("iv") + "." + id.invent("text") + "." + id.invent("tag")
}

// forged is signed by somebody else.
func forged(g grant) func(*identity) string {
	return func(id *identity) string {
		token := id.signed(g)
		other := &identity{key: bytes.Repeat([]byte{7}, 32), life: id.life}
		head := token[:strings.LastIndex(token, ".")]
		return head + "." + strings.TrimPrefix(other.signed(g)[strings.LastIndex(other.signed(g), "."):], ".")
	}
}

// cut is what is left of a token in a field that is too short.
func cut(g grant) func(*identity) string {
	return func(id *identity) string { return id.signed(g)[:255] }
}

func (lab *oauthLab) logIn(t *testing.T, c tokenCase) {
	t.Helper()
	if c.before != nil {
		c.before(lab.id)
	}
	args, env := lab.tokenArguments(t, c)
	log, asked := lab.readLog(), lab.id.introspected()
	p := lab.smtpdx(t, 15*time.Second, env, append(args, "-o", "json", "-v")...)
	var d document
	if err := json.Unmarshal([]byte(p.out), &d); err != nil || len(d.Results) != 1 {
		t.Fatalf("no report with one result (%v), exit code %d:\n%s\n%s", err, p.exit, p.out, p.complaints)
	}
	lab.note(t, c.name, c.want, d.Results[0].row(p.exit), args, p)
	if !strings.Contains(p.out, c.says) {
		t.Errorf("the report does not say %q\n%s\n%s", c.says, listed(d.Results[0]), p.complaints)
	}
	checkSteps(t, d.Results[0])
	lab.sawLogins(t, log, c.sent)
	if questions := lab.id.introspected() - asked; questions != 0 && (c.host != byIntrospection || !c.sent) || questions == 0 && c.host == byIntrospection && c.sent {
		t.Errorf("the identity server was shown %d tokens by the mail server", questions)
	}
	lab.showsNoSecret(t, p)
	lab.printsNoSecret(t, args, env, p.exit)
}

// tokenArguments are those of a check with a token in a variable, or with a profile.
func (lab *oauthLab) tokenArguments(t *testing.T, c tokenCase) (args, env []string) {
	t.Helper()
	env = []string{"APP_SECRET=" + appSecret, "WRONG_SECRET=wrong-" + appSecret}
	if !c.unknown {
		env = append(env, "SSL_CERT_FILE="+caFile)
	}
	if c.profile != "" {
		file := filepath.Join(lab.home, c.name+".yaml")
		text := fmt.Sprintf("host: %s\nport: 587\nencryption: starttls\naccount: %s\nca_file: %s\ntoken: %s\n", c.host, jobs, caFile, c.profile)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = []string{"check", "-c", file, "--no-input"}
	} else {
		args = []string{"check", c.host + ":587", "--encryption", "starttls", "--account", jobs, "--ca-file", caFile, "--token-env", "TOKEN", "--no-input"}
		env = append(env, "TOKEN="+c.token(lab.id))
	}
	if c.auth != "" {
		args = append(args, "--auth", c.auth)
	}
	return append(args, c.more...), env
}

// sawLogins reads in Postfix's log whether a login was tried, once at most.
func (lab *oauthLab) sawLogins(t *testing.T, since int, sent bool) {
	t.Helper()
	lab.endedWell(t, since, false)
	attempts := 0
	for line := range strings.Lines(lab.settledLog(t, since)) {
		if found := logins.FindStringSubmatch(line); found != nil && ended.MatchString(line) {
			n, _ := strconv.Atoi(found[1])
			attempts += n
		}
	}
	if (attempts == 1) != sent {
		t.Errorf("%d logins were tried; the token was to be sent: %v", attempts, sent)
	}
}

// printsNoSecret runs a check again in the formats for people, to the screen and into files.
func (lab *oauthLab) printsNoSecret(t *testing.T, args, env []string, exit int) {
	t.Helper()
	reports := []string{"--report", filepath.Join(lab.home, "r.txt"), "--report", filepath.Join(lab.home, "r.json"), "--report", filepath.Join(lab.home, "r.jsonl")}
	log := lab.readLog()
	p := lab.smtpdx(t, 15*time.Second, env, append(append(args, reports...), "-v")...)
	lab.settledLog(t, log) // what is logged late would count for the next case
	if p.exit != exit || p.out == "" {
		t.Errorf("exit code %d the second time, %d the first\n%s\n%s", p.exit, exit, p.out, p.complaints)
	}
	lab.showsNoSecret(t, p)
	lab.leftNoSecret(t)
}

func (lab *oauthLab) showsNoSecret(t *testing.T, p printed) {
	t.Helper()
	for _, canary := range lab.id.canaries() {
		forms := formsOf(jobs, canary)
		forms.absentFrom(t, "standard output", p.out)
		forms.absentFrom(t, "standard error", p.complaints)
	}
}

// leftNoSecret looks through every file that the program could have written,
// and the servers' logs. The caches have the kept refresh tokens, and nothing else.
func (lab *oauthLab) leftNoSecret(t *testing.T) {
	t.Helper()
	caches := 0
	for _, dir := range []string{root + "/home", root + "/log"} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			isCache := strings.HasSuffix(path, ".json") && filepath.Dir(path) == lab.home && entry.Name() != "r.json"
			if isCache {
				caches++
				isOurs(t, path, entry)
			}
			for _, canary := range lab.id.canaries() {
				if isCache && strings.HasPrefix(canary, "refresh-") {
					continue
				}
				formsOf(jobs, canary).absentFrom(t, path, string(text))
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if caches == 0 {
		t.Error("no sign-in is kept anywhere")
	}
}

// isOurs demands a file for its owner's eyes only.
func isOurs(t *testing.T, path string, entry fs.DirEntry) {
	t.Helper()
	info, err := entry.Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", path, info, err)
	}
}

// isComplete demands a row for every case.
func (lab *oauthLab) isComplete(t *testing.T) {
	for _, name := range oauthNames() {
		if _, there := lab.rows[name]; !there {
			t.Errorf("%s has no row", name)
		}
	}
}

func oauthNames() (names []string) {
	for _, c := range signIns {
		names = append(names, c.name)
	}
	for _, c := range tokenCases() {
		names = append(names, c.name)
	}
	return names
}

func (lab *oauthLab) print(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nOAUTH 2.0\ncase\tfailed step\tcause\texit\tverdict\texpected\tok")
	for _, name := range oauthNames() {
		r, there := lab.rows[name]
		if !there {
			fmt.Fprintf(table, "%s\t\t\t\t\t\tnot run\n", name)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%v\t%s\n", name, r.got.step, r.got.cause, r.got.exit, r.got.verdict, r.want, yesNo(r.ok))
	}
	_ = table.Flush()
}
