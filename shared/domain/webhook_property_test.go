package domain_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"plugboard/shared/domain"
)

func someHearing(t *rapid.T) (domain.Webhook, domain.Subject) {
	extensions := rapid.SampledFrom([]domain.ExtensionID{"", "acme-crm", "other-crm"})
	types := rapid.SampledFrom([]domain.TemplateTypeID{"", "tt_orders", "tt_quotes"})
	workspaces := rapid.SampledFrom([]domain.WorkspaceID{"", "sales", "legal"})
	hooks := rapid.SampledFrom([]domain.WebhookID{"", "", "", "whk_1", "whk_2"})
	events := rapid.SampledFrom([]string{"contract.signed", "contract.created", "installation.enabled"})
	epochs := rapid.IntRange(1, 2)
	w := domain.Webhook{
		ID: "whk_1", Extension: extensions.Draw(t, "extension"), Lifecycle: rapid.Bool().Draw(t, "lifecycle"),
		Epoch:        epochs.Draw(t, "epoch"),
		TemplateType: types.Draw(t, "template type"), EventTypes: rapid.SliceOfN(events, 0, 2).Draw(t, "event types"),
	}
	if rapid.Bool().Draw(t, "filters") {
		w.Origins = rapid.SliceOfN(extensions, 0, 2).Draw(t, "origins")
		w.Workspaces = rapid.SliceOfN(workspaces, 0, 2).Draw(t, "workspaces")
		w.TemplateTypes = rapid.SliceOfN(types, 0, 2).Draw(t, "template types")
	}
	if rapid.Bool().Draw(t, "ended") {
		w.EndsAt = time.Unix(1, 0)
	}
	return w, domain.Subject{
		EventType: events.Draw(t, "event type"), Origin: extensions.Draw(t, "origin"),
		Workspace:    workspaces.Draw(t, "workspace"),
		TemplateType: types.Draw(t, "of template type"), Installation: extensions.Draw(t, "installation"),
		Epoch:   epochs.Draw(t, "of epoch"),
		Webhook: hooks.Draw(t, "how which fares"), Only: hooks.Draw(t, "meant for"),
	}
}

// hears is rule 17 as a plain condition, without a clause: what fan-out must decide by.
func hears(w domain.Webhook, s domain.Subject) bool {
	if s.Only != "" {
		return s.Only == w.ID
	}
	if w.Lifecycle {
		return s.Webhook != w.ID && w.Extension != "" && s.Installation == w.Extension &&
			(w.EndsAt.IsZero() || s.Epoch == w.Epoch)
	}
	own := w.Extension == "" || s.Origin == w.Extension && s.TemplateType == w.TemplateType && s.TemplateType != ""
	return s.Webhook != w.ID && own &&
		(len(w.EventTypes) == 0 || slices.Contains(w.EventTypes, s.EventType)) &&
		(len(w.Origins) == 0 || slices.Contains(w.Origins, s.Origin)) &&
		(len(w.Workspaces) == 0 || slices.Contains(w.Workspaces, s.Workspace)) &&
		(len(w.TemplateTypes) == 0 || slices.Contains(w.TemplateTypes, s.TemplateType))
}

// without lets the event pass the clause, and leaves all others as they are.
func without(c domain.Clause, w domain.Webhook, s domain.Subject) (domain.Webhook, domain.Subject) {
	switch c {
	case domain.ClauseMeantFor:
		s.Only = ""
	case domain.ClauseItself:
		s.Webhook = ""
	case domain.ClauseInstallation:
		w.Extension, s.Installation = "acme-crm", "acme-crm"
	case domain.ClauseEnded:
		w.EndsAt = time.Time{}
	case domain.ClauseOrigin:
		if w.Origins = nil; w.Extension != "" {
			s.Origin = w.Extension
		}
	case domain.ClauseTemplateType:
		if w.TemplateTypes = nil; w.Extension != "" {
			w.TemplateType, s.TemplateType = "tt_orders", "tt_orders"
		}
	case domain.ClauseEventType:
		w.EventTypes = nil
	case domain.ClauseWorkspace:
		w.Workspaces = nil
	}
	return w, s
}

func TestRule17_TheClauseAgreesWithTheDecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, s := someHearing(t)
		seen := -1
		for {
			c := w.Hears(s)
			if got := c == domain.Heard; got != hears(w, s) {
				t.Fatalf("the clause is %q, and the decision %v", c, hears(w, s))
			}
			if c == domain.Heard {
				return
			}
			// Without the clause that decided, only a later clause may refuse: no clause before it did.
			at := slices.Index(domain.Clauses, c)
			if at <= seen {
				t.Fatalf("%q decides after %q", c, domain.Clauses[max(seen, 0)])
			}
			w, s = without(c, w, s)
			seen = at
		}
	})
}
