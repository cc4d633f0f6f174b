package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/egress"
)

// One request for an access token (RFC 6749, 4.4.2) and the reading of its answer. Of a 2xx answer only the access
// token is required: many token endpoints get the rest of the format wrong.

// oauthErrors are the error codes of RFC 6749, 5.2. A failure reveals nothing else of a token endpoint's answer.
var oauthErrors = []string{invalidClient, "invalid_request", "invalid_grant", "unauthorized_client",
	"unsupported_grant_type", "invalid_scope"}

const invalidClient = "invalid_client"

// unsendableTypes are token types that an Authorization header alone does not prove. Any other is sent as bearer.
var unsendableTypes = []string{"mac", "pop", "dpop"}

// given is an access token and its lifetime. The lifetime is 0 when the answer gives none.
type given struct {
	text  string
	lives time.Duration
}

// ask makes one request, with the client's credentials by that method. It fails with tokenFailure.
func (ts *accessTokens) ask(ctx context.Context, g grant, by domain.ClientAuth) (given, error) {
	r, err := g.request(ctx, by)
	if err != nil {
		return given{}, tokenFailure{answer: answer{err: unsendable("The token URL cannot be used.")}}
	}
	response, err := ts.client.Do(r)
	if err != nil {
		return given{}, tokenFailure{answer: answer{err: err, timedOut: egress.TimedOut(err), within: ts.timeout}}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, answerMost))
	if egress.TimedOut(err) {
		return given{}, tokenFailure{answer: answer{err: err, timedOut: true, within: ts.timeout}}
	}
	body, _, unknown := unpacked(response.Header, body, false)
	said := readTokenAnswer(response.Header, body)
	failed := answer{status: response.StatusCode, retryAfter: retryAfter(response.Header, ts.now())}
	switch ok := response.StatusCode/100 == 2; {
	case ok && said.token != "" && (domain.HasControl(said.token) ||
		slices.Contains(unsendableTypes, strings.ToLower(said.kind))):
		failed.err = unsendable("It gave no bearer token.")
	case ok && said.token != "":
		return given{said.token, said.lives}, nil
	case slices.Contains(oauthErrors, said.failure):
		failed.err = unsendable("It answered " + said.failure + ".")
	case ok && unknown != "":
		failed.err = unsendable("Its answer is compressed in a way that was not asked for and is not understood.")
	case ok:
		failed.err = unsendable("Its answer holds no access token.")
	}
	return given{}, tokenFailure{failed, said.failure}
}

// request is the request of a token, with the client's credentials by that method (RFC 6749, 2.3.1).
func (g grant) request(ctx context.Context, by domain.ClientAuth) (*http.Request, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if g.scope != "" {
		form.Set("scope", g.scope)
	}
	for name, value := range g.params {
		form.Set(name, value)
	}
	if by == domain.ClientAuthPost {
		form.Set("client_id", g.clientID)
		form.Set("client_secret", g.secret)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, domain.EncodedURL(g.tokenURL),
		strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header["Accept-Encoding"] = identityOnly
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", userAgent)
	if by != domain.ClientAuthPost {
		r.SetBasicAuth(url.QueryEscape(g.clientID), url.QueryEscape(g.secret))
	}
	return r, nil
}

// tokenAnswer holds the members that are read of a token endpoint's answer.
type tokenAnswer struct {
	token, kind, failure string
	lives                time.Duration
}

// readTokenAnswer reads JSON, whatever its Content-Type, with or without a byte order mark. It also reads a form,
// which some token endpoints send.
func readTokenAnswer(h http.Header, body []byte) tokenAnswer {
	body = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\xef\xbb\xbf")))
	var said struct {
		Token   json.RawMessage `json:"access_token"`
		Kind    json.RawMessage `json:"token_type"`
		Expires json.RawMessage `json:"expires_in"`
		Failure json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &said) == nil {
		return tokenAnswer{textIn(said.Token), textIn(said.Kind), textIn(said.Failure), lifetime(said.Expires)}
	}
	media, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	form, err := url.ParseQuery(string(body))
	if err != nil || media != "application/x-www-form-urlencoded" && media != "text/plain" {
		return tokenAnswer{}
	}
	return tokenAnswer{form.Get("access_token"), form.Get("token_type"), form.Get("error"),
		lifetime([]byte(form.Get("expires_in")))}
}

// textIn is the text that raw is; empty for any other JSON.
func textIn(raw []byte) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

// lifetime is a number of seconds, with decimals or in quotes as some send it; 0 for anything else.
func lifetime(raw []byte) time.Duration {
	text := string(raw)
	if quoted := textIn(raw); quoted != "" {
		text = strings.TrimSpace(quoted)
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(seconds) || seconds <= 0 {
		return 0
	}
	return time.Duration(min(seconds, tokenKeptMost.Seconds()) * float64(time.Second))
}
