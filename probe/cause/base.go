package cause

// Base is the knowledge base: causes and the rules that name them.
type Base struct{}

// Found is a cause that fits facts, with its texts filled in.
type Found struct {
	Cause       string
	Severity    Severity
	Confidence  Confidence
	Title       string
	Explanation string
	Who         Who
	Fix         []Fix
	Decides     []Decides
	Links       []Link
	Suggest     *Suggest
}

// Fix is one thing to change.
type Fix struct {
	Text                    string
	Who                     Who
	Setting, From, To, Path string
	Commands                []Command
}

// Command is a complete command for one shell.
type Command struct{ Shell, Text string }

// Decides is a question that tells this cause from the next likely one.
type Decides struct{ Question, Command string }

// Link leads to a source.
type Link struct{ Title, URL string }

// Suggest is a change of settings that is likely to help; empty fields stay as they are.
type Suggest struct {
	Host       string
	Port       int
	Encryption string
	Text       string
}

// Builtin gives the knowledge base that the binary holds.
func Builtin() *Base { return &Base{} }

// Match names the causes that fit, the most likely first.
func (b *Base) Match(f Facts) []Found { return nil }
