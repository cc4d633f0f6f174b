package functions_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"plugboard/functions/enablement"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Rule 11: an account sees an extension that nobody reviewed once one of its admins accepts the invitation.

func (a *actors) invites(extension string, accounts ...string) answer {
	a.t.Helper()
	return a.want(a.call(a.partner, "PUT", "/v1/extensions/"+extension+"/test-accounts",
		object{"accounts": append([]string{}, accounts...)}), 200)
}

func invitationTo(extension, answer string) string {
	return "/v1/invitations/" + extension + "/" + answer
}

// accepts lets the account's admin accept.
func (a *actors) accepts(account, extension string) {
	a.t.Helper()
	a.want(a.call(a.dashboard(domain.AccountID(account), "ada"), "POST", invitationTo(extension, "accept"), nil), 200)
}

func TestRule11_AnAdminAcceptsBeforeTheAccountSeesIt(t *testing.T) {
	d := newDeveloping(t)
	d.submit(unlisted, coreBlueprint())
	d.invites(unlisted, "customer")
	seesIt := func(want bool) {
		t.Helper()
		version, _ := d.sees("customer", unlisted)
		if (version != nil) != want {
			t.Errorf("the catalogue shows version %v, want it shown: %v", version, want)
		}
	}
	seesIt(false)
	d.refused(d.call(d.admin, "PUT", "/v1/installations/"+unlisted, object{}), 404, "not-found")
	list := d.want(d.call(d.admin, "GET", "/v1/invitations", nil), 200)
	if got := lines(list.at("items"), "extension_id", "name", "partner_name", "contact", "state"); got != unlisted+
		" Next Acme help@acme.test pending \n" {
		t.Errorf("the invitations are %q", got)
	}
	for _, answer := range []string{"accept", "decline"} {
		d.refused(d.call(d.member, "POST", invitationTo(unlisted, answer), nil), 403, "missing-role")
		d.refused(d.call(d.dashboard("other", "ada"), "POST", invitationTo(unlisted, answer), nil), 404, "not-found")
		d.refused(d.call(d.admin, "POST", invitationTo("acme-nothing", answer), nil), 404, "not-found")
	}
	for range 2 { // a second click
		if got := d.want(d.call(d.admin, "POST", invitationTo(unlisted, "accept"), nil),
			200).str("state"); got != "accepted" {
			t.Errorf("the accepted invitation is %s", got)
		}
	}
	seesIt(true)
	if d.used(domain.QuotaTrials) != 1 {
		t.Errorf("%d trials are counted, want 1", d.used(domain.QuotaTrials))
	}
	d.want(d.call(d.admin, "PUT", "/v1/installations/"+unlisted, object{}), 202)
	d.settle()
	for range 2 {
		d.want(d.call(d.admin, "POST", invitationTo(unlisted, "decline"), nil), 200)
	}
	seesIt(false)
	d.state(unlisted, "enabled") // what is enabled stays
	d.invites(unlisted)
	d.invites(unlisted, "customer") // who declined is not asked again
	if got := lines(d.want(d.call(d.admin, "GET", "/v1/invitations", nil), 200).at("items"),
		"state"); got != "declined \n" || d.used(domain.QuotaTrials) != 0 {
		t.Errorf("after declining the invitations are %q, and %d trials are counted", got, d.used(domain.QuotaTrials))
	}
	d.accepts("customer", unlisted) // an admin may still come round
	seesIt(true)
	d.invites(unlisted)
	seesIt(false)
	if d.used(domain.QuotaTrials) != 0 {
		t.Errorf("%d trials are counted after the partner took its invitation back", d.used(domain.QuotaTrials))
	}
	d.refused(d.call(d.admin, "POST", invitationTo(unlisted, "accept"), nil), 404, "not-found")
}

// A declined invitation, a pending one and one to nobody read the same.
func TestRule11_APartnerLearnsOfAnAccountOnlyWhenItAccepts(t *testing.T) {
	d := newDeveloping(t)
	d.invites(unlisted, "customer", "other", "nowhere")
	d.want(d.call(d.admin, "POST", invitationTo(unlisted, "decline"), nil), 200)
	seen := func() string {
		t.Helper()
		e := d.want(d.call(d.partner, "GET", "/v1/extensions/"+unlisted, nil), 200)
		return fmt.Sprint(e.at("test_accounts"), e.at("accepted_test_accounts"))
	}
	if got := seen(); got != "[customer other nowhere] <nil>" {
		t.Errorf("the partner sees %s", got)
	}
	d.accepts("other", unlisted)
	if got := seen(); got != "[customer other nowhere] [other]" {
		t.Errorf("the partner sees %s", got)
	}
	if strings.Contains(d.dump(), "ACCOUNT#nowhere") {
		t.Error("something is stored of an account that does not exist")
	}
}

func TestRule27_AnAccountTriesOnlySoManyAndAPartnerHasOnlySoMany(t *testing.T) {
	d := newDeveloping(t)
	second := "acme-second"
	d.want(d.call(d.partner, "POST", "/v1/extensions",
		object{"slug": second, "name": "Second", "template_type_keys": []string{}}), 201)
	for _, e := range []string{unlisted, second} {
		d.invites(e, "customer")
	}
	d.use(domain.QuotaTrials, domain.LimitOf(domain.QuotaTrials).Limit-1)
	var got [2]answer
	var both sync.WaitGroup
	for n, e := range []string{unlisted, second} {
		both.Go(func() { got[n], _ = d.try(d.admin, "POST", invitationTo(e, "accept"), nil) })
	}
	both.Wait()
	accepted := 0
	for _, g := range got {
		switch {
		case g.status == 200:
			accepted++
		case g.status != 409 || g.str("code") != "quota-exceeded" || !strings.Contains(g.str("detail"), `"trials"`):
			t.Errorf("got %d %s", g.status, g.raw)
		}
	}
	if accepted != 1 {
		t.Errorf("%d of two were accepted before the limit, want 1", accepted)
	}

	id := domain.PartnerID(d.want(d.call(d.partner, "GET", "/v1/extensions/"+unlisted, nil), 200).str("partner_id"))
	for n := range domain.MaxExtensions - 5 { // with the four that there are, one is left
		e := domain.ExtensionID(fmt.Sprintf("acme-%03d", n))
		d.tables.Given(&domain.Extension{ID: e, Partner: id}, &domain.Authored{Partner: id, Extension: e})
	}
	for n := range got {
		both.Go(func() {
			got[n], _ = d.try(d.partner, "POST", "/v1/extensions", object{"slug": fmt.Sprint("acme-last-", "ab"[n:n+1]),
				"name": "Last", "template_type_keys": []string{}})
		})
	}
	both.Wait()
	d.refused(d.call(d.partner, "POST", "/v1/extensions",
		object{"slug": "acme-more", "name": "More", "template_type_keys": []string{}}), 409, "quota-exceeded")
	if (got[0].status == 201) == (got[1].status == 201) {
		t.Errorf("of two at once before the limit: %d and %d", got[0].status, got[1].status)
	}
}

// catalogueReads is what a page of the customer's catalogue takes.
func (a *actors) catalogueReads() int64 {
	a.t.Helper()
	a.cost.reset()
	a.want(a.call(a.admin, "GET", "/v1/catalogue?limit=2", nil), 200)
	return a.cost.read.Load()
}

func TestRule11_TheCatalogueCostsNoMoreForWhatOthersOffer(t *testing.T) {
	d := newDeveloping(t)
	d.catalogueReads() // reads the platform's keys once
	before := d.catalogueReads()
	for n := range 60 {
		e := domain.Extension{ID: domain.ExtensionID(fmt.Sprintf("acme-%03d", n)), Name: "Many", Partner: "par_x",
			LatestVersion: 1}
		invitation := domain.InvitationTo("customer", e, domain.Partner{Name: "Other"}, d.now())
		listing := domain.Listing{Extension: domain.ExtensionID(fmt.Sprintf("zulu-%03d", n)), Version: 1,
			Name: "Listed"}
		d.tables.Given(&e, &invitation, &listing)
	}
	if after := d.catalogueReads(); after != before {
		t.Errorf("a page takes %d reads with 60 invitations and listings more, and %d without", after, before)
	}
}

func TestRule27_NothingOfAnInvitationOutlivesTheAccount(t *testing.T) {
	s := &scene{actors: newActors(newWorld(t))}
	for _, e := range []string{"acme-accepted", "acme-declined", "acme-pending"} {
		s.want(s.call(s.partner, "POST", "/v1/extensions",
			object{"slug": e, "name": e, "template_type_keys": []string{}}), 201)
		s.invites(e, "customer", "other")
		if answer := strings.TrimPrefix(e, "acme-"); answer != "pending" {
			s.want(s.call(s.admin, "POST", invitationTo(e,
				map[string]string{"accepted": "accept", "declined": "decline"}[answer]), nil), 200)
		}
	}
	s.erased(s.remove())
	if left := traces(s.dump()); len(left) > 0 {
		t.Errorf("%d lines are left, like %s", len(left), left[0])
	}
}

// The partner takes the invitation back between the read of the invitation and the read of its extension.
func TestRule11_AnInvitationThatIsTakenBackMeanwhileIsNotAccepted(t *testing.T) {
	d := newDeveloping(t)
	d.submit(unlisted, coreBlueprint())
	d.invites(unlisted, "customer")
	once := sync.OnceFunc(func() { d.invites(unlisted) })
	between := func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("between",
				func(ctx context.Context, in middleware.InitializeInput,
					next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
					if get, ok := in.Parameters.(*dynamodb.GetItemInput); ok &&
						text(get.Key, store.PartitionKey) == "EXTENSION#"+unlisted {
						once()
					}
					return next.HandleInitialize(ctx, in)
				}), middleware.Before)
		})
	}
	service := enablement.New(d.tables.At(d.now, between), d.sealer, d.now, domain.NewID)
	ctx := auth.With(t.Context(), auth.Caller{Model: auth.ModelDashboard, Account: "customer"})
	_, err := service.AcceptInvitation(ctx, &contract.InvitationInput{Extension: unlisted})
	if fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v, want not found", err)
	}
	if trials, err := d.tables.Trials(t.Context(), "customer"); err != nil || len(trials) != 0 {
		t.Errorf("the account tries %v (%v)", trials, err)
	}
}
