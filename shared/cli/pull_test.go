package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"plugboard/shared/cli"
)

// hub answers pulls of one webhook as the server does: it has a log, and a cursor is a place in it.
type hub struct {
	mu    sync.Mutex
	log   []string // "id/attempt"
	acked []string // "receipt status failure"
	down  int      // so many requests fail: no answer, and a 500 the last five times
	held  string
	lost  int // so many acknowledgements get no answer
	next  string
}

func (h *hub) add(deliveries ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, deliveries...)
}

func (h *hub) pull(w http.ResponseWriter, r *http.Request, agent bool, body string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down > 0 {
		if h.down--; h.down < 5 {
			refuse(500, "internal", "Something failed.")(w, r)
			return
		}
		conn, _, _ := w.(http.Hijacker).Hijack()
		conn.Close()
		return
	}
	if h.next != "" {
		refuse(409, h.next, "Refused.")(w, r)
		h.next = ""
		return
	}
	var in struct{ Cursor string }
	json.Unmarshal([]byte(body), &in)
	from, err := strconv.Atoi(in.Cursor)
	if err != nil && !agent {
		from = len(h.log) // a listener without a cursor starts now
	}
	if agent {
		from = 0 // what is acknowledged is taken out of the log
	}
	deliveries := []map[string]any{}
	for _, d := range h.log[from:] {
		if len(deliveries) == 2 || h.held != "" {
			break
		}
		id, attempt, _ := strings.Cut(d, "/")
		n, _ := strconv.Atoi(attempt)
		deliveries = append(deliveries, map[string]any{
			"id": id, "event_id": "evt_" + id, "event_type": "contract.signed", "event_at": "2026-11-30T18:00:00Z",
			"attempt": n, "receipt": d,
			"headers": map[string]string{"Webhook-Id": id, "Content-Type": "application/json"},
			"body":    `{"id":"evt_` + id + `"}`, "timeout_seconds": 5,
		})
	}
	wait := 7
	if from+len(deliveries) < len(h.log) && h.held == "" {
		wait = 0
	}
	raw, _ := json.Marshal(map[string]any{
		"deliveries": deliveries, "cursor": strconv.Itoa(from + len(deliveries)), "ask_again_after_seconds": wait,
		"held": h.held,
	})
	answer(200, string(raw))(w, r)
}

func (h *hub) ack(w http.ResponseWriter, r *http.Request, body string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost > 0 {
		h.lost--
		conn, _, _ := w.(http.Hijacker).Hijack()
		conn.Close()
		return
	}
	var in struct {
		Results []struct {
			Receipt, Failure string
			Status           int
		}
	}
	json.Unmarshal([]byte(body), &in)
	for _, result := range in.Results {
		h.acked = append(h.acked, strings.TrimSpace(fmt.Sprint(result.Receipt, " ", result.Status,
			" ", result.Failure)))
		h.log = slices.DeleteFunc(h.log, func(d string) bool {
			return r.Header.Get("Authorization") == "Bearer "+agentKey && d == result.Receipt
		})
	}
	answer(200, `{"results":[]}`)(w, r)
}

const agentKey = "pb_agent_secret5"

// hub makes the machine's server answer pulls of whk_1.
func (m *machine) hub() *hub {
	h := &hub{}
	read := func(serve func(http.ResponseWriter, *http.Request, string)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			serve(w, r, string(body))
		}
	}
	m.on("POST /v1/webhooks/whk_1/pull", read(func(w http.ResponseWriter, r *http.Request, body string) {
		h.pull(w, r, r.Header.Get("Authorization") == "Bearer "+agentKey, body)
	}))
	m.on("POST /v1/webhooks/whk_1/pull/ack", read(h.ack))
	m.on("GET /v1/webhooks", answer(200, `{"items":[{"id":"whk_1"}]}`))
	m.on("POST /v1/agents", answer(201, `{"agent_id":"agt_1","webhook_id":"whk_1","name":"rack 3","key":"`+agentKey+
		`"}`))
	keys["agent"] = agentKey
	return h
}

// endpoint is a server on the person's machine.
type endpoint struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string // webhook-ids
	answer int
	header http.Header
}

func newEndpoint(t *testing.T) *endpoint {
	e := &endpoint{answer: 204}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	e.mu.Lock()
	defer e.mu.Unlock()
	id := r.Header.Get("Webhook-Id")
	if string(body) != `{"id":"evt_`+id+`"}` {
		id += " with the body " + string(body)
	}
	e.got, e.header = append(e.got, id), r.Header
	w.WriteHeader(e.answer)
}

func (e *endpoint) heard() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.got, " ")
}

// until runs a command line that runs for ever, and stops it as soon as done answers true at one of its waits.
func (m *machine) until(done func() bool, args ...string) (out, errs string) {
	m.t.Helper()
	ctx, stop := context.WithCancel(m.t.Context())
	defer stop()
	env, waits := m.env, 0
	env.Wait = func(ctx context.Context, d time.Duration) error {
		if waits++; done() || waits > 1000 {
			stop()
		}
		return m.env.Wait(ctx, d)
	}
	out, errs, exit := m.runOn(ctx, env, "", args...)
	if exit != cli.ExitOK || waits > 1000 {
		m.t.Fatalf("%v: exit %d after %d waits: %s%s", args, exit, waits, out, errs)
	}
	return out, errs
}

func TestListen_ForwardsAndShowsStatusAndDuration(t *testing.T) {
	m := newMachine(t).login("token")
	h, local := m.hub(), newEndpoint(t)
	args := []string{"listen", "--to", local.URL + "/hooks", "--save", "captured"}
	m.until(func() bool { return true }, args...) // it has a cursor now
	h.add("dlv_1/1", "dlv_2/1", "dlv_3/1", "dlv_3/2")
	m.env.Now = func() time.Time { return time.Date(2026, 11, 30, 18, 0, 0, 0, time.Local) }
	out, errs := m.until(func() bool { return len(h.acked) == 4 }, args...)
	same(t, "each delivery", out, "✓ 18:00:00 contract.signed dlv_1 → 204 in 0 ms\n✓ 18:00:00 contract.signed dlv_2 → "+
		"204 in 0 ms\n"+
		"✓ 18:00:00 contract.signed dlv_3 → 204 in 0 ms\n✓ 18:00:00 contract.signed dlv_3 (attempt 2) → 204 in 0 ms\n")
	if !strings.Contains(errs, "Listening to 1 webhook. Ctrl-C ends it.") {
		t.Errorf("it said %q", errs)
	}
	same(t, "what the server hears of it", strings.Join(h.acked, ", "),
		"dlv_1/1 204, dlv_2/1 204, dlv_3/1 204, dlv_3/2 204")
	if saved := m.content("captured/dlv_1-1.http"); !strings.HasPrefix(saved, "POST / HTTP/1.1\r\n") ||
		!strings.HasSuffix(saved, "\r\n\r\n"+`{"id":"evt_dlv_1"}`) {
		t.Errorf("it saved %q", saved)
	}
	h.add("dlv_4/1")
	local.answer = 500
	out, _ = m.until(func() bool { return len(h.acked) == 5 }, append(args, "--json")...)
	if !strings.Contains(out, `"delivery_id":"dlv_4","event_id":"evt_dlv_4","event_type":"contract.signed",`+
		`"attempt":1,"status":500`) || strings.Count(out, "\n") != 1 {
		t.Errorf("it printed %s", out)
	}
}

// The complaints about other products' listeners: events are lost after a sleep, while offline or while the local
// server is down; replays never arrive; there can be one listener only.
func TestListen_LosesNothingWhileTheLaptopSleeps(t *testing.T) {
	m := newMachine(t).login("token")
	h, local := m.hub(), newEndpoint(t)
	m.until(func() bool { return true }, "listen", "--to", local.URL)
	h.add("dlv_1/1", "dlv_2/1", "dlv_3/1") // nobody listens
	_, errs := m.until(func() bool { return len(h.acked) == 3 }, "listen", "--to", local.URL)
	same(t, "after it wakes", local.heard(), "dlv_1 dlv_2 dlv_3")
	if !strings.Contains(errs, "whk_1 goes on after ") {
		t.Errorf("it said %q", errs)
	}
	h.add("dlv_4/1")
	m.until(func() bool { return true }, "listen", "--to", local.URL, "--from-now")
	same(t, "from now", local.heard(), "dlv_1 dlv_2 dlv_3")
}

func TestListen_LosesNothingWhileTheServerCannotBeReached(t *testing.T) {
	m := newMachine(t).login("token")
	h, local := m.hub(), newEndpoint(t)
	m.until(func() bool { return true }, "listen", "--to", local.URL)
	h.add("dlv_1/1")
	h.down = 20
	_, errs := m.until(func() bool { return len(h.acked) == 1 }, "listen", "--to", local.URL)
	same(t, "after the outage", local.heard(), "dlv_1")
	if strings.Count(errs, "Trying on; nothing is lost.") != 1 ||
		strings.Count(errs, "The server answers again.") != 1 {
		t.Errorf("it said %q, want each once", errs)
	}
}

func TestListen_WaitsForTheLocalServer(t *testing.T) {
	m := newMachine(t).login("token")
	h, local := m.hub(), newEndpoint(t)
	m.until(func() bool { return true }, "listen", "--to", local.URL)
	address := local.Listener.Addr().String()
	local.Close()
	h.add("dlv_1/1", "dlv_2/1")
	waits := 0
	_, errs := m.until(func() bool {
		if waits++; waits == 3 { // the person starts it again
			listener, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			again := &httptest.Server{Listener: listener, Config: &http.Server{Handler: local}}
			again.Start()
			t.Cleanup(again.Close)
		}
		return len(h.acked) == 2
	}, "listen", "--to", local.URL)
	same(t, "once it is back", local.heard(), "dlv_1 dlv_2")
	if strings.Count(errs, "Nothing listens at "+local.URL+". Waiting for it; nothing is lost.") != 1 {
		t.Errorf("it said %q", errs)
	}
}

func TestListen_ReplaysArriveAndSeveralListenAtOnce(t *testing.T) {
	m := newMachine(t).login("token")
	h, one, two := m.hub(), newEndpoint(t), newEndpoint(t)
	for _, local := range []*endpoint{one, two} {
		m.until(func() bool { return true }, "listen", "--to", local.URL)
	}
	h.add("dlv_1/1", "dlv_1/2")
	var both sync.WaitGroup
	for _, local := range []*endpoint{one, two} {
		both.Go(func() {
			m.until(func() bool { return local.heard() == "dlv_1 dlv_1" }, "listen", "--to", local.URL)
		})
	}
	both.Wait()
	same(t, "the first", one.heard(), "dlv_1 dlv_1")
	same(t, "the second", two.heard(), "dlv_1 dlv_1")
}

func TestListen_ACursorThatIsTooOldIsSaid(t *testing.T) {
	m := newMachine(t).login("token")
	h, local := m.hub(), newEndpoint(t)
	h.next = "cursor-expired"
	_, errs := m.until(func() bool { return h.next == "" && len(m.waited) > 1 }, "listen", "--to", local.URL)
	if !strings.Contains(errs, "whk_1 was not listened to for more than 30 days. Going on from now") {
		t.Errorf("it said %q", errs)
	}
}

func TestListen_EndsWhereTheServerRefusesForGood(t *testing.T) {
	m := newMachine(t).login("token")
	m.on("POST /v1/webhooks/whk_1/pull", refuse(403, "missing-scope", "The token lacks deliveries:pull."))
	_, errs := m.want(cli.ExitForbidden, "listen", "--to", "http://localhost:1", "--webhook", "whk_1")
	if !strings.Contains(errs, "plugboard: The token lacks deliveries:pull.") {
		t.Errorf("it said %q", errs)
	}
	m.on("GET /v1/webhooks", answer(200, `{"items":[]}`))
	m.want(cli.ExitNotFound, "tail")
}

func TestTail_ShowsEventsAndAcknowledgesNothing(t *testing.T) {
	m := newMachine(t).login("token")
	h := m.hub()
	first := true
	out, _ := m.until(func() bool {
		if first {
			h.add("dlv_1/1")
			first = false
			return false
		}
		return true
	}, "tail", "--body")
	if !strings.HasSuffix(out, " contract.signed evt_dlv_1 dlv_1\n  {\n    \"id\": \"evt_dlv_1\"\n  }\n") ||
		len(h.acked) > 0 {
		t.Errorf("it printed %q and acknowledged %v", out, h.acked)
	}
}

// paired is a machine that is an agent of whk_1.
func paired(t *testing.T) (*machine, *hub) {
	m := newMachine(t)
	h := m.hub()
	out, errs, exit := m.runWith("pb_pair_secret6\n", "agent", "pair", "--url", m.server.URL, "--name", "rack 3")
	same(t, "paired", out, "✓ rack 3 is an agent of whk_1 now, as the profile default. `plugboard agent run --to URL` "+
		"starts it.\n")
	if exit != cli.ExitOK || strings.Contains(out+errs, "secret") || m.requests[0].Header.Get("Idempotency-Key") != "" {
		t.Fatalf("exit %d: %s", exit, errs)
	}
	return m, h
}

func TestAgent_ForwardsAndAcknowledges(t *testing.T) {
	m, h := paired(t)
	local := newEndpoint(t)
	m.file("headers.txt", "Authorization: Bearer lan-secret\nX-Site: 3\n")
	h.add("dlv_1/1", "dlv_2/1", "dlv_3/1")
	out, _ := m.until(func() bool {
		return len(h.log) == 0
	}, "agent", "run", "--to", local.URL, "--headers", "headers.txt")
	same(t, "in order", local.heard(), "dlv_1 dlv_2 dlv_3")
	same(t, "acknowledged", strings.Join(h.acked, ", "), "dlv_1/1 204, dlv_2/1 204, dlv_3/1 204")
	if local.header.Get("Authorization") != "Bearer lan-secret" || local.header.Get("X-Site") != "3" ||
		strings.Contains(out, "lan-secret") {
		t.Errorf("it sent %v and printed %s", local.header, out)
	}
	local.Close()
	h.add("dlv_4/1")
	m.until(func() bool { return len(h.log) == 0 }, "agent", "run", "--to", local.URL)
	same(t, "nothing listens", h.acked[3], "dlv_4/1 0 dial")
}

func TestAgent_ALostAcknowledgementIsSentAgainAndNothingTwice(t *testing.T) {
	m, h := paired(t)
	local := newEndpoint(t)
	h.add("dlv_1/1")
	h.lost = 9 // more than one request is tried
	m.until(func() bool { return len(h.log) == 0 }, "agent", "run", "--to", local.URL)
	same(t, "the endpoint", local.heard(), "dlv_1")
}

func TestAgent_StandsByWhileAnotherIsAtWork(t *testing.T) {
	m, h := paired(t)
	local := newEndpoint(t)
	h.add("dlv_1/1")
	h.held = "lease"
	waits := 0
	_, errs := m.until(func() bool {
		if waits++; waits == 3 {
			h.held = "" // the other's lease ended
		}
		return len(h.log) == 0
	}, "agent", "run", "--to", local.URL)
	same(t, "it takes over", local.heard(), "dlv_1")
	if strings.Count(errs, "This one stands by") != 1 || strings.Count(errs, "Deliveries are handed out again.") != 1 {
		t.Errorf("it said %q", errs)
	}
}

func TestAgent_FinishesTheRequestInFlightWhenItIsStopped(t *testing.T) {
	m, h := paired(t)
	ctx, stop := context.WithCancel(t.Context())
	local := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		stop() // SIGTERM comes while the endpoint works
		w.WriteHeader(200)
	}))
	t.Cleanup(local.Close)
	h.add("dlv_1/1", "dlv_2/1")
	if _, errs, exit := m.runIn(ctx, "", "agent", "run", "--to", local.URL); exit != cli.ExitOK {
		t.Fatalf("exit %d: %s", exit, errs)
	}
	same(t, "acknowledged", strings.Join(h.acked, ", "), "dlv_1/1 200")
}

func TestAgent_ARemovedOneEnds(t *testing.T) {
	m, _ := paired(t)
	m.on("POST /v1/webhooks/whk_1/pull", refuse(401, "unauthenticated", "The agent is unknown."))
	m.want(cli.ExitUnauthenticated, "agent", "run", "--to", "http://localhost:1")
	_, errs := m.want(cli.ExitUsage, "agent", "pair", "--url", m.server.URL, "--name", "again")
	if !strings.Contains(errs, "is an agent of whk_1 already") {
		t.Errorf("it said %q", errs)
	}
}

func TestAgent_ItsServiceFile(t *testing.T) {
	m := newMachine(t)
	out, _ := m.want(cli.ExitOK, "agent", "service", "--to", "http://10.0.0.5/a%20b?x=$1", "--program",
		"/opt/plug board/plugboard")
	for _, want := range []string{
		`ExecStart="/opt/plug board/plugboard" agent run --profile default --to http://10.0.0.5/a%%20b?x=$$1` + "\n",
		"Restart=always\n", "StateDirectoryMode=0700\n", "WantedBy=multi-user.target\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the unit lacks %q:\n%s", want, out)
		}
	}
}
