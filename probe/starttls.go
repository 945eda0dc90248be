package probe

import "context"

// STARTTLSEvidence is how the switch to TLS was answered.
type STARTTLSEvidence struct {
	Offered    *bool `json:"offered"`
	EarlyBytes *int  `json:"early_bytes"` // octets that waited before the handshake
}

func (*STARTTLSEvidence) isEvidence() {}

func starttlsStep(ctx context.Context, l *lane) (Evidence, error) { return &STARTTLSEvidence{}, nil }
