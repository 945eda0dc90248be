package delivery

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// Session is a mailbox that one is logged in to.
type Session struct {
	client  *imapclient.Client
	line    *line
	inbox   probe.Inbox
	watch   probe.Watch
	caps    imap.CapSet
	news    chan struct{} // something came into the folder that is selected
	expired atomic.Bool   // a command took too long, and the connection was closed
	folders []folder
	stop    func() bool // the session from the context
}

// Open connects and logs in to a mailbox, and finds out which folders mail can
// arrive in. The session ends with ctx or Close. Errors are *Trouble.
func Open(ctx context.Context, s probe.Settings, inbox probe.Inbox, w probe.Watch) (*Session, error) {
	w.Redactor.Learn(secretsOf(inbox)...)
	limit, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	l, err := dial(limit, s, inbox, w)
	if err != nil {
		return nil, err
	}
	c := &Session{line: l, inbox: inbox, watch: w, news: make(chan struct{}, 1)}
	c.client = imapclient.New(l, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{Mailbox: c.noticed}})
	c.stop = context.AfterFunc(ctx, func() { _ = c.client.Close() })
	for _, step := range []func() error{c.logIn, c.findFolders} {
		if err := step(); err != nil {
			_ = c.client.Close()
			c.stop()
			return nil, err
		}
	}
	return c, nil
}

// secretsOf are what must not be shown of an inbox, in every form in which it
// goes over the line.
func secretsOf(inbox probe.Inbox) []string {
	var all []string
	for _, word := range []string{inbox.Password.Value.Reveal(), inbox.Token.Value.Reveal()} {
		if word == "" {
			continue
		}
		plain := "\x00" + inbox.Account + "\x00" + word
		bearer := xoauth2{inbox.Account, word}.response()
		all = append(all, word, quoted.Replace(word), base64.StdEncoding.EncodeToString([]byte(plain)), base64.StdEncoding.EncodeToString(bearer))
	}
	return all
}

var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// noticed is called by the client when the server says something of the folder.
func (c *Session) noticed(data *imapclient.UnilateralDataMailbox) {
	if data.NumMessages == nil {
		return
	}
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// within gives a command its time; the caller calls what it returns.
func (c *Session) within(limit time.Duration) (end func() bool) {
	timer := time.AfterFunc(limit, func() {
		c.expired.Store(true)
		_ = c.client.Close()
	})
	return timer.Stop
}

// Close says goodbye.
func (c *Session) Close() {
	defer c.stop()
	defer func() { _ = c.client.Close() }()
	defer c.within(2 * time.Second)()
	_ = c.client.Logout().Wait() // a courtesy
}

// failed names what a command ended with.
func (c *Session) failed(what string, err error) error {
	var no *imap.Error
	switch {
	case errors.As(err, &no):
		return trouble(cause.IMAPRefused, "%s: the server answered %s", what, c.words(no))
	case c.expired.Load():
		return trouble(cause.IMAPUnreachable, "%s: no answer within %g s", what, commandLimit.Seconds())
	case errors.Is(err, errTooMuch):
		return trouble(cause.IMAPNotIMAP, "%s: %v", what, err)
	}
	return trouble(cause.IMAPUnreachable, "%s: the connection was lost: %s", what, shown(c.watch, err.Error()))
}

// words quotes a refusal.
func (c *Session) words(no *imap.Error) string {
	text := string(no.Type)
	if no.Code != "" {
		text += " [" + string(no.Code) + "]"
	}
	return shown(c.watch, cut(text+" "+no.Text, 400))
}

// logIn logs in once, with the first way that the server offers.
func (c *Session) logIn() error {
	defer c.within(commandLimit)()
	if err := c.client.WaitGreeting(); err != nil {
		return c.failed("greeting", err)
	}
	if c.client.State() == imap.ConnStateAuthenticated {
		c.caps = c.client.Caps()
		return nil
	}
	c.caps = c.client.Caps()
	way, err := c.way()
	if err != nil {
		return err
	}
	err = way()
	var no *imap.Error
	switch {
	case errors.As(err, &no):
		return trouble(cause.IMAPLoginRefused, "login as %s: the server answered %s", shown(c.watch, c.inbox.Account), c.words(no))
	case err != nil:
		return c.failed("login", err)
	}
	c.caps = c.client.Caps()
	return nil
}

// way chooses how to log in.
func (c *Session) way() (func() error, error) {
	account, password, token := c.inbox.Account, c.inbox.Password.Value, c.inbox.Token.Value
	has := func(mechanism string) bool { return c.caps.Has(imap.AuthCap(mechanism)) }
	by := func(s sasl.Client) func() error { return func() error { return c.client.Authenticate(s) } }
	switch {
	case token.IsSet() && has("XOAUTH2"):
		return by(xoauth2{account, token.Reveal()}), nil
	case token.IsSet() && has(sasl.OAuthBearer):
		return by(sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: account, Token: token.Reveal()})), nil
	case token.IsSet():
		return nil, trouble(cause.IMAPNoMechanism, "the server takes no access token (it offers neither XOAUTH2 nor OAUTHBEARER)")
	case !password.IsSet():
		return nil, trouble(cause.IMAPNoCredential, "there is no password for the mailbox")
	case has(sasl.Plain):
		return by(sasl.NewPlainClient("", account, password.Reveal())), nil
	case !c.caps.Has(imap.CapLoginDisabled):
		return func() error { return c.client.Login(account, password.Reveal()).Wait() }, nil
	case has(sasl.Login):
		return by(&byTurns{account: account, password: password.Reveal()}), nil
	}
	return nil, trouble(cause.IMAPNoMechanism, "the server offers no login with a password")
}

// byTurns is the mechanism LOGIN: account, then password, whatever the server
// calls them when it asks.
type byTurns struct {
	account, password string
	said              bool
}

// Start gives the account, which goes along or answers the first question.
func (b *byTurns) Start() (string, []byte, error) { return sasl.Login, []byte(b.account), nil }

// Next gives the password, once.
func (b *byTurns) Next([]byte) ([]byte, error) {
	if b.said {
		return nil, sasl.ErrUnexpectedServerChallenge
	}
	b.said = true
	return []byte(b.password), nil
}

// xoauth2 is Google's and Microsoft's way to log in with a token.
type xoauth2 struct{ account, token string }

func (x xoauth2) response() []byte {
	return fmt.Appendf(nil, "user=%s\x01auth=Bearer %s\x01\x01", x.account, x.token)
}

func (x xoauth2) Start() (string, []byte, error) { return "XOAUTH2", x.response(), nil }

// Next answers the server's reason for a refusal, after which it says no.
func (x xoauth2) Next([]byte) ([]byte, error) { return []byte{}, nil }
