package domain

import (
	"slices"
	"time"
)

// FormerSecret signs besides a webhook's newest until it ends: Standard Webhooks' way to rotate, by which a receiver
// changes to the new one when it likes and misses nothing.
type FormerSecret struct {
	Secret Sealed    `json:"signing_secret"`
	MadeAt time.Time `json:"made_at"`
	EndsAt time.Time `json:"ends_at"`
}

// MostSecrets is how many of a webhook's secrets sign at once, the newest among them: each adds a signature to every
// request, and a receiver that is so far behind has lost track.
const MostSecrets = 3

// SecretOverlap is how long a secret, a key or a token from before a rotation stays good when the caller does not say.
const SecretOverlap = 24 * time.Hour

// Overlap is the overlap that a rotation's caller gives, in seconds; nil says none.
func Overlap(seconds *int) time.Duration {
	if seconds == nil {
		return SecretOverlap
	}
	return time.Duration(*seconds) * time.Second
}

// Rotate makes sealed the signing secret from now on. Former secrets also sign until the overlap ends, or until their
// own earlier end. Beyond MostSecrets the oldest end at once. ended lists the former secrets that this rotation ends
// before their time.
func (w *Webhook) Rotate(sealed Sealed, now time.Time, overlap time.Duration) (ended []FormerSecret) {
	former := append([]FormerSecret{{Secret: w.Secret, MadeAt: w.secretMadeAt(), EndsAt: now.Add(overlap)}},
		w.FormerAt(now)...)
	w.Secret, w.SecretMadeAt, w.Former = sealed, now, nil
	for _, f := range former {
		if last := now.Add(overlap); f.EndsAt.After(last) {
			f.EndsAt = last
		}
		if overlap > 0 && len(w.Former) < MostSecrets-1 {
			w.Former = append(w.Former, f)
		} else {
			f.EndsAt = now
			ended = append(ended, f)
		}
	}
	return ended
}

// FormerAt are the former secrets that sign at that time, the newest first.
func (w Webhook) FormerAt(at time.Time) []FormerSecret {
	return slices.DeleteFunc(slices.Clone(w.Former), func(f FormerSecret) bool { return !at.Before(f.EndsAt) })
}

// Signers are the secrets to sign with at that time, the newest first.
func (w Webhook) Signers(at time.Time) []Sealed {
	all := []Sealed{w.Secret}
	for _, f := range w.FormerAt(at) {
		all = append(all, f.Secret)
	}
	return all
}

// secretMadeAt is when the newest was made: with the webhook, unless it was rotated.
func (w Webhook) secretMadeAt() time.Time {
	if w.SecretMadeAt.IsZero() {
		return w.CreatedAt
	}
	return w.SecretMadeAt
}

// KnownSecret is a secret as it is spoken of: never by itself.
type KnownSecret struct {
	MadeAt time.Time `json:"made_at"`
	EndsAt time.Time `json:"ends_at,omitzero" doc:"When it stops signing. Absent for the newest."`
}

// SecretsAt are those that sign at that time, the newest first.
func (w Webhook) SecretsAt(at time.Time) []KnownSecret {
	return append([]KnownSecret{{MadeAt: w.secretMadeAt()}}, Known(w.FormerAt(at))...)
}

// Known is how former secrets are spoken of.
func Known(former []FormerSecret) []KnownSecret {
	known := make([]KnownSecret, len(former))
	for i, f := range former {
		known[i] = KnownSecret{f.MadeAt, f.EndsAt}
	}
	return known
}
