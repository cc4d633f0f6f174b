package delivery

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"plugboard/shared/domain"
	"plugboard/shared/egress"
)

func TestRule21_RedirectIsAFailure(t *testing.T) {
	k := newKit(t)
	var followed atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Store(true) }))
	defer elsewhere.Close()
	w := k.own("whk_own", k.receiver.URL)
	for _, code := range []int{301, 302, 303, 307, 308} {
		k.receiver.answers(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, code) })
		d := k.to(w, strconv.Itoa(code))
		k.deliver(d)
		if got := k.outcome(d, 1); got.Outcome != domain.OutcomeFailed || got.Status != code ||
			!strings.Contains(got.Reason, "not followed") {
			t.Errorf("%d: got %+v", code, got)
		}
		k.next()
	}
	if followed.Load() {
		t.Error("a redirection was followed")
	}
}

func TestRule21_APrivateTargetIsAFailedAttempt(t *testing.T) {
	k := newKit(t)
	k.Service.client = egress.New(egress.Config{}, usualBatch)
	_, port, _ := net.SplitHostPort(k.receiver.Listener.Addr().String())
	for i, target := range []string{k.receiver.URL, "https://127.0.0.1:" + port, "https://localhost:" + port,
		"https://169.254.169.254/latest", "https://93.184.216.34:22"} {
		d := k.to(k.own("whk_"+strconv.Itoa(i), target), "1")
		k.deliver(d)
		got := k.outcome(d, 1)
		if got.Outcome != domain.OutcomeFailed || got.Status != 0 || got.Failure != domain.FailureBlockedAddress ||
			!strings.Contains(got.Reason, "not allowed") {
			t.Errorf("%s: got %+v", target, got)
		}
		// what a name means inside is nobody's business
		shows(t, "the reason", got.Reason, "127.0.0.1", "169.254", "::1")
		k.next()
	}
	if got := k.receiver.take(); len(got) != 0 {
		t.Errorf("the receiver got %v", got)
	}
}

func TestRule21_NoMoreThan16KiBOfAnAnswerAreRead(t *testing.T) {
	k := newKit(t)
	var written atomic.Int64
	k.receiver.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		for range 1 << 10 {
			n, err := w.Write(make([]byte, 64<<10)) // 64 MiB
			if written.Add(int64(n)); err != nil {
				return
			}
		}
	})
	d := k.to(k.own("whk_own", k.receiver.URL), "1")
	k.deliver(d)
	k.receiver.Close() // waits for the handler
	if got := written.Load(); got > 32<<20 {
		t.Errorf("%d bytes were taken from the endpoint", got)
	}
	if got := k.outcome(d, 1); len(got.Excerpt) > excerptMost {
		t.Errorf("the excerpt has %d bytes", len(got.Excerpt))
	}
}

// An endpoint that says 200 and then never ends its body has taken the event.
func TestDelivery_TheStatusDecidesAndNotTheBody(t *testing.T) {
	k := newKit(t)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	k.receiver.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		<-over
	})
	d := k.to(k.own("whk_own", k.receiver.URL, domain.SendPolicy{TimeoutSeconds: 1}), "1")
	k.deliver(d)
	if got := k.outcome(d, 1); got.Outcome != domain.OutcomeDelivered {
		t.Errorf("got %+v", got)
	}
}

func TestDelivery_EndpointsThatAreNotThere(t *testing.T) {
	k := newKit(t)
	over := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(over) }) // before that
	refusing := httptest.NewServer(nil)
	refusing.Close()
	breaking := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		panic(http.ErrAbortHandler)
	}))
	defer breaking.Close()
	untrusted := httptest.NewTLSServer(nil)
	defer untrusted.Close()
	for name, c := range map[string]struct {
		url, reason string
		failure     domain.FailureClass
		least       time.Duration
	}{
		"silent":    {silent.URL, "No answer within 1s.", domain.FailureTimeout, time.Minute},
		"refusing":  {refusing.URL, "The connection was refused.", domain.FailureDial, 5 * time.Second},
		"breaking":  {breaking.URL, "The connection failed.", domain.FailureConnection, 5 * time.Second},
		"untrusted": {untrusted.URL, "The certificate was not accepted.", domain.FailureTLS, 5 * time.Second},
		"no TLS": {strings.Replace(k.receiver.URL, "http:", "https:", 1), "There was no secure connection.",
			domain.FailureTLS, 5 * time.Second},
		"unnamed": {"https://nowhere.invalid/", "The host name could not be resolved.", domain.FailureDNS,
			5 * time.Second},
	} {
		policy := domain.SendPolicy{TimeoutSeconds: 30}
		if name == "silent" {
			policy.TimeoutSeconds = 1
		}
		d := k.to(k.own("whk_"+name, c.url, policy), "1")
		k.deliver(d)
		got := k.outcome(d, 1)
		if got.Outcome != domain.OutcomeFailed || got.Status != 0 || got.Reason != c.reason ||
			got.Failure != c.failure {
			t.Errorf("%s: got %+v, want %q", name, got, c.reason)
		}
		if _, delay := k.next(); delay != c.least {
			t.Errorf("%s: tried again after %s, want %s", name, delay, c.least)
		}
	}
}

// The endpoint sends back all that it got: secrets, signature and auth, in the shapes that answers have.
func TestRule22_EchoedSecretsAreMasked(t *testing.T) {
	k := newKit(t)
	written := logs(t)
	w, i := k.managed("whk_1")
	const key = `k/ey+"<&>'ü=`
	i.Secrets["api_key"] = k.seal(domain.ParameterResource("acme-crm", "api_key"), key)
	k.change(i)
	var signature string
	k.receiver.answers(func(w http.ResponseWriter, r *http.Request) {
		signature = r.Header.Get("Webhook-Signature")
		w.Header().Set("Location", "/?key="+url.QueryEscape(r.Header.Get("X-Key"))+"&"+signature)
		w.Header().Set("WWW-Authenticate", strings.Repeat("☃", headerMost)+signature)
		w.Header().Set("Set-Cookie", "session="+r.Header.Get("X-Pin"))
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, "got %s %s, %s and X-Key %s; %q; %s; %s", signature, r.Header.Get("Authorization"),
			r.Header.Get("X-Pin"), r.Header.Get("X-Key"), r.Header.Get("X-Key"),
			url.QueryEscape(r.Header.Get("X-Key")), signingSecret)
	})
	d := k.to(w, "1")
	k.deliver(d)
	got := k.outcome(d, 1)
	if !strings.Contains(got.Excerpt, "got •••") {
		t.Errorf("got the excerpt %q", got.Excerpt)
	}
	if long := got.Headers["Www-Authenticate"]; got.Headers["Location"] != "/?key=•••&•••" || len(long) > headerMost ||
		!utf8.ValidString(long) || len(got.Headers) != 4 {
		t.Errorf("got the headers %q", got.Headers)
	}
	_, digest, _ := strings.Cut(signature, ",")
	secrets := []string{signature, digest, key, url.QueryEscape(key), signingSecret,
		strings.TrimPrefix(signingSecret, "whsec_"), "pin-4711"}
	shows(t, "the log line", fmt.Sprintf("%+v", got), secrets...)
	shows(t, "our log", written.String(), append(secrets, `k/ey`, d.Body, "Order 1001", w.URL)...)
	if !strings.Contains(written.String(), `"msg":"attempt"`) || strings.Count(written.String(), "\n") != 1 {
		t.Errorf("an attempt is one line: %s", written.String())
	}
}

func TestRule22_BasicCredentialsAreMasked(t *testing.T) {
	header := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:secret-one"))
	m := newMask(slices.Concat(credentials("whsec_c2lnbmluZw==", "v1,c2lnbmF0dXJl"), authorization(header),
		[]string{"secret-one"})...)
	text := header + " " + strings.TrimPrefix(header, "Basic ") +
		" secret-one whsec_c2lnbmluZw== c2lnbmluZw== v1,c2lnbmF0dXJl c2lnbmF0dXJl kept"
	if got := m.hide(text, false); got != "••• ••• ••• ••• ••• ••• ••• kept" {
		t.Errorf("got %q", got)
	}
}

func TestMask_ExcerptsAreShortValidAndHideWhatIsCut(t *testing.T) {
	m := newMask("a-long-secret")
	for name, c := range map[string]struct {
		body string
		cut  bool
		want string
	}{
		"short":                       {"no", false, "no"},
		"a secret":                    {"<a-long-secret>", false, "<•••>"},
		"the beginning of one, cut":   {"<a-long-sec", true, "<•••"},
		"the beginning of one, whole": {"<a-long-sec", false, "<a-long-sec"},
		"no UTF-8":                    {"a\xffb", false, "a\uFFFDb"},
	} {
		if got := m.excerpt([]byte(c.body), c.cut); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	for pad := range 4 {
		got := m.excerpt([]byte(strings.Repeat("x", pad)+strings.Repeat("☃", 10_000)), false)
		if len(got) > excerptMost || len(got) < excerptMost-3 || !utf8.ValidString(got) {
			t.Errorf("padded by %d: got %d bytes, valid: %v", pad, len(got), utf8.ValidString(got))
		}
	}
	// Masks are shorter than what they hide, so that much of a long answer moves into the excerpt; never a half.
	long := strings.Repeat("secret-", 100)
	got := newMask(long).excerpt([]byte(strings.Repeat(long, answerMost/len(long)+1)[:answerMost]), true)
	shows(t, "the excerpt", got, "secret")
}

// The process was frozen, and the connection that it kept died meanwhile: the endpoint closes it at the next
// request, unanswered.
func TestDelivery_AConnectionThatDiedIsReplacedAtOnce(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.deliver(k.to(w, "1"))
	var closed atomic.Bool
	k.receiver.answers(func(w http.ResponseWriter, _ *http.Request) {
		if closed.CompareAndSwap(false, true) {
			panic(http.ErrAbortHandler)
		}
	})
	d := k.to(w, "2")
	k.deliver(d)
	if got := k.outcome(d, 1); got.Outcome != domain.OutcomeDelivered || !closed.Load() {
		t.Errorf("got %+v", got)
	}
}
