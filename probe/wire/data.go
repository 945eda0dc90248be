package wire

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// dataChunk is how much of a message goes out in one write, so that a server
// that takes it slowly is seen to take it at all.
const dataChunk = 16 << 10

// DataLimits bound the time that sending a message takes.
type DataLimits struct {
	Chunk time.Duration // for each dataChunk octets (RFC 5321 section 4.5.3.2.5)
	Reply time.Duration // for the reply after the message (RFC 5321 section 4.5.3.2.6)
}

// Data sends a message after the 354 and reads the reply to it. Lines may end
// in LF or CRLF; leading dots are doubled (RFC 5321 section 4.5.2). The
// transcript gets the header and how long the rest is. whole tells that the
// last octet has left us: whatever err is then, the server may have taken the
// message.
func (c *Conn) Data(ctx context.Context, message []byte, limits DataLimits) (reply Reply, whole bool, err error) {
	raw := dotStuffed(message)
	c.recordMessage(raw)
	begin := time.Now()
	for rest := raw; len(rest) > 0; {
		n := min(len(rest), dataChunk)
		if err = c.writeWithin(ctx, limits.Chunk, rest[:n]); err != nil {
			break
		}
		rest = rest[n:]
	}
	whole = err == nil
	if whole || mayStillRead(err) {
		var failed error
		reply, failed = c.replyWithin(ctx, limits.Reply)
		if whole || failed == nil {
			err = failed
		}
	}
	c.done("(message)", "", reply, err, begin)
	return reply, whole, err
}

func (c *Conn) writeWithin(ctx context.Context, limit time.Duration, b []byte) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer c.bind(ctx)()
	_, err := c.net.Write(b)
	return err
}

func (c *Conn) replyWithin(ctx context.Context, limit time.Duration) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return c.ReadReply(ctx)
}

// dotStuffed is a message as DATA wants it, its end included.
func dotStuffed(message []byte) []byte {
	var out bytes.Buffer
	for line := range bytes.Lines(message) {
		line = bytes.ReplaceAll(bytes.TrimRight(line, "\n"), []byte("\r"), nil) // first: it must not hide a dot
		if len(line) > 0 && line[0] == '.' {
			out.WriteByte('.')
		}
		out.Write(line)
		out.WriteString("\r\n")
	}
	out.WriteString(".\r\n")
	return out.Bytes()
}

// recordMessage shows the header; the body is the same for everyone.
func (c *Conn) recordMessage(raw []byte) {
	header, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	for line := range bytes.Lines(header) {
		c.record("client", string(bytes.TrimRight(line, "\r\n")))
	}
	c.Note(fmt.Sprintf("and a body of %d octets", max(len(body)-len(".\r\n"), 0)))
}
