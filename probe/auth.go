package probe

import "context"

// AuthEvidence is how the login went.
type AuthEvidence struct {
	Mechanism      Maybe             `json:"mechanism"` // of the last attempt
	Offered        List[string]      `json:"offered"`
	Attempts       List[AuthAttempt] `json:"attempts"`
	OAuthError     *OAuthError       `json:"oauth_error"`
	ChannelBinding Maybe             `json:"channel_binding"` // tls-exporter, tls-unique
}

// AuthAttempt is one AUTH command.
type AuthAttempt struct {
	Mechanism       string `json:"mechanism"`
	InitialResponse bool   `json:"initial_response"`
}

// OAuthError is the decoded challenge of a refused token (RFC 7628 section 3.2.2).
type OAuthError struct {
	Status  string `json:"status"`
	Schemes string `json:"schemes"`
	Scope   string `json:"scope"`
}

func (*AuthEvidence) isEvidence() {}

func skipAuth(s Settings) SkipReason { return "" }

func authStep(ctx context.Context, l *lane) (Evidence, error) { return &AuthEvidence{}, nil }
