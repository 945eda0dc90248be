package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/secret"
	"github.com/smtpdx/smtpdx/probe/token"
)

// tokenOf fetches, renews and keeps the tokens of profiles. A person is asked
// to sign in only where one may be asked.
func tokenOf(p *process, w profile.World, mayAsk bool) getCredential {
	return func(ctx context.Context, s probe.Settings) (secret.Value, error) {
		source := token.Source{Request: tokenRequestOf(s), World: token.World{Transport: token.Transport(nil), Store: tokenStore(s.OAuth.Cache, w),
			Note: func(text string) { fmt.Fprintln(p.err, p.masked(text)) }}}
		if mayAsk {
			source.World.Show = func(prompt token.Prompt) { showPrompt(p, prompt) }
		}
		value, err := source.Token(ctx)
		return value, tokenError(err)
	}
}

func tokenStore(cache string, w profile.World) token.Store {
	if cache != "" {
		return token.InFile(cache)
	}
	return token.InKeyring(w.Keyring)
}

func tokenRequestOf(s probe.Settings) token.Request {
	o := s.OAuth
	return token.Request{Provider: o.Provider, Flow: token.Flow(o.Flow), ClientID: o.ClientID, ClientSecret: o.ClientSecret, Key: o.Key,
		Tenant: o.Tenant, Account: s.Account, Scopes: o.Scopes,
		Endpoints: token.Endpoints{Authority: o.Authority, Auth: o.AuthURL, Token: o.TokenURL, Device: o.DeviceURL}}
}

// tokenError says in one sentence why there is no token, and what to do.
func tokenError(err error) error {
	var refused *token.RefusedError
	switch {
	case errors.As(err, &refused) && refused.Hint != "":
		return fmt.Errorf("%w. %s", err, refused.Hint)
	case errors.Is(err, token.ErrNobody):
		return fmt.Errorf("%w; sign in once with smtpdx token fetch, then the sign-in is kept", err)
	}
	return err
}

// refuseToken notes a token that cannot be fetched as it is described. Where
// the login is not in the plan its secrets were not read, and nothing is fetched.
func refuseToken(s *probe.Settings) {
	if s.OAuth == nil || s.Refused != nil || !reachesLogin(s.Until) {
		return
	}
	var wrong *token.RequestError
	if _, err := tokenRequestOf(*s).Check(); errors.As(err, &wrong) {
		at := s.Origins["token"].Where
		s.Refused = &probe.Refusal{Key: "token", Text: at + ": token: " + key(wrong.Field) + ": " + wrong.Text, Hint: wrong.Hint}
	}
}

// judgeToken looks into a token before it is sent.
func judgeToken(v secret.Value, s probe.Settings) []probe.TokenProblem {
	now, provider := time.Now(), ""
	switch {
	case s.Provider != nil:
		provider = s.Provider.ID
	case s.OAuth != nil:
		provider = s.OAuth.Provider
	}
	var problems []probe.TokenProblem
	for _, p := range token.Judge(token.Inspect(v.Reveal(), now), s.Account, provider, now) {
		problems = append(problems, probe.TokenProblem{Text: p.Text, Why: p.Why, Fix: p.Fix, IsCertain: p.IsCertain && (provider != "" || isOfEveryServer(p))})
	}
	return problems
}

// isOfEveryServer tells whether no server at all takes such a token. For whom a
// token is and what it allows is for its server to judge: one of your own may
// take what Microsoft's and Google's do not.
func isOfEveryServer(p token.Problem) bool {
	return slices.Contains([]string{token.Expired, token.NotYetValid, token.NoAccessToken, token.Unreadable}, p.Observation)
}
