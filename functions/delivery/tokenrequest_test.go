package delivery

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/egress"
)

// asking is an accessTokens and a token endpoint that answers as the test says; it keeps the requests.
type asking struct {
	*accessTokens
	*httptest.Server
	clock *clock

	mu     sync.Mutex
	got    []tokenRequest
	answer http.HandlerFunc
}

type tokenRequest struct {
	header       http.Header
	form         url.Values
	user, secret string // of Basic
}

func newAsking(t *testing.T, answer http.HandlerFunc) *asking {
	a := &asking{clock: &clock{now: domain.SystemClock()}, answer: answer}
	a.accessTokens = newAccessTokens(egress.New(testEgress, 1), a.clock.read)
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		user, secret, _ := r.BasicAuth()
		a.mu.Lock()
		a.got = append(a.got, tokenRequest{r.Header, r.PostForm, user, secret})
		a.mu.Unlock()
		a.answer(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *asking) grant() grant {
	return grant{account: acct, webhook: "whk_1", tokenURL: a.URL + "/token", clientID: "client 1", secret: "s3cret",
		scope: "a b"}
}

func (a *asking) taken() []tokenRequest {
	a.mu.Lock()
	defer a.mu.Unlock()
	got := a.got
	a.got = nil
	return got
}

func answers(code int, contentType, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func deflated(text string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func TestToken_AnAnswerIsJudgedByItsToken(t *testing.T) {
	const good = `{"access_token":"tok","token_type":"Bearer","expires_in":3600}`
	for name, answer := range map[string]http.HandlerFunc{
		"plain":             answers(200, "application/json", good),
		"201":               answers(201, "application/json", good),
		"a byte order mark": answers(200, "application/json", "\ufeff"+good),
		"JSON as text":      answers(200, "text/plain; charset=utf-8", good),
		"JSON as HTML":      answers(200, "text/html", " \n"+good+"\n"),
		"no type at all":    answers(200, "", good),
		"as a form": answers(200, "application/x-www-form-urlencoded",
			"access_token=tok&expires_in=3600&token_type=bearer"),
		"gzip, unasked": answers(200, "application/json", gzipped(good), "Content-Encoding", "gzip"),
		"x-gzip":        answers(200, "application/json", gzipped(good), "Content-Encoding", "x-gzip"),
		"gzip, unsaid":  answers(200, "application/json", gzipped(good)),
		"deflate":       answers(200, "application/json", deflated(good), "Content-Encoding", "deflate"),
		"twice": answers(200, "application/json", gzipped(deflated(good)), "Content-Encoding",
			"deflate, gzip"),
		"said and not done":   answers(200, "application/json", good, "Content-Encoding", "gzip"),
		"a charset as coding": answers(200, "application/json", good, "Content-Encoding", "UTF-8"),
		"no type of token":    answers(200, "application/json", `{"access_token":"tok","token_type":null}`),
		"Apigee's": answers(200, "application/json",
			`{"access_token":"tok","token_type":"BearerToken","issued_at":1}`),
		// chosen after the mending
		"identity, said":  answers(200, "application/json", good, "Content-Encoding", "identity"),
		"in Latin-1":      answers(200, "application/json; charset=iso-8859-1", good),
		"a vendor's JSON": answers(200, "application/vnd.acme+json", good),
		"a mark in gzip":  answers(200, "application/json", gzipped("\ufeff"+good), "Content-Encoding", "gzip"),
		"unknown members": answers(200, "application/json",
			`{"refresh_token":"r","access_token":"tok","id_token":{},"token_type":"bearer"}`),
		"a number for scope": answers(200, "application/json",
			`{"access_token":"tok","scope":7,"token_type":["x"],"error":null}`),
	} {
		a := newAsking(t, answer)
		if got, err := a.get(t.Context(), a.grant()); got != "tok" || err != nil {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestToken_HowLongItLivesIsReadHoweverItIsWritten(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"3600": time.Hour - tokenLeeway, "3600.0": time.Hour - tokenLeeway, "3.6e3": time.Hour - tokenLeeway,
		`"3600"`:   time.Hour - tokenLeeway,
		`"3600.0"`: time.Hour - tokenLeeway, `" 3600 "`: time.Hour - tokenLeeway,
		"3599.5": 3599500*time.Millisecond - tokenLeeway,
		`""`:     tokenKept, "null": tokenKept, `"soon"`: tokenKept, "-1": tokenKept, "0": tokenKept, "{}": tokenKept,
		`"NaN"`: tokenKept, "true": tokenKept,
		// chosen after the mending
		`"3.6e3"`: time.Hour - tokenLeeway, `"3600s"`: tokenKept, "[3600]": tokenKept, "false": tokenKept,
		`"-3600"`: tokenKept,
		"1e300":   tokenKeptMost - tokenLeeway, `"Inf"`: tokenKeptMost - tokenLeeway,
	} {
		a := newAsking(t, answers(200, "application/json", `{"access_token":"tok","token_type":"Bearer","expires_in":`+
			text+`}`))
		for _, step := range []struct {
			wait  time.Duration
			asked int
		}{{0, 1}, {want - time.Millisecond, 0}, {time.Millisecond, 1}} {
			a.clock.forward(step.wait)
			got, err := a.get(t.Context(), a.grant())
			if n := len(a.taken()); got != "tok" || err != nil || n != step.asked {
				t.Errorf("expires_in %s, %s later: %q, %v, asked %d times, want %d", text, step.wait, got, err, n,
					step.asked)
			}
		}
	}
}

func TestToken_FailuresSayWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"mac": {answers(200, "application/json", `{"access_token":"a","token_type":"MAC"}`),
			"It gave no bearer token."},
		"DPoP": {answers(200, "application/json", `{"access_token":"a","token_type":"DPoP"}`),
			"It gave no bearer token."},
		"a line break": {answers(200, "application/json", `{"access_token":"a\nb"}`), "It gave no bearer token."},
		"Brotli": {answers(200, "application/json", "\x8b\x02\x80\xff", "Content-Encoding", "br"),
			"Its answer is compressed in a way that was not asked for and is not understood."},
		"a bomb": {answers(200, "application/json",
			gzipped(`{"padding":"`+strings.Repeat("x", 1<<20)+`","access_token":"a"}`), "Content-Encoding", "gzip"),
			"Its answer holds no access token."},
		"a number": {answers(200, "application/json", `{"access_token":7}`),
			"Its answer holds no access token."},
		"an empty one": {answers(200, "application/json", `{"access_token":""}`),
			"Its answer holds no access token."},
		"a list": {answers(200, "application/json", `["a"]`), "Its answer holds no access token."},
		"an error in gzip": {answers(400, "application/json", gzipped(`{"error":"invalid_scope"}`),
			"Content-Encoding", "gzip"), "It answered invalid_scope."},
		"an error as a form": {answers(400, "text/plain", `error=invalid_grant`), "It answered invalid_grant."},
	} {
		a := newAsking(t, c.answer)
		_, err := a.get(t.Context(), a.grant())
		var failed tokenFailure
		if !errors.As(err, &failed) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, reason := why(failed.answer); reason != c.want {
			t.Errorf("%s: got %q, want %q", name, reason, c.want)
		}
	}
}

// The client proves itself as it was told, and in the other way only after invalid_client: a 403, a 429 or a silence
// would be the same, and count twice.
func TestToken_TheOtherWayToProveTheClientIsTriedAfterInvalidClientAlone(t *testing.T) {
	const good, header, post = `{"access_token":"tok"}`, "header", "body"
	invalid := func(code int) http.HandlerFunc {
		return answers(code, "application/json", `{"error":"invalid_client"}`)
	}
	for name, c := range map[string]struct {
		by     domain.ClientAuth
		wants  string // by which the endpoint takes the client
		refuse http.HandlerFunc
		want   string
	}{
		"not said":                 {"", header, invalid(401), "header"},
		"not said, wants the body": {"", post, invalid(401), "header body"},
		"not said, 400":            {"", post, invalid(400), "header body"},
		"not said, 200":            {"", post, invalid(200), "header body"},
		"not said, another error": {"", post, answers(400, "application/json", `{"error":"invalid_request"}`),
			"header"},
		"not said, 403": {"", post, answers(403, "application/json", `{"error":"access_denied"}`),
			"header"},
		"not said, 429":                   {"", post, answers(429, "text/plain", ""), "header"},
		"not said, 500":                   {"", post, answers(500, "text/plain", "invalid_client"), "header"},
		"said, in the body":               {domain.ClientAuthPost, post, invalid(401), "body"},
		"said, in the header":             {domain.ClientAuthBasic, header, invalid(401), "header"},
		"said, and the endpoint wants it": {domain.ClientAuthBasic, post, invalid(401), "header"},
	} {
		a := newAsking(t, nil)
		a.answer = func(w http.ResponseWriter, r *http.Request) {
			_, _, inHeader := r.BasicAuth()
			if inHeader == (c.wants == header) {
				answers(200, "application/json", good)(w, r)
				return
			}
			c.refuse(w, r)
		}
		g := a.grant()
		g.auth = c.by
		_, err := a.get(t.Context(), g)
		var ways []string
		for _, r := range a.taken() {
			way := header
			if r.form.Get("client_secret") != "" {
				way = post
			}
			if (r.secret != "") == (way == post) {
				t.Errorf("%s: the client proved itself in both ways, or in none: %+v", name, r)
			}
			ways = append(ways, way)
		}
		if got := strings.Join(ways, " "); got != c.want || (err == nil) != strings.HasSuffix(got, c.wants) {
			t.Errorf("%s: %s, %v; want %s", name, got, err, c.want)
		}
		a.clock.forward(time.Hour)
		if _, err := a.get(t.Context(), g); err == nil && len(a.taken()) != 1 {
			t.Errorf("%s: the way that worked is not remembered", name)
		}
	}
}

func TestToken_TheRequestHoldsWhatTheGrantSays(t *testing.T) {
	a := newAsking(t, answers(200, "application/json", `{"access_token":"tok"}`))
	g := a.grant()
	g.params = map[string]string{"audience": "https://api.test/?a=b&c", "resource": "urn:x"}
	if _, err := a.get(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	g.params = map[string]string{"audience": "another"} // is another grant
	if _, err := a.get(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	got := a.taken()
	if len(got) != 2 || got[1].form.Get("audience") != "another" {
		t.Fatalf("got %+v, want a request for each audience", got)
	}
	first := got[0]
	if fmt.Sprint(first.form) != "map[audience:[https://api.test/?a=b&c] grant_type:[client_credentials] "+
		"resource:[urn:x] scope:[a b]]" || first.user != "client+1" || first.secret != "s3cret" {
		t.Errorf("got %+v", first)
	}
	if first.header.Get("Accept-Encoding") != "identity" ||
		first.header.Get("Content-Type") != "application/x-www-form-urlencoded" ||
		first.header.Get("User-Agent") != userAgent {
		t.Errorf("the headers are %v", first.header)
	}
}

func TestUnpacked_TheMaskSeesWhatAnAnswerSays(t *testing.T) {
	const secret = "s3cret-of-client"
	big := strings.Repeat("x", answerMost-8) + secret // goes on in the middle of the secret
	for name, c := range map[string]struct {
		body, encoding, want string
	}{
		"plain":        {"you sent " + secret, "", "you sent •••"},
		"gzip":         {gzipped("you sent " + secret), "gzip", "you sent •••"},
		"gzip, unsaid": {gzipped("you sent " + secret), "", "you sent •••"},
		"GZIP":         {gzipped("you sent " + secret), "GZIP", "you sent •••"},
		"deflate":      {deflated("you sent " + secret), "deflate", "you sent •••"},
		"identity":     {"you sent " + secret, "identity", "you sent •••"},
		"cut off":      {gzipped("you sent " + secret)[:30], "gzip", "you sent"},
		"unknown": {"\xff\xfe" + secret,
			"br", "(The answer is compressed in a way that was not asked for and is not understood.)"},
		"unknown and text": {"you sent " + secret, "none", "you sent •••"},
		"a bomb": {gzipped(big + strings.Repeat("y", 1<<20)), "gzip", strings.Repeat("x", answerMost-8) +
			"•••"},
	} {
		h := http.Header{}
		if c.encoding != "" {
			h.Set("Content-Encoding", c.encoding)
		}
		got := excerptOf(answer{header: h, body: []byte(c.body)}, newMask(secret))
		if name == "cut off" && strings.HasPrefix(got, c.want) {
			continue
		}
		if name == "a bomb" { // shortened after the mask
			c.want = shortened(c.want, excerptMost)
		}
		if got != c.want {
			t.Errorf("%s: got %.200q, want %.200q", name, got, c.want)
		}
	}
}
