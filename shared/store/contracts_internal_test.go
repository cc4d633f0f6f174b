package store

import (
	"testing"

	"plugboard/shared/domain"
)

// A filtered query looks less far in one shard than in another, which MiniStack does not show.
func TestMerge_StopsWhereAShardHasNotLooked(t *testing.T) {
	shards := []contractShard{
		{found: []domain.ContractSummary{{ID: "9"}, {ID: "3"}}, down: "2"},
		{found: []domain.ContractSummary{{ID: "7"}}, down: "5"},
	}
	if got, down := merge(shards, 9); len(got) != 2 || got[0].ID != "9" || got[1].ID != "7" || down != "5" {
		t.Errorf("got %v down to %q, want 9 and 7 down to 5", got, down)
	}
	if got, down := merge(shards, 1); len(got) != 1 || down != "9" {
		t.Errorf("got %v down to %q, want 9 alone", got, down)
	}
}
