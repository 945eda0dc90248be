package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/smtpdx/smtpdx/probe"
)

// patience is how long a step may take before the running line says how long
// it has been, and tick how often that is renewed.
const (
	patience = 2 * time.Second
	tick     = time.Second
)

// screen is where a printer's output and the running line meet, so that
// neither is written into the other. The running line shows what is under way
// on a terminal; it is never part of the output.
type screen struct {
	w       io.Writer
	inner   output
	pending bytes.Buffer // what inner has written since the last event
	page    page

	mu       sync.Mutex // guards everything below, and writing
	progress io.Writer
	timer    *time.Timer // nil when nothing is under way
	active   []activity
	plan     []probe.StepID
	profile  string
	drawn    int // columns of the running line that stands there
}

// activity is a step under way on an address.
type activity struct {
	step    probe.StepID
	address probe.Maybe
	since   time.Time
}

func newScreen(w io.Writer, o Options, printer func(io.Writer, Options) output) *screen {
	s := &screen{w: w, progress: o.Progress, page: newPage(o)}
	s.inner = printer(&s.pending, o)
	return s
}

// Event prints what is known now.
func (s *screen) Event(e probe.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.inner.event(e)
	s.note(e)
	if written := s.release(); err == nil {
		err = written
	}
	s.draw()
	return err
}

// Pause prints what was held back and clears the running line.
func (s *screen) Pause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inner.flush()
	s.rest()
	return s.release()
}

// Close ends the output.
func (s *screen) Close() error { return s.Pause() }

// release hands on what the printer has written.
func (s *screen) release() error {
	if s.pending.Len() == 0 {
		return nil
	}
	s.clear()
	_, err := s.w.Write(s.pending.Bytes())
	s.pending.Reset()
	return err
}

// note follows what is under way.
func (s *screen) note(e probe.Event) {
	switch {
	case e.Plan != nil:
		s.plan, s.active, s.profile = e.Plan.Steps, nil, string(e.Profile)
	case e.Start != nil:
		s.active = append(s.active, activity{e.Start.ID, e.Start.Address, time.Now()})
	case e.Step != nil:
		s.finished(e.Step)
	case e.Result != nil, e.End != nil:
		s.active = nil
	}
}

func (s *screen) finished(step *probe.StepResult) {
	for i, a := range s.active {
		if a.step == step.ID && a.address == step.Address {
			s.active = append(s.active[:i:i], s.active[i+1:]...)
			return
		}
	}
}

// draw puts the running line, and has it renewed while something is under way.
func (s *screen) draw() {
	if s.progress == nil {
		return
	}
	if len(s.active) == 0 {
		s.rest()
		return
	}
	line := s.runningLine(time.Now())
	fmt.Fprint(s.progress, "\r"+pad(line, s.drawn)+"\r"+line)
	s.drawn = columns(line)
	if s.timer == nil {
		s.timer = time.AfterFunc(tick, s.renew)
	}
}

// renew is called by the timer.
func (s *screen) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer == nil {
		return // it was stopped while this call waited
	}
	s.timer = nil
	s.draw()
}

// rest takes the running line away, and with it the timer.
func (s *screen) rest() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.active = nil
	s.clear()
}

func (s *screen) clear() {
	if s.drawn > 0 {
		fmt.Fprint(s.progress, "\r"+strings.Repeat(" ", s.drawn)+"\r")
		s.drawn = 0
	}
}

// runningLine names the step that is furthest in the plan, since the others
// are no longer waited for when it is done.
func (s *screen) runningLine(now time.Time) string {
	furthest := s.active[0]
	for _, a := range s.active {
		if place(s.plan, a.step) > place(s.plan, furthest.step) {
			furthest = a
		}
	}
	line := "  ..    " + string(furthest.step)
	if s.page.unicode && s.page.terminal {
		line = "  …  " + string(furthest.step)
	}
	if s.profile != "" {
		line += " of " + s.profile
	}
	if took := now.Sub(furthest.since); took >= patience {
		line += fmt.Sprintf("  (%d s)", int(took.Seconds()))
	}
	return s.page.wrap(line, s.page.limit, s.page.limit)[0]
}

// place is where a step stands in the plan.
func place(plan []probe.StepID, id probe.StepID) int {
	for i, step := range plan {
		if step == id {
			return i
		}
	}
	return len(plan)
}
