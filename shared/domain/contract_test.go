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
		tt.Fields = append(tt.Fields, DataField{FieldDefinition: FieldDefinition{CustomID: id, Kind: Text}, Source: SourceUser, Active: true})
		if n > 0 {
			before = append(before, Value{CustomID: id, Kind: Text, Value: strings.Repeat("x", 870)})
		}
	}
	given := func(n int) []GivenValue { return []GivenValue{{CustomID: "f000", Value: strings.Repeat("ä", n)}} }
	if _, changed, wrong := tt.Refill("/data_fields", before, given(300), true); len(wrong) != 0 || len(changed) != 1 {
		t.Errorf("what fits gave %v, %v", changed, wrong)
	}
	if _, _, wrong := tt.Refill("/data_fields", before, given(1024), true); len(wrong) != 1 || wrong[0].Code != "too-large" {
		t.Errorf("what does not fit gave %v, want too-large", wrong)
	}
}
