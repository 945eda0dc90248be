package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// redirectOptions are those of a message that is followed through addresses
// that redirect.
type redirectOptions struct {
	deliverOptions

	via     []string
	bounces string
	noSend  bool
}

func newRedirect(p *process) *cobra.Command {
	var o redirectOptions
	cmd := &cobra.Command{
		Use:   "redirect [TARGET] --via ADDR...",
		Short: "The same through an address that redirects; judge how it came",
		Long: `Sends a test message, as somebody outside would, to an address that redirects
its mail, and looks for it in the mailbox to which it redirects. Then it says how
the message came, whether its header still has the original sender, and whether
mail of senders with a strict DMARC policy comes through; and what to change.

TARGET is the sender: a profile outside the company whose address it is. --inbox
names the profile with the inbox to which is redirected, --bounces the one with
the sender's, where a report comes when the message is refused on the way (else
it is the inbox of TARGET). Without --inbox it is done by hand: it says what to
look for and where, and how to inspect it. With --no-send a person sends too, and
no settings are needed.

The message has no mark of an automatic one, since rules may skip such mail, so
that an absence reply may come back.

Exit codes: those of "smtpdx deliver", and 20 when the message did not arrive or
came without its sender.`,
		Example: `  smtpdx redirect outside --via jobs@example.com --inbox application
  smtpdx redirect --no-send --via jobs@example.com
  smtpdx demo --redirect`,
		Args: atMostOneArgument,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return o.completeTargets(p)
		},
		RunE: func(cmd *cobra.Command, targets []string) error { return o.run(cmd, p, targets) },
	}
	cmd.Flags().SortFlags = false
	inGroup(cmd.Flags(), "Redirect", func(f *pflag.FlagSet) {
		f.StringArrayVar(&o.via, "via", nil, "the `ADDRESS` that redirects; repeatable, one message goes to each")
		f.StringVar(&o.bounces, "bounces", "", "look for reports in the inbox of the profile `NAME`")
		f.BoolVar(&o.noSend, "no-send", false, "send nothing: say what a person has to send and look for")
	})
	o.settings.follow = true
	o.add(cmd)
	o.addFollowing(cmd.Flags())
	o.completeFollowing(cmd, p)
	completeWith(cmd, "via")
	_ = cmd.RegisterFlagCompletionFunc("bounces", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return o.completeTargets(p)
	})
	_ = cmd.Flags().MarkHidden("to") // the recipients are --via; a flag that is there cannot fail
	return cmd
}

func (o *redirectOptions) run(cmd *cobra.Command, p *process, targets []string) error {
	if len(o.via) == 0 {
		return usage("--via jobs@example.com, the address whose mail is redirected.", "it is not said which address redirects")
	}
	for i, text := range o.via {
		address, err := plainAddress("--via", text)
		if err != nil {
			return err
		}
		o.via[i] = address
	}
	if cmd.Flags().Changed("to") {
		return usage("--via ADDRESS is the recipient.", "redirect takes no --to")
	}
	if o.noSend {
		return o.tellByHand(p, targets)
	}
	if _, ok := profile.ParseTime(o.wait); !ok {
		return usage("For example --wait 5m.", "--wait wants a time from 1ms to 24h")
	}
	all, err := o.prepareAll(cmd.Context(), p, targets)
	if err != nil {
		return err
	}
	return o.probe(cmd, p, targets, all, o.mayAsk(p))
}

// prepareAll makes the settings of a run for each address that redirects.
func (o *redirectOptions) prepareAll(ctx context.Context, p *process, targets []string) ([]probe.Settings, error) {
	mayAsk := o.mayAsk(p)
	loaded, message, err := o.read(ctx, p, targets, mayAsk)
	if err != nil {
		return nil, err
	}
	message.AsPerson = true
	bounces, err := o.sendersInbox(ctx, p, targets, loaded)
	if err != nil {
		return nil, err
	}
	var all []probe.Settings
	for _, s := range loaded {
		o.finish(&s, mayAsk)
		if err := o.follow(ctx, p, &s); err != nil {
			return nil, err
		}
		for _, via := range o.via {
			one := o.through(s, via, message, bounces)
			if err := o.mayGo(ctx, p, &one, mayAsk); err != nil {
				return nil, err
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// through is a run for one address, with a token of its own.
func (o *redirectOptions) through(s probe.Settings, via string, message *probe.Message, bounces *probe.Inbox) probe.Settings {
	own := *message
	own.Token = probe.NewToken()
	s.Message, s.To = &own, []string{via}
	s.Redirect = &probe.Redirect{Via: via, Profile: s.Profile, Bounces: bounces, Advice: redirectAdvice}
	if len(o.via) > 1 {
		s.Profile = strings.TrimSpace(s.Profile + " via " + via)
	}
	return s
}

// sendersInbox is where reports come: the inbox that --bounces names, else the
// sender's own one where --inbox names another.
func (o *redirectOptions) sendersInbox(ctx context.Context, p *process, targets []string, loaded []probe.Settings) (*probe.Inbox, error) {
	if o.bounces == "" && *o.settings.values["inbox"] == "" || len(loaded) != 1 || loaded[0].Refused != nil {
		return nil, nil
	}
	flags := o.settings.flags(targets)
	flags.Values["inbox"] = o.bounces
	flags.Password, flags.Token = nil, nil // only the inbox is wanted; standard input has been read
	again, err := profile.Load(ctx, flags, p.world())
	switch {
	case err != nil:
		return nil, refused(err)
	case again[0].Refused != nil:
		return nil, usage(again[0].Refused.Hint, "--bounces: %s", again[0].Refused.Text)
	case again[0].Follow == nil || again[0].Follow.Inbox == nil:
		return nil, nil
	}
	inbox := again[0].Follow.Inbox
	if inbox.Password.Source == "prompt" {
		asked := probe.Settings{Follow: &probe.Follow{Inbox: inbox}}
		err = o.follow(ctx, p, &asked)
	}
	return inbox, err
}

// mayGo refuses what would prove nothing, warns of what proves less, and asks.
func (o *redirectOptions) mayGo(ctx context.Context, p *process, s *probe.Settings, mayAsk bool) error {
	if s.Refused != nil || len(s.From) == 0 {
		return o.agree(ctx, p, s, mayAsk)
	}
	from, via := bareAddress(s.From[0]), s.Redirect.Via
	if inbox := s.Follow.Inbox; inbox != nil {
		switch {
		case strings.EqualFold(inbox.Account, from):
			return usage("Send from a mailbox outside, and look into the one to which is redirected: --inbox NAME.",
				"the sender and the mailbox to which is redirected are the same")
		case strings.EqualFold(inbox.Account, via):
			return usage("--inbox names the mailbox to which is redirected.", "the address that redirects and the mailbox are the same")
		}
	}
	if domainOf(from) == domainOf(via) {
		fmt.Fprintln(p.err, folded("Note: the sender is of the same domain as "+secret.Clean(via)+". Internal mail is often treated differently; a sender outside tells more."))
	}
	if !o.output.quiet {
		fmt.Fprintln(p.err, folded("Note: the message looks as if a person had written it. An absence reply may come back to "+secret.Clean(from)+"."))
	}
	return o.agree(ctx, p, s, mayAsk)
}

func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

// bareAddress is the address of "Name <a@b>".
func bareAddress(text string) string {
	if address, err := plainAddress("--from", text); err == nil {
		return address
	}
	return text
}

// tellByHand says who must send what, and where to look; nothing is contacted,
// and no settings file is read.
func (o *redirectOptions) tellByHand(p *process, targets []string) error {
	if err := o.output.check(p); err != nil {
		return err
	}
	if o.output.format != formatText || len(targets) > 0 {
		return usage("smtpdx redirect --no-send --via ADDRESS", "--no-send is for a person and takes neither TARGET nor -o")
	}
	sender := "SENDER"
	if from := *o.settings.lists["from"]; len(from) > 0 {
		sender = bareAddress(from[0])
	}
	token := probe.NewToken()
	for i, via := range o.via {
		if i > 0 {
			fmt.Fprintln(p.out)
		}
		o.steps(sender, via, token+strconv.Itoa(i+1)).print(p)
	}
	return nil
}

// steps are what a person does for one address.
func (o *redirectOptions) steps(sender, via, token string) handSteps {
	from := "a mailbox outside of " + domainOf(via) + ", as a candidate would have"
	if sender != "SENDER" {
		from = sender
	}
	return handSteps{via: via, list: []string{
		"Send a mail from " + from + " to " + via + ", with the subject: Redirect test " + token,
		"Look for " + token + " in the mailbox to which " + via + " redirects, in the junk folder too.",
		"It came: save it with its whole header as message.eml (not by forwarding it), then:\nsmtpdx inspect message.eml --via " + via + " --sender " + sender,
		"It did not come within some minutes: look into the sender's mailbox for a report of failure, save that, then:\nsmtpdx inspect message.eml --via " + via,
	}}
}

type handSteps struct {
	via  string
	list []string
}

func (h handSteps) print(p *process) {
	fmt.Fprintf(p.out, "To find out how mail to %s is redirected:\n\n", h.via)
	for i, step := range h.list {
		words, command, _ := strings.Cut(step, "\n")
		for n, line := range wrapWords(words, min(p.term.width, plainWidth)-6) {
			mark := "     "
			if n == 0 {
				mark = fmt.Sprintf("  %d. ", i+1)
			}
			fmt.Fprintln(p.out, mark+line)
		}
		if command != "" {
			fmt.Fprintln(p.out, "       "+command)
		}
	}
	fmt.Fprintln(p.out, "\nAn automatic answer to the sender, as of somebody who is absent, is not the\nmessage.")
}
