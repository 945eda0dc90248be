package token

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// Bounds of one exchange with an identity server.
const (
	answerTime = 30 * time.Second
	maxAnswer  = 64 << 10 // bytes of a body; tokens reach some thousand
	maxHeader  = 64 << 10
)

// errTooMuch tells that an answer went beyond maxAnswer.
var errTooMuch = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)

// Transport gives the way to identity servers of the real network; roots nil
// means this computer's.
func Transport(roots *x509.CertPool) http.RoundTripper {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: maxHeader,
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true, // few requests, minutes apart
	}
}

// line is the one way to the identity server for one fetch: it bounds every
// exchange in time and bytes, whatever the library does, teaches the redactor
// the secrets that leave and come, and remembers the last answer.
type line struct {
	ctx      context.Context // ends every exchange; the library hands over none in places
	next     http.RoundTripper
	redactor secret.Redactor
	host     string // that was asked last
	last     *answer
	failed   error // why there is no last answer
}

// answer is what the identity server said, as far as it is understood.
type answer struct {
	status      int
	contentType string
	isObject    bool // the body is a JSON object
	code        string
	description string
}

// client is an HTTP client that follows no redirect: a token request would
// carry its secrets elsewhere.
func (l *line) client() *http.Client {
	return &http.Client{Transport: l, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// RoundTrip makes one exchange and reads the answer whole.
func (l *line) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(l.ctx, answerTime)
	defer cancel()
	defer context.AfterFunc(req.Context(), cancel)()
	l.host, l.last, l.failed = req.URL.Host, nil, nil
	l.learnForm(req)
	res, body, err := l.exchange(req.WithContext(ctx))
	if err != nil {
		l.failed = err
		return nil, err
	}
	l.last = readAnswer(res, body)
	l.learnAnswer(body)
	if l.last.isObject {
		res.Header.Set("Content-Type", "application/json") // some say text/plain
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

func (l *line) exchange(req *http.Request) (*http.Response, []byte, error) {
	res, err := l.next.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, nil, err
	}
	if len(body) > maxAnswer {
		return nil, nil, errTooMuch
	}
	if res.StatusCode/100 == 2 && !isObject(body) {
		return nil, nil, fmt.Errorf("the answer is no JSON object but %s", mediaType(res))
	}
	return res, body, nil
}

func isObject(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) && json.Valid(body)
}

func mediaType(res *http.Response) string {
	kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return "of no known type"
	case kind == "text/html":
		return "a web page (is a proxy or a sign-in page of the network in between?)"
	}
	return secret.Clean(kind)
}

func readAnswer(res *http.Response, body []byte) *answer {
	a := &answer{status: res.StatusCode, contentType: mediaType(res), isObject: isObject(body)}
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if a.isObject && json.Unmarshal(body, &said) == nil {
		a.code, a.description = said.Error, said.Description
	}
	return a
}

// learnForm teaches the redactor what is about to leave.
func (l *line) learnForm(req *http.Request) {
	if req.GetBody == nil {
		return
	}
	body, err := req.GetBody()
	if err != nil {
		return
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err != nil {
		return
	}
	form, _ := url.ParseQuery(string(text)) // what could be read of it counts
	for _, name := range []string{"client_secret", "refresh_token", "device_code", "code", "code_verifier", "assertion"} {
		l.redactor.Learn(form.Get(name))
	}
}

func (l *line) learnAnswer(body []byte) {
	var held struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		ID      string `json:"id_token"`
		Device  string `json:"device_code"`
	}
	// One field of a wrong type must not keep the others from being learned;
	// Unmarshal goes on past it.
	_ = json.Unmarshal(body, &held)
	l.redactor.Learn(held.Access, held.Refresh, held.ID, held.Device)
}

// shown makes text from outside fit to be shown.
func (l *line) shown(text string) string { return secret.Clean(l.redactor.Text(text)) }

// FailedError tells that no token came, and no refusal either: the identity
// server could not be asked, or its answer was not understood.
type FailedError struct {
	Host string // "" when none was asked
	Text string
	err  error
}

func (e *FailedError) Error() string {
	if e.Host == "" {
		return e.Text
	}
	return "no token from " + e.Host + ": " + e.Text
}

// Unwrap gives what failed.
func (e *FailedError) Unwrap() error { return e.err }

func (l *line) failure(err error, text string) *FailedError {
	return &FailedError{Host: secret.Clean(l.host), Text: l.shown(text), err: err}
}

// explain turns an error of the library into ours: the person's Ctrl-C, a
// failure of the network, or a refusal in words.
func (l *line) explain(r Request, err error) error {
	var timeout net.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(l.ctx.Err(), context.Canceled):
		return l.ctx.Err()
	case errors.Is(l.failed, context.DeadlineExceeded), errors.As(l.failed, &timeout) && timeout.Timeout():
		return l.failure(context.DeadlineExceeded, fmt.Sprintf("no answer within %v", answerTime))
	case l.failed != nil:
		return l.failure(l.failed, l.failed.Error())
	case l.last == nil:
		return l.failure(nil, err.Error())
	case l.last.code != "":
		return l.refusal(r)
	case l.last.status/100 != 2:
		return l.failure(nil, fmt.Sprintf("it answers %d %s, %s", l.last.status, http.StatusText(l.last.status), l.last.contentType))
	}
	return l.failure(nil, "its answer has no token in it that can be used")
}
