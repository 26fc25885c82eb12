// Command rally is the whole server: `rally serve`, which is also what a plain
// `rally` does, and a few commands that help to run it. This package reads the
// configuration, puts the rooms together, and takes them apart again.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// version is set by the linker; see the Makefile.
var version string

// sameStop is how long further signals belong to the first one: terminals and
// supervisors may send several at once.
const sameStop = 250 * time.Millisecond

// cli is the command line. What can be configured is the same for every
// command, so that each finds what the server uses.
type cli struct {
	config

	Serve       serveCommand       `cmd:"" default:"withargs" help:"Serve the site (what happens without a command)."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the database up to date, and stop."`
	Keys        keysCommand        `cmd:"" help:"Look after the keys that sign the tokens of signed-in browsers."`
	Bench       benchCommand       `cmd:"" help:"Play many matches at once against the server running on this machine."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask the running server whether it is ready."`
	Version     versionCommand     `cmd:"" help:"Print the version."`

	ResetPassword resetPasswordCommand `cmd:"" help:"Print a link with which somebody can choose a new password."`
	TurnOffCodes  turnOffCodesCommand  `cmd:"" help:"Turn off one-time codes for somebody who has lost their phone and their recovery codes."`
}

// streams is where a command writes: its answer, and everything else.
type streams struct{ out, err io.Writer }

func main() {
	ctx := untilStopped(context.Background())
	os.Exit(execute(ctx, os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// execute runs a command line and gives the exit code: 0, 1 when the command
// failed, 2 when it was not understood.
func execute(ctx context.Context, args []string, to streams) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("rally"),
		kong.Description("Rally, a multiplayer Pong site."),
		kong.Writers(to.out, to.err),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(to),
	)
	if err != nil {
		fmt.Fprintf(to.err, "rally: %v\n", err)
		return 2
	}
	command, err := parser.Parse(args)
	if exit >= 0 { // --help has been answered
		return exit
	}
	if err != nil {
		fmt.Fprintf(to.err, "rally: %v\nTry \"rally --help\".\n", err)
		return 2
	}
	if err := command.Run(c.config); err != nil {
		// One problem a line: errors.Join puts them so.
		fmt.Fprintf(to.err, "rally: %v\n", err)
		return 1
	}
	return 0
}

// untilStopped gives a context that ends at the first signal to stop. One that
// comes later than that ends the process at once.
func untilStopped(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		s := <-signals
		cancel(errors.New(s.String()))
		time.AfterFunc(sameStop, func() { signal.Reset(syscall.SIGINT, syscall.SIGTERM) })
	}()
	return ctx
}

// versionText gives the version, or what is known of the build without one.
func versionText() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				return setting.Value[:min(len(setting.Value), 12)]
			}
		}
	}
	return "devel"
}
