package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/smtpdx/smtpdx/probe"
)

// The exit codes of the contract that are not a step's own.
const (
	exitPassed      = 0
	exitFailed      = 1 // the tool itself failed
	exitUsage       = 2 // usage or settings; nothing was contacted
	exitWarnings    = 3 // warnings, under --strict
	exitUnknown     = 4 // nothing recognised
	exitDifferent   = 5 // several profiles failed in different ways
	exitWorse       = 6 // compare, --baseline: something is worse
	exitInterrupted = 130
)

// usageError is a command line or a set of settings that cannot be used. Its
// text never repeats a value that could be a secret.
type usageError struct {
	text string
	hint string
}

func (e *usageError) Error() string { return e.text }

func usage(hint, format string, args ...any) *usageError {
	return &usageError{text: fmt.Sprintf(format, args...), hint: hint}
}

// exitError carries the exit code of a run that has said everything already.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// exitWith gives nil for 0.
func exitWith(code int) error {
	if code == exitPassed {
		return nil
	}
	return &exitError{code: code}
}

// conclude says an error that was not said yet and turns it into the exit
// code; nothing else in this program does.
func (p *process) conclude(ctx context.Context, args []string, err error) int {
	var said *exitError
	var wrong *usageError
	switch {
	case err == nil:
		return exitPassed
	case errors.As(err, &said):
		return said.code
	case errors.As(err, &wrong):
		p.complain(wrong.text, wrong.hint)
		p.reportUsage(ctx, args, wrong)
		return exitUsage
	}
	p.complain(err.Error(), "")
	return exitFailed
}

// complain writes an error and what to do about it to standard error.
func (p *process) complain(text, hint string) {
	fmt.Fprintf(p.err, "smtpdx: %s\n", p.masked(text))
	if hint != "" {
		fmt.Fprintf(p.err, "%s\n", indent(p.masked(hint), "  "))
	}
}

// exitNotKnown is what a monitoring system takes for UNKNOWN.
const exitNotKnown = 3

// monitoringCode replaces the exit code by that of a monitoring plugin: the
// state of what was seen, or 3 where smtpdx could not do its work.
func (p *process) monitoringCode(code int) int {
	switch {
	case code == exitFailed, p.monitored == nil && code != exitPassed:
		return exitNotKnown
	case p.monitored == nil: // --help
		return code
	}
	return *p.monitored
}

// codeOfStep is the exit code of a probe that failed at a step.
func codeOfStep(id probe.StepID) int {
	switch id {
	case probe.StepSettings:
		return exitUsage
	case probe.StepDNS:
		return 10
	case probe.StepTCP:
		return 11
	case probe.StepGreeting:
		return 12
	case probe.StepEHLO, probe.StepEHLOTLS:
		return 13
	case probe.StepSTARTTLS, probe.StepTLS:
		return 14
	case probe.StepCertificate:
		return 15
	case probe.StepAuth:
		return 16
	case probe.StepSender:
		return 17
	case probe.StepMessage:
		return 18
	case probe.StepDelivery:
		return 19
	}
	if id == probe.StepRedirect {
		return 20
	}
	return exitFailed
}

// codeOf is the exit code of a run: that of its failures where they share
// one, 5 where they do not.
func codeOf(results []probe.Outcome, strict bool) int {
	code := exitPassed
	for _, result := range results {
		if result.Interrupted {
			return exitInterrupted
		}
		own := codeOfResult(result, strict)
		switch {
		case own == exitPassed, own == code:
		case code == exitPassed, code == exitWarnings:
			code = own
		case own != exitWarnings:
			code = exitDifferent
		}
	}
	return code
}

func codeOfResult(result probe.Outcome, strict bool) int {
	switch {
	case result.Verdict == probe.Fail:
		return codeOfStep(probe.StepID(result.FailedStep))
	case result.Verdict == probe.Warn && strict:
		return exitWarnings
	}
	return exitPassed
}
