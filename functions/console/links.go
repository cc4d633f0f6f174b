package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// Links serves the operation that the console owns: the platform makes a link, by which a user comes in without another
// sign-in.
type Links struct {
	store   *store.Store
	address *url.URL // of the API's root
	origins []string // that may show the console in a frame
	pages   *http.ServeMux
	now     domain.Clock
}

// NewLinks makes no AWS call. The address is that of the API's root.
func NewLinks(s *store.Store, address *url.URL, origins []string, now domain.Clock) *Links {
	l := &Links{store: s, address: address, origins: origins, pages: http.NewServeMux(), now: now}
	for _, r := range Routes() {
		if r.Method == http.MethodGet && r.Role != "" {
			l.pages.Handle(r.Path, http.NotFoundHandler())
		}
	}
	return l
}

// Routes binds the operation to its method.
func (l *Links) Routes(api *contract.API) {
	contract.CreateConsoleLink.Handle(api, l.CreateConsoleLink)
}

// CreateConsoleLink stores a link and returns its URL. Invalid for an unknown account or user, a page that the console
// does not have, and an origin that the stage does not name.
func (l *Links) CreateConsoleLink(
	ctx context.Context, in *contract.CreateConsoleLinkInput,
) (*contract.CreateConsoleLinkOutput, error) {
	asked := in.Body
	user, wrong, err := l.userOf(ctx, asked.Account, asked.User)
	if err != nil {
		return nil, err
	}
	if !l.isPage(asked.Page) {
		wrong = append(wrong, fault.Field{
			Pointer: "/page", Code: "unknown-page",
			Detail: "The console has no such page. Give a path below /console/, such as extensions/acme-crm.",
		})
	}
	if asked.FramedBy != "" && !slices.Contains(l.origins, asked.FramedBy) {
		wrong = append(wrong, fault.Field{
			Pointer: "/framed_by", Code: "unknown-origin",
			Detail: "The stage does not name this origin among those that may frame the console.",
		})
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return nil, err
	}
	now := l.now()
	code, hash := secret.NewCredential(secret.ConsoleLinkPrefix)
	link := domain.ConsoleLink{
		Hash: hash, Account: asked.Account, User: user.ID, Page: asked.Page, FramedBy: asked.FramedBy,
		EndsAt: now.Add(time.Duration(asked.Lifetime) * time.Second), CreatedAt: now,
	}
	var tx store.Tx
	tx.Create(&link)
	tx.AnswersOf(link.Account)
	out := &contract.CreateConsoleLinkOutput{}
	out.Body.URL = domain.ShownOnce(l.address.JoinPath(root, "links", string(code)).String())
	out.Body.Account, out.Body.User, out.Body.Page = link.Account, link.User, link.Page
	out.Body.FramedBy, out.Body.ExpiresAt = link.FramedBy, link.EndsAt
	return out, l.store.Commit(ctx, &tx, out)
}

// userOf is the user for whom the link is, or the field that is wrong.
func (l *Links) userOf(ctx context.Context, a domain.AccountID, id domain.UserID) (domain.User, []fault.Field, error) {
	account, user := domain.Account{}, domain.User{}
	err := fault.New(fault.NotFound, "not-found", "There is no such account.")
	if a.Possible() { // else no account has it
		account, err = l.store.Account(ctx, a)
	}
	if fault.KindOf(err) == fault.NotFound || err == nil && !account.Living() {
		return user, []fault.Field{{Pointer: "/account_id", Code: "unknown-account", Detail: "There is no such account."}}, nil
	}
	if err != nil {
		return user, nil, err
	}
	err = fault.New(fault.NotFound, "not-found", "There is no such user.")
	if id.Possible() {
		user, err = l.store.User(ctx, a, id)
	}
	if fault.KindOf(err) == fault.NotFound {
		return user, []fault.Field{{Pointer: "/user_id", Code: "unknown-user", Detail: "The account has no such user."}}, nil
	}
	return user, nil, err
}

// isPage tells whether the console has the page, for people who have signed in.
func (l *Links) isPage(page string) bool {
	if ownPage(page) != page {
		return false
	}
	u, err := url.Parse(page)
	if err != nil {
		return false
	}
	_, pattern := l.pages.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: root + "/" + u.Path}})
	return pattern != ""
}

// find returns the link that the code is of. NotFound for a code that is unknown, used or expired, and where the account or
// the user is gone or was created again.
func (l *Links) find(ctx context.Context, code string) (domain.ConsoleLink, error) {
	none := fault.New(fault.NotFound, "console-link", "The link was used before, or has expired.")
	if !secret.WellFormed(code, secret.ConsoleLinkPrefix) {
		return domain.ConsoleLink{}, none
	}
	link, err := l.store.ConsoleLink(ctx, secret.Hash(code))
	if err != nil {
		return link, err
	}
	account, err := l.store.Account(ctx, link.Account)
	if err != nil {
		return link, err
	}
	if !l.now().Before(link.EndsAt) || !account.Living() || !account.Knows(link.CreatedAt) {
		return link, none
	}
	_, err = l.store.User(ctx, link.Account, link.User)
	return link, err
}

// use ends the link. Of two requests at once, the second gets NotFound.
func (l *Links) use(ctx context.Context, link domain.ConsoleLink) error {
	var tx store.Tx
	tx.Delete(&link).Else(fault.New(fault.NotFound, "console-link", "The link was used before."))
	return l.store.Commit(ctx, &tx, nil)
}
