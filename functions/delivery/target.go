package delivery

import (
	"context"
	"sync"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Design rule 5: no attempt of an older epoch starts more than 5 s after a disable. A target is asked for again
// right before its POST, and is then at most targetKept old, counted from before it was read, or was read just
// now, which took at most targetRead. So an attempt starts at most 3 s after the disable; 2 s are left for a
// process that stands still in between.
const (
	targetKept = 2 * time.Second
	targetRead = 3 * time.Second
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
	signers      []domain.Sealed // of a lifecycle webhook: the extension's secrets, which it has in place of its own
	gone         string          // why there is nowhere to go; empty when there is
	readAt       time.Time
}

// verdict is why d is not sent; an empty outcome when it is.
func (t target) verdict(d events.Delivery) (domain.Outcome, string) {
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

func (t target) disabled() string { return "The webhook is disabled. " + t.health.Reason }

// forgotten tells that there is nobody to send d for, nor to tell what became of it: its account is being deleted, or
// is gone, or is another of the same id. A lifecycle endpoint hears that the account is being deleted, while there is time.
func (t target) forgotten(d events.Delivery) bool {
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
	target
}

// Beyond these, a process forgets and reads again.
const (
	targetsMost    = 10_000
	blueprintsMost = 100
)

func newTargets(r Records, now domain.Clock) *targets {
	return &targets{records: r, now: now, known: map[targetKey]*knownTarget{}, blueprints: map[blueprintKey]domain.Blueprint{}}
}

// of is d's target. An error is a fault of the pipeline, never the endpoint's.
func (ts *targets) of(ctx context.Context, d events.Delivery) (target, error) {
	known := ts.entry(targetKey{d.Account, d.Webhook})
	known.mu.Lock()
	defer known.mu.Unlock()
	began := ts.now()
	if age := began.Sub(known.readAt); !known.readAt.IsZero() && age >= 0 && age < targetKept {
		// What is remembered may let d go, but not hold it: an extension that was enabled again, or resumed, since it
		// was read would lose the event.
		if held, _ := known.verdict(d); held == "" && !known.forgotten(d) {
			return known.target, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, targetRead)
	defer cancel()
	t, err := ts.read(ctx, d)
	if err != nil {
		return target{}, fault.Wrap(err, "read webhook %s", d.Webhook)
	}
	t.readAt = began
	known.target = t
	return t, nil
}

// forget makes the next delivery read its target anew.
func (ts *targets) forget(k targetKey) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.known, k)
}

func (ts *targets) entry(k targetKey) *knownTarget {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	known, ok := ts.known[k]
	if !ok {
		if len(ts.known) >= targetsMost {
			clear(ts.known)
		}
		known = &knownTarget{}
		ts.known[k] = known
	}
	return known
}

func (ts *targets) read(ctx context.Context, d events.Delivery) (target, error) {
	var t target
	var err error
	if t.account, err = ts.records.Account(ctx, d.Account); err != nil && fault.KindOf(err) != fault.NotFound {
		return target{}, err
	}
	if t.webhook, t.health, err = ts.records.WebhookAndHealth(ctx, d.Account, d.Webhook); err != nil {
		return t.goneWhenAbsent(err, "The webhook was deleted since the event.")
	}
	if t.webhook.Extension == "" {
		c := t.webhook.Credentials
		t.declared, t.values, t.secrets = c.Declared(), c.Values(), c.Secrets
		return t, nil
	}
	if t.webhook.Lifecycle {
		secrets, err := ts.records.LifecycleSecret(ctx, t.webhook.Extension)
		t.signers = secrets.Good(ts.now())
		return t, fault.Wrap(err, "the lifecycle secret of %s", t.webhook.Extension)
	}
	if t.installation, err = ts.records.Installation(ctx, d.Account, t.webhook.Extension); err != nil {
		return t.goneWhenAbsent(err, "The extension is not enabled.")
	}
	t.values, t.secrets = domain.ParameterTexts(t.installation.Parameters), t.installation.Secrets
	b, err := ts.blueprint(ctx, blueprintKey{t.webhook.Extension, t.webhook.Version})
	if err != nil {
		return target{}, err
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

func (t target) goneWhenAbsent(err error, why string) (target, error) {
	if fault.KindOf(err) == fault.NotFound {
		t.gone = why
		return t, nil
	}
	return target{}, err
}
