package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"plugboard/shared/cli/client"
	"plugboard/shared/cli/credentials"
	"plugboard/shared/cli/pull"
)

// puller asks for one webhook's deliveries again and again.
type puller struct {
	*app
	webhook string
	kind    credentials.Kind
	key     credentials.Credential
	cursor  string

	// handle takes a delivery. It answers false when it cannot take it now: then it comes again. A result without
	// receipt is not acknowledged.
	handle func(context.Context, pull.Delivery) (pull.Result, bool)
	// acknowledges tells whether results are sent to the server.
	acknowledges bool
	// moved hears of each new cursor, after everything before it was handled. It may be nil.
	moved func(cursor string) error

	results []pull.Result // not acknowledged yet
	held    string
	away    bool // the server could not be reached
}

const (
	shortPause = 2 * time.Second
	// mostUnacknowledged bounds what an agent forwards again when it is killed.
	mostUnacknowledged = 5
)

// run pulls until the context ends, which is no error, or the server refuses for good.
func (p *puller) run(ctx context.Context) error {
	for {
		wait, err := p.round(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if lasting := p.lasting(err); lasting != nil {
			return lasting
		}
		if err != nil {
			wait = shortPause
		}
		if wait > 0 && p.Wait(ctx, wait) != nil {
			return nil
		}
	}
}

// lasting is an error that no later try mends. After a sleep or without network, a listener goes on.
func (p *puller) lasting(err error) error {
	var refused *client.Problem
	var unreachable *client.Unreachable
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused) && refused.Code == "cursor-expired":
		p.screen.note("%s was not listened to for more than 30 days. Going on from now; `plugboard api "+
			"list-deliveries` has the rest.",
			p.webhook)
		p.cursor = ""
		return nil
	case errors.As(err, &unreachable), errors.As(err, &refused) && exitOf(refused.Status) >= ExitBusy:
		if !p.away {
			p.screen.note("%s Trying on; nothing is lost.", failureOf(err).Detail)
		}
		p.away = true
		return nil
	}
	return err
}

// round pulls a page, handles it, and tells how long to wait.
func (p *puller) round(ctx context.Context) (time.Duration, error) {
	if err := p.acknowledge(ctx); err != nil {
		return 0, err
	}
	var page pull.Page
	if err := p.post(ctx, "/pull", map[string]string{"cursor": p.cursor}, &page); err != nil {
		return 0, err
	}
	if p.away {
		p.screen.note("The server answers again.")
	}
	p.away = false
	p.tell(page)
	for _, d := range page.Deliveries {
		// What has begun is finished, even when the person stops it: an endpoint must not see half a request.
		result, taken := p.handle(context.WithoutCancel(ctx), d)
		if !taken {
			return shortPause, nil
		}
		if result.Receipt != "" {
			p.results = append(p.results, result)
		}
		if p.acknowledges && len(p.results) >= mostUnacknowledged {
			if err := p.acknowledge(ctx); err != nil {
				return 0, err
			}
		}
		if ctx.Err() != nil {
			return 0, p.acknowledge(ctx)
		}
	}
	if err := p.acknowledge(ctx); err != nil {
		return 0, err
	}
	p.cursor = page.Cursor
	if p.moved != nil {
		if err := p.moved(page.Cursor); err != nil {
			return 0, err
		}
	}
	return time.Duration(page.AskAfter) * time.Second, nil
}

// tell says what a person should know about a page.
func (p *puller) tell(page pull.Page) {
	if page.Expired > 0 {
		p.screen.note("%s of %s cannot be had any more: the events are older than 30 days.",
			plural(page.Expired, "delivery"), p.webhook)
	}
	if page.Held != p.held {
		if said, known := heldWords[page.Held]; known {
			p.screen.note("%s", said)
		}
		p.held = page.Held
	}
}

var heldWords = map[string]string{
	"":            "Deliveries are handed out again.",
	"lease":       "Another agent is at work. This one stands by, and takes over when the other stops.",
	"paused":      "The webhook is paused.",
	"disabled":    "The webhook is disabled. Enable it in the console.",
	"breaker":     "The endpoint has failed too often. Deliveries wait, and one is tried from time to time.",
	"pause-asked": "The endpoint asked for a pause by Retry-After.",
}

// acknowledge sends the results so far. They are kept while the server cannot be reached.
func (p *puller) acknowledge(ctx context.Context) error {
	if !p.acknowledges || len(p.results) == 0 {
		p.results = nil
		return nil
	}
	err := p.post(context.WithoutCancel(ctx), "/pull/ack", map[string]any{"results": p.results}, nil)
	var unreachable *client.Unreachable
	if errors.As(err, &unreachable) {
		return err
	}
	p.results = nil
	return err
}

func (p *puller) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	header := http.Header{}
	p.authorize(header, p.kind, p.key.Key)
	quiet := *p.client
	quiet.Retrying = nil // lasting tells once
	answer, err := quiet.Do(ctx, client.Request{
		Base: p.key.URL, Method: http.MethodPost, Path: "/v1/webhooks/" + url.PathEscape(p.webhook) + path,
		Header: header,
		Body:   body, ContentType: "application/json", Keyless: true,
	})
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		return fail(ExitServer, "answer", "The answer of pull-deliveries is not what its documentation says: %s.", err)
	}
	return nil
}

// credential is the profile's of that kind.
func (a *app) credential(kind credentials.Kind) (credentials.Credential, error) {
	all, err := a.store.Load(a.Profile)
	if err != nil {
		return credentials.Credential{}, err
	}
	c, has := all[kind]
	if !has {
		return c, fail(ExitUnauthenticated, "not-logged-in", "This needs %s, and the profile %q has none.",
			kindNames[kind], a.Profile)
	}
	return c, nil
}
