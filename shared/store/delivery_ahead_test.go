package store_test

import (
	"reflect"
	"testing"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

// Of what is there, what is not, and what was not asked for.
func TestReadAhead_AnswersAsTheStoreDoes(t *testing.T) {
	s := storetest.New(t)
	for _, a := range []domain.AccountID{"a", "b"} {
		s.Given(
			&domain.Account{ID: a, Name: "A"}, &domain.Webhook{Account: a, ID: "whk_1", Epoch: 2},
			&domain.Webhook{Account: a, ID: "whk_2", Epoch: 2},
			&domain.Health{Account: a, Webhook: "whk_1", Epoch: 2, FailingSince: time.Unix(1, 0).UTC()},
			&domain.Health{Account: a, Webhook: "whk_2", Epoch: 1, FailingSince: time.Unix(1, 0).UTC()},
			&domain.Installation{Account: a, Extension: "acme", Epoch: 2},
		)
	}
	ahead, err := s.ReadAhead(t.Context(), []store.AheadOf{
		{Account: "a", Webhook: "whk_1", Extension: "acme"}, {Account: "a", Webhook: "whk_2", Extension: "acme"},
		{Account: "a", Webhook: "whk_1"},
		{Account: "c", Webhook: "whk_1", Extension: "acme"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []domain.AccountID{"a", "b", "c"} {
		got, err := ahead.Account(t.Context(), a)
		same(t, a, got, err)(s.Account(t.Context(), a))
		installed, err := ahead.Installation(t.Context(), a, "acme")
		same(t, a, installed, err)(s.Installation(t.Context(), a, "acme"))
		for _, w := range []domain.WebhookID{"whk_1", "whk_2"} {
			type both struct {
				Hook   domain.Webhook
				Health domain.Health
			}
			hook, health, err := ahead.WebhookAndHealth(t.Context(), a, w)
			wantHook, wantHealth, wantErr := s.WebhookAndHealth(t.Context(), a, w)
			same(t, w, both{hook, health}, err)(both{wantHook, wantHealth}, wantErr)
		}
	}
}

func same[T any](t *testing.T, of any, got T, err error) func(T, error) {
	t.Helper()
	return func(want T, wantErr error) {
		t.Helper()
		if !reflect.DeepEqual(got, want) || fault.KindOf(err) != fault.KindOf(wantErr) ||
			(err == nil) != (wantErr == nil) {
			t.Errorf("%v: got %+v, %v, want %+v, %v", of, got, err, want, wantErr)
		}
	}
}
