package profile

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// oauth is a token that is to be fetched, as the file says it.
type oauth struct {
	words   map[string]string
	scopes  []string
	secrets map[string]*value
}

// oauthKeys are the words below token: {oauth: ...}, by what they hold.
func oauthKeys() (words, secrets []string) {
	return []string{"oauth", "client_id", "tenant", "flow", "token_cache", "authority", "auth_url", "token_url", "device_url"},
		[]string{"client_secret", "key"}
}

func (p *parser) oauth(n *yaml.Node) (*oauth, *UsageError) {
	o := &oauth{words: map[string]string{}, secrets: map[string]*value{}}
	words, secrets := oauthKeys()
	known := slices.Concat(words, secrets, []string{"scopes"})
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, body := n.Content[i], resolve(n.Content[i+1])
		switch {
		case slices.Contains(secrets, key.Value):
			v := &value{at: p.at(body), level: levelFile, file: &p.origin}
			v, wrong := p.secret(key, v, body)
			if wrong != nil {
				return o, wrong
			}
			if v == nil || v.source.Kind == "literal" {
				return o, usage("Write it as "+key.Value+": {env: NAME}, {file: PATH} or {command: [program, argument]}.", "%s: %s does not stand in the file itself", p.at(body), key.Value)
			}
			o.secrets[key.Value] = v
		case key.Value == "scopes" && body.Kind == yaml.SequenceNode:
			for _, item := range body.Content {
				o.scopes = append(o.scopes, resolve(item).Value)
			}
		case !slices.Contains(words, key.Value):
			return o, p.unknown(key, known)
		case body.Kind != yaml.ScalarNode || body.Value == "":
			return o, usage("token: {oauth: microsoft, client_id: ID, tenant: example.com}", "%s: %s wants one value", p.at(body), key.Value)
		default:
			o.words[key.Value] = body.Value
		}
	}
	if name := o.words["oauth"]; name != "microsoft" && name != "google" {
		return o, usage("oauth: microsoft or oauth: google.", "%s: tokens come from microsoft or google", p.at(n))
	}
	return o, nil
}

// oauthRequest reads the secrets of a token that is to be fetched later.
func (b *builder) oauthRequest(c *credential) *probe.OAuth {
	o := c.source.OAuth
	r := &probe.OAuth{Provider: o.words["oauth"], Flow: o.words["flow"], ClientID: o.words["client_id"], Tenant: o.words["tenant"],
		Authority: o.words["authority"], AuthURL: o.words["auth_url"], TokenURL: o.words["token_url"], DeviceURL: o.words["device_url"], Scopes: o.scopes}
	if path := o.words["token_cache"]; path != "" {
		r.Cache = c.file.beside(path)
	}
	if !reachesLogin(b.flags.Until) {
		return r
	}
	for name, into := range map[string]*secret.Value{"client_secret": &r.ClientSecret, "key": &r.Key} {
		v := o.secrets[name]
		if v == nil {
			continue
		}
		read, wrong := b.read(&credential{key: fmt.Sprintf("%s of the token", name), source: *v.source, level: levelFile, at: v.at, file: v.file}, b.s.Account)
		if wrong != nil {
			wrong.Key = "token"
			b.reject(wrong)
		}
		*into = read
	}
	return r
}
