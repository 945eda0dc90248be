package probe

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
	"github.com/smtpdx/smtpdx/probe/smtptest"
	"github.com/smtpdx/smtpdx/probe/wire"
)

// authRun runs settings against a server on TLS and gives the auth step.
func authRun(t *testing.T, text string, change func(*Settings)) (StepResult, *smtptest.Server, Report) {
	t.Helper()
	w := newWorld(t)
	s := dialogue(t, healthy+text)
	w.at(good4, s)
	w.names["localhost"] = []string{"192.0.2.10"}
	settings := given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password")
	if change != nil {
		change(&settings)
	}
	r, _ := w.probed(t.Context(), settings)
	for _, v := range s.Violations() {
		t.Errorf("violation: %s", v)
	}
	for _, step := range r.Results[0].Steps {
		if step.ID == StepAuth {
			return step, s, r
		}
	}
	t.Fatal("no auth step")
	return StepResult{}, nil, Report{}
}

func evidenceOfAuth(t *testing.T, s StepResult) *AuthEvidence {
	t.Helper()
	e, ok := s.Evidence.(*AuthEvidence)
	if !ok {
		t.Fatalf("evidence is %T", s.Evidence)
	}
	return e
}

func TestEveryMechanismLogsIn(t *testing.T) {
	for _, m := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"} {
		t.Run(m, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				step, _, _ := authRun(t, "mechanisms: "+m+"\n", nil)
				e := evidenceOfAuth(t, step)
				if step.Status != Pass || string(e.Mechanism) != m {
					t.Errorf("%s with %s: %v", step.Status, e.Mechanism, step.Fault)
				}
				if early := m != "LOGIN" && m != "CRAM-MD5"; e.Attempts[0].InitialResponse != early { // 23
					t.Errorf("initial response: %v", !early)
				}
			})
		})
	}
}

func TestTokensLogIn(t *testing.T) {
	for _, m := range []string{"XOAUTH2", "OAUTHBEARER"} {
		for _, n := range []int{20, 3000} {
			t.Run(m, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					token := strings.Repeat("t0ken.", n/6+1)[:n]
					step, _, _ := authRun(t, "mechanisms: PLAIN "+m+"\ntoken: "+token+"\n", func(s *Settings) {
						s.Password = Credential{}
						s.Token = Credential{Value: secret.New(token), Source: "env"}
					})
					e := evidenceOfAuth(t, step)
					if step.Status != Pass || string(e.Mechanism) != m {
						t.Fatalf("%s with %s: %v", step.Status, e.Mechanism, step.Fault)
					}
					// A command of more than 512 octets would be cut (RFC 4954 section 4).
					if e.Attempts[0].InitialResponse != (n < 300) {
						t.Errorf("initial response with %d octets: %v", n, e.Attempts[0].InitialResponse)
					}
				})
			})
		}
	}
}

// What decides is that a token is to come, not whether it is there yet.
func TestATokenIsFetchedWhereOnlyTokensAreTaken(t *testing.T) {
	for offered, want := range map[string]int{"XOAUTH2": 1, "PLAIN": 0} {
		t.Run(offered, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.at(good4, dialogue(t, healthy+"mechanisms: "+offered+"\ntoken: good-token\n"))
				w.names["localhost"] = []string{"192.0.2.10"}
				settings := given("localhost", 587, STARTTLS, "jobs@acme.example", "")
				settings.Password, settings.Token = Credential{}, Credential{Source: "oauth"}
				fetched := 0
				p := &Prober{Net: w.net(), FetchToken: func(context.Context, Settings) (secret.Value, error) {
					fetched++
					return secret.New("good-token"), nil
				}}
				r, _ := fold(p.Run(t.Context(), settings))
				if auth := stepIn(t, r.Results[0], StepAuth, ""); fetched != want || (auth.Status == Pass) != (want == 1) {
					t.Errorf("fetched %d times, %s %v", fetched, auth.Status, auth.Fault)
				}
			})
		})
	}
}

func TestTheOrderOfMechanisms(t *testing.T) {
	for offered, want := range map[string]string{
		"LOGIN PLAIN":                          "PLAIN",
		"CRAM-MD5 LOGIN":                       "LOGIN",
		"PLAIN SCRAM-SHA-1 SCRAM-SHA-256":      "SCRAM-SHA-256",
		"SCRAM-SHA-1-PLUS SCRAM-SHA-1 PLAIN":   "SCRAM-SHA-1-PLUS", // 26: no match by substring
		"SCRAM-SHA-256-PLUS SCRAM-SHA-256":     "SCRAM-SHA-256-PLUS",
		"SCRAM-SHA-1-PLUS PLAIN SCRAM-SHA-256": "SCRAM-SHA-256",
		"NTLM XOAUTH2 PLAIN":                   "PLAIN",
	} {
		t.Run(offered, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				step, _, _ := authRun(t, "mechanisms: "+offered+"\n", nil)
				if e := evidenceOfAuth(t, step); string(e.Mechanism) != want || step.Status != Pass {
					t.Errorf("%s, want %s: %v", e.Mechanism, want, step.Fault)
				}
			})
		})
	}
}

func TestLoginChallengesOfTheField(t *testing.T) {
	for name, text := range map[string]string{
		"21: no base64": "login prompts: Username: | Password:\n",
		"2: bare 334":   "login prompts: bare\n",
		"other words":   "login prompts: VXNlciBOYW1lAA== | UGFzc3dvcmQA\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				step, _, _ := authRun(t, "mechanisms: LOGIN\n"+text, nil)
				if step.Status != Pass {
					t.Errorf("%s: %v", step.Status, step.Fault)
				}
			})
		})
	}
}

// 24 and 25: the server has to prove that it knows the password, and cannot
// make us count for long.
func TestScramServersThatCheat(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		seen cause.Observation
	}{
		"no signature":            {"scram: no-signature\n", cause.ServerSignatureBad},
		"wrong signature":         {"scram: wrong-signature\n", cause.ServerSignatureBad},
		"five million iterations": {"iterations: 5000000\n", cause.IterationsUnusable},
		"no iterations":           {"iterations: 0\n", cause.IterationsUnusable},
		"fewer than none":         {"iterations: -5\n", cause.IterationsUnusable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				step, _, _ := authRun(t, "mechanisms: SCRAM-SHA-256\n"+test.text, nil)
				e := evidenceOfAuth(t, step)
				if step.Status != Fail || step.Fault.Kind != Mechanism || !slices.Contains(e.seen, test.seen) {
					t.Errorf("%s %v, saw %v", step.Status, step.Fault, e.seen)
				}
			})
		})
	}
}

// 22: the challenge of a refused token is decoded and answered, and the final reply read.
func TestARefusedTokenTellsWhy(t *testing.T) {
	for _, m := range []string{"XOAUTH2", "OAUTHBEARER"} {
		t.Run(m, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				step, _, _ := authRun(t, "mechanisms: "+m+"\ntoken: good-token\noauth error: {\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"https://mail.example/\"}\n",
					func(s *Settings) {
						s.Password = Credential{}
						s.Token = Credential{Value: secret.New("bad-token"), Source: "env"}
					})
				e := evidenceOfAuth(t, step)
				if step.Status != Fail || step.Reply == nil || step.Reply.Code != 535 {
					t.Fatalf("%s %v %v", step.Status, step.Fault, step.Reply)
				}
				if e.OAuthError == nil || e.OAuthError.Status != "401" || e.OAuthError.Scope != "https://mail.example/" {
					t.Errorf("%+v", e.OAuthError)
				}
			})
		})
	}
}

func TestASecondMechanismOnlyAfterAWordAboutTheMechanism(t *testing.T) {
	for reply, want := range map[string]int{
		"535 5.7.8 Authentication failed":                                          1,
		"504 5.5.4 Unrecognized authentication type":                               2,
		"535 5.7.8 Error: authentication failed: Invalid authentication mechanism": 2,
	} {
		t.Run(reply, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				step, _, _ := authRun(t, "mechanisms: PLAIN LOGIN\n\nauth plain\n  "+reply+"\n", nil)
				e := evidenceOfAuth(t, step)
				if len(e.Attempts) != want || (step.Status == Pass) != (want == 2) {
					t.Errorf("%d attempts, %s", len(e.Attempts), step.Status)
				}
			})
		})
	}
}

func TestNothingIsSentOnAPlainLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, s, _ := authRun(t, "mechanisms in clear: PLAIN LOGIN\n", func(s *Settings) { s.Encryption = NoEncryption })
		if step.Status != Fail || step.Fault.Kind != LocalPolicy {
			t.Errorf("%s %v", step.Status, step.Fault)
		}
		if strings.Contains(strings.Join(s.Transcript(), "\n"), "C: AUTH") {
			t.Error("AUTH was sent")
		}
	})
}

func TestOnAPlainLineThatIsAllowedTheChallengeGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, _, _ := authRun(t, "mechanisms in clear: PLAIN LOGIN CRAM-MD5\nallow_plaintext_auth: yes\n", func(s *Settings) {
			s.Encryption, s.AllowPlaintextAuth = NoEncryption, true
		})
		if e := evidenceOfAuth(t, step); e.Mechanism != "CRAM-MD5" || step.Status == Fail {
			t.Errorf("%s %s %v", e.Mechanism, step.Status, step.Fault)
		}
	})
}

func TestMechanismsThatDoNotFit(t *testing.T) {
	for name, test := range map[string]struct {
		text   string
		change func(*Settings)
		seen   cause.Observation
	}{
		"Windows only": {"mechanisms: NTLM GSSAPI\n", nil, cause.OnlyWindowsLogin},
		"token only":   {"mechanisms: XOAUTH2\n", nil, cause.NoCommonMechanism},
		"forced":       {"mechanisms: PLAIN\n", func(s *Settings) { s.Auth = "CRAM-MD5" }, ""},
		"none":         {"mechanisms: none\n", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				step, _, _ := authRun(t, test.text, test.change)
				e := evidenceOfAuth(t, step)
				if step.Status != Fail || step.Fault.Kind != NotOffered || test.seen != "" && !slices.Contains(e.seen, test.seen) {
					t.Errorf("%s %v, saw %v", step.Status, step.Fault, e.seen)
				}
			})
		})
	}
}

// Canaries: an odd password, a key that is account and password, a short one.
func TestNoCredentialIsInAReport(t *testing.T) {
	echo := "\nauth answered\n  535 5.7.8 you sent {said} as {said base64}\n"
	for _, canary := range []string{"Pa55-canary-ünï", "key-4f1c2b7a9d3e5f60", "q7z"} {
		t.Run(canary, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				account := "jobs@acme.example"
				if strings.HasPrefix(canary, "key") {
					account = canary
				}
				for _, m := range []string{"PLAIN", "LOGIN"} {
					step, _, r := authRun(t, "mechanisms: "+m+"\n"+strings.ReplaceAll(strings.ReplaceAll(echo, "{said base64}", base64.StdEncoding.EncodeToString([]byte("\x00"+account+"\x00"+canary))), "{said}", canary),
						func(s *Settings) {
							s.Account = account
							s.Password = Credential{Value: secret.New(canary), Source: "env"}
						})
					if step.Reply == nil || !strings.Contains(strings.Join(step.Reply.Lines, ""), secret.Hidden) {
						t.Fatalf("the server did not echo: %+v", step.Reply)
					}
					out, err := json.Marshal(r)
					if err != nil {
						t.Fatal(err)
					}
					for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary)),
						base64.StdEncoding.EncodeToString([]byte("\x00" + account + "\x00" + canary))} {
						if strings.Contains(string(out), form) {
							t.Errorf("%s: %q is in the report", m, form)
						}
					}
				}
			})
		})
	}
}

// 24: a signature that anybody can compute, over nothing and with no password,
// is what go-mail would take from a server that leaves the challenge out.
func TestAServersProofNeedsAChallengeBefore(t *testing.T) {
	sign := func(key, text []byte) []byte {
		h := hmac.New(sha256.New, key)
		h.Write(text)
		return h.Sum(nil)
	}
	forged := "v=" + base64.StdEncoding.EncodeToString(sign(sign(nil, []byte("Server Key")), nil))
	settings := given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password")
	begun := func() (mechanism, string) {
		m := newMechanism("SCRAM-SHA-256", &settings, nil)
		first, err := m.first()
		if err != nil {
			t.Fatal(err)
		}
		_, nonce, _ := strings.Cut(string(first), "r=")
		return m, nonce
	}
	m, _ := begun()
	if _, err := m.next([]byte(forged)); err == nil {
		t.Error("a proof in place of the challenge is taken")
	}
	if m.accepted(wire.Reply{Code: 235}) == nil {
		t.Error("and the login with it")
	}
	m, nonce := begun()
	if _, err := m.next([]byte("r=" + nonce + "x,s=c2FsdA==,i=4096")); err != nil {
		t.Fatal(err)
	}
	if _, err := m.next(nil); err == nil {
		t.Error("the exchange begins anew in its middle")
	}
	if _, err := m.next([]byte(forged)); err == nil {
		t.Error("a forged proof is taken after an empty challenge")
	}
}

// Proofs come with the 235 as well (RFC 4954 section 4).
func TestAForgedProofWithTheYesIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hmac.New(sha256.New, nil)
		h.Write([]byte("Server Key"))
		h = hmac.New(sha256.New, h.Sum(nil))
		proof := base64.StdEncoding.EncodeToString([]byte("v=" + base64.StdEncoding.EncodeToString(h.Sum(nil))))
		step, _, _ := authRun(t, "mechanisms: SCRAM-SHA-256\nscram: no-signature\n\nAUTH SCRAM-SHA-256\n  235 "+proof+"\n", nil)
		if step.Status != Fail || step.Fault.Kind != Mechanism {
			t.Errorf("%s %v", step.Status, step.Fault)
		}
	})
}

func TestATokenTooLongForALineIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, s, _ := authRun(t, "mechanisms: XOAUTH2\ntoken: good-token\n", func(s *Settings) {
			s.Password = Credential{}
			s.Token = Credential{Value: secret.New(strings.Repeat("t", 10_000)), Source: "env"}
		})
		if step.Status != Fail || step.Fault.Kind != Mechanism || !strings.Contains(step.Fault.Text, "12288") {
			t.Errorf("%s %v", step.Status, step.Fault)
		}
		if strings.Contains(strings.Join(s.Transcript(), "\n"), "tttt") {
			t.Error("and was")
		}
	})
}

// Some servers say why in plain JSON; the final reply comes all the same.
func TestATokensRefusalThatIsNotBase64IsRead(t *testing.T) {
	settings := given("localhost", 587, STARTTLS, "jobs@acme.example", "")
	settings.Password, settings.Token = Credential{}, Credential{Value: secret.New("bad-token"), Source: "env"}
	for name, want := range map[string]string{"XOAUTH2": "", "OAUTHBEARER": "\x01"} {
		m := newMechanism(name, &settings, nil)
		if _, err := m.first(); err != nil {
			t.Fatal(err)
		}
		says := func(c net.Conn) { _, _ = io.WriteString(c, "334 {\"status\":\"400\",\"scope\":\"mail\"}\r\n") }
		client, server := net.Pipe()
		go says(server)
		reply, err := wire.New(client, wire.Options{}).ReadReply(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		client.Close()
		server.Close()
		e := &AuthEvidence{}
		response, err := laneFor(t, Net{}, settings).answer(e, m, reply)
		if err != nil || string(response) != want || e.OAuthError == nil || e.OAuthError.Status != "400" {
			t.Errorf("%s: %q %v %+v", name, response, err, e.OAuthError)
		}
	}
}

// Whatever a server asks, a mechanism answers or gives up, and SCRAM's is never
// accepted for it.
func FuzzChallenges(f *testing.F) {
	f.Add([]byte("r=x,s=c2FsdA==,i=4096"), []byte("v=x"))
	f.Add([]byte(""), []byte("v="))
	f.Add([]byte("r=,s=,i="), []byte("r=x,,"))
	f.Add([]byte("Username:"), []byte("Password:"))
	f.Add([]byte(`{"status":401}`), []byte("{"))
	settings := given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password")
	f.Fuzz(func(t *testing.T, one, two []byte) {
		if n, ok := iterations(one); ok && n > 4096 { // the loop looks at it before
			return
		}
		if n, ok := iterations(two); ok && n > 4096 {
			return
		}
		readOAuthError(one)
		for _, name := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"} {
			m := newMechanism(name, &settings, nil)
			if _, err := m.first(); err != nil {
				t.Fatal(err)
			}
			for _, challenge := range [][]byte{one, two, one} {
				if _, err := m.next(challenge); err != nil {
					break
				}
			}
			if m.salted() && m.accepted(wire.Reply{Code: 235}) == nil {
				t.Errorf("%s is proven by %q, %q", name, one, two)
			}
		}
	})
}
