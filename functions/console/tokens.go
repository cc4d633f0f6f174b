package console

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// The page API tokens: the account's own and those that extensions hold, the form that creates one, and its answer,
// which shows the token once.

type tokensPage struct {
	Own     []tokenRow
	Managed []tokenRow
	Fields  []formField
	Wrong   bool
	Key     string
}

type tokenRow struct {
	contract.TokenView
	By     string
	Scopes string
	State  pill // empty while it works
}

func (k *Console) tokens(q *request) (answer, error) {
	page, err := k.tokensPage(q, nil)
	return answer{template: "tokens", title: "API tokens", data: page}, err
}

// tokensPage gathers the page. sent is the form, when it comes back with errors.
func (k *Console) tokensPage(q *request, sent url.Values) (tokensPage, error) {
	page := tokensPage{Fields: tokenFields(sent), Key: rand.Text()}
	tokens, err := tokensOf(q)
	if err != nil {
		return page, err
	}
	names, err := userNames(q)
	if err != nil {
		return page, err
	}
	for _, t := range tokens {
		row := tokenRow{TokenView: t, By: names[t.CreatedBy], Scopes: tokenScopes(t.Scopes),
			State: tokenState(t, k.now())}
		if t.Extension != "" {
			page.Managed = append(page.Managed, row)
		} else {
			page.Own = append(page.Own, row)
		}
	}
	newest := func(a, b tokenRow) int { return b.CreatedAt.Compare(a.CreatedAt) }
	slices.SortStableFunc(page.Own, newest)
	slices.SortStableFunc(page.Managed, newest)
	return page, nil
}

// tokenPages of 100 hold the 50 that an account may have, and those of its extensions.
const tokenPages = 5

func tokensOf(q *request) ([]contract.TokenView, error) {
	var all []contract.TokenView
	in := contract.ListTokensInput{PageInput: contract.PageInput{Limit: 100}}
	for range tokenPages {
		out, err := call(q, contract.ListTokens, in)
		if err != nil {
			return nil, err
		}
		all = append(all, out.Body.Items...)
		if in.Cursor = out.Body.NextCursor; in.Cursor == "" {
			break
		}
	}
	return all, nil
}

// userNames are the names of the account's first hundred users. Any other user is shown by its id.
func userNames(q *request) (map[domain.UserID]string, error) {
	out, err := call(q, contract.ListUsers, contract.ListUsersInput{PageInput: contract.PageInput{Limit: 100}})
	names := map[domain.UserID]string{}
	for _, u := range out.Body.Items {
		names[u.ID] = u.Name
	}
	return names, err
}

// endsSoon is how long before its end a token needs a person: enough to put the next one in its place.
const endsSoon = 14 * 24 * time.Hour

func tokenState(t contract.TokenView, now time.Time) pill {
	switch left := t.ExpiresAt.Sub(now); {
	case t.ExpiresAt.IsZero() || left > endsSoon:
		return pill{}
	case left <= 0:
		return pill{"off", "minus", "Ended"}
	default:
		return pill{"ask", "warn", "Ends soon"}
	}
}

// tokenScopeWords say what an account's own token may do. An extension's reaches its own webhooks only: scopeWords.
var tokenScopeWords = map[domain.Scope]tick{
	domain.ScopeContractsRead:  {Label: "Read contracts"},
	domain.ScopeContractsWrite: {Label: "Create and change contracts"},
	domain.ScopeParticipantsAct: {Label: "Open participants' sessions",
		Hint: "Fill in, sign and decline as any participant."},
	domain.ScopeTemplatesRead:   {Label: "Read templates"},
	domain.ScopeTemplatesWrite:  {Label: "Change templates"},
	domain.ScopeWebhooksRead:    {Label: "Read webhooks and deliveries"},
	domain.ScopeWebhooksWrite:   {Label: "Create and change webhooks"},
	domain.ScopeWebhooksSecrets: {Label: "Operate webhooks", Hint: "Rotate secrets, send tests, replay deliveries."},
	domain.ScopeDeliveriesPull: {Label: "Listen to deliveries",
		Hint: "Read them as they are sent, as plugboard listen does."},
	domain.ScopeCatalogueRead: {Label: "Read the catalogue of extensions"},
}

func tokenScopes(scopes []domain.Scope) string {
	words := []string{}
	for n, s := range scopes {
		label := cmp.Or(tokenScopeWords[s].Label, string(s))
		if n > 0 {
			label = strings.ToLower(label[:1]) + label[1:]
		}
		words = append(words, label)
	}
	return and(words)
}

// lifetimes are the choices of the form, in days.
var lifetimes = []struct {
	label string
	days  int
}{{"7 days", 7}, {"30 days", 30}, {"90 days", 90}, {"1 year", 365}}

func tokenFields(sent url.Values) []formField {
	name := formField{ID: "name", Pointer: "/name", Label: "Name", Hint: "What uses it, such as Nightly export.",
		Kind: "text", Most: 128, Required: true, Value: sent.Get("name")}
	scopes := formField{ID: "scopes", Pointer: "/scopes", Label: "What it may do",
		Hint: "Tick no more than its program needs.", Kind: "ticks"}
	for _, s := range domain.Scopes {
		t := tokenScopeWords[s]
		t.Label = cmp.Or(t.Label, string(s))
		t.Value, t.On = string(s), slices.Contains(sent["scopes"], string(s))
		scopes.Ticks = append(scopes.Ticks, t)
	}
	ends := formField{ID: "ends", Pointer: "/expires_in_days", Label: "Works for", Required: true, Value: "90 days"}
	if sent.Has("ends") {
		ends.Value = sent.Get("ends")
	}
	for _, l := range lifetimes {
		ends.Options = append(ends.Options, l.label)
	}
	return []formField{name, scopes, ends}
}

// createdToken is the answer to the form.
type createdToken struct {
	Token    contract.TokenView
	Shown    string // empty when an earlier click created it
	Scopes   string
	Example  string
	Repeated bool
}

func (k *Console) createToken(q *request) (answer, error) {
	if err := q.ParseForm(); err != nil {
		return answer{}, err
	}
	in := contract.CreateTokenInput{}
	in.Body.Name, in.Body.Scopes = strings.TrimSpace(q.PostForm.Get("name")), []domain.Scope{}
	for _, s := range q.PostForm["scopes"] {
		in.Body.Scopes = append(in.Body.Scopes, domain.Scope(s))
	}
	in.Body.ExpiresIn = -1 // refused by its field, unless the form says a lifetime that there is
	for _, l := range lifetimes {
		if l.label == q.PostForm.Get("ends") {
			in.Body.ExpiresIn = l.days
		}
	}
	out, err := callOnce(q, contract.CreateToken, in, q.PostForm.Get("key"))
	if p, ok := problem(err); ok && p.Status == http.StatusUnprocessableEntity {
		return k.tokenRefused(q, p)
	}
	if err != nil {
		return answer{}, err
	}
	page := createdToken{
		Token: out.Body.TokenView, Shown: string(out.Body.Token), Scopes: tokenScopes(out.Body.Scopes),
		Repeated: out.Body.Token == "",
		Example:  "curl --header 'Authorization: Bearer …' " + k.address.JoinPath("v1", "me").String(),
	}
	return answer{template: "token-created", title: page.Token.Name, data: page}, nil
}

func (k *Console) tokenRefused(q *request, p *contract.Problem) (answer, error) {
	page, err := k.tokensPage(q, q.PostForm)
	page.Fields, page.Wrong = mark(page.Fields, p), true
	if name := &page.Fields[0]; name.Error != "" && strings.TrimSpace(name.Value) == "" {
		name.Error = "Enter a name, so that people know later what uses it."
	}
	return answer{template: "tokens", title: "No token was created · API tokens", data: page, status: p.Status}, err
}

// confirmRevocation asks. An extension's token is revoked with its installation.
func (k *Console) confirmRevocation(q *request) (answer, error) {
	tokens, err := tokensOf(q)
	if err != nil {
		return answer{}, err
	}
	at := slices.IndexFunc(tokens, func(t contract.TokenView) bool { return string(t.ID) == q.PathValue("token_id") })
	if at < 0 {
		return answer{}, fault.New(fault.NotFound, "not-found",
			"There is no such API token. It may have been revoked meanwhile.")
	}
	t := tokens[at]
	if t.Extension != "" {
		return goTo("installations/" + string(t.Extension)), nil
	}
	page := confirmation{
		Title: "Revoke " + t.Name + "?", Action: "revoke", Key: rand.Text(), Button: "danger",
		Label: "Revoke " + t.Name,
		Back:  q.Root() + "tokens", Keep: "Keep it",
		Outcomes: []outcome{
			{"bad", "cross", "It is refused at once, and so is every program that uses it."},
			{"off", "minus", "It cannot be brought back. You can create another at any time."},
			{"good", "check", "Whatever was made with it stays."},
		},
	}
	return answer{template: "confirm-revocation", title: page.Title, data: page}, nil
}

// revokeToken revokes. A token that somebody else revoked meanwhile is as the reader wants it.
func (k *Console) revokeToken(q *request) (answer, error) {
	in := contract.RevokeTokenInput{Token: domain.TokenID(q.PathValue("token_id"))}
	_, err := callOnce(q, contract.RevokeToken, in, q.PostFormValue("key"))
	if p, ok := problem(err); ok && p.Status == http.StatusNotFound {
		err = nil
	}
	return goTo("tokens"), err
}
