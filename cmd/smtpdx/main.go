// Command smtpdx finds out why mail settings (SMTP) do not work, and what to
// change. It is for the person who holds the settings, and for scripts: the
// command line, the output and the exit codes are a contract. What is asked of
// servers and what it means is the business of package probe; here are only the
// commands, the rules of the terminal and the exit codes.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the release (-ldflags -X main.version=1.2.3).
var version string

func main() {
	cobra.MousetrapHelpText = "" // a double-click asks; see checkByDoubleClick
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second Ctrl-C kills at once
	os.Exit(run(ctx, realProcess(), os.Args[1:]))
}

// run runs one command line and gives the exit code.
func run(ctx context.Context, p *process, args []string) int {
	code := runCommand(ctx, p, args)
	if isForMonitoring(args) {
		return p.monitoringCode(code)
	}
	return code
}

func runCommand(ctx context.Context, p *process, args []string) int {
	err := prescan(args)
	if err == nil {
		root := newRoot(p, args)
		root.SetArgs(args)
		err = root.ExecuteContext(ctx)
	}
	if err != nil && ctx.Err() != nil {
		return exitInterrupted
	}
	return p.conclude(ctx, args, err)
}
