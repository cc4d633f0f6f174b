package delivery

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"plugboard/shared/domain"
)

// Figures of webhooks are counted in the process, and written at most once a minute for each webhook and hour. A quiet
// process writes them at once, within a small budget; a busy one a minute later. Counts that are not written when the
// process ends are lost: at most those of a process's last minute of work. A failed write loses its counts, too,
// because a repeat might count twice.

const (
	statisticsEvery = time.Minute
	// statisticsAtOnce is how many webhooks' figures a process writes early, in a minute. Beyond it a batch for many
	// webhooks would cost two write units for each delivery.
	statisticsAtOnce = 10
	// statisticsWrites bounds the writes after one batch, so that a minute with many webhooks delays no batch for long.
	statisticsWrites = 100
	// statisticsMost is how many webhooks' figures wait in the process. Beyond it they are written at once.
	statisticsMost = 10_000
)

type statistics struct {
	mu      sync.Mutex
	waiting map[hourKey]*waitingCounts
	order   []hourKey               // of waiting, the longest waiting first
	written map[targetKey]time.Time // the last write of a webhook, for a minute or two
	early   int                     // early writes since
	since   time.Time
}

type hourKey struct {
	targetKey
	hour time.Time
}

type waitingCounts struct {
	domain.AttemptCounts
	since time.Time // of the first count
}

func newStatistics() *statistics {
	return &statistics{waiting: map[hourKey]*waitingCounts{}, written: map[targetKey]time.Time{}}
}

// after counts lines of the log, and returns the figures that are to be written now: those of a minute ago or longer,
// and those of the lines.
func (s *statistics) after(lines []domain.Attempt, now time.Time) (waited, fresh []domain.WebhookHour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.since) >= statisticsEvery {
		s.since, s.early = now, 0
		maps.DeleteFunc(s.written, func(_ targetKey, at time.Time) bool { return now.Sub(at) >= statisticsEvery })
	}
	for _, line := range lines {
		k := hourOf(line)
		if s.waiting[k] == nil {
			s.waiting[k] = &waitingCounts{since: now}
			s.order = append(s.order, k)
		}
		s.waiting[k].Add(line)
	}
	for len(s.order) > 0 && len(waited) < statisticsWrites {
		oldest := s.order[0]
		if now.Sub(s.waiting[oldest].since) < statisticsEvery && len(s.waiting) <= statisticsMost {
			break
		}
		s.order = s.order[1:]
		waited = append(waited, s.take(oldest, now))
	}
	for _, line := range lines {
		if k := hourOf(line); s.mayWriteEarly(k, now) {
			s.early++
			s.order = slices.DeleteFunc(s.order, func(other hourKey) bool { return other == k })
			fresh = append(fresh, s.take(k, now))
		}
	}
	return waited, fresh
}

func hourOf(line domain.Attempt) hourKey {
	return hourKey{targetKey{line.Account, line.Webhook}, line.At.UTC().Truncate(time.Hour)}
}

// mayWriteEarly decides whether counts are written before they are a minute old.
func (s *statistics) mayWriteEarly(k hourKey, now time.Time) bool {
	_, recently := s.written[k.targetKey]
	return s.waiting[k] != nil && s.early < statisticsAtOnce && !recently
}

func (s *statistics) take(k hourKey, now time.Time) domain.WebhookHour {
	counts := s.waiting[k].AttemptCounts
	delete(s.waiting, k)
	s.written[k.targetKey] = now
	return domain.WebhookHour{Account: k.account, Webhook: k.webhook, Hour: k.hour, AttemptCounts: counts}
}

// noteStatistics counts the lines of finished work, and writes the figures that are due.
func (s *Service) noteStatistics(ctx context.Context, jobs []job) {
	var lines []domain.Attempt
	for _, j := range jobs {
		if j.line != nil && j.fault == nil { // a message with a fault comes again, and is counted then
			lines = append(lines, *j.line)
		}
	}
	slots := make(chan struct{}, usualBatch)
	var writing sync.WaitGroup
	waited, fresh := s.statistics.after(lines, s.now())
	for _, hour := range append(s.ofLivingAccounts(ctx, waited), fresh...) {
		slots <- struct{}{}
		writing.Go(func() {
			defer func() { <-slots }()
			if err := s.store.AddStatistics(ctx, hour); err != nil {
				slog.ErrorContext(ctx, "a webhook's figures were not written", "account", hour.Account, "webhook",
					hour.Webhook, "error", err)
			}
		})
	}
	writing.Wait()
}

// ofLivingAccounts drops the figures of accounts that are being deleted or are gone: a process that was idle for long
// would put back what their erasure has removed (design rule 27). When the accounts cannot be read, all are dropped.
func (s *Service) ofLivingAccounts(ctx context.Context, hours []domain.WebhookHour) []domain.WebhookHour {
	if len(hours) == 0 {
		return nil
	}
	asked := map[domain.AccountID]domain.Account{}
	for _, h := range hours {
		asked[h.Account] = domain.Account{ID: h.Account}
	}
	accounts, err := s.store.BatchAccounts(ctx, slices.Collect(maps.Values(asked)))
	if err != nil {
		slog.ErrorContext(ctx, "webhooks' figures were not written", "webhooks", len(hours), "error", err)
		return nil
	}
	living := map[domain.AccountID]bool{}
	for _, a := range accounts {
		living[a.ID] = a.Living()
	}
	return slices.DeleteFunc(hours, func(h domain.WebhookHour) bool { return !living[h.Account] })
}
