package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/secret"
	"github.com/smtpdx/smtpdx/probe/token"
)

func newToken(p *process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Fetch an OAuth 2.0 access token, or look into one",
		Long: "Fetches OAuth 2.0 access tokens for sending mail from Microsoft and Google, and\n" +
			"looks into a token: for which service it is, what it allows, whose it is and how\n" +
			"long it is good. The application (client id) is your own.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("smtpdx token fetch, smtpdx token show, or smtpdx token forget", "there is no such command under token")
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newTokenFetch(p), newTokenShow(p), newTokenForget(p))
	return cmd
}

// tokenRequest are the flags that say which token is meant.
type tokenRequest struct {
	provider, flow, clientID, tenant, account, cache string
	scopes                                           []string
	endpoints                                        token.Endpoints
	secrets                                          map[string]*string // by flag
	caFile                                           string
}

// identity adds the flags under which a sign-in is kept.
func (r *tokenRequest) identity(cmd *cobra.Command) {
	inGroup(cmd.Flags(), "Whose token", func(f *pflag.FlagSet) {
		f.StringVar(&r.provider, "provider", "", "`NAME`: microsoft or google")
		f.StringVar(&r.clientID, "client-id", "", "`ID` of your application, as registered with the provider")
		f.StringVar(&r.tenant, "tenant", "", "Microsoft: `DOMAIN` or id of the directory (default: any)")
		f.StringVarP(&r.account, "account", "u", "", "`MAILBOX` that the token is to be for")
		f.StringVar(&r.cache, "token-cache", "", "keep the sign-in in `FILE`, for your eyes only, in place of the system's keyring")
	})
	completeWith(cmd, "provider", token.Microsoft, token.Google)
	for _, name := range []string{"client-id", "tenant", "account"} {
		completeWith(cmd, name)
	}
}

// way adds the flags on how a token is fetched.
func (r *tokenRequest) way(cmd *cobra.Command) {
	r.secrets = map[string]*string{}
	inGroup(cmd.Flags(), "How it is fetched", func(f *pflag.FlagSet) {
		f.StringVar(&r.flow, "flow", "", "`FLOW`: device or client-credentials (Microsoft), browser or service-account (Google); default by what is given")
		for _, s := range []struct{ name, what string }{{"client-secret", "the application's secret"}, {"key", "the service account's JSON key"}} {
			r.source(f, s.name+"-env", s.what+" stands in the variable `NAME`")
			r.source(f, s.name+"-file", "... in `FILE`")
			r.source(f, s.name+"-command", "... is what `CMD` prints")
		}
		f.StringArrayVar(&r.scopes, "scope", nil, "ask for this `SCOPE` in place of the provider's for SMTP; repeatable")
	})
	inGroup(cmd.Flags(), "Other clouds (https URLs)", func(f *pflag.FlagSet) {
		f.StringVar(&r.endpoints.Authority, "authority", "", "Microsoft: `URL` of the identity server, as in https://login.microsoftonline.us")
		f.StringVar(&r.endpoints.Auth, "auth-url", "", "`URL` of the sign-in page")
		f.StringVar(&r.endpoints.Token, "token-url", "", "`URL` that gives tokens")
		f.StringVar(&r.endpoints.Device, "device-url", "", "`URL` that gives device codes")
		f.StringVar(&r.caFile, "ca-file", "", "trust the certificates in `FILE` in place of the system's")
	})
	completeWith(cmd, "flow", string(token.Device), string(token.ClientCredentials), string(token.Browser), string(token.ServiceAccount))
	for _, name := range []string{"client-secret-env", "client-secret-command", "key-env", "key-command", "scope", "authority", "auth-url", "token-url", "device-url"} {
		completeWith(cmd, name)
	}
}

func (r *tokenRequest) source(f *pflag.FlagSet, name, text string) {
	r.secrets[name] = new(string)
	f.StringVar(r.secrets[name], name, "", text)
}

// build gives the request, with the secrets read.
func (r *tokenRequest) build(ctx context.Context, w profile.World) (token.Request, error) {
	request := token.Request{Provider: r.provider, Flow: token.Flow(r.flow), ClientID: r.clientID, Tenant: r.tenant, Account: r.account,
		Scopes: r.scopes, Endpoints: r.endpoints}
	var err error
	if request.ClientSecret, err = r.read(ctx, w, "client-secret", "client secret"); err != nil {
		return request, err
	}
	request.Key, err = r.read(ctx, w, "key", "key")
	return request, err
}

// read gives an unset Value where no source is named.
func (r *tokenRequest) read(ctx context.Context, w profile.World, flag, what string) (secret.Value, error) {
	given := map[string]string{}
	for _, kind := range []string{"env", "file", "command"} {
		if value := r.secrets[flag+"-"+kind]; value != nil {
			given[kind] = *value
		}
	}
	return readOne(ctx, w, flag, what, "", given)
}

// readOne reads a secret from the one source that is given, by kind.
func readOne(ctx context.Context, w profile.World, flag, what, account string, given map[string]string) (secret.Value, error) {
	var chosen profile.Source
	for _, kind := range []string{"env", "file", "command", "stdin", "keyring"} {
		switch {
		case given[kind] == "":
		case chosen.Kind != "":
			return secret.Value{}, usage("Keep one of them.", "two sources for the %s: --%s-%s and --%s-%s", what, flag, chosen.Kind, flag, kind)
		default:
			chosen = profile.Source{Kind: kind, Value: given[kind]}
		}
	}
	if chosen.Kind == "" {
		return secret.Value{}, nil
	}
	v, err := profile.Read(ctx, w, what, "--"+flag+"-"+chosen.Kind, chosen, account)
	return v, refused(err)
}

func (r *tokenRequest) roots() (*x509.CertPool, error) {
	if r.caFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(r.caFile)
	if err != nil {
		return nil, usage("", "--ca-file: %v", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, usage("It wants certificates in PEM form (-----BEGIN CERTIFICATE-----).", "--ca-file: there is no certificate in the file")
	}
	return pool, nil
}

type tokenFetchOptions struct {
	request tokenRequest
	output  tokenOutput
	print   bool
	noAsk   bool
}

func newTokenFetch(p *process) *cobra.Command {
	var o tokenFetchOptions
	cmd := &cobra.Command{
		Use:   "fetch",
		Short: "Fetch an access token and say what it is, or print it (--print)",
		Long: `Fetches an access token and says what it is. The token itself is printed only
with --print, for --token-stdin or --token-command of other commands.

Microsoft  device (default): a person enters a code in any browser.
           client-credentials: the application signs in on its own; it needs a
           client secret, the tenant, and the role SMTP.SendAsApp.
Google     browser (default): a person signs in with a browser on this computer.
           service-account: a key of Google Cloud in the name of the mailbox
           (Workspace with domain-wide delegation).

The sign-in of a person (the refresh token) is kept in the system's keyring, or
in the file that --token-cache names, and nowhere else. While it is good nobody
is asked again. One that the provider refuses is removed.

Exit codes: 0 fetched, 16 refused or of no use for sending mail, 2 usage,
3 warnings under --strict, 130 interrupted.`,
		Example: `  smtpdx token fetch --provider microsoft --client-id ID -u jobs@acme.example
  smtpdx token fetch --provider google --client-id ID --client-secret-env SECRET
  smtpdx token fetch ... --no-input --print | smtpdx check ... --token-stdin`,
		Args: noArguments, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), p, p.world()) },
	}
	cmd.Flags().SortFlags = false
	o.request.identity(cmd)
	o.request.way(cmd)
	inGroup(cmd.Flags(), "Output", func(f *pflag.FlagSet) {
		f.BoolVar(&o.print, "print", false, "print the token, and nothing else, on standard output")
		o.output.add(f)
		f.BoolVar(&o.noAsk, "no-input", false, "never ask a person to sign in (also when CI is set)")
	})
	completeWith(cmd, "output", formatText, formatJSON)
	return cmd
}

func (o *tokenFetchOptions) run(ctx context.Context, p *process, w profile.World) error {
	if err := o.output.check(); err != nil {
		return err
	}
	if o.print && o.output.format != formatText {
		return usage("--print gives the token alone; without it -o json says what it is.", "--print and -o cannot be used together")
	}
	source, err := o.source(ctx, p, w)
	if err != nil {
		return err
	}
	g, err := source.Grant(ctx)
	if err != nil {
		return o.failed(p, err)
	}
	return o.show(p, g, time.Now())
}

// show prints the token, or what it is; an opaque one does not say itself what
// the identity server said of it.
func (o *tokenFetchOptions) show(p *process, g token.Grant, now time.Time) error {
	i := token.Inspect(g.Access.Reveal(), now)
	if i.Scopes == nil {
		i.Scopes = g.Scopes
	}
	if i.Expires.IsZero() {
		i.Expires = g.Expires
	}
	problems := token.Judge(i, o.request.account, o.request.provider, now)
	if !o.print {
		return o.output.print(p, i, problems, now)
	}
	for _, problem := range problems {
		p.complain(problem.Text, problem.Why+"\n"+problem.Fix)
	}
	fmt.Fprintln(p.out, g.Access.Reveal())
	return exitWith(o.output.code(problems))
}

func (o *tokenFetchOptions) source(ctx context.Context, p *process, w profile.World) (*token.Source, error) {
	request, err := o.request.build(ctx, w)
	if err != nil {
		return nil, err
	}
	if _, err := request.Check(); err != nil {
		return nil, asUsage(err)
	}
	roots, err := o.request.roots()
	if err != nil {
		return nil, err
	}
	s := &token.Source{Request: request, World: token.World{Transport: token.Transport(roots), Store: tokenStore(o.request.cache, w),
		Note: func(text string) { fmt.Fprintln(p.err, text) }}}
	if !o.noAsk && !inCI(p.getenv) {
		s.World.Show = func(prompt token.Prompt) { showPrompt(p, prompt) }
	}
	return s, nil
}

// showPrompt says what a person needs to sign in, and nothing else.
func showPrompt(p *process, prompt token.Prompt) {
	if prompt.Code == "" {
		fmt.Fprintf(p.err, "To sign in, open this address with a browser on this computer:\n  %s\n", prompt.URL)
		return
	}
	fmt.Fprintf(p.err, "To sign in, open this page with any browser and enter the code:\n  %s\n  %s   (good until %s)\n",
		prompt.URL, prompt.Code, prompt.Ends.Local().Format("15:04"))
}

// asUsage makes an error of this program of what cannot be asked for.
func asUsage(err error) error {
	var wrong *token.RequestError
	var cache *token.CacheError
	switch {
	case errors.As(err, &wrong) && (wrong.Field == "key" || wrong.Field == "client-secret"):
		return usage(wrong.Hint, "--%s-file: %s", wrong.Field, wrong.Text)
	case errors.As(err, &wrong):
		return usage(wrong.Hint, "--%s: %s", wrong.Field, wrong.Text)
	case errors.As(err, &cache):
		return usage("", "%v", cache)
	case errors.Is(err, token.ErrNobody):
		return usage("Run it once without --no-input (and without CI set) and sign in; the sign-in is then kept.\nOr use a flow without a person: client-credentials, service-account.", "%v", err)
	}
	return err
}

// failed says why no token came.
func (o *tokenFetchOptions) failed(p *process, err error) error {
	var refused *token.RefusedError
	var failed *token.FailedError
	switch {
	case errors.As(err, &refused):
		hint := refused.Hint
		if refused.Said != "" {
			hint += "\nServer: " + refused.Said
		}
		p.complain(refused.Error(), hint)
		if err := o.output.refusal(p, refused); err != nil {
			return err
		}
	case errors.As(err, &failed):
		p.complain(failed.Error(), "")
	default:
		return asUsage(err)
	}
	return exitWith(codeOfStep(probe.StepAuth))
}

type tokenForgetOptions struct{ request tokenRequest }

func newTokenForget(p *process) *cobra.Command {
	var o tokenForgetOptions
	cmd := &cobra.Command{
		Use: "forget", Short: "Remove a kept sign-in (it is not withdrawn at the provider)", Args: noArguments, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), p, p.world()) },
	}
	cmd.Flags().SortFlags = false
	o.request.identity(cmd)
	return cmd
}

func (o *tokenForgetOptions) run(ctx context.Context, p *process, w profile.World) error {
	request := token.Request{Provider: o.request.provider, ClientID: o.request.clientID, Tenant: o.request.tenant, Account: o.request.account}
	if token.Flows(request.Provider) == nil || request.ClientID == "" {
		return usage("The same --provider, --client-id, --tenant and --account as with fetch.", "it is not said which sign-in is meant")
	}
	source := token.Source{Request: request, World: token.World{Store: tokenStore(o.request.cache, w)}}
	had, err := source.Forget(ctx)
	switch {
	case err != nil:
		return asUsage(err)
	case !had:
		return errors.New("no sign-in is kept for these")
	}
	fmt.Fprintln(p.err, "The kept sign-in was removed.")
	return nil
}
