package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// TestMain makes this test binary the smtpdx that the scripts run.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"smtpdx": main})
}

// TestScripts runs the commands as a person would. Besides testscript's own
// commands the scripts know:
//
//	exits CODE smtpdx ARG...   run and demand this exit code
//	serve DIALOGUE             serve it; sets $HOST $PORT $CA $RESOLVER $ACCOUNT $LAB_PASSWORD,
//	                           of its mailbox $IMAP_PORT $BOX_ACCOUNT $BOX_PASSWORD, of the
//	                           sender's $SENDER_IMAP_PORT
//	envsubst FILE COPY         copy a file with the values of variables in it
//	met N                      the server saw N connections and no misbehaviour
//	validates FILE             the JSON fits the schema that it names
//	validates-lines FILE NAME  so does each line of JSON fit that schema
//	folds EVENTS               the lines of JSON give a report that validates
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               emptyWorld,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"serve":     serve,
			"met":       met,
			"validates": validates,
			"folds":     folds,
			"envsubst":  envsubst,

			"validates-lines": validatesLines,
		},
	})
}

// emptyWorld is a user without settings, outside of any CI.
func emptyWorld(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, ".home")
	env.Setenv("HOME", home)
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	env.Setenv("AppData", filepath.Join(home, "AppData"))
	env.Setenv("LC_ALL", "C.UTF-8")
	env.Setenv("CI", "")
	env.Setenv("TERM", "xterm")
	env.Values[served] = new([]*smtptest.Server)
	return os.MkdirAll(filepath.Join(home, ".config"), 0o700)
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE command...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// served is the key under which a script keeps its server.
const served = "smtpdx served"

func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serve DIALOGUE")
	}
	dialogue, known := smtptest.Lookup(args[0])
	if !known {
		ts.Fatalf("there is no dialogue %s", args[0])
	}
	server, err := smtptest.Start(context.Background(), dialogue, smtptest.Options{})
	ts.Check(err)
	ts.Defer(func() { server.Close() })
	ca := ts.MkAbs("ca.pem")
	ts.Check(os.WriteFile(ca, server.CA(), 0o600))
	for name, value := range map[string]string{
		"HOST": server.Host(), "PORT": strconv.Itoa(server.Port()), "SERVER": net.JoinHostPort(server.Host(), strconv.Itoa(server.Port())),
		"CA": ca, "RESOLVER": server.Resolver(), "ACCOUNT": dialogue.Settings.Account, "LAB_PASSWORD": dialogue.Settings.Password,
	} {
		ts.Setenv(name, value)
	}
	if box := server.LetterBox(); box != nil {
		ts.Setenv("IMAP_PORT", strconv.Itoa(box.Port()))
		ts.Setenv("BOX_ACCOUNT", box.Account())
		ts.Setenv("BOX_PASSWORD", box.Password())
	}
	if box := server.SenderBox(); box != nil {
		ts.Setenv("SENDER_IMAP_PORT", strconv.Itoa(box.Port()))
	}
	servers := ts.Value(served)
	if list, ok := servers.(*[]*smtptest.Server); ok {
		*list = append(*list, server)
	}
}

// envsubst copies a file with the values of $NAMES in it.
func envsubst(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: envsubst FILE COPY")
	}
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

func met(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: met N")
	}
	list, ok := ts.Value(served).(*[]*smtptest.Server)
	if !ok || len(*list) == 0 {
		ts.Fatalf("met without serve")
	}
	server := (*list)[len(*list)-1]
	if got := strconv.Itoa(server.Connections()); got != args[0] {
		ts.Fatalf("%s connections, want %s\n%s", got, args[0], strings.Join(server.Transcript(), "\n"))
	}
	if bad := server.Violations(); len(bad) > 0 {
		ts.Fatalf("the server complains: %s", strings.Join(bad, "\n"))
	}
}
