package source

import (
	"strings"
	"testing"
	"testing/fstest"
)

// readWith reads a file of causes beside a list of wordings.
func readWith(wordings, tcp string) error {
	_, err := Read(fstest.MapFS{
		"services.yaml": {Data: []byte("- {id: google, hosts: [gmail.com]}\n")},
		"wordings.yaml": {Data: []byte(wordings)},
		"tcp.yaml":      {Data: []byte(tcp)},
	}, []string{"side-lane"})
	return err
}

func TestWordingsAreSharedByTheirNames(t *testing.T) {
	const wordings = "- {id: refused, says: ['econnrefused', 'verbindung verweigert']}\n"
	uses := func(id string) string {
		return strings.Replace(good, "fault: [refused], text: ['by (?P<peer>\\w+)']", "wording: ["+id+"]", 1)
	}
	if err := readWith(wordings, uses("refused")); err != nil {
		t.Error(err)
	}
	for name, test := range map[string]struct{ wordings, tcp, want string }{
		"unknown":       {wordings, uses("rejected"), `unknown wording "rejected"`},
		"twice":         {wordings + wordings, uses("refused"), "need an id of their own"},
		"without words": {"- {id: refused, says: []}\n", uses("refused"), "and patterns"},
		"with a group":  {"- {id: refused, says: ['by (?P<who>x)']}\n", uses("refused"), "catch nothing"},
	} {
		if err := readWith(test.wordings, test.tcp); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
