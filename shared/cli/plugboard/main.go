// plugboard is the partner's command line.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/term"

	"plugboard/shared/cli"
	"plugboard/shared/cli/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit := cli.Run(ctx, os.Args[1:], cli.Env{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, ConfigDir: os.Getenv("PLUGBOARD_CONFIG"),
		Folder: ".",
		Now:    time.Now, Wait: client.Sleep, Transport: http.DefaultTransport,
		OutTerminal: term.IsTerminal(int(os.Stdout.Fd())), ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		AskSecret: askSecret(), Browse: browse,
	})
	stop()
	os.Exit(int(exit))
}

// askSecret is nil where nobody can be asked.
func askSecret() func(string) (string, error) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		return nil
	}
	return func(prompt string) (string, error) {
		fmt.Fprint(os.Stderr, prompt)
		key, err := term.ReadPassword(in)
		fmt.Fprintln(os.Stderr)
		return string(key), err
	}
}

func browse(url string) error {
	switch runtime.GOOS {
	case "darwin":
		return exec.Command("open", url).Start()
	case "windows":
		return exec.Command("rundll32", "url.dll,FileProtocolHandler", url).Start()
	}
	return exec.Command("xdg-open", url).Start()
}
