package source

import (
	"strings"
	"testing"
	"testing/fstest"
)

const good = `- id: tcp-refused
  title: ['nothing listens on {port}', nothing listens on this port]
  explanation: The port is wrong.
  who: user
  severity: error
  fix:
    - {text: 'Try 587 in place of {port}', who: user, setting: port, to: '587'}
  rules:
    - {when: {fault: [refused], text: ['by (?P<peer>\w+)']}, confidence: likely}
  examples:
    - {host: mail.acme.example, port: 25, fault: refused, text: refused by peer}
`

func read(tcp string) error {
	_, err := Read(fstest.MapFS{
		"services.yaml": {Data: []byte("- {id: google, hosts: [gmail.com]}\n")},
		"tcp.yaml":      {Data: []byte(tcp)},
	}, []string{"side-lane"})
	return err
}

func TestAGoodFileIsRead(t *testing.T) {
	if err := read(good); err != nil {
		t.Error(err)
	}
}

func TestWhatIsWrongIsRefusedWithFileAndLine(t *testing.T) {
	for name, test := range map[string]struct{ old, replaced, want string }{
		"unknown key":           {"severity: error", "severity: error\n  colour: red", `tcp.yaml:6: unknown key "colour"`},
		"unknown condition":     {"fault: [refused]", "faults: [refused]", `tcp.yaml:9: unknown key "faults"`},
		"key twice":             {"who: user\n  sev", "who: user\n  who: user\n  sev", `"who" stands twice`},
		"unknown who":           {"  who: user", "  who: somebody", `tcp.yaml:4: unknown who "somebody"`},
		"unknown severity":      {"error", "fatal", `unknown severity "fatal"`},
		"unknown confidence":    {"likely", "sure", `unknown confidence "sure"`},
		"unknown fault":         {"fault: [refused]", "fault: [shy]", `unknown fault "shy"`},
		"unknown step":          {"fault: [refused]", "step: [dial], fault: [refused]", `unknown step "dial"`},
		"unknown observation":   {"fault: [refused]", "seen: [side-road], fault: [refused]", `unknown observation "side-road"`},
		"unknown service":       {"fault: [refused]", "service: [gmail], fault: [refused]", `unknown service "gmail"`},
		"unknown named group":   {"fault: [refused]", "same: [peer, pear], fault: [refused]", `unknown named group "pear"`},
		"unknown placeholder":   {"in place of {port}", "in place of {prot}", `unknown placeholder "{prot}"`},
		"open brace":            {"in place of {port}", "in place of {port", `unknown placeholder "{port"`},
		"placeholder at last":   {"nothing listens on this port", "'nothing on {host}'", "must stand without placeholders"},
		"bad regexp":            {`(?P<peer>\w+)`, `(`, "missing closing )"},
		"pattern fits all":      {`by (?P<peer>\w+)`, `(by)?`, "fits everything"},
		"no title":              {"title: ['nothing listens on {port}', nothing listens on this port]\n  ", "", "has no title"},
		"no who":                {"  who: user\n", "", "has no who"},
		"no example":            {"  examples:\n    - {host: mail.acme.example, port: 25, fault: refused, text: refused by peer}\n", "", "has no example"},
		"long title":            {"nothing listens on this port", strings.Repeat("long ", 15), "more than 72 characters"},
		"bad code":              {"fault: [refused]", "code: [999], fault: [refused]", `"999" is no reply code`},
		"bad enhanced code":     {"fault: [refused]", "enhanced: [5.7], fault: [refused]", `"5.7" is no enhanced code`},
		"bad port":              {"fault: [refused]", "port: [70000], fault: [refused]", `"70000" is no port`},
		"no evidence":           {"fault: [refused], text: ['by (?P<peer>\\w+)']", "port: [25]", "needs evidence"},
		"general and certain":   {"confidence: likely", "confidence: certain, general: true", "cannot be certain"},
		"over nothing":          {"severity: error", "severity: error\n  over: [tcp-mystery]", `cannot go over "tcp-mystery"`},
		"over itself":           {"severity: error", "severity: error\n  over: [tcp-refused]", `cannot go over "tcp-refused"`},
		"fix without who":       {"port}', who: user, setting", "port}', setting", "needs text and who"},
		"unknown example key":   {"port: 25, fault", "prot: 25, fault", `unknown key "prot"`},
		"pattern in a fix":      {"{text: 'Try", "{when: {text: [x]}, text: 'Try", `unknown key "text"`},
		"the same cause twice":  {"- id: tcp-refused", good + "- id: tcp-refused", "stands in tcp.yaml:1 already"},
		"suggestion of nothing": {"confidence: likely", "confidence: likely, suggest: {text: so}", "needs a change and a text"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := strings.Replace(good, test.old, test.replaced, 1)
			if broken == good {
				t.Fatal("nothing was broken")
			}
			err := read(broken)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "tcp.yaml:") {
				t.Errorf("want %q, got %v", test.want, err)
			}
		})
	}
}

func TestNeedsAreInEveryTextThatFits(t *testing.T) {
	for pattern, want := range map[string]string{
		"too many (login|auth)":                 "too many ",
		"(suspended|locked).{0,9}account":       "account",
		"(Suspended|LOCKED)":                    "suspended|locked",
		"gr[ea]y.?list":                         "list",
		"(disk )?full":                          "full",
		"(a|b)?":                                "",
		`\bptr\b`:                               "ptr",
		"(ab|.)":                                "",
		"(?P<list>[a-z]*(spamhaus|spamcop)) ok": "spam",
		"x{2,3}":                                "",
	} {
		if got := strings.Join(needs(pattern), "|"); got != want {
			t.Errorf("%s needs %q, want %q", pattern, got, want)
		}
	}
}

func TestAFileOfAnUnknownStepIsRefused(t *testing.T) {
	_, err := Read(fstest.MapFS{"services.yaml": {Data: []byte("- {id: google}\n")}, "dial.yaml": {Data: []byte(good)}}, nil)
	if err == nil || !strings.Contains(err.Error(), `dial.yaml: unknown step "dial"`) {
		t.Error(err)
	}
}

func TestAnEmptyFileIsRefused(t *testing.T) {
	if err := read(""); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Error(err)
	}
}

func TestEveryFaultOfAFileIsTold(t *testing.T) {
	err := read(strings.NewReplacer("user", "nobody", "likely", "sure").Replace(good))
	if err == nil || strings.Count(err.Error(), "\n") < 2 {
		t.Error(err)
	}
}
