package domain_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/shared/domain"
)

func TestRule19_APolicyLeftOutIsTheStandardSchedule(t *testing.T) {
	var p domain.SendPolicy
	if got := p.Timeout(); got != 5*time.Second {
		t.Errorf("the timeout is %s, want 5s", got)
	}
	want := []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
		14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	for i, w := range want {
		if got, again := p.RetryWait(i + 1); got != w || !again {
			t.Errorf("after attempt %d: got %s, %v, want %s", i+1, got, again, w)
		}
	}
	if got, again := p.RetryWait(10); again {
		t.Errorf("after attempt 10: got %s, want none", got)
	}
}

func TestRule19_APolicyIsHeldToItsBoundsByPointer(t *testing.T) {
	for name, test := range map[string]struct {
		policy domain.SendPolicy
		want   string
	}{
		"nothing given": {domain.SendPolicy{}, ""},
		"the least":     {domain.SendPolicy{TimeoutSeconds: 1, RetryWaitSeconds: []int{1}, MaxPerSecond: 1}, ""},
		"the most": {domain.SendPolicy{TimeoutSeconds: 30,
			RetryWaitSeconds: slices.Repeat([]int{86_400}, 14)}, ""},
		"the most retries":     {domain.SendPolicy{RetryWaitSeconds: slices.Repeat([]int{60_480}, 20)}, ""},
		"an endless timeout":   {domain.SendPolicy{TimeoutSeconds: 31}, "/p/timeout_seconds"},
		"too many a second":    {domain.SendPolicy{MaxPerSecond: 1001}, "/p/max_per_second"},
		"fewer than none":      {domain.SendPolicy{MaxPerSecond: -1}, "/p/max_per_second"},
		"a timeout before now": {domain.SendPolicy{TimeoutSeconds: -1}, "/p/timeout_seconds"},
		"too many retries": {domain.SendPolicy{RetryWaitSeconds: slices.Repeat([]int{1}, 21)},
			"/p/retry_wait_seconds"},
		"no wait, and too long a one": {domain.SendPolicy{RetryWaitSeconds: []int{0, 1, 86_401, -5}},
			"/p/retry_wait_seconds/0, /p/retry_wait_seconds/2, /p/retry_wait_seconds/3"},
		"14 days and a second": {domain.SendPolicy{RetryWaitSeconds: append(slices.Repeat([]int{86_400}, 14), 1)},
			"/p/retry_wait_seconds"},
	} {
		var got []string
		for _, f := range test.policy.Check("/p") {
			got = append(got, f.Pointer)
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
	p := domain.SendPolicy{TimeoutSeconds: 12, RetryWaitSeconds: []int{7, 70}}
	second, again := p.RetryWait(2)
	if _, third := p.RetryWait(3); p.Timeout() != 12*time.Second || second != 70*time.Second || !again || third {
		t.Errorf("got %s, %s, %v, a third: %v", p.Timeout(), second, again, third)
	}
}

// Design rules 8 and 10: how a managed webhook is sent to is part of what its blueprint declares.
func TestRule10_AManagedWebhooksPolicyIsOfItsDefinition(t *testing.T) {
	i := domain.Installation{Account: "a", Extension: "acme-crm", Epoch: 1, Version: 1, State: domain.Enabled}
	b := domain.Blueprint{Extension: "acme-crm", Version: 1, BlueprintSpec: specimen()}
	b.Lifecycle = nil
	declared := b.Webhooks[0]
	declared.Policy = domain.SendPolicy{TimeoutSeconds: 20, RetryWaitSeconds: []int{5, 10}, MaxPerSecond: 3}
	b.Webhooks[0] = declared
	w := i.DefineWebhook(b, declared, "", domain.Webhook{})
	if !w.Policy.Same(declared.Policy) {
		t.Fatalf("the webhook is made with %+v", w.Policy)
	}
	for name, other := range map[string]domain.SendPolicy{
		"the timeout":        {TimeoutSeconds: 21, RetryWaitSeconds: []int{5, 10}, MaxPerSecond: 3},
		"the order of waits": {TimeoutSeconds: 20, RetryWaitSeconds: []int{10, 5}, MaxPerSecond: 3},
		"the pace":           {TimeoutSeconds: 20, RetryWaitSeconds: []int{5, 10}, MaxPerSecond: 4}, "all of it": {},
	} {
		drifted := w
		drifted.Policy = other
		if drifted.SameDefinition(w) {
			t.Errorf("%s: a webhook with another policy has the same definition", name)
		}
		found := i.DriftFrom(b, domain.Managed{Webhooks: map[domain.WebhookID]domain.Webhook{w.ID: drifted}})
		if !slices.ContainsFunc(found, func(f domain.Finding) bool {
			return strings.HasPrefix(f.Pointer, "/policy/")
		}) {
			t.Errorf("%s: the drift is not found: %+v", name, found)
		}
		if again := i.DefineWebhook(b, declared, "", drifted); !again.Policy.Same(declared.Policy) {
			t.Errorf("%s: reconciling leaves %+v", name, again.Policy)
		}
	}
}
