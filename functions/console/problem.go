package console

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"plugboard/shared/contract"
	"plugboard/shared/fault"
)

// notice is a page that says one thing, and the next thing to do.
type notice struct{ Title, Text, Link, Label, Request string }

// problem is the operation's refusal, if err is one.
func problem(err error) (*contract.Problem, bool) { return errors.AsType[*contract.Problem](err) }

// refusal turns an error into a page.
func (k *Console) refusal(q *request, err error) answer {
	p, ok := problem(err)
	if !ok {
		kind := fault.KindOf(err)
		p = &contract.Problem{Status: contract.StatusOf(kind), RequestID: contract.RequestID(q.Context())}
		if f, is := errors.AsType[*fault.Error](err); is {
			p.Code, p.Detail = f.Code, f.Detail
		}
		if kind == fault.Internal {
			slog.ErrorContext(q.Context(), "page failed", "page", q.route.ID, "request_id", p.RequestID, "error", err)
		}
	}
	n := notice{Title: titles[p.Status], Text: p.Detail, Link: "extensions", Label: "All extensions",
		Request: p.RequestID}
	switch {
	case p.Status == http.StatusUnauthorized:
		k.forget(q, cookieName(q.Request))
		if inFrame(q.Request) {
			return frameEnded("You are no longer in this account", "")
		}
		n = notice{
			Title: "You are no longer in this account",
			Text:  "Your user was removed, or the account was closed. Nothing was changed.",
			Link:  "sign-in?to=" + url.QueryEscape(q.here()), Label: "Sign in again",
		}
	case p.Status == http.StatusForbidden && p.Code == "missing-role":
		n.Text = "Only an admin of " + q.me.Body.AccountName + " can do this. Nothing was changed."
	case n.Title == "":
		n.Title = "Something failed on our side"
	}
	if n.Text == "" {
		n.Text = "Nothing was changed, or the change is complete. Try again in a moment."
	}
	return answer{template: "notice", title: n.Title, status: p.Status, data: n, part: q.Header.Get("HX-Request") != ""}
}

var titles = map[int]string{
	http.StatusForbidden:           "You may not do this",
	http.StatusNotFound:            "There is no such page",
	http.StatusConflict:            "That does not work now",
	http.StatusPreconditionFailed:  "Something changed meanwhile",
	http.StatusUnprocessableEntity: "Something needs another look",
	http.StatusTooManyRequests:     "Too many requests",
	http.StatusServiceUnavailable:  "Busy",
}

// noSuchPage answers for every path that no route has.
func (k *Console) noSuchPage(w http.ResponseWriter, r *http.Request) {
	q := &request{Request: r, w: w, console: k}
	k.write(q, k.refusal(q, fault.New(fault.NotFound, "not-found",
		"The address may be mistyped, or the page is gone.")))
}
