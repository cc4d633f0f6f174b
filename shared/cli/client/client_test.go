package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"plugboard/shared/cli/client"
)

// served is a server that answers one way after the other, and a client that waits for nothing.
type served struct {
	*client.Client
	url    string
	keys   []string // the Idempotency-Key of each request
	waited []time.Duration
}

func serve(t *testing.T, answers ...http.HandlerFunc) *served {
	s := &served{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
		answers[min(len(s.keys), len(answers))-1](w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.Client = &client.Client{
		// On a connection that is used again, Go's transport would repeat a request by itself.
		Transport: &http.Transport{DisableKeepAlives: true}, UserAgent: "test",
		Now:  func() time.Time { return time.Date(2026, 11, 30, 18, 0, 0, 0, time.UTC) },
		Wait: func(_ context.Context, d time.Duration) error { s.waited = append(s.waited, d); return nil },
	}
	return s
}

func (s *served) post(t *testing.T) (client.Answer, error) {
	return s.Do(
		t.Context(),
		client.Request{Base: s.url, Method: "POST", Path: "/v1/x", Body: []byte("{}"), ContentType: "application/json"},
	)
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

// cut ends the connection before any answer.
func cut(w http.ResponseWriter, _ *http.Request) {
	conn, _, _ := w.(http.Hijacker).Hijack()
	conn.Close()
}

func TestRule25_ARepeatedMutationHasTheSameKey(t *testing.T) {
	s := serve(
		t,
		status(429, "Retry-After", "3"),
		status(503, "Retry-After", "Mon, 30 Nov 2026 18:00:07 GMT"),
		status(502),
		cut,
		status(201),
	)
	answer, err := s.post(t)
	if err != nil || answer.Status != 201 {
		t.Fatalf("got %d, %v", answer.Status, err)
	}
	for _, key := range s.keys {
		if key == "" || key != s.keys[0] {
			t.Errorf("the keys are %q, want the same five times", s.keys)
		}
	}
	if len(s.waited) != 4 || s.waited[0] != 3*time.Second || s.waited[1] != 7*time.Second ||
		s.waited[2] < time.Second ||
		s.waited[3] < 2*time.Second {
		t.Errorf("it waited %v, want 3s, 7s, and then longer and longer by itself", s.waited)
	}
	s.post(t)
	if last := s.keys[len(s.keys)-1]; last == s.keys[0] {
		t.Error("another request has the same key")
	}
}

func TestDo_EndsAtLastWithTheReason(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		tries  int
	}{
		"throttled for good":     {status(429), 6},
		"told to wait too long":  {status(429, "Retry-After", "3600"), 1},
		"invalid":                {status(422), 1},
		"an internal error":      {status(500), 1},
		"a conflict":             {status(409), 1},
		"never an answer":        {cut, 6},
		"an answer that is huge": {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 9<<20)) }, 6},
	} {
		s := serve(t, c.answer)
		if _, err := s.post(t); err == nil || len(s.keys) != c.tries {
			t.Errorf("%s: %d tries, want %d; error %v", name, len(s.keys), c.tries, err)
		}
	}
}

func TestDo_OwnEarlierTryThatStillRunsIsAwaited(t *testing.T) {
	running := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(409)
		io.WriteString(w, `{"code":"still-running","detail":"The same request still runs."}`)
	}
	s := serve(t, cut, running, status(200))
	if answer, err := s.post(t); err != nil || answer.Status != 200 {
		t.Errorf("got %d, %v", answer.Status, err)
	}
}

func TestDo_FollowsNoRedirect(t *testing.T) {
	followed := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	t.Cleanup(other.Close)
	s := serve(t, status(303, "Location", other.URL))
	answer, err := s.post(t)
	if err != nil || answer.Status != 303 || followed {
		t.Errorf("got %d, %v, followed %v", answer.Status, err, followed)
	}
}

func TestDo_AnAnswerWithoutProblemDocumentIsARefusalToo(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(404)
		io.WriteString(w, "<html>")
	})
	_, err := s.post(t)
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != 404 || p.Code != "not-found" ||
		p.Detail != "The server answered 404 Not Found without a reason. Check that the URL is the API's." {
		t.Errorf("got %+v", err)
	}
}

func TestDo_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, status(503))
	s.Wait = func(context.Context, time.Duration) error { cancel(); return ctx.Err() }
	_, err := s.Do(ctx, client.Request{Base: s.url, Method: "GET", Path: "/"})
	if !errors.Is(err, context.Canceled) || len(s.keys) != 1 || s.keys[0] != "" {
		t.Errorf("got %v after %q", err, s.keys)
	}
}
