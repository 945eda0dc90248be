package probe

import "context"

// EHLOEvidence is how the server introduced itself.
type EHLOEvidence struct {
	Helo         Maybe            `json:"helo"` // the name we gave
	Verb         Maybe            `json:"verb"` // EHLO or HELO
	ServerName   Maybe            `json:"server_name"`
	Capabilities List[Capability] `json:"capabilities"`
	Auth         List[string]     `json:"auth"`
	Added        List[string]     `json:"added"` // after TLS, against before
	Removed      List[string]     `json:"removed"`
}

// Capability is one line of an EHLO reply (RFC 5321 section 4.1.1.1).
type Capability struct {
	Keyword    string       `json:"keyword"`
	Parameters List[string] `json:"parameters"`
}

func (*EHLOEvidence) isEvidence() {}

func ehloStep(ctx context.Context, l *lane) (Evidence, error)    { return &EHLOEvidence{}, nil }
func ehloTLSStep(ctx context.Context, l *lane) (Evidence, error) { return &EHLOEvidence{}, nil }
