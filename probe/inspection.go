package probe

import (
	"time"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// InspectionSchema names the document that says how a message came.
const InspectionSchema = "smtpdx.inspection/v1"

// Hop is the stamp of one server on a message's way (Received, RFC 5321
// section 4.4). Lists of hops begin with the oldest.
type Hop struct {
	From    Maybe      `json:"from"` // the name that the sending side gave, else its address
	By      Maybe      `json:"by"`
	For     Maybe      `json:"for"`
	At      *time.Time `json:"at"`
	DelayMs *Ms        `json:"delay_ms"` // since the hop before; negative where their clocks differ
}

// Authentication is what one server found out about a message's sender
// (Authentication-Results, RFC 8601). What it does not mention is null.
type Authentication struct {
	Server Maybe            `json:"server"` // the name that it signs with
	SPF    *SPFResult       `json:"spf"`
	DKIM   List[DKIMResult] `json:"dkim"`
	DMARC  *DMARCResult     `json:"dmarc"`
	ARC    *ARCResult       `json:"arc"`
}

// SPFResult is the verdict on the envelope's sender (RFC 7208).
type SPFResult struct {
	Result  string `json:"result"` // pass, fail, softfail, neutral, none, temperror, permerror
	Domain  Maybe  `json:"domain"`
	Aligned *bool  `json:"aligned"` // with the domain of From, relaxed (RFC 7489 section 3.1)
}

// DKIMResult is the verdict on one signature (RFC 6376).
type DKIMResult struct {
	Result   string `json:"result"`
	Domain   Maybe  `json:"domain"`
	Selector Maybe  `json:"selector"`
	Aligned  *bool  `json:"aligned"`
}

// DMARCResult is the verdict on From (RFC 7489).
type DMARCResult struct {
	Result string `json:"result"`
	Domain Maybe  `json:"domain"`
	Policy Maybe  `json:"policy"` // none, quarantine, reject, where the server says it
}

// ARCResult is the verdict on the chain of seals (RFC 8617).
type ARCResult struct {
	Result  Maybe        `json:"result"`  // null: there are seals, and nobody says whether they are good
	Sealers List[string] `json:"sealers"` // domains, oldest first
}

// How a message came from its sender to where it was found.
type How string

// The ways.
const (
	Direct              How = "direct"
	Redirected          How = "redirected"
	RedirectedSRS       How = "redirected-srs" // with a rewritten envelope
	Resent              How = "resent"
	ForwardedAsNew      How = "forwarded-as-new"
	ForwardedAttachment How = "forwarded-as-attachment"
	FromRewritten       How = "from-rewritten"
	Undetermined        How = "undetermined"
)

// Inspection is the judgement on a message: how it came, and whether a program
// that reads its header gets the original sender.
type Inspection struct {
	How            How              `json:"how"`
	Confidence     cause.Confidence `json:"confidence"`
	SenderKept     *bool            `json:"sender_kept"` // nil: cannot be told
	OriginalSender Maybe            `json:"original_sender"`
	SenderField    Maybe            `json:"sender_field"` // where it stands, when it is kept: "From", "Reply-To", ...
	From           Maybe            `json:"from"`         // the address that From has now
	Via            Maybe            `json:"via"`          // the address that redirects, as said or as it shows
	Mailbox        Maybe            `json:"mailbox"`      // where it was found, as said or as it shows
	Rule           InspectionRule   `json:"rule"`
	DMARCSurvives  *bool            `json:"dmarc_survives"` // mail of a sender with p=reject comes through; nil: cannot be told
	DMARCReason    string           `json:"dmarc_reason"`
	Hops           List[Hop]        `json:"hops"`
	Authentication *Authentication  `json:"authentication"`
	Findings       List[Finding]    `json:"findings"`
	Next           List[Next]       `json:"next"`

	Saw   []cause.Observation `json:"-"` // for the rules
	Words map[string]string   `json:"-"` // for their texts
}

// InspectionRule is what a judgement rests on.
type InspectionRule struct {
	ID      string       `json:"id"`
	Text    string       `json:"text"`
	Headers List[string] `json:"headers"` // the fields that decided, as they stand
}
