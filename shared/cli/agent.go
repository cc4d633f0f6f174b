package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/textproto"
	"strings"

	"plugboard/shared/cli/client"
	"plugboard/shared/cli/credentials"
	"plugboard/shared/cli/pull"
)

type agentCommand struct {
	Pair    agentPairCommand    `cmd:"" help:"Exchange a pairing code, read from standard input, for this machine's key."`
	Run     agentRunCommand     `cmd:"" help:"Deliver until it is stopped."`
	Service agentServiceCommand `cmd:"" help:"Print a systemd unit that runs the agent."`
}

type agentPairCommand struct {
	URL  string `name:"url" required:"" help:"The API's URL." placeholder:"URL"`
	Name string `required:"" help:"A name by which people know this machine." placeholder:"NAME"`
}

func (*agentPairCommand) Help() string {
	return "An admin makes the code for one webhook: `plugboard api create-agent-code --webhook-id ID`. A code is " +
		"good once, " +
		"for ten minutes. The key is kept like one that login keeps. A machine with agents of several webhooks has a " +
		"profile each."
}

type paired struct {
	Profile string `json:"profile"`
	Agent   string `json:"agent_id"`
	Webhook string `json:"webhook_id"`
	Name    string `json:"name"`
}

func (r paired) text(p *paper) {
	p.good("%s is an agent of %s now, as the profile %s. `plugboard agent run --to URL` starts it.", r.Name, r.Webhook,
		r.Profile)
}

func (c *agentPairCommand) Run(ctx context.Context, a *app) error {
	base := strings.TrimRight(c.URL, "/")
	if err := credentials.CheckURL(base); err != nil {
		return fail(ExitUsage, "usage", "%s.", sentence(err.Error()))
	}
	all, err := a.store.Load(a.Profile)
	if err != nil {
		return err
	}
	if has, ok := all[credentials.Agent]; ok {
		return fail(ExitUsage, "usage", "The profile %q is an agent of %s already. Name another by --profile.",
			a.Profile, has.Webhook)
	}
	code, err := a.askKey()
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"name": c.Name})
	if err != nil {
		return err
	}
	// The answer to a repeated request would lack the key.
	answer, err := a.client.Do(ctx, client.Request{
		Base: base, Method: http.MethodPost, Path: "/v1/agents", Body: body, ContentType: "application/json",
		Keyless: true,
		Header:  http.Header{"Authorization": {"Bearer " + code}},
	})
	if err != nil {
		return err
	}
	var agent struct {
		paired
		Key string `json:"key"`
	}
	if err := json.Unmarshal(answer.Body, &agent); err != nil || agent.Key == "" || agent.Webhook == "" {
		return fail(ExitServer, "answer", "The server answered without a key. Make another code.")
	}
	kept := credentials.Credential{URL: base, Key: agent.Key, SavedAt: a.Now(), Webhook: agent.Webhook}
	if err := a.store.Save(a.Profile, credentials.Agent, kept); err != nil {
		return err
	}
	agent.Profile, agent.Name = a.Profile, c.Name
	return a.screen.show(agent.paired)
}

type agentRunCommand struct {
	To      string `required:"" help:"The endpoint in this network." placeholder:"URL"`
	Headers string `help:"A file of headers that the endpoint wants, such as Authorization: one a line." placeholder:"FILE"`
}

func (*agentRunCommand) Help() string {
	return "The agent opens connections to the API only; nothing dials it. Of several agents of a webhook one is at " +
		"work, and " +
		"another takes over when it stops. What it does not acknowledge is handed out again. SIGTERM ends it after " +
		"the current request."
}

func (c *agentRunCommand) Run(ctx context.Context, a *app) error {
	if err := checkTarget(c.To); err != nil {
		return err
	}
	headers, err := a.headers(c.Headers)
	if err != nil {
		return err
	}
	key, err := a.credential(credentials.Agent)
	if err != nil {
		return err
	}
	endpoint := pull.Endpoint{URL: c.To, Header: headers, Transport: a.Transport, Now: a.Now}
	p := &puller{app: a, webhook: key.Webhook, kind: credentials.Agent, key: key, acknowledges: true}
	p.handle = func(ctx context.Context, d pull.Delivery) (pull.Result, bool) {
		r := endpoint.Forward(ctx, d)
		a.screen.line(forwarded{a.Now(), p.webhook, d.ID, d.Event, d.EventType, d.Attempt, r.Status, r.Failure,
			r.Milliseconds})
		return r, true
	}
	a.screen.doing("Delivering for %s to %s.", p.webhook, c.To)
	return p.run(ctx)
}

// headers reads a file of headers.
func (a *app) headers(file string) (http.Header, error) {
	if file == "" {
		return nil, nil
	}
	raw, err := a.read(file)
	if err != nil {
		return nil, err
	}
	text := append(bytes.TrimSpace(raw), "\r\n\r\n"...)
	h, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(text))).ReadMIMEHeader()
	if err != nil {
		return nil, fail(ExitUsage, "usage", "%s is no list of headers, such as `Authorization: Bearer …`, one a line.",
			file)
	}
	return http.Header(h), nil
}
