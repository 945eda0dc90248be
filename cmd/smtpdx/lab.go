package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/probe/smtptest"
)

const (
	labSchema  = "smtpdx.lab/v1"
	formatJSON = "json"
)

func newLab(p *process) *cobra.Command {
	lab := &cobra.Command{
		Use:   "lab",
		Short: "A local SMTP server that behaves well or badly in a chosen way",
		Long:  "A local SMTP server that behaves well or badly in a chosen way, to reproduce an\nerror or to test a client. It listens on loopback, keeps no message and relays\nnothing.",
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("smtpdx lab list, or smtpdx lab serve NAME", "there is no such command under lab")
			}
			return cmd.Help()
		},
	}
	lab.AddCommand(newLabList(p), newLabServe(p))
	return lab
}

type labListOptions struct {
	format string
	quiet  bool
}

func newLabList(p *process) *cobra.Command {
	var o labListOptions
	cmd := &cobra.Command{
		Use: "list", Short: "What there is, and what each one teaches", Args: noArguments, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error { return o.run(p) },
	}
	cmd.Flags().StringVarP(&o.format, "output", "o", formatText, "`FORMAT` of standard output: text or json")
	cmd.Flags().BoolVarP(&o.quiet, "quiet", "q", false, "only the names")
	completeWith(cmd, "output", formatText, formatJSON)
	return cmd
}

func (o *labListOptions) run(p *process) error {
	all := smtptest.Catalogue()
	switch {
	case o.format == formatJSON:
		return labJSON(p, all)
	case o.format != formatText:
		return usage("-o text or json", "there is no such output format")
	}
	for _, d := range all {
		if o.quiet {
			fmt.Fprintln(p.out, d.Name)
			continue
		}
		fmt.Fprintf(p.out, "%s  (%s)\n  %s\n", d.Name, outcomeWords(d), d.Title)
	}
	return nil
}

// outcomeWords tells how a check of the dialogue ends.
func outcomeWords(d smtptest.Dialogue) string {
	if d.Verdict == "pass" {
		return "passes"
	}
	verb := "fails"
	if d.Verdict == "warn" {
		verb = "warns"
	}
	return fmt.Sprintf("%s at %s: %s", verb, d.Step, d.Cause)
}

func labJSON(p *process, all []smtptest.Dialogue) error {
	type dialogue struct {
		Name     string  `json:"name"`
		Title    string  `json:"title"`
		Teaches  string  `json:"teaches"`
		Step     *string `json:"step"`
		Cause    *string `json:"cause"`
		ExitCode int     `json:"exit_code"`
	}
	document := struct {
		Schema    string     `json:"schema"`
		Dialogues []dialogue `json:"dialogues"`
	}{Schema: labSchema, Dialogues: []dialogue{}}
	for _, d := range all {
		document.Dialogues = append(document.Dialogues, dialogue{d.Name, d.Title, d.Teaches, maybe(d.Step), maybe(d.Cause), d.ExitCode})
	}
	encoder := json.NewEncoder(p.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document)
}

func maybe(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

type labServeOptions struct {
	listen string
}

func newLabServe(p *process) *cobra.Command {
	var o labServeOptions
	cmd := &cobra.Command{
		Use:   "serve NAME",
		Short: "Serve one of them until Ctrl-C, and print the check for it",
		Args:  oneArgument("the name of a dialogue (smtpdx lab list)"), ValidArgsFunction: completeDialogues,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), p, args[0]) },
	}
	cmd.Flags().StringVar(&o.listen, "listen", "", "listen at `ADDR:PORT` (default: a free port on loopback)")
	return cmd
}

func (o *labServeOptions) run(ctx context.Context, p *process, name string) error {
	dialogue, err := findDialogue(name)
	if err != nil {
		return err
	}
	if err := o.checkListen(p); err != nil {
		return err
	}
	server, err := smtptest.Start(ctx, dialogue, smtptest.Options{
		Listen:       o.listen,
		Log:          func(line string) { fmt.Fprintln(p.out, line) },
		AllowMessage: true,
	})
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	ca, err := writeCA(server.CA())
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(ca) }()
	fmt.Fprintf(p.out, "%s: %s\n%s\n\n", dialogue.Name, dialogue.Title, dialogue.Teaches)
	fmt.Fprintf(p.out, "Listening on %s. Ctrl-C stops.\n\n", o.where(server))
	for _, line := range checkCommands(p, dialogue, server, o.host(server), ca) {
		fmt.Fprintln(p.out, line)
	}
	fmt.Fprintln(p.out)
	<-ctx.Done()
	return server.Close()
}

// checkListen wants an address and a port, and warns where others can connect.
func (o *labServeOptions) checkListen(p *process) error {
	if o.listen == "" {
		return nil
	}
	address, err := netip.ParseAddrPort(o.listen)
	if err != nil {
		return usage("For example --listen 127.0.0.1:2525 or --listen [::1]:2525.", "--listen wants an IP address and a port")
	}
	if !address.Addr().IsLoopback() {
		fmt.Fprintf(p.err, "WARNING: others can connect: %s is not loopback. The server relays nothing,\nbut whoever reaches it sees it, and its passwords are no secret.\n\n", address)
	}
	return nil
}

func (o *labServeOptions) where(server *smtptest.Server) string {
	if o.listen == "" {
		return fmt.Sprintf("127.0.0.1 and ::1, port %d", server.Port())
	}
	return net.JoinHostPort(o.host(server), strconv.Itoa(server.Port()))
}

// host is the name to enter: the dialogue's, or the address that was asked for.
func (o *labServeOptions) host(server *smtptest.Server) string {
	address, err := netip.ParseAddrPort(o.listen)
	if err != nil || address.Addr().IsLoopback() || address.Addr().IsUnspecified() || server.Resolver() != "" {
		return server.Host()
	}
	return address.Addr().String()
}

// findDialogue does not repeat a name that it does not know.
func findDialogue(name string) (smtptest.Dialogue, error) {
	if d, ok := smtptest.Lookup(name); ok {
		return d, nil
	}
	hint := "smtpdx lab list shows what there is."
	if near := nearest(name, dialogueNames()); near != "" {
		hint = "Did you mean " + near + "? " + hint
	}
	return smtptest.Dialogue{}, usage(hint, "there is no dialogue of that name")
}

func dialogueNames() []string {
	var names []string
	for _, d := range smtptest.Catalogue() {
		names = append(names, d.Name)
	}
	return names
}

// completeDialogues offers names with titles.
func completeDialogues(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []cobra.Completion
	for _, d := range smtptest.Catalogue() {
		names = append(names, cobra.CompletionWithDesc(d.Name, d.Title))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// writeCA keeps the lab's root certificate in a file for the time of the server.
func writeCA(pem []byte) (string, error) {
	file, err := os.CreateTemp("", "smtpdx-lab-*.pem")
	if err != nil {
		return "", fmt.Errorf("keep the lab's root certificate: %w", err)
	}
	defer file.Close()
	if _, err := file.Write(pem); err != nil {
		return "", fmt.Errorf("keep the lab's root certificate: %w", err)
	}
	return file.Name(), nil
}

// checkCommands gives the check for a served dialogue, for POSIX shells or for
// PowerShell, whichever this computer has. The lab's passwords are no secret.
func checkCommands(p *process, d smtptest.Dialogue, server *smtptest.Server, host, ca string) []string {
	if d.Follows() {
		return deliverCommands(d, server, host, ca)
	}
	command := "check"
	if d.Sends() {
		command = "send"
	}
	words := []string{"smtpdx", command, net.JoinHostPort(host, strconv.Itoa(server.Port()))}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, shellWord(value))
		}
	}
	add("--encryption", d.Settings.Encryption)
	add("-u", d.Settings.Account)
	add("--auth", d.Settings.Auth)
	for _, from := range d.Settings.From {
		add("--from", from)
	}
	for _, to := range d.Settings.To {
		add("--to", to)
	}
	add("--helo", d.Settings.Helo)
	add("--timeout", d.Settings.Timeout)
	add("--until", d.Settings.Until)
	if d.Settings.Encryption != "none" {
		add("--ca-file", ca)
	}
	add("--resolver", server.Resolver())
	if d.Settings.AllowPlaintextAuth {
		words = append(words, "--allow-plaintext-auth")
	}
	if d.Settings.Insecure {
		words = append(words, "--insecure")
	}
	if d.Sends() {
		words = append(words, "--yes")
	}
	return withCredential(p, d, strings.Join(words, " "))
}

// deliverCommands gives the settings file for a served dialogue with a mailbox,
// since flags have no place for a second account, and the command.
func deliverCommands(d smtptest.Dialogue, server *smtptest.Server, host, ca string) []string {
	box := server.LetterBox()
	lines := []string{"  # lab.yaml"}
	add := func(indent, key, value string) {
		if value != "" {
			lines = append(lines, indent+key+": '"+strings.ReplaceAll(value, "'", "''")+"'")
		}
	}
	add("  ", "host", host)
	lines = append(lines, fmt.Sprintf("  port: %d", server.Port()))
	add("  ", "encryption", d.Settings.Encryption)
	add("  ", "account", d.Settings.Account)
	add("  ", "password", d.Settings.Password)
	add("  ", "to", box.Account())
	add("  ", "ca_file", ca)
	add("  ", "resolver", server.Resolver())
	lines = append(lines, "  inbox:", "    host: "+box.Host(), fmt.Sprintf("    port: %d", box.Port()))
	add("    ", "account", box.Account())
	add("    ", "password", box.Password())
	add("    ", "ca_file", ca)
	command := "  smtpdx deliver -c lab.yaml --yes"
	if d.Settings.Wait != "" {
		command += " --wait " + d.Settings.Wait
	}
	return append(lines, "", command)
}

// withCredential puts password or token into a variable of the command's own:
// one of this program's would not go with a host on the command line.
func withCredential(p *process, d smtptest.Dialogue, command string) []string {
	name, flag, value := "LAB_PASSWORD", "--password-env", d.Settings.Password
	if value == "" {
		name, flag, value = "LAB_TOKEN", "--token-env", d.Settings.Token
	}
	if value == "" {
		return []string{"  " + command}
	}
	command += " " + flag + " " + name
	if p.term.windowed {
		return []string{"  $env:" + name + " = " + "'" + strings.ReplaceAll(value, "'", "''") + "'", "  " + command}
	}
	return []string{"  " + name + "=" + shellWord(value) + " \\", "  " + command}
}
