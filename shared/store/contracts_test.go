package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"plugboard/shared/domain"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

func TestContracts_PagesMergeTheShardsAndEndWhenAllIsSeen(t *testing.T) {
	s := storetest.New(t)
	var newest []domain.ContractID
	var rare []domain.ContractID
	for batch := range 9 { // 900: over the 200 that a filtered query looks at, in each of four shards
		var tx store.Tx
		for n := range 100 {
			at := batch*100 + n
			c := domain.Contract{ID: domain.ContractID(fmt.Sprintf("con_%05d_%x", at, rand.Uint32())), Account: "a",
				State: domain.Draft, Workspace: "sales"}
			if at%300 == 0 || at < 200 && at%5 == 0 { // some where one shard has looked and another has not
				c.Workspace = "legal"
				rare = append(rare, c.ID)
			}
			newest = append(newest, c.ID)
			tx.Create(&c)
		}
		if err := s.Commit(t.Context(), &tx, nil); err != nil {
			t.Fatal(err)
		}
	}
	s.Given(&domain.Contract{ID: "con_other", Account: "a#0", State: domain.Draft})
	slices.Reverse(newest)
	slices.Reverse(rare)
	for _, c := range []struct {
		filter store.ContractFilter
		limit  int
		want   []domain.ContractID
	}{
		{store.ContractFilter{}, 100, newest},
		{store.ContractFilter{Workspace: "legal"}, 2, rare},
		{store.ContractFilter{Workspace: "sales", State: domain.Signed}, 100, nil},
		{store.ContractFilter{Among: []domain.WorkspaceID{"legal"}}, 2, rare},
		{store.ContractFilter{Among: []domain.WorkspaceID{"legal", "sales"}}, 100, newest},
		{store.ContractFilter{Among: []domain.WorkspaceID{"sales"}, Workspace: "legal"}, 100, nil},
	} {
		var got []domain.ContractID
		calls := 0
		for before := domain.ContractID(""); calls == 0 || before != ""; calls++ {
			page, next, err := s.Contracts(t.Context(), "a", c.filter, before, c.limit)
			if err != nil || len(page) > c.limit {
				t.Fatalf("%+v: got %d contracts, %v; want at most %d", c.filter, len(page), err, c.limit)
			}
			for _, one := range page {
				got = append(got, one.ID)
			}
			before = next
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v by %d: got %d contracts in %d calls, want these %d, newest first", c.filter, c.limit,
				len(got), calls, len(c.want))
		}
	}
}
