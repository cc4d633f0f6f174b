package domain_test

import (
	"testing"
	"time"

	"plugboard/shared/domain"
)

// Design rule 8: health is runtime state, of which the clock decides.
func TestRule8_HealthMovesByTheClockAndASuccessHeals(t *testing.T) {
	const hour = time.Hour
	failed := domain.Attempt{Outcome: domain.OutcomeFailed, Status: 500}
	gone := domain.Attempt{Outcome: domain.OutcomeExhausted, Status: 410}
	success := domain.Attempt{Outcome: domain.OutcomeDelivered, Status: 200}
	type step struct {
		at   time.Duration
		line domain.Attempt
		want domain.HealthState
	}
	for name, steps := range map[string][]step{
		"a success": {{0, success, domain.HealthGood}},
		"a blip": {{0, failed, domain.HealthFailing}, {23 * hour, failed, domain.HealthFailing},
			{24 * hour, success, domain.HealthGood}},
		"warned, and healed": {{0, failed, domain.HealthFailing}, {24 * hour, failed, domain.HealthWarned},
			{119 * hour, failed, domain.HealthWarned}, {120 * hour, success, domain.HealthGood}},
		"five days": {{0, failed, domain.HealthFailing}, {30 * hour, failed, domain.HealthWarned},
			{120 * hour, failed, domain.HealthDisabled}, {121 * hour, failed, domain.HealthDisabled},
			{122 * hour, success, domain.HealthDisabled}},
		"a success begins it anew": {{0, failed, domain.HealthFailing}, {23 * hour, success, domain.HealthGood},
			{25 * hour, failed, domain.HealthFailing}, {48 * hour, failed, domain.HealthFailing},
			{49 * hour, failed, domain.HealthWarned}},
		"a month of silence": {{0, failed, domain.HealthFailing}, {720 * hour, failed, domain.HealthWarned},
			{743 * hour, failed, domain.HealthWarned}, {744 * hour, failed, domain.HealthDisabled}},
		"410 Gone":            {{0, gone, domain.HealthDisabled}},
		"410 Gone of failing": {{0, failed, domain.HealthFailing}, {hour, gone, domain.HealthDisabled}},
	} {
		h := domain.Health{}
		for i, s := range steps {
			if h = h.After(s.line, now.Add(s.at)); h.State() != s.want {
				t.Errorf("%s: after step %d it is %s, want %s", name, i, h.State(), s.want)
			}
		}
	}
	w := domain.Webhook{ID: "whk_1", Epoch: 2}
	for name, other := range map[string]domain.Health{"an older epoch's": {Webhook: "whk_1", Epoch: 1, DisabledAt: now},
		"another webhook's": {Webhook: "whk_2", Epoch: 2, DisabledAt: now}} {
		if got := other.Of(w).State(); got != domain.HealthGood {
			t.Errorf("%s makes it %s", name, got)
		}
	}
	if got := (domain.Health{Webhook: "whk_1", Epoch: 2, DisabledAt: now}).Of(w).State(); got != domain.HealthDisabled {
		t.Errorf("its own makes it %s", got)
	}
}
