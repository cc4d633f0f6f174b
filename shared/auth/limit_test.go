package auth_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"plugboard/shared/auth"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// ledger counts requests as the store does, and the writes that it takes.
type ledger struct {
	mu     sync.Mutex
	made   map[string]int
	writes int
	err    error
}

func (l *ledger) TakeRequests(_ context.Context, caller string, window time.Time, n, most int) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	at := fmt.Sprint(caller, window.Unix())
	if l.err != nil || l.made[at]+n > most {
		return false, l.err
	}
	l.made[at] += n
	return true, nil
}

// limited is a process whose gate knows the callers of the test.
type limited struct {
	*auth.Gate
	t *testing.T
}

// records has every account and user.
type records struct{ auth.Records }

func (records) Account(_ context.Context, id domain.AccountID) (domain.Account, error) {
	return domain.Account{ID: id}, nil
}
func (records) User(_ context.Context, a domain.AccountID, id domain.UserID) (domain.User, error) {
	return domain.User{Account: a, ID: id, Role: domain.Admin}, nil
}
func (records) PartnerKey(_ context.Context, hash string) (domain.PartnerKey, error) {
	return domain.PartnerKey{Hash: hash, Partner: "par_1"}, nil
}

// names lets in `account/user`.
type names struct{}

func (names) Verify(_ context.Context, jwt string) (domain.AccountID, domain.UserID, error) {
	return domain.AccountID(jwt), "ada", nil
}

type anyKey struct{}

func (anyKey) Match(context.Context, string) (bool, error) { return true, nil }

func newLimited(t *testing.T, l *ledger, now *time.Time) limited {
	clock := func() time.Time { return *now }
	limiter := auth.NewLimiter(l, auth.LimitConfig{PerSecond: 10}, clock) // 50 in a window
	return limited{auth.NewGate(records{}, names{}, anyKey{}, clock).Limiting(limiter), t}
}

// ask makes n requests, and returns how many were let in.
func (l limited) ask(n int, header, value string) (let int) {
	l.t.Helper()
	for range n {
		r := auth.Request{Header: map[string][]string{header: {value}}}
		r.Header.Set(auth.HeaderAccount, "acct-1")
		_, err := l.Admit(l.t.Context(), r,
			auth.Demand{Rules: auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform(), auth.Partner())})
		var f *fault.Error
		switch {
		case err == nil:
			let++
		case !errors.As(err, &f) || f.Kind != fault.Throttled || f.Wait <= 0 || f.Wait > 5*time.Second:
			l.t.Fatalf("got %v, want Throttled for at most five seconds", err)
		}
	}
	return let
}

func TestLimit_OneAccountIsRefusedAndOthersAreServed(t *testing.T) {
	l, now := &ledger{made: map[string]int{}}, time.Unix(1_000_000_000, 0)
	g := newLimited(t, l, &now)
	if let := g.ask(200, "Authorization", "Bearer acct-1"); let < 40 || let > 50 {
		t.Errorf("of 200 requests %d were let in, want some 50", let)
	}
	if let := g.ask(5, "Authorization", "Bearer acct-2"); let != 5 {
		t.Errorf("another account's 5 requests: %d were let in", let)
	}
	if let := g.ask(100, auth.HeaderPlatformKey, "key"); let != 100 {
		t.Errorf("the platform's 100 requests for acct-1: %d were let in", let)
	}
	if l.writes > 7 {
		t.Errorf("the count took %d writes, want one for ten requests and one that is refused", l.writes)
	}
	now = now.Add(5 * time.Second)
	if let := g.ask(5, "Authorization", "Bearer acct-1"); let != 5 {
		t.Errorf("in the next window %d of 5 were let in", let)
	}
}

func TestLimit_AQuietCallerCostsNothing(t *testing.T) {
	l, now := &ledger{made: map[string]int{}}, time.Unix(1_000_000_000, 0)
	g := newLimited(t, l, &now)
	for range 20 {
		if let := g.ask(5, "Authorization", "Bearer acct-1"); let != 5 {
			t.Errorf("%d of 5 were let in", let)
		}
		now = now.Add(5 * time.Second)
	}
	if l.writes != 0 {
		t.Errorf("a request a second took %d writes", l.writes)
	}
}

func TestLimit_HoldsOverAllProcesses(t *testing.T) {
	l, now := &ledger{made: map[string]int{}}, time.Unix(1_000_000_000, 0)
	let := 0
	for range 4 {
		let += newLimited(t, l, &now).ask(100, "Authorization", "Bearer acct-1")
	}
	if let > 50+4*5 || let < 40 {
		t.Errorf("four processes let in %d, want 50 and at most 5 uncounted of each", let)
	}
}

func TestLimit_LetsInWhenItCannotCount(t *testing.T) {
	l, now := &ledger{made: map[string]int{}, err: errors.New("no table today")}, time.Unix(1_000_000_000, 0)
	if let := newLimited(t, l, &now).ask(100, "Authorization", "Bearer acct-1"); let != 100 {
		t.Errorf("%d of 100 were let in", let)
	}
}
