package probe

import (
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

func PasswordRemarks(secret.Value) []cause.Observation { return nil }
