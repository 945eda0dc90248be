package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/report"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// initOptions are the settings to write and where to; what is missing is asked for.
type initOptions struct {
	answers  answers
	source   passwordSource
	caFile   string
	resolver string
	path     string
	noSchema bool
	noAsk    bool
	noTest   bool
}

const usualFile = "smtpdx.yaml"

func newInit(p *process) *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init [ADDRESS]",
		Short: "Ask for the settings and write a settings file",
		Long: `Asks for the mail address first, proposes the settings that are found for it,
asks for the rest and where the password is kept, and writes a commented settings
file. The password itself is never written into it. An existing file is replaced
only after a question. At the end the settings are checked, if you wish.

Without a terminal nothing is asked: give --host and -u, and where the password
is, as flags.`,
		Example: "  smtpdx init\n  smtpdx init --host smtp.example.com -u me@example.com --password-env MAIL_PASSWORD",
		Args:    atMostOneArgument, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), p, strings.Join(args, ""))
		},
	}
	o.add(cmd)
	return cmd
}

func (o *initOptions) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	inGroup(flags, "Settings", func(f *pflag.FlagSet) {
		f.StringVar(&o.answers.host, "host", "", "server `NAME` or address")
		f.StringVar(&o.answers.port, "port", "", "`PORT`: default 587, for ssl 465, for none 25")
		f.StringVar(&o.answers.encryption, "encryption", "", "`MODE`: starttls, ssl or none")
		f.StringVarP(&o.answers.account, "account", "u", "", "login `NAME`; without it no login is tried")
		f.StringVar(&o.answers.from, "from", "", "`ADDRESS` that must be allowed as sender (default: the account)")
		f.StringVar(&o.caFile, "ca-file", "", "trust the certificates in `FILE` in place of the system's")
		f.StringVar(&o.resolver, "resolver", "", "ask this DNS server, `IP[:PORT]`")
	})
	inGroup(flags, "Where the password is (never the password itself)", func(f *pflag.FlagSet) {
		o.source.add(f)
	})
	inGroup(flags, "The file", func(f *pflag.FlagSet) {
		f.StringVarP(&o.path, "config", "c", usualFile, "write this `FILE`")
		f.BoolVar(&o.noSchema, "no-schema", false, "without "+schemaFile+" beside it, by which editors complete the settings")
		f.BoolVar(&o.noTest, "no-test", false, "do not offer to check the settings")
		f.BoolVar(&o.noAsk, "no-input", false, "never ask (also when CI is set)")
	})
	completeWith(cmd, "encryption", "starttls", "ssl", "none")
	for _, name := range []string{"host", "port", "account", "from", "resolver", "password-env", "password-command", "password-keyring"} {
		completeWith(cmd, name)
	}
}

func (o *initOptions) run(ctx context.Context, p *process, address string) error {
	mayAsk := p.ask != nil && !o.noAsk && !inCI(p.getenv)
	if err := o.source.check(); err != nil {
		return err
	}
	if address != "" && !isAddress(address) {
		return usage("smtpdx init ADDRESS, or --host NAME.", "the argument of init is a mail address")
	}
	if o.answers.host != "" {
		o.own(address)
	}
	o.source.findFrom(filepath.Dir(o.path))
	if err := o.fill(ctx, p, address, mayAsk); err != nil {
		return err
	}
	if err := o.usable(ctx, p); err != nil {
		return err
	}
	if err := o.write(ctx, p, mayAsk); err != nil {
		return err
	}
	o.say(p)
	if !mayAsk || o.noTest {
		return nil
	}
	return o.test(ctx, p)
}

// own takes the address for the account or the sender, where the host is known
// and need not be looked for.
func (o *initOptions) own(address string) {
	switch {
	case o.answers.account == "":
		o.answers.account = address
	case o.answers.from == "" && address != o.answers.account:
		o.answers.from = address
	}
}

// fill asks for what the flags do not say.
func (o *initOptions) fill(ctx context.Context, p *process, address string, mayAsk bool) error {
	if o.answers.host != "" && !mayAsk {
		return nil
	}
	if !mayAsk {
		return usage("smtpdx init --host NAME -u ACCOUNT --password-env VARIABLE\n(also --port, --encryption, --from, --password-file, --password-command, --password-keyring, -c FILE)",
			"nobody can be asked without a terminal, and there is no --host")
	}
	if o.answers.host != "" && o.answers.account != "" && o.source.isGiven() {
		return nil
	}
	fmt.Fprint(p.asked, "I ask for the settings and write them to "+shown(o.path)+".\nEnter takes the value in [ ], Ctrl-C stops.\n\n")
	f := form{ctx: ctx, ask: p.ask, out: p.asked}
	if o.answers.host == "" {
		f.typed = address
	}
	if o.answers.host == "" || o.answers.account == "" {
		o.form(&f, p)
	}
	if f.err == nil && o.answers.account != "" && !o.source.isGiven() {
		f.err = o.source.ask(ctx, &f, p, o.answers.account)
	}
	return unanswered(f.err)
}

// form asks for the settings; what the flags say is offered.
func (o *initOptions) form(f *form, p *process) {
	found := o.answers
	if found.host == "" {
		check := newCheckFor(o)
		found = f.address("  Your mail address (or the host)", check.finder(p))
	}
	for _, given := range []struct {
		to   *string
		flag string
	}{{&found.port, o.answers.port}, {&found.encryption, o.answers.encryption}, {&found.account, o.answers.account}, {&found.from, o.answers.from}} {
		if given.flag != "" {
			*given.to = given.flag
		}
	}
	o.answers = f.settings(found)
}

// newCheckFor is a check that asks the DNS server and trusts whom init does.
func newCheckFor(o *initOptions) *checkOptions {
	check := &checkOptions{output: outputOptions{format: formatText}}
	check.settings.add(pflag.NewFlagSet("init", pflag.ContinueOnError))
	*check.settings.values["resolver"], *check.settings.values["ca-file"] = o.resolver, o.caFile
	return check
}

// usable reads what will be written as check would, before it is written.
func (o *initOptions) usable(ctx context.Context, p *process) error {
	all, err := profile.Load(ctx, o.flags(probe.StepSettings), withoutSettings(p.world(), ""))
	if err != nil {
		return refused(err)
	}
	if wrong := all[0].Refused; wrong != nil {
		return usage(wrong.Hint, "%s", wrong.Text)
	}
	if o.source.isGiven() && o.answers.account == "" {
		return usage("-u NAME", "there is a place for the password, and no account")
	}
	s := all[0]
	o.answers.host, o.answers.port, o.answers.encryption = s.Host, fmt.Sprint(s.Port), string(s.Encryption)
	if o.answers.encryption == string(probe.Auto) { // only the check looks what the port speaks
		o.answers.encryption = encryptionWord(usualEncryption(o.answers.port))
	}
	return nil
}

// withoutSettings hides the variables SMTPDX_..., which a check would add to
// what is written here, but the one in which the password is.
func withoutSettings(w profile.World, password string) profile.World {
	look := w.Env
	w.Env = func(name string) (string, bool) {
		if strings.HasPrefix(name, "SMTPDX_") && name != password {
			return "", false
		}
		return look(name)
	}
	return w
}

func (o *initOptions) flags(until probe.StepID) profile.Flags {
	f := profile.Flags{Values: map[string]string{}, Until: until}
	for key, value := range map[string]string{"host": o.answers.host, "port": o.answers.port, "encryption": o.answers.encryption,
		"account": o.answers.account, "ca_file": o.caFile, "resolver": o.resolver} {
		if value != "" {
			f.Values[key] = value
		}
	}
	if o.answers.from != "" {
		f.From = []string{o.answers.from}
	}
	return f
}

const schemaFile = "smtpdx.schema.json"

// write makes the file. Nobody else may read it: a person may add a password.
// One that is replaced keeps who may read it, and only its owner may write it,
// as a check wants it.
func (o *initOptions) write(ctx context.Context, p *process, mayAsk bool) error {
	how := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if _, err := os.Lstat(o.path); !errors.Is(err, fs.ErrNotExist) {
		if err := o.replace(ctx, p, mayAsk); err != nil {
			return err
		}
		how = os.O_WRONLY | os.O_TRUNC
	}
	file, err := os.OpenFile(o.path, how, 0o600)
	if err != nil {
		return usage("Name another file with -c FILE.", "the settings cannot be written: %v", err)
	}
	_, err = file.WriteString(o.text(time.Now()))
	if err := errors.Join(err, ownerOnlyWrites(file), file.Close()); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return nil
}

func ownerOnlyWrites(file *os.File) error {
	info, err := file.Stat()
	if err != nil || info.Mode().Perm()&0o022 == 0 || onWindows {
		return err
	}
	return file.Chmod(info.Mode().Perm() &^ 0o022)
}

// writeSchema puts the schema beside the file. What is there and is no schema
// of this program stays.
func (o *initOptions) writeSchema() (string, error) {
	beside := filepath.Join(filepath.Dir(o.path), schemaFile)
	info, err := os.Stat(beside)
	if err == nil && !(info.Mode().IsRegular() && isOurSchema(beside)) {
		return schemaFile + " is there already, is no schema of smtpdx, and stays.", nil
	}
	if err := os.WriteFile(beside, report.Schema("smtpdx.settings/v1"), 0o644); err != nil {
		return "", err
	}
	return "Beside it " + schemaFile + ", by which editors complete the settings.", nil
}

// isOurSchema tells whether a file is the schema of some version.
func isOurSchema(name string) bool {
	text, err := os.ReadFile(name)
	return err == nil && path.Dir(idOf(text)) == path.Dir(idOf(report.Schema("smtpdx.settings/v1")))
}

// idOf is the identifier of a schema, "" for what is none.
func idOf(schema []byte) string {
	var head struct {
		ID string `json:"$id"`
	}
	if json.Unmarshal(schema, &head) != nil {
		return ""
	}
	return head.ID
}

// replace asks before an existing file is lost.
func (o *initOptions) replace(ctx context.Context, p *process, mayAsk bool) error {
	info, err := os.Stat(o.path)
	if err != nil || !info.Mode().IsRegular() {
		return usage("Name another one with -c FILE.", "%s is there already, and no file that could be replaced", shown(o.path))
	}
	no := usage("Name another one with -c FILE.", "there is a file %s already, and it stays as it is", o.path)
	if !mayAsk {
		return no
	}
	answer, err := p.ask.Line(ctx, fmt.Sprintf("\nThere is a file %s already. Replace it? [y/N] ", shown(o.path)))
	if err != nil {
		return unanswered(err)
	}
	if !isYes(answer) {
		return no
	}
	return nil
}

func isYes(answer string) bool {
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// text is the settings file: every key that is set, and those that are often
// wanted as comments.
func (o *initOptions) text(now time.Time) string {
	var b strings.Builder
	if !o.noSchema {
		fmt.Fprintf(&b, "# yaml-language-server: $schema=%s\n", schemaFile)
	}
	fmt.Fprintf(&b, "# SMTP settings, written by smtpdx init on %s.\n# Check them: smtpdx check%s\n\n", now.Format(time.DateOnly), o.configFlag())
	fmt.Fprintf(&b, "host: %s\nport: %s\n", yamlWord(o.answers.host), o.answers.port)
	fmt.Fprintf(&b, "encryption: %-10s # starttls, ssl (TLS from the first byte, usual on 465) or none\n", o.answers.encryption)
	if o.answers.account == "" {
		b.WriteString("# account: me@example.com   # without an account no login is tried\n")
	} else {
		fmt.Fprintf(&b, "account: %s\n%s", yamlWord(o.answers.account), o.source.line())
	}
	if o.answers.from == "" {
		b.WriteString("# from: jobs@example.com    # the sender address, if it is not the account; a list is possible\n")
	} else {
		fmt.Fprintf(&b, "from: %s\n", yamlWord(o.answers.from))
	}
	for _, more := range []struct{ key, value string }{{"ca_file", absolute(o.caFile)}, {"resolver", o.resolver}} {
		if more.value != "" {
			fmt.Fprintf(&b, "%s: %s\n", more.key, yamlWord(more.value))
		}
	}
	b.WriteString("# used_by: cloud            # if the application runs elsewhere: judge with that in mind\n" +
		"# Several sets of settings stand below profiles:, each with a name of its own.\n")
	return b.String()
}

func (o *initOptions) configFlag() string {
	name := filepath.Base(o.path)
	switch {
	case o.path == usualFile:
		return ""
	case strings.ContainsFunc(name, unicode.IsControl): // it would end the comment
		return " -c FILE"
	}
	return " -c " + shellWord(name)
}

// say tells what was written, and what is left to do.
func (o *initOptions) say(p *process) {
	fmt.Fprintf(p.err, "\nWritten to %s, without the password.\n", shown(o.path))
	if !o.noSchema {
		words, err := o.writeSchema()
		if err != nil {
			words = "The schema for editors could not be written: " + shown(err.Error())
		}
		fmt.Fprintln(p.err, folded(words))
	}
	if words := o.source.todo(); words != "" {
		fmt.Fprintln(p.err, folded(words))
	}
	config := ""
	if o.path != usualFile {
		config = " -c " + shellWord(o.path)
	}
	fmt.Fprintf(p.err, "Next: smtpdx check%s\n", config)
}

// test checks the settings on the spot, if the person wishes.
func (o *initOptions) test(ctx context.Context, p *process) error {
	answer, err := p.ask.Line(ctx, "Check them now? No mail is sent. [Y/n] ")
	if errors.Is(err, errNoAnswer) { // the file is written, so nothing is wrong
		fmt.Fprintln(p.asked)
		return nil
	}
	if err != nil {
		return unanswered(err)
	}
	if answer = strings.TrimSpace(answer); answer != "" && !isYes(answer) {
		return nil
	}
	fmt.Fprintln(p.asked)
	flags := o.flags("")
	if o.answers.account != "" {
		flags.Password = o.source.now(p)
	}
	all, err := profile.Load(ctx, flags, withoutSettings(p.world(), o.source.env))
	if err != nil {
		return refused(err)
	}
	check := newCheckFor(o)
	for i := range all {
		all[i].Origins = fromFile(all[i].Origins, o.path)
		if o.path != usualFile {
			all[i].File = o.path
		}
		check.finish(&all[i], true)
	}
	cmd := newCheck(p)
	cmd.SetContext(ctx)
	return check.probe(cmd, p, nil, all, true)
}

// fromFile: the flags stand for the file that was just written.
func fromFile(origins map[string]probe.Origin, path string) map[string]probe.Origin {
	for key, origin := range origins {
		if origin.From == "flag" {
			origins[key] = probe.Origin{From: "file", Where: path}
		}
	}
	return origins
}

// passwordSource says where a password is kept.
type passwordSource struct {
	env, file, command, keyring string
	folder                      string // of the settings file, to which file is relative
	kept                        bool   // in the keyring, just now
}

// findFrom makes a file that a flag names one that is found from the folder of
// the settings file too.
func (s *passwordSource) findFrom(folder string) {
	s.folder = folder
	if folder != "." {
		s.file = absolute(s.file)
	}
}

// place is where the file with the password is.
func (s *passwordSource) place() string {
	if s.file == "" || filepath.IsAbs(s.file) {
		return s.file
	}
	return filepath.Join(s.folder, s.file)
}

func (s *passwordSource) add(f *pflag.FlagSet) {
	f.StringVar(&s.env, "password-env", "", "it stands in the variable `NAME`")
	f.StringVar(&s.file, "password-file", "", "... in `FILE`; one line end is removed")
	f.StringVar(&s.command, "password-command", "", "... is what `CMD` prints")
	f.StringVar(&s.keyring, "password-keyring", "", "... in the system's keyring, under `SERVICE`")
	f.Lookup("password-keyring").NoOptDefVal = profile.KeyringService
}

func (s *passwordSource) given() []profile.Source {
	var all []profile.Source
	for _, one := range []profile.Source{{Kind: "env", Value: s.env}, {Kind: "file", Value: s.place()}, {Kind: "command", Value: s.command}, {Kind: "keyring", Value: s.keyring}} {
		if one.Value != "" {
			all = append(all, one)
		}
	}
	return all
}

func (s *passwordSource) isGiven() bool { return len(s.given()) > 0 }

func (s *passwordSource) check() error {
	if len(s.given()) > 1 {
		return usage("Keep one of them.", "two places for the password")
	}
	if s.env != "" && !isVariable(s.env) {
		return usage("Letters, digits and _, for example MAIL_PASSWORD.", "--password-env wants the name of a variable")
	}
	if _, err := profile.Words(s.command); err != nil {
		return usage("For example --password-command 'pass show mail'.", "--password-command cannot be taken apart into words")
	}
	return nil
}

// isVariable tells whether a word can be the name of a variable; a password
// typed in its place as a rule cannot.
func isVariable(word string) bool {
	for i, r := range word {
		isLetter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !isLetter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return word != ""
}

// ask asks where the password is kept, never for the password of a file.
func (s *passwordSource) ask(ctx context.Context, f *form, p *process, account string) error {
	place := f.until("  Where is the password kept: env, file, keyring, or prompt (ask each time)", "env", func(word string) string {
		for _, known := range []string{"env", "file", "keyring", "prompt"} {
			if word == known {
				return ""
			}
		}
		return "One of env (a variable), file, keyring, prompt. Do not type the password here."
	})
	switch place {
	case "env":
		s.env = f.until("  Name of the variable", "MAIL_PASSWORD", func(word string) string {
			if !isVariable(word) {
				return "Letters, digits and _. Do not type the password here."
			}
			return ""
		})
	case "file":
		s.file = f.until("  File (relative to the settings file)", "smtp-password.txt", func(string) string { return "" })
	case "keyring":
		s.keyring = profile.KeyringService
		return s.keep(ctx, f, p, account)
	}
	return f.err
}

// keep puts the password into the keyring.
func (s *passwordSource) keep(ctx context.Context, f *form, p *process, account string) error {
	if f.err != nil {
		return f.err
	}
	value, err := (&passwordOptions{}).read(ctx, p, secret.Clean(account))
	if err != nil {
		return err
	}
	if err := p.world().Keyring.Set(s.keyring, account, value.Reveal()); err != nil {
		return keyringFailed(err)
	}
	s.kept = true
	return nil
}

// line is the key of the settings file.
func (s *passwordSource) line() string {
	switch {
	case s.env != "":
		return fmt.Sprintf("password: {env: %s}\n", s.env)
	case s.file != "":
		return fmt.Sprintf("password: {file: %s}\n", yamlWord(s.file))
	case s.command != "":
		return fmt.Sprintf("password: {command: [%s]}\n", strings.Join(s.argv(), ", "))
	case s.keyring != "":
		return fmt.Sprintf("password: {keyring: %s}\n", yamlWord(s.keyring))
	}
	return "password: {prompt: true}  # or {env: NAME}, {file: PATH}, {keyring: smtpdx}\n"
}

// argv is the command as a list of YAML words.
func (s *passwordSource) argv() []string {
	words, _ := profile.Words(s.command) // check has seen to the error
	for i, word := range words {
		words[i] = yamlWord(word)
	}
	return words
}

// todo says what the person has to do for the password to be found.
func (s *passwordSource) todo() string {
	switch {
	case s.env != "":
		return "Set the variable " + s.env + " to the password before you check."
	case s.file != "":
		return "Put the password into the file " + shown(s.place()) + ", for which only you have rights."
	case s.keyring != "" && !s.kept:
		return "Keep the password in the keyring: smtpdx password set"
	}
	return ""
}

// now are the sources from which the password can be read at once; none: it is asked for.
func (s *passwordSource) now(p *process) []profile.Source {
	if s.env != "" && p.getenv(s.env) == "" {
		return nil
	}
	if _, err := os.Stat(s.place()); s.file != "" && err != nil {
		return nil
	}
	return s.given()
}
