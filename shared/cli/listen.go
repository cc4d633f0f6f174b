package cli

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"plugboard/shared/cli/credentials"
	"plugboard/shared/cli/pull"
)

// listening is what listen and tail have in common.
type listening struct {
	Webhook []string `help:"Only this webhook. Repeatable. Default: every webhook that the token sees." placeholder:"ID"`
	Save    string   `help:"Keep each request in this folder, as \"plugboard verify\" reads it." placeholder:"FOLDER"`
}

type listenCommand struct {
	listening
	To      string `required:"" help:"Where each request is sent, such as http://localhost:3000/hooks." placeholder:"URL"`
	Name    string `help:"The listener's name. One goes on where it stopped. Default: the URL of --to." placeholder:"NAME"`
	FromNow bool   `help:"Forget where this listener stopped."`
}

func (*listenCommand) Help() string {
	return "Nothing of the real endpoint's deliveries changes. The token needs the scope deliveries:pull. Requests " +
		"have the " +
		"headers and signatures of the real ones. Replays arrive, too. What came while the machine slept or the " +
		"listener was " +
		"stopped comes when it goes on, up to 30 days later. While nothing listens at --to, it waits. Ctrl-C ends it."
}

// forwarded is a delivery with what the local server answered.
type forwarded struct {
	At        time.Time    `json:"at"`
	Webhook   string       `json:"webhook_id"`
	Delivery  string       `json:"delivery_id"`
	Event     string       `json:"event_id"`
	EventType string       `json:"event_type"`
	Attempt   int          `json:"attempt"`
	Status    int          `json:"status,omitempty"`
	Failure   pull.Failure `json:"failure,omitempty"`
	Millis    int64        `json:"milliseconds"`
}

func (f forwarded) text(p *paper) {
	said := f.At.Local().Format(time.TimeOnly) + " " + f.EventType + " " + f.Delivery
	if f.Attempt > 1 {
		said += fmt.Sprintf(" (attempt %d)", f.Attempt)
	}
	switch {
	case f.Failure != "":
		p.bad("%s → %s, %d ms", said, f.Failure.Says(), f.Millis)
	case f.Status >= 200 && f.Status < 300:
		p.good("%s → %d in %d ms", said, f.Status, f.Millis)
	default:
		p.bad("%s → %d in %d ms", said, f.Status, f.Millis)
	}
}

func (c *listenCommand) Run(ctx context.Context, a *app) error {
	if err := checkTarget(c.To); err != nil {
		return err
	}
	name := c.Name
	if name == "" {
		name = c.To
	}
	cursors := pull.CursorsOf(a.store.Dir, a.Profile, name)
	endpoint := pull.Endpoint{URL: c.To, Transport: a.Transport, Now: a.Now}
	return a.listen(ctx, c.listening, func(p *puller) error {
		kept, err := cursors.Load(p.webhook)
		if err != nil {
			return err
		}
		if kept.Cursor != "" && !c.FromNow {
			p.cursor = kept.Cursor
			a.screen.note("%s goes on after %s.", p.webhook, kept.SavedAt.Local().Format(time.DateTime))
		}
		p.acknowledges = true
		p.moved = func(cursor string) error {
			return cursors.Save(p.webhook, pull.Cursor{Cursor: cursor, SavedAt: a.Now()})
		}
		p.handle = a.forwardOnce(p.webhook, endpoint, c.Save)
		return nil
	})
}

// checkTarget says why nothing can be sent to a URL.
func checkTarget(target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fail(ExitUsage, "usage", "--to takes a URL such as http://localhost:3000, not %q.", target)
	}
	return nil
}

// listen runs a puller for each webhook, and ends with the first that the server refuses for good.
func (a *app) listen(ctx context.Context, l listening, prepare func(*puller) error) error {
	key, err := a.credential(credentials.Token)
	if err != nil {
		return err
	}
	webhooks := l.Webhook
	if len(webhooks) == 0 {
		err := pages(ctx, a, "list-webhooks", input{}, func(w struct{ ID string }) bool {
			webhooks = append(webhooks, w.ID)
			return true
		})
		if err != nil {
			return err
		}
	}
	if len(webhooks) == 0 {
		return fail(ExitNotFound, "not-found", "There is no webhook to listen to. Create one first.")
	}
	var pullers []*puller
	for _, webhook := range webhooks {
		p := &puller{app: a, webhook: webhook, kind: credentials.Token, key: key}
		if err := prepare(p); err != nil {
			return err
		}
		pullers = append(pullers, p)
	}
	a.screen.doing("Listening to %s. Ctrl-C ends it.", plural(len(webhooks), "webhook"))
	return runAll(ctx, pullers)
}

// runAll runs until the context ends, or the server refuses one of them for good.
func runAll(ctx context.Context, pullers []*puller) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, len(pullers))
	var all sync.WaitGroup
	for _, p := range pullers {
		all.Go(func() {
			if err := p.run(running); err != nil {
				failed <- err
				stop()
			}
		})
	}
	all.Wait()
	close(failed)
	return <-failed // nil when none failed
}

// mostRemembered bounds the memory of a listener that runs for weeks.
const mostRemembered = 10_000

// forwardOnce forwards a delivery that this process has not forwarded yet. While nothing listens at the endpoint it
// takes none: a later pull has the same delivery with a fresh signature.
func (a *app) forwardOnce(webhook string, e pull.Endpoint, save string) func(context.Context,
	pull.Delivery) (pull.Result, bool) {
	seen := map[string]bool{}
	waiting := false
	return func(ctx context.Context, d pull.Delivery) (pull.Result, bool) {
		if seen[d.Key()] {
			return pull.Result{}, true
		}
		if err := a.save(save, d); err != nil {
			a.screen.note("%s", failureOf(err).Detail)
		}
		r := e.Forward(ctx, d)
		if r.Failure == pull.FailureDial {
			if !waiting {
				a.screen.note("Nothing listens at %s. Waiting for it; nothing is lost.", e.URL)
			}
			waiting = true
			return r, false
		}
		if len(seen) >= mostRemembered {
			clear(seen)
		}
		waiting, seen[d.Key()] = false, true
		a.screen.line(forwarded{a.Now(), webhook, d.ID, d.Event, d.EventType, d.Attempt, r.Status, r.Failure,
			r.Milliseconds})
		return r, true
	}
}

// save keeps a request as verify reads it.
func (a *app) save(folder string, d pull.Delivery) error {
	if folder == "" {
		return nil
	}
	if err := os.MkdirAll(a.path(folder), 0o700); err != nil {
		return err
	}
	text := "POST / HTTP/1.1\r\n"
	for name, value := range d.Headers {
		text += name + ": " + value + "\r\n"
	}
	name := fmt.Sprintf("%s-%d.http", filepath.Base(d.ID), d.Attempt)
	return credentials.Replace(a.path(filepath.Join(folder, name)), []byte(text+"\r\n"+d.Body), 0o600)
}
