package probe

import "context"

// GreetingEvidence is what the server said first.
type GreetingEvidence struct {
	HostName   Maybe `json:"host_name"`
	Software   Maybe `json:"software"`
	LooksLike  Maybe `json:"looks_like"` // smtp, http, imap, pop3, ssh, ftp, tls, nothing, unknown
	TLSAnswers *bool `json:"tls_answers"`
}

func (*GreetingEvidence) isEvidence() {}

func greetingStep(ctx context.Context, l *lane) (Evidence, error) { return &GreetingEvidence{}, nil }
