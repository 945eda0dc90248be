package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/secret"
)

var errTooMuch = errors.New("the server sent more than a mailbox search can take")

// recorder writes the transcript of a session: no line of a login, and of a
// message only its length. It bounds what is read in all.
type recorder struct {
	net.Conn

	watch  probe.Watch
	mu     sync.Mutex // the client reads and writes from two goroutines
	client side
	server side
	login  string // tag of a login that is not answered yet
	read   int
}

// side is one direction, cut into lines.
type side struct {
	line []byte
	skip int // octets of a literal that are still to come
}

func newRecorder(nc net.Conn, w probe.Watch) *recorder { return &recorder{Conn: nc, watch: w} }

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.server.take(p[:n], r.serverLine)
	if r.read += n; r.read > maxRead && err == nil {
		err = errTooMuch
	}
	return n, err
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	r.client.take(p, r.clientLine)
	r.mu.Unlock()
	return r.Conn.Write(p)
}

var literal = regexp.MustCompile(`\{(\d+)\+?\}$`)

// take cuts bytes into lines and jumps over literals.
func (s *side) take(p []byte, tell func(string)) {
	for len(p) > 0 {
		if s.skip > 0 {
			n := min(s.skip, len(p))
			s.skip, p = s.skip-n, p[n:]
			continue
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			if room := maxLine - len(s.line); room > 0 {
				s.line = append(s.line, p[:min(room, len(p))]...)
			}
			return
		}
		text := strings.TrimRight(string(append(s.line, p[:end]...)), "\r")
		s.line, p = nil, p[end+1:]
		if m := literal.FindStringSubmatch(text); m != nil {
			s.skip, _ = strconv.Atoi(m[1]) // too long a number: nothing is skipped
			text += fmt.Sprintf(" (%d octets)", s.skip)
		}
		tell(text)
	}
}

func (r *recorder) serverLine(text string) {
	if tag, _, found := strings.Cut(text, " "); found && tag == r.login {
		r.login = ""
	}
	record(r.watch, "server", cut(text, 400))
}

// clientLine hides everything that belongs to a login, however it is written.
func (r *recorder) clientLine(text string) {
	words := strings.Fields(text)
	switch {
	case r.login != "":
		text = secret.Hidden
	case len(words) > 1 && strings.EqualFold(words[1], "LOGIN"):
		r.login, text = words[0], words[0]+" LOGIN "+secret.Hidden
	case len(words) > 2 && strings.EqualFold(words[1], "AUTHENTICATE"):
		r.login, text = words[0], words[0]+" AUTHENTICATE "+words[2]+" "+secret.Hidden
	}
	record(r.watch, "client", text)
}
