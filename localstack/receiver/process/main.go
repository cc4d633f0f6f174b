// Command process is the receiver: an HTTP server that answers 204 to a request that a trusted secret verifies, and
// 401 to any other, and prints a line of JSON for each. It is a partner's token endpoint and set-up page, too
// (oauth.go). It ends when its standard input does.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plugboard/localstack/receiver"
	"plugboard/shared/domain"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: process ADDRESS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

func run(address string, in io.Reader, out io.Writer) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	s := &server{out: json.NewEncoder(out)}
	s.out.SetEscapeHTML(false)
	s.print(receiver.Line{Listening: listener.Addr().String()})
	go http.Serve(listener, s)
	for told := json.NewDecoder(in); ; {
		var t receiver.Instruction
		if err := told.Decode(&t); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the input: %w", err)
		}
		if t.Client != nil {
			s.know(*t.Client)
		}
		if t.Trust == nil {
			continue
		}
		if err := s.trust(*t.Trust); err != nil {
			return err
		}
	}
}

type server struct {
	mu      sync.Mutex
	out     *json.Encoder
	trusted []trusted
	clients []receiver.Client
	granted []string // access tokens
}

type trusted struct {
	webhook  domain.WebhookID
	verifier *standardwebhooks.Webhook
}

func (s *server) print(l receiver.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.Encode(l)
}

func (s *server) trust(t receiver.Trust) error {
	verifier, err := standardwebhooks.NewWebhook(t.Secret)
	if err != nil {
		return fmt.Errorf("the secret of %s: %w", t.Webhook, err)
	}
	s.mu.Lock()
	s.trusted = append(s.trusted, trusted{t.Webhook, verifier})
	s.mu.Unlock()
	s.print(receiver.Line{Trusts: t.Webhook})
	return nil
}

// maxBody is well over any event's, in bytes.
const maxBody = 1 << 20

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case receiver.TokenPath:
		s.grant(w, r)
	case receiver.SetupPath:
		s.setUp(w, r)
	default:
		s.webhook(w, r)
	}
}

func (s *server) webhook(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a := s.verified(body, r.Header)
	a.At, a.Path, a.Body = at, r.URL.RequestURI(), string(body)
	a.Authorized = s.authorized(r)
	a.Delivery = domain.DeliveryID(r.Header.Get(standardwebhooks.HeaderWebhookID))
	a.Header = map[string]string{}
	for name := range r.Header {
		a.Header[name] = r.Header.Get(name)
	}
	status := http.StatusNoContent
	if !a.Verified {
		status = http.StatusUnauthorized
	}
	s.print(receiver.Line{Arrival: &a})
	w.WriteHeader(status)
}

// verified finds the secret that signed the request. All webhooks share one address, and a request does not name its
// own.
func (s *server) verified(body []byte, header http.Header) receiver.Arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	why := errors.New("no secret is known")
	for _, t := range s.trusted {
		if why = t.verifier.Verify(body, header); why == nil {
			return receiver.Arrival{Verified: true, Webhook: t.webhook}
		}
	}
	return receiver.Arrival{Problem: why.Error()}
}
