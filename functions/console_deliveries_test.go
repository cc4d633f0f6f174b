package functions_test

import (
	"encoding/csv"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"plugboard/shared/domain"
)

// hostile is a text that others can write: an answer, a name, a reason.
const hostile = `<script>alert("x")</script>`

// refusing is an endpoint that refuses in so many words until it is told to accept.
type refusing struct {
	*httptest.Server
	accepts atomic.Bool
}

func newRefusing(t testing.TB, answer string) *refusing {
	r := &refusing{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.Copy(io.Discard, q.Body)
		if !r.accepts.Load() {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, answer)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func TestConsole_ADeliveryIsFoundUnderstoodAndReplayed(t *testing.T) {
	c := newConsole(t)
	b := c.newTab()
	b.signIn("ada", "deliveries")
	b.sees(".empty", "Nothing has been sent yet")
	b.look("deliveries-empty")

	c.enable()
	endpoint := newRefusing(t, `{"error":"invalid_token","message":"`+hostile+`"}`)
	c.want(c.call(c.admin, "POST", "/v1/webhooks", object{
		"name": "Data warehouse", "url": endpoint.URL + "/hooks?account=42",
		"headers": object{"X-Api-Key": "key-of-the-customer"},
	}), 201)
	for range 3 {
		c.want(c.call(c.integration(adminEmail), "POST", "/v1/contracts",
			contractOf(c.template(c.templateType("acme-crm")))), 201)
	}
	c.settle()
	b.open("deliveries")
	b.look("deliveries")
	b.click(`.states a[href*="state=retrying"]`)
	b.sees(".log tbody", "Data warehouse")
	if text := ask(b, chromedp.Text(chromedp.CSS(".log tbody"))); strings.Contains(text, "Delivered") {
		t.Errorf("the filter lets others through: %s", text)
	}
	b.look("deliveries-filtered")

	b.click(`.log a[href*="deliveries/whk_"]`)
	b.sees("h1", "Data warehouse")
	b.sees(".wide-alert", "did not accept the credentials")
	b.look("delivery")
	page := ask(b, chromedp.Text(chromedp.CSS("main")))
	for _, want := range []string{"401 Unauthorized", hostile, endpoint.URL + "/hooks?account=42", "‹secret›",
		"‹made anew for each attempt›", `"type": "`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s: %s", want, page)
		}
	}
	if curl := ask(b, chromedp.Value(chromedp.CSS("#curl-text"))); strings.Contains(curl+page, "key-of-the-customer") ||
		!strings.HasPrefix(curl, "curl -X POST '") {
		t.Errorf("got %s", curl)
	}

	endpoint.accepts.Store(true)
	b.click(`.page-head button.primary`)
	b.sees(".alert.busy", "is on its way")
	b.look("delivery-replayed")
	c.settle()
	b.click(`.alert.busy a`)
	b.sees("h1", "Delivered")
	b.sees(".timeline", "Attempt 2")
	b.look("delivery-delivered")
}

// logged appends so many deliveries to a webhook's log, as delivery does: one a second, the last a second before the
// end, which it returns.
func (c *consoleWorld) logged(hook string, n int, change func(int, *domain.Attempt)) (end time.Time) {
	c.t.Helper()
	end = c.now()
	var lines []domain.Attempt
	for i := range n {
		at := end.Add(time.Duration(i-n) * time.Second)
		a := domain.Attempt{
			Account: "customer", Webhook: domain.WebhookID(hook), Event: domain.EventID(fmt.Sprintf("evt_%06d", i)),
			EventType: "contract.signed",
			EventDay:  at.UTC().Format(time.DateOnly), EventAt: at, At: at, Contract: "con_1", Number: 1,
			Outcome: domain.OutcomeDelivered, Status: 200, Milliseconds: 12,
		}
		if change != nil {
			change(i, &a)
		}
		lines = append(lines, a)
	}
	must(c.t, c.tables.AppendAttempts(c.t.Context(), lines))
	return end
}

func (c *consoleWorld) hookNamed(name string) string {
	c.t.Helper()
	return c.want(c.call(c.admin, "POST", "/v1/webhooks", object{"name": name, "url": c.receiver.URL}), 201).str("id")
}

func TestConsole_TenThousandDeliveriesArePagedAndTheirFileIsCut(t *testing.T) {
	c := newConsole(t)
	hook := c.hookNamed("Ours")
	c.logged(hook, 10_050, nil)
	b := c.newTab()
	b.signIn("ada", "deliveries")
	b.look("deliveries-many")
	seen := map[string]bool{}
	for range 3 {
		links := ask(b,
			chromedp.Evaluate[[]string](`[...document.querySelectorAll(".log .event a")].map((a) => a.href)`))
		for _, l := range links {
			if seen[l] {
				t.Errorf("%s is on two pages", l)
			}
			seen[l] = true
		}
		b.click(".card-foot a.button")
	}
	if len(seen) != 150 {
		t.Errorf("three pages show %d deliveries, want 150", len(seen))
	}

	v := c.newVisitor()
	_, counted := v.signIn("ada", "recover?webhook="+hook+"&since=24+hours&state=delivered")
	for parts := 0; strings.Contains(counted, "so far"); parts++ {
		_, poll, _ := strings.Cut(counted, `data-hx-get="`)
		poll, _, _ = strings.Cut(poll, `"`)
		_, poll, _ = strings.Cut(html.UnescapeString(poll), "/console/")
		if _, counted = v.page(poll); parts > 20 {
			t.Fatalf("the count has no end: %s", counted)
		}
	}
	if !strings.Contains(counted, "More than 10,000 deliveries") ||
		!strings.Contains(counted, "Send all of them again") {
		t.Errorf("10,050 deliveries are counted as %s", counted)
	}
	resp, file := v.page("deliveries/csv?webhook=" + hook)
	rows, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	// the last row has one cell, which a strict reader refuses
	if resp.Header.Get("Content-Disposition") == "" || err == nil {
		t.Errorf("got %d %v, %d rows", resp.StatusCode, resp.Header, len(rows))
	}
	for _, query := range []string{"", "?webhook=" + hook, "?contract=con_none", "?state=skipped"} {
		c.cost.reset()
		if resp, _ := v.page("deliveries" + query); resp.StatusCode != 200 {
			t.Errorf("%s: got %d", query, resp.StatusCode)
		}
		if n := c.cost.queries.Load(); n > 200 {
			t.Errorf("deliveries%s asks the tables %d times, want at most 200", query, n)
		}
	}
	lines := strings.Split(strings.TrimSpace(file), "\r\n")
	if last := lines[len(lines)-1]; len(lines) != 10_002 || !strings.Contains(last, "Cut after 10000 rows") {
		t.Errorf("the file has %d lines and ends with %s", len(lines), last)
	}
}

func TestConsole_DeliveriesAreFilteredByTheAddress(t *testing.T) {
	c := newConsole(t)
	formula, other := c.hookNamed(`=HYPERLINK("https://evil.example")`+hostile), c.hookNamed("Other")
	end := c.logged(formula, 8, func(i int, a *domain.Attempt) {
		if i%2 == 1 {
			a.Outcome, a.Status, a.Failure, a.Reason, a.Excerpt = domain.OutcomeFailed, 503, domain.FailureStatus,
				"The answer was 503 Service Unavailable.", hostile
		}
		if i == 7 {
			a.Status, a.Failure, a.Reason = 0, domain.FailureTimeout, "No answer within 5s."
		}
		if i == 6 {
			a.EventType, a.Contract = "contract.created", "con_2"
		}
	})
	c.logged(other, 2, func(i int, a *domain.Attempt) { a.EventAt = end.Add(time.Duration(i-2) * time.Second) })
	v := c.newVisitor()
	v.signIn("mel", "deliveries")
	since := end.UTC().Add(-2500 * time.Millisecond).Format(time.RFC3339Nano)
	for query, want := range map[string]int{
		"": 10, "webhook=" + formula: 8, "state=delivered": 6, "state=retrying": 4, "status=503": 3, "status=5xx": 3,
		"status=2xx": 6, "failure=timeout": 1,
		"failure=status": 3, "event=contract.created": 1, "event=contracts": 10, "contract=con_2": 1,
		"from=" + url.QueryEscape(since): 4,
		"to=" + url.QueryEscape(since):   6, "state=retrying&status=503&webhook=" + formula: 3, "state=skipped": 0,
	} {
		resp, body := v.page("deliveries?" + query)
		if n := strings.Count(body, `<td class="event">`); n != want || resp.StatusCode != 200 {
			t.Errorf("%s: got %d deliveries, %d, want %d", query, n, resp.StatusCode, want)
		}
		if strings.Contains(body, hostile) {
			t.Errorf("%s: a script of somebody else's is in the page", query)
		}
	}
	for query, want := range map[string]string{
		"status=banana": "is no HTTP status", "from=yesterday": "is no time", "webhook=whk_none": "There is no webhook",
		"state=lost":      "expected value to be one of",
		"from=2020-01-01": "kept for 30 days",
	} {
		if resp, body := v.page("deliveries?" + query); resp.StatusCode != 422 || !strings.Contains(body, want) {
			t.Errorf("%s: got %d %s", query, resp.StatusCode, body)
		}
	}
	if resp, body := v.page("deliveries?cursor=none"); resp.StatusCode != 200 ||
		strings.Contains(resp.Request.URL.String(), "cursor") || !strings.Contains(body, "<h1>") {
		t.Errorf("a stale cursor led to %d %s", resp.StatusCode, resp.Request.URL)
	}

	resp, file := v.page("deliveries/csv?webhook=" + formula)
	rows, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	must(t, err)
	if len(rows) != 9 || resp.Header.Get("Content-Type") != "text/csv; charset=utf-8" ||
		strings.Contains(file, "alert(") && !strings.Contains(rows[1][5], "'=HYPERLINK") {
		t.Errorf("got %d %v: %s", resp.StatusCode, resp.Header, file)
	}
	for _, r := range rows {
		for _, cell := range r {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("a spreadsheet would take %q for a formula", cell)
			}
		}
	}
}

func TestConsole_AMemberDoesNotReplayAndAGoneDeliveryHasItsPage(t *testing.T) {
	c := newConsole(t)
	hook := c.hookNamed("Ours")
	c.settle()
	list := c.want(c.call(c.admin, "GET", "/v1/deliveries", nil), 200)
	page := "deliveries/" + hook + "/" + list.str("items", 0, "id")
	v := c.newVisitor()
	if resp, body := v.signIn("mel", page); resp.StatusCode != 200 || strings.Contains(body, "Replay now") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	if resp, body := v.post(page, url.Values{}); resp.StatusCode != 403 || !strings.Contains(body, "Only an admin") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	for _, gone := range []string{"deliveries/" + hook + "/dlv_none", "deliveries/whk_none/dlv_none"} {
		if resp, _ := v.page(gone); resp.StatusCode != 404 {
			t.Errorf("%s: got %d, want 404", gone, resp.StatusCode)
		}
	}
	admin := c.newVisitor()
	_, body := admin.signIn("ada", page)
	_, key, _ := strings.Cut(body, `name="key" value="`)
	key, _, _ = strings.Cut(key, `"`)
	for range 2 { // a double submit is one attempt
		if resp, body := admin.post(page, url.Values{"key": {key}}); resp.StatusCode != 200 ||
			!strings.Contains(body, "Attempt 2 is on its way") {
			t.Errorf("got %d %s", resp.StatusCode, body)
		}
	}
	c.settle()
	if n := len(c.want(c.call(c.admin, "GET", "/v1/webhooks/"+hook+"/deliveries/"+list.str("items", 0, "id"), nil),
		200).at("attempts").([]any)); n != 2 {
		t.Errorf("a replay that was sent twice made %d attempts, want 2 in all", n)
	}
}

func TestConsole_AnAttemptThatRanTwiceIsOneAttemptWithTwoRequests(t *testing.T) {
	c := newConsole(t)
	hook := c.hookNamed("Ours")
	c.settle()
	at := c.now()
	var lines []domain.Attempt
	for n, number := range []int{2, 1, 1, 1, 1} { // in no order
		lines = append(lines, domain.Attempt{
			Account: "customer", Webhook: domain.WebhookID(hook), Event: "evt_twice", EventType: "contract.signed",
			EventDay: at.UTC().Format(time.DateOnly), EventAt: at, Contract: "con_1", Number: number,
			At: at.Add(time.Duration(number*10-n) * time.Second), Outcome: domain.OutcomeFailed, Status: 500 + number,
			URL: fmt.Sprintf("https://receiver.example/%d", number), Failure: domain.FailureStatus,
			Reason: "The answer was 5xx.",
		})
	}
	must(t, c.tables.AppendAttempts(t.Context(), lines))
	v := c.newVisitor()
	page := "deliveries/" + hook + "/" + string(domain.DeliveryOf("evt_twice", domain.WebhookID(hook)))
	_, body := v.signIn("mel", page+"?day="+at.UTC().Format(time.DateOnly))
	_, timeline, _ := strings.Cut(body, "the newest on top")
	timeline, _, _ = strings.Cut(timeline, "About it")
	var times []string
	for _, part := range strings.Split(timeline, `datetime="`)[1:] {
		at, _, _ := strings.Cut(part, `"`)
		times = append(times, at)
	}
	if slices.Reverse(times); len(times) != 6 || !slices.IsSorted(times[1:]) { // the first is the event
		t.Errorf("the attempts are in this order: %q", times)
	}
	order := []string{">Attempt 2<"}
	for range 3 {
		order = append(order, ">Attempt 1, made again<")
	}
	order = append(order, ">Attempt 1<")
	for _, want := range order {
		before, after, found := strings.Cut(timeline, want)
		if !found || strings.Contains(before, "Attempt") {
			t.Fatalf("%s is not the next on the timeline: %s", want, timeline)
		}
		timeline = after
	}
	for _, want := range []string{"Two attempts failed", "https://receiver.example/2"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if _, first := v.page(page + "?attempt=1&day=" + at.UTC().Format(time.DateOnly)); !strings.Contains(first,
		"https://receiver.example/1") || !strings.Contains(first, "501") {
		t.Errorf("the first attempt's request or answer is not shown: %s", first)
	}
	_, list := v.page("deliveries?event=contract.signed")
	if !strings.Contains(list, `<td class="end tries">2</td>`) {
		t.Errorf("the list counts more than two attempts: %s", list)
	}
}

// A log that would take many queries is looked at in parts, each of which says how far it came.
func TestConsole_APageOfTheLogMakesAtMostTwoHundredQueries(t *testing.T) {
	c := newConsole(t)
	for n := range 30 {
		w := domain.Webhook{
			Account: "customer", ID: domain.WebhookID(fmt.Sprintf("whk_%03d", n)), Name: fmt.Sprintf("Hook %03d", n),
			URL: c.receiver.URL,
		}
		c.tables.Given(&w)
	}
	v := c.newVisitor()
	v.signIn("mel", "webhooks/new")
	from := c.now().UTC().AddDate(0, 0, -4).Format("2006-01-02T15:04")
	next := "deliveries?state=exhausted&from=" + url.QueryEscape(from)
	pages := 0
	for next != "" {
		c.cost.reset()
		resp, body := v.page(next)
		const ofTheGate = 20 // session, user, webhooks: what every page reads
		if reads := c.cost.read.Load(); reads > 200+ofTheGate {
			t.Errorf("page %d made %d queries", pages, reads)
		}
		_, foot, _ := strings.Cut(body, "card-foot")
		if resp.StatusCode != 200 || !strings.Contains(body, "Nothing matches") {
			t.Fatalf("got %d %s", resp.StatusCode, body)
		}
		if next = ""; strings.Contains(foot, "Look further") {
			if !strings.Contains(foot, "Looked back to <time") {
				t.Errorf("the page does not say how far it looked: %s", foot)
			}
			_, link, _ := strings.Cut(foot, `class="button" href="`)
			link, _, _ = strings.Cut(link, `"`)
			next = strings.TrimPrefix(html.UnescapeString(link), "../console/")
		} else if !strings.Contains(foot, "This is the end") {
			t.Errorf("the last page ends with %s", foot)
		}
		if pages++; pages > 20 {
			t.Fatal("the log has no end")
		}
	}
	if pages < 3 {
		t.Errorf("30 webhooks' log of five days took %d pages, want several", pages)
	}
}
