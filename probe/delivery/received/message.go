package received

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Message is what is kept of a message that arrived.
type Message struct {
	Header     Header
	Parts      []Part
	HeaderOnly bool // nothing follows the header
	Incomplete bool // it ends before its parts do
	Skipped    bool // it has more or deeper parts than are looked at
	Outlook    bool // it was read out of Outlook's own format, which keeps no parts
}

// What is no message.
var (
	ErrEmpty    = errors.New("there is no message in it")
	ErrNoHeader = errors.New("it does not begin with the header of a message")
	ErrMany     = errors.New("it holds several messages")
)

// Read reads a message, or the lines of a header alone, in UTF-8 with or
// without byte-order mark, UTF-16 or any charset of its parts, or in Outlook's
// .msg format. A mailbox file (mbox) may hold one message. It fails with one of
// the errors above, for a .msg that cannot be read, or when reading fails.
func Read(r io.Reader) (*Message, error) {
	source := &watched{in: r}
	in := bufio.NewReaderSize(source, 64<<10)
	if start, _ := in.Peek(len(oleMagic)); bytes.Equal(start, []byte(oleMagic)) {
		return readOutlook(in)
	}
	m, err := readMail(&lineReader{in: plain(in)})
	if source.failed != nil {
		return nil, fmt.Errorf("read the message: %w", source.failed)
	}
	return m, err
}

// watched keeps the error of a reader that line by line reading takes for an end.
type watched struct {
	in     io.Reader
	failed error
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.in.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		w.failed = err
	}
	return n, err
}

func readMail(lines *lineReader) (*Message, error) {
	first, err := firstLine(lines)
	if err != nil {
		return nil, err
	}
	isMbox := mboxLine().MatchString(first)
	if !isMbox {
		lines.back(first)
	}
	lines.quoted = strings.HasPrefix(first, "> ")
	header, _ := readHeader(lines, nil)
	if len(header.Fields) == 0 || !looksLikeMail(header) {
		return nil, ErrNoHeader
	}
	lines.mbox, lines.after = isMbox, 0
	w := &walker{lines: lines}
	w.entity(header, 0)
	m := &Message{Header: header, Parts: w.parts, Incomplete: w.incomplete, Skipped: w.skipped, HeaderOnly: lines.after == 0}
	if lines.many {
		return nil, ErrMany
	}
	return m, nil
}

// firstLine skips empty lines in front.
func firstLine(lines *lineReader) (string, error) {
	for {
		line, err := lines.next()
		if err != nil {
			return "", ErrEmpty
		}
		if strings.TrimSpace(line) != "" {
			return line, nil
		}
	}
}

// looksLikeMail: one field of those that every header has, or that only mail has.
func looksLikeMail(h Header) bool {
	return h.Has("From", "Received", "Return-Path", "Message-ID", "Delivered-To", "DKIM-Signature", "Authentication-Results", "Resent-From",
		"Reply-To", "Sender", "MIME-Version", "To", "Subject")
}
