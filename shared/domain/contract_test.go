package domain

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/shared/fault"
)

func TestContract_MovesOnlyAlongItsLifecycle(t *testing.T) {
	want := []string{
		"draft→published", "draft→canceled", "draft→deleted",
		"published→signed", "published→declined", "published→expired", "published→canceled",
		"signed→deleted", "declined→deleted", "expired→deleted", "canceled→deleted",
	}
	var got []string
	states := []ContractState{Draft, Published, Signed, Declined, Expired, Canceled, Deleted}
	for _, from := range states {
		for _, next := range states {
			c, err := Contract{State: from}.To(next, time.Unix(1, 0))
			switch {
			case err == nil && c.State == next:
				got = append(got, fmt.Sprintf("%s→%s", from, next))
			case !fault.Is(err, "contract-state") || c.State != from:
				t.Errorf("%s→%s gave %s, %v", from, next, c.State, err)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the moves are\n%v, want\n%v", got, want)
	}
}

func TestRefill_KeepsAContractWithinAnItem(t *testing.T) {
	tt := TemplateType{Name: "Big"}
	var before []Value
	for n := range MaxFields {
		id := fmt.Sprintf("f%03d", n)
		tt.Fields = append(tt.Fields, DataField{FieldDefinition: FieldDefinition{CustomID: id, Kind: Text},
			Source: SourceUser, Active: true})
		if n > 0 {
			before = append(before, Value{CustomID: id, Kind: Text, Value: strings.Repeat("x", 870)})
		}
	}
	given := func(n int) []GivenValue { return []GivenValue{{CustomID: "f000", Value: strings.Repeat("ä", n)}} }
	if _, changed, wrong := tt.Refill("/data_fields", before, given(300), true); len(wrong) != 0 || len(changed) != 1 {
		t.Errorf("what fits gave %v, %v", changed, wrong)
	}
	if _, _, wrong := tt.Refill("/data_fields", before, given(1024), true); len(wrong) != 1 ||
		wrong[0].Code != "too-large" {
		t.Errorf("what does not fit gave %v, want too-large", wrong)
	}
}

func TestParticipant_DecidesOnce(t *testing.T) {
	now, opener := time.Unix(1, 0), SessionOpener{}
	c := Contract{State: Published, Participants: []Participant{{ID: "kim"}, {ID: "lee"}}}
	signed, err := c.SignBy("kim", opener, now)
	if err != nil || signed.State != Published {
		t.Fatalf("the first signature gave %s, %v", signed.State, err)
	}
	if got, err := signed.DeclineBy("kim", opener, now); !fault.Is(err, "already-signed") || got.State != Published ||
		!got.Participants[0].DeclinedAt.IsZero() {
		t.Errorf("declining what one has signed gave %+v, %v", got, err)
	}
	if _, err := signed.SignBy("kim", opener, now); !fault.Is(err, "already-signed") {
		t.Errorf("signing twice gave %v", err)
	}
	if got, err := signed.DeclineBy("lee", opener, now); err != nil || got.State != Declined {
		t.Errorf("another participant's refusal gave %s, %v", got.State, err)
	}
	declined, err := c.DeclineBy("kim", opener, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := declined.SignBy("lee", opener, now); !fault.Is(err, "contract-state") {
		t.Errorf("signing a declined contract gave %v", err)
	}
	declined.State = Published // as no lifecycle has it today
	if got, err := declined.SignBy("kim", opener, now); !fault.Is(err, "already-declined") ||
		!got.Participants[0].SignedAt.IsZero() {
		t.Errorf("signing what one has declined gave %+v, %v", got, err)
	}
}

func TestParticipant_DecisionNamesWhoOpenedTheSession(t *testing.T) {
	now, opener := time.Unix(1, 0), SessionOpener{User: "ada", Token: "tok", Extension: "acme"}
	c := Contract{State: Published, Participants: []Participant{{ID: "kim"}, {ID: "lee"}}}
	signed, err := c.SignBy("kim", opener, now)
	if err != nil || signed.Participants[0].SessionOpenedBy != opener ||
		signed.Participants[1].SessionOpenedBy != (SessionOpener{}) {
		t.Errorf("the signature is %+v, %v", signed.Participants, err)
	}
	declined, err := c.DeclineBy("lee", opener, now)
	if err != nil || declined.Participants[1].SessionOpenedBy != opener ||
		declined.Participants[0].SessionOpenedBy != (SessionOpener{}) {
		t.Errorf("the refusal is %+v, %v", declined.Participants, err)
	}
	all, err := signed.SignByAll(now)
	if err != nil || all.Participants[0].SessionOpenedBy != opener ||
		all.Participants[1].SessionOpenedBy != (SessionOpener{}) {
		t.Errorf("all signatures are %+v, %v", all.Participants, err)
	}
}
