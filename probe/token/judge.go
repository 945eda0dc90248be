package token

import (
	"slices"
	"strings"
	"time"
)

// Problem is a reason why a mail server would refuse a token, seen before it
// is asked. All have the same cause in the knowledge base, auth-oauth-token-invalid;
// the observation says which one it is.
type Problem struct {
	Observation string // token-expired, token-not-yet-valid, ...
	Cause       string
	IsCertain   bool // no server takes it; otherwise there are servers or settings that do
	Text        string
	Why         string
	Fix         string
	Values      map[string]string // what the texts speak of
}

// What Judge can observe.
const (
	Expired       = "token-expired"
	NotYetValid   = "token-not-yet-valid"
	WrongAudience = "token-wrong-audience"
	OtherProvider = "token-other-provider"
	NoScope       = "token-without-scope"
	NoRole        = "token-without-role"
	OtherUser     = "token-of-another-user"
	NoAccessToken = "token-wrong-kind"
	Unreadable    = "token-broken"
)

// skew is by how much clocks may differ; identity servers and mail servers
// grant each other as much.
const skew = 5 * time.Minute

// Judge says what speaks against a token for sending mail as account at
// provider; "" for either means that it is not known. It is pure.
func Judge(i Inspection, account, provider string, now time.Time) []Problem {
	provider = family(provider)
	isTold := provider != ""
	if p := judgeForm(i); p != nil {
		return []Problem{*p}
	}
	if provider != "" && i.Provider != "" && i.Provider != provider {
		return []Problem{otherProvider(i, provider)}
	}
	if provider == "" {
		provider = i.Provider
	}
	if provider == "" && (meets(i.Audience, graph()) || meets(i.Audience, exchange())) {
		provider = Microsoft
	}
	var problems []Problem
	for _, p := range []*Problem{judgeTimes(i, now), judgeAudience(i, provider, isTold), judgeScope(i, provider), judgeUser(i, account)} {
		if p != nil {
			p.Cause = tokenInvalid
			problems = append(problems, *p)
		}
	}
	return problems
}

// family maps the ids of presets to the two identity providers.
func family(provider string) string {
	switch {
	case strings.HasPrefix(provider, "microsoft"), strings.HasPrefix(provider, "outlook"), strings.HasPrefix(provider, "office"):
		return Microsoft
	case strings.HasPrefix(provider, "google"), strings.HasPrefix(provider, "gmail"):
		return Google
	}
	return ""
}

func judgeForm(i Inspection) *Problem {
	p := &Problem{Observation: NoAccessToken, Cause: tokenInvalid, IsCertain: true, Text: "this is not an access token", Why: sentence(i.Flaw),
		Fix: "Take the value of access_token from the answer of the identity server.", Values: map[string]string{"form": string(i.Form)}}
	switch i.Form {
	case Opaque, Encrypted, JWT:
		return nil
	case Broken, Empty:
		p.Observation, p.Text, p.Fix = Unreadable, "the token is damaged", "Copy or fetch it again, whole and in one line."
	case Wrapped:
		p.Text, p.Fix = "there is something around the token", "Give the token alone."
	case RefreshToken, AuthCode:
		p.Fix = "Exchange it for an access token: smtpdx token fetch."
	}
	return p
}

func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

func otherProvider(i Inspection, provider string) Problem {
	return Problem{Observation: OtherProvider, Cause: tokenInvalid, IsCertain: true,
		Text:   "the token is for " + vendor(i.Provider) + ", and the server is " + possessive(provider),
		Why:    "Each provider takes only tokens of its own.",
		Fix:    "Fetch a token from " + vendor(provider) + ".",
		Values: map[string]string{"issuer": i.Provider, "provider": provider}}
}

func vendor(provider string) string {
	if provider == Google {
		return "Google"
	}
	return "Microsoft"
}

func possessive(provider string) string { return vendor(provider) + "'s" }

func judgeTimes(i Inspection, now time.Time) *Problem {
	switch {
	case !i.Expires.IsZero() && !now.Before(i.Expires):
		return &Problem{Observation: Expired, IsCertain: now.Sub(i.Expires) > skew,
			Text: "the token has expired", Why: "It was good until " + clock(i.Expires) + "; by the clock of this computer it is " + clock(now) + ".",
			Fix: "Fetch a new one; most live one hour.", Values: map[string]string{"expires": clock(i.Expires)}}
	case i.NotBefore.After(now.Add(skew)):
		return &Problem{Observation: NotYetValid, IsCertain: true,
			Text: "the token is not valid yet", Why: "It is good from " + clock(i.NotBefore) + "; by the clock of this computer it is " + clock(now) + ".",
			Fix: "See that the clock of this computer is right.", Values: map[string]string{"not_before": clock(i.NotBefore)}}
	}
	return nil
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// exchange are the audiences of Exchange Online, in all clouds, and its id.
func exchange() []string {
	return []string{"https://outlook.office.com", "https://outlook.office365.com", "00000002-0000-0ff1-ce00-000000000000",
		"https://outlook.office365.us", "https://outlook-dod.office365.us", "https://partner.outlook.cn", "https://outlook.office.de"}
}

// graph are the audiences of Microsoft Graph, the usual mistake: its scopes
// have the same names.
func graph() []string {
	return []string{"https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000", "https://graph.microsoft.us",
		"https://dod-graph.microsoft.us", "https://microsoftgraph.chinacloudapi.cn"}
}

// azureMail is the audience for smtp.azurecomm.net, where the same identity
// server gives the tokens.
const azureMail = "https://communication.azure.com"

func judgeAudience(i Inspection, provider string, isTold bool) *Problem {
	if provider != Microsoft || i.Form != JWT || len(i.Audience) == 0 || meets(i.Audience, exchange()) {
		return nil
	}
	if !isTold && meets(i.Audience, []string{azureMail}) {
		return nil
	}
	said := strings.Join(i.Audience, ", ")
	p := &Problem{Observation: WrongAudience, IsCertain: isTold || i.Provider != "", Text: "the token is for another service",
		Why: "It is made for " + said + "; Exchange Online wants https://outlook.office.com.",
		Fix: rightScope(i.AppOnly), Values: map[string]string{"audience": said}}
	if meets(i.Audience, graph()) {
		p.Why = "It is made for Microsoft Graph (" + said + "). The permission SMTP.Send is listed there too, but SMTP wants a token for Exchange Online."
	}
	return p
}

func rightScope(isApp bool) string {
	if isApp {
		return "Ask for the scope https://outlook.office365.com/.default, written out in full."
	}
	return "Ask for the scope https://outlook.office.com/SMTP.Send, written out in full."
}

func meets(audiences, known []string) bool {
	return slices.ContainsFunc(audiences, func(a string) bool { return slices.Contains(known, strings.ToLower(strings.TrimRight(a, "/"))) })
}

// judgeScope: Microsoft's tokens for other services have their own finding.
func judgeScope(i Inspection, provider string) *Problem {
	switch {
	case provider == Google && i.Scopes != nil && !slices.ContainsFunc(i.Scopes, isGoogleMail):
		return noScope(i, "Ask for the scope "+googleMail+", and leave its box ticked on the consent page.")
	case provider != Microsoft || i.Form != JWT || !meets(i.Audience, exchange()):
		return nil
	case i.AppOnly && !holds(i.Roles, "SMTP.SendAsApp"):
		return &Problem{Observation: NoRole, Text: "the token does not have the role SMTP.SendAsApp",
			Why:    "Its roles: " + listed(i.Roles) + ". It can be taken all the same where Exchange itself grants the application \"Application SMTP.SendAsApp\" (RBAC for applications).",
			Fix:    "Microsoft Entra admin center > App registrations > the application > API permissions > Office 365 Exchange Online > Application permissions > SMTP.SendAsApp, then \"Grant admin consent\", then fetch a new token.",
			Values: map[string]string{"roles": strings.Join(i.Roles, " ")}}
	case !i.AppOnly && !holds(i.Scopes, "SMTP.Send"):
		return noScope(i, rightScope(false))
	}
	return nil
}

func noScope(i Inspection, fix string) *Problem {
	return &Problem{Observation: NoScope, IsCertain: true, Text: "the token does not allow sending by SMTP",
		Why: "It allows: " + listed(i.Scopes) + ".", Fix: fix, Values: map[string]string{"scopes": strings.Join(i.Scopes, " ")}}
}

func isGoogleMail(scope string) bool { return strings.TrimRight(scope, "/")+"/" == googleMail }

// holds compares as Microsoft does, without regard to case, and takes a scope
// that is written out in full.
func holds(list []string, want string) bool {
	return slices.ContainsFunc(list, func(s string) bool {
		return strings.EqualFold(s[strings.LastIndex(s, "/")+1:], want)
	})
}

func listed(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

// judgeUser is never certain: a person may have the right to another mailbox,
// and the name in the token need not be the mailbox's first address.
func judgeUser(i Inspection, account string) *Problem {
	if account == "" || i.User == "" || i.AppOnly || strings.EqualFold(i.User, account) || !strings.Contains(i.User, "@") {
		return nil
	}
	return &Problem{Observation: OtherUser, Text: "the token is of another user than the account",
		Why: "It was made for " + i.User + ", and the account is " + account + ". That works only if this user may use that mailbox.",
		Fix: "Sign in as the account, or enter " + i.User + " as account.", Values: map[string]string{"user": i.User, "account": account}}
}
