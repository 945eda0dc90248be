package probe

import (
	"encoding/json"
	"time"

	"github.com/smtpdx/smtpdx/probe/wire"
)

// ReportSchema names the JSON document that Report is.
const ReportSchema = "smtpdx.report/v1"

// Report is what one run found out: the fold of its events, and the JSON
// document of that schema. Nothing in it is secret.
type Report struct {
	Schema     string       `json:"schema"`
	Tool       Tool         `json:"tool"`
	Command    string       `json:"command"`
	Masked     bool         `json:"masked"` // stand-ins are in the place of names
	StartedAt  time.Time    `json:"started_at"`
	DurationMs Ms           `json:"duration_ms"`
	Verdict    Status       `json:"verdict"`
	ExitCode   int          `json:"exit_code"`
	Vantage    Vantage      `json:"vantage"`
	Results    List[Result] `json:"results"`
}

// Tool is the program that made the report.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Vantage is where the run looked from.
type Vantage struct {
	OS           string       `json:"os"`
	Environment  List[string] `json:"environment"` // container, ci, wsl, ssh, vpn as far as seen
	LocalAddress Maybe        `json:"local_address"`
	SeenAs       Maybe        `json:"seen_as"` // the client address as the server named it
	Resolver     Maybe        `json:"resolver"`
	Proxy        Maybe        `json:"proxy"`
}

// Result is what one profile's probe found out.
type Result struct {
	Profile     Maybe                `json:"profile"`
	Verdict     Status               `json:"verdict"`
	FailedStep  Maybe                `json:"failed_step"`
	Address     Maybe                `json:"address"` // the main lane's
	Interrupted bool                 `json:"interrupted"`
	Settings    ShownSettings        `json:"settings"`
	Steps       List[StepResult]     `json:"steps"`
	Findings    List[Finding]        `json:"findings"`
	Suggestion  *Suggestion          `json:"suggestion"`
	Next        List[Next]           `json:"next"`
	Transcript  List[TranscriptLine] `json:"transcript"`

	planned List[StepID] // for the order of the steps
}

// ShownSettings are the settings as a report shows them: no secret, and where each value came from.
type ShownSettings struct {
	Host               Maybe             `json:"host"`
	Port               *int              `json:"port"`
	Encryption         Maybe             `json:"encryption"`
	Account            Maybe             `json:"account"`
	Auth               Maybe             `json:"auth"`
	From               List[string]      `json:"from"`
	To                 List[string]      `json:"to"`
	Helo               Maybe             `json:"helo"`
	Preset             Maybe             `json:"preset"`
	Provider           Maybe             `json:"provider"`
	UsedBy             Maybe             `json:"used_by"`
	CAFile             Maybe             `json:"ca_file"`
	TLSServerName      Maybe             `json:"tls_server_name"`
	TLSMin             Maybe             `json:"tls_min"`
	Insecure           bool              `json:"insecure"`
	AllowPlaintextAuth bool              `json:"allow_plaintext_auth"`
	Resolver           Maybe             `json:"resolver"`
	Family             *int              `json:"family"`
	Proxy              Maybe             `json:"proxy"`
	TimeoutMs          *Ms               `json:"timeout_ms"`
	DeadlineMs         *Ms               `json:"deadline_ms"`
	Password           *SecretSource     `json:"password"`
	Token              *SecretSource     `json:"token"`
	Origins            map[string]Origin `json:"origins"`
}

// SecretSource tells where a credential came from, never what it is.
type SecretSource struct {
	Source string `json:"source"` // env, file, command, stdin, keyring, prompt, literal
}

// Origin tells where a setting came from.
type Origin struct {
	From  string `json:"from"` // flag, target, env, file, preset, default, found, asked
	Where string `json:"where"`
}

// Status is how a step or a run ended.
type Status string

// The statuses; the verdict of a result or report is one of the first three.
const (
	Pass Status = "pass"
	Warn Status = "warn"
	Fail Status = "fail"
	Skip Status = "skip"
)

// SkipReason tells why a step did not run.
type SkipReason string

// The skip reasons.
const (
	NotAsked      SkipReason = "not-asked"
	NotApplicable SkipReason = "not-applicable"
	Blocked       SkipReason = "blocked"
	GivenUp       SkipReason = "given-up"
	Interrupted   SkipReason = "interrupted"
)

// StepResult is what one step saw on one address, or once.
type StepResult struct {
	ID         StepID         `json:"id"`
	Address    Maybe          `json:"address"`
	Connection *int           `json:"connection"` // counts connections of the run from 1, as in the transcript
	Status     Status         `json:"status"`
	SkipReason Maybe          `json:"skip_reason"`
	BlockedBy  Maybe          `json:"blocked_by"`
	StartedMs  *Ms            `json:"started_ms"`
	DurationMs *Ms            `json:"duration_ms"`
	Summary    string         `json:"summary"`
	Fault      *Fault         `json:"fault"`
	Reply      *Reply         `json:"reply"`
	Exchanges  List[Exchange] `json:"exchanges"`
	Evidence   Evidence       `json:"evidence"`
}

// UnmarshalJSON reads a step with the evidence type that its id names.
func (s *StepResult) UnmarshalJSON(b []byte) error {
	type plain StepResult
	aux := struct {
		*plain
		Evidence json.RawMessage `json:"evidence"`
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(b, &aux); err != nil {
		return err
	}
	s.Evidence = EvidenceOf(s.ID)
	if s.Evidence == nil || len(aux.Evidence) == 0 {
		return nil
	}
	return json.Unmarshal(aux.Evidence, s.Evidence)
}

// Reply is a server's reply as the report shows it.
type Reply struct {
	Code     int          `json:"code"`
	Enhanced Maybe        `json:"enhanced"`
	Lines    List[string] `json:"lines"`
}

func shownReply(r *wire.Reply) *Reply {
	if r == nil {
		return nil
	}
	return &Reply{Code: r.Code, Enhanced: Maybe(r.Enhanced), Lines: r.Lines}
}

// Exchange is one command with the reply to it.
type Exchange struct {
	Command    string `json:"command"`
	Argument   string `json:"argument"`
	Reply      *Reply `json:"reply"`
	DurationMs Ms     `json:"duration_ms"`
}

// TranscriptLine is one line that went over a connection, redacted.
type TranscriptLine struct {
	AtMs       Ms     `json:"at_ms"`
	Connection int    `json:"connection"`
	Address    Maybe  `json:"address"`
	Purpose    string `json:"purpose"` // lane, tls-probe, version-probe, alternative, imap
	From       string `json:"from"`    // client, server, note
	Text       string `json:"text"`
}

// Suggestion is a set of settings that is likely to work; Verified only when it was seen to.
type Suggestion struct {
	Settings SuggestedSettings `json:"settings"`
	Verified bool              `json:"verified"`
	Text     string            `json:"text"`
}

// SuggestedSettings are what to enter.
type SuggestedSettings struct {
	Host       string `json:"host"`
	Port       int    `json:"port"`
	Encryption string `json:"encryption"`
	Account    Maybe  `json:"account"`
}

// Next is what to do next, with the command for it.
type Next struct {
	Text    string `json:"text"`
	Command Maybe  `json:"command"`
	Shell   Maybe  `json:"shell"` // posix or powershell
}
