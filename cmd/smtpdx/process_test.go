package main

import (
	"bytes"
	"context"
	"strings"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// pipes is a process without a terminal, with these variables.
func pipes(env map[string]string) (p *process, out, errs *bytes.Buffer) {
	out, errs = &bytes.Buffer{}, &bytes.Buffer{}
	return &process{in: strings.NewReader(""), out: out, err: errs, term: terminal{width: plainWidth},
		getenv: func(name string) string { return env[name] }}, out, errs
}

// scripted answers questions from a list, then the input ends.
type scripted struct {
	answers   []string
	questions []string
}

func (s *scripted) Line(_ context.Context, question string) (string, error) {
	s.questions = append(s.questions, question)
	if len(s.answers) == 0 {
		return "", errNoAnswer
	}
	next := s.answers[0]
	s.answers = s.answers[1:]
	return next, nil
}

func (s *scripted) Hidden(ctx context.Context, question string) (secret.Value, error) {
	line, err := s.Line(ctx, question)
	return secret.New(line), err
}
