package capture_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/shared/cli/capture"
	"plugboard/shared/domain"
)

const (
	secret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	other   = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	webhook = domain.WebhookID("whk_01jd3zq0000000000000000000")
)

var now = time.Date(2026, 11, 30, 18, 0, 0, 0, time.UTC)

// request is a request as Plugboard sends it: an event as it is stored, with characters that encoders treat
// differently.
func request(t *testing.T) capture.Request {
	t.Helper()
	raw, err := os.ReadFile("../../../events/samples/contract.signed.json")
	if err != nil {
		t.Fatal(err)
	}
	var e events.Envelope
	var data struct{ Data events.ContractData }
	if json.Unmarshal(raw, &e) != nil || json.Unmarshal(raw, &data) != nil {
		t.Fatal("the sample cannot be read")
	}
	data.Data.Name = "Örder <1001> & \u2028 more/less"
	e.Data = data.Data
	body, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	body = append(body[:len(body)-1], `,"context":{"customer_id":"C-1"}}`...)
	r := capture.Request{
		ID:        string(domain.DeliveryOf(e.ID, webhook)),
		Timestamp: strconv.FormatInt(now.Unix(), 10),
		Body:      body,
	}
	r.Signature = "v1,AAAA " + sign(secret, r)
	return r
}

func sign(secret string, r capture.Request) string {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", r.ID, r.Timestamp, r.Body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// decoded writes the body anew, as a receiver does that signs what it has parsed.
func anew(t *testing.T, body []byte, encode func(any) []byte) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	return encode(v)
}

func TestDiagnose_SaysExactlyWhatDiffers(t *testing.T) {
	good := request(t)
	for name, c := range map[string]struct {
		change  func(*capture.Request)
		secrets []string
		now     time.Time
		want    string // the parts
		says    string
	}{
		"nothing":            {nil, nil, now, "", ""},
		"one of two secrets": {nil, []string{other, secret}, now, "", ""},
		"another secret":     {nil, []string{other}, now, "secret", "the secret is another one"},
		"half a secret":      {nil, []string{secret[:20]}, now, "secret", "not complete"},
		"too old":            {nil, nil, now.Add(3 * time.Hour), "timestamp", "signed 3 hours ago"},
		"from the future":    {nil, nil, now.Add(-time.Hour), "timestamp", "a clock is wrong"},
		"no signature": {func(r *capture.Request) { r.Signature = "" }, nil, now, "headers",
			"lacks webhook-signature"},
		"a signature of v2": {func(r *capture.Request) {
			r.Signature = "v2,AAAA"
		}, nil, now, "headers", "version v1"},
		"another timestamp": {func(r *capture.Request) {
			r.Timestamp = "1796061599"
		}, nil, now, "timestamp", "the signature is over 1796061600"},
		"milliseconds": {func(r *capture.Request) { r.Timestamp += "000" }, nil, now, "timestamp",
			"in milliseconds"},
		"a written timestamp": {func(r *capture.Request) {
			r.Timestamp = "2026-11-30T18:00:00Z"
		}, nil, now, "timestamp", "seconds since 1970"},
		"the event's id": {func(r *capture.Request) {
			r.ID = "evt_01jd3zq8v5w0c2m9x7r4t6y1ab"
		}, nil, now, "id", "the signature is over dlv_"},
		"a blank in the id": {func(r *capture.Request) { r.ID += " " }, nil, now, "id", "blanks"},
		"a line end": {func(r *capture.Request) {
			r.Body = append(r.Body, '\n')
		}, nil, now, "body-whitespace", "ends with a line end"},
		"blanks around it": {func(r *capture.Request) {
			r.Body = []byte(" \t" + string(r.Body) + " ")
		}, nil, now, "body-whitespace", "blanks around"},
		"a byte order mark": {func(r *capture.Request) {
			r.Body = append([]byte("\xef\xbb\xbf"), r.Body...)
		}, nil, now, "body-whitespace", "byte order mark"},
		"indented": {func(r *capture.Request) {
			r.Body = indented(r.Body)
		}, nil, now, "body-encoding", "with blanks"},
		"sorted names": {func(r *capture.Request) {
			r.Body = anew(t, r.Body, goSorted)
		}, nil, now, "body-encoding", "in another order"},
		"sorted and indented": {func(r *capture.Request) {
			r.Body = indented(anew(t, r.Body, goSorted))
		}, nil, now, "body-encoding", "in another order"},
		"other escapes": {func(r *capture.Request) {
			r.Body = unescape(r.Body)
		}, nil, now, "body-encoding", "with other escapes"},
		"escaped to ASCII": {func(r *capture.Request) {
			r.Body = []byte(strings.ReplaceAll(string(r.Body), "Ö", `\u00d6`))
		}, nil, now, "body-encoding", "with other escapes"},
		"no body":     {func(r *capture.Request) { r.Body = nil }, nil, now, "body", "empty"},
		"half a body": {func(r *capture.Request) { r.Body = r.Body[:40] }, nil, now, "body", "not complete"},
		"a changed value": {func(r *capture.Request) {
			r.Body = []byte(strings.Replace(string(r.Body), "C-1", "C-2", 1))
		}, nil, now, "secret", "its form does not show it"},
		"a line end, and late": {func(r *capture.Request) {
			r.Body = append(r.Body, '\n')
		}, nil, now.Add(time.Hour), "body-whitespace timestamp", ""},
		"two parts": {func(r *capture.Request) {
			r.Body, r.ID = append(r.Body, '\n'), r.ID+" "
		}, nil, now, "id body-whitespace", ""},
		"another webhook's": {func(r *capture.Request) {
			r.ID = "dlv_01jd3zq8v5w0c2m9x7r4t6y1ab_0"
			r.Signature = "v1,AAAA"
		}, nil, now, "id", "of another webhook"},
		"indented, and secret?": {func(r *capture.Request) {
			r.Body = indented(r.Body)
		}, []string{other}, now, "body-encoding", "blanks between its values"},
	} {
		r := good
		r.Body = append([]byte{}, good.Body...)
		if c.change != nil {
			c.change(&r)
		}
		if c.secrets == nil {
			c.secrets = []string{secret}
		}
		found := capture.Diagnose(r, capture.Expect{Secrets: c.secrets, Webhook: webhook, Now: c.now})
		var parts, details []string
		for _, f := range found {
			parts, details = append(parts, f.Part), append(details, f.Detail)
		}
		if got, said := strings.Join(parts, " "), strings.Join(details, " "); got != c.want ||
			!strings.Contains(said, c.says) {
			t.Errorf("%s: got %q, want %q: %s", name, got, c.want, said)
		}
		for _, s := range []string{secret, other} {
			if strings.Contains(strings.Join(details, " "), s[6:]) {
				t.Errorf("%s: the secret is told", name)
			}
		}
	}
}

func indented(body []byte) []byte {
	var v json.RawMessage = body
	out, _ := json.MarshalIndent(v, "", "  ")
	return out
}

func goSorted(v any) []byte {
	out, _ := json.Marshal(v)
	return out
}

// unescape is what encoders other than Go's write.
func unescape(body []byte) []byte {
	return []byte(
		strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&", `\u2028`, "\u2028").Replace(string(body)),
	)
}

func TestParse_TakesWhatToolsWrite(t *testing.T) {
	want := capture.Request{ID: "dlv_1", Timestamp: "17", Signature: "v1,a", Body: []byte("{\"a\":1}\n\nb")}
	headers := "Webhook-Id: dlv_1\nwebhook-timestamp:17\nWEBHOOK-SIGNATURE: v1,a\n\n"
	for name, raw := range map[string]string{
		"headers and body": headers + string(want.Body),
		"a request line":   "POST /hooks HTTP/1.1\r\n" + strings.ReplaceAll(headers, "\n", "\r\n") + string(want.Body),
		"JSON": `{"headers":{"webhook-id":"dlv_1","Webhook-Timestamp":17,"webhook-signature":["v1,a"]},` +
			`"body":"{\"a\":1}\n\nb"}`,
	} {
		got, err := capture.Parse([]byte(raw))
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	for _, raw := range []string{"", "no request", "a: b\nno header\n\nbody"} {
		if r, err := capture.Parse([]byte(raw)); err == nil {
			t.Errorf("%q is taken as %+v", raw, r)
		}
	}
}
