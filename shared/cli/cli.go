// Package cli is `plugboard`, the partner's command line: one file a command. It uses the API alone, and no code of
// the functions.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"plugboard/shared/cli/client"
	"plugboard/shared/cli/credentials"
	"plugboard/shared/cli/operations"
)

// Env is what a command uses of the machine.
type Env struct {
	In        io.Reader
	Out, Err  io.Writer
	Getenv    func(string) string
	ConfigDir string // empty: the OS's
	Folder    string // to which relative paths belong
	Now       func() time.Time
	Wait      func(context.Context, time.Duration) error
	Transport http.RoundTripper
	// OutTerminal and ErrTerminal tell whether a person reads the streams.
	OutTerminal, ErrTerminal bool
	// AskSecret asks a person for a key, without showing it. Nil when In is no terminal.
	AskSecret func(prompt string) (string, error)
	// Browse opens a page in the person's browser.
	Browse func(url string) error
}

// Globals are the flags of every command.
type Globals struct {
	JSON    bool   `name:"json" group:"global" help:"Print JSON: one document, or one a line where results come over time."`
	Profile string `group:"global" help:"The name that a login is kept under." default:"default" env:"PLUGBOARD_PROFILE" placeholder:"NAME"`
	As      string `group:"global" help:"The credential to use where several fit: partner, token, user or platform." placeholder:"KIND"`
	User    string `group:"global" help:"With an API token: the e-mail of the user for whom it acts." env:"PLUGBOARD_USER" placeholder:"EMAIL"`
	Account string `group:"global" help:"With the platform's key: the account for which it acts." placeholder:"ID"`
}

// commands is the grammar of the command line.
type commands struct {
	Globals

	Login  loginCommand  `cmd:"" group:"start" help:"Keep a key, read from standard input, in this machine's config folder."`
	Logout logoutCommand `cmd:"" group:"start" help:"Delete the keys that login kept."`
	Init   initCommand   `cmd:"" group:"start" help:"Start an extension: a blueprint, an endpoint that verifies, and its test."`
	Open   openCommand   `cmd:"" group:"start" help:"Open a page of the console."`

	Validate validateCommand `cmd:"" group:"build" help:"Check a blueprint offline, as submitting it would."`
	Promote  promoteCommand  `cmd:"" group:"build" help:"Copy a template type of your development account into the blueprint."`
	Diff     diffCommand     `cmd:"" group:"build" help:"Compare two versions, or a version with the blueprint file."`
	Submit   submitCommand   `cmd:"" group:"build" help:"Submit the blueprint file as the extension's next version."`
	Status   statusCommand   `cmd:"" group:"build" help:"Show an extension with its versions."`

	Listen  listenCommand  `cmd:"" group:"events" help:"Forward the events of webhooks to a server on this machine."`
	Tail    tailCommand    `cmd:"" group:"events" help:"Show the events of webhooks as they come."`
	Agent   agentCommand   `cmd:"" group:"events" help:"Deliver to an endpoint in a network that nothing outside reaches."`
	Trigger triggerCommand `cmd:"" group:"events" help:"Send one webhook a test event, and show what its endpoint answered."`
	Replay  replayCommand  `cmd:"" group:"events" help:"Send a delivery again, or all that a filter finds."`
	Verify  verifyCommand  `cmd:"" group:"events" help:"Check a captured request against a secret, and say what differs."`
	Why     whyCommand     `cmd:"" group:"events" help:"Say why a webhook heard an event, or did not."`

	API        apiCommand        `cmd:"" name:"api" group:"more" help:"Call any operation of the API, with its fields as flags."`
	Completion completionCommand `cmd:"" group:"more" help:"Print the completion script of a shell."`
	Exits      exitsCommand      `cmd:"" group:"more" help:"List the exit codes."`
	Version    versionCommand    `cmd:"" group:"more" help:"Print the version of the API that this program knows."`

	Complete completeCommand `cmd:"" name:"__complete" hidden:"" passthrough:""`
}

var groups = kong.ExplicitGroups([]kong.Group{
	{Key: "start", Title: "Start:"},
	{Key: "build", Title: "Build an extension:"},
	{Key: "events", Title: "Events and deliveries:"},
	{Key: "more", Title: "More:"},
	{Key: "answer", Title: "What is done with the answer:"},
	{Key: "global", Title: "Flags of every command:"},
})

const description = "Build, try and watch extensions of Plugboard. " +
	"Begin with `plugboard login --url URL`, which reads a key from standard input. " +
	"`plugboard exits` lists the exit codes."

// app is one run of the program.
type app struct {
	Env
	Globals
	screen *screen
	client *client.Client
	store  credentials.Store
}

// Run runs one command line and returns its exit code.
func Run(ctx context.Context, args []string, env Env) Exit {
	a := &app{Env: env, screen: &screen{out: env.Out, err: env.Err}}
	a.screen.live = env.ErrTerminal
	a.screen.colour = env.OutTerminal && env.Getenv("NO_COLOR") == ""
	err := a.run(ctx, args)
	if err == nil {
		return ExitOK
	}
	f := failureOf(err)
	a.screen.fail(f)
	return f.Exit
}

func (a *app) run(ctx context.Context, args []string) error {
	var grammar commands
	parser, err := a.parser(&grammar, "plugboard", description)
	if err != nil {
		return err
	}
	parsed, err := parse(parser, args)
	if parsed == nil {
		return err
	}
	if err := a.configure(grammar.Globals); err != nil {
		return err
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(parser)
	return parsed.Run(a)
}

// parser is kong's, with exits and streams of this run.
func (a *app) parser(grammar any, name, description string) (*kong.Kong, error) {
	return kong.New(grammar, kong.Name(name), kong.Description(description), groups,
		kong.Writers(a.Out, a.Err), kong.Exit(func(int) { panic(helped{}) }), kong.DefaultEnvars(""),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}))
}

// helped ends the parsing after --help was printed.
type helped struct{}

// parse returns nothing after --help. Its error is a Failure that names the command to ask for help.
func parse(parser *kong.Kong, args []string) (parsed *kong.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(helped); !is {
				panic(r)
			}
			parsed, err = nil, nil
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err = parser.Parse(args)
	var wrong *kong.ParseError
	if errors.As(err, &wrong) {
		command := parser.Model.Name
		if node := wrong.Context.Selected(); node != nil {
			command += " " + node.Path()
		}
		return nil, fail(ExitUsage, "usage", "%s. `%s --help` shows how it is used.", sentence(err.Error()), command)
	}
	return parsed, err
}

// sentence begins with a capital letter.
func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// configure takes the global flags, before the command runs.
func (a *app) configure(g Globals) error {
	a.Globals, a.screen.json = g, g.JSON
	if err := credentials.CheckProfile(g.Profile); err != nil {
		return fail(ExitUsage, "usage", "%s.", sentence(err.Error()))
	}
	if !knownKind(g.As) {
		return fail(ExitUsage, "usage", "--as is partner, token, user or platform, not %q.", g.As)
	}
	dir := a.ConfigDir
	if dir == "" {
		config, err := os.UserConfigDir()
		if err != nil {
			return fail(ExitLocal, "config", "This machine has no config folder: set PLUGBOARD_CONFIG to one.")
		}
		dir = filepath.Join(config, "plugboard")
	}
	a.store = credentials.Store{Dir: dir}
	a.client = &client.Client{
		Transport: a.Transport, UserAgent: "plugboard-cli/" + operations.Version(), Wait: a.Wait, Now: a.Now,
		Retrying: func(after time.Duration, reason string) {
			a.screen.note("Trying again in %s: %s", after.Round(100*time.Millisecond), reason)
		},
	}
	return nil
}

func knownKind(as string) bool {
	for _, kind := range credentials.Kinds {
		if as == string(kind) {
			return true
		}
	}
	return as == ""
}

// path is a path that the user gave.
func (a *app) path(given string) string {
	if filepath.IsAbs(given) {
		return given
	}
	return filepath.Join(a.Folder, given)
}

// maxInput bounds what is read of a file or of standard input.
const maxInput = 8 << 20

// read reads a file that the user named, or standard input for "-".
func (a *app) read(given string) ([]byte, error) {
	if given != "-" {
		info, err := os.Stat(a.path(given))
		if err != nil {
			return nil, err
		}
		if info.Size() > maxInput {
			return nil, fail(ExitLocal, "too-large", "%s has more than %d bytes.", given, maxInput)
		}
		return os.ReadFile(a.path(given))
	}
	raw, err := io.ReadAll(io.LimitReader(a.In, maxInput+1))
	if err == nil && len(raw) > maxInput {
		err = fail(ExitLocal, "too-large", "Standard input has more than %d bytes.", maxInput)
	}
	return raw, err
}

// oneLine reads a secret: the only line of a file or of standard input.
func (a *app) oneLine(given, what string) (string, error) {
	raw, err := a.read(given)
	if err != nil {
		return "", err
	}
	value := strings.TrimSpace(string(raw))
	switch {
	case value == "":
		return "", fail(ExitUsage, "usage", "There is no %s in %s.", what, inputName(given))
	case strings.ContainsAny(value, " \t\r\n"):
		return "", fail(ExitUsage, "usage", "%s holds more than one %s.", sentence(inputName(given)), what)
	}
	return value, nil
}

func inputName(given string) string {
	if given == "-" {
		return "standard input"
	}
	return given
}

func plural(n int, one string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	if stem, is := strings.CutSuffix(one, "ry"); is {
		return fmt.Sprintf("%d %sries", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, one)
}
