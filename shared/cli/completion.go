package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"plugboard/shared/cli/operations"
)

type completionCommand struct {
	Shell string `arg:"" help:"bash, zsh or fish."`
}

func (*completionCommand) Help() string {
	return "For bash, put `source <(plugboard completion bash)` into ~/.bashrc. Ids are completed from the server."
}

// Each script asks the program for the words that may stand at the cursor.
var completionScripts = map[string]string{
	"bash": `_plugboard() {
  local IFS=$'\n'
  COMPREPLY=($(plugboard __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _plugboard plugboard
`,
	"zsh": `#compdef plugboard
_plugboard() {
  local -a found
  found=("${(@f)$(plugboard __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  [[ -n "$found" ]] && compadd -- "${found[@]}"
}
compdef _plugboard plugboard
`,
	"fish": `function __plugboard
  plugboard __complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null
end
complete -c plugboard -f -a '(__plugboard)'
`,
}

func (c *completionCommand) Run(a *app) error {
	script, known := completionScripts[c.Shell]
	if !known {
		return fail(ExitUsage, "usage", "There is completion for bash, zsh and fish, not for %q.", c.Shell)
	}
	return a.screen.show(completionScript{c.Shell, script})
}

type completionScript struct {
	Shell  string `json:"shell"`
	Script string `json:"script"`
}

func (s completionScript) text(p *paper) { p.line("%s", strings.TrimSuffix(s.Script, "\n")) }

// completeCommand answers the shell: a word a line.
type completeCommand struct {
	Words []string `arg:"" optional:""`
}

// completionLimit is how long a shell waits for the server.
const completionLimit = 3 * time.Second

func (c *completeCommand) Run(ctx context.Context, a *app, parser *kong.Kong) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	ctx, cancel := context.WithTimeout(ctx, completionLimit)
	defer cancel()
	last := words[len(words)-1]
	var found []string
	for _, word := range a.completions(ctx, parser.Model.Node, words[:len(words)-1], last) {
		if strings.HasPrefix(word, last) {
			found = append(found, word)
		}
	}
	slices.Sort(found)
	for _, word := range slices.Compact(found) {
		(&paper{w: a.Out}).line("%s", word)
	}
	return nil
}

// completions are the words that may stand after those before.
func (a *app) completions(ctx context.Context, node *kong.Node, before []string, last string) []string {
	positionals := 0
	for i, word := range before {
		if word == "api" && node.Type == kong.ApplicationNode {
			return a.apiCompletions(ctx, before[i+1:], last)
		}
		if strings.HasPrefix(word, "-") || i > 0 && a.takesValue(node, before[i-1]) {
			continue
		}
		if child := childOf(node, word); child != nil {
			node = child
			continue
		}
		positionals++
	}
	if len(before) > 0 && a.takesValue(node, before[len(before)-1]) {
		return a.ids(ctx, strings.TrimPrefix(before[len(before)-1], "--")+"_id", nil)
	}
	var words []string
	if strings.HasPrefix(last, "-") {
		for _, group := range node.AllFlags(true) {
			for _, flag := range group {
				words = append(words, "--"+flag.Name)
			}
		}
		return words
	}
	for _, child := range node.Children {
		if !child.Hidden {
			words = append(words, child.Name)
		}
	}
	if positionals < len(node.Positional) {
		words = append(words, a.ids(ctx, strings.ReplaceAll(node.Positional[positionals].Name, "-", "_")+"_id", nil)...)
	}
	return words
}

func childOf(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// takesValue tells whether the word is a flag whose value comes next.
func (a *app) takesValue(node *kong.Node, word string) bool {
	name, long := strings.CutPrefix(word, "--")
	if !long || strings.Contains(name, "=") {
		return false
	}
	for _, group := range node.AllFlags(false) {
		for _, flag := range group {
			if flag.Name == name {
				return !flag.IsBool()
			}
		}
	}
	return false
}

// apiCompletions completes an operation, its flags, and ids from the collections that they name.
func (a *app) apiCompletions(ctx context.Context, before []string, last string) []string {
	var words []string
	if len(before) == 0 {
		for _, o := range operations.All() {
			words = append(words, o.ID)
		}
		return words
	}
	o, found := operations.Find(before[0])
	if !found {
		return nil
	}
	given := input{}
	var current *operations.Field
	for i, word := range before {
		name, value, joined := strings.Cut(strings.TrimPrefix(word, "--"), "=")
		at := slices.IndexFunc(
			o.Fields,
			func(f operations.Field) bool { return strings.HasPrefix(word, "--") && flagName(f) == name },
		)
		switch {
		case at < 0:
		case joined:
			given[o.Fields[at].Name] = value
		case i+1 < len(before):
			given[o.Fields[at].Name] = before[i+1]
		default:
			current = &o.Fields[at]
		}
	}
	if current != nil {
		if len(current.Values) > 0 {
			return current.Values
		}
		if list, ok := o.Collection(current.Name); ok {
			return a.listIDs(ctx, list, given)
		}
		return a.ids(ctx, current.Name, given)
	}
	for _, f := range o.Fields {
		if !slices.Contains(credentialHeaders, f.Name) {
			words = append(words, "--"+flagName(f))
		}
	}
	for _, name := range []string{"json", "profile", "as", "user", "account", "body", "get", "secret-to", "output"} {
		words = append(words, "--"+name)
	}
	return words
}

// ids are the ids that a parameter of that name may have.
func (a *app) ids(ctx context.Context, parameter string, given input) []string {
	list, ok := operations.CollectionOf(parameter)
	if !ok {
		return nil
	}
	return a.listIDs(ctx, list, given)
}

// listIDs asks the server once, without a second try: a person waits at the keyboard.
func (a *app) listIDs(ctx context.Context, list operations.Operation, given input) []string {
	impatient := *a.client
	impatient.Wait = func(context.Context, time.Duration) error { return context.DeadlineExceeded }
	impatient.Retrying = nil
	asking := *a
	asking.client = &impatient
	in := input{"limit": 100}
	for _, f := range list.Fields {
		if v, has := given[f.Name]; has && f.In == operations.InPath {
			in[f.Name] = v
		}
	}
	var page struct {
		Items []struct {
			ID        string `json:"id"`
			Extension string `json:"extension_id"`
		} `json:"items"`
	}
	if asking.call(ctx, list.ID, in, &page) != nil {
		return nil
	}
	var ids []string
	for _, item := range page.Items {
		if item.ID == "" {
			item.ID = item.Extension
		}
		ids = append(ids, item.ID)
	}
	return ids
}
