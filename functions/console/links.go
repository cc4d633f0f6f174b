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
	contract.CreateConsoleLink.Handle(api, l.CreateConsoleLink, l.lookAtLink)
}

// CreateConsoleLink stores a link and returns its URL. Invalid for an unknown account or user, a page that the console
// does not have, and an origin that the stage does not name.
func (l *Links) CreateConsoleLink(
	ctx context.Context, in *contract.CreateConsoleLinkInput,
) (*contract.CreateConsoleLinkOutput, error) {
	wrong, err := l.lookAtLink(ctx, in)
	if err == nil {
		err = fault.InvalidFields(wrong)
	}
	if err != nil {
		return nil, err
	}
	asked, now := in.Body, l.now()
	code, hash := secret.NewCredential(secret.ConsoleLinkPrefix)
	link := domain.ConsoleLink{
		Hash: hash, Account: asked.Account, User: asked.User, Page: ownPage(asked.Page), FramedBy: asked.FramedBy,
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

func (l *Links) lookAtLink(ctx context.Context, in *contract.CreateConsoleLinkInput) ([]fault.Field, error) {
	var wrong []fault.Field
	say := func(pointer, code, detail string) {
		wrong = append(wrong, fault.Field{Pointer: pointer, Code: code, Detail: detail})
	}
	account, err := l.account(ctx, in.Body.Account)
	if err != nil {
		return nil, err
	}
	user := domain.User{}
	if account.Living() && in.Body.User.Possible() {
		user, err = l.store.User(ctx, account.ID, in.Body.User)
	}
	switch {
	case err != nil && fault.KindOf(err) != fault.NotFound:
		return nil, err
	case !account.Living():
		say("/account_id", "unknown-account", "There is no such account.")
	case user.ID == "":
		say("/user_id", "unknown-user", "The account has no such user.")
	}
	if page := in.Body.Page; page != "" && !l.isPage(page) {
		say("/page", "unknown-page", "The console has no such page. Give a path below /console/, such as "+
			"extensions/acme-crm.")
	}
	if by := in.Body.FramedBy; by != "" && !slices.Contains(l.origins, by) {
		say("/framed_by", "unknown-origin",
			"The stage does not name this origin among those that may show the console in a frame.")
	}
	return wrong, nil
}

// account is the zero one where there is none of the id.
func (l *Links) account(ctx context.Context, id domain.AccountID) (domain.Account, error) {
	if !id.Possible() {
		return domain.Account{}, nil
	}
	account, err := l.store.Account(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		return domain.Account{}, nil
	}
	return account, err
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

// find returns the link that the code is of. NotFound for a code that is unknown, used or expired, and where the
// account or the user is gone or was created again.
func (l *Links) find(ctx context.Context, code string) (domain.ConsoleLink, error) {
	none := fault.New(fault.NotFound, "console-link", "The link was used before, or has expired.")
	if !secret.WellFormed(code, secret.ConsoleLinkPrefix) {
		return domain.ConsoleLink{}, none
	}
	link, err := l.store.ConsoleLink(ctx, secret.Hash(code))
	if err != nil {
		return link, err
	}
	account, err := l.account(ctx, link.Account)
	if err != nil {
		return link, err
	}
	if !l.now().Before(link.EndsAt) || !account.Knows(link.CreatedAt) {
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
