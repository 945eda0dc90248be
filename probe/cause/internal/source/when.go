package source

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// condition reads the "when" of a fix, a question or a link. These know no
// patterns: what a text says is the business of rules.
func (f *file) condition(into **cause.When) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*into = &cause.When{}
		f.fields(n, f.plainConditions(*into))
	}
}

// when reads the "when" of a rule, whose step is the file's unless it says otherwise.
func (f *file) when(into *cause.When) func(*yaml.Node) {
	return func(n *yaml.Node) {
		keys := f.plainConditions(into)
		for key, list := range map[string]*[]cause.Pattern{"text": &into.Text, "not_text": &into.NotText, "greeting": &into.Greeting, "not_greeting": &into.NotGreeting, "account": &into.Account} {
			keys[key] = f.patterns(list)
		}
		keys["same"] = f.words(&into.Same)
		keys["wording"] = f.oneOf(&into.Wording, "wording", f.wordingIDs())
		f.fields(n, keys)
		for _, group := range into.Same {
			f.allow(n, "named group", group, f.own)
		}
		switch {
		case slices.Equal(into.Step, []string{"any"}):
			into.Step = nil
		case len(into.Step) == 0 && f.step == "any":
			f.fail(n, "a rule of any.yaml names its step, or any")
		case len(into.Step) == 0 && slices.Contains(into.Seen, cause.Pasted) && slices.Contains(connectionSteps(), f.step):
			into.Step = connectionSteps()
		case len(into.Step) == 0:
			into.Step = defaultSteps(f.step)
		}
	}
}

func (f *file) plainConditions(w *cause.When) map[string]func(*yaml.Node) {
	settings := []string{"from", "to", "account", "host", "helo"}
	return map[string]func(*yaml.Node){
		"step": f.oneOf(&w.Step, "step", append(cause.Steps(), "any")), "fault": f.oneOf(&w.Fault, "fault", cause.Faults()),
		"failed": f.truthWord(&w.Failed), "code": f.codes(&w.Code), "enhanced": f.enhanced(&w.Enhanced),
		"verb":     f.oneOf(&w.Verb, "verb", []string{"EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"}),
		"mentions": f.oneOf(&w.Mentions, "setting", settings), "not_mentions": f.oneOf(&w.NotMentions, "setting", settings),
		"service": f.oneOf(&w.Service, "service", f.serviceIDs()), "not_service": f.oneOf(&w.NotService, "service", f.serviceIDs()),
		"host": f.words(&w.Host), "provider": f.words(&w.Provider), "software": f.words(&w.Software),
		"host_kind":  f.oneOf(&w.HostKind, "kind of host", []string{"name", "bare-name", "ipv4", "ipv6", "localhost", "malformed"}),
		"encryption": f.oneOf(&w.Encryption, "encryption", []string{"starttls", "ssl", "none"}),
		"port":       f.numbers(&w.Port), "not_port": f.numbers(&w.NotPort),
		"account_form": f.oneOf(&w.AccountForm, "form of account", []string{"none", "address", "bare"}),
		"credential":   f.oneOf(&w.Credential, "credential", []string{"none", "password", "token"}),
		"mechanism":    f.words(&w.Mechanism), "used_by": f.oneOf(&w.UsedBy, "place", []string{"here", "cloud"}),
		"sender": f.oneOf(&w.Sender, "sender", []string{"account", "same-domain", "other-domain", "unknown"}),
		"known":  f.oneOf(&w.Known, "placeholder", cause.Placeholders()), "unknown": f.oneOf(&w.Unknown, "placeholder", cause.Placeholders()),
		"seen": f.seen(&w.Seen), "any_seen": f.seen(&w.AnySeen), "unseen": f.seen(&w.Unseen),
	}
}

func (f *file) truthWord(into *cause.Truth) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var is bool
		f.truth(&is)(n)
		*into = cause.No
		if is {
			*into = cause.Yes
		}
	}
}

// patterns compiles each pattern once, so that none can panic later.
func (f *file) patterns(into *[]cause.Pattern) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var list []string
		f.words(&list)(n)
		for _, p := range list {
			expr, err := cause.Compile(p)
			if err != nil {
				f.fail(n, "%v", err)
				continue
			}
			if expr.MatchString("") {
				f.fail(n, "pattern %q fits everything", p)
			}
			for _, name := range expr.SubexpNames() {
				if name != "" {
					f.own = append(f.own, name)
				}
			}
			*into = append(*into, cause.Pattern{Expr: p, Needs: needs(p)})
		}
	}
}

func (f *file) codes(into *[]cause.Codes) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var list []string
		f.words(&list)(n)
		for _, word := range list {
			c, ok := cause.ParseCodes(word)
			if !ok {
				f.fail(n, "%q is no reply code", word)
			}
			*into = append(*into, c)
		}
	}
}

func (f *file) enhanced(into *[]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		f.words(into)(n)
		for _, code := range *into {
			parts := strings.Split(code, ".")
			bad := slices.ContainsFunc(parts, func(p string) bool { _, err := strconv.Atoi(p); return err != nil && p != "x" })
			if len(parts) != 3 || bad {
				f.fail(n, "%q is no enhanced code", code)
			}
		}
	}
}

func (f *file) numbers(into *[]int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var list []string
		f.words(&list)(n)
		for _, word := range list {
			value, err := strconv.Atoi(word)
			if err != nil || value < 1 || value > 65535 {
				f.fail(n, "%q is no port", word)
			}
			*into = append(*into, value)
		}
	}
}

func (f *file) seen(into *[]cause.Observation) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var list []string
		f.oneOf(&list, "observation", f.observations)(n)
		for _, word := range list {
			*into = append(*into, cause.Observation(word))
		}
	}
}

// readExample reads facts. Step, failed and the kinds of host and account
// follow from the rest where they are not given.
func (f *file) readExample(n *yaml.Node, id string) Example {
	first := id
	x := cause.Facts{Seen: cause.Set{}, Values: map[string]string{}, Step: defaultSteps(f.step)[0]}
	var failed *bool
	isPasted := false
	var seen []cause.Observation
	f.fields(n, map[string]func(*yaml.Node){
		"behind": f.word(&first),
		"step":   typed(&f.reader, &x.Step, "step", cause.Steps()...),
		"pasted": func(n *yaml.Node) { // a text that shows no step
			f.truth(new(bool))(n)
			x.Step, failed = "", new(bool)
			*failed = true
			isPasted = true
		},
		"failed": func(n *yaml.Node) { failed = new(bool); f.truth(failed)(n) },
		"fault":  typed(&f.reader, &x.Fault, "fault", cause.Faults()...), "code": f.number(&x.Code), "enhanced": f.word(&x.Enhanced),
		"text": f.lines(&x.Text), "verb": f.word(&x.Verb), "host": f.word(&x.Host), "host_kind": f.word(&x.HostKind),
		"provider": f.word(&x.Provider), "greeting": f.word(&x.Greeting), "server_name": f.word(&x.ServerName), "software": f.word(&x.Software),
		"port": f.number(&x.Port), "encryption": typed(&f.reader, &x.Encryption, "encryption", "starttls", "ssl", "none"),
		"account": f.word(&x.Account), "account_form": f.word(&x.AccountForm), "from": f.word(&x.From), "to": f.word(&x.To),
		"credential": typed(&f.reader, &x.Credential, "credential", "none", "password", "token"), "mechanism": f.word(&x.Mechanism),
		"used_by": f.word(&x.UsedBy), "seen": f.seen(&seen), "values": f.valueMap(x.Values),
	})
	x.Seen.Add(seen...)
	if isPasted {
		x.Seen.Add(unknown(&x)...)
	}
	x.Failed = x.Fault != "" || x.Code >= 400
	if failed != nil {
		x.Failed = *failed
	}
	deriveForms(&x)
	return Example{Cause: id, First: first, File: f.file, Line: n.Line, Facts: x}
}

// unknown is what a pasted text leaves open.
func unknown(x *cause.Facts) []cause.Observation {
	seen := []cause.Observation{cause.Pasted}
	for o, is := range map[cause.Observation]bool{cause.HostUnknown: x.Host == "", cause.PortUnknown: x.Port == 0,
		cause.EncryptionUnknown: x.Encryption == "", cause.AccountUnknown: x.Account == ""} {
		if is {
			seen = append(seen, o)
		}
	}
	return seen
}

func (f *file) lines(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) { *into = strings.TrimSpace(n.Value) }
}

func (f *file) valueMap(into map[string]string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		keys := map[string]func(*yaml.Node){}
		for _, name := range cause.Placeholders() {
			keys[name] = func(n *yaml.Node) { into[name] = n.Value }
		}
		f.fields(n, keys)
	}
}

func deriveForms(x *cause.Facts) {
	if x.AccountForm == "" {
		switch {
		case x.Account == "":
			x.AccountForm = "none"
		case strings.Contains(x.Account, "@"):
			x.AccountForm = "address"
		default:
			x.AccountForm = "bare"
		}
	}
	if x.HostKind == "" && x.Host != "" {
		x.HostKind = "name"
		if !strings.Contains(x.Host, ".") {
			x.HostKind = "bare-name"
		}
	}
}
