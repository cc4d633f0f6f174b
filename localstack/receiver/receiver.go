// Package receiver is a partner's endpoint on this machine: another process, which verifies requests with the
// published Standard Webhooks library. This file starts and stops it; folder process is the program.
package receiver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
)

// Arrival is one received request.
type Arrival struct {
	At       time.Time         `json:"at"`
	Path     string            `json:"path"`
	Delivery domain.DeliveryID `json:"delivery_id"` // its webhook-id
	Verified bool              `json:"verified"`
	// Authorized is true when it carried an access token of the receiver's token endpoint.
	Authorized bool              `json:"authorized,omitempty"`
	Webhook    domain.WebhookID  `json:"webhook_id,omitempty"` // the webhook whose secret verified it
	Problem    string            `json:"problem,omitempty"`    // why no secret verified it
	Header     map[string]string `json:"header"`
	Body       string            `json:"body"`
}

// What the receiver serves besides webhooks: an OAuth 2.0 token endpoint, and the set-up page of a hand-off.
const (
	TokenPath = "/token"
	SetupPath = "/setup"
)

// Told is a line of the program's standard input, so that no process list and no shell history shows a secret.
type Instruction struct {
	Trust  *Trust  `json:"trust,omitempty"`
	Client *Client `json:"client,omitempty"`
}

// Trust gives the program a webhook's signing secret.
type Trust struct {
	Webhook domain.WebhookID `json:"webhook_id"`
	Secret  string           `json:"signing_secret"`
}

// Client is an OAuth client that the token endpoint accepts.
type Client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// Visit is a visit of an admin's browser to the set-up page.
type Visit struct {
	Code     string `json:"code"`
	Referrer string `json:"referrer,omitempty"`
}

// Line is what the program prints: one of these, as JSON.
type Line struct {
	Listening string           `json:"listening,omitempty"` // the address, first of all
	Trusts    domain.WebhookID `json:"trusts,omitempty"`    // a Trust was taken
	Arrival   *Arrival         `json:"arrival,omitempty"`
	Visit     *Visit           `json:"visit,omitempty"`
}

// Receiver is the running program.
type Receiver struct {
	URL string // where webhooks go, as the functions reach it

	command *exec.Cmd
	stdin   io.WriteCloser
	ended   chan struct{}

	mu       sync.Mutex
	arrivals []Arrival
	trusts   []domain.WebhookID
	visits   []Visit
	changed  chan struct{} // closed at the next line
}

// startLimit is for compiling the program, too.
const startLimit = time.Minute

// Start builds and starts the program. host is this machine's name as the functions see it: when that is not
// 127.0.0.1, they run in containers, and the receiver listens on all addresses.
func Start(ctx context.Context, host string) (*Receiver, error) {
	listen := "127.0.0.1:0"
	if host != "127.0.0.1" {
		listen = ":0"
	}
	r := &Receiver{ended: make(chan struct{}), changed: make(chan struct{})}
	// The program ends with its input, and so with this process. The context only limits the start.
	r.command = exec.Command("go", "run", "plugboard/localstack/receiver/process", listen)
	r.command.Stderr = os.Stderr
	stdout, err := r.command.StdoutPipe()
	if err == nil {
		r.stdin, err = r.command.StdinPipe()
	}
	if err == nil {
		err = r.command.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	lines := bufio.NewReader(stdout)
	listening := make(chan string, 1)
	go r.read(lines, listening)
	select {
	case address := <-listening:
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the receiver listens on %q: %w", address, err), r.Stop())
		}
		r.URL = "http://" + net.JoinHostPort(host, port)
		return r, nil
	case <-r.ended:
		return nil, errors.Join(errors.New("the receiver ended before it listened"), r.Stop())
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), r.Stop())
	case <-time.After(startLimit):
		return nil, errors.Join(fmt.Errorf("the receiver did not listen within %s", startLimit), r.Stop())
	}
}

// read reads the program's lines until it ends.
func (r *Receiver) read(lines *bufio.Reader, listening chan<- string) {
	defer close(r.ended)
	decoder := json.NewDecoder(lines)
	for {
		var l Line
		if decoder.Decode(&l) != nil {
			return
		}
		if l.Listening != "" {
			listening <- l.Listening
		}
		r.mu.Lock()
		if l.Trusts != "" {
			r.trusts = append(r.trusts, l.Trusts)
		}
		if l.Arrival != nil {
			r.arrivals = append(r.arrivals, *l.Arrival)
		}
		if l.Visit != nil {
			r.visits = append(r.visits, *l.Visit)
		}
		close(r.changed)
		r.changed = make(chan struct{})
		r.mu.Unlock()
	}
}

// Trust makes requests signed with the webhook's secret verify. It returns when the program has the secret.
func (r *Receiver) Trust(ctx context.Context, w domain.WebhookID, secret string) error {
	if err := json.NewEncoder(r.stdin).Encode(Instruction{Trust: &Trust{Webhook: w, Secret: secret}}); err != nil {
		return fmt.Errorf("tell the receiver the secret of %s: %w", w, err)
	}
	return r.until(ctx, 10*time.Second, "the receiver took the secret of "+string(w), func() bool {
		return slices.Contains(r.trusts, w)
	})
}

// Know makes the token endpoint accept the client.
func (r *Receiver) Know(c Client) error {
	if err := json.NewEncoder(r.stdin).Encode(Instruction{Client: &c}); err != nil {
		return fmt.Errorf("tell the receiver of the client %s: %w", c.ID, err)
	}
	return nil
}

// Visit visits the set-up page as a browser does, and returns what the page was given.
func (r *Receiver) Visit(ctx context.Context, url string, limit time.Duration) (Visit, error) {
	r.mu.Lock()
	before := len(r.visits)
	r.mu.Unlock()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Visit{}, err
	}
	page, err := http.DefaultClient.Do(request)
	if err != nil {
		return Visit{}, fmt.Errorf("visit the set-up page: %w", err)
	}
	page.Body.Close()
	var last Visit
	err = r.until(ctx, limit, "the set-up page told of the visit", func() bool {
		if len(r.visits) > before {
			last = r.visits[len(r.visits)-1]
		}
		return len(r.visits) > before
	})
	return last, err
}

// Arrivals are the webhook's requests so far, the first first.
func (r *Receiver) Arrivals(w domain.WebhookID) []Arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.arrivalsOf(w)
}

// Unverified is the requests that no secret verified. Pings are left out: a ping may arrive before its webhook's
// secret is known here, and comes again.
func (r *Receiver) Unverified() []Arrival {
	return slices.DeleteFunc(r.Arrivals(""), func(a Arrival) bool {
		var body events.Envelope
		return json.Unmarshal([]byte(a.Body), &body) == nil && body.Type == events.WebhookPing
	})
}

func (r *Receiver) arrivalsOf(w domain.WebhookID) []Arrival {
	return slices.DeleteFunc(slices.Clone(r.arrivals), func(a Arrival) bool { return a.Webhook != w })
}

// Await returns the first request of the webhook that fits. Its error names what did not arrive within the limit.
func (r *Receiver) Await(ctx context.Context, limit time.Duration, w domain.WebhookID, what string,
	fits func(Arrival) bool) (Arrival, error) {
	var found Arrival
	err := r.until(ctx, limit, what+" arrived", func() bool {
		i := slices.IndexFunc(r.arrivalsOf(w), fits)
		if i >= 0 {
			found = r.arrivalsOf(w)[i]
		}
		return i >= 0
	})
	return found, err
}

// until waits for a condition on the lines read so far.
func (r *Receiver) until(ctx context.Context, limit time.Duration, what string, met func() bool) error {
	deadline := time.After(limit)
	for {
		r.mu.Lock()
		yes, changed := met(), r.changed
		r.mu.Unlock()
		if yes {
			return nil
		}
		select {
		case <-changed:
		case <-r.ended:
			return errors.New("the receiver ended")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline:
			return fmt.Errorf("waiting until %s: not within %s", strings.TrimSpace(what), limit)
		}
	}
}

// Stop ends the program. It may be called again.
func (r *Receiver) Stop() error {
	r.stdin.Close()
	select {
	case <-r.ended:
	case <-time.After(10 * time.Second):
		r.command.Process.Kill()
	}
	if r.command.ProcessState != nil {
		return nil
	}
	return r.command.Wait()
}
