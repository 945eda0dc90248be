package token

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// loopback waits on this computer for the browser to come back from the
// sign-in page (RFC 8252 section 7.3).
type loopback struct {
	url      string
	state    string // proves that an answer belongs to this sign-in
	server   *http.Server
	answers  chan comeback // the first that belongs here
	finished chan struct{} // closed when the server has ended
}

// comeback is what the browser brings: a code, or why there is none.
type comeback struct{ code, failure, description string }

// goodbye is how long the browser may take to fetch its last page.
const goodbye = time.Second

func listen(ctx context.Context) (*loopback, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		var six error
		if listener, six = config.Listen(ctx, "tcp", "[::1]:0"); six != nil {
			return nil, err
		}
	}
	b := &loopback{url: "http://" + listener.Addr().String() + "/", state: rand.Text(),
		answers: make(chan comeback, 1), finished: make(chan struct{})}
	b.server = &http.Server{Handler: b, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: maxHeader}
	b.server.SetKeepAlivesEnabled(false)
	go func() { // ends with close
		defer close(b.finished)
		_ = b.server.Serve(listener) // ends with ErrServerClosed
	}()
	return b, nil
}

// wait gives the browser's answer, or an error when ctx or signInTime ends.
func (b *loopback) wait(ctx context.Context) (comeback, error) {
	ctx, cancel := context.WithTimeout(ctx, signInTime)
	defer cancel()
	select {
	case got := <-b.answers:
		return got, nil
	case <-ctx.Done():
		return comeback{}, ctx.Err()
	}
}

// close ends the server after the page in flight, and waits for its end.
func (b *loopback) close() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	if err := b.server.Shutdown(ctx); err != nil {
		_ = b.server.Close() // a browser that holds a connection open
	}
	<-b.finished
}

// ServeHTTP takes one answer with the right state; others change nothing, so
// that a page from elsewhere can neither end the sign-in nor slip in its code.
func (b *loopback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	got, err := b.read(r)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, "smtpdx: %v.\nOpen the address that it has printed.\n", err)
		return
	}
	select {
	case b.answers <- got:
	default: // a reload of the page
	}
	if got.code == "" {
		fmt.Fprintln(w, "smtpdx: the sign-in was refused. The terminal says more; this window can be closed.")
		return
	}
	fmt.Fprintln(w, "smtpdx: thank you, the sign-in has come back. This window can be closed.")
}

var errForeign = errors.New("this does not belong to the sign-in that smtpdx waits for")

func (b *loopback) read(r *http.Request) (comeback, error) {
	q := r.URL.Query()
	switch {
	case r.Method != http.MethodGet, r.URL.Path != "/", "http://"+r.Host+"/" != b.url:
		return comeback{}, errForeign
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(b.state)) != 1:
		return comeback{}, errForeign
	case q.Get("code") == "" && q.Get("error") == "":
		return comeback{}, errForeign
	case q.Get("error") != "":
		return comeback{failure: secret.Clean(q.Get("error")), description: secret.Clean(q.Get("error_description"))}, nil
	}
	return comeback{code: q.Get("code")}, nil
}
