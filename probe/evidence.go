package probe

// Evidence is what a step saw: one type per step, in that step's file, whose
// JSON has the fields of the contract. Nil fields were not observed.
type Evidence interface{ isEvidence() }

// EvidenceOf gives an empty evidence of the step's type, nil for an unknown step.
func EvidenceOf(id StepID) Evidence {
	switch id {
	case StepSettings:
		return &SettingsEvidence{}
	case StepDNS:
		return &DNSEvidence{}
	case StepTCP:
		return &TCPEvidence{}
	case StepGreeting:
		return &GreetingEvidence{}
	case StepEHLO, StepEHLOTLS:
		return &EHLOEvidence{}
	case StepSTARTTLS:
		return &STARTTLSEvidence{}
	case StepTLS:
		return &TLSEvidence{}
	case StepCertificate:
		return &CertificateEvidence{}
	case StepAuth:
		return &AuthEvidence{}
	case StepSender:
		return &SenderEvidence{}
	case StepMessage:
		return &MessageEvidence{}
	case StepDelivery:
		return &DeliveryEvidence{}
	case StepRedirect:
		return &RedirectEvidence{}
	}
	return nil
}
