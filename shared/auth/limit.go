package auth

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// LimitConfig says how many requests a second an account or a partner may make, on average over limitWindow.
type LimitConfig struct {
	PerSecond int `env:"CALLER_REQUESTS_PER_SECOND,required"`
}

const (
	// limitWindow is the time over which requests are counted. A caller may use all of a window's at once.
	limitWindow = 5 * time.Second
	// limitFree is how many requests of a caller a process lets in uncounted, in each window: a quiet caller costs
	// nothing.
	limitFree = 5
	// limitBlock is how many requests a process counts at once beyond those: one write for each.
	limitBlock = 10
)

// Leases counts requests over all processes. TakeRequests is false, and counts nothing, when n more requests would
// pass most.
type Leases interface {
	TakeRequests(ctx context.Context, caller string, window time.Time, n, most int) (bool, error)
}

// Limiter refuses requests of an account or a partner that calls too often, so that others are served. Usage plans of
// API Gateway cannot: they know a caller only by an x-api-key, which nobody sends.
//
// It costs one write unit for ten requests, after a process's first five in five seconds. So each process lets up to
// five requests of a caller in uncounted. When the count fails, the limiter admits the caller.
type Limiter struct {
	leases Leases
	most   int // in a window
	now    domain.Clock

	mu      sync.Mutex
	window  time.Time
	callers map[string]*taken
}

// taken is what a process knows of a caller in the window.
type taken struct {
	made   int  // requests
	leased int  // requests that are counted, or free
	ended  bool // no more are left
}

// NewLimiter limits callers by what all processes have counted.
func NewLimiter(l Leases, c LimitConfig, now domain.Clock) *Limiter {
	return &Limiter{leases: l, most: c.PerSecond * int(limitWindow/time.Second), now: now, callers: map[string]*taken{}}
}

// admit counts a request of an account, whoever asks for it, or of a partner. Throttled when there were too many in the
// window. The platform is not limited: it acts for all accounts.
func (l *Limiter) admit(ctx context.Context, c Caller) error {
	who := ""
	switch {
	case c.Model == ModelPlatform:
	case c.Account != "":
		who = "account:" + string(c.Account)
	case c.Partner != "":
		who = "partner:" + string(c.Partner)
	}
	if who == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if window := now.Truncate(limitWindow); !window.Equal(l.window) {
		l.window = window
		clear(l.callers)
	}
	t := l.callers[who]
	if t == nil {
		t = &taken{leased: min(limitFree, l.most)}
		l.callers[who] = t
	}
	if t.made++; t.made > t.leased && !t.ended {
		l.lease(ctx, who, t)
	}
	if t.ended && t.made > t.leased {
		return &fault.Error{
			Kind: fault.Throttled, Code: "too-many-requests", Wait: l.window.Add(limitWindow).Sub(now),
			Detail: "Too many requests of this account or partner. Try again after the seconds that Retry-After says.",
		}
	}
	return nil
}

// lease counts another block. The first block also counts the requests that were let in uncounted.
func (l *Limiter) lease(ctx context.Context, who string, t *taken) {
	n := limitBlock
	if t.leased <= limitFree {
		n += t.leased
	}
	ok, err := l.leases.TakeRequests(ctx, who, l.window, n, l.most)
	if err != nil {
		slog.WarnContext(ctx, "requests are not counted", "caller", who, "error", err)
	}
	if t.ended = !ok && err == nil; !t.ended {
		t.leased += limitBlock
	}
}
