package delivery

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

const newSigningSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"

// lifecycle stores an extension's lifecycle webhook, whose secret was just rotated, and its installation.
func (k *kit) lifecycle() (*domain.Webhook, *domain.Installation) {
	k.t.Helper()
	seal := func(plain string) domain.Sealed {
		sealed, err := k.sealer.Seal(k.t.Context(), "", domain.LifecycleResource("acme-crm"), domain.Secret(plain))
		if err != nil {
			k.t.Fatal(err)
		}
		return sealed
	}
	w := &domain.Webhook{Account: acct, ID: "whk_life", Extension: "acme-crm", Epoch: 3, Lifecycle: true,
		URL: k.receiver.URL}
	i := &domain.Installation{Account: acct, Extension: "acme-crm", Version: 1, Epoch: 3, State: domain.Enabled}
	l := &domain.LifecycleSecret{Extension: "acme-crm", Secret: seal(newSigningSecret), Previous: seal(signingSecret),
		PreviousEndsAt: k.clock.read().Add(time.Hour)}
	k.Given(w, i, l)
	return w, i
}

// toldOf is the first message of the installation's event to w.
func (k *kit) toldOf(w *domain.Webhook, i *domain.Installation, t events.Type) events.Delivery {
	k.t.Helper()
	e, err := events.OfInstallation("evt_1", t, *i)
	if err != nil {
		k.t.Fatal(err)
	}
	e.At = k.clock.read()
	d := events.DeliveryTo(*w, e)
	d.Body = string(e.Body)
	return d
}

func TestRule17_ALifecycleWebhookHearsWhateverBecameOfItsInstallation(t *testing.T) {
	for name, c := range map[string]struct {
		change func(k *kit, w *domain.Webhook, i *domain.Installation)
		want   domain.Outcome
	}{
		"enabled": {func(*kit, *domain.Webhook, *domain.Installation) {}, domain.OutcomeDelivered},
		"suspended": {func(k *kit, _ *domain.Webhook, i *domain.Installation) {
			*i, _ = i.Suspend(domain.SuspendedByAdmin, k.clock.read())
			k.change(i)
		}, domain.OutcomeDelivered},
		"disabled": {func(k *kit, w *domain.Webhook, i *domain.Installation) {
			*i, _ = i.Disable(k.clock.read())
			k.change(i)
			w.EndsAt = k.clock.read().Add(domain.LifecycleKept)
			k.change(w)
		}, domain.OutcomeDelivered},
		"enabled again": {func(k *kit, w *domain.Webhook, i *domain.Installation) {
			i.Epoch, w.Epoch = 4, 4
			k.change(i)
			k.change(w)
		}, domain.OutcomeDelivered},
		"paused": {func(k *kit, w *domain.Webhook, _ *domain.Installation) {
			w.Paused = true
			k.change(w)
		}, domain.OutcomeSkipped},
		"gone": {func(k *kit, w *domain.Webhook, _ *domain.Installation) {
			var tx store.Tx
			tx.Discard(*w)
			if err := k.Commit(k.t.Context(), &tx, nil); err != nil {
				k.t.Fatal(err)
			}
		}, domain.OutcomeCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t)
			w, i := k.lifecycle()
			d := k.toldOf(w, i, events.InstallationDisabled)
			c.change(k, w, i)
			if got, posted := k.verdict(d); got != c.want || posted != (c.want == domain.OutcomeDelivered) {
				t.Errorf("got %s, a request: %v; want %s", got, posted, c.want)
			}
		})
	}
}

func TestRule22_BothLifecycleSecretsSignAndNeitherComesBack(t *testing.T) {
	k := newKit(t)
	written := logs(t)
	w, i := k.lifecycle()
	var signature string
	k.receiver.answers(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		signature = r.Header.Get("Webhook-Signature")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, "got ", signature, " ", signingSecret, " ", newSigningSecret, len(body))
	})
	d := k.toldOf(w, i, events.InstallationEnabled)
	k.deliver(d)
	got := k.receiver.take()[0]
	for _, secret := range []string{signingSecret, newSigningSecret} {
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify([]byte(got.body), got.header); err != nil {
			t.Errorf("by %s…: %v", secret[:9], err)
		}
	}
	proofs := strings.Split(signature, " ")
	if len(proofs) != 2 {
		t.Fatalf("got the signatures %q, want two", proofs)
	}
	secrets := append(proofs, strings.TrimPrefix(proofs[0], "v1,"), strings.TrimPrefix(proofs[1], "v1,"), signingSecret,
		newSigningSecret)
	shows(t, "the log line", fmt.Sprintf("%+v", k.outcome(d, 1)), secrets...)
	shows(t, "our log", written.String(), secrets...)
}
