package console

import (
	"cmp"
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The page of an extension before the click, the click, and its answer, which shows each token once.

type extensionPage struct {
	Extension contract.CatalogueExtension
	Family    string
	Creates   []creationItem
	Brings    []broughtItem
	Leaves    []sentOut
	Links     []link
	Fields    []formField
	Wrong     bool
	Changed   string // why nothing was enabled, when the offer changed while the form was open
	Seen      string // what this page shows, for a later comparison
	New, Gone []string
	Key       string
	Admins    []contract.AccountUser // for a member
	Address   string                 // of this page, to send to an admin
	Also      string                 // the names of what comes with it
}

// creationItem is a line of what is created.
type creationItem struct {
	Icon, Title, Text, Fact string
	Tags                    []tag
}

type tag struct{ Text, More string }

type broughtItem struct {
	contract.BroughtAlong
	Needers string
	Text    string
}

// sentOut is where data goes, and which.
type sentOut struct {
	From, Host, How string
	Data            []keyValue
}

type keyValue struct{ Key, Value string }

type link struct{ Label, URL string }

func (k *Console) extension(q *request) (answer, error) {
	page, err := k.extensionPage(q, nil)
	if err != nil {
		return answer{}, err
	}
	if s := page.Extension.State; s != "" && s != domain.Disabled {
		return goTo("installations/" + string(page.Extension.Extension)), nil
	}
	return answer{template: "extension", title: page.Extension.Name, data: page}, nil
}

// extensionPage gathers the page. sent is the form, when it comes back with errors.
func (k *Console) extensionPage(q *request, sent url.Values) (extensionPage, error) {
	id := domain.ExtensionID(q.PathValue("extension_id"))
	read, err := call(q, contract.ReadCatalogueExtension, contract.ReadCatalogueExtensionInput{Extension: id})
	if err != nil {
		return extensionPage{}, err
	}
	e := read.Body
	page := extensionPage{Extension: e, Key: rand.Text(), Creates: creationItems(e), Links: links(e),
		Address: k.address.JoinPath(root, "extensions", string(id)).String()}
	names := map[domain.ExtensionID]string{}
	var also []string
	for _, b := range e.Brings {
		names[b.Extension] = b.Name
		also = append(also, b.Name)
		page.Brings = append(page.Brings, broughtItem{b, needers(b, e), broughtText(b)})
	}
	page.Also = and(also)
	page.Fields = parameterFields(e.Parameters, names, sent)
	page.Leaves = dataSentOut(q.me.Body.AccountName, e)
	page.Seen = encoded(page.offered())
	if !q.Admin() {
		admins, err := call(q, contract.ListUsers,
			contract.ListUsersInput{Role: domain.Admin, PageInput: contract.PageInput{Limit: 5}})
		if err != nil {
			return page, err
		}
		page.Admins = admins.Body.Items
	}
	return page, nil
}

func creationItems(e contract.CatalogueExtension) []creationItem {
	c := e.Creates
	token := creationItem{Icon: "key", Title: "An API token", Text: e.Name +
		" acts with it, for the people that it names. You see it once, on the next page.", Fact: "shown once"}
	if c.HandsOff {
		token.Text, token.Fact = e.Name+" acts with it, for the people that it names. Its maker takes it, and nobody "+
			"here sees it.", "handed over"
	}
	for _, words := range scopesInWords(c.Scopes) {
		token.Tags = append(token.Tags, tag{Text: words})
	}
	items := []creationItem{token}
	for _, t := range c.TemplateTypes {
		item := creationItem{Icon: "template", Title: "Template type “" + t.Name + "”", Text: t.Description,
			Fact: numbered(len(t.Fields), "field", "fields")}
		for _, f := range t.Fields {
			item.Tags = append(item.Tags, tag{f.Name, string(f.Kind)})
		}
		items = append(items, item)
	}
	for _, w := range c.Webhooks {
		if len(w.Each) == 0 {
			continue
		}
		title, who := "A webhook", "It"
		if len(w.Each) > 1 {
			title, who = counted(len(w.Each), "webhook", "webhooks")+", one for each template type", "Each"
		}
		items = append(items, creationItem{Icon: "webhook", Title: title,
			Text: who + " hears of " + heard(w.EventTypes) + ".", Fact: "to " + w.Host})
	}
	if c.LifecycleHost != "" {
		items = append(items, creationItem{Icon: "activity", Title: "A message about the installation itself",
			Text: "Its maker hears when it is enabled, changed, suspended or disabled.", Fact: "to " + c.LifecycleHost})
	}
	return items
}

// Decides is the title of the card that enables.
func (p extensionPage) Decides() string {
	asked := 0
	for _, f := range p.Fields {
		if f.ID != "" {
			asked++
		}
	}
	if asked == 0 {
		return "Enable " + p.Extension.Name
	}
	return counted(asked, "thing", "things") + " " + cmp.Or(p.Extension.Maker, p.Extension.Name) + " needs to know"
}

// needers are the names of what needs the dependency.
func needers(b contract.BroughtAlong, e contract.CatalogueExtension) string {
	names := map[domain.ExtensionID]string{e.Extension: e.Name}
	for _, other := range e.Brings {
		names[other.Extension] = other.Name
	}
	var all []string
	for _, id := range b.NeededBy {
		all = append(all, names[id])
	}
	return and(all)
}

func broughtText(b contract.BroughtAlong) string {
	what := strings.TrimSuffix(b.Description, ".")
	if what != "" {
		what += ". "
	}
	does := "It gets a token"
	if scopes := scopesInWords(b.Creates.Scopes); len(scopes) > 0 {
		does += " that may " + strings.ToLower(and(scopes))
	}
	if len(b.Creates.Webhooks) == 0 {
		return what + does + ", and sends nothing."
	}
	return what + does + ", and sends to " + b.Creates.Webhooks[0].Host + "."
}

// dataSentOut says which data goes to which host.
func dataSentOut(account string, e contract.CatalogueExtension) []sentOut {
	var all []sentOut
	for _, w := range e.Creates.Webhooks {
		if len(w.Each) == 0 {
			continue
		}
		how := map[domain.AuthScheme]string{
			domain.AuthNone: "Each message is signed", domain.AuthBasic: "Signed, with a name and a password",
			domain.AuthBearer: "Signed, with a key",
			domain.AuthOAuth2: "Signed, with an access token from " + w.TokenHost,
		}[w.Scheme]
		l := sentOut{From: "Only contracts made through " + e.Name + ", from its template types", Host: w.Host,
			How: how, Data: []keyValue{
				{"Of the contract", "Name, state, workspace, template"},
				{"Its data fields", "All values, yours included"},
				{"Its participants", "Names, e-mail addresses, when each signed"},
			}}
		if len(w.Parameters) > 0 {
			l.Data = append(l.Data, keyValue{"Of you", and(parameterNames(e, w.Parameters))})
		}
		all = append(all, l)
	}
	return all
}

func parameterNames(e contract.CatalogueExtension, keys []string) []string {
	var names []string
	for _, key := range keys {
		name := key
		for _, p := range e.Parameters {
			if p.Extension == e.Extension && p.Key == key && p.Schema.Title != "" {
				name = p.Schema.Title
			}
		}
		names = append(names, name)
	}
	return names
}

func links(e contract.CatalogueExtension) []link {
	var all []link
	for _, l := range []link{{"Set-up guide", e.Links.SetupGuide}, {"Support", e.Links.Support},
		{"Privacy", e.Links.Privacy}} {
		if l.URL != "" {
			all = append(all, l)
		}
	}
	return all
}

// enable is the click. Its answer is a page and no redirect, since the tokens are in it and nowhere else.
func (k *Console) enable(q *request) (answer, error) {
	if err := q.ParseForm(); err != nil {
		return answer{}, err
	}
	page, err := k.extensionPage(q, q.PostForm)
	if err != nil {
		return answer{}, err
	}
	in := contract.EnableExtensionInput{Extension: page.Extension.Extension}
	in.Body.Parameters = parameterValues(page.Extension.Parameters, q.PostForm)
	in.Body.Versions = shownVersions(page.Extension.Extension, q.PostForm)
	if state := page.Extension.State; state != "" && state != domain.Disabled {
		return k.enabledBefore(q, page.Extension)
	}
	if !maps.Equal(in.Body.Versions, page.versions()) { // it may ask for other values now
		return page.otherOffer(q, "Another version was listed."), nil
	}
	out, err := callOnce(q, contract.EnableExtension, in, q.PostForm.Get("key"))
	if p, ok := problem(err); ok && p.Code == "offer-changed" {
		return page.otherOffer(q, differences(p)), nil
	}
	if p, ok := problem(err); ok && p.Status == http.StatusUnprocessableEntity {
		page.Fields, page.Wrong = mark(page.Fields, p), true
		return answer{template: "extension", title: "Nothing was enabled · " + page.Extension.Name, data: page,
			status: p.Status}, nil
	}
	if err != nil {
		return answer{}, err
	}
	return answer{template: "enabled", title: page.Extension.Name, data: k.enabledPage(q, page, out)}, nil
}

// enabledBefore answers a click on what an earlier click enabled.
func (k *Console) enabledBefore(q *request, e contract.CatalogueExtension) (answer, error) {
	i, err := call(q, contract.ReadInstallation, contract.InstallationInput{Extension: e.Extension})
	page := enabledPage{Extension: e, Steps: k.stepsOf(i.Body), Key: rand.Text(), Repeated: true}
	return answer{template: "enabled", title: e.Name, data: page}, err
}

// versions are those that the page shows.
func (p extensionPage) versions() map[domain.ExtensionID]int {
	versions := map[domain.ExtensionID]int{p.Extension.Extension: p.Extension.Version}
	for _, b := range p.Brings {
		versions[b.Extension] = b.Version
	}
	return versions
}

// otherOffer is the page with what changed since the form was made.
func (p extensionPage) otherOffer(q *request, why string) answer {
	p.Changed = "Nothing was enabled. " + why
	p.New, p.Gone = p.changes(q.PostForm.Get("seen"))
	return answer{template: "extension", title: p.Extension.Name, data: p, status: http.StatusConflict}
}

// differences are the details of what a problem names.
func differences(p *contract.Problem) string {
	var all []string
	for _, f := range p.Errors {
		all = append(all, f.Detail)
	}
	return strings.Join(all, " ")
}

// shownVersions are the versions that the form showed, of the extension and of those that it brings along.
func shownVersions(e domain.ExtensionID, form url.Values) contract.ShownVersions {
	versions := contract.ShownVersions{}
	versions[e], _ = strconv.Atoi(form.Get("version"))
	for _, brought := range form["brings"] {
		id, version, _ := strings.Cut(brought, " ")
		versions[domain.ExtensionID(id)], _ = strconv.Atoi(version) // no version is 0: the click is refused
	}
	return versions
}

// enabledPage is the answer to the click.
type enabledPage struct {
	Extension contract.CatalogueExtension
	Steps     stepsPart
	Tokens    []shownToken
	HandOff   bool
	Repeated  bool // this click created nothing: an earlier one did
	Key       string
}

type shownToken struct {
	Extension domain.ExtensionID
	Name      string
	Token     string
	Secret    string
}

func (k *Console) enabledPage(q *request, before extensionPage, out contract.EnableExtensionOutput) enabledPage {
	page := enabledPage{Extension: before.Extension, Steps: k.stepsOf(out.Body.Installation), Key: rand.Text(),
		Repeated: true}
	names := map[domain.ExtensionID]string{before.Extension.Extension: before.Extension.Name}
	for _, b := range before.Brings {
		names[b.Extension] = b.Name
	}
	for _, c := range out.Body.Created {
		switch {
		case c.HandOff && c.Extension == before.Extension.Extension:
			page.HandOff, page.Repeated = true, false
		case c.Token != "":
			page.Tokens, page.Repeated = append(page.Tokens,
				shownToken{c.Extension, names[c.Extension], string(c.Token), string(c.CallbackSecret)}), false
		}
	}
	return page
}
