package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/profile"
)

// maxAttached bounds what is read of the files that go with a message, in bytes.
const maxAttached = 100 << 20

// messageFlags say what the test message is like.
type messageFlags struct {
	subject string
	body    string
	replyTo string
	headers []string
	attach  []string
	dsn     bool
}

func (m *messageFlags) add(flags *pflag.FlagSet) {
	inGroup(flags, "Message", func(f *pflag.FlagSet) {
		f.StringVar(&m.subject, "subject", "", "subject `TEXT`; the token goes behind it")
		f.StringVar(&m.body, "body", "", "`TEXT` in place of the first paragraph; - is standard input")
		f.StringVar(&m.replyTo, "reply-to", "", "`ADDRESS` for answers")
		f.StringArrayVar(&m.headers, "header", nil, "a further header `FIELD`, as in 'X-Test: 1'; repeatable")
		f.StringArrayVar(&m.attach, "attach", nil, "attach `FILE`; repeatable")
		f.BoolVar(&m.dsn, "dsn", false, "ask for a delivery status, where the server offers it")
	})
}

func (m *messageFlags) complete(cmd *cobra.Command) {
	for _, name := range []string{"subject", "body", "reply-to", "header"} {
		completeWith(cmd, name)
	}
}

// testMessage is a message with a token of its own.
func testMessage() *probe.Message {
	return &probe.Message{Token: probe.NewToken(), Tool: "smtpdx " + versionNumber()}
}

// read makes the message that the flags describe.
func (m *messageFlags) read(in io.Reader) (*probe.Message, error) {
	message := testMessage()
	message.Subject, message.Body, message.ReplyTo, message.DSN = m.subject, m.body, m.replyTo, m.dsn
	if m.body == "-" {
		raw, err := io.ReadAll(io.LimitReader(in, longestAnswer))
		if err != nil {
			return nil, fmt.Errorf("read the text of the message from standard input: %w", err)
		}
		message.Body = strings.TrimRight(profile.DecodeText(raw), "\r\n")
	}
	for _, field := range m.headers {
		name, value, found := strings.Cut(field, ":")
		if !found {
			return nil, usage("--header 'X-Test: 1'", "--header wants a name, a colon and a value")
		}
		message.Headers = append(message.Headers, probe.Header{Name: name, Value: strings.TrimLeft(value, " ")})
	}
	if err := m.files(message); err != nil {
		return nil, err
	}
	if err := message.Check(); err != nil {
		return nil, usage("Nothing was sent and nothing was contacted.", "%v", err)
	}
	return message, nil
}

func (m *messageFlags) files(message *probe.Message) error {
	left := int64(maxAttached)
	for _, path := range m.attach {
		data, err := readUpTo(path, left)
		if err != nil {
			return err
		}
		left -= int64(len(data))
		message.Attachments = append(message.Attachments, probe.Attachment{Name: filepath.Base(path), Data: data})
	}
	return nil
}

func readUpTo(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, usage("See whether the path is right and the file may be read.", "--attach: %v", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	switch {
	case err != nil:
		return nil, usage("", "--attach: %v", err)
	case int64(len(data)) > limit:
		return nil, usage("", "--attach: the files have more than %d MB together", maxAttached>>20)
	}
	return data, nil
}
