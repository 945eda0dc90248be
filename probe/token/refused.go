package token

import (
	"fmt"
	"regexp"
	"strings"
)

// RefusedError is the refusal of an identity server, in words. What the server
// said is bounded, redacted and in one line.
type RefusedError struct {
	Host   string
	Status int
	Code   string // RFC 6749 section 5.2, RFC 8628 section 3.5, or the vendor's own
	Vendor string // AADSTS and a number, "" where there is none
	Text   string // what it means
	Hint   string // what to do, "" where nothing is known
	Cause  string // id in the knowledge base
	Said   string
}

func (e *RefusedError) Error() string {
	code := e.Code
	if e.Vendor != "" {
		code += ", " + e.Vendor
	}
	return fmt.Sprintf("%s gives no token: %s (%s)", e.Host, e.Text, code)
}

// endsKept tells whether a kept refresh token is of no use any more.
func (e *RefusedError) endsKept() bool { return e.Code == "invalid_grant" }

// vendorCode is Microsoft's own number of an error, more exact than the code.
var vendorCode = regexp.MustCompile(`\bAADSTS[0-9]{4,8}\b`)

const (
	longestCode = 64
	longestSaid = 300
)

func (l *line) refusal(r Request) *RefusedError {
	vendor := vendorCode.FindString(l.last.description)
	m := meaning(r, l.last.code, vendor, l.last.description)
	return &RefusedError{Host: l.shown(l.host), Status: l.last.status, Code: oneLine(l.shown(l.last.code), longestCode), Vendor: vendor,
		Text: m.text, Hint: m.hint, Cause: m.cause, Said: oneLine(l.shown(l.last.description), longestSaid)}
}

// oneLine gives the first line, Microsoft's trace ids stand below it.
func oneLine(s string, longest int) string {
	s = strings.ReplaceAll(s, `\x0d`, "\n") // a carriage return, cleaned
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + " [cut]"
	}
	return s
}

// words say what a refusal means.
type words struct{ text, hint, cause string }

// tokenInvalid is the cause of most refusals: what was asked for or with does
// not give a token that a mail server would take.
const tokenInvalid = "auth-oauth-token-invalid"

// meaning looks up the vendor's number, then what a code means in this flow,
// then the code itself.
func meaning(r Request, code, vendor, description string) words {
	m, known := microsoftWords()[vendor]
	if !known {
		m, known = flowWords(r, code, description)
	}
	if !known {
		m, known = codeWords()[code]
	}
	if !known {
		m = words{text: "the identity server refuses"}
	}
	if m.cause == "" {
		m.cause = tokenInvalid
	}
	return m
}

// microsoftWords are after Microsoft Entra's list of error codes.
func microsoftWords() map[string]words {
	const (
		entra        = "Microsoft Entra admin center > App registrations > your application > "
		signInLog    = "The sign-in log (Microsoft Entra admin center > Sign-in logs) names the rule; the administrator can except this application."
		again        = "Sign in again."
		byAdmin      = "auth-disabled-by-admin"
		blocked      = "account-blocked"
		wrongSecret  = "auth-bad-credentials"
		secondFactor = "A sign-in by a person (--flow device) can answer it."
	)
	expired := words{text: "the kept sign-in has expired", hint: again}
	revoked := words{text: "the kept sign-in was revoked, by a new password or by an administrator", hint: again}
	factor := words{text: "a second factor is demanded and was not given", hint: secondFactor, cause: byAdmin}
	enrol := words{text: "the person has to set up a second factor first", hint: "Sign in at https://aka.ms/mfasetup once, then try again.", cause: byAdmin}
	device := words{text: "a rule of the organisation wants another device or application (conditional access)", hint: signInLog, cause: byAdmin}
	scope := words{text: "the scope that was asked for does not exist or does not fit the flow",
		hint: "https://outlook.office.com/SMTP.Send for a person, https://outlook.office365.com/.default for an application."}
	noApp := words{text: "this tenant does not know the application", hint: "See that the client id is right, and that the tenant is the one the application is registered in (--tenant)."}
	tenant := words{text: "the tenant does not exist", hint: "See that the tenant is right, and that it is in this cloud (--authority)."}
	noUser := words{text: "the account is not in this tenant", hint: "Sign in with an account of the tenant, or name the account's own (--tenant)."}
	consent := words{text: "nobody has agreed yet that the application may send mail", hint: entra + "API permissions: add it, then \"Grant admin consent\"."}
	redirect := words{text: "the application is registered with other addresses to return to", hint: entra + "Authentication: add http://localhost as a mobile and desktop application."}
	return map[string]words{
		"AADSTS50126":   {text: "the user name or password that was entered is wrong", hint: again, cause: wrongSecret},
		"AADSTS50053":   {text: "the account is locked after too many failed sign-ins, or the address it comes from is distrusted", hint: "Wait, or ask the administrator to unlock it.", cause: blocked},
		"AADSTS50055":   {text: "the password has expired", hint: "Sign in at https://portal.office.com and choose a new one.", cause: wrongSecret},
		"AADSTS50057":   {text: "the account is switched off", hint: "Ask the administrator.", cause: blocked},
		"AADSTS50034":   noUser,
		"AADSTS50020":   noUser,
		"AADSTS50059":   {text: "the tenant is not said", hint: "Name it: --tenant acme.onmicrosoft.com."},
		"AADSTS90002":   tenant,
		"AADSTS50194":   {text: "the application is for one tenant only, and none was named", hint: "Name it: --tenant acme.onmicrosoft.com."},
		"AADSTS9001023": {text: "this flow wants the tenant named", hint: "Name it: --tenant acme.onmicrosoft.com."},
		"AADSTS50072":   enrol,
		"AADSTS50079":   enrol,
		"AADSTS53004":   enrol,
		"AADSTS50074":   factor,
		"AADSTS50076":   factor,
		"AADSTS50078":   factor,
		"AADSTS53000":   device,
		"AADSTS53001":   device,
		"AADSTS53002":   device,
		"AADSTS50097":   device,
		"AADSTS53003":   {text: "a rule of the organisation forbids this sign-in (conditional access)", hint: signInLog, cause: byAdmin},
		"AADSTS530035":  {text: "the security defaults of the organisation forbid this sign-in", hint: signInLog, cause: byAdmin},
		"AADSTS50105":   {text: "the person is not among those whom the application is for", hint: "Microsoft Entra admin center > Enterprise applications > the application > Users and groups.", cause: byAdmin},
		"AADSTS65001":   consent,
		"AADSTS65005":   consent,
		"AADSTS650056":  consent,
		"AADSTS650057":  consent,
		"AADSTS90094":   {text: "only an administrator may agree that the application sends mail", hint: entra + "API permissions > Grant admin consent.", cause: byAdmin},
		"AADSTS65004":   {text: "the person did not agree that the application may send mail", hint: "Sign in again and agree."},
		"AADSTS500011":  {text: "this tenant has no Exchange Online", hint: "See that the tenant is right (--tenant) and has mailboxes."},
		"AADSTS700016":  noApp,
		"AADSTS700011":  noApp,
		"AADSTS70001":   {text: "the application is switched off in this tenant", hint: "Ask the administrator.", cause: byAdmin},
		"AADSTS7000215": {text: "the client secret is wrong", hint: "Take the secret's value, not its id; the value shows only once, when it is made (" + entra + "Certificates & secrets).", cause: wrongSecret},
		"AADSTS7000222": {text: "the client secret has expired", hint: "Make a new one: " + entra + "Certificates & secrets.", cause: wrongSecret},
		"AADSTS70002":   {text: "the client secret is wrong", hint: "Take the secret's value, not its id.", cause: wrongSecret},
		"AADSTS7000218": {text: "the application is not allowed to sign people in without a client secret", hint: entra + "Authentication > Allow public client flows: Yes."},
		"AADSTS700025":  {text: "the application is a public one and takes no client secret", hint: "Leave the client secret out."},
		"AADSTS50011":   redirect,
		"AADSTS70011":   scope,
		"AADSTS28002":   scope,
		"AADSTS1002012": scope,
		"AADSTS70008":   expired,
		"AADSTS700082":  expired,
		"AADSTS700084":  expired,
		"AADSTS70043":   expired,
		"AADSTS50089":   expired,
		"AADSTS50173":   revoked,
		"AADSTS50132":   revoked,
		"AADSTS50133":   revoked,
		"AADSTS70000":   {text: "the kept sign-in is not valid, or not for this application", hint: again},
		"AADSTS70018":   {text: "the code that was entered was not this one", hint: "Start again and enter the code as it is shown."},
		"AADSTS70019":   {text: "the code was not entered in time", hint: "Start again."},
		"AADSTS50196":   {text: "the application asked for too many tokens in a short time", hint: "Wait some minutes; let whatever asks again and again keep its token."},
	}
}

// flowWords are meanings of a code that depend on who asks, and how.
func flowWords(r Request, code, description string) (words, bool) {
	if r.Provider != Google {
		return words{}, false
	}
	said := strings.ToLower(description)
	switch {
	case code == "unauthorized_client" && r.Flow == ServiceAccount:
		return words{text: "the service account may not act for mailboxes of this domain",
			hint: "Google Admin console > Security > API controls > Domain-wide delegation: add the account's client ID with the scope " + googleMail + " (it takes up to a day). A gmail.com mailbox cannot be reached this way."}, true
	case code == "invalid_grant" && r.Flow == ServiceAccount && strings.Contains(said, "email or user id"):
		return words{text: "the domain has no such mailbox", hint: "See that the account is written as its address."}, true
	case code == "invalid_grant" && r.Flow == ServiceAccount && strings.Contains(said, "account not found"):
		return words{text: "the service account does not exist any more", hint: "Make a new key: Google Cloud console > IAM > Service accounts > Keys."}, true
	case code == "invalid_grant" && r.Flow == ServiceAccount:
		return words{text: "the signature or the times of the request are not accepted",
			hint: "See that the key was not deleted, and that the clock of this computer is right."}, true
	case code == "invalid_grant":
		return words{text: "the kept sign-in is not valid any more",
			hint: "Sign in again. Google ends it with a new password, when access is withdrawn, and after 7 days while the consent screen's status is \"Testing\"."}, true
	case code == "access_denied":
		return words{text: "the person did not agree, or may not use this application",
			hint: "While the consent screen's status is \"Testing\", only its test users may sign in."}, true
	}
	return words{}, false
}

// codeWords are the codes of RFC 6749 section 5.2, of RFC 8628 section 3.5 and
// of the vendors.
func codeWords() map[string]words {
	declined := words{text: "the person said no", hint: "Start again and agree."}
	late := words{text: "the code was not entered in time", hint: "Start again."}
	interact := words{text: "a person has to sign in again", hint: "Sign in again."}
	busy := words{text: "the identity server is overloaded or broken just now", hint: "Try again later."}
	return map[string]words{
		"invalid_client":          {text: "the client id or the client secret is wrong", hint: "See that both belong to the same application.", cause: "auth-bad-credentials"},
		"deleted_client":          {text: "the application was deleted", hint: "Register it again."},
		"invalid_grant":           {text: "the kept sign-in or the code is not valid any more", hint: "Sign in again."},
		"unauthorized_client":     {text: "the application may not use this flow", hint: "See how it is registered."},
		"invalid_scope":           {text: "the scope that was asked for does not exist or is not for this flow", hint: "Google's device flow gives no tokens for mail: use --flow browser."},
		"invalid_resource":        {text: "the tenant does not have the service that the scope names", hint: "See that the scope is right."},
		"unsupported_grant_type":  {text: "the identity server does not know this flow", hint: "See that the token URL is right."},
		"invalid_request":         {text: "the identity server does not understand the request", hint: "See that the addresses and the client id belong together."},
		"access_denied":           declined,
		"authorization_declined":  declined,
		"expired_token":           late,
		"code_expired":            late,
		"bad_verification_code":   {text: "the identity server does not know the device code", hint: "Start again."},
		"authorization_pending":   {text: "nobody has entered the code yet", hint: "Enter it on the page that was shown."},
		"slow_down":               {text: "it was asked too often", hint: "Wait a minute, then start again."},
		"interaction_required":    interact,
		"login_required":          interact,
		"consent_required":        {text: "nobody has agreed yet that the application may send mail", hint: "Sign in again and agree."},
		"redirect_uri_mismatch":   {text: "the application is registered with other addresses to return to", hint: "Make an OAuth client of the type \"Desktop app\"."},
		"admin_policy_enforced":   {text: "the administrator of the Workspace domain has not allowed this application", hint: "Google Admin console > Security > API controls > App access control.", cause: "auth-disabled-by-admin"},
		"org_internal":            {text: "the application is for accounts of its own organisation only", hint: "Sign in with an account of that organisation."},
		"server_error":            busy,
		"temporarily_unavailable": busy,
	}
}
