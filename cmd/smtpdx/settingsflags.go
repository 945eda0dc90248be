package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/profile"
)

// settingsFlags are the flags of the contract's table of settings, as texts:
// what they mean is the business of package profile.
type settingsFlags struct {
	values map[string]*string   // by flag, of those with one value
	lists  map[string]*[]string // by flag, of those that may be repeated
	bools  map[string]*bool     // by flag
	set    *pflag.FlagSet
	config string
	all    bool
	until  string
	noAsk  bool
	yes    bool
	follow bool // the inbox is wanted too

	noAlternatives bool
}

// add adds the flags of a command for any number of profiles.
func (s *settingsFlags) add(flags *pflag.FlagSet) {
	s.addSettings(flags)
	inGroup(flags, "Which settings, how far", func(f *pflag.FlagSet) {
		s.addConfig(f)
		f.BoolVar(&s.all, "all", false, "every profile of the file")
		f.StringVar(&s.until, "until", "", "stop after `STEP`; settings contacts nothing")
		s.addAsking(f, "send the password to a server that was found outside the address's domain")
	})
}

// addForOne adds those of a command for one profile that goes to its end.
func (s *settingsFlags) addForOne(flags *pflag.FlagSet) {
	s.addSettings(flags)
	inGroup(flags, "Which settings", func(f *pflag.FlagSet) {
		s.addConfig(f)
		s.addAsking(f, "send the message, and the password to a server that was found outside the address's domain")
	})
}

func (s *settingsFlags) addConfig(f *pflag.FlagSet) {
	f.StringVarP(&s.config, "config", "c", "", "settings `FILE` (default ./smtpdx.yaml, then smtpdx/smtpdx.yaml in the user's configuration folder)")
}

func (s *settingsFlags) addAsking(f *pflag.FlagSet, what string) {
	f.BoolVar(&s.noAlternatives, "no-alternatives", false, "do not try other settings when a connection does not come about")
	f.BoolVar(&s.noAsk, "no-input", false, "never ask (also when CI is set)")
	f.BoolVar(&s.yes, "yes", false, "do what would be asked: "+what)
}

func (s *settingsFlags) addSettings(flags *pflag.FlagSet) {
	s.values, s.lists, s.bools = map[string]*string{}, map[string]*[]string{}, map[string]*bool{}
	s.set = flags
	inGroup(flags, "Settings", func(f *pflag.FlagSet) {
		s.text(f, "host", "", "server `NAME` or address")
		s.text(f, "port", "", "`PORT`: default 587, for ssl 465, for none 25")
		s.text(f, "encryption", "", "`MODE`: starttls, ssl (TLS from the first byte), none, or auto (default)")
		s.text(f, "account", "u", "login `NAME`; without it no login is tried")
		s.list(f, "from", "`ADDRESS` that must be allowed as sender (default: the account); repeatable")
		s.list(f, "to", "`ADDRESS` of the recipient to ask for (default: the sender); repeatable")
		s.text(f, "auth", "", "force a `MECHANISM`: PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-256, XOAUTH2, ...")
		s.text(f, "helo", "", "EHLO `NAME`")
		s.text(f, "preset", "", "provider `ID` (smtpdx presets list) whose values fill what is not given")
		s.text(f, "used-by", "", "`WHERE` the application runs: here (default) or cloud")
	})
	inGroup(flags, "Password or token (no flag takes the secret itself)", func(f *pflag.FlagSet) {
		for _, kind := range []string{"password", "token"} {
			s.text(f, kind+"-env", "", "the "+kind+" stands in the variable `NAME`")
			s.text(f, kind+"-file", "", "... in `FILE`; one line end is removed")
			s.text(f, kind+"-command", "", "... is what `CMD` prints")
			s.flag(f, kind+"-stdin", "... comes on standard input")
			s.text(f, kind+"-keyring", "", "... in the system's keyring, under `SERVICE`")
			f.Lookup(kind + "-keyring").NoOptDefVal = profile.KeyringService
		}
	})
	inGroup(flags, "TLS", func(f *pflag.FlagSet) {
		s.text(f, "ca-file", "", "trust the certificates in `FILE` in place of the system's")
		s.text(f, "tls-server-name", "", "`NAME` that the certificate must carry (default: the host)")
		s.text(f, "tls-min", "", "lowest TLS `VERSION`, 1.0 to 1.3 (default 1.2)")
		s.text(f, "client-cert", "", "client certificate, PEM `FILE`")
		s.text(f, "client-key", "", "its key, PEM `FILE`")
		s.flag(f, "insecure", "go on past a bad certificate; it is still reported")
		s.flag(f, "allow-plaintext-auth", "log in although the line is not encrypted")
	})
	inGroup(flags, "Network", func(f *pflag.FlagSet) {
		s.text(f, "resolver", "", "ask this DNS server, `IP[:PORT]`")
		f.BoolVarP(s.bool("ipv4-only"), "ipv4-only", "4", false, "IPv4 only")
		f.BoolVarP(s.bool("ipv6-only"), "ipv6-only", "6", false, "IPv6 only")
		s.text(f, "proxy", "", "`URL`, socks5:// or http:// (the proxy resolves), socks5+local://")
		s.text(f, "timeout", "", "`TIME` for each step, as in 10s or 2m (default 10s, greeting 30s)")
		s.text(f, "deadline", "", "`TIME` for the whole probe (default 60s)")
	})
}

func (s *settingsFlags) text(f *pflag.FlagSet, name, short, usage string) {
	s.values[name] = new(string)
	f.StringVarP(s.values[name], name, short, "", usage)
}

func (s *settingsFlags) list(f *pflag.FlagSet, name, usage string) {
	s.lists[name] = new([]string)
	f.StringArrayVar(s.lists[name], name, nil, usage)
}

func (s *settingsFlags) flag(f *pflag.FlagSet, name, usage string) {
	f.BoolVar(s.bool(name), name, false, usage)
}

func (s *settingsFlags) bool(name string) *bool {
	s.bools[name] = new(bool)
	return s.bools[name]
}

// check looks at what only the command line can get wrong.
func (s *settingsFlags) check() error {
	if _, pass, found := strings.Cut(*s.values["account"], "@"); found && strings.Contains(pass, ":") && !strings.Contains(pass, "]") {
		return usage("-u takes the account alone. "+noPasswordFlag, "the account looks like account:password")
	}
	if *s.bools["ipv4-only"] && *s.bools["ipv6-only"] {
		return usage("", "-4 and -6 cannot be used together")
	}
	if s.until != "" && !isStep(s.until) {
		return usage("One of: "+strings.Join(stepNames(), ", ")+".", "--until: there is no such step")
	}
	return nil
}

func isStep(word string) bool {
	for _, name := range stepNames() {
		if name == word {
			return true
		}
	}
	return false
}

func stepNames() []string {
	var names []string
	for _, id := range probe.CheckSteps() {
		names = append(names, string(id))
	}
	return names
}

// complete names the values that flags can have.
func (s *settingsFlags) complete(cmd *cobra.Command) {
	completeWith(cmd, "encryption", "starttls", "ssl", "none", "auto")
	completeWith(cmd, "until", stepNames()...)
	completeWith(cmd, "auth", "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER")
	completeWith(cmd, "used-by", "here", "cloud")
	completeWith(cmd, "preset", presets.IDs()...)
	completeWith(cmd, "tls-min", "1.0", "1.1", "1.2", "1.3")
	for _, name := range []string{"host", "port", "account", "from", "to", "helo", "tls-server-name", "resolver", "proxy", "timeout", "deadline",
		"password-env", "token-env", "password-command", "token-command", "password-keyring", "token-keyring"} {
		completeWith(cmd, name)
	}
}
