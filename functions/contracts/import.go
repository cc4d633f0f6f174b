package contracts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

const (
	// importTime is after which no item is begun, by the service's clock. What is under way then has as long again as
	// importGrace; API Gateway ends at 29 s.
	importTime  = 20 * time.Second
	importGrace = 4 * time.Second
	// importWorkers wait for DynamoDB at once, each with items of another account.
	importWorkers = 16
	// importTogether items are one transaction at most: with three writes each they stay below DynamoDB's 100.
	importTogether = 25
	importRetries  = 3 // of an item that others change at the same moment
)

// importer is how things of one kind, I as they are sent and R as they are stored, are imported.
//
// Items of one account are worked off in their order by one worker, some in each transaction: all of them hold the
// account's item, so that workers would only get into each other's way. A transaction that fails is taken apart, and
// its items tried alone; then each has its own answer.
type importer[I, R any] struct {
	account func(I) domain.AccountID
	// alike lists, by pointer, what no two items of a call may have in common, and no two of a transaction may touch;
	// empty where the item has none.
	sameItem func(I) [][2]string
	// frees is what else of that the stored one gives up.
	frees func(R) string
	read  func(ctx context.Context, items []I) ([]R, error)
	// look is what change would say of an item that is wrong already; nil for nothing.
	look func(ctx context.Context, item I) ([]fault.Field, error)
	// change puts what the item takes into the transaction, or nothing.
	change func(ctx context.Context, tx *store.Tx, before R, item I) (R, contract.ImportResult, error)
	// lives is asked once for each account; NotFound fails all its items.
	lives func(context.Context, domain.AccountID) error
	// hold adds what all changes of the transaction have in common.
	hold func(tx *store.Tx, a domain.AccountID, created []R)
}

// importing is one call's work. Workers touch different items.
type importing[I, R any] struct {
	importer[I, R]
	*Service
	items    []contract.Item[I]
	before   []R
	report   *contract.ImportReport
	deadline time.Time
}

// run imports the items and reports the result of each. A call that died is finished by repeating it.
func (m importer[I, R]) run(ctx context.Context, s *Service, sent contract.Items[I]) (*contract.ImportReport, error) {
	deadline := s.now().Add(importTime)
	ctx, cancel := context.WithTimeout(store.Apart(ctx), importTime+importGrace)
	defer cancel()
	items, err := sent.Read(ctx)
	if err != nil {
		return nil, err
	}
	w := importing[I, R]{importer: m, Service: s, items: items, deadline: deadline}
	good, err := w.begin(ctx)
	if err != nil {
		return nil, err
	}
	// An e-mail that one item gives up and another takes may come in the wrong order: what was taken is tried again
	// for as long as some of it gets free.
	for {
		w.work(ctx, good)
		taken := slices.DeleteFunc(slices.Clone(good), func(n int) bool { return w.report.Items[n].Code != emailTaken })
		if len(taken) == 0 || len(taken) == len(good) {
			break
		}
		good = taken
	}
	w.report.Finish()
	return w.report, nil
}

// begin reads what is stored, and returns the places of the items that are good in themselves and beside each other.
func (w *importing[I, R]) begin(ctx context.Context) ([]int, error) {
	w.report = &contract.ImportReport{Items: make([]contract.ImportedItem, len(w.items))}
	var good []int
	var values []I
	for n, contradictions := range w.contradictions() {
		item := &w.items[n]
		item.Also(contradictions)
		w.report.Items[n].ID, w.report.Items[n].Result = item.ID, contract.ImportNotTried
		if len(item.Wrong) > 0 {
			if w.look != nil && item.Reads("/account_id") {
				also, err := w.look(ctx, item.Value)
				if err != nil {
					return nil, err
				}
				item.Also(also)
			}
			w.report.Items[n].Fail(ctx, n, fault.InvalidFields(item.Wrong))
			continue
		}
		good, values = append(good, n), append(values, item.Value)
	}
	stored, err := w.read(ctx, values)
	if err != nil {
		return nil, err
	}
	w.before = make([]R, len(w.items))
	for i, n := range good {
		w.before[n] = stored[i]
	}
	return good, nil
}

// contradictions are, of each item, what another has too. Both are at fault, as nothing tells which is meant.
func (w *importing[I, R]) contradictions() [][]fault.Field {
	holders := map[[2]string][]int{}
	for n, item := range w.items {
		for _, a := range w.sameItem(item.Value) {
			holders[a] = append(holders[a], n)
		}
	}
	all := make([][]fault.Field, len(w.items))
	for n, item := range w.items {
		for _, a := range w.sameItem(item.Value) {
			if at := slices.IndexFunc(holders[a], func(o int) bool { return o != n }); a[1] != "" && at >= 0 {
				all[n] = append(all[n], fault.Field{Pointer: a[0], Code: "duplicate",
					Detail: fmt.Sprintf("Item %d has the same.", holders[a][at])})
			}
		}
	}
	return all
}

// work tries the items at those places, until the time is up.
func (w *importing[I, R]) work(ctx context.Context, places []int) {
	by := map[domain.AccountID][]int{}
	var accounts []domain.AccountID
	for _, n := range places {
		a := w.account(w.items[n].Value)
		if by[a] == nil {
			accounts = append(accounts, a)
		}
		by[a] = append(by[a], n)
	}
	queue := make(chan domain.AccountID)
	var workers sync.WaitGroup
	for range min(importWorkers, len(accounts)) {
		workers.Go(func() {
			for a := range queue {
				if err := w.lives(ctx, a); err != nil {
					for _, n := range by[a] {
						w.fail(ctx, n, err)
					}
					continue
				}
				for rest := by[a]; len(rest) > 0 && w.now().Before(w.deadline); {
					together := w.together(rest)
					w.try(ctx, a, rest[:together])
					rest = rest[together:]
				}
			}
		})
	}
	for _, a := range accounts {
		queue <- a
	}
	close(queue)
	workers.Wait()
}

// together is how many of the items may be in one transaction.
func (w *importing[I, R]) together(places []int) int {
	touched := map[string]bool{}
	for i, n := range places {
		names := []string{w.frees(w.before[n])}
		for _, a := range w.sameItem(w.items[n].Value) {
			if a[1] != names[0] {
				names = append(names, a[1])
			}
		}
		if i == importTogether || slices.ContainsFunc(names, func(name string) bool { return touched[name] }) {
			return i
		}
		for _, name := range names {
			touched[name] = name != ""
		}
	}
	return len(places)
}

// try makes one transaction of the items, and on failure one of each.
func (w *importing[I, R]) try(ctx context.Context, a domain.AccountID, places []int) {
	err := w.commit(ctx, a, places)
	switch {
	case err == nil:
	case fault.KindOf(err) == fault.NotFound: // the account, to all of them
		for _, n := range places {
			if w.report.Items[n].Result == contract.ImportNotTried {
				w.fail(ctx, n, err)
			}
		}
	default:
		for _, n := range places {
			if w.report.Items[n].Result == contract.ImportNotTried {
				w.alone(ctx, a, n)
			}
		}
	}
}

// alone tries an item by what is stored now, and again when someone was faster.
func (w *importing[I, R]) alone(ctx context.Context, a domain.AccountID, n int) {
	for attempt := 1; ; attempt++ {
		stored, err := w.read(ctx, []I{w.items[n].Value})
		if err == nil {
			w.before[n] = stored[0]
			err = w.commit(ctx, a, []int{n})
		}
		if err == nil || attempt == importRetries || !fault.Is(err, store.Raced) {
			if err != nil {
				w.fail(ctx, n, err)
			}
			return
		}
	}
}

// commit makes one transaction of those items that change anything. Items that fail in themselves, or change nothing,
// have their results then, whatever becomes of the others.
func (w *importing[I, R]) commit(ctx context.Context, a domain.AccountID, places []int) error {
	var tx store.Tx
	var created []R
	changed := map[int]contract.ImportResult{}
	for _, n := range places {
		w.report.Items[n] = contract.ImportedItem{ID: w.report.Items[n].ID, Result: contract.ImportNotTried}
		after, result, err := w.change(ctx, &tx, w.before[n], w.items[n].Value)
		switch {
		case err != nil:
			w.fail(ctx, n, err)
			continue
		case result == contract.ImportUnchanged:
			w.report.Items[n].Result = result
			continue
		case result == contract.ImportCreated:
			created = append(created, after)
		}
		changed[n] = result
	}
	if len(changed) == 0 {
		return nil
	}
	w.hold(&tx, a, created)
	if err := w.store.Commit(ctx, &tx, nil); err != nil {
		return err
	}
	for n, result := range changed {
		w.report.Items[n].Result = result
	}
	return nil
}

// fail says why. What the end of the call interrupted may have happened or not; to repeat it is safe.
func (w *importing[I, R]) fail(ctx context.Context, n int, err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		err = fault.New(fault.Unavailable, "interrupted", "The time was up before the item was done. Send it again.")
	}
	w.report.Items[n].Fail(ctx, n, err)
}

// once looks each thing up one time in a call.
func once[K comparable, V any](look func(K) (V, error)) func(K) (V, error) {
	var kept sync.Map
	return func(k K) (V, error) {
		made, _ := kept.LoadOrStore(k, sync.OnceValues(func() (V, error) { return look(k) }))
		return made.(func() (V, error))()
	}
}

// emailIn is an e-mail in an account, however it is spelt.
func emailIn(a domain.AccountID, email string) string {
	if email == "" {
		return ""
	}
	return inAccount(a, domain.EmailIdentity(email))
}

// inAccount is a place in an account; empty when either is not known.
func inAccount[T ~string](a domain.AccountID, id T) string {
	if a == "" || id == "" {
		return ""
	}
	return strings.Join([]string{string(a), string(id)}, " ")
}
