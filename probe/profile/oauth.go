package profile

import (
	"slices"
	"strings"

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
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if seen[key.Value] {
			return o, p.twice(key)
		}
		seen[key.Value] = true
		if wrong := p.oauthKey(o, key, resolve(n.Content[i+1])); wrong != nil {
			return o, wrong
		}
	}
	if name := o.words["oauth"]; name != "microsoft" && name != "google" {
		return o, usage("oauth: microsoft or oauth: google.", "%s: tokens come from microsoft or google", p.at(child(n, "oauth")))
	}
	return o, nil
}

func (p *parser) oauthKey(o *oauth, key, body *yaml.Node) *UsageError {
	words, secrets := oauthKeys()
	switch {
	case slices.Contains(secrets, key.Value):
		return p.oauthSecret(o, key, body)
	case key.Value == "scopes":
		return p.oauthScopes(o, body)
	case !slices.Contains(words, key.Value):
		return p.unknown(key, slices.Concat(words, secrets, []string{"scopes"}))
	case body.Kind != yaml.ScalarNode || body.Value == "" || body.Tag == "!!null":
		return usage("token: {oauth: microsoft, client_id: ID, tenant: example.com}", "%s: %s wants one value", p.at(body), key.Value)
	}
	o.words[key.Value] = body.Value
	return nil
}

// oauthSecret takes a source only: what stands in the file is not repeated.
func (p *parser) oauthSecret(o *oauth, key, body *yaml.Node) *UsageError {
	hint := "Write it as " + key.Value + ": {env: NAME}, {file: PATH} or {command: [program, argument]}."
	if body.Kind != yaml.MappingNode {
		return usage(hint, "%s: %s does not stand in the file itself", p.at(body), key.Value)
	}
	v, wrong := p.secret(key, &value{at: p.at(body), level: levelFile, file: &p.origin}, body)
	switch {
	case wrong != nil:
		return usage(hint, "%s", wrong.Text)
	case v.source.Kind == "keyring": // has the account's own password under the same names
		return usage(hint, "%s: %s cannot come from the keyring", p.at(body), key.Value)
	}
	o.secrets[key.Value] = v
	return nil
}

func (p *parser) oauthScopes(o *oauth, body *yaml.Node) *UsageError {
	items := []*yaml.Node{body}
	if body.Kind == yaml.SequenceNode {
		items = body.Content
	}
	for _, item := range items {
		item = resolve(item)
		if item.Kind != yaml.ScalarNode || item.Value == "" || item.Tag == "!!null" {
			return usage("Write it as scopes: [https://outlook.office.com/SMTP.Send, offline_access].", "%s: this is no scope", p.at(item))
		}
		o.scopes = append(o.scopes, strings.Fields(item.Value)...)
	}
	return nil
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
	r.ClientSecret, r.Key = b.oauthValue(o, "client_secret"), b.oauthValue(o, "key")
	return r
}

// oauthValue is unset where the file names no source for it.
func (b *builder) oauthValue(o *oauth, name string) secret.Value {
	v := o.secrets[name]
	if v == nil {
		return secret.Value{}
	}
	read, wrong := b.read(&credential{key: name + " of the token", source: *v.source, level: levelFile, at: v.at, file: v.file}, b.s.Account)
	if wrong != nil {
		wrong.Key = "token"
		b.reject(wrong)
	}
	return read
}
