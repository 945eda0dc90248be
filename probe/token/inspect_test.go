package token

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

const unsigned = "c2lnbmF0dXJlLW9mLWEtdG9rZW4"

// jwtOf makes a token with these claims; nobody checks its signature.
func jwtOf(claims map[string]any) string {
	return part(map[string]any{"typ": "JWT", "alg": "RS256"}) + "." + part(claims) + "." + unsigned
}

func part(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// with gives Microsoft's claims of a delegated token, with some changed; nil removes.
func with(changes map[string]any) map[string]any {
	claims := map[string]any{
		"aud": "https://outlook.office.com", "iss": "https://sts.windows.net/6c9b0f5e-0000-0000-0000-000000000000/",
		"iat": now.Add(-10 * time.Minute).Unix(), "nbf": now.Add(-10 * time.Minute).Unix(), "exp": now.Add(50 * time.Minute).Unix(),
		"scp": "SMTP.Send User.Read", "upn": "anna@acme.example", "appid": "11111111-2222-3333-4444-555555555555", "tid": "6c9b0f5e-0000-0000-0000-000000000000",
	}
	for name, value := range changes {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	return claims
}

func app(changes map[string]any) map[string]any {
	claims := with(map[string]any{"scp": nil, "upn": nil, "idtyp": "app", "roles": []string{"SMTP.SendAsApp"}, "aud": "https://outlook.office365.com"})
	for name, value := range changes {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	return claims
}

func TestFormsAreTold(t *testing.T) {
	long := strings.Repeat("abcdefghij", 20)
	good := jwtOf(with(nil))
	for want, tokens := range map[Form][]string{
		Opaque:       {"ya29." + long, "EwB" + long, long, "0.A", "a.b.c", "x"},
		JWT:          {good},
		Encrypted:    {part(map[string]any{"alg": "RSA-OAEP", "enc": "A256GCM"}) + ".a.b.c.d", part(map[string]any{"alg": "dir", "enc": "A256GCM"}) + "..b.c.d"},
		Broken:       {good[:len(good)/2], good[:len(good)-len(unsigned)], "eyJ" + long, good + "." + long, good[:40] + "\n" + good[40:], good[:40] + " " + good[40:], "pässword", strings.Repeat("a", longestToken+1), part(map[string]any{"alg": "x"}) + "." + part([]string{"x"}) + ".x"},
		IDToken:      {jwtOf(map[string]any{"iss": "https://accounts.google.com", "aud": "x", "email": "a@b.example"}), jwtOf(with(map[string]any{"scp": nil, "appid": nil, "aud": "1111", "preferred_username": "a@b.example"}))},
		RefreshToken: {"1//" + long, "0.A" + long, "1.A" + long, "M.C5" + long},
		AuthCode:     {"4/0" + long},
		ClientSecret: {"GOCSPX-" + long},
		Wrapped: {"Bearer " + good, "bearer " + good, `{"access_token":"` + good + `"}`, `"` + good + `"`, " " + good, good + "\n",
			base64.StdEncoding.EncodeToString([]byte("user=a@b.example\x01auth=Bearer " + good + "\x01\x01"))},
		Empty: {"", "  \n"},
	} {
		for _, raw := range tokens {
			i := Inspect(raw, now)
			if i.Form != want {
				t.Errorf("%.60q is %s, want %s", raw, i.Form, want)
			}
			if wrong := want != Opaque && want != JWT && want != Encrypted; wrong != (i.Flaw != "") || wrong != (len(Judge(i, "", "", now)) == 1) {
				t.Errorf("%.60q: flaw %q, problems %v", raw, i.Flaw, Judge(i, "", "", now))
			}
			if i.Length != len(raw) {
				t.Errorf("%.60q: length %d", raw, i.Length)
			}
		}
	}
}

func TestClaimsAreRead(t *testing.T) {
	i := Inspect(jwtOf(with(map[string]any{"aud": []string{"https://outlook.office.com", "b"}, "roles": []string{"r"}})), now)
	if i.Provider != Microsoft || i.Algorithm != "RS256" || i.User != "anna@acme.example" || i.Tenant[:4] != "6c9b" || i.App[:4] != "1111" || i.AppOnly ||
		!slices.Equal(i.Audience, []string{"https://outlook.office.com", "b"}) || !slices.Equal(i.Scopes, []string{"SMTP.Send", "User.Read"}) || !slices.Equal(i.Roles, []string{"r"}) ||
		!i.Expires.Equal(now.Add(50*time.Minute)) || !i.NotBefore.Equal(now.Add(-10*time.Minute)) || i.IssuedAt.IsZero() {
		t.Errorf("%+v", i)
	}
	for name, claims := range map[string]map[string]any{"said": app(nil), "to be seen": app(map[string]any{"idtyp": nil})} {
		if i := Inspect(jwtOf(claims), now); !i.AppOnly || i.User != "" {
			t.Errorf("%s: %+v", name, i)
		}
	}
	other := Inspect(jwtOf(map[string]any{"iss": "https://sso.acme.example/realms/x", "scope": "openid email", "azp": "dovecot", "preferred_username": "anna", "exp": "1795694400.5"}), now)
	if other.Provider != "" || other.App != "dovecot" || other.User != "anna" || len(other.Scopes) != 2 || other.Expires.Unix() != 1795694400 {
		t.Errorf("%+v", other)
	}
}

func TestStrangeClaimsHideNoOther(t *testing.T) {
	i := Inspect(jwtOf(with(map[string]any{"aud": 7, "iss": []int{1}, "exp": 1e300, "scp": map[string]any{}, "roles": "one", "upn": "a\x1b[31m\u202eb" + strings.Repeat("x", 1000)})), now)
	if i.Form != JWT || i.App == "" || i.Issuer != "" || i.Audience != nil || !i.Expires.IsZero() || len(i.Roles) != 1 {
		t.Errorf("%+v", i)
	}
	if strings.ContainsAny(i.User, "\x1b\u202e") || len(i.User) > longestClaim+len(" [cut]") {
		t.Errorf("user unfit to be shown: %q", i.User)
	}
}

func TestProblemsAreSeenBeforeAnyServerSaysThem(t *testing.T) {
	guid := "00000002-0000-0ff1-ce00-000000000000"
	for name, c := range map[string]struct {
		claims            map[string]any
		account, provider string
		want              string // observations; with "?" when not certain
	}{
		"good":                       {with(nil), "anna@acme.example", Microsoft, ""},
		"good by preset":             {with(nil), "Anna@ACME.example", "microsoft-365", ""},
		"good in another form":       {with(map[string]any{"aud": "https://outlook.office365.com/", "scp": "smtp.send"}), "", "", ""},
		"good by id":                 {with(map[string]any{"aud": guid}), "", "outlook-com", ""},
		"good for an application":    {app(nil), "jobs@acme.example", Microsoft, ""},
		"expired":                    {with(map[string]any{"exp": now.Add(-6 * time.Minute).Unix()}), "", "", Expired},
		"expired just now":           {with(map[string]any{"exp": now.Unix()}), "", "", Expired + "?"},
		"not yet":                    {with(map[string]any{"nbf": now.Add(6 * time.Minute).Unix()}), "", "", NotYetValid},
		"within the skew":            {with(map[string]any{"nbf": now.Add(4 * time.Minute).Unix()}), "", "", ""},
		"for Graph":                  {with(map[string]any{"aud": "https://graph.microsoft.com"}), "", "", WrongAudience},
		"for Graph by id":            {with(map[string]any{"aud": "00000003-0000-0000-c000-000000000000"}), "", Microsoft, WrongAudience},
		"for Azure":                  {with(map[string]any{"aud": "https://management.azure.com/"}), "", "", WrongAudience},
		"for Azure's mail":           {app(map[string]any{"aud": "https://communication.azure.com"}), "", "", ""},
		"for Azure's mail, at 365":   {app(map[string]any{"aud": "https://communication.azure.com"}), "", Microsoft, WrongAudience},
		"no scope":                   {with(map[string]any{"scp": "IMAP.AccessAsUser.All"}), "", "", NoScope},
		"no role":                    {app(map[string]any{"roles": []string{"IMAP.AccessAsApp"}}), "", "", NoRole + "?"},
		"no role at all":             {app(map[string]any{"roles": nil}), "", "", NoRole + "?"},
		"another user":               {with(nil), "jobs@acme.example", "", OtherUser + "?"},
		"everything":                 {with(map[string]any{"scp": "x", "exp": now.Add(-day).Unix()}), "jobs@acme.example", "", Expired + " " + NoScope + " " + OtherUser + "?"},
		"Microsoft's at Google":      {with(nil), "", "gmail", OtherProvider},
		"a server of one's own":      {map[string]any{"iss": "https://sso.acme.example/", "sub": "anna", "exp": now.Add(day).Unix()}, "anna@acme.example", "", ""},
		"expired, of one's own":      {map[string]any{"iss": "https://sso.acme.example/", "email": "eva@acme.example", "exp": 1}, "anna@acme.example", "", Expired + " " + OtherUser + "?"},
		"nothing said of anything":   {map[string]any{}, "anna@acme.example", "", ""},
		"issuer that looks alike":    {with(map[string]any{"iss": "https://sts.windows.net.evil.example/", "aud": "x"}), "", "", ""},
		"of another cloud":           {with(map[string]any{"iss": "https://login.microsoftonline.us/x/v2.0", "aud": "https://outlook.office365.us"}), "", Microsoft, ""},
		"said by its claims to last": {with(map[string]any{"exp": nil}), "", "", ""},
	} {
		i := Inspect(jwtOf(c.claims), now)
		var got []string
		for _, p := range Judge(i, c.account, c.provider, now) {
			mark := "?"
			if p.IsCertain {
				mark = ""
			}
			got = append(got, p.Observation+mark)
			if p.Cause != "auth-oauth-token-invalid" || p.Text == "" || p.Why == "" || p.Fix == "" {
				t.Errorf("%s: half a problem: %+v", name, p)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestOpaqueTokensAreJudgedByWhatIsKnown(t *testing.T) {
	i := Inspect("ya29."+strings.Repeat("x", 150), now)
	if got := Judge(i, "anna@gmail.example", "gmail", now); got != nil {
		t.Errorf("%v", got)
	}
	if got := Judge(i, "", "microsoft-365", now); len(got) != 1 || got[0].Observation != OtherProvider {
		t.Errorf("%v", got)
	}
	i.Scopes = []string{"openid"} // as the identity server said when it gave it
	if got := Judge(i, "", "", now); len(got) != 1 || got[0].Observation != NoScope {
		t.Errorf("%v", got)
	}
	i.Scopes = []string{"openid", "https://mail.google.com/"}
	if got := Judge(i, "", "", now); got != nil {
		t.Errorf("%v", got)
	}
}

func TestEveryRefusalHasWords(t *testing.T) {
	r := deviceRequest()
	for _, code := range strings.Fields("AADSTS50126 AADSTS65001 AADSTS700016 AADSTS7000215 AADSTS53003 AADSTS50079 AADSTS7000218 AADSTS50194") {
		if m := meaning(r, "invalid_grant", code, code+": x"); m.text == codeWords()["invalid_grant"].text || m.hint == "" {
			t.Errorf("%s: %+v", code, m)
		}
	}
	for _, code := range strings.Fields("invalid_grant invalid_scope authorization_pending slow_down expired_token access_denied invalid_client unauthorized_client") {
		if m := meaning(r, code, "", ""); m.text == meaning(r, "nothing like it", "", "").text || m.hint == "" {
			t.Errorf("%s: %+v", code, m)
		}
	}
	for _, table := range []map[string]words{microsoftWords(), codeWords()} {
		for code, m := range table {
			if m.text == "" || m.hint == "" || strings.HasSuffix(m.text, ".") || !strings.HasSuffix(m.hint, ".") && !strings.HasSuffix(m.hint, ")") {
				t.Errorf("%s: %+v", code, m)
			}
		}
	}
}

func FuzzInspect(f *testing.F) {
	f.Add(jwtOf(with(nil)), "anna@acme.example", Microsoft)
	f.Add(jwtOf(app(nil)), "", Google)
	f.Add("ya29.abc", "", "")
	f.Add("eyJhbGciOiJSUzI1NiJ9.e30.", "x", "")
	f.Fuzz(func(t *testing.T, raw, account, provider string) {
		i := Inspect(raw, now)
		problems := Judge(i, account, provider, now)
		shown := fmt.Sprintf("%+v", i)
		if strings.ContainsAny(shown, "\x1b\x00\r\n") {
			t.Errorf("unfit to be shown: %q", shown)
		}
		signature := raw[strings.LastIndex(raw, ".")+1:]
		if len(signature) > 20 && strings.Count(raw, ".") == 2 && strings.Contains(shown, signature) {
			t.Errorf("shows the signature: %q", shown)
		}
		if i.Flaw != "" && i.Form != JWT && len(problems) == 0 {
			t.Errorf("a flaw and no problem: %+v", i)
		}
	})
}

// TestAGraphTokenWithoutAnIssuerIsQuestioned: the audience alone tells whose it
// is, but not that no server takes it.
func TestAGraphTokenWithoutAnIssuerIsQuestioned(t *testing.T) {
	t.Parallel()
	i := Inspection{Form: JWT, Audience: []string{"https://graph.microsoft.com"}, Scopes: []string{"Mail.Send"}}
	problems := Judge(i, "", "", time.Now())
	if len(problems) != 1 || problems[0].Observation != WrongAudience || problems[0].IsCertain {
		t.Errorf("%+v", problems)
	}
}
