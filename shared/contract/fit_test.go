package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

type bigItem struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

type bigInput struct{ PageInput }

type bigOutput struct{ Body Page[bigItem] }

// listing makes a function that owns one list, of so many items that each have that text.
func listing(t *testing.T, n int, text string) (h http.Handler, asked *[]int) {
	t.Helper()
	emptyTable(t)
	row := goodRow()
	row.Method, row.Path, row.Status, row.Writes, row.Emits = http.MethodGet, "/v1/things", 200, nil, nil
	var items []bigItem
	for i := range n {
		items = append(items, bigItem{fmt.Sprintf("%03d", i), text})
	}
	asked = new([]int)
	op := declare[bigInput, bigOutput](group{}, row)
	h, err := New(Webhooks, openGate{}, nil, testMAC{}, func(a *API) {
		op.Handle(a, func(_ context.Context, in *bigInput) (*bigOutput, error) {
			*asked = append(*asked, in.Limit)
			return &bigOutput{PageOf(items, func(i bigItem) string { return i.ID }, in.PageInput)}, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return h, asked
}

// walk reads the list to its end and returns the ids, and how many bytes the largest page took of Lambda's answer.
func walk(t *testing.T, h http.Handler) (ids []string, largest, pages int) {
	t.Helper()
	for cursor := ""; ; pages++ {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(http.MethodGet, "/v1/things?limit=100"+cursor, ""))
		if w.Code != http.StatusOK {
			t.Fatalf("page %d: %d %.300s", pages, w.Code, w.Body)
		}
		largest = max(largest, InLambda(w.Body.Bytes()))
		var page Page[bigItem]
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Items {
			ids = append(ids, i.ID)
		}
		if page.NextCursor == "" {
			return ids, largest, pages + 1
		}
		if len(page.Items) == 0 {
			t.Fatal("a page that is not the last has no items")
		}
		cursor = "&cursor=" + page.NextCursor
	}
}

func TestRule26_APageFitsIntoLambdasAnswerWhateverItsItemsAre(t *testing.T) {
	for name, text := range map[string]string{
		"plain":                   strings.Repeat("x", 256<<10),
		"quotes, escaped twice":   strings.Repeat(`"`, 64<<10),
		"angles":                  strings.Repeat("<", 64<<10),
		"line ends of Unicode":    strings.Repeat("\u2028", 64<<10),
		"of another script":       strings.Repeat("ข", 64<<10),
		"one item fills a page":   strings.Repeat("x", 4<<20),
		"an item over the budget": strings.Repeat("x", 5<<20+1),
	} {
		h, _ := listing(t, 60, text)
		if len(text) > 1<<20 {
			h, _ = listing(t, 3, text)
		}
		ids, largest, pages := walk(t, h)
		if want := 60; len(text) <= 1<<20 && len(ids) != want || len(text) > 1<<20 && len(ids) != 3 || pages < 2 {
			t.Errorf("%s: %d items came in %d pages", name, len(ids), pages)
		}
		if largest > LambdaAnswer {
			t.Errorf("%s: a page takes %d bytes of Lambda's %d", name, largest, LambdaAnswer)
		}
		for i, id := range ids {
			if id != fmt.Sprintf("%03d", i) {
				t.Fatalf("%s: item %d is %s: one was left out or came twice", name, i, id)
			}
		}
	}
}

func TestRule26_APageThatFitsIsReadOnce(t *testing.T) {
	h, asked := listing(t, 100, "x")
	if ids, _, pages := walk(t, h); len(ids) != 100 || pages != 1 || len(*asked) != 1 {
		t.Errorf("%d items, %d pages, the handler was asked for %v", len(ids), pages, *asked)
	}
}

// What a body takes inside Lambda's answer is what Go's encoder makes of it.
func TestInLambda_IsWhatTheEncoderWrites(t *testing.T) {
	for _, text := range []string{"", "plain", `"quoted" \ and`, "<a>&b", "line\nend\ttab", "\u2028\u2029", "ขé𝄞",
		"\u00a8\u00a9", "\x01"} {
		encoded, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		got, least := InLambda([]byte(text)), len(encoded)-len(`""`)
		// \n is short, and counted as \u000a
		if got < least || got > least+4*strings.Count(text, "\n")+4*strings.Count(text, "\t") {
			t.Errorf("%q: got %d, want %d", text, got, least)
		}
	}
}

// Base64 makes four bytes of three, and Lambda takes 6 MB:
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
func TestRule26_EveryBodyThatAnOperationTakesReachesItsFunction(t *testing.T) {
	const headers = 100 << 10
	for _, o := range All() {
		if sent := (o.MaxBody+2)/3*4 + headers; sent > LambdaAnswer {
			t.Errorf("%s takes bodies of %d bytes, which are %d in Lambda's event", o.ID, o.MaxBody, sent)
		}
	}
}
