package main

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// deliverOptions are those of a message that is followed into a mailbox.
type deliverOptions struct {
	sendOptions

	wait   string
	delete bool
}

func newDeliver(p *process) *cobra.Command {
	var o deliverOptions
	cmd := &cobra.Command{
		Use:   "deliver [TARGET] --to ADDR",
		Short: "Send a test message, then follow it into a mailbox",
		Long: `Does what "smtpdx send" does, and then looks for the message in a mailbox by IMAP:
in the inbox and in the junk folders, by the token in its subject. It says where
the message arrived and after how long, over which servers it came, what the
receiving server found out about the sender (SPF, DKIM, DMARC), what the DNS says
of it, and what was changed on the way.

The mailbox is the inbox of the profile, or of the one that --inbox names:

  inbox: {host: imap.example.org, account: me@example.org, password: {env: NAME}}

Without one, it says what to look for and where. No other message is read.
--delete removes the test message from the mailbox, and only that.

Exit codes: those of "smtpdx send", and 19 when the message did not arrive or the
mailbox could not be read.`,
		Example: `  smtpdx deliver recruiting --to me@example.org --inbox private
  smtpdx deliver smtp.example.com:587 -u jobs@example.com --to me@example.org
  smtpdx demo --deliver`,
		Args: atMostOneArgument,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return o.completeTargets(p)
		},
		RunE: func(cmd *cobra.Command, targets []string) error { return o.run(cmd, p, targets) },
	}
	o.settings.follow = true
	o.add(cmd)
	o.addFollowing(cmd.Flags())
	o.completeFollowing(cmd, p)
	return cmd
}

func (o *deliverOptions) addFollowing(flags *pflag.FlagSet) {
	inGroup(flags, "Mailbox", func(f *pflag.FlagSet) {
		o.settings.text(f, "inbox", "", "look in the inbox of the profile `NAME`")
		f.StringVar(&o.wait, "wait", "2m", "how long the message is waited for, as a `TIME`")
		f.BoolVar(&o.delete, "delete", false, "remove the test message from the mailbox when it was found")
	})
}

func (o *deliverOptions) completeFollowing(cmd *cobra.Command, p *process) {
	completeWith(cmd, "wait")
	_ = cmd.RegisterFlagCompletionFunc("inbox", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return o.completeTargets(p)
	})
}

func (o *deliverOptions) run(cmd *cobra.Command, p *process, targets []string) error {
	if _, ok := profile.ParseTime(o.wait); !ok {
		return usage("For example --wait 5m.", "--wait wants a time from 1ms to 24h")
	}
	o.before = o.follow
	return o.sendOptions.run(cmd, p, targets)
}

// follow adds how long to wait, and asks for the mailbox's password where it is
// outstanding: before anything is sent, not after.
func (o *deliverOptions) follow(ctx context.Context, p *process, s *probe.Settings) error {
	if s.Refused != nil || s.Follow == nil {
		return nil
	}
	s.Follow.Wait, _ = profile.ParseTime(o.wait) // it was looked at before
	s.Follow.Delete = o.delete
	inbox := s.Follow.Inbox
	if inbox == nil || inbox.Password.Source != "prompt" {
		return nil
	}
	if !o.mayAsk(p) {
		return usage("password: {env: NAME}, {file: PATH} or {command: [..]} below inbox.", "the inbox has no password, and nobody can be asked for it")
	}
	at := net.JoinHostPort(inbox.Host, strconv.Itoa(inbox.Port))
	value, err := p.ask.Hidden(ctx, fmt.Sprintf("Password of the mailbox %s at %s: ", secret.Clean(inbox.Account), at))
	if err != nil {
		return unanswered(err)
	}
	inbox.Password.Value = value
	return nil
}
