package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/secret/secrettest"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

const acct = domain.AccountID("acct-42")

var now = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

// kit is the service on real tables and a real key, with webhooks of two extensions and of the account's own.
type kit struct {
	*storetest.Tables
	*Service
	t      *testing.T
	sealer *secret.Sealer
}

func newKit(t *testing.T) *kit {
	tables := storetest.New(t)
	k := &kit{Tables: tables, t: t, sealer: secrettest.New(t, tables)}
	k.Service = New(tables.At(func() time.Time { return now }), k.sealer, egress.Config{},
		func() time.Time { return now }, domain.NewID)
	for id, w := range map[domain.WebhookID]domain.Webhook{
		"whk_crm": {Extension: "acme-crm", TemplateType: "tt_1", URL: "https://crm.example.com"},
		"whk_erp": {Extension: "other-erp", TemplateType: "tt_2", URL: "https://erp.example.com"},
		"whk_own": {URL: "https://example.com/hooks", EventTypes: []string{"contract.signed"}},
	} {
		w.Account, w.ID, w.Name = acct, id, string(id)
		sealed, err := k.sealer.Seal(t.Context(), acct, string(id), domain.Secret("whsec_"+id))
		if err != nil {
			t.Fatal(err)
		}
		w.Secret = sealed
		k.Given(&w)
	}
	k.Given(&domain.Webhook{Account: "acct-43", ID: "whk_foreign", Name: "foreign", URL: "https://example.com"})
	return k
}

func admin(t *testing.T) context.Context {
	return auth.With(t.Context(), auth.Caller{Model: auth.ModelDashboard, Account: acct,
		User: &domain.User{ID: "u", Role: domain.Admin}})
}

func extension(t *testing.T, e domain.ExtensionID) context.Context {
	return auth.With(t.Context(), auth.Caller{Model: auth.ModelIntegration, Account: acct,
		Token: &domain.Token{Account: acct, Extension: e}})
}

func is(t *testing.T, what string, err error, kind fault.Kind, code string) {
	t.Helper()
	if fault.KindOf(err) != kind || !fault.Is(err, code) {
		t.Errorf("%s: got %v, want %s %s", what, err, kind, code)
	}
}

// pointers is where an Invalid says that something is wrong.
func pointers(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Invalid {
		return fmt.Sprint(err)
	}
	var all []string
	for _, field := range f.Fields {
		all = append(all, field.Pointer+" "+field.Code)
	}
	return strings.Join(all, ", ")
}

func TestWebhooks_WhoSeesWhich(t *testing.T) {
	k := newKit(t)
	ownToken := auth.With(t.Context(), auth.Caller{Model: auth.ModelIntegration, Account: acct,
		Token: &domain.Token{Account: acct}})
	for name, c := range map[string]struct {
		ctx  context.Context
		want []domain.WebhookID
	}{
		"an admin":                   {admin(t), []domain.WebhookID{"whk_crm", "whk_erp", "whk_own"}},
		"the account's own token":    {ownToken, []domain.WebhookID{"whk_crm", "whk_erp", "whk_own"}},
		"acme-crm's token":           {extension(t, "acme-crm"), []domain.WebhookID{"whk_crm"}},
		"other-erp's token":          {extension(t, "other-erp"), []domain.WebhookID{"whk_erp"}},
		"a token that has none here": {extension(t, "third"), nil},
	} {
		out, err := k.List(c.ctx, &contract.ListWebhooksInput{PageInput: contract.PageInput{Limit: 50}})
		if err != nil {
			t.Fatal(err)
		}
		var got []domain.WebhookID
		for _, w := range out.Body.Items {
			got = append(got, w.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
		for _, id := range []domain.WebhookID{"whk_crm", "whk_erp", "whk_own", "whk_foreign", "whk_none", ""} {
			in := &contract.WebhookInput{Webhook: id}
			_, read := k.Read(c.ctx, in)
			test := &contract.SendTestEventInput{Webhook: id}
			test.Body.EventType = "webhook.ping"
			_, secret := k.RotateSecret(c.ctx, &contract.RotateWebhookSecretInput{Webhook: id})
			_, sent := k.SendTest(c.ctx, test)
			_, list := k.ListDeliveries(c.ctx, &contract.ListDeliveriesInput{Webhook: id,
				PageInput: contract.PageInput{Limit: 1}})
			for what, err := range map[string]error{"read": read, "secret": secret, "test": sent, "deliveries": list} {
				if slices.Contains(c.want, id) {
					if err != nil {
						t.Errorf("%s, %s of %s: %v", name, what, id, err)
					}
					continue
				}
				is(t, fmt.Sprintf("%s, %s of %q", name, what, id), err, fault.NotFound, "not-found")
			}
		}
	}
}

func TestRule8_AManagedWebhookIsChangedByNobody(t *testing.T) {
	k := newKit(t)
	before, _ := k.Webhook(t.Context(), acct, "whk_crm")
	text, yes := "https://elsewhere.example.com", true
	for name, set := range map[string]func(*contract.UpdateWebhookInput){
		"url":                 func(in *contract.UpdateWebhookInput) { in.Body.URL = &text },
		"the url that it has": func(in *contract.UpdateWebhookInput) { in.Body.URL = &before.URL },
		"name":                func(in *contract.UpdateWebhookInput) { in.Body.Name = &text },
		"event types":         func(in *contract.UpdateWebhookInput) { in.Body.EventTypes = contract.Only[string]{} },
		"policy":              func(in *contract.UpdateWebhookInput) { in.Body.Policy = &domain.SendPolicy{} },
		"auth": func(in *contract.UpdateWebhookInput) {
			in.Body.Auth = &contract.EndpointAuthBody{Scheme: "none"}
		},
		"headers": func(in *contract.UpdateWebhookInput) {
			in.Body.Headers = map[string]*string{"X-Key": &text}
		},
		"workspaces": func(in *contract.UpdateWebhookInput) {
			in.Body.Workspaces = contract.Only[domain.WorkspaceID]{"sales"}
		},
		"template types": func(in *contract.UpdateWebhookInput) {
			in.Body.TemplateTypes = contract.Only[domain.TemplateTypeID]{"tt_1"}
		},
		"paused, and name": func(in *contract.UpdateWebhookInput) { in.Body.Paused, in.Body.Name = &yes, &text },
	} {
		in := &contract.UpdateWebhookInput{Webhook: "whk_crm"}
		set(in)
		_, err := k.Update(admin(t), in)
		is(t, name, err, fault.Conflict, "managed-resource")
		if err != nil && !strings.Contains(err.Error(), "acme-crm") {
			t.Errorf("%s: %v names no extension", name, err)
		}
	}
	_, err := k.Delete(admin(t), &contract.WebhookInput{Webhook: "whk_crm"})
	is(t, "delete", err, fault.Conflict, "managed-resource")
	if after, err := k.Webhook(t.Context(), acct, "whk_crm"); err != nil || after.Rev != before.Rev {
		t.Errorf("it changed: %+v, %v", after, err)
	}
	in := &contract.UpdateWebhookInput{Webhook: "whk_crm"}
	in.Body.Paused = &yes
	if out, err := k.Update(admin(t), in); err != nil || !out.Body.Paused {
		t.Errorf("pausing: %v", err)
	}
	if after, _ := k.Webhook(t.Context(), acct, "whk_crm"); !after.Paused || after.URL != before.URL ||
		after.Secret != before.Secret {
		t.Errorf("after pausing: %+v", after)
	}
}

func create(name, url string, types ...string) *contract.CreateWebhookInput {
	in := &contract.CreateWebhookInput{}
	in.Body.Name, in.Body.URL, in.Body.EventTypes = name, url, types
	return in
}

func TestCreate_AWebhookWithASecretOfItsOwn(t *testing.T) {
	k := newKit(t)
	secrets := map[domain.ShownOnce]bool{}
	for range 2 {
		out, err := k.Create(admin(t), create("Orders", "https://example.com/orders", "contract.signed"))
		if err != nil {
			t.Fatal(err)
		}
		w, err := k.Webhook(t.Context(), acct, out.Body.ID)
		if err != nil || w.Extension != "" || w.URL != "https://example.com/orders" || !w.CreatedAt.Equal(now) {
			t.Errorf("got %+v, %v", w, err)
		}
		if plain, err := k.sealer.Open(t.Context(), acct, string(w.ID), w.Secret); err != nil ||
			plain.Reveal() != string(out.Body.SigningSecret) || !strings.HasPrefix(plain.Reveal(), "whsec_") {
			t.Errorf("the answer shows another secret than the webhook's: %v", err)
		}
		secrets[out.Body.SigningSecret] = true
		if read, err := k.Read(admin(t), &contract.WebhookInput{Webhook: out.Body.ID}); err != nil ||
			read.ETag != out.ETag || fmt.Sprint(read.Body.WebhookView) != fmt.Sprint(out.Body.WebhookView) {
			t.Errorf("read again: %+v, %v", read, err)
		}
	}
	if len(secrets) != 2 {
		t.Error("two webhooks share a secret")
	}
}

func TestCreate_EveryWrongFieldIsNamed(t *testing.T) {
	k := newKit(t)
	for name, c := range map[string]struct {
		in   *contract.CreateWebhookInput
		want string
	}{
		"all of it": {create("a", "ftp://127.0.0.1/", "contract.signed", "contract.unsigned",
			"contract.signed"), "/url invalid, /event_types/1 unknown-event-type, /event_types/2 duplicate"},
		"plain HTTP":          {create("a", "http://example.com:8080/"), "/url invalid"},
		"a private address":   {create("a", "https://10.0.0.1/"), "/url invalid"},
		"a port below 1024":   {create("a", "https://example.com:22/"), "/url invalid"},
		"credentials in it":   {create("a", "https://user:pass@example.com/"), "/url invalid"},
		"no absolute URL":     {create("a", "/hooks"), "/url invalid"},
		"an empty event type": {create("a", "https://example.com/", ""), "/event_types/0 unknown-event-type"},
	} {
		err := fault.InvalidFields(c.in.Check()) // as the contract asks first
		if err == nil {
			_, err = k.Create(admin(t), c.in)
		}
		if got := pointers(err); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if all, _ := k.Webhooks(t.Context(), acct); len(all) != 3 {
		t.Errorf("the account has %d webhooks, want 3 as before", len(all))
	}
	k.Service.egress.AllowPrivate = true
	if _, err := k.Create(admin(t), create("a", "http://127.0.0.1:8080/")); err != nil {
		t.Errorf("where private targets are allowed: %v", err)
	}
}

func TestRule27_TheQuotaOfWebhooksIsNamed(t *testing.T) {
	k := newKit(t)
	k.Given(&domain.QuotaUse{Account: acct, Quota: domain.QuotaWebhooks,
		Used: domain.LimitOf(domain.QuotaWebhooks).Limit})
	_, err := k.Create(admin(t), create("one more", "https://example.com/"))
	is(t, "one more", err, fault.Conflict, "quota-exceeded")
	if _, err := k.Delete(admin(t), &contract.WebhookInput{Webhook: "whk_own"}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Create(admin(t), create("instead", "https://example.com/")); err != nil {
		t.Errorf("after a deletion: %v", err)
	}
}

func TestUpdate_OwnWebhook(t *testing.T) {
	k := newKit(t)
	name, url, types, yes := "New", "https://new.example.com/", contract.Only[string]{"contract.created"}, true
	in := &contract.UpdateWebhookInput{Webhook: "whk_own"}
	in.Body.Name, in.Body.URL, in.Body.EventTypes, in.Body.Paused = &name, &url, types, &yes
	before, _ := k.Webhook(t.Context(), acct, "whk_own")
	out, err := k.Update(admin(t), in)
	if err != nil {
		t.Fatal(err)
	}
	after, _ := k.Webhook(t.Context(), acct, "whk_own")
	if after.Name != name || after.URL != url || !slices.Equal(after.EventTypes, types) || !after.Paused ||
		after.Secret != before.Secret || !after.UpdatedAt.Equal(now) {
		t.Errorf("got %+v", after)
	}
	if fmt.Sprint(out.Body) != fmt.Sprint(contract.ViewWebhook(after, domain.WebhookBlueprint{}, domain.Health{},
		now)) {
		t.Errorf("answered %+v, stored %+v", out.Body, after)
	}
	bad := "http://10.0.0.1/"
	in.Body.URL, in.Body.EventTypes = &bad, contract.Only[string]{"nothing.happened"}
	if got := pointers(fault.InvalidFields(in.Check())); got != "/event_types/0 unknown-event-type" {
		t.Errorf("got %q", got)
	}
	_, err = k.Update(admin(t), in)
	if got := pointers(err); got != "/url invalid" {
		t.Errorf("got %q", got)
	}
}

// What was allowed when it was made, on another stage or by an older version, can still be paused.
func TestUpdate_PausingIsAlwaysPossible(t *testing.T) {
	k := newKit(t)
	k.Given(&domain.Webhook{Account: acct, ID: "whk_old", URL: "http://10.0.0.1/",
		EventTypes: []string{"contract.forgotten"}})
	yes := true
	in := &contract.UpdateWebhookInput{Webhook: "whk_old"}
	in.Body.Paused = &yes
	if _, err := k.Update(admin(t), in); err != nil {
		t.Error(err)
	}
}

// Health is runtime state (design rule 8): an admin enables what was disabled, managed webhooks too, whose definition
// nobody changes with it.
func TestRule8_AnAdminEnablesWhatWasDisabledManagedToo(t *testing.T) {
	k := newKit(t)
	since, at := now.Add(-120*time.Hour), now.Add(-time.Hour)
	for _, id := range []domain.WebhookID{"whk_crm", "whk_own"} {
		k.Given(&domain.Health{Account: acct, Webhook: id, FailingSince: since, WarnedAt: since.Add(day),
			DisabledAt: at, Reason: "The answer was 500."})
		read, err := k.Read(admin(t), &contract.WebhookInput{Webhook: id})
		if err != nil {
			t.Fatal(err)
		}
		want := contract.HealthView{State: domain.HealthDisabled, FailingSince: since, WarnedAt: since.Add(day)}
		if got := read.Body; got.Health != want || got.Disabled == nil ||
			*got.Disabled != (contract.Disablement{Reason: "The answer was 500.", At: at}) || got.Paused {
			t.Errorf("%s reads as %+v, %+v", id, got, got.Disabled)
		}
		list, err := k.List(admin(t), &contract.ListWebhooksInput{PageInput: contract.PageInput{Limit: 50}})
		if err != nil || len(list.Body.Items) != 3 {
			t.Fatalf("%d webhooks are listed, %v", len(list.Body.Items), err)
		}
		for _, v := range list.Body.Items {
			if (v.Health.State == domain.HealthDisabled) != (v.ID == id) {
				t.Errorf("%s is listed as %s", v.ID, v.Health.State)
			}
		}
		yes := true
		in := &contract.UpdateWebhookInput{Webhook: id}
		in.Body.Paused = &yes // which is something else
		if out, err := k.Update(admin(t), in); err != nil || out.Body.Disabled == nil || !out.Body.Paused {
			t.Errorf("pausing %s: %+v, %v", id, out, err)
		}
		in = &contract.UpdateWebhookInput{Webhook: id}
		in.Body.Enabled = &yes
		if out, err := k.Update(admin(t), in); err != nil || out.Body.Disabled != nil ||
			out.Body.Health != (contract.HealthView{State: domain.HealthGood}) || !out.Body.Paused {
			t.Errorf("enabling %s: %+v, %v", id, out, err)
		}
		if w, h, err := k.WebhookAndHealth(t.Context(), acct, id); err != nil || h.State() != domain.HealthGood ||
			w.URL == "" {
			t.Errorf("%s is %+v, %+v, %v", id, w, h, err)
		}
	}
	no := false
	in := &contract.UpdateWebhookInput{Webhook: "whk_own"}
	in.Body.Enabled = &no
	if got := pointers(fault.InvalidFields(in.Check())); got != "/enabled invalid" {
		t.Errorf("disabling by hand: got %q", got)
	}
}

// Enabling by hand closes the breaker, whatever the state, and sends a ping to see.
func TestRule20_AnOpenBreakerAndASlowEndpointAreShownAndEnablingSendsAPing(t *testing.T) {
	k := newKit(t)
	k.Given(&domain.Health{Account: acct, Webhook: "whk_own", FailingSince: now, SlowSince: now.Add(time.Minute),
		Breaker: domain.Breaker{OpenedAt: now.Add(time.Hour), ProbeAt: now.Add(2 * time.Hour)}})
	var parked []events.Delivery
	for n := range contract.ParkedMost + 20 {
		event := domain.EventID(fmt.Sprint("evt_", n))
		parked = append(parked, events.Delivery{ID: domain.DeliveryOf(event, "whk_own"), Account: acct,
			Webhook: "whk_own", Event: event, EventAt: now, Attempt: 1})
	}
	shown := func(parked int, breaker *contract.BreakerView, slow time.Time) {
		t.Helper()
		read, err := k.Read(admin(t), &contract.WebhookInput{Webhook: "whk_own"})
		if err != nil {
			t.Fatal(err)
		}
		if h := read.Body.Health; read.Body.Parked != parked || !h.SlowSince.Equal(slow) ||
			(h.Breaker == nil) != (breaker == nil) || breaker != nil && *h.Breaker != *breaker {
			t.Errorf("it reads as %+v with %d parked, want %d, %+v, %s", h, read.Body.Parked, parked, breaker, slow)
		}
		list, err := k.List(admin(t), &contract.ListWebhooksInput{PageInput: contract.PageInput{Limit: 50}})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list.Body.Items {
			if (v.Health.Breaker != nil) != (v.ID == "whk_own" && breaker != nil) {
				t.Errorf("%s is listed as %+v", v.ID, v.Health)
			}
		}
	}
	open := &contract.BreakerView{OpenedAt: now.Add(time.Hour), NextProbeAt: now.Add(2 * time.Hour)}
	for _, n := range []int{0, 7, len(parked)} {
		if err := k.Park(t.Context(), parked[:n]); err != nil {
			t.Fatal(err)
		}
		shown(min(n, contract.ParkedMost), open, now.Add(time.Minute))
	}
	yes := true
	in := &contract.UpdateWebhookInput{Webhook: "whk_own"}
	in.Body.Enabled = &yes
	if _, err := k.Update(admin(t), in); err != nil {
		t.Fatal(err)
	}
	shown(contract.ParkedMost, nil, time.Time{})
	var told []events.Event
	for _, r := range k.Outbox(1).Records {
		e, err := store.EventOf(r)
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, e)
	}
	if len(told) != 1 || told[0].Subject.EventType != string(events.WebhookPing) || told[0].Subject.Only != "whk_own" {
		t.Errorf("told %+v, want a ping to it", told)
	}
}

const day = 24 * time.Hour

// A deleted webhook's health goes with it.
func TestDelete_ForgetsHowItFared(t *testing.T) {
	k := newKit(t)
	k.Given(&domain.Health{Account: acct, Webhook: "whk_own", FailingSince: now})
	if _, err := k.Delete(admin(t), &contract.WebhookInput{Webhook: "whk_own"}); err != nil {
		t.Fatal(err)
	}
	if _, health, err := k.WebhooksAndHealth(t.Context(), acct); err != nil || len(health) > 0 {
		t.Errorf("left: %+v, %v", health, err)
	}
}

// A page of answers that were as long as may be kept stays far below the 6 MB that a Lambda may answer.
func TestListDeliveries_ShowsTheFirstOfLongAnswersAndReadingOneAll(t *testing.T) {
	k := newKit(t)
	line := attempt("whk_own", "evt_1", 1, domain.OutcomeFailed)
	line.Excerpt = strings.Repeat("☃", 16<<10/3)
	if err := k.AppendAttempts(t.Context(), []domain.Attempt{line}); err != nil {
		t.Fatal(err)
	}
	list, err := k.ListDeliveries(admin(t), &contract.ListDeliveriesInput{PageInput: contract.PageInput{Limit: 50},
		Webhook: "whk_own", Day: line.EventDay})
	if err != nil {
		t.Fatal(err)
	}
	if got := list.Body.Items[0].Attempts[0].Excerpt; len(got) > excerptListed || len(got) < excerptListed-3 ||
		!strings.HasPrefix(line.Excerpt, got) {
		t.Errorf("listed with %d bytes", len(got))
	}
	one, err := k.ReadDelivery(admin(t), &contract.ReadDeliveryInput{Webhook: "whk_own",
		Delivery: domain.DeliveryOf("evt_1", "whk_own"), Day: line.EventDay})
	if err != nil || one.Body.Attempts[0].Excerpt != line.Excerpt {
		t.Errorf("read with %d bytes, %v", len(one.Body.Attempts[0].Excerpt), err)
	}
}

func TestDelete_OwnWebhookOnce(t *testing.T) {
	k := newKit(t)
	in := &contract.WebhookInput{Webhook: "whk_own"}
	if _, err := k.Delete(admin(t), in); err != nil {
		t.Fatal(err)
	}
	_, err := k.Delete(admin(t), in)
	is(t, "again", err, fault.NotFound, "not-found")
	_, err = k.Delete(admin(t), &contract.WebhookInput{Webhook: "whk_foreign"})
	is(t, "another account's", err, fault.NotFound, "not-found")
}

func attempt(w domain.WebhookID, event string, number int, o domain.Outcome) domain.Attempt {
	return domain.Attempt{
		Account: acct, Webhook: w, Event: domain.EventID(event), EventType: "contract.signed", EventDay: "2026-11-22",
		Number: number, Outcome: o,
		At: domain.SystemClock().Add(time.Duration(number) * time.Second),
	}
}

func TestListDeliveries_ADayNewestFirstByCursor(t *testing.T) {
	k := newKit(t)
	var lines []domain.Attempt
	for i := range 9 {
		lines = append(lines, attempt("whk_own", fmt.Sprint("evt_", i), 1, domain.OutcomeFailed),
			attempt("whk_own", fmt.Sprint("evt_", i), 2, domain.OutcomeDelivered))
	}
	yesterday := attempt("whk_own", "evt_yesterday", 1, domain.OutcomeDelivered)
	yesterday.EventDay = "2026-11-21"
	if err := k.AppendAttempts(t.Context(),
		append(lines, yesterday, attempt("whk_crm", "evt_other", 1, domain.OutcomeSkipped))); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 4, 9, 50} {
		var got []string
		in := &contract.ListDeliveriesInput{Webhook: "whk_own", PageInput: contract.PageInput{Limit: limit}}
		for {
			out, err := k.ListDeliveries(admin(t), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range out.Body.Items {
				got = append(got, string(d.Event))
				if d.State != domain.DeliveryDelivered || len(d.Attempts) != 2 || d.Attempts[0].Number != 1 ||
					d.ID != domain.DeliveryOf(d.Event, "whk_own") {
					t.Errorf("got %+v", d)
				}
			}
			if in.Cursor = out.Body.NextCursor; in.Cursor == "" {
				break
			}
		}
		if want := "evt_8 evt_7 evt_6 evt_5 evt_4 evt_3 evt_2 evt_1 evt_0"; strings.Join(got, " ") != want {
			t.Errorf("by %d: got %v, want %s", limit, got, want)
		}
	}
	out, err := k.ListDeliveries(admin(t),
		&contract.ListDeliveriesInput{Webhook: "whk_own", Day: "2026-11-21", PageInput: contract.PageInput{Limit: 5}})
	if err != nil || len(out.Body.Items) != 1 || out.Body.Items[0].Event != "evt_yesterday" {
		t.Errorf("the day before: got %+v, %v", out, err)
	}
}

// A list that began before midnight stays with the day that it began with.
func TestListDeliveries_GoesOnOverMidnight(t *testing.T) {
	k := newKit(t)
	var lines []domain.Attempt
	for i := range 3 {
		lines = append(lines, attempt("whk_own", fmt.Sprint("evt_", i), 1, domain.OutcomeDelivered))
	}
	if err := k.AppendAttempts(t.Context(), lines); err != nil {
		t.Fatal(err)
	}
	in := &contract.ListDeliveriesInput{Webhook: "whk_own", PageInput: contract.PageInput{Limit: 1}}
	var got []string
	for {
		out, err := k.ListDeliveries(admin(t), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range out.Body.Items {
			got = append(got, string(d.Event))
		}
		if in.Cursor = out.Body.NextCursor; in.Cursor == "" {
			break
		}
		k.Service.now = func() time.Time { return now.AddDate(0, 0, 1) }
	}
	if want := "evt_2 evt_1 evt_0"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestReadDelivery_ByItsID(t *testing.T) {
	k := newKit(t)
	if err := k.AppendAttempts(t.Context(), []domain.Attempt{
		attempt("whk_crm", "evt_1", 2, domain.OutcomeFailed), attempt("whk_crm", "evt_1", 1, domain.OutcomeFailed),
		attempt("whk_own", "evt_1", 1, domain.OutcomeDelivered),
	}); err != nil {
		t.Fatal(err)
	}
	of := func(w domain.WebhookID) domain.DeliveryID { return domain.DeliveryOf("evt_1", w) }
	out, err := k.ReadDelivery(extension(t, "acme-crm"),
		&contract.ReadDeliveryInput{Webhook: "whk_crm", Delivery: of("whk_crm")})
	if err != nil || out.Body.State != domain.DeliveryRetrying || len(out.Body.Attempts) != 2 ||
		out.Body.ID != of("whk_crm") {
		t.Errorf("got %+v, %v", out, err)
	}
	for name, in := range map[string]*contract.ReadDeliveryInput{
		"another webhook's":   {Webhook: "whk_crm", Delivery: of("whk_own")},
		"another day":         {Webhook: "whk_crm", Delivery: of("whk_crm"), Day: "2026-11-21"},
		"not attempted yet":   {Webhook: "whk_crm", Delivery: domain.DeliveryOf("evt_2", "whk_crm")},
		"no delivery's id":    {Webhook: "whk_crm", Delivery: "dlv_x"},
		"not the extension's": {Webhook: "whk_own", Delivery: of("whk_own")},
	} {
		_, err := k.ReadDelivery(extension(t, "acme-crm"), in)
		is(t, name, err, fault.NotFound, "not-found")
	}
}

// A managed webhook shows the scheme that its blueprint declares, in list, read and update, and none of its templates.
func TestRule8_AManagedWebhookShowsItsDeclaredAuth(t *testing.T) {
	k := newKit(t)
	schemes := map[domain.WebhookID]domain.WebhookAuth{
		"whk_m1": {}, "whk_m2": {Scheme: domain.AuthBasic, Username: "{{user}}", Password: "{{api_key}}"},
		"whk_m3": {Scheme: domain.AuthBearer, Token: "{{api_key}}"},
		"whk_m4": {Scheme: domain.AuthOAuth2, TokenURL: "https://id.example.com/token", ClientID: "{{user}}",
			ClientSecret: "{{api_key}}", ClientAuth: domain.ClientAuthPost},
	}
	b := domain.Blueprint{Extension: "acme-shown", Version: 3}
	for id, auth := range schemes {
		b.Webhooks = append(b.Webhooks, domain.WebhookBlueprint{Key: string(id), Auth: auth,
			Headers: map[string]string{"X-Key": "{{api_key}}"}})
		k.Given(&domain.Webhook{Account: acct, ID: id, Extension: "acme-shown", Version: 3, WebhookKey: string(id),
			URL: "https://example.com/"})
	}
	k.Given(&b, &domain.Webhook{Account: acct, ID: "whk_m5", Extension: "acme-shown", Lifecycle: true,
		URL: "https://example.com/"})
	schemes["whk_m5"] = domain.WebhookAuth{}
	list, err := k.List(admin(t), &contract.ListWebhooksInput{PageInput: contract.PageInput{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	shown := map[domain.WebhookID][]contract.WebhookView{}
	for _, v := range list.Body.Items {
		shown[v.ID] = append(shown[v.ID], v)
	}
	for id, auth := range schemes {
		read, err := k.Read(admin(t), &contract.WebhookInput{Webhook: id})
		if err != nil {
			t.Fatal(err)
		}
		paused := true
		in := &contract.UpdateWebhookInput{Webhook: id}
		in.Body.Paused = &paused
		updated, err := k.Update(admin(t), in)
		if err != nil {
			t.Fatal(err)
		}
		want := string(auth.Scheme)
		if want == "" {
			want = "none"
		}
		for where, v := range map[string]contract.WebhookView{"list": shown[id][0], "read": read.Body.WebhookView,
			"update": updated.Body} {
			raw, _ := json.Marshal(v)
			if v.Auth.Scheme != want || !v.Auth.Managed || v.Auth.Set == nil || len(v.Auth.Set) > 0 ||
				v.Auth.TokenURL != auth.TokenURL || strings.Contains(string(raw), "{{") {
				t.Errorf("%s, %s: %s, want the scheme %s", id, where, raw, want)
			}
			if id != "whk_m5" && !slices.Equal(v.Headers, []string{"X-Key"}) {
				t.Errorf("%s, %s: the headers are %v", id, where, v.Headers)
			}
		}
	}
	if own, err := k.Read(admin(t), &contract.WebhookInput{Webhook: "whk_own"}); err != nil || own.Body.Auth.Managed ||
		own.Body.Auth.Scheme != "none" {
		t.Errorf("an own one shows %+v, %v", own.Body.Auth, err)
	}
}
