package probe

import (
	"context"
	"time"
)

// CertificateEvidence is the chain as sent and the judgements on it.
type CertificateEvidence struct {
	HostChecked   Maybe             `json:"host_checked"`
	Chain         List[Certificate] `json:"chain"`
	TrustedPublic *bool             `json:"trusted_public"`
	TrustedHere   *bool             `json:"trusted_here"`
	NameMatches   *bool             `json:"name_matches"`
	DaysLeft      *int              `json:"days_left"`
	Problems      List[string]      `json:"problems"` // cause.Observation words certificate-*
}

// Certificate is one certificate of the chain.
type Certificate struct {
	Subject    string       `json:"subject"`
	Issuer     string       `json:"issuer"`
	Names      List[string] `json:"names"`
	NotBefore  time.Time    `json:"not_before"`
	NotAfter   time.Time    `json:"not_after"`
	Key        string       `json:"key"`
	Signature  string       `json:"signature"`
	SHA256     string       `json:"sha256"`
	SelfSigned bool         `json:"self_signed"`
	PEM        string       `json:"pem"`
}

func (*CertificateEvidence) isEvidence() {}

func certificateStep(ctx context.Context, l *lane) (Evidence, error) {
	return &CertificateEvidence{}, nil
}
