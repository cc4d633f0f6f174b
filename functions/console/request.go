package console

import (
	"bytes"
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"strings"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// request is a browser's, with who sent it.
type request struct {
	*http.Request
	w       http.ResponseWriter
	console *Console
	route   Route
	session session
	me      contract.ReadMeOutput
}

// answer is a page, a part of one, or another place to go.
type answer struct {
	template string
	title    string
	data     any
	status   int    // 200 when absent
	part     bool   // the template alone, without the layout: htmx puts it into a page that is open
	file     []byte // a download instead of a page
	fileType string
	fileName string
	to       string // where the browser goes instead: a path below the console's root, or an absolute URL
}

// goTo sends the browser to another page with GET.
func goTo(page string) answer { return answer{to: page, status: http.StatusSeeOther} }

// answer lets in who has a session, and asks the route's handler. The operations that it calls decide about everything
// else: there is no second authorization here.
func (k *Console) answer(q *request) (answer, error) {
	if q.route.Role == "" {
		return q.route.handle(k, q)
	}
	var err error
	q.session, err = k.session(q.Request)
	if q.session.Frame != "" {
		k.mayBeFramed(q.w, q.session.Frame)
	}
	if err != nil {
		return k.withoutSession(q), nil
	}
	if q.session.Kind != customer {
		return noPagesYet(), nil
	}
	if q.session.Account == "" {
		if strings.HasSuffix(q.route.Path, "/accounts") {
			return q.route.handle(k, q)
		}
		return goTo("accounts"), nil
	}
	if q.me, err = call(q, contract.ReadMe, contract.ReadMeInput{}); err != nil {
		return answer{}, err
	}
	if !q.me.Body.User.Role.AtLeast(q.route.Role) { // no form for a change that its operation would refuse
		return answer{}, fault.New(fault.Forbidden, "missing-role", "This page is for an %s.", q.route.Role)
	}
	return q.route.handle(k, q)
}

// Framed tells whether the page is shown in a frame.
func (q *request) Framed() bool { return q.session.Frame != "" }

// noPagesYet is what staff of the platform and members of partners see.
func noPagesYet() answer {
	const title = "There are no pages for you yet"
	return answer{template: "notice", title: title, status: http.StatusForbidden, data: notice{
		Title: title, Text: "The console has pages for the people of customers' accounts. Those for the " +
			"platform's staff " +
			"and for partners are not built.", Link: "sign-in", Label: "Sign in as someone else",
	}}
}

// Me is who is signed in, and to which account.
func (q *request) Me() signedInUser { return signedInUser{q.me.Body.AccountName, q.me.Body.User} }

type signedInUser struct {
	AccountName string
	User        *domain.User
}

// Admin tells whether the person may change the account's installations.
func (q *request) Admin() bool { return q.me.Body.User != nil && q.me.Body.User.Role == domain.Admin }

// Root leads from the request's path to the console's root: links are relative, so that they work under any prefix.
func (q *request) Root() string {
	path, below := strings.CutPrefix(q.URL.Path, root+"/")
	if !below {
		return strings.TrimPrefix(root, "/") + "/"
	}
	return strings.Repeat("../", strings.Count(path, "/"))
}

// APIRoot leads to the API's root.
func (q *request) APIRoot() string {
	if q.URL.Path == root {
		return ""
	}
	return q.Root() + "../"
}

// here is the request's page as a path below the console's root, with its query.
func (q *request) here() string {
	page := strings.TrimPrefix(strings.TrimPrefix(q.URL.Path, root), "/")
	if q.URL.RawQuery != "" {
		page += "?" + q.URL.RawQuery
	}
	return page
}

// view is the dot of every template.
type view struct {
	*request
	Name  string
	Title string
	Data  any
	Body  template.HTML // in the layout
}

// Nav is the navigation, and which page is open.
func (v view) Nav() []navGroup { return navigation(v.URL.Path, v.me.Body.User.Role) }

// write sends the answer. A template that fails leaves nothing half-sent.
func (k *Console) write(q *request, a answer) {
	h := q.w.Header()
	if a.to != "" {
		to := a.to
		if !strings.Contains(to, "://") {
			to = q.Root() + to
		}
		h.Set("Location", to)
		q.w.WriteHeader(a.status)
		return
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	if a.fileName != "" {
		h.Set("Content-Type", a.fileType)
		h.Set("Content-Disposition", `attachment; filename="`+a.fileName+`"`)
		q.w.WriteHeader(a.status)
		_, _ = q.w.Write(a.file)
		return
	}
	page, err := k.render(q, a)
	if err != nil {
		slog.ErrorContext(q.Context(), "page failed", "page", q.route.ID, "request_id", contract.RequestID(q.Context()),
			"error", err)
		http.Error(q.w, "Something failed on our side. Nothing was changed, or the change is complete.",
			http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	q.w.WriteHeader(a.status)
	_, _ = q.w.Write(page)
}

func (k *Console) render(q *request, a answer) ([]byte, error) {
	v := view{request: q, Name: k.name, Title: a.title, Data: a.data}
	var body bytes.Buffer
	if err := k.templates.ExecuteTemplate(&body, a.template, v); err != nil || a.part {
		return body.Bytes(), err
	}
	v.Body = template.HTML(body.String()) // a template of ours made it, and escaped what is in it
	var page bytes.Buffer
	layout := "layout"
	if q.me.Body.User == nil {
		layout = "layout-outside"
	}
	err := k.templates.ExecuteTemplate(&page, layout, v)
	return page.Bytes(), err
}

type sessionKey struct{}

// withSession gives the gate of the in-process API the session that it goes by.
func withSession(ctx context.Context, s session) context.Context {
	return context.WithValue(ctx, sessionKey{}, s)
}
