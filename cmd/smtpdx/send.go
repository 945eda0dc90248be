package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// sendOptions are those of a check that ends with a message.
type sendOptions struct {
	checkOptions

	message messageFlags
	// before is done before the question whether the message may go; nil: nothing.
	before func(ctx context.Context, p *process, s *probe.Settings) error
}

func newSend(p *process) *cobra.Command {
	var o sendOptions
	cmd := &cobra.Command{
		Use:   "send [TARGET] --to ADDR",
		Short: "The check, then one test message on the same connection",
		Long: `Checks the settings as "smtpdx check" does, and then sends one test message on
the same connection: from the first --from (or the account) to each --to. It
says first what goes to whom, and asks; --yes answers that, and without a
terminal it is needed. The message says who sent it, with what program and when;
no setting is in it. Its subject ends with a token, by which it can be found.

That the server has taken a message does not mean that it arrives: smtpdx
deliver follows it. Nothing is sent a second time. When no reply comes after the
message, the server may have taken it: look before you send again.

TARGET and settings are those of "smtpdx check".

Exit codes: those of "smtpdx check", and 18 when the message was refused, also
for one of several recipients.`,
		Example: `  smtpdx send smtp.example.com:587 -u me@example.com --to you@example.org
  smtpdx send recruiting --to you@example.org --to me@example.com --yes
  smtpdx send recruiting --to you@example.org --subject "Offer" --attach cv.pdf`,
		Args: atMostOneArgument,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return o.completeTargets(p)
		},
		RunE: func(cmd *cobra.Command, targets []string) error { return o.run(cmd, p, targets) },
	}
	o.add(cmd)
	return cmd
}

// add adds the flags of every command that sends.
func (o *sendOptions) add(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	o.settings.addForOne(cmd.Flags())
	o.message.add(cmd.Flags())
	o.output.add(cmd.Flags())
	o.settings.complete(cmd)
	o.message.complete(cmd)
	completeOutput(cmd)
}

func (o *sendOptions) run(cmd *cobra.Command, p *process, targets []string) error {
	all, err := o.prepare(cmd.Context(), p, targets)
	if err != nil {
		return err
	}
	return o.probe(cmd, p, targets, all, o.mayAsk(p))
}

// prepare reads the settings, adds the message, and asks whether it may go.
func (o *sendOptions) prepare(ctx context.Context, p *process, targets []string) ([]probe.Settings, error) {
	mayAsk := o.mayAsk(p)
	all, message, err := o.read(ctx, p, targets, mayAsk)
	if err != nil {
		return nil, err
	}
	for i := range all {
		o.finish(&all[i], mayAsk)
		all[i].Message = message
		if o.before != nil {
			if err := o.before(ctx, p, &all[i]); err != nil {
				return nil, err
			}
		}
		if err := o.agree(ctx, p, &all[i], mayAsk); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// read reads flags, message and settings.
func (o *sendOptions) read(ctx context.Context, p *process, targets []string, mayAsk bool) ([]probe.Settings, *probe.Message, error) {
	if err := o.output.check(p); err != nil {
		return nil, nil, err
	}
	if err := o.settings.check(); err != nil {
		return nil, nil, err
	}
	message, err := o.message.read(p.in)
	if err != nil {
		return nil, nil, err
	}
	all, err := o.load(ctx, p, targets, mayAsk)
	return all, message, err
}

// agree says what would go to whom, and asks whether it may.
func (o *sendOptions) agree(ctx context.Context, p *process, s *probe.Settings, mayAsk bool) error {
	if s.Refused != nil {
		return nil
	}
	switch {
	case len(s.To) == 0:
		return usage("--to ADDRESS, a mailbox that you can look into.", "it is not said to whom the test message goes")
	case len(s.From) == 0:
		return usage("--from ADDRESS.", "it is not said from whom the test message comes")
	}
	way := "from " + secret.Clean(s.From[0]) + " to " + secret.Clean(strings.Join(s.To, ", ")) +
		" through " + net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
	announced := folded("One test message goes " + way + ". Its token is " + s.Message.Token + ".")
	switch {
	case o.settings.yes && o.output.quiet:
		return nil
	case o.settings.yes && p.mask != nil:
		p.mask.Learn(*s)
		fmt.Fprintln(p.err, p.mask.Text(announced))
		return nil
	case o.settings.yes:
		fmt.Fprintln(p.err, announced)
		return nil
	case !mayAsk:
		return usage("--yes sends it without a question.", "a test message would go %s,\n  and nobody can be asked whether it may", way)
	}
	fmt.Fprintln(p.asked, announced)
	answer, err := p.ask.Line(ctx, "Send it? [y/N] ")
	if err != nil {
		return unanswered(err)
	}
	if word := strings.ToLower(strings.TrimSpace(answer)); word != "y" && word != "yes" {
		return usage("", "nothing was sent and nothing was contacted")
	}
	return nil
}
