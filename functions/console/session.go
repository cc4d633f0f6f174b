package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"plugboard/shared/domain"
)

// kind is whose people a session is of. Operators and partners have no pages yet.
type kind string

const (
	customer kind = "customer"
	operator kind = "operator"
	partner  kind = "partner"
)

// session is what the cookie holds, sealed. What the person may do is not in it: role and workspaces are the stored
// user's, on every request.
type session struct {
	Kind     kind               `json:"kind"`
	Subject  domain.UserID      `json:"subject"`
	Account  domain.AccountID   `json:"account,omitempty"`  // empty until the person chose
	Accounts []domain.AccountID `json:"accounts,omitempty"` // between which the person may switch
	EndsAt   time.Time          `json:"ends_at"`
	Frame    string             `json:"frame,omitempty"` // the origin that frames it
}

const (
	sessionCookie = "plugboard_session"
	sessionLife   = 8 * time.Hour
	// mostAccounts keeps the cookie under the 4,096 bytes that browsers take (RFC 6265, 6.1).
	mostAccounts = 20
)

// session opens the request's. An error when there is none, or it ended; of one that ended in a frame the frame is
// known.
func (k *Console) session(r *http.Request) (session, error) {
	var s session
	if err := k.open(r, cookieName(r), &s); err != nil {
		return session{}, err
	}
	if s.Frame != "" && !slices.Contains(k.links.origins, s.Frame) {
		return session{}, errors.New("the stage does not name the frame's origin any more")
	}
	if !k.now().Before(s.EndsAt) {
		return session{Frame: s.Frame}, errors.New("the session ended")
	}
	return s, nil
}

// keep gives the session to the browser.
func (k *Console) keep(q *request, s session) error {
	s.Accounts = s.Accounts[:min(len(s.Accounts), mostAccounts)]
	return k.seal(q, cookieName(q.Request), s, s.EndsAt)
}

// vouched tells whether the issuer vouched for the account when the person signed in.
func (s session) vouched(a domain.AccountID) bool { return slices.Contains(s.Accounts, a) }

// seal sets a cookie that nobody but the console can read or make.
func (k *Console) seal(q *request, name string, v any, until time.Time) error {
	plain, err := json.Marshal(v)
	if err != nil {
		return err
	}
	sealed, err := k.sealer.Seal(q.Context(), "", "console/"+name, domain.Secret(plain))
	if err != nil {
		return err
	}
	http.SetCookie(q.w, k.cookie(name, string(sealed), until))
	return nil
}

// open reads what seal made.
func (k *Console) open(r *http.Request, name string, v any) error {
	cookie, err := r.Cookie(name)
	if err != nil {
		return err
	}
	plain, err := k.sealer.Open(r.Context(), "", "console/"+name, domain.Sealed(cookie.Value))
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(plain.Reveal()), v)
}

func (k *Console) forget(q *request, name string) {
	cookie := k.cookie(name, "", time.Time{})
	cookie.MaxAge = -1
	http.SetCookie(q.w, cookie)
}

func (k *Console) cookie(name, value string, until time.Time) *http.Cookie {
	cookie := &http.Cookie{
		Name: name, Value: value, Path: k.address.Path + root, Expires: until,
		HttpOnly: true, Secure: !k.local(), SameSite: http.SameSiteLaxMode,
	}
	if name == framedCookie || name == probeCookie {
		// Browsers keep it for the site around the frame alone. It outlives its session until the browser is closed, so
		// that the frame can say that the session ended.
		cookie.SameSite, cookie.Secure, cookie.Partitioned, cookie.Expires = http.SameSiteNoneMode, true,
			true, time.Time{}
	}
	return cookie
}
