package domain

import "time"

// Listeners of a webhook pull its deliveries beside its endpoint, which notices nothing (design rule 30).

const (
	// TailKept is how long a delivery is kept for listeners, and how old a listener's cursor may be. Events are stored
	// as long.
	TailKept = 30 * 24 * time.Hour

	// tailNoted spares a write at each pull: TailedUntil is this much later than a cursor needs, and is moved on when
	// half of it is left.
	tailNoted = 24 * time.Hour

	// AskLeast and AskMost are the shortest and the longest wait between two pulls that find nothing.
	AskLeast = time.Second
	AskMost  = 30 * time.Second
)

// Tailed tells whether deliveries to the webhook are kept for listeners.
func (w Webhook) Tailed(now time.Time) bool { return now.Before(w.TailedUntil) }

// Tail has deliveries kept for as long as a cursor given now is good. It is false when w need not be stored for that.
func (w *Webhook) Tail(now time.Time) bool {
	if w.TailedUntil.After(now.Add(TailKept + tailNoted/2)) {
		return false
	}
	w.TailedUntil = now.Add(TailKept + tailNoted)
	return true
}

// AskAfter is the wait until the next pull, after no delivery has come for that long. A wait is a tenth of the silence:
// a second while somebody works, and half a minute for an agent that idles, so that it costs little.
func AskAfter(quiet time.Duration) time.Duration {
	return min(max(quiet/10, AskLeast), AskMost).Truncate(time.Second)
}
