package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

const authority = "https://identity.example"

func deviceRequest() Request {
	return Request{Provider: Microsoft, Flow: Device, ClientID: "my-client", Tenant: "acme.example", Account: "jobs@acme.example", Endpoints: Endpoints{Authority: authority}}
}

func appRequest() Request {
	return Request{Provider: Microsoft, Flow: ClientCredentials, ClientID: "my-client", ClientSecret: secret.New(canarySecret), Tenant: "acme.example",
		Endpoints: Endpoints{Authority: authority}}
}

// hidesSecrets prints values in every way and looks for the canaries.
func hidesSecrets(t *testing.T, values ...any) {
	t.Helper()
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			text := fmt.Sprintf(verb, v)
			for _, canary := range []string{canaryAccess, canaryRefresh, canaryDevice, canarySecret, canaryCode, "canary"} {
				if strings.Contains(text, canary) {
					t.Errorf("%s of %T holds %s: %s", verb, v, canary, text)
				}
			}
		}
	}
}

// inTime runs a fetch in virtual time and gives how long it took.
func inTime(t *testing.T, id *identity, r Request, then func(Grant, error, []Prompt, time.Duration)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var prompts []Prompt
		w := World{Transport: online(t, id), Show: func(p Prompt) { prompts = append(prompts, p) }}
		began := time.Now()
		g, err := Fetch(t.Context(), w, r)
		took := time.Since(began)
		hidesSecrets(t, g, err, prompts, r)
		then(g, err, prompts, took)
	})
}

func TestDeviceCodeIsShownAndWaitedFor(t *testing.T) {
	id := newIdentity()
	id.pending = 2
	inTime(t, id, deviceRequest(), func(g Grant, err error, prompts []Prompt, took time.Duration) {
		if err != nil || g.Access.Reveal() != canaryAccess || g.Refresh.Reveal() != canaryRefresh {
			t.Fatalf("%v", err)
		}
		if len(prompts) != 1 || prompts[0].Code != "ABCD-EFGH" || prompts[0].URL != "https://microsoft.example/devicelogin" {
			t.Errorf("%v", prompts)
		}
		if took != 15*time.Second || id.polls != 3 {
			t.Errorf("%v, %d polls", took, id.polls)
		}
		if scope := id.requests[0].Get("scope"); scope != "https://outlook.office.com/SMTP.Send offline_access" {
			t.Errorf("scope %q", scope)
		}
		if until := time.Until(g.Expires); until != time.Hour {
			t.Errorf("good for %v", until)
		}
	})
}

func TestSlowDownMakesThePollingSlower(t *testing.T) {
	id := newIdentity()
	id.announced, id.pending = 4, 1
	inTime(t, id, deviceRequest(), func(_ Grant, err error, _ []Prompt, took time.Duration) {
		// 4 s: too early, from then on every 9 s: pending, then the token.
		if err != nil || took != 22*time.Second || id.polls != 3 {
			t.Errorf("%v after %v, %d polls", err, took, id.polls)
		}
	})
}

func TestRefusedDeviceCodesAreSaidInWords(t *testing.T) {
	for code, words := range map[string]string{
		"authorization_declined": "the person said no", "access_denied": "the person said no", "expired_token": "not entered in time",
		"bad_verification_code": "does not know the device code",
	} {
		id := newIdentity()
		id.outcome = code
		inTime(t, id, deviceRequest(), func(g Grant, err error, _ []Prompt, _ time.Duration) {
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Code != code || !strings.Contains(refused.Text, words) || refused.Hint == "" || g.Access.IsSet() {
				t.Errorf("%s: %v", code, err)
			}
		})
	}
}

func TestCodeThatNobodyEntersEndsTheWait(t *testing.T) {
	id := newIdentity()
	id.pending, id.expires = 1000, 60
	inTime(t, id, deviceRequest(), func(_ Grant, err error, _ []Prompt, took time.Duration) {
		var failed *FailedError
		if !errors.As(err, &failed) || !strings.Contains(failed.Text, "nobody has entered the code in time") || took != time.Minute {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestHostileTimesNeitherPanicNorWaitForever(t *testing.T) {
	for _, c := range []struct{ interval, expires int64 }{{-1, 900}, {0, 0}, {1 << 60, 900}, {5, 1 << 60}, {5, -1 << 60}, {-1 << 62, -1 << 62}} {
		id := newIdentity()
		id.pending, id.interval, id.expires = 1<<30, c.interval, c.expires
		inTime(t, id, deviceRequest(), func(_ Grant, err error, _ []Prompt, took time.Duration) {
			if err == nil || took > signInTime {
				t.Errorf("%v: %v after %v", c, err, took)
			}
		})
	}
}

func TestLostPollIsMadeAgainAndLater(t *testing.T) {
	id := newIdentity()
	id.lose = 1
	inTime(t, id, deviceRequest(), func(g Grant, err error, _ []Prompt, took time.Duration) {
		if err != nil || !g.Access.IsSet() || took != 5*time.Second+answerTime+10*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestEndOfTheContextEndsTheWaitForACode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := newIdentity()
		id.pending = 1000
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(7*time.Second, cancel)
		began := time.Now()
		_, err := Fetch(ctx, World{Transport: online(t, id), Show: func(Prompt) {}}, deviceRequest())
		if !errors.Is(err, context.Canceled) || time.Since(began) != 7*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// The library hands no context to the first request of the device flow, nor
// to that of a service account.
func TestSilentServerIsLeftInEveryFlow(t *testing.T) {
	key, _ := serviceKey(t, authority+"/token")
	for name, r := range map[string]Request{
		"device": deviceRequest(), "client credentials": appRequest(),
		"service account": {Provider: Google, Key: secret.New(key), Account: "anna@acme.example"},
	} {
		silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		})
		synctest.Test(t, func(t *testing.T) {
			w := World{Transport: online(t, silent), Show: func(Prompt) {}}
			began := time.Now()
			_, err := Fetch(t.Context(), w, r)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != answerTime || !strings.Contains(err.Error(), "no answer within 30s") {
				t.Errorf("%s: %v after %v", name, err, time.Since(began))
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			began = time.Now()
			if _, err := Fetch(ctx, w, r); !errors.Is(err, context.Canceled) || time.Since(began) != time.Second {
				t.Errorf("%s: %v after %v", name, err, time.Since(began))
			}
		})
	}
}

func TestAnswersThatAreNoneAreSaidInWords(t *testing.T) {
	key, _ := serviceKey(t, authority+"/token")
	requests := map[string]Request{"device": deviceRequest(), "client credentials": appRequest(),
		"service account": {Provider: Google, Key: secret.New(key), Account: "anna@acme.example"}}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		words  string
	}{
		"web page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>Welcome to the hotel</html>")
		}, "a web page"},
		"web page as an error": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusBadGateway)
			io.WriteString(w, "<html>502</html>")
		}, "502 Bad Gateway, a web page"},
		"null":     {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "null") }, "no JSON object"},
		"list":     {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "[]") }, "no JSON object"},
		"nothing":  {func(http.ResponseWriter, *http.Request) {}, "no JSON object"},
		"half":     {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"access_token":"x`) }, "no JSON object"},
		"no token": {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"token_type":"Bearer"}`) }, "its answer has no"},
		"wrong types": {func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"access_token":7,"device_code":[],"error":{}}`)
		}, "its answer has no"},
		"huge": {func(w http.ResponseWriter, _ *http.Request) {
			for range 1000 {
				fmt.Fprintf(w, `{"a":"%01000d"}`, 0)
			}
		}, "longer than 65536 bytes"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "stolen") {
				panic("followed")
			}
			http.Redirect(w, r, "https://identity.example/stolen", http.StatusTemporaryRedirect)
		}, "307 Temporary Redirect"},
		"hangs up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"control characters": {func(w http.ResponseWriter, _ *http.Request) {
			refuse(w, "in\x1b[2Jvalid", "\x1b]0;title\x07 \u202e"+strings.Repeat("long ", 1000))
		}, `in\x1b[2Jvalid`},
	} {
		for flow, r := range requests {
			id := newIdentity()
			id.override = c.answer
			inTime(t, id, r, func(g Grant, err error, _ []Prompt, _ time.Duration) {
				if err == nil || !strings.Contains(err.Error(), c.words) || g.Access.IsSet() {
					t.Errorf("%s, %s: %v", name, flow, err)
					return
				}
				if strings.ContainsAny(err.Error(), "\x1b\u202e") || len(err.Error()) > 400 {
					t.Errorf("%s, %s: unfit to be shown: %q", name, flow, err)
				}
			})
		}
	}
}

func TestTokenOfAnotherTypeIsNotTaken(t *testing.T) {
	id := newIdentity()
	id.override = func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, map[string]any{"access_token": canaryAccess, "token_type": "mac", "expires_in": 60})
	}
	inTime(t, id, appRequest(), func(_ Grant, err error, _ []Prompt, _ time.Duration) {
		if err == nil || !strings.Contains(err.Error(), "no bearer token") {
			t.Errorf("%v", err)
		}
	})
}

func TestApplicationSignsInOnItsOwn(t *testing.T) {
	id := newIdentity()
	id.clientSecret = canarySecret
	inTime(t, id, appRequest(), func(g Grant, err error, prompts []Prompt, _ time.Duration) {
		if err != nil || g.Access.Reveal() != canaryAccess || g.Refresh.IsSet() || prompts != nil {
			t.Errorf("%v", err)
		}
		if scope := id.requests[0].Get("scope"); scope != "https://outlook.office365.com/.default" || len(id.requests) != 1 {
			t.Errorf("scope %q in %d requests", scope, len(id.requests))
		}
	})
}

func TestWrongClientSecretIsSaidAndNotRepeated(t *testing.T) {
	id := newIdentity()
	id.clientSecret = "another"
	inTime(t, id, appRequest(), func(_ Grant, err error, _ []Prompt, _ time.Duration) {
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.Vendor != "AADSTS7000215" || refused.Text != "the client secret is wrong" || refused.Status != http.StatusUnauthorized {
			t.Fatalf("%v", err)
		}
		if !strings.Contains(refused.Said, "provided: [hidden]") || strings.Contains(refused.Said, "Trace") {
			t.Errorf("%q", refused.Said)
		}
		if len(id.requests) != 1 {
			t.Errorf("%d requests: the secret was sent again in another way", len(id.requests))
		}
	})
}

// A server that repeats what it gives, in the same answer as its error.
func TestTokensThatCameAreNotRepeated(t *testing.T) {
	for _, name := range []string{"access_token", "refresh_token", "id_token", "device_code"} {
		id := newIdentity()
		id.override = func(w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, http.StatusOK, map[string]any{name: canaryAccess, "error": "server_error", "error_description": "about " + canaryAccess})
		}
		inTime(t, id, appRequest(), func(_ Grant, err error, _ []Prompt, _ time.Duration) {
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Said != "about [hidden]" {
				t.Errorf("%s: %v, %q", name, err, refused)
			}
		})
	}
}

func TestServiceAccountActsForTheMailbox(t *testing.T) {
	key, public := serviceKey(t, authority+"/token")
	r := Request{Provider: Google, Key: secret.New(key), Account: "anna@acme.example"}
	id := newIdentity()
	id.account, id.mailboxes = public, []string{"anna@acme.example"}
	inTime(t, id, r, func(g Grant, err error, _ []Prompt, _ time.Duration) {
		if err != nil || g.Access.Reveal() != canaryAccess {
			t.Errorf("%v", err)
		}
	})
	id.mailboxes = nil
	inTime(t, id, r, func(_ Grant, err error, _ []Prompt, _ time.Duration) {
		var refused *RefusedError
		if !errors.As(err, &refused) || refused.Code != "unauthorized_client" || !strings.Contains(refused.Hint, "Domain-wide delegation") {
			t.Errorf("%v", err)
		}
		if strings.Contains(fmt.Sprint(err), id.requests[0].Get("assertion")) {
			t.Error("the assertion is in the error")
		}
	})
}

func TestKeyThatIsNoneIsRefusedAndNotRepeated(t *testing.T) {
	for name, key := range map[string]string{
		"no JSON":         "canary-not-json",
		"another type":    `{"type":"authorized_user","private_key":"canary"}`,
		"no private key":  `{"type":"service_account","client_email":"canary@x"}`,
		"no https":        `{"type":"service_account","client_email":"a@b","private_key":"canary","token_uri":"http://canary/"}`,
		"broken key":      `{"type":"service_account","client_email":"a@b","private_key":"canary","token_uri":"https://identity.example/"}`,
		"no RSA key":      `{"type":"service_account","client_email":"a@b","private_key":"-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\n"}`,
		"empty":           "",
		"list":            "[]",
		"wrong types too": `{"type":7}`,
	} {
		_, err := Fetch(t.Context(), World{Transport: unreachable{t}}, Request{Provider: Google, Flow: ServiceAccount, Key: secret.New(key), Account: "anna@acme.example"})
		var wrong *RequestError
		if !errors.As(err, &wrong) || wrong.Field != "key" || strings.Contains(fmt.Sprintf("%+v", err), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// unreachable fails a test that goes to the network.
type unreachable struct{ t *testing.T }

func (u unreachable) RoundTrip(r *http.Request) (*http.Response, error) {
	u.t.Errorf("asks %s", r.URL.Host)
	return nil, errors.New("no network")
}

func TestRequestsThatCannotWorkAreRefusedBeforeAnythingIsAsked(t *testing.T) {
	ok := appRequest()
	for field, change := range map[string]func(*Request){
		"provider":      func(r *Request) { r.Provider = "yahoo" },
		"flow":          func(r *Request) { r.Flow = Browser },
		"client-id":     func(r *Request) { r.ClientID = "" },
		"client-id ":    func(r *Request) { r.ClientID = "a b" },
		"client-secret": func(r *Request) { r.ClientSecret = secret.Value{} },
		"tenant":        func(r *Request) { r.Tenant = "" },
		"tenant ":       func(r *Request) { r.Tenant = "common" },
		"tenant  ":      func(r *Request) { r.Tenant = "../evil" },
		"tenant   ":     func(r *Request) { r.Tenant = ".." },
		"account":       func(r *Request) { r.Account = "a\nb" },
		"authority":     func(r *Request) { r.Endpoints.Authority = "http://identity.example" },
		"token-url":     func(r *Request) { r.Endpoints.Token = "identity.example" },
		"auth-url":      func(r *Request) { r.Endpoints.Auth = "https://me:pw@identity.example" },
		"device-url":    func(r *Request) { r.Endpoints.Device = "https://" },
		"flow ":         func(r *Request) { r.Provider, r.Flow = Google, Device },
		"key":           func(r *Request) { r.Provider, r.Flow = Google, ServiceAccount },
	} {
		r := ok
		change(&r)
		_, err := Fetch(t.Context(), World{Transport: unreachable{t}}, r)
		var wrong *RequestError
		if !errors.As(err, &wrong) || wrong.Field != strings.TrimSpace(field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := ok.Check(); err != nil {
		t.Errorf("the request that was changed is refused itself: %v", err)
	}
}

func TestNobodyIsAskedWhereNobodyIs(t *testing.T) {
	if _, err := Fetch(t.Context(), World{Transport: unreachable{t}}, deviceRequest()); !errors.Is(err, ErrNobody) {
		t.Errorf("%v", err)
	}
}

func TestFlowFollowsFromWhatIsGiven(t *testing.T) {
	key, _ := serviceKey(t, "")
	for want, r := range map[Flow]Request{
		Device:            {Provider: Microsoft, ClientID: "x"},
		ClientCredentials: {Provider: Microsoft, ClientID: "x", ClientSecret: secret.New("s"), Tenant: "t.example"},
		Browser:           {Provider: Google, ClientID: "x", ClientSecret: secret.New("s")},
		ServiceAccount:    {Provider: Google, Key: secret.New(key), Account: "a@b.example"},
	} {
		if got, err := r.Check(); err != nil || got.Flow != want {
			t.Errorf("%s: %s, %v", want, got.Flow, err)
		}
	}
}

func TestEndpointsAreTheProvidersUnlessReplaced(t *testing.T) {
	for want, r := range map[string]Request{
		"https://login.microsoftonline.com/common/oauth2/v2.0/token":       {Provider: Microsoft},
		"https://login.microsoftonline.com/acme.example/oauth2/v2.0/token": {Provider: Microsoft, Tenant: "acme.example"},
		"https://login.microsoftonline.us/common/oauth2/v2.0/token":        {Provider: Microsoft, Endpoints: Endpoints{Authority: "https://login.microsoftonline.us/"}},
		"https://oauth2.googleapis.com/token":                              {Provider: Google},
		"https://tokens.example/":                                          {Provider: Google, Endpoints: Endpoints{Token: "https://tokens.example/"}},
	} {
		if got := r.endpoint().TokenURL; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
