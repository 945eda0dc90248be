package profile

import (
	"context"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// Read gets one secret from where a flag says it is; what names it in errors
// (token, client secret), at the flag. The account is wanted for the keyring
// only. Errors are *UsageError and hold nothing of the secret.
func Read(ctx context.Context, w World, what, at string, s Source, account string) (secret.Value, error) {
	l := &loader{ctx: ctx, world: w}
	v, wrong := l.read(&credential{key: what, source: s, at: at}, account)
	if wrong != nil {
		return secret.Value{}, wrong
	}
	return v, nil
}
