package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"plugboard/functions/webhooks"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// idlePull is the row of an agent for which nothing waits.
const idlePull = "a pull that finds nothing"

// pull asks for the deliveries of one webhook after the other, behind the gate, as idle agents do.
func (w *worker) pull(ctx context.Context) (func() (batch, error), error) {
	p, err := w.parts()
	if err != nil {
		return nil, err
	}
	service := webhooks.New(p.store, p.sealer, egress.Config{AllowPrivate: true}, domain.SystemClock, domain.NewID)
	gate := auth.NewGate(p.store, nil, nil, domain.SystemClock)
	handler, err := contract.New(contract.Webhooks, gate, p.store, nil, service.Routes)
	if err != nil {
		return nil, err
	}
	agents := make([]string, w.Webhooks)
	for i := range agents {
		if agents[i], err = p.agent(ctx, pulledWebhook(i)); err != nil {
			return nil, err
		}
	}
	n := -1
	return func() (batch, error) {
		n = (n + 1) % len(agents)
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/webhooks/"+string(pulledWebhook(n).ID)+
			"/pull", nil)
		r.Header.Set("Authorization", "Bearer "+agents[n])
		return func() (int, error) {
			answer := httptest.NewRecorder()
			if handler.ServeHTTP(answer, r); answer.Code != http.StatusOK {
				return 0, fmt.Errorf("a pull answers %d: %s", answer.Code, answer.Body)
			}
			return 1, nil
		}, nil
	}, nil
}

func pulledWebhook(i int) domain.Webhook {
	return domain.Webhook{Account: domain.AccountID(fmt.Sprintf("pulled-%d", i)),
		ID: domain.WebhookID(fmt.Sprintf("whk_pulled-%d", i)), Name: "Bench", URL: domain.AgentURL}
}

// agent stores a webhook without URL, in an account of its own, and returns the key of its agent.
func (p parts) agent(ctx context.Context, hook domain.Webhook) (string, error) {
	key, hash := secret.NewCredential(secret.AgentPrefix)
	of := account(hook.Account)
	var tx store.Tx
	tx.Create(&of)
	tx.Create(&hook)
	tx.Create(&domain.AgentKey{Hash: hash, Account: hook.Account, Webhook: hook.ID,
		ID: domain.AgentID("agt_" + string(hook.ID))})
	return string(key), p.store.Commit(ctx, &tx, nil)
}

// idleMonth is how long an agent idles for its price.
const idleMonth = 30 * 24 * time.Hour

// billIdle prints the price of an agent that idles for a month.
func billIdle(out io.Writer, r result) {
	pulls := float64(idleMonth / domain.AskMost)
	one := apiRequest + lambdaRequest + apiSeconds*apiGB*lambdaGBSecond +
		r.perDelivery(float64(r.Logged))/1e9*loggedGB +
		r.perDelivery(r.Counts.WriteUnits)*writeUnit + r.perDelivery(r.Counts.ReadUnits)*readUnit
	fmt.Fprintf(out, "\nAn idle agent, which pulls every %s: %.0f pulls in 30 days, %.2f dollars (%.2f of them "+
		"the API's "+
		"requests)\n", domain.AskMost, pulls, pulls*one, pulls*apiRequest)
}
