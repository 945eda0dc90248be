package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// longestAnswer bounds a typed line, in bytes; OAuth tokens reach some thousand.
const longestAnswer = 64 << 10

// asker puts questions to a person. Both end with ctx.
type asker interface {
	// Line asks for a line that may be seen; the line end is removed.
	Line(ctx context.Context, question string) (string, error)
	// Hidden asks for a line that must not be seen.
	Hidden(ctx context.Context, question string) (secret.Value, error)
}

// errNoAnswer means that the input ended where an answer was expected.
var errNoAnswer = errors.New("no answer: the input ended")

// person is the one at the terminal.
type person struct {
	in  *os.File
	out io.Writer
}

func (p *person) Line(ctx context.Context, question string) (string, error) {
	fmt.Fprint(p.out, question)
	return waitFor(ctx, p.out, func() (string, error) { return readLine(p.in) })
}

// Hidden hides what is typed before it asks, so that nothing that a quick
// person types is shown, and shows it again whatever happens: Ctrl-C leaves
// the read behind, but not a terminal without echo.
func (p *person) Hidden(ctx context.Context, question string) (secret.Value, error) {
	show, err := hideTyping(p.in)
	if err != nil {
		return secret.Value{}, fmt.Errorf("hide what is typed: %w", err)
	}
	defer show()
	fmt.Fprint(p.out, question)
	value, err := waitFor(ctx, p.out, func() (secret.Value, error) {
		typed, err := readHidden(p.in)
		return secret.New(typed), err
	})
	if err != nil {
		return secret.Value{}, noAnswer(err)
	}
	fmt.Fprintln(p.out)
	return value, nil
}

// waitFor gives up on a read when ctx ends. A read from a terminal cannot be
// called back: its goroutine ends with the process, which is about to end.
func waitFor[T any](ctx context.Context, out io.Writer, read func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		value, err := read()
		answers <- answer{value, err}
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		fmt.Fprintln(out)
		var none T
		return none, ctx.Err()
	}
}

// readLine reads byte by byte, so that nothing behind the line end is lost
// for the next question.
func readLine(r io.Reader) (string, error) {
	var line []byte
	var one [1]byte
	for len(line) < longestAnswer {
		n, err := r.Read(one[:])
		if n == 1 && one[0] == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, one[:n]...)
		if err != nil && len(line) > 0 {
			return string(line), nil
		}
		if err != nil {
			return "", noAnswer(err)
		}
	}
	return "", errors.New("the answer is too long")
}

func noAnswer(err error) error {
	if errors.Is(err, io.EOF) {
		return errNoAnswer
	}
	return err
}
