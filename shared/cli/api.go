package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"plugboard/shared/cli/client"
	"plugboard/shared/cli/credentials"
	"plugboard/shared/cli/operations"
)

type apiCommand struct {
	Args []string `arg:"" optional:"" passthrough:"" name:"operation" help:"The operation's id, then its fields as flags."`
}

func (*apiCommand) Help() string {
	return "`plugboard api` lists the operations. `plugboard api OPERATION --help` lists the flags of one. " +
		"A list is a flag given several times, or JSON. An object is JSON. A value @FILE is read from that file, and " +
		"@- from " +
		"standard input: secrets do not belong into arguments."
}

// answerFlags are the flags of every operation beside its fields.
type answerFlags struct {
	Globals
	Body     string `name:"body" help:"The whole body as JSON: @FILE, or @- for standard input. Other flags add to it." placeholder:"JSON"`
	Get      string `name:"get" help:"Print one value of the answer: names and numbers joined by dots, such as items.0.id." placeholder:"PATH" group:"answer"`
	SecretTo string `help:"Keep a secret that the answer shows once in this file, for you alone, and print none. Of several, NAME=FILE." placeholder:"FILE" group:"answer"`
	Output   string `name:"output" help:"Write the answer's body to this file." placeholder:"FILE" group:"answer"`
}

func (c *apiCommand) Run(ctx context.Context, a *app) error {
	if len(c.Args) == 0 {
		return a.screen.show(operationList(operations.All()))
	}
	o, found := operations.Find(c.Args[0])
	if !found {
		return fail(
			ExitUsage,
			"usage",
			"There is no operation %q.%s `plugboard api` lists them.",
			c.Args[0],
			nearest(c.Args[0]),
		)
	}
	given, in, err := a.parseOperation(o, c.Args[1:])
	if given == nil {
		return err
	}
	r, err := a.request(o, in)
	if err != nil {
		return err
	}
	answer, err := a.client.Do(ctx, r)
	if err != nil {
		return err
	}
	return a.showAnswer(answer, *given)
}

// parseOperation parses an operation's flags by a grammar made of its fields. given is nil after --help.
func (a *app) parseOperation(o operations.Operation, args []string) (given *answerFlags, in input, err error) {
	grammar, flags := grammarOf(o)
	parser, err := a.parser(grammar.Interface(), "plugboard api "+o.ID, o.Summary+" "+o.Description)
	if err != nil {
		return nil, nil, err
	}
	if len(args) == 0 {
		args = []string{"--"} // kong prints help for none
	}
	parsed, err := parse(parser, args)
	if parsed == nil {
		return nil, nil, err
	}
	given = grammar.Elem().Field(0).Addr().Interface().(*answerFlags)
	if err := a.configure(merged(a.Globals, given.Globals)); err != nil {
		return nil, nil, err
	}
	in, err = a.bodyOf(o, given.Body)
	if err != nil {
		return nil, nil, err
	}
	for i, f := range flags {
		values := grammar.Elem().Field(i + 1).Interface().([]string)
		if len(values) == 0 {
			continue
		}
		if in[f.Name], err = a.value(f, values); err != nil {
			return nil, nil, err
		}
	}
	return given, in, nil
}

// merged lets a flag after the operation win over the same before it.
func merged(before, after Globals) Globals {
	if after.Profile == "default" {
		after.Profile = before.Profile
	}
	after.JSON = after.JSON || before.JSON
	for _, pair := range [][2]*string{{&after.As, &before.As}, {&after.User, &before.User},
		{&after.Account, &before.Account}} {
		if *pair[0] == "" {
			*pair[0] = *pair[1]
		}
	}
	return after
}

// credentialHeaders are set by the client, or by flags that every command has.
var credentialHeaders = []string{"Plugboard-User", "Plugboard-Account", "If-None-Match"}

// grammarOf makes a kong grammar of an operation: a struct with answerFlags, and a []string for each field.
func grammarOf(o operations.Operation) (reflect.Value, []operations.Field) {
	members := []reflect.StructField{{Name: "Flags", Type: reflect.TypeFor[answerFlags](), Tag: `embed:""`}}
	var flags []operations.Field
	for _, f := range o.Fields {
		twice := slices.ContainsFunc(flags, func(other operations.Field) bool { return flagName(other) == flagName(f) })
		if twice || slices.Contains(credentialHeaders, f.Name) {
			continue
		}
		tag := fmt.Sprintf(`name:%q help:%q placeholder:%q sep:"none"`, flagName(f), helpOf(f), placeholder(f))
		if f.Required && f.In != operations.InBody {
			tag += ` required:""`
		}
		members = append(members, reflect.StructField{
			Name: "F" + strconv.Itoa(len(flags)), Type: reflect.TypeFor[[]string](), Tag: reflect.StructTag(tag),
		})
		flags = append(flags, f)
	}
	return reflect.New(reflect.StructOf(members)), flags
}

// reservedFlags belong to every operation; a field of that name is called field-NAME.
var reservedFlags = []string{"json", "profile", "as", "user", "account", "body", "get", "secret-to", "output", "help"}

func flagName(f operations.Field) string {
	name := strings.ToLower(strings.ReplaceAll(f.Name, "_", "-"))
	if slices.Contains(reservedFlags, name) {
		return "field-" + name
	}
	return name
}

func helpOf(f operations.Field) string {
	said := strings.ReplaceAll(f.Doc, "`", "'")
	if len(f.Values) > 0 {
		said += " One of " + strings.Join(f.Values, ", ") + "."
	}
	if f.Required {
		said += " (required)"
	}
	// kong would take these for its own variables.
	return strings.TrimSpace(strings.ReplaceAll(said, "$", "$$"))
}

func placeholder(f operations.Field) string {
	switch f.Type {
	case "array":
		return "VALUE,…"
	case "object":
		return "JSON"
	case "string", "":
		return "TEXT"
	}
	return strings.ToUpper(f.Type)
}

// bodyOf is the fields of a whole body.
func (a *app) bodyOf(o operations.Operation, given string) (input, error) {
	in := input{}
	if given == "" {
		return in, nil
	}
	raw, err := a.valueText(given)
	if err != nil {
		return nil, err
	}
	if !o.HasBody || o.Upload {
		return nil, fail(ExitUsage, "usage", "%s takes no JSON body.", o.ID)
	}
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber() // a number stays as it is written
	if err := d.Decode(&in); err != nil || d.More() || in == nil {
		return nil, fail(ExitUsage, "usage", "--body is no JSON object.")
	}
	return in, nil
}

// valueText is a flag's value, or the content of the file that it names by @.
func (a *app) valueText(given string) (string, error) {
	file, named := strings.CutPrefix(given, "@")
	if !named {
		return given, nil
	}
	raw, err := a.read(file)
	return strings.TrimRight(string(raw), "\r\n"), err
}

// value turns what a flag was given into the JSON value that the field takes.
func (a *app) value(f operations.Field, given []string) (any, error) {
	if len(given) > 1 && f.Type != "array" {
		return nil, fail(ExitUsage, "usage", "--%s is given twice.", flagName(f))
	}
	var list []any
	for _, text := range given {
		if f.In == operations.InBody && f.Type == "string" && f.Name == "logo" {
			return text, nil // a file's name, which upload reads
		}
		text, err := a.valueText(text)
		if err != nil {
			return nil, err
		}
		kind := f.Type
		if kind == "array" {
			if strings.HasPrefix(strings.TrimSpace(text), "[") {
				return converted(f, "array", text)
			}
			kind = f.Items
		}
		v, err := converted(f, kind, text)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if f.Type == "array" {
		return list, nil
	}
	return list[0], nil
}

func converted(f operations.Field, kind, text string) (any, error) {
	if kind == "string" || kind == "" {
		return text, nil
	}
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil || d.More() || !is(v, kind) {
		return nil, fail(ExitUsage, "usage", "--%s takes %s, not %q.", flagName(f), article(kind), text)
	}
	return v, nil
}

func is(v any, kind string) bool {
	switch v := v.(type) {
	case json.Number:
		_, err := v.Int64()
		return kind == "number" || kind == "integer" && err == nil
	case bool:
		return kind == "boolean"
	case []any:
		return kind == "array"
	case map[string]any, nil:
		return kind == "object"
	}
	return kind == "object" && v != nil // a schema without type
}

func article(kind string) string {
	switch kind {
	case "boolean":
		return "true or false"
	case "integer":
		return "an integer"
	case "array":
		return "a JSON list"
	case "object":
		return "a JSON object"
	}
	return "a " + kind
}

// request makes the request of a generic call.
func (a *app) request(o operations.Operation, in input) (client.Request, error) {
	r, err := requestOf(o, in)
	if err != nil {
		return r, err
	}
	if o.Upload {
		if r.Body, r.ContentType, err = a.upload(o, in); err != nil {
			return r, err
		}
	}
	kind, c, err := a.credentialFor(o)
	r.Base = c.URL
	a.authorize(r.Header, kind, c.Key)
	return r, err
}

func (a *app) upload(o operations.Operation, in input) ([]byte, string, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range o.Fields {
		if f.In != operations.InBody {
			continue
		}
		file, _ := in[f.Name].(string)
		if file == "" {
			return nil, "", fail(ExitUsage, "usage", "%s needs --%s FILE.", o.ID, flagName(f))
		}
		raw, err := a.read(strings.TrimPrefix(file, "@"))
		if err != nil {
			return nil, "", err
		}
		part, err := w.CreateFormFile(f.Name, filepath.Base(file))
		if err != nil {
			return nil, "", err
		}
		part.Write(raw)
	}
	err := w.Close()
	return b.Bytes(), w.FormDataContentType(), err
}

func (a *app) showAnswer(answer client.Answer, given answerFlags) error {
	if given.Output != "" {
		return credentials.Replace(a.path(given.Output), answer.Body, 0o600)
	}
	if etag := answer.Header.Get("ETag"); etag != "" && given.Get == "" {
		a.screen.note("ETag: %s", etag)
	}
	if at := answer.Header.Get("Location"); at != "" && answer.Status == http.StatusSeeOther {
		a.screen.note("Location: %s", at)
	}
	if len(bytes.TrimSpace(answer.Body)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(answer.Body))
	d.UseNumber()
	var body any
	if err := d.Decode(&body); err != nil {
		return fail(ExitServer, "answer", "The answer is no JSON. --output FILE keeps it.")
	}
	if given.SecretTo != "" {
		if err := a.keepSecret(body, given.SecretTo); err != nil {
			return err
		}
	}
	if given.Get != "" {
		v, ok := dig(body, given.Get)
		if !ok {
			return fail(ExitNo, "absent", "The answer has no %s.", given.Get)
		}
		if s, is := v.(string); is && !a.JSON {
			return a.screen.show(plainText(s))
		}
		body = v
	}
	return a.screen.show(anyJSON{body})
}

// plainText is a single text, which is printed without quotes.
type plainText string

func (t plainText) text(p *paper) { p.line("%s", string(t)) }

// anyJSON is an answer of any operation. For people it is JSON, too.
type anyJSON struct{ value any }

func (v anyJSON) MarshalJSON() ([]byte, error) { return json.Marshal(v.value) }

func (v anyJSON) text(p *paper) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	e.Encode(v.value)
	p.line("%s", strings.TrimSuffix(b.String(), "\n"))
}

// dig finds a value by names and numbers joined by dots.
func dig(v any, path string) (any, bool) {
	for _, step := range strings.Split(path, ".") {
		switch inner := v.(type) {
		case map[string]any:
			next, has := inner[step]
			if !has {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(inner) {
				return nil, false
			}
			v = inner[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// shownOnce are the names under which answers show a secret once.
var shownOnce = []string{
	"key",
	"token",
	"signing_secret",
	"lifecycle_secret",
	"callback_secret",
	"code",
	"session_token",
}

// keepSecret moves a secret of an answer into a file, and hides all others. to is FILE, or NAME=FILE.
func (a *app) keepSecret(body any, to string) error {
	name, file, named := strings.Cut(to, "=")
	if !named {
		name, file = "", to
	}
	var found []string
	hideSecrets(body, func(field, secret string) {
		if name == "" || field == name {
			found = append(found, secret)
		}
	})
	if len(found) != 1 {
		return fail(ExitNo, "absent", "The answer shows %s, and --secret-to keeps one: of several, NAME=FILE. "+
			"A repeated request shows none.", plural(len(found), "secret"))
	}
	return credentials.Replace(a.path(file), []byte(found[0]+"\n"), 0o600)
}

// hideSecrets replaces each secret in an answer, and tells it with its field's name.
func hideSecrets(v any, told func(field, secret string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if s, is := inner.(string); is && slices.Contains(shownOnce, name) && secretLike(s) {
				told(name, s)
				v[name] = "(hidden)"
				continue
			}
			hideSecrets(inner, told)
		}
	case []any:
		for _, inner := range v {
			hideSecrets(inner, told)
		}
	}
}

// secretLike tells a secret from a key that is a name.
func secretLike(s string) bool { return strings.HasPrefix(s, "pb_") || strings.HasPrefix(s, "whsec_") }

// operationList is all operations, for people and programs.
type operationList []operations.Operation

func (l operationList) MarshalJSON() ([]byte, error) {
	type line struct {
		ID      string `json:"id"`
		Method  string `json:"method"`
		Path    string `json:"path"`
		Summary string `json:"summary"`
	}
	lines := make([]line, len(l))
	for i, o := range l {
		lines[i] = line{o.ID, o.Method, o.Path, o.Summary}
	}
	return json.Marshal(struct {
		Operations []line `json:"operations"`
	}{lines})
}

func (l operationList) text(p *paper) {
	rows := make([][]string, len(l))
	for i, o := range l {
		rows[i] = []string{o.ID, o.Summary}
	}
	p.table(rows...)
}

// nearest proposes operations that have all words of what was asked for.
func nearest(asked string) string {
	var near []string
	for _, o := range operations.All() {
		if strings.Contains(o.ID, asked) ||
			asked != "" && len(asked) > 4 && strings.Contains(o.ID, asked[:len(asked)-2]) {
			near = append(near, o.ID)
		}
	}
	if len(near) == 0 || len(near) > 5 {
		return ""
	}
	return " Is it " + strings.Join(near, " or ") + "?"
}
