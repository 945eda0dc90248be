package profile

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// network is the way to the server, and how long it may take.
func (b *builder) network() {
	if v, ok := b.find("resolver"); ok {
		if b.s.Resolver = resolver(v.text); b.s.Resolver == "" {
			b.refuse("resolver", v, "For example 192.0.2.53 or [2001:db8::53]:5353.", "the name server has to be an IP address, with or without a port")
		}
	}
	if v, ok := b.find("family"); ok {
		if b.s.Family = family(v.text); b.s.Family == 0 {
			b.refuse("family", v, "4 or 6.", "there is no such address family")
		}
	}
	if v, ok := b.find("proxy"); ok {
		b.proxy(v)
	}
	b.s.Timeout = b.duration("timeout")
	b.s.Deadline = b.duration("deadline")
}

func resolver(text string) string {
	text = strings.TrimSpace(text)
	if a, err := netip.ParseAddrPort(text); err == nil && a.Port() > 0 {
		return a.String()
	}
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return netip.AddrPortFrom(a, 53).String()
	}
	return ""
}

func family(text string) int {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "4", "ipv4":
		return 4
	case "6", "ipv6":
		return 6
	}
	return 0
}

// proxy keeps the URL with its password as a secret, and shows it without.
func (b *builder) proxy(v value) {
	const hint = "socks5://HOST:PORT or http://HOST:PORT (the proxy resolves), socks5+local://HOST:PORT (resolved here)."
	u, err := url.Parse(strings.TrimSpace(v.text))
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" {
		b.refuse("proxy", v, hint, "the proxy has to be a URL with a host")
		return
	}
	if !slices.Contains([]string{"socks5", "socks5h", "socks5+local", "http"}, u.Scheme) {
		b.refuse("proxy", v, hint, "there is no such kind of proxy")
		return
	}
	if _, has := u.User.Password(); has && v.level == levelFlag {
		b.refuse("proxy", v, "Give the URL by the variable SMTPDX_PROXY or in a settings file.", "the URL has a password in it, and a command line is no place for one")
		return
	}
	b.s.ProxyURL = secret.New(u.String())
	b.s.Proxy = u.Scheme + "://" + u.Host
}

// duration reads "10s" and "2m"; a plain number is seconds.
func (b *builder) duration(key string) time.Duration {
	v, ok := b.find(key)
	if !ok {
		return 0
	}
	d, ok := ParseTime(v.text)
	if !ok {
		b.refuse(key, v, "For example 10s, 2m, or a number of seconds.", "%s has to be a time from 1ms to 24h", key)
		return 0
	}
	return d
}

// ParseTime reads "10s" and "2m"; a plain number is seconds. It takes 1ms to 24h.
func ParseTime(text string) (d time.Duration, ok bool) {
	text = strings.TrimSpace(text)
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= time.Millisecond && d <= 24*time.Hour
}
