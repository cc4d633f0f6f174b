package domain_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"plugboard/shared/domain"
)

// chart is design rule 5's, with what may follow what; and what failed in an upgrade, which goes on working, may be
// suspended.
var chart = map[domain.InstallationState][]domain.InstallationState{
	domain.Enabling:  {domain.Enabled, domain.Failed},
	domain.Enabled:   {domain.Suspended, domain.Upgrading, domain.Disabling},
	domain.Suspended: {domain.Enabled, domain.Failed, domain.Disabling},
	domain.Upgrading: {domain.Enabled, domain.Failed},
	domain.Failed:    {domain.Enabling, domain.Upgrading, domain.Suspended, domain.Disabling},
	domain.Disabling: {domain.Disabled, domain.Failed},
	domain.Disabled:  {domain.Enabling},
}

func TestRule5_AnyInterleavingOfMovesKeepsToTheChart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := domain.Installation{Extension: "acme", Version: 1, State: domain.Disabled}
		moves := map[string]func() (domain.Installation, error){
			"disable": func() (domain.Installation, error) { return i.Disable(now) },
			"retry":   func() (domain.Installation, error) { return i.Retry(now) },
			"upgrade": func() (domain.Installation, error) {
				return i.StartUpgrade(domain.UpgradePlan{To: i.Version + 1}, "", now)
			},
			"enable": func() (domain.Installation, error) { // as enablement does, from disabled alone
				next := i
				if i.State == domain.Disabled {
					next.State = domain.Enabling
				}
				return next, nil
			},
			"arrive": func() (domain.Installation, error) { // as provisioning does
				next := i
				switch i.State {
				case domain.Enabling:
					next.State = domain.Enabled
				case domain.Upgrading:
					next = i.Upgraded(domain.Blueprint{Version: i.Version},
						domain.Blueprint{Version: i.Upgrade.Version}, now)
				case domain.Disabling:
					next.State = domain.Disabled
				}
				return next, nil
			},
			"fail": func() (domain.Installation, error) {
				if slices.Contains([]domain.InstallationState{domain.Enabling, domain.Upgrading, domain.Disabling},
					i.State) {
					return i.Fail("a step", "a reason", now), nil
				}
				return i, nil
			},
		}
		for _, by := range []domain.Suspender{domain.SuspendedByAdmin, domain.SuspendedByPlatform} {
			moves["suspend by "+string(by)] = func() (domain.Installation, error) { return i.Suspend(by, now) }
			moves["resume by "+string(by)] = func() (domain.Installation, error) { return i.Resume(by, now) }
		}
		var names []string
		for name := range moves {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 1, 60).Draw(t, "moves") {
			before := i
			next, err := moves[name]()
			if err != nil {
				if !reflect.DeepEqual(next, before) {
					t.Fatalf("%s was refused and made %+v of %+v", name, next, before)
				}
				continue
			}
			i = next
			if i.State != before.State && !slices.Contains(chart[before.State], i.State) {
				t.Fatalf("%s led from %s to %s", name, before.State, i.State)
			}
			if rises := i.State == domain.Disabling && before.State != domain.Disabling &&
				(before.Failure == nil || before.Failure.Goal != domain.Disabled ||
					name == "disable"); rises != (i.Epoch == before.Epoch+1) {
				t.Fatalf("%s led from %s to %s, and from epoch %d to %d", name, before.State, i.State, before.Epoch,
					i.Epoch)
			}
			if failed := i.State == domain.Failed || i.State == domain.Suspended &&
				i.HalfUpgraded(); failed != (i.Failure != nil) ||
				(i.State == domain.Suspended) != (len(i.SuspendedBy) > 0) {
				t.Fatalf("%s made it %s, with the failure %+v, suspended by %v", name, i.State, i.Failure,
					i.SuspendedBy)
			}
			if i.Version < before.Version || i.Version > before.Version && name != "arrive" {
				t.Fatalf("%s led from version %d to %d", name, before.Version, i.Version)
			}
			if before.Installed() && !i.Installed() && i.State != domain.Suspended && i.State != domain.Disabling {
				t.Fatalf("%s stopped it: %s to %s", name, before.State, i.State)
			}
		}
	})
}

// drawBlueprint is a version with some of three template types, some of five fields in each, some of two webhooks, and
// a lifecycle endpoint or none.
func drawBlueprint(t *rapid.T, version int) domain.Blueprint {
	b := domain.Blueprint{Extension: "acme", Version: version}
	if url := rapid.SampledFrom([]string{"", "https://a.test", "https://b.test"}).Draw(t, "lifecycle"); url != "" {
		b.Lifecycle = &domain.LifecycleBlueprint{URL: url}
	}
	for _, w := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"one", "two"}), rapid.ID[string]).Draw(t,
		"webhooks") {
		b.Webhooks = append(b.Webhooks, domain.WebhookBlueprint{
			Key: w, URL: rapid.SampledFrom([]string{"https://a.test", "https://b.test"}).Draw(t, "url"),
			EventTypes: []string{"contract.signed"},
			Headers:    map[string]string{"X": rapid.SampledFrom([]string{"1", "2"}).Draw(t, "header")},
			Policy:     domain.SendPolicy{TimeoutSeconds: rapid.SampledFrom([]int{0, 9}).Draw(t, "timeout")},
		})
	}
	for _, key := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"", "a", "b"}), rapid.ID[string]).Draw(t,
		"types") {
		tt := domain.TemplateTypeBlueprint{Key: key, Name: rapid.SampledFrom([]string{"A", "B"}).Draw(t, "name"),
			NoWebhooks: rapid.Bool().Draw(t, "no webhooks")}
		for _, id := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"f1", "F2", "f 3", "f4", "f5"}),
			domain.FoldCustomID).Draw(t, "fields") {
			tt.Fields = append(tt.Fields, domain.FieldDefinition{CustomID: id, Name: id,
				Kind: rapid.SampledFrom([]domain.FieldKind{domain.Text, domain.Date}).Draw(t, "kind")})
		}
		b.TemplateTypes = append(b.TemplateTypes, tt)
	}
	return b
}

// place is an account, as far as one extension changes it.
type place struct {
	i     domain.Installation
	types map[domain.TemplateTypeID]domain.TemplateType
	hooks map[domain.WebhookID]domain.Webhook
}

func (p place) subject(from, to domain.Blueprint) domain.UpgradeSubject {
	s := domain.UpgradeSubject{Installation: p.i, From: from, To: to}
	for _, key := range []string{"", "a", "b"} {
		if t, ok := p.types[p.i.TemplateTypeID(key)]; ok {
			s.TemplateTypes = append(s.TemplateTypes, t)
		}
		for _, w := range []string{"one", "two"} {
			if hook, ok := p.hooks[p.i.WebhookID(key, w)]; ok {
				s.Webhooks = append(s.Webhooks, hook)
			}
		}
	}
	if hook, ok := p.hooks[p.lifecycleID()]; ok {
		s.Webhooks = append(s.Webhooks, hook)
	}
	return s
}

func (p place) lifecycleID() domain.WebhookID {
	return domain.LifecycleID(p.i.Account, p.i.Extension)
}

// do does the steps as provisioning does, without its transactions.
func (p place) do(t *rapid.T, b domain.Blueprint, steps []domain.Step) {
	for _, s := range steps {
		typeID, hookID := p.i.TemplateTypeID(s.TypeKey), p.i.WebhookID(s.TypeKey, s.WebhookKey)
		declared, _ := b.TemplateType(s.TypeKey)
		hook, _ := b.Webhook(s.WebhookKey)
		switch s.Kind {
		case domain.StepTemplateType:
			tt, err := p.i.DefineTemplateType(declared, p.types[typeID])
			if err != nil {
				t.Fatalf("step %s: %v", s.Name(), err)
			}
			tt.Rev = 1
			p.types[typeID] = tt
		case domain.StepWithdrawal:
			p.types[typeID] = p.types[typeID].Withdraw(declared.Fields)
		case domain.StepWebhook:
			w := p.i.DefineWebhook(b, hook, s.TypeKey, p.hooks[hookID])
			if w.Secret == "" {
				w.Secret = domain.Sealed(hookID)
			}
			p.hooks[hookID] = w
		case domain.StepWebhookRemoval:
			delete(p.hooks, hookID)
		case domain.StepLifecycle:
			p.hooks[p.lifecycleID()] = p.i.DefineLifecycle(*b.Lifecycle, p.hooks[p.lifecycleID()])
		case domain.StepLifecycleRemoval:
			delete(p.hooks, p.lifecycleID())
		}
	}
}

func (p place) String() string { return fmt.Sprintf("%+v\n%+v", p.types, p.hooks) }

func TestRule6_AnyPlanEndsWithExactlyTheVersionAndTwiceIsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := place{
			i:     domain.Installation{Account: "acct", Extension: "acme", Version: 1, Epoch: 2, State: domain.Enabled},
			types: map[domain.TemplateTypeID]domain.TemplateType{}, hooks: map[domain.WebhookID]domain.Webhook{},
		}
		from := drawBlueprint(t, 1)
		p.do(t, from, from.Steps())
		for version := 2; version <= 3; version++ {
			for id, tt := range p.types { // people come by
				for n := range tt.Fields {
					tt.Fields[n].Active = rapid.Bool().Draw(t, "active")
				}
				if id := rapid.SampledFrom([]string{"", "ours", "f2"}).Draw(t, "user's field"); id != "" &&
					tt.Field(id) < 0 {
					tt.Fields = append([]domain.DataField{field(id, domain.Text, domain.SourceUser, true)},
						tt.Fields...)
				}
				p.types[id] = tt
			}
			for id, w := range p.hooks {
				w.Paused = rapid.Bool().Draw(t, "paused")
				p.hooks[id] = w
			}
			to := drawBlueprint(t, version)
			subject := p.subject(from, to)
			plan := subject.Plan()
			if again := p.subject(from, to).Plan(); again.ID() != plan.ID() {
				t.Fatalf("the same subject has the plans\n%+v\n%+v", plan, again)
			}
			if len(plan.Conflicts) > 0 {
				return
			}
			before := place{i: p.i, types: map[domain.TemplateTypeID]domain.TemplateType{},
				hooks: map[domain.WebhookID]domain.Webhook{}}
			for id, tt := range p.types {
				tt.Fields = slices.Clone(tt.Fields)
				before.types[id] = tt
			}
			for id, w := range p.hooks {
				before.hooks[id] = w
			}
			p.i.State = domain.Upgrading
			comes := slices.DeleteFunc(slices.Clone(plan.Steps), func(s domain.Step) bool {
				return s.Kind == domain.StepWithdrawal || s.Kind == domain.StepWebhookRemoval ||
					s.Kind == domain.StepLifecycleRemoval
			})
			if !slices.Equal(comes, plan.Steps[:len(comes)]) {
				t.Fatalf("something goes before all has come: %+v", plan.Steps)
			}
			p.do(t, to, comes)
			p.lacksNothingOf(t, before)
			p.do(t, to, plan.Steps)
			once := p.String()
			p.do(t, to, plan.Steps)
			if p.String() != once {
				t.Fatalf("the plan applied twice made\n%s\nof\n%s", p, once)
			}
			p.i = p.i.Upgraded(from, to, now)
			p.check(t, to, before)
			from = to
		}
	})
}

// lacksNothingOf tells of webhooks and active fields that are gone.
func (p place) lacksNothingOf(t *rapid.T, before place) {
	for id := range before.hooks {
		if _, ok := p.hooks[id]; !ok {
			t.Fatalf("the webhook %s went before all had come", id)
		}
	}
	for id, was := range before.types {
		for _, f := range was.Fields {
			if at := p.types[id].Field(f.CustomID); at < 0 || f.Active && !p.types[id].Fields[at].Active {
				t.Fatalf("the field %s went before all had come", f.CustomID)
			}
		}
	}
}

// check holds the place against its version, and against what it was.
func (p place) check(t *rapid.T, b domain.Blueprint, before place) {
	wanted := map[domain.WebhookID]bool{}
	for _, s := range b.Steps() {
		if s.Kind == domain.StepWebhook {
			id := p.i.WebhookID(s.TypeKey, s.WebhookKey)
			wanted[id] = true
			declared, _ := b.Webhook(s.WebhookKey)
			w := p.hooks[id]
			if !w.SameDefinition(p.i.DefineWebhook(b, declared, s.TypeKey, w)) || w.Version != b.Version {
				t.Fatalf("the webhook %s %s is %+v", s.WebhookKey, s.TypeKey, w)
			}
			if was, ok := before.hooks[id]; ok && (was.Secret != w.Secret || was.Paused != w.Paused) {
				t.Fatalf("the runtime state of %+v became %+v", was, w)
			}
		}
	}
	if b.Lifecycle != nil {
		wanted[p.lifecycleID()] = true
		w, was := p.hooks[p.lifecycleID()], before.hooks[p.lifecycleID()]
		if w.URL != b.Lifecycle.URL || !w.Lifecycle || w.Paused != was.Paused {
			t.Fatalf("the lifecycle webhook %+v became %+v", was, w)
		}
	}
	if len(wanted) != len(p.hooks) {
		t.Fatalf("got %d webhooks, want %d", len(p.hooks), len(wanted))
	}
	for id, tt := range p.types {
		var declared domain.TemplateTypeBlueprint
		for _, d := range b.TemplateTypes {
			if p.i.TemplateTypeID(d.Key) == id {
				declared = d
			}
		}
		var got, want []string
		for _, f := range tt.Fields {
			was := before.types[id]
			at := was.Field(f.CustomID)
			switch {
			case f.Source == domain.SourceUser:
				if at < 0 || was.Fields[at] != f {
					t.Fatalf("a user's field became %+v", f)
				}
			case f.Withdrawn:
				if at >= 0 && !was.Fields[at].Withdrawn && f.Active {
					t.Fatalf("a field that goes stayed active: %+v", f)
				}
			default:
				got = append(got, f.CustomID+string(f.Kind))
				if at >= 0 && !was.Fields[at].Withdrawn && was.Fields[at].Active != f.Active {
					t.Fatalf("people's flag was not kept: %+v", f)
				}
			}
		}
		for _, f := range declared.Fields {
			want = append(want, f.CustomID+string(f.Kind))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("template type %s has the fields %v, want %v", tt.ExtensionType, got, want)
		}
	}
	for _, d := range b.TemplateTypes {
		if _, ok := p.types[p.i.TemplateTypeID(d.Key)]; !ok {
			t.Fatalf("there is no template type %q", d.Key)
		}
	}
}
