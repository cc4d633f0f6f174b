package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// A session begun by a console link, and the console within a frame of another site's page.

const (
	// framedCookie is the session of a frame. It is a cookie of its own, since a page of our own site may hold both.
	framedCookie = "plugboard_framed"
	// probeCookie shows whether the browser keeps a cookie within the frame at all.
	probeCookie = "plugboard_probe"
	probeLife   = time.Minute
	// framedHeader is what the pages' script sends from within a frame: a fetch does not say where its page is shown.
	framedHeader = "Plugboard-Framed"
)

// CheckFrameOrigins refuses what browsers never send as an origin, which could frame nothing, and plain HTTP beyond
// this machine.
func CheckFrameOrigins(origins []string) error {
	for _, text := range origins {
		u, err := url.Parse(text)
		switch {
		case err != nil || u.Host == "" || origin(u) != text || strings.ContainsAny(text, "*,; '\"") ||
			text != strings.ToLower(text):
			return fmt.Errorf("%q is no origin: write it as browsers send it, such as https://app.example.com", text)
		case u.Scheme != "https" && !localHost(u):
			return fmt.Errorf("the origin %q is not https, so that anybody on the way could put a page around the "+
				"console", text)
		}
	}
	return nil
}

// localHost tells whether the URL is of this machine.
func localHost(u *url.URL) bool {
	return u.Scheme == "http" && slices.Contains([]string{"localhost", "127.0.0.1"}, u.Hostname())
}

// inFrame tells whether the page that the request is for, or comes from, is within a frame. No page can set
// Sec-Fetch-Dest.
func inFrame(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "iframe", "frame", "embed", "object":
		return true
	case "empty":
		return r.Header.Get(framedHeader) != ""
	}
	return false
}

// cookieName is the session's, by where the page is shown. A session of a frame is none in a tab, and the other way
// round.
func cookieName(r *http.Request) string {
	if inFrame(r) {
		return framedCookie
	}
	return sessionCookie
}

// mayBeFramed lets that origin, and no other, show the answer in a frame.
func (k *Console) mayBeFramed(w http.ResponseWriter, by string) {
	w.Header().Set("Content-Security-Policy", policy(k.formAction, by))
}

// openLink begins the session that a link is for.
//
// In a frame it first sets a cookie and comes back, to see whether the browser keeps one there. Where it does not, the
// page offers a tab, and the link is still good for that.
func (k *Console) openLink(q *request) (answer, error) {
	link, err := k.links.find(q.Context(), q.PathValue("code"))
	if fault.KindOf(err) == fault.NotFound {
		return linkGone(), nil
	}
	if err != nil {
		return answer{}, err
	}
	framed := inFrame(q.Request)
	if framed && !slices.Contains(k.links.origins, link.FramedBy) {
		return answer{}, fault.New(fault.Forbidden, "no-frame", "The link opens in a tab, and in no frame.")
	}
	if framed {
		k.mayBeFramed(q.w, link.FramedBy)
		if _, err := q.Cookie(probeCookie); err != nil {
			return k.probe(q, "links/"+q.PathValue("code")), nil
		}
	}
	if err := k.links.use(q.Context(), link); fault.KindOf(err) == fault.NotFound {
		return linkGone(), nil
	} else if err != nil {
		return answer{}, err
	}
	s := session{
		Kind: customer, Subject: link.User, Account: link.Account, Accounts: []domain.AccountID{link.Account},
		EndsAt: k.now().Add(sessionLife),
	}
	if framed {
		s.Frame = link.FramedBy
		k.forget(q, probeCookie)
	}
	return goTo(link.Page), k.keep(q, s)
}

// probe sets the cookie, or, once it was set in vain, offers a tab.
func (k *Console) probe(q *request, link string) answer {
	if q.URL.Query().Has("probed") {
		return answer{template: "open-in-tab", title: "Open in a tab", data: link}
	}
	http.SetCookie(q.w, k.cookie(probeCookie, "1", k.now().Add(probeLife)))
	return goTo(link + "?probed")
}

func linkGone() answer {
	return answer{template: "notice", title: "This link has ended", status: http.StatusNotFound, data: notice{
		Title: "This link has ended", Text: "It opens once, and within a few minutes. Go back to where you found it, " +
			"and open it again.",
	}}
}

// ended is the answer in a frame whose session is over. Sign-in is no way out there, as issuers refuse frames.
func frameEnded(title, text string) answer {
	return answer{template: "notice", title: title, status: http.StatusUnauthorized, data: notice{
		Title: title, Text: cmp.Or(text, "Nothing was changed.") + " Reload the page around this one to go on.",
	}}
}
