package main

import (
	"context"
	"crypto/x509"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// load reads the settings of one HOST[:PORT] and of the flags.
func (o *checkOptions) load(_ context.Context, p *process, targets []string, _ bool) ([]probe.Settings, error) {
	f := &o.settings
	s := probe.Settings{Host: *f.values["host"], Account: *f.values["account"], Auth: *f.values["auth"], Helo: *f.values["helo"],
		From: *f.lists["from"], To: *f.lists["to"], Encryption: probe.Encryption(*f.values["encryption"]), UsedBy: "here", TLSMin: 0x303,
		CAFile: *f.values["ca-file"], TLSServerName: *f.values["tls-server-name"], Insecure: *f.bools["insecure"],
		AllowPlaintextAuth: *f.bools["allow-plaintext-auth"], Resolver: *f.values["resolver"], Origins: map[string]probe.Origin{}}
	port := *f.values["port"]
	if len(targets) > 0 {
		s.Host = targets[0]
		if host, own, err := net.SplitHostPort(targets[0]); err == nil {
			s.Host, port = host, own
		}
	}
	if s.Host == "" {
		return nil, usage("--host HOST or -c FILE", "no settings given")
	}
	if s.Encryption == "" {
		s.Encryption = probe.Auto
	}
	s.Port, _ = strconv.Atoi(port)
	if s.Port == 0 {
		s.Port = 587
	}
	if len(s.From) == 0 && strings.Contains(s.Account, "@") {
		s.From = []string{s.Account}
	}
	if s.Resolver != "" && !strings.Contains(s.Resolver, ":") {
		s.Resolver += ":53"
	}
	s.Timeout, _ = time.ParseDuration(*f.values["timeout"])
	if *f.bools["ipv4-only"] {
		s.Family = 4
	}
	if proxy := *f.values["proxy"]; proxy != "" {
		s.Proxy, s.ProxyURL = proxy, secret.New(proxy)
	}
	s.Password = credential(p, *f.values["password-env"], "SMTPDX_PASSWORD")
	s.Token = credential(p, *f.values["token-env"], "SMTPDX_TOKEN")
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, usage("", "%v", err)
		}
		s.CA = x509.NewCertPool()
		s.CA.AppendCertsFromPEM(pem)
	}
	return []probe.Settings{s}, nil
}

func credential(p *process, names ...string) probe.Credential {
	for _, name := range names {
		if value := p.getenv(name); name != "" && value != "" {
			return probe.Credential{Value: secret.New(value), Source: "env"}
		}
	}
	return probe.Credential{}
}

func (o *checkOptions) loadAnswers(ctx context.Context, p *process, a answers) ([]probe.Settings, error) {
	*o.settings.values["port"], *o.settings.values["encryption"] = a.port, a.encryption
	*o.settings.values["account"] = a.account
	return o.load(ctx, p, []string{a.host}, true)
}

func (o *checkOptions) completeTargets(*process) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}
