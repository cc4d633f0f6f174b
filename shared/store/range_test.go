package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

// outside are places of a list that is not the caller's, below and above its own, and places of no list.
var outside = map[string]string{
	"before every key":    "\x00",
	"before the prefix":   "par_a#zulu",
	"cut within it":       "par_",
	"the next prefix":     "par_c#",
	"a name in the next":  "par_c#alfa",
	"after every letter":  "\U0010ffff",
	"no text at all":      "\xff\xff",
	"what follows a hash": "par_b$",
}

// A place before or after what is the caller's own shows nothing of others.
func TestExtensions_APlaceOutsideThePrefixWidensNothing(t *testing.T) {
	s := storetest.New(t)
	for _, partner := range []domain.PartnerID{"par_a", "par_b", "par_c"} {
		for _, name := range []string{"alfa", "zulu"} {
			id := domain.ExtensionID(string(partner) + "-" + name)
			s.Given(&domain.Extension{ID: id, Partner: partner}, &domain.Authored{Partner: partner, Extension: id})
		}
	}
	for name, after := range outside {
		all, next, err := s.Extensions(t.Context(), "par_b", after, 100)
		if err != nil || next != "" {
			t.Errorf("%s: got the next place %q, %v", name, next, err)
		}
		for _, e := range all {
			if e.Partner != "par_b" {
				t.Errorf("%s: par_b is shown %s of %s", name, e.ID, e.Partner)
			}
		}
	}
}

func TestRoster_APlaceOutsideTheExtensionWidensNothing(t *testing.T) {
	s := storetest.New(t)
	s.Given(&domain.Extension{ID: "crm"}, &domain.Installed{Extension: "crm", Account: "acct-1"},
		&domain.Rollout{Extension: "crm", ID: "rol_1"}, &domain.Installed{Extension: "crn", Account: "acct-2"})
	for name, after := range outside {
		if got, err := s.Roster(t.Context(), "crm", domain.AccountID(after), 100); err != nil ||
			slices.ContainsFunc(got, func(a domain.AccountID) bool { return a != "acct-1" }) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestContracts_APlaceOutsideTheAccountWidensNothing(t *testing.T) {
	s := storetest.New(t)
	s.Given(&domain.Contract{ID: "con_1", Account: "acct-1", State: domain.Draft},
		&domain.Contract{ID: "con_2", Account: "acct-2", State: domain.Draft})
	for name, before := range outside {
		got, _, err := s.Contracts(t.Context(), "acct-1", store.ContractFilter{}, domain.ContractID(before), 100)
		if err != nil || slices.ContainsFunc(got, func(c domain.ContractSummary) bool { return c.ID != "con_1" }) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestParkedAfter_APlaceOutsideTheWebhookWidensNothing(t *testing.T) {
	s := storetest.New(t)
	at := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
	for _, w := range []domain.WebhookID{"whk_1", "whk_2"} {
		d := events.Delivery{ID: domain.DeliveryOf("evt_1", w), Account: "a", Webhook: w, Event: "evt_1", EventAt: at,
			Attempt: 1}
		if err := s.Park(t.Context(), []events.Delivery{d}); err != nil {
			t.Fatal(err)
		}
	}
	for name, after := range outside {
		got, next, err := s.ParkedAfter(t.Context(), "a", "whk_1", after, 100)
		if err != nil || next != "" || slices.ContainsFunc(got, func(d events.Delivery) bool {
			return d.Webhook != "whk_1"
		}) {
			t.Errorf("%s: got %v, %q, %v", name, got, next, err)
		}
	}
}

func TestDeliveries_APlaceOutsideTheDayWidensNothing(t *testing.T) {
	s := storetest.New(t)
	var lines []domain.Attempt
	for n := range 6 {
		lines = append(lines, line(fmt.Sprintf("evt_%d", n), 1, domain.OutcomeFailed))
	}
	if err := s.AppendAttempts(t.Context(), lines); err != nil {
		t.Fatal(err)
	}
	for name, event := range outside {
		for _, q := range []store.LogQuery{{}, {Oldest: true}, {Unsent: true}, {Unsent: true, Oldest: true}} {
			q.After = store.LogPlace{Day: day, Event: domain.EventID(event)}
			page, _, more := walked(t, s.Store, q, 100) // fails for any error
			if more || len(page) > len(lines) {
				t.Errorf("%s, %+v: got %d deliveries, more %t", name, q, len(page), more)
			}
		}
	}
}
