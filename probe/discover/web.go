package discover

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// Bounds on what is fetched.
const (
	maxPage      = 256 << 10
	maxHeader    = 32 << 10
	maxRedirects = 3
	perAddress   = 4 * time.Second // for one address of several to take a connection
)

// web fetches pages.
type web struct {
	search *search
	client *http.Client
}

func newWeb(s *search) *web {
	roots := s.world.CA
	if roots == nil {
		roots = s.world.Net.Roots
	}
	w := &web{search: s}
	w.client = &http.Client{
		Transport: &http.Transport{
			DialContext:            w.dial,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			MaxResponseHeaderBytes: maxHeader,
			DisableKeepAlives:      true,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w
}

// page is what a web server answered.
type page struct {
	status int
	body   []byte
	from   string // the host that answered, "" when it is the one that was asked
}

// absent says why there is nothing at an address; it is no failure.
type absent struct{ text string }

func (e *absent) Error() string { return e.text }

// request is what to fetch. allow may refuse a host before it is asked.
type request struct {
	url    string
	body   string // "" for GET
	allow  func(ctx context.Context, host string) error
	noHops bool // follow no redirect
}

// fetch gets a page. Redirects are followed to https only, three at most, and
// only without a user name in them.
func (w *web) fetch(ctx context.Context, r request) (page, error) {
	at, err := url.Parse(r.url)
	if err != nil {
		return page{}, err
	}
	asked := at.Hostname()
	for range maxRedirects + 1 {
		if r.allow != nil {
			if err := r.allow(ctx, at.Hostname()); err != nil {
				return page{}, err
			}
		}
		p, location, err := w.once(ctx, at, r.body)
		if err != nil || location == "" {
			if at.Hostname() != asked {
				p.from = at.Hostname()
			}
			return p, err
		}
		next, err := at.Parse(location)
		switch {
		case err != nil:
			return page{}, errors.New("a redirect leads nowhere")
		case r.noHops:
			return page{}, &absent{"a redirect to " + shownURL(next)}
		case next.Scheme != "https" || next.User != nil:
			return page{}, fmt.Errorf("a redirect to %s, which is not followed: only https is", shownURL(next))
		}
		at = next
	}
	return page{}, fmt.Errorf("more than %d redirects", maxRedirects)
}

// shownURL is a URL without what could be a secret or endless.
func shownURL(u *url.URL) string {
	shown := secret.Clean((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
	return shown[:min(len(shown), 200)]
}

// once asks one web server; location is where it redirects to.
func (w *web) once(ctx context.Context, at *url.URL, body string) (p page, location string, err error) {
	method, content := http.MethodGet, io.Reader(nil)
	if body != "" {
		method, content = http.MethodPost, strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, at.String(), content)
	if err != nil {
		return page{}, "", err
	}
	request.Header.Set("User-Agent", "smtpdx")
	if body != "" {
		request.Header.Set("Content-Type", "text/xml; charset=utf-8")
	}
	response, err := w.client.Do(request)
	if err != nil {
		return page{}, "", webTrouble(err)
	}
	defer response.Body.Close()
	switch {
	case isRedirect(response.StatusCode):
		return page{}, response.Header.Get("Location"), noLocation(response)
	case response.StatusCode == http.StatusUnauthorized, response.StatusCode == http.StatusForbidden:
		return page{}, "", &absent{fmt.Sprintf("it wants a login (%d), and none is sent", response.StatusCode)}
	case response.StatusCode >= 400 && response.StatusCode < 500:
		return page{}, "", &absent{fmt.Sprintf("nothing there (%d)", response.StatusCode)}
	case response.StatusCode != http.StatusOK:
		return page{}, "", fmt.Errorf("the web server answers %d", response.StatusCode)
	}
	p = page{status: response.StatusCode}
	p.body, err = io.ReadAll(io.LimitReader(response.Body, maxPage+1))
	switch {
	case ctx.Err() != nil: // what has come is not all of it
		return page{}, "", ctx.Err()
	case err != nil:
		return page{}, "", webTrouble(err)
	case len(p.body) > maxPage:
		return page{}, "", fmt.Errorf("the answer has more than %d KiB", maxPage>>10)
	}
	return p, "", nil
}

func isRedirect(status int) bool {
	return status == http.StatusMovedPermanently || status == http.StatusFound || status == http.StatusSeeOther ||
		status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect
}

func noLocation(r *http.Response) error {
	if r.Header.Get("Location") == "" {
		return errors.New("a redirect leads nowhere")
	}
	return nil
}

// webTrouble says what went wrong without the URL, which the source has said.
func webTrouble(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var gone *absent
	var bad *tls.CertificateVerificationError
	var refused *net.OpError
	switch {
	case errors.As(err, &gone):
		return gone
	case isTimeout(err):
		return err
	case errors.As(err, &bad):
		return fmt.Errorf("the web server's certificate does not hold: %s", secret.Clean(bad.Err.Error()))
	case errors.As(err, &refused) && refused.Op == "dial":
		return &absent{"no web server answers there"}
	}
	return fmt.Errorf("the web server's answer cannot be read: %s", secret.Clean(err.Error()))
}

// dial connects to a web server, at the addresses that the resolver in use gives.
func (w *web) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := w.search.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, &absent{"there is no such host"}
	}
	for _, addr := range addrs[:min(len(addrs), 4)] {
		var conn net.Conn
		limit, cancel := context.WithTimeout(ctx, perAddress)
		conn, err = w.search.dial(limit, network, net.JoinHostPort(addr.String(), port))
		cancel()
		if err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (s *search) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.world.Net.Dial != nil {
		return s.world.Net.Dial(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// isHTML tells a web page from a configuration: many web servers answer
// whatever they are asked with their front page.
func isHTML(body []byte) bool {
	head := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(body, []byte{0xef, 0xbb, 0xbf}), " \t\r\n"))
	return bytes.HasPrefix(head, []byte("<!doctype html")) || bytes.HasPrefix(head, []byte("<html"))
}
