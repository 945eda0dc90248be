package cause

// Entry is a cause as data/*.yaml has it. Texts may hold placeholders
// ({host}); of several variants the first is used that the facts can fill, and
// the last needs no filling.
type Entry struct {
	ID, Step           string
	Title, Explanation []string
	Who                Who
	Severity           Severity
	Fix                []FixEntry
	Decides            []DecidesEntry
	Links              []LinkEntry
	Over               []string // causes that this one removes
	Rules              []Rule
}

// Rule names its cause when all of When holds. What it says itself goes
// before what its entry says.
type Rule struct {
	When               When
	Confidence         Confidence
	General            bool // only when nothing special explains the failure
	Title, Explanation []string
	Who                Who
	Severity           Severity
	Fix                []FixEntry
	Decides            []DecidesEntry
	Over               []string
	Suggest            *Suggest // Host and Text are templates
}

// When is the closed vocabulary of conditions. Every list that is not empty
// must hold; one of its words is enough, but for Seen, of which all are needed.
type When struct {
	Step, Fault, Verb, HostKind, Encryption, AccountForm, Credential, Mechanism, UsedBy []string

	Failed      Truth
	Code        []Codes
	Enhanced    []string  // "5.7.8"; an x stands for any number
	Text        []Pattern // in the text with single blanks
	Wording     []string  // ids of wordings.yaml: what programs call a fault, in the text as well
	NotText     []Pattern // none of these
	Same        []string  // named groups of Text that must have caught the same word
	Mentions    []string  // from, to, account, host, helo: the text has this value in it
	NotMentions []string
	Greeting    []Pattern
	NotGreeting []Pattern // there is a greeting, and none of these is in it
	Service     []string  // ids of services.yaml, by any sign of them
	NotService  []string
	Host        []string // domains: the host itself or one under it
	Provider    []string // preset ids
	Software    []string // words in the name of the make
	Port        []int
	NotPort     []int
	Account     []Pattern
	Sender      []string // From against the account: account, same-domain, other-domain, unknown
	Known       []string // placeholders that the facts can fill
	Unknown     []string // placeholders that they cannot
	Seen        []Observation
	AnySeen     []Observation
	Unseen      []Observation
}

// Pattern is a regular expression (RE2), case-insensitive. A text that has
// none of Needs (lower case) in it cannot fit, so the expression need not be
// compiled; the generator works Needs out.
type Pattern struct {
	Expr  string
	Needs []string
}

// Truth is yes, no, or (zero) either.
type Truth string

// The truths that a condition can ask for.
const (
	Yes Truth = "yes"
	No  Truth = "no"
)

// Codes is a range of reply codes, both ends in it.
type Codes struct{ From, To int }

// FixEntry is a Fix with templates, given only when When holds.
type FixEntry struct {
	When                    *When
	Text                    string
	Who                     Who
	Setting, From, To, Path string
	Commands                []Command
}

// DecidesEntry is a Decides with templates, given only when When holds.
type DecidesEntry struct {
	When              *When
	Question, Command string
}

// LinkEntry is a link, given only when When holds.
type LinkEntry struct {
	When       *When
	Title, URL string
}

// Wording is what programs and systems, in their languages, call one and the
// same fault: a list that rules refer to.
type Wording struct {
	ID   string
	Says []Pattern
}

// Service is who answers: a provider or a make of server, and the signs of it.
// Words are lower case.
type Service struct {
	ID        string
	Hosts     []string // domains of the host or of the server's own name
	Providers []string // preset ids
	Greetings []string // words in the greeting, and in its software's name
	Replies   []string // words in the reply
}
