package functions_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"plugboard/functions/console"
	"plugboard/shared/domain"
)

// Every page and action × everybody whom it must refuse. The rows come from the console's table, so a page that is
// added is walked, too.

const frameOrigin = "https://app.example.com"

// pageScene is a scene with the console in front.
type pageScene struct {
	*scene
	console *consoleWorld
}

func newPageScene(t testing.TB) *pageScene {
	s := newScene(newWorld(t))
	return &pageScene{s, consoleOf(s.actors, func(c *console.Config) { c.FrameOrigins = []string{frameOrigin} })}
}

// cookie is a session as the console seals it.
func (s *pageScene) cookie(name string, session object) string {
	s.t.Helper()
	whole := object{"kind": "customer", "subject": "ada", "account": "customer", "accounts": []string{"customer"},
		"ends_at": s.now().Add(time.Hour)}
	for k, v := range session {
		whole[k] = v
	}
	plain, err := json.Marshal(whole)
	must(s.t, err)
	sealed, err := s.sealer.Seal(s.t.Context(), "", "console/"+name, domain.Secret(plain))
	must(s.t, err)
	return name + "=" + string(sealed)
}

func (s *pageScene) tabOf(session object) string { return s.cookie("plugboard_session", session) }

// path is a route's in the scene. A page with parameters is of something that is there.
func (s *pageScene) path(r console.Route) string {
	hook := s.ownHook
	if strings.Contains(r.Path, "{delivery_id}") || strings.Contains(r.Path, "{replay_id}") {
		hook = s.managedHook
	}
	change := "suspend"
	if strings.Contains(r.Path, "{webhook_id}") {
		change = "pause"
	}
	return strings.NewReplacer("{extension_id}", mainExtension, "{webhook_id}", hook, "{delivery_id}", s.delivery,
		"{replay_id}", s.replay, "{token_id}", s.ownTokenID, "{change}", change, "{code}", "x", "{file}",
		"x").Replace(r.Path)
}

// query is what a page needs besides its path to show something.
func (s *pageScene) query(r console.Route) string {
	return map[string]string{"recover-count": "?webhook=" + s.managedHook + "&from=" +
		url.QueryEscape(s.now().Add(-time.Hour).Format(time.RFC3339)) + "&to=" +
		url.QueryEscape(s.now().Format(time.RFC3339)) + "&state=exhausted"}[r.ID]
}

// ask calls the console's handler, without a network between.
func (s *pageScene) ask(r console.Route, cookie string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	q := httptest.NewRequest(r.Method, s.path(r)+s.query(r), strings.NewReader(""))
	if r.Method != http.MethodGet {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if cookie != "" {
		q.Header.Set("Cookie", cookie)
	}
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.console.pages.ServeHTTP(w, q)
	return w
}

func TestConsole_EveryPageRefusesEveryWrongVisitor(t *testing.T) {
	s := newPageScene(t)
	s.putUser("customer", "dora", "dora@customer.test", "admin")
	s.want(s.call(platform, "DELETE", "/v1/accounts/customer/users/dora", nil), 204)
	own := s.tabOf(nil)
	outside := map[string]string{
		"nobody": "", "an expired session": s.tabOf(object{"ends_at": s.now().Add(-time.Second)}),
		"a cookie that is no seal": "plugboard_session=" + strings.Repeat("x", 80),
		"a changed cookie":         own[:len(own)-4] + "AAAA",
		"a frame's session":        s.cookie("plugboard_framed", object{"frame": frameOrigin}),
		"another cookie's seal": strings.Replace(s.cookie("plugboard_signing_in", nil), "plugboard_signing_in",
			"plugboard_session", 1),
	}
	refused := map[string]struct {
		cookie string
		status int
		says   string
	}{
		"a removed user":            {s.tabOf(object{"subject": "dora"}), 401, "no longer in this account"},
		"a user of no account":      {s.tabOf(object{"account": "nowhere"}), 401, "no longer in this account"},
		"the platform's staff":      {s.tabOf(object{"kind": "operator"}), 403, "no pages for you yet"},
		"a partner's member":        {s.tabOf(object{"kind": "partner"}), 403, "no pages for you yet"},
		"a kind that nobody has":    {s.tabOf(object{"kind": "root"}), 403, "no pages for you yet"},
		"a session without a kind":  {s.tabOf(object{"kind": ""}), 403, "no pages for you yet"},
		"staff without any account": {s.tabOf(object{"kind": "operator", "account": ""}), 403, "no pages for you yet"},
	}
	member, other := s.tabOf(object{"subject": "mel"}),
		s.tabOf(object{"account": "other", "accounts": []string{"other"}})
	before := s.dump()
	for _, r := range console.Routes() {
		check := func(who, cookie string, status int, says string, headers ...string) {
			t.Helper()
			w := s.ask(r, cookie, headers...)
			body := w.Body.String() + w.Header().Get("Location")
			if w.Code != status || !strings.Contains(body, says) {
				t.Errorf("%s %s, for %s: got %d %.300s, want %d %s", r.Method, r.Path, who, w.Code, body, status, says)
			}
		}
		if r.Method == http.MethodPost {
			check("a form of another site", own, 403, "did not come from the console", "Sec-Fetch-Site", "cross-site")
			check("a form from nowhere", own, 403, "did not come from the console", "Sec-Fetch-Site", "")
			check("another origin", own, 403, "did not come from the console", "Origin", "https://evil.example")
		}
		if r.Role == "" {
			continue
		}
		for who, cookie := range outside {
			if r.Method == http.MethodGet {
				check(who, cookie, 303, "sign-in?to=")
			} else {
				check(who, cookie, 401, "Your session ended")
			}
			check(who+", in a frame", strings.Replace(cookie, "framed", "other", 1), 401, "Your session ended",
				inAFrame...)
		}
		for who, visitor := range refused {
			check(who, visitor.cookie, visitor.status, visitor.says)
		}
		if r.Role == domain.Admin {
			check("a member", member, 403, "Only an admin")
		}
		if strings.Contains(r.Path, "{") && r.ID != "extension" && r.ID != "enable" && r.ID != "revoke-own-token" {
			w := s.ask(r, other)
			if w.Code != 404 && !(w.Code == 422 && r.Method == http.MethodPost) { // an empty form is refused before
				t.Errorf("%s %s, for another account's admin: got %d %.300s", r.Method, r.Path, w.Code, w.Body)
			}
		}
	}
	if s.dump() != before {
		t.Error("a refused visitor left something in the tables")
	}
}

func TestConsole_EveryPageLetsInWhomItsRowNames(t *testing.T) {
	s := newPageScene(t)
	framed := s.cookie("plugboard_framed", object{"frame": frameOrigin})
	notNamed := s.cookie("plugboard_framed", object{"frame": "https://evil.example"})
	for _, r := range console.Routes() {
		if r.Method != http.MethodGet || r.Role == "" {
			continue
		}
		for who, cookie := range map[string]string{"an admin": s.tabOf(nil),
			"a member": s.tabOf(object{"subject": "mel"})} {
			if who == "a member" && r.Role == domain.Admin {
				continue
			}
			w := s.ask(r, cookie)
			if w.Code != 200 || !strings.HasSuffix(w.Header().Get("Content-Security-Policy"),
				"frame-ancestors 'none'") {
				if r.ID == "extension" && w.Code == 303 { // it is enabled: the page leads to its installation
					continue
				}
				t.Errorf("%s for %s: got %d %.300s", r.Path, who, w.Code, w.Body)
			}
		}
		w := s.ask(r, framed, inAFrame...)
		if got := w.Header().Get("Content-Security-Policy"); w.Code >= 400 ||
			!strings.HasSuffix(got, "frame-ancestors "+frameOrigin) {
			t.Errorf("%s in a frame: got %d, %s", r.Path, w.Code, got)
		}
		if w := s.ask(r, notNamed, inAFrame...); w.Code != 401 ||
			!strings.HasSuffix(w.Header().Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s in a frame that the stage does not name: got %d", r.Path, w.Code)
		}
	}
}
