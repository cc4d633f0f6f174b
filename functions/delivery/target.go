package delivery

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Design rule 5: no attempt of an older epoch starts more than 5 s after a disable. A target is asked for again
// right before its POST, and is then at most targetKept old, counted from before it was read, or was read just
// now, which took at most targetRead. What a batch reads ahead, and what fan-out had read, is counted the same way. So an
// attempt starts at most 3 s after the disable; 2 s are left for a process that stands still in between.
const (
	targetKept = 2 * time.Second
	targetRead = 3 * time.Second

	// targetSoon is how long what is known must still serve not to be read ahead: until the look before the POST.
	targetSoon = targetKept / 4
)

// target is where a delivery goes, and whether it still may.
type target struct {
	webhook      domain.Webhook
	health       domain.Health
	installation domain.Installation     // of a managed webhook
	declared     domain.WebhookBlueprint // its templates, for which are:
	values       map[string]string
	secrets      map[string]domain.Sealed
	account      domain.Account  // zero when it is gone
	lifecycle    []domain.Sealed // of a lifecycle webhook: the extension's secrets, which it has in place of its own
	signers      signers
	gone         string // why there is nowhere to go; empty when there is
	readAt       time.Time
}

// verdict is why d is not sent; an empty outcome when it is.
func (t *target) verdict(d events.Delivery) (domain.Outcome, string) {
	i := t.installation
	switch {
	case t.gone != "":
		return domain.OutcomeCancelled, t.gone
	case t.webhook.Lifecycle && t.health.State() == domain.HealthDisabled:
		return domain.OutcomeSkipped, t.disabled()
	case t.webhook.Lifecycle && !t.webhook.Paused: // the end is what it is there to hear of, and a suspension
		return "", ""
	case t.webhook.Lifecycle:
		return domain.OutcomeSkipped, "The webhook is paused."
	case d.Extension != t.webhook.Extension || d.Epoch != t.webhook.Epoch || d.Extension != "" && d.Epoch != i.Epoch:
		return domain.OutcomeCancelled, "The extension was disabled since the event."
	case d.Extension != "" && i.State == domain.Suspended:
		return domain.OutcomeSkipped, "The extension is suspended."
	case d.Extension != "" && !i.Installed():
		return domain.OutcomeCancelled, "The extension is not enabled."
	case t.health.State() == domain.HealthDisabled:
		return domain.OutcomeSkipped, t.disabled()
	case t.webhook.Paused:
		return domain.OutcomeSkipped, "The webhook is paused."
	}
	return "", ""
}

func (t *target) disabled() string { return "The webhook is disabled. " + t.health.Reason }

// forgotten tells that there is nobody to send d for, nor to tell what became of it: its account is being deleted, or
// is gone, or is another of the same id. A lifecycle endpoint hears that the account is being deleted, while there is time.
func (t *target) forgotten(d events.Delivery) bool {
	farewell := t.webhook.Lifecycle && d.EventType == string(events.InstallationDisabled) && t.account.Ending(t.readAt) && d.EventAt.Equal(t.account.UpdatedAt)
	return !farewell && !t.account.Knows(d.EventAt)
}

// Records are what a target is read from. Each returns NotFound for what is absent.
type Records interface {
	Account(ctx context.Context, id domain.AccountID) (domain.Account, error)
	WebhookAndHealth(ctx context.Context, a domain.AccountID, id domain.WebhookID) (domain.Webhook, domain.Health, error)
	Installation(ctx context.Context, a domain.AccountID, e domain.ExtensionID) (domain.Installation, error)
	Blueprint(ctx context.Context, e domain.ExtensionID, version int) (domain.Blueprint, error)
	LifecycleSecret(ctx context.Context, e domain.ExtensionID) (domain.LifecycleSecret, error)

	// ReadAhead answers the same of many, in one call.
	ReadAhead(ctx context.Context, of []store.AheadOf) (*store.Ahead, error)
}

// targets reads each target once in targetKept, however many of its deliveries are worked at once.
type targets struct {
	records Records
	now     domain.Clock

	mu         sync.Mutex
	known      map[targetKey]*knownTarget
	blueprints map[blueprintKey]domain.Blueprint // immutable
}

type targetKey struct {
	account domain.AccountID
	webhook domain.WebhookID
}

type blueprintKey struct {
	extension domain.ExtensionID
	version   int
}

type knownTarget struct {
	mu sync.Mutex
	*target

	ahead   Records // what was read for the batch that is worked, until the first asks
	aheadAt time.Time

	forgotAt time.Time // what was read before is known to be wrong
}

// Beyond these, a process forgets, and is told or reads again. A target has some 4 KB, of the 64 MB that the function is to
// have: with a thousand it took 65, when each delivery went to another webhook.
const (
	targetsMost    = 500
	blueprintsMost = 100
)

func newTargets(r Records, now domain.Clock) *targets {
	return &targets{records: r, now: now, known: map[targetKey]*knownTarget{}, blueprints: map[blueprintKey]domain.Blueprint{}}
}

// of is d's target. An error is a fault of the pipeline, never the endpoint's.
func (ts *targets) of(ctx context.Context, d events.Delivery) (*target, error) {
	known := ts.entry(targetKey{d.Account, d.Webhook})
	known.mu.Lock()
	defer known.mu.Unlock()
	began := ts.now()
	if known.ahead == nil && known.fresh(began) && known.knows(d) {
		// What is remembered may let d go, but not hold it: an extension that was enabled again, or resumed, since it
		// was read would lose the event.
		if held, _ := known.verdict(d); held == "" && !known.forgotten(d) {
			return known.target, nil
		}
	}
	from, at := ts.records, began
	if known.ahead != nil { // if that took long, the look right before the POST reads again
		from, at = known.ahead, known.aheadAt
	}
	known.ahead = nil
	ctx, cancel := context.WithTimeout(ctx, targetRead)
	defer cancel()
	t, err := ts.read(ctx, from, d)
	if err != nil {
		return nil, fault.Wrap(err, "read webhook %s", d.Webhook)
	}
	t.readAt = at
	known.target = t
	return t, nil
}

// ahead reads at once what the deliveries of a batch will ask for and is not known, or not for long; of takes it from there. When it fails
// each asks for itself, and an error then is that delivery's.
func (ts *targets) ahead(ctx context.Context, batch []events.Delivery) {
	began := ts.now()
	ctx, cancel := context.WithTimeout(ctx, targetRead)
	defer cancel()
	var unknown []*knownTarget
	var of []store.AheadOf
	for _, d := range batch {
		known := ts.entry(targetKey{d.Account, d.Webhook})
		known.mu.Lock()
		known.ahead = nil // an earlier batch's: it may not hold what came after it
		if !(known.fresh(began.Add(targetSoon)) && known.knows(d)) && !ts.told(ctx, known, d) {
			unknown, of = append(unknown, known), append(of, store.AheadOf{Account: d.Account, Webhook: d.Webhook, Extension: d.Extension})
		}
		known.mu.Unlock()
	}
	if len(of) == 0 {
		return
	}
	records, err := ts.records.ReadAhead(ctx, of)
	if err != nil {
		return
	}
	for _, known := range unknown {
		known.mu.Lock()
		known.ahead, known.aheadAt = records, began
		known.mu.Unlock()
	}
}

// told remembers what came with d as if it had been read here; false when it is of no use.
func (ts *targets) told(ctx context.Context, known *knownTarget, d events.Delivery) bool {
	if d.Target == "" {
		return false
	}
	from := told{Records: ts.records}
	if err := json.Unmarshal([]byte(d.Target), &from.target); err != nil {
		return false
	}
	at, w := from.target.At, from.target.Webhook
	if w.Account != d.Account || w.ID != d.Webhook || !at.After(known.forgotAt) || !fresh(at, ts.now().Add(targetSoon)) {
		return false
	}
	t, err := ts.read(ctx, from, d)
	if err != nil {
		return false
	}
	t.readAt = at
	known.target = t
	return true
}

// told answers what fan-out knew when it sent a delivery, and asks the records for the rest.
type told struct {
	Records
	target events.Target
}

func (t told) Account(context.Context, domain.AccountID) (domain.Account, error) {
	return t.target.Account, nil
}

func (t told) WebhookAndHealth(context.Context, domain.AccountID, domain.WebhookID) (domain.Webhook, domain.Health, error) {
	return t.target.Webhook, domain.Health{}.Of(t.target.Webhook), nil
}

func (t told) Installation(context.Context, domain.AccountID, domain.ExtensionID) (domain.Installation, error) {
	return t.target.Installation, nil
}

// fresh tells whether the target needs no reading.
func (t *target) fresh(now time.Time) bool { return fresh(t.readAt, now) }

// knows tells whether the target is no older than what fan-out knew when it sent d.
func (t *target) knows(d events.Delivery) bool { return t.webhook.Rev+t.installation.Rev >= d.Known }

// fresh tells whether what was read then still holds. A clock that was set back makes nothing fresh.
func fresh(at, now time.Time) bool {
	age := now.Sub(at)
	return age >= 0 && age < targetKept
}

// forget makes the next delivery read its target anew.
func (ts *targets) forget(k targetKey) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.known[k] = &knownTarget{target: &target{}, forgotAt: ts.now()}
}

func (ts *targets) entry(k targetKey) *knownTarget {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	known, ok := ts.known[k]
	if !ok {
		if len(ts.known) >= targetsMost {
			clear(ts.known)
		}
		known = &knownTarget{target: &target{}}
		ts.known[k] = known
	}
	return known
}

func (ts *targets) read(ctx context.Context, from Records, d events.Delivery) (*target, error) {
	t := &target{}
	var err error
	if t.account, err = from.Account(ctx, d.Account); err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	if t.webhook, t.health, err = from.WebhookAndHealth(ctx, d.Account, d.Webhook); err != nil {
		return t.goneWhenAbsent(err, "The webhook was deleted since the event.")
	}
	if t.webhook.Extension == "" {
		c := t.webhook.Credentials
		t.declared, t.values, t.secrets = c.Declared(), c.Values(), c.Secrets
		return t, nil
	}
	if t.webhook.Lifecycle {
		secrets, err := from.LifecycleSecret(ctx, t.webhook.Extension)
		t.lifecycle = secrets.Good(ts.now())
		return t, fault.Wrap(err, "the lifecycle secret of %s", t.webhook.Extension)
	}
	if t.installation, err = from.Installation(ctx, d.Account, t.webhook.Extension); err != nil {
		return t.goneWhenAbsent(err, "The extension is not enabled.")
	}
	t.values, t.secrets = domain.ParameterTexts(t.installation.Parameters), t.installation.Secrets
	b, err := ts.blueprint(ctx, blueprintKey{t.webhook.Extension, t.webhook.Version})
	if err != nil {
		return nil, err
	}
	var declared bool
	if t.declared, declared = b.Webhook(t.webhook.WebhookKey); !declared {
		t.gone = "The extension's version has no such webhook."
	}
	return t, nil
}

func (ts *targets) blueprint(ctx context.Context, k blueprintKey) (domain.Blueprint, error) {
	ts.mu.Lock()
	b, ok := ts.blueprints[k]
	ts.mu.Unlock()
	if ok {
		return b, nil
	}
	b, err := ts.records.Blueprint(ctx, k.extension, k.version)
	if err != nil {
		return b, err
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if len(ts.blueprints) >= blueprintsMost {
		clear(ts.blueprints)
	}
	ts.blueprints[k] = b
	return b, nil
}

func (t *target) goneWhenAbsent(err error, why string) (*target, error) {
	if fault.KindOf(err) == fault.NotFound {
		t.gone = why
		return t, nil
	}
	return nil, err
}
