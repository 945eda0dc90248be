package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// passwordOptions say whose password it is, and where it is kept.
type passwordOptions struct {
	account string
	config  string
	service string
	stdin   bool
}

func newPassword(p *process) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "password",
		Short: "Keep a password in the system's keyring",
		Long: "Keeps the password of an account in the system's keyring (Secret Service on\n" +
			"Linux, Keychain on macOS, Credential Manager on Windows), from where\n" +
			"--password-keyring or password: {keyring: smtpdx} in a settings file takes it.\n" +
			"The account is that of the profile TARGET, or -u.",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("smtpdx password set, or smtpdx password delete", "there is no such command under password")
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newPasswordSet(p), newPasswordDelete(p))
	return cmd
}

func newPasswordSet(p *process) *cobra.Command {
	var o passwordOptions
	cmd := &cobra.Command{
		Use: "set [TARGET]", Short: "Keep a password; it is asked for twice and not shown", Args: atMostOneArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return o.set(cmd.Context(), p, p.world(), args) },
	}
	o.add(cmd, p)
	cmd.Flags().BoolVar(&o.stdin, "password-stdin", false, "the password comes on standard input; one line end is removed")
	return cmd
}

func newPasswordDelete(p *process) *cobra.Command {
	var o passwordOptions
	cmd := &cobra.Command{
		Use: "delete [TARGET]", Short: "Remove a kept password", Args: atMostOneArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return o.delete(cmd.Context(), p, p.world(), args) },
	}
	o.add(cmd, p)
	return cmd
}

func (o *passwordOptions) add(cmd *cobra.Command, p *process) {
	f := cmd.Flags()
	f.StringVarP(&o.account, "account", "u", "", "login `NAME`")
	f.StringVarP(&o.config, "config", "c", "", "settings `FILE` with the profile")
	f.StringVar(&o.service, "service", profile.KeyringService, "`NAME` under which the keyring files it")
	completeWith(cmd, "account")
	completeWith(cmd, "service")
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return profile.Names(profile.Flags{Config: o.config}, p.world()), cobra.ShellCompDirectiveNoFileComp
	}
}

func (o *passwordOptions) set(ctx context.Context, p *process, w profile.World, targets []string) error {
	account, err := o.whose(ctx, w, targets)
	if err != nil {
		return err
	}
	value, err := o.read(ctx, p, account)
	if err != nil {
		return err
	}
	if err := w.Keyring.Set(o.service, account, value.Reveal()); err != nil {
		return keyringFailed(err)
	}
	fmt.Fprintf(p.err, "Kept in the keyring (service %s). Take it with --password-keyring%s.\n", o.service, o.valueOfFlag())
	return nil
}

func (o *passwordOptions) delete(ctx context.Context, p *process, w profile.World, targets []string) error {
	account, err := o.whose(ctx, w, targets)
	if err != nil {
		return err
	}
	err = w.Keyring.Delete(o.service, account)
	switch {
	case profile.IsNotFound(err):
		return fmt.Errorf("the keyring has no password for this account (service %s)", o.service)
	case err != nil:
		return keyringFailed(err)
	}
	fmt.Fprintf(p.err, "Removed from the keyring (service %s).\n", o.service)
	return nil
}

// keyringFailed: what the keyring says may repeat what it was given.
func keyringFailed(error) error {
	return errors.New("the system's keyring does not work here; on a computer without a desktop there is usually none.\n  Use --password-file or --password-env there")
}

func (o *passwordOptions) valueOfFlag() string {
	if o.service == profile.KeyringService {
		return ""
	}
	return "=" + shellWord(o.service)
}

// whose finds the account: -u, or that of the profile. No password is read for it.
func (o *passwordOptions) whose(ctx context.Context, w profile.World, targets []string) (string, error) {
	if o.account != "" && len(targets) == 0 {
		return o.account, nil
	}
	flags := profile.Flags{Values: map[string]string{}, Config: o.config, Targets: targets, Until: probe.StepSettings}
	if o.account != "" {
		flags.Values["account"] = o.account
	}
	all, err := profile.Load(ctx, flags, w)
	if errors.Is(err, profile.ErrNoSettings) {
		return "", usage("-u ACCOUNT, or the name of a profile of the settings file.", "it is not said whose password it is")
	}
	if err != nil {
		return "", refused(err)
	}
	if r := all[0].Refused; r != nil {
		return "", usage(r.Hint, "%s", r.Text)
	}
	if all[0].Account == "" {
		return "", usage("-u ACCOUNT.", "these settings have no account, so it is not said whose password it is")
	}
	return all[0].Account, nil
}

// read takes the password from standard input, or asks for it twice.
func (o *passwordOptions) read(ctx context.Context, p *process, account string) (secret.Value, error) {
	if o.stdin {
		return readPiped(p.in)
	}
	if p.ask == nil {
		return secret.Value{}, usage("--password-stdin", "nobody can be asked for the password without a terminal")
	}
	first, err := p.ask.Hidden(ctx, "Password for "+secret.Clean(account)+": ")
	if err != nil {
		return secret.Value{}, unanswered(err)
	}
	second, err := p.ask.Hidden(ctx, "Once more: ")
	switch {
	case err != nil:
		return secret.Value{}, unanswered(err)
	case first.Reveal() != second.Reveal():
		return secret.Value{}, usage("Nothing was kept.", "the two are not the same")
	case first.Reveal() == "":
		return secret.Value{}, usage("Nothing was kept.", "the password is empty")
	}
	return first, nil
}

func readPiped(in io.Reader) (secret.Value, error) {
	raw, err := io.ReadAll(io.LimitReader(in, longestAnswer))
	if err != nil {
		return secret.Value{}, errors.New("standard input cannot be read")
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if text == "" || len(raw) == longestAnswer {
		return secret.Value{}, usage("printf %s \"$PASSWORD\" | smtpdx password set --password-stdin", "there is no password on standard input, or it is too long")
	}
	return secret.New(text), nil
}
