package probe

import "context"

// SenderEvidence is who may be sender, as far as it shows before a message.
type SenderEvidence struct {
	Tries    List[SenderTry] `json:"tries"`
	SMTPUTF8 *bool           `json:"smtputf8"` // used
}

// SenderTry is one pair of MAIL FROM and RCPT TO.
type SenderTry struct {
	From          string `json:"from"`
	To            string `json:"to"`
	AccountItself bool   `json:"account_itself"`
	Refused       Maybe  `json:"refused"` // sender, recipient, unclear
	Reply         *Reply `json:"reply"`
}

func (*SenderEvidence) isEvidence() {}

func skipSender(s Settings) SkipReason { return "" }

func senderStep(ctx context.Context, l *lane) (Evidence, error) { return &SenderEvidence{}, nil }
