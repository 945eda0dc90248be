package source

import (
	"strings"
	"testing"
	"testing/fstest"
)

// readParts reads the good file and what another one adds.
func readParts(name, more string) (Base, error) {
	return Read(fstest.MapFS{
		"services.yaml": {Data: []byte("- {id: google, hosts: [gmail.com]}\n")},
		"tcp.yaml":      {Data: []byte(good)},
		name:            {Data: []byte(more)},
	}, nil)
}

const more = `- more: tcp-refused
  rules:
    - {when: {fault: [closed]}, confidence: likely}
  examples:
    - {fault: closed, text: EOF}
`

func TestAFileAddsRulesToACauseOfAnother(t *testing.T) {
	base, err := readParts("greeting.yaml", more)
	if err != nil {
		t.Fatal(err)
	}
	rules := base.Entries[0].Rules
	if len(base.Entries) != 1 || len(rules) != 2 || rules[1].When.Step[0] != "greeting" || len(base.Examples) != 2 {
		t.Errorf("%+v", base)
	}
}

func TestAStepMayHaveSeveralFiles(t *testing.T) {
	base, err := readParts("tcp-part.yaml", strings.ReplaceAll(good, "tcp-refused", "tcp-other"))
	if err != nil {
		t.Fatal(err)
	}
	if len(base.Entries) != 2 || base.Entries[0].Step != "tcp" || base.Entries[1].Step != "tcp" {
		t.Errorf("%+v", base.Entries)
	}
}

func TestWhatIsAddedWronglyIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ old, replaced, want string }{
		"to no cause":   {"tcp-refused", "tcp-mystery", `there is no cause "tcp-mystery"`},
		"no examples":   {"  examples:\n    - {fault: closed, text: EOF}\n", "", "needs rules and examples"},
		"a title":       {"  rules:", "  title: x\n  rules:", `unknown key "title"`},
		"over no cause": {"confidence: likely", "confidence: likely, over: [tcp-mystery]", `cannot go over "tcp-mystery"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readParts("greeting.yaml", strings.Replace(more, test.old, test.replaced, 1))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want %q, got %v", test.want, err)
			}
		})
	}
}
