package delivery

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/signing"
	"plugboard/shared/store"
)

// Design rule 5: no attempt of an older epoch starts more than 5 s after a disable. The target is checked again right
// before its POST. It is then at most targetKept old, counted from before it was read, or it was read just now, within
// targetRead. Targets read ahead and target hints count the same way. So an attempt starts at most 3 s after the
// disable; 2 s are left for a process that stands still in between.
const (
	targetKept = 2 * time.Second
	targetRead = 3 * time.Second

	// targetSoon is how long a cached target must still be fresh, or it is read ahead: until the check before the POST.
	targetSoon = targetKept / 4
)

// target is a delivery's destination, and what its requests are made of.
type target struct {
	domain.Destination
	declared  domain.WebhookBlueprint // the templates of its requests, filled with:
	values    map[string]string
	secrets   map[string]domain.Sealed
	lifecycle []domain.Sealed // of a lifecycle webhook: the extension's secrets, in place of its own
	signers   signing.Signers
}

// Records is the part of the store from which a target is read. Each method returns NotFound for an absent item.
type Records interface {
	Account(ctx context.Context, id domain.AccountID) (domain.Account, error)
	WebhookAndHealth(ctx context.Context, a domain.AccountID,
		id domain.WebhookID) (domain.Webhook, domain.Health, error)
	Installation(ctx context.Context, a domain.AccountID, e domain.ExtensionID) (domain.Installation, error)
	Blueprint(ctx context.Context, e domain.ExtensionID, version int) (domain.Blueprint, error)
	LifecycleSecret(ctx context.Context, e domain.ExtensionID) (domain.LifecycleSecret, error)

	// ReadAhead reads the same for many deliveries in one call.
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

	ahead   Records // the batch's records, until the first delivery reads its target
	aheadAt time.Time

	forgotAt time.Time // everything read before is outdated
}

// Beyond these limits a process clears its cache. A target takes some 4 KB. With a thousand of them the function took
// 65 MB, of the 64 MB that it may take, when each delivery went to another webhook.
const (
	targetsMost    = 500
	blueprintsMost = 100
)

func newTargets(r Records, now domain.Clock) *targets {
	return &targets{records: r, now: now, known: map[targetKey]*knownTarget{},
		blueprints: map[blueprintKey]domain.Blueprint{}}
}

// get is d's target. An error is a fault of the pipeline, never the endpoint's.
func (ts *targets) get(ctx context.Context, d events.Delivery) (*target, error) {
	known := ts.entry(targetKey{d.Account, d.Webhook})
	known.mu.Lock()
	defer known.mu.Unlock()
	began := ts.now()
	if known.ahead == nil && known.fresh(began) && known.knows(d) {
		// A cached target may allow a delivery but never block one: the extension may have been re-enabled since.
		if domain.Stopped(&known.Destination, d.Dispatch()).Action == "" {
			return known.target, nil
		}
	}
	from, at := ts.records, began
	if known.ahead != nil { // if that took long, the check before the POST reads again
		from, at = known.ahead, known.aheadAt
	}
	known.ahead = nil
	ctx, cancel := context.WithTimeout(ctx, targetRead)
	defer cancel()
	t, err := ts.read(ctx, from, d)
	if err != nil {
		return nil, fault.Wrap(err, "read webhook %s", d.Webhook)
	}
	t.ReadAt = at
	known.target = t
	return t, nil
}

// ahead reads, in one call, the targets of a batch that are not cached, or not fresh for long enough; get takes them
// from there. When the call fails, each delivery reads its own target, and an error fails that delivery alone.
func (ts *targets) ahead(ctx context.Context, batch []events.Delivery) {
	began := ts.now()
	ctx, cancel := context.WithTimeout(ctx, targetRead)
	defer cancel()
	var unknown []*knownTarget
	var of []store.AheadOf
	for _, d := range batch {
		known := ts.entry(targetKey{d.Account, d.Webhook})
		known.mu.Lock()
		known.ahead = nil // an earlier batch's may lack later changes
		if !(known.fresh(began.Add(targetSoon)) && known.knows(d)) && !ts.takeHint(ctx, known, d) {
			unknown, of = append(unknown, known),
				append(of, store.AheadOf{Account: d.Account, Webhook: d.Webhook, Extension: d.Extension})
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

// takeHint caches d's target hint as if it had been read here; false when the hint is too old or unreadable.
func (ts *targets) takeHint(ctx context.Context, known *knownTarget, d events.Delivery) bool {
	if d.Target == "" {
		return false
	}
	from := hintedRecords{Records: ts.records}
	if err := json.Unmarshal([]byte(d.Target), &from.target); err != nil {
		return false
	}
	at, w := from.target.At, from.target.Webhook
	if w.Account != d.Account || w.ID != d.Webhook || !at.After(known.forgotAt) ||
		!fresh(at, ts.now().Add(targetSoon)) {
		return false
	}
	t, err := ts.read(ctx, from, d)
	if err != nil {
		return false
	}
	t.ReadAt = at
	known.target = t
	return true
}

// hintedRecords answers from a target hint, and asks the records for the rest.
type hintedRecords struct {
	Records
	target events.Target
}

func (t hintedRecords) Account(context.Context, domain.AccountID) (domain.Account, error) {
	return t.target.Account, nil
}

func (t hintedRecords) WebhookAndHealth(context.Context, domain.AccountID,
	domain.WebhookID) (domain.Webhook, domain.Health, error) {
	return t.target.Webhook, domain.Health{}.Of(t.target.Webhook), nil
}

func (t hintedRecords) Installation(context.Context, domain.AccountID,
	domain.ExtensionID) (domain.Installation, error) {
	return t.target.Installation, nil
}

// fresh is true when the target need not be read again.
func (t *target) fresh(now time.Time) bool { return fresh(t.ReadAt, now) }

// knows is true when the target is no older than the one that fan-out read for d.
func (t *target) knows(d events.Delivery) bool { return t.Webhook.Rev+t.Installation.Rev >= d.Known }

// fresh is true when a value read then may be used now. A clock that was set back makes nothing fresh.
func fresh(at, now time.Time) bool {
	age := now.Sub(at)
	return age >= 0 && age < targetKept
}

// forget makes the next delivery read its target again.
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
	if t.Account, err = from.Account(ctx, d.Account); err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	if t.Webhook, t.Health, err = from.WebhookAndHealth(ctx, d.Account, d.Webhook); err != nil {
		return t.goneWhenAbsent(err, "The webhook was deleted since the event.")
	}
	if t.Webhook.Extension == "" {
		c := t.Webhook.Credentials
		t.declared, t.values, t.secrets = c.Declared(), c.Values(), c.Secrets
		return t, nil
	}
	if t.Webhook.Lifecycle {
		secrets, err := from.LifecycleSecret(ctx, t.Webhook.Extension)
		t.lifecycle = secrets.Good(ts.now())
		return t, fault.Wrap(err, "the lifecycle secret of %s", t.Webhook.Extension)
	}
	if t.Installation, err = from.Installation(ctx, d.Account, t.Webhook.Extension); err != nil {
		return t.goneWhenAbsent(err, "The extension is not enabled.")
	}
	t.values, t.secrets = domain.ParameterTexts(t.Installation.Parameters), t.Installation.Secrets
	b, err := ts.blueprint(ctx, blueprintKey{t.Webhook.Extension, t.Webhook.Version})
	if err != nil {
		return nil, err
	}
	var declared bool
	if t.declared, declared = b.Webhook(t.Webhook.WebhookKey); !declared {
		t.Gone = "The extension's version has no such webhook."
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
		t.Gone = why
		return t, nil
	}
	return nil, err
}
