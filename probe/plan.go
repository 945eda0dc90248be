package probe

import (
	"context"
	"slices"
)

// StepID names one question put to the network or server.
type StepID string

// The steps. Their order in a run is the plan's.
const (
	StepSettings    StepID = "settings"
	StepDNS         StepID = "dns"
	StepTCP         StepID = "tcp"
	StepGreeting    StepID = "greeting"
	StepEHLO        StepID = "ehlo"
	StepSTARTTLS    StepID = "starttls"
	StepTLS         StepID = "tls"
	StepCertificate StepID = "certificate"
	StepEHLOTLS     StepID = "ehlo-tls"
	StepAuth        StepID = "auth"
	StepSender      StepID = "sender"
	StepMessage     StepID = "message"
	StepDelivery    StepID = "delivery"
	StepRedirect    StepID = "redirect"
)

// AllSteps are the ids a plan can hold, for completion and validation.
func AllSteps() []StepID {
	return []StepID{StepSettings, StepDNS, StepTCP, StepGreeting, StepEHLO, StepSTARTTLS, StepTLS,
		StepCertificate, StepEHLOTLS, StepAuth, StepSender, StepMessage,
		StepDelivery, StepRedirect}
}

// CheckSteps are those that a check can have: all up to the message.
func CheckSteps() []StepID {
	all := AllSteps()
	return all[:slices.Index(all, StepMessage)]
}

// Scope tells how often a step runs.
type Scope int

// The scopes.
const (
	Once     Scope = iota // before the addresses are known
	PerLane               // on every address
	MainLane              // with the account, on one address only
)

// Step is one line of the plan.
type Step struct {
	ID    StepID
	Title string
	Scope Scope
	Skip  func(Settings) SkipReason // nil or "": it runs
	do    func(context.Context, *lane) (Evidence, error)
}

// Plan gives the ordered steps for resolved settings (encryption is not auto).
// It is the table of contents of the program.
func Plan(s Settings) []Step {
	steps := []Step{
		{ID: StepSettings, Title: "settings", Scope: Once, do: settingsStep},
		{ID: StepDNS, Title: "name look-up", Scope: Once, Skip: skipDNS, do: dnsStep},
		{ID: StepTCP, Title: "connection", Scope: PerLane, do: tcpStep},
	}
	greeting := Step{ID: StepGreeting, Title: "greeting", Scope: PerLane, do: greetingStep}
	ehlo := Step{ID: StepEHLO, Title: "EHLO", Scope: PerLane, do: ehloStep}
	handshake := Step{ID: StepTLS, Title: "TLS handshake", Scope: PerLane, do: tlsStep}
	certificate := Step{ID: StepCertificate, Title: "certificate", Scope: PerLane, do: certificateStep}
	switch s.Encryption {
	case SSL:
		steps = append(steps, handshake, certificate, greeting, ehlo)
	case NoEncryption:
		steps = append(steps, greeting, ehlo)
	default:
		steps = append(steps, greeting, ehlo,
			Step{ID: StepSTARTTLS, Title: "STARTTLS", Scope: PerLane, do: starttlsStep},
			handshake, certificate,
			Step{ID: StepEHLOTLS, Title: "EHLO after TLS", Scope: PerLane, do: ehloTLSStep})
	}
	steps = append(steps,
		Step{ID: StepAuth, Title: "login", Scope: MainLane, Skip: skipAuth, do: authStep},
		Step{ID: StepSender, Title: "sender", Scope: MainLane, Skip: skipSender, do: senderStep})
	if s.Message != nil {
		steps = append(steps, Step{ID: StepMessage, Title: "test message", Scope: MainLane, do: messageStep})
	}
	if s.Message != nil && s.Follow != nil {
		steps = append(steps, Step{ID: StepDelivery, Title: "delivery", Scope: MainLane, Skip: skipDelivery, do: deliveryStep})
	}
	if s.Message != nil && s.Follow != nil && s.Redirect != nil {
		steps = append(steps, Step{ID: StepRedirect, Title: "redirect", Scope: MainLane, Skip: skipDelivery, do: redirectStep})
	}
	return steps
}

// stepIDs gives the plan as data.
func stepIDs(plan []Step) List[StepID] {
	var ids List[StepID]
	for _, step := range plan {
		ids = append(ids, step.ID)
	}
	return ids
}

// position gives the place of a step in the plan of these settings.
func position(plan []Step, id StepID) int {
	return slices.IndexFunc(plan, func(s Step) bool { return s.ID == id })
}
