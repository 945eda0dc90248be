package probe

import (
	"context"
	"fmt"
)

// STARTTLSEvidence is how the switch to TLS was answered.
type STARTTLSEvidence struct {
	Offered    *bool `json:"offered"`
	EarlyBytes *int  `json:"early_bytes"` // octets that waited before the handshake
}

func (*STARTTLSEvidence) isEvidence() {}

func (e *STARTTLSEvidence) summary(fault *Fault) string {
	switch {
	case fault == nil:
		return "accepted"
	case fault.Kind == NotOffered:
		return "the server does not offer STARTTLS on this port"
	case fault.Kind == EarlyBytes:
		return "bytes came before the handshake: somebody stands in between"
	}
	return ""
}

// starttlsStep asks for TLS (RFC 3207). Bytes that wait behind the 220 were
// injected by somebody who cannot speak TLS: recorded, then the step fails.
func starttlsStep(ctx context.Context, l *lane) (Evidence, error) {
	e := &STARTTLSEvidence{}
	hello, _ := l.seen[StepEHLO].(*EHLOEvidence)
	e.Offered = ptr(hello.offers("STARTTLS"))
	if !*e.Offered {
		return e, &Fault{Kind: NotOffered, Text: "STARTTLS is not among the capabilities"}
	}
	reply, err := l.conn.Command(ctx, "STARTTLS", "")
	if err != nil {
		return e, err
	}
	l.reply = &reply
	if reply.Code != 220 {
		return e, &refusal{reply}
	}
	early := len(l.conn.Waiting())
	e.EarlyBytes = &early
	if early > 0 {
		return e, &Fault{Kind: EarlyBytes, Text: fmt.Sprintf("%d octets came behind the 220, before the handshake", early)}
	}
	return e, nil
}

// awaitsTLS tells whether the server has said yes to STARTTLS.
func (l *lane) awaitsTLS() bool { return l.reply != nil && l.reply.Code == 220 }
