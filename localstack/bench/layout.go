package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// layOut fills the stub for a load, after clearing it: webhooks, each in an account of its own or, for a pipeline, in
// one account, and the waiting retries.
func layOut(ctx context.Context, args []string) error {
	var l load
	if err := json.Unmarshal([]byte(args[0]), &l); err != nil {
		return err
	}
	w := newWorker(l)
	p, err := w.parts()
	if err != nil {
		return err
	}
	if _, err := take[any](w.aws, "forget"); err != nil {
		return err
	}
	var tx store.Tx
	for i := range w.Webhooks {
		hook, err := p.sealed(ctx, w.webhook(i))
		if err != nil {
			return err
		}
		if i == 0 || w.webhook(i-1).Account != hook.Account {
			of := account(hook.Account)
			tx.Create(&of)
		}
		tx.Create(&hook)
		if i%32 == 31 || i == w.Webhooks-1 { // two items each, of a transaction's hundred
			if err := p.store.Commit(ctx, &tx, nil); err != nil {
				return err
			}
			tx = store.Tx{}
		}
	}
	tomorrow := time.Now().Add(time.Hour)
	if err := p.wait(ctx, w, w.Pending, func(i int) time.Time {
		return tomorrow.Add(time.Duration(i) * 24 * time.Hour / time.Duration(w.Pending))
	}); err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, "laid out")
	return nil
}

func account(id domain.AccountID) domain.Account {
	return domain.Account{ID: id, Name: "Bench", CreatedAt: time.Now().Add(-time.Hour)}
}

// sealed is the webhook with its secrets.
func (p parts) sealed(ctx context.Context, hook domain.Webhook) (domain.Webhook, error) {
	for key := range keys {
		sealed, err := p.sealer.Seal(ctx, hook.Account, string(hook.ID), secret.NewSigningSecret())
		if err != nil {
			return hook, err
		}
		if key == 0 {
			hook.Secret = sealed
		} else {
			hook.Rotate(sealed, time.Now(), 24*time.Hour)
		}
	}
	return hook, nil
}

// webhook is the one of that number.
func (w *worker) webhook(i int) domain.Webhook {
	account := 0
	if w.Kind != "pipeline" && w.Kind != "external" {
		account = i
	}
	return domain.Webhook{Account: domain.AccountID(fmt.Sprintf("acct-%d", account)),
		ID: domain.WebhookID(fmt.Sprintf("whk_%d", i)), Name: "Bench", URL: w.URL}
}
