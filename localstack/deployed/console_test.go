package deployed_test

import (
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"

	"plugboard/localstack/frontdoor"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The console, by its front door and through the gateway, with nothing but cookies and forms.

// openDoor serves the front door for as long as the tests run, unless `make up` does already.
var openDoor = sync.OnceValue(func() error {
	u, err := url.Parse(deployed.Outputs.ConsoleURL)
	if err != nil {
		return err
	}
	if conn, err := net.Dial("tcp", u.Host); err == nil {
		return conn.Close()
	}
	door, err := frontdoor.New(deployed.Outputs)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+u.Port())
	if err == nil {
		go http.Serve(listener, door)
	}
	return err
})

type visitor struct {
	t    *testing.T
	http *http.Client
}

func newVisitor(t *testing.T) visitor {
	t.Helper()
	must(t, openDoor())
	jar, err := cookiejar.New(nil)
	must(t, err)
	return visitor{t, &http.Client{Jar: jar}}
}

// ask sends a request and follows where it leads.
func (v visitor) ask(method, address string, form url.Values, headers map[string]string) (*http.Response, string) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, address, strings.NewReader(form.Encode()))
	must(v.t, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	resp, err := v.http.Do(r)
	must(v.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(v.t, err)
	return resp, string(body)
}

func page(path string) string { return deployed.Outputs.ConsoleURL + "/console/" + path }

// own is what a browser says of a form of the console's.
var own = map[string]string{"Origin": "null", "Sec-Fetch-Site": "same-origin"}

// signIn chooses Ada at the local issuer, and this run's account among hers.
func (v visitor) signIn(to string) string {
	v.t.Helper()
	resp, body := v.ask("GET", page(to), nil, nil)
	if !strings.Contains(body, "Choose who you are") {
		v.t.Fatalf("got %d %.300s, want the issuer's page", resp.StatusCode, body)
	}
	resp, body = v.ask("POST", resp.Request.URL.String(), url.Values{"person": {"ada"}}, nil)
	if strings.HasSuffix(resp.Request.URL.Path, "/accounts") {
		_, body = v.ask("POST", page("accounts"), url.Values{"account": {string(deployed.account)}, "to": {to}}, own)
	}
	return body
}

func TestConsole_SignInAndEnableThroughTheGateway(t *testing.T) {
	v := newVisitor(t)
	slug := domain.ExtensionID(unique("pages"))
	must(t, deployed.list(t.Context(), slug, []string{}, domain.BlueprintSpec{
		Scopes: []domain.Scope{}, TemplateTypes: []domain.TemplateTypeBlueprint{},
		Webhooks: []domain.WebhookBlueprint{},
	}))
	body := v.signIn("extensions/" + string(slug))
	_, key, found := strings.Cut(body, `name="key" value="`)
	if !found {
		t.Fatalf("the page has no form: %.2000s", body)
	}
	key, _, _ = strings.Cut(key, `"`)
	_, body = v.ask("POST", page("extensions/"+string(slug)), url.Values{"key": {key}, "version": {"1"}}, own)
	if !strings.Contains(body, "pb_live_") {
		t.Fatalf("no token is shown: %.2000s", body)
	}
	read := call(t, deployed.ada, contract.ReadInstallation, contract.InstallationInput{Extension: slug})
	if read.Body.Extension != slug {
		t.Errorf("got %+v", read.Body)
	}
	resp, body := v.ask("GET", page("installations/"+string(slug)), nil, nil)
	if resp.StatusCode != 200 || strings.Contains(body, "pb_live_") || !strings.Contains(body, string(slug)) {
		t.Errorf("got %d %.2000s", resp.StatusCode, body)
	}
}

// A link that the platform makes lets its user in through the gateway, once.
func TestConsole_ALinkOpensOnceThroughTheGateway(t *testing.T) {
	in := contract.CreateConsoleLinkInput{}
	in.Body.Account, in.Body.User, in.Body.Page, in.Body.Lifetime = deployed.account, "ada", "webhooks", 600
	made := call(t, deployed.Platform(), contract.CreateConsoleLink, in)
	address := string(made.Body.URL)
	if !strings.HasPrefix(address, page("links/pb_link_")) {
		t.Fatal("the link is not at the console's address")
	}
	v := newVisitor(t)
	resp, body := v.ask("GET", address, nil, nil)
	if resp.StatusCode != 200 || !strings.HasSuffix(resp.Request.URL.Path, "/console/webhooks") {
		t.Fatalf("got %d at %s: %.300s", resp.StatusCode, resp.Request.URL.Path, body)
	}
	if resp, _ := newVisitor(t).ask("GET", address, nil, nil); resp.StatusCode != 404 {
		t.Errorf("it opened again: %d", resp.StatusCode)
	}
}

// Each header reaches the function as the browser sent it: CloudFront or a proxy that drops them would let nothing
// through.
func TestConsole_AFormOfAnotherSiteIsRefusedBehindTheGateway(t *testing.T) {
	v := newVisitor(t)
	v.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for name, test := range map[string]struct {
		headers map[string]string
		want    int
	}{
		"neither header":   {nil, 403},
		"a foreign origin": {map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403},
		"a foreign site": {map[string]string{"Origin": deployed.Outputs.ConsoleURL, "Sec-Fetch-Site": "cross-site"},
			403},
		"our origin": {map[string]string{"Origin": deployed.Outputs.ConsoleURL}, 303},
		"our form":   {own, 303},
	} {
		if resp, body := v.ask("POST", page("sign-out"), url.Values{}, test.headers); resp.StatusCode != test.want {
			t.Errorf("%s: got %d %.200s, want %d", name, resp.StatusCode, body, test.want)
		}
	}
}
