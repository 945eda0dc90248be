package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/secret"
	"github.com/smtpdx/smtpdx/probe/token"
)

const tokenSchema = "smtpdx.token/v1"

type tokenShowOptions struct {
	account, provider string
	sources           map[string]*string // by kind
	stdin             bool
	output            tokenOutput
	noAsk             bool
}

func newTokenShow(p *process) *cobra.Command {
	o := tokenShowOptions{sources: map[string]*string{}}
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Look into a token: for what, whose, how long",
		Long: `Looks into an access token, offline and without trusting it: for which service
it is made, what it allows, whose it is, how long it is good, and what of it a
mail server would refuse. The signature is not checked; only the issuer and the
server can say whether a token is genuine. No part of the token is shown that
could be used as one.

Without a flag the token is asked for on a terminal, or read from standard input.

Exit codes: 0 nothing speaks against it (warnings too), 16 it would be refused,
2 usage, 3 warnings under --strict.`,
		Example: `  smtpdx token show --token-env TOKEN -u jobs@acme.example --provider microsoft
  smtpdx token show -o json < token.txt`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(noTokenFlag, "%s takes no arguments", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), p, p.world()) },
	}
	cmd.Flags().SortFlags = false
	o.add(cmd)
	return cmd
}

func (o *tokenShowOptions) add(cmd *cobra.Command) {
	inGroup(cmd.Flags(), "The token (no flag takes it itself)", func(f *pflag.FlagSet) {
		for _, s := range [][2]string{{"env", "the token stands in the variable `NAME`"}, {"file", "... in `FILE`; one line end is removed"},
			{"command", "... is what `CMD` prints"}, {"keyring", "... in the system's keyring, under `SERVICE`, for --account"}} {
			o.sources[s[0]] = new(string)
			f.StringVar(o.sources[s[0]], "token-"+s[0], "", s[1])
		}
		f.BoolVar(&o.stdin, "token-stdin", false, "... comes on standard input")
		f.Lookup("token-keyring").NoOptDefVal = profile.KeyringService
	})
	inGroup(cmd.Flags(), "What it is to be for", func(f *pflag.FlagSet) {
		f.StringVarP(&o.account, "account", "u", "", "`MAILBOX` that it is to send for")
		f.StringVar(&o.provider, "provider", "", "`NAME` of the server's provider: microsoft or google (default: as the token says)")
	})
	inGroup(cmd.Flags(), "Output", func(f *pflag.FlagSet) {
		o.output.add(f)
		f.BoolVar(&o.noAsk, "no-input", false, "never ask (also when CI is set)")
	})
	completeWith(cmd, "output", formatText, formatJSON)
	completeWith(cmd, "provider", token.Microsoft, token.Google)
	for _, name := range []string{"token-env", "token-command", "token-keyring", "account"} {
		completeWith(cmd, name)
	}
}

func (o *tokenShowOptions) run(ctx context.Context, p *process, w profile.World) error {
	if err := o.output.check(); err != nil {
		return err
	}
	if o.provider != "" && token.Flows(o.provider) == nil {
		return usage("microsoft or google; leave it out for any other.", "--provider: there is no such provider of tokens")
	}
	value, err := o.read(ctx, p, w)
	if err != nil {
		return err
	}
	now := time.Now()
	i := token.Inspect(value.Reveal(), now)
	return o.output.print(p, i, token.Judge(i, o.account, o.provider, now), now)
}

// read takes the token from where a flag says it is, else from the variables
// of the settings, else from a person, else from standard input.
func (o *tokenShowOptions) read(ctx context.Context, p *process, w profile.World) (secret.Value, error) {
	given := map[string]string{}
	for kind, value := range o.sources {
		given[kind] = *value
	}
	if o.stdin {
		given["stdin"] = "-"
	}
	if v, err := readOne(ctx, w, "token", "token", o.account, given); err != nil || v.IsSet() {
		return v, err
	}
	switch {
	case p.getenv("SMTPDX_TOKEN") != "":
		return secret.New(p.getenv("SMTPDX_TOKEN")), nil
	case p.getenv("SMTPDX_TOKEN_FILE") != "":
		v, err := profile.Read(ctx, w, "token", "SMTPDX_TOKEN_FILE", profile.Source{Kind: "file", Value: p.getenv("SMTPDX_TOKEN_FILE")}, "")
		return v, refused(err)
	case p.ask == nil:
		v, err := profile.Read(ctx, w, "token", "standard input", profile.Source{Kind: "stdin"}, "")
		return v, refused(err)
	case o.noAsk || inCI(p.getenv):
		return secret.Value{}, usage(noTokenFlag, "there is no token, and nobody can be asked for it")
	}
	v, err := p.ask.Hidden(ctx, "Token: ")
	if err != nil {
		return v, unanswered(err)
	}
	return v, nil
}

// tokenOutput prints what a token is.
type tokenOutput struct {
	format string
	strict bool
}

func (o *tokenOutput) add(f *pflag.FlagSet) {
	f.StringVarP(&o.format, "output", "o", formatText, "`FORMAT` of standard output: text or json")
	f.BoolVar(&o.strict, "strict", false, "exit code 3 when there are only warnings")
}

func (o *tokenOutput) check() error {
	if o.format != formatText && o.format != formatJSON {
		return usage("-o text or json", "there is no such output format")
	}
	return nil
}

// code is 16 only for what no server takes.
func (o *tokenOutput) code(problems []token.Problem) int {
	code := exitPassed
	for _, p := range problems {
		switch {
		case p.IsCertain:
			return codeOfStep(probe.StepAuth)
		case o.strict:
			code = exitWarnings
		}
	}
	return code
}

func (o *tokenOutput) print(p *process, i token.Inspection, problems []token.Problem, now time.Time) error {
	code := o.code(problems)
	if o.format == formatJSON {
		if err := writeTokenJSON(p.out, tokenDocument(i, problems, code)); err != nil {
			return err
		}
		return exitWith(code)
	}
	for _, row := range tokenRows(i, now) {
		printRow(p.out, "", row[0], row[1])
	}
	for _, problem := range problems {
		printProblem(p.out, problem)
	}
	if len(problems) == 0 {
		fmt.Fprintf(p.out, "\n%s\n", goodWords(i))
	}
	return exitWith(code)
}

// goodWords promise no more than what was seen.
func goodWords(i token.Inspection) string {
	if i.Form == token.JWT {
		return "Nothing in it speaks against it. The server decides."
	}
	return "Only its issuer can look inside. The server decides."
}

func tokenRows(i token.Inspection, now time.Time) [][2]string {
	rows := [][2]string{{"Token", tokenFormWords(i)}}
	add := func(label, text string) {
		if text != "" {
			rows = append(rows, [2]string{label, text})
		}
	}
	if i.Form == token.JWT {
		add("Flaw", i.Flaw)
	}
	add("For", strings.Join(i.Audience, ", "))
	add("Allows", strings.Join(i.Scopes, " "))
	add("Roles", strings.Join(i.Roles, " "))
	add("User", i.User)
	add("App", i.App)
	add("Tenant", i.Tenant)
	add("Issuer", i.Issuer)
	if !i.NotBefore.IsZero() {
		add("From", i.NotBefore.UTC().Format(time.DateTime)+" UTC")
	}
	if !i.Expires.IsZero() {
		add("Until", i.Expires.UTC().Format(time.DateTime)+" UTC, "+leftWords(i.Expires.Sub(now)))
	}
	return rows
}

func tokenFormWords(i token.Inspection) string {
	size := fmt.Sprintf(", %d characters", i.Length)
	vendor := map[string]string{token.Google: " of Google", token.Microsoft: " of Microsoft"}[i.Provider]
	switch i.Form {
	case token.JWT:
		signature := "; the signature is not checked"
		if strings.EqualFold(i.Algorithm, "none") {
			signature = "; it has no signature"
		}
		return "JWT" + vendor + size + signature
	case token.Opaque:
		return "opaque" + vendor + size + ": only its issuer can look inside"
	case token.Encrypted:
		return "encrypted" + vendor + size + ": only the service can look inside"
	}
	return "no access token" + size
}

func leftWords(left time.Duration) string {
	switch left = left.Round(time.Second); {
	case left <= 0:
		return "over since " + (-left).String()
	case left < 2*time.Minute:
		return left.String() + " left"
	case left < 48*time.Hour:
		return strings.TrimSuffix(left.Round(time.Minute).String(), "0s") + " left"
	}
	return fmt.Sprintf("%d days left", int(left.Hours()/24))
}

func printProblem(out io.Writer, p token.Problem) {
	word, confidence := "FAILED", "certain"
	if !p.IsCertain {
		word, confidence = "WARNING", "possible"
	}
	fmt.Fprintf(out, "\n%s: %s.\n\n", word, p.Text)
	printRow(out, "  ", "Cause", p.Cause+" ("+confidence+")")
	printRow(out, "  ", "Why", p.Why)
	printRow(out, "  ", "Change", p.Fix)
}

// labelWidth is the room for a label, as in the other screens.
const labelWidth = 10

// printRow writes a label and its text, broken at blanks to 80 columns.
func printRow(out io.Writer, margin, label, text string) {
	room := plainWidth - len(margin) - labelWidth
	for _, line := range broken(text, room) {
		fmt.Fprintf(out, "%s%-*s%s\n", margin, labelWidth, label, line)
		label = ""
	}
}

// broken gives lines of at most room columns, unless a word is longer.
func broken(text string, room int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) > room:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	if line == "" {
		return lines
	}
	return append(lines, line)
}

// tokenJSON is the document; what is not known is null.
type tokenJSON struct {
	Schema    string        `json:"schema"`
	ExitCode  int           `json:"exit_code"`
	Form      *string       `json:"form"`
	Flaw      *string       `json:"flaw"`
	Length    int           `json:"length"`
	Provider  *string       `json:"provider"`
	Algorithm *string       `json:"algorithm"`
	Issuer    *string       `json:"issuer"`
	Audience  []string      `json:"audience"`
	Scopes    []string      `json:"scopes"`
	Roles     []string      `json:"roles"`
	User      *string       `json:"user"`
	App       *string       `json:"app"`
	AppOnly   bool          `json:"app_only"`
	Tenant    *string       `json:"tenant"`
	IssuedAt  *string       `json:"issued_at"`
	NotBefore *string       `json:"not_before"`
	ExpiresAt *string       `json:"expires_at"`
	Problems  []problemJSON `json:"problems"`
	Refusal   *tokenRefusal `json:"refusal"`
}

type problemJSON struct {
	Observation string `json:"observation"`
	Cause       string `json:"cause"`
	Severity    string `json:"severity"`
	Confidence  string `json:"confidence"`
	Title       string `json:"title"`
	Explanation string `json:"explanation"`
	Fix         string `json:"fix"`
}

type tokenRefusal struct {
	Host   string  `json:"host"`
	Status int     `json:"status"`
	Code   string  `json:"code"`
	Vendor *string `json:"vendor"`
	Cause  string  `json:"cause"`
	Title  string  `json:"title"`
	Fix    string  `json:"fix"`
	Said   *string `json:"said"`
}

func tokenDocument(i token.Inspection, problems []token.Problem, code int) tokenJSON {
	d := tokenJSON{Schema: tokenSchema, ExitCode: code, Form: maybe(string(i.Form)), Flaw: maybe(i.Flaw), Length: i.Length, Provider: maybe(i.Provider),
		Algorithm: maybe(i.Algorithm), Issuer: maybe(i.Issuer), Audience: listOf(i.Audience), Scopes: listOf(i.Scopes), Roles: listOf(i.Roles),
		User: maybe(i.User), App: maybe(i.App), AppOnly: i.AppOnly, Tenant: maybe(i.Tenant),
		IssuedAt: instantOf(i.IssuedAt), NotBefore: instantOf(i.NotBefore), ExpiresAt: instantOf(i.Expires), Problems: []problemJSON{}}
	for _, p := range problems {
		severity, confidence := "error", "certain"
		if !p.IsCertain {
			severity, confidence = "warning", "possible"
		}
		d.Problems = append(d.Problems, problemJSON{Observation: p.Observation, Cause: p.Cause, Severity: severity, Confidence: confidence,
			Title: p.Text, Explanation: p.Why, Fix: p.Fix})
	}
	return d
}

// refusal gives a machine the refusal that a person has read on standard error.
func (o *tokenOutput) refusal(p *process, r *token.RefusedError) error {
	if o.format != formatJSON {
		return nil
	}
	d := tokenDocument(token.Inspection{}, nil, codeOfStep(probe.StepAuth))
	d.Refusal = &tokenRefusal{Host: r.Host, Status: r.Status, Code: r.Code, Vendor: maybe(r.Vendor), Cause: r.Cause, Title: r.Text, Fix: r.Hint, Said: maybe(r.Said)}
	return writeTokenJSON(p.out, d)
}

func listOf(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}

func instantOf(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return maybe(t.UTC().Format(time.RFC3339))
}

func writeTokenJSON(out io.Writer, d tokenJSON) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(d)
}
