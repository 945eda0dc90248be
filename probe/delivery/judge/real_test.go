package judge_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// real is what testdata/real/index.json says of a message that real programs
// made. It was written down before anything judged the message.
type real struct {
	File     string  `json:"file"`
	Programs string  `json:"programs"`
	Sender   string  `json:"sender"`
	Via      string  `json:"via"`
	Mailbox  string  `json:"mailbox"`
	How      string  `json:"how"`
	Kept     *bool   `json:"sender_kept"`
	Original *string `json:"original_sender"`
	DKIM     string  `json:"dkim"` // kept, broken, none: as another program verified it
	Status   *string `json:"status"`
}

func realMessages(t *testing.T) []real {
	t.Helper()
	text, err := os.ReadFile("testdata/real/index.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []real
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// saved is the message with what DMARC must come to: a signature that holds
// survives; one that does not, or that is not there after a redirect, is
// refused. One that came in another name is not measured by the sender's policy.
func (r real) saved() saved {
	s := saved{File: "real/" + r.File, How: r.How, Kept: r.Kept, MadeBy: r.Programs}
	if r.Original != nil {
		s.Original = *r.Original
	}
	is := true
	not := false
	switch {
	case r.How == "forwarded-as-new" || r.How == "forwarded-as-attachment" || r.How == "from-rewritten", r.Status != nil:
	case r.DKIM == "none" && r.How == "direct":
	case r.DKIM == "kept":
		s.Survives = &is
	default:
		s.Survives = &not
	}
	return s
}

func TestMessagesOfRealProgramsAreJudgedAsTheyCame(t *testing.T) {
	right, all := 0, realMessages(t)
	for _, r := range all {
		alone, told := r.saved(), r.saved()
		told.Via, told.Sender = []string{r.Via}, r.Sender
		wrong := 0
		for what, s := range map[string]saved{"alone": alone, "told via and sender": told} {
			in := inspect(t, s)
			if list := differences(s, in); len(list) > 0 {
				wrong++
				t.Errorf("%s, %s: %s (rule %s: %s; %s)", r.File, what, strings.Join(list, "; "), in.Rule.ID, in.Rule.Text, in.DMARCReason)
			}
		}
		if wrong == 0 {
			right++
		}
	}
	t.Logf("%d of %d messages of real programs are judged as they came", right, len(all))
}
