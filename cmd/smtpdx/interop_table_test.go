//go:build linux

package main_test

import (
	"fmt"
	"io"
	"testing"
	"text/tabwriter"
	"time"
)

// outcome is what one case came to, beside another client's.
type outcome struct {
	row  row
	took time.Duration
	ok   bool
	peer *peer
}

// outcomes are printed as a table at the end, whatever happened.
type outcomes struct {
	byName map[string]outcome
}

func (o *outcomes) add(c interopCase, got outcome) {
	if o.byName == nil {
		o.byName = map[string]outcome{}
	}
	o.byName[c.name] = got
}

func (o *outcomes) addPeer(c interopCase, got peer) {
	seen := o.byName[c.name]
	seen.peer = &got
	o.add(c, seen)
}

// areComplete demands a row for every case.
func (o *outcomes) areComplete(t *testing.T) {
	t.Helper()
	for _, c := range interopCases {
		got, there := o.byName[c.name]
		if there && got.row != (row{}) && got.peer != nil {
			continue
		}
		if required() {
			t.Errorf("%s has no row, or no other client met it", c.name)
		}
	}
}

func (o *outcomes) print(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nINTEROPERABILITY\ncase\tfailed step\tcause\texit\tverdict\texpected\tok\tms")
	for _, c := range interopCases {
		got, there := o.byName[c.name]
		if !there || got.row == (row{}) {
			fmt.Fprintf(table, "%s\t\t\t\t\t%v\tnot run\t\n", c.name, c.want)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%v\t%s\t%d\n", c.name, got.row.step, got.row.cause, got.row.exit, got.row.verdict, c.want, yesNo(got.ok), got.took.Milliseconds())
	}
	fmt.Fprintln(table, "\nOTHER CLIENTS\ncase\tsmtpdx\tclient\texit\tlast words")
	for _, c := range interopCases {
		if got := o.byName[c.name]; got.peer != nil {
			fmt.Fprintf(table, "%s\t%v\t%s\t%d\t%.90s\n", c.name, got.row, got.peer.program, got.peer.exit, got.peer.says)
		}
	}
	_ = table.Flush()
}

func (r row) String() string {
	if r == (row{}) {
		return "not run"
	}
	return fmt.Sprintf("%s %s %d %s", r.step, r.cause, r.exit, r.verdict)
}

func yesNo(ok bool) string {
	if ok {
		return "yes"
	}
	return "NO"
}
