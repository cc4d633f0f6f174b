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
	// importTime is the time after which a call begins no further item, by the service's clock. Items in progress get
	// importGrace more. API Gateway ends a request after 29 s.
	importTime  = 20 * time.Second
	importGrace = 4 * time.Second
	// importWorkers is the number of workers that call DynamoDB concurrently. Each works on the items of another
	// account.
	importWorkers = 16
	// importTogether is the limit of items in one transaction. An item takes up to three writes, and DynamoDB allows
	// 100 in a transaction.
	importTogether = 25
	importRetries  = 3 // attempts for an item that others change at the same moment
)

// importer describes how records of one kind are imported. I is the item as sent, and R the record as stored.
//
// One worker handles an account's items in their order, several in each transaction. More workers would conflict,
// since every transaction of an account conditions on the account's item. When a transaction fails, each of its items
// is tried alone, so that each has its own result.
type importer[I, R any] struct {
	account func(I) domain.AccountID
	// sameItem lists the names that an item claims, such as its id and e-mail, each after its JSON pointer. No two
	// items of a call may claim the same name, and no two of a transaction may touch it. An unknown name is empty.
	sameItem func(I) [][2]string
	// frees is a name of the stored record that the change may give up, such as its e-mail; empty for none.
	frees func(R) string
	read  func(ctx context.Context, items []I) ([]R, error)
	// look reports the faults that change would find in an item that is already invalid. A nil look reports none.
	look func(ctx context.Context, item I) ([]fault.Field, error)
	// change adds the item's writes to the transaction. An item that changes nothing adds none.
	change func(ctx context.Context, tx *store.Tx, before R, item I) (R, contract.ImportResult, error)
	// lives checks an account before its items are tried. An error, such as NotFound, fails all items of the account.
	lives func(context.Context, domain.AccountID) error
	// hold adds the writes that all items of a transaction share.
	hold func(tx *store.Tx, a domain.AccountID, created []R)
}

// importing is the state of one call. No two workers touch the same item.
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
	// An item may need an e-mail that a later item gives up. Items that failed with `email-taken` are tried again for
	// as long as a round leaves fewer of them.
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

// begin reads the stored records. It returns the indices of the items that are valid by themselves and do not
// contradict other items.
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

// contradictions reports, for each item, the names that another item claims too. Both items are at fault, since
// nothing tells which item is meant.
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

// work tries the items at those indices until the deadline.
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

// together is how many of the items, from the first on, may share one transaction.
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

// try commits the items in one transaction. When the transaction fails, each item is tried alone; when the account is
// gone, all items fail.
func (w *importing[I, R]) try(ctx context.Context, a domain.AccountID, places []int) {
	err := w.commit(ctx, a, places)
	switch {
	case err == nil:
	case fault.KindOf(err) == fault.NotFound: // the account is gone
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

// alone commits a single item on a fresh read of its record. After a concurrent change it tries again, in at most
// importRetries attempts.
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

// commit writes the changed items in one transaction. An invalid or unchanged item gets its result at once, whether
// or not the transaction succeeds.
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

// fail records why an item failed. An item that the end of the call interrupted may or may not be written; to send it
// again is safe.
func (w *importing[I, R]) fail(ctx context.Context, n int, err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		err = fault.New(fault.Unavailable, "interrupted", "The time was up before the item was done. Send it again.")
	}
	w.report.Items[n].Fail(ctx, n, err)
}

// once caches look: it runs once for each key.
func once[K comparable, V any](look func(K) (V, error)) func(K) (V, error) {
	var kept sync.Map
	return func(k K) (V, error) {
		made, _ := kept.LoadOrStore(k, sync.OnceValues(func() (V, error) { return look(k) }))
		return made.(func() (V, error))()
	}
}

// emailIn names an e-mail address within an account, the same for every spelling of the address.
func emailIn(a domain.AccountID, email string) string {
	if email == "" {
		return ""
	}
	return inAccount(a, domain.EmailIdentity(email))
}

// inAccount names an id within an account; empty when the account or the id is unknown.
func inAccount[T ~string](a domain.AccountID, id T) string {
	if a == "" || id == "" {
		return ""
	}
	return strings.Join([]string{string(a), string(id)}, " ")
}
