package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usageText = `usage: bench [flags]                   measure; -h lists the flags
       bench corpus DIR [flags]        write a corpus of agents' logs
       bench compare A.json B.json     two runs side by side
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	word := ""
	if len(args) > 0 {
		word = args[0]
	}
	switch {
	case word == "corpus":
		return writeCorpus(ctx, args[1:], os.Stdout, os.Stderr)
	case word == "compare":
		return compareResults(args[1:], os.Stdout, os.Stderr)
	case word == launchCommand:
		return launch(args[1:])
	case word == "" || word[0] == '-':
		return measure(ctx, args, os.Stdout, os.Stderr)
	}
	fmt.Fprint(os.Stderr, usageText)
	return errUsage
}
