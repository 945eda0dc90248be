package probe

import "github.com/smtpdx/smtpdx/probe/cause"

// Finding is a diagnosis: a cause, how sure it is, the evidence, and what to do.
type Finding struct {
	Cause       string                `json:"cause"`
	Step        Maybe                 `json:"step"`
	Address     Maybe                 `json:"address"`
	Severity    cause.Severity        `json:"severity"`
	Confidence  cause.Confidence      `json:"confidence"`
	Title       string                `json:"title"`
	Explanation string                `json:"explanation"`
	Who         cause.Who             `json:"who"`
	Fix         List[Fix]             `json:"fix"`
	Decides     List[Decides]         `json:"decides"`
	Evidence    List[FindingEvidence] `json:"evidence"`
	Links       List[Link]            `json:"links"`
}

// Fix is one thing to change.
type Fix struct {
	Text     string        `json:"text"`
	Who      cause.Who     `json:"who"`
	Setting  Maybe         `json:"setting"`
	From     Maybe         `json:"from"`
	To       Maybe         `json:"to"`
	Path     Maybe         `json:"path"`
	Commands List[Command] `json:"commands"`
}

// Command is a complete command for one shell.
type Command struct {
	Shell string `json:"shell"`
	Text  string `json:"text"`
}

// Decides is a question whose answer tells this cause from the next likely one.
type Decides struct {
	Question string `json:"question"`
	Command  Maybe  `json:"command"`
}

// FindingEvidence is an observation that the finding rests on.
type FindingEvidence struct {
	Step    Maybe  `json:"step"`
	Address Maybe  `json:"address"`
	Text    string `json:"text"`
}

// Link leads to somebody else's words on it.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}
