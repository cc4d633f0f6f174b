// Package functions_test tells the whole story in one process against the emulator: the real services behind
// the real gate, tables, queues, KMS and secrets. Only Lambda and API Gateway are left out; localstack/deployed
// has those.
package functions_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"plugboard/functions/catalogue"
	"plugboard/functions/console"
	"plugboard/functions/contracts"
	"plugboard/functions/datafields"
	"plugboard/functions/enablement"
	"plugboard/functions/webhooks"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/secret"
	"plugboard/shared/store/storetest"
)

// world is one installation of Plugboard, with nothing in it.
type world struct {
	t       testing.TB
	tables  *storetest.Tables
	api     *httptest.Server
	sealer  *secret.Sealer
	cursors *auth.CursorKeys
	workers workers
	fanned  map[string]bool // outbox items that fanout has had, by key
	cost    cost
	calls   calls
	// receiver is every webhook's endpoint.
	receiver *receiver
	skew     atomic.Int64 // how far the clock is ahead of the machine's, in nanoseconds
}

const (
	issuer      = "https://issuer.test"
	audience    = "plugboard"
	platformKey = "the-platform-key-of-this-test"
)

// shared is made once for all tests: an issuer's key, a KMS key, the secrets of a platform key and a cursor key.
var shared struct {
	issuerKey *ecdsa.PrivateKey
	kmsKey    string
	secret    string
	cursorKey string
}

var sharing sync.Mutex // guards shared

func TestMain(m *testing.M) {
	shared.issuerKey, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	flag.Parse()
	if !testing.Verbose() {
		slog.SetDefault(slog.New(slog.DiscardHandler))
	}
	status := m.Run()
	writeConsoleTime()
	os.Exit(status)
}

// newWorld lets a test with a world run beside others: a test mostly waits for the emulator. Subtests stay in their
// order, since some add up.
func newWorld(t testing.TB) *world {
	t.Helper()
	if test, ok := t.(*testing.T); ok && !strings.Contains(t.Name(), "/") && !alone[t.Name()] {
		if _, again := worlds.LoadOrStore(t.Name(), true); !again {
			test.Parallel()
		}
	}
	w := &world{t: t, tables: storetest.New(t), fanned: map[string]bool{}}
	w.tables.Store = w.tables.At(w.now, w.cost.count, w.calls.record)
	w.cloud()
	w.sealer = secret.NewSealer(kms.NewFromConfig(w.tables.AWS), w.tables.Store,
		secret.Config{SealingKey: shared.kmsKey}, w.now)

	public, err := json.Marshal(jose.JSONWebKeySet{
		Keys: []jose.JSONWebKey{{Key: shared.issuerKey.Public(), Algorithm: "ES256", Use: "sig"}}})
	must(t, err)
	identity, err := auth.NewOIDC(auth.OIDCConfig{Issuer: issuer, Audience: audience, JWKS: string(public)}, w.now)
	must(t, err)
	keys := auth.NewSecretKeys(secretsmanager.NewFromConfig(w.tables.AWS),
		auth.PlatformKeyConfig{Secret: shared.secret}, w.now)
	w.cursors = auth.NewCursorKeys(secretsmanager.NewFromConfig(w.tables.AWS),
		auth.CursorKeyConfig{Secret: shared.cursorKey}, w.now)
	gate := auth.NewGate(w.tables.Store, identity, keys, w.now).Opening(w.sealer)

	routes := map[contract.Function]func(*contract.API){
		contract.Catalogue: catalogue.New(w.tables.Store, w.sealer, egress.Config{AllowPrivate: true}, w.now,
			domain.NewID).Routes,
		contract.Enablement: enablement.New(w.tables.Store, w.sealer, w.now, domain.NewID).Routes,
		contract.DataFields: datafields.New(w.tables.Store, w.now, domain.NewID).Routes,
		contract.Contracts:  contracts.New(w.tables.Store, w.now, domain.NewID).Routes,
		contract.Webhooks: webhooks.New(w.tables.Store, w.sealer, egress.Config{AllowPrivate: true}, w.now,
			domain.NewID).Routes,
		contract.Console: console.NewLinks(w.tables.Store, &url.URL{Scheme: "https", Host: "console.test"}, nil,
			w.now).Routes,
	}
	mux := http.NewServeMux()
	for _, f := range contract.Functions {
		handler, err := contract.New(f, gate, w.tables.Store, w.cursors, routes[f])
		must(t, err)
		for _, o := range contract.OwnedBy(f) {
			mux.Handle(o.Method+" "+o.Path, served(f, handler))
		}
	}
	w.api = httptest.NewServer(mux)
	t.Cleanup(w.api.Close)
	w.workers = w.newWorkers()
	w.receiver = newReceiver(t)
	return w
}

// worlds names the tests that have a world: a test may make several, and be parallel once.
var worlds sync.Map

// alone are the tests that change something of the whole process.
var alone = map[string]bool{
	"TestRule22_WhatIsShownOnceIsNowhereElse":               true,
	"TestConsole_APageIsLightAndReadsWhatItsOperationsRead": true, // which reads the process's log
}

// cloud makes what all tests share of AWS, once.
func (w *world) cloud() {
	sharing.Lock()
	defer sharing.Unlock()
	if shared.kmsKey != "" {
		return
	}
	key, err := kms.NewFromConfig(w.tables.AWS).CreateKey(w.t.Context(), &kms.CreateKeyInput{})
	must(w.t, err)
	shared.secret, shared.cursorKey = w.secret("platform-key", platformKey), w.secret("cursor-key", rand.Text())
	shared.kmsKey = aws.ToString(key.KeyMetadata.Arn)
}

// secret puts a value into Secrets Manager, and returns its name.
func (w *world) secret(prefix, value string) string {
	name := prefix + "-" + rand.Text()[:8]
	_, err := secretsmanager.NewFromConfig(w.tables.AWS).CreateSecret(w.t.Context(),
		&secretsmanager.CreateSecretInput{Name: &name, SecretString: &value})
	must(w.t, err)
	return name
}

func (w *world) now() time.Time {
	return domain.SystemClock().Add(time.Duration(w.skew.Load()))
}

// pass moves the clock on.
func (w *world) pass(d time.Duration) { w.skew.Add(int64(d)) }

// who is a caller: the headers that prove it.
type who struct {
	name    string
	headers [][2]string
}

func (c who) with(name, value string) who {
	return who{c.name, append(append([][2]string{}, c.headers...), [2]string{name, value})}
}

func bearer(name, credential string) who {
	return who{name, [][2]string{{"Authorization", "Bearer " + credential}}}
}

var platform = who{"platform", [][2]string{{auth.HeaderPlatformKey, platformKey}}}

// platformFor is the platform acting for an account.
func platformFor(a domain.AccountID) who { return platform.with(auth.HeaderAccount, string(a)) }

// dashboard is a signed-in user.
func (w *world) dashboard(a domain.AccountID, u domain.UserID) who {
	return bearer("dashboard "+string(u), w.jwt(a, u, time.Hour))
}

func (w *world) jwt(a domain.AccountID, u domain.UserID, life time.Duration) string {
	w.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: shared.issuerKey}, nil)
	must(w.t, err)
	token, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": issuer, "aud": audience, "sub": u, "plugboard_account": a, "iat": w.now().Unix(),
		"exp": w.now().Add(life).Unix(),
	}).Serialize()
	must(w.t, err)
	return token
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

// form is a body of multipart/form-data: its parts' names and what they hold, in that order.
type form [][2]string

// encoded has a boundary of its own each time, as browsers and curl make them.
func (f form) encoded() (contentType string, body []byte, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, part := range f {
		file, err := w.CreateFormFile(part[0], "file.bin")
		if err != nil {
			return "", nil, err
		}
		if _, err := io.WriteString(file, part[1]); err != nil {
			return "", nil, err
		}
	}
	err = w.Close()
	return w.FormDataContentType(), b.Bytes(), err
}

// call asks for an operation. path's parameters are filled in; body is a form, or sent as it is when a string, or
// marshalled.
func (w *world) call(c who, method, path string, body any) answer {
	w.t.Helper()
	a, err := w.try(c, method, path, body)
	must(w.t, err)
	return a
}

// try is call for other goroutines than the test's.
func (w *world) try(c who, method, path string, body any) (answer, error) {
	var content io.Reader
	contentType := "application/json"
	switch b := body.(type) {
	case nil:
	case form:
		var encoded []byte
		var err error
		if contentType, encoded, err = b.encoded(); err != nil {
			return answer{}, err
		}
		content = bytes.NewReader(encoded)
	case string:
		content = strings.NewReader(b)
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			return answer{}, err
		}
		content = bytes.NewReader(encoded)
	}
	r, err := http.NewRequest(method, w.api.URL+path, content)
	if err != nil {
		return answer{}, err
	}
	for _, h := range c.headers {
		r.Header.Add(h[0], h[1])
	}
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", contentType)
	}
	if err := w.signed(r); err != nil {
		return answer{}, err
	}
	resp, err := unled.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode, header: resp.Header, raw: raw}
	if strings.HasSuffix(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			return a, fmt.Errorf("the answer is no JSON object: %w: %s", err, raw)
		}
	}
	return a, nil
}

// unled shows a redirect instead of following it.
var unled = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// must expect a status; want says what else.
func (w *world) want(a answer, status int) answer {
	w.t.Helper()
	if a.status != status {
		w.t.Fatalf("got status %d, want %d: %s", a.status, status, a.raw)
	}
	return a
}

// refused expects a status and a code.
func (w *world) refused(a answer, status int, code string) answer {
	w.t.Helper()
	if got := a.body["code"]; a.status != status || got != code {
		w.t.Fatalf("got %d %v, want %d %s: %s", a.status, got, status, code, a.raw)
	}
	return a
}

// at digs a value out of the answer: names of objects, numbers of lists.
func (a answer) at(path ...any) any {
	var v any = a.body
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func (a answer) str(path ...any) string {
	s, _ := a.at(path...).(string)
	return s
}

// pointers are the fields that a problem document names.
func (a answer) pointers() []string {
	var all []string
	list, _ := a.at("errors").([]any)
	for _, e := range list {
		all = append(all, e.(map[string]any)["pointer"].(string))
	}
	return all
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
