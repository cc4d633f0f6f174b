package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/store/storetest"
)

func tailed(name string) events.Delivery {
	return events.DeliveryTo(domain.Webhook{Account: "acct-42", ID: "whk_1"},
		events.Event{ID: domain.EventID("evt_" + name)})
}

// Many processes append at once, with clocks that differ by an hour, and a listener reads on meanwhile.
func TestRule30_AListenerThatFollowsManyWritersMissesNothing(t *testing.T) {
	tables := storetest.New(t)
	const writers, each = 4, 5
	var writing sync.WaitGroup
	for w := range writers {
		off := time.Duration(w-writers/2) * time.Hour
		from := tables.At(func() time.Time { return domain.SystemClock().Add(off) })
		writing.Go(func() {
			for n := range each {
				name := fmt.Sprintf("%d-%d", w, n)
				if err := from.AppendTailed(t.Context(), "whk_1",
					[]events.Delivery{tailed(name + "a"), tailed(name + "b")}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	seen, last := map[domain.EventID]int{}, int64(0)
	follow := func() {
		t.Helper()
		for {
			found, more, err := tables.Tailed(t.Context(), "acct-42", "whk_1", last, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range found {
				if last != 0 && d.Number != last+1 {
					t.Errorf("after number %d comes %d", last, d.Number)
				}
				seen[d.Event]++
				last = d.Number
			}
			if !more {
				return
			}
		}
	}
	for ended := false; !ended; follow() {
		select {
		case <-done:
			ended = true
		default:
		}
	}
	if len(seen) != 2*writers*each {
		t.Errorf("the listener saw %d deliveries, want %d", len(seen), 2*writers*each)
	}
	for e, n := range seen {
		if n != 1 {
			t.Errorf("%s came %d times", e, n)
		}
	}
}

// A head that has expired does not begin below the numbers of living cursors.
func TestRule30_NumbersRiseOverAnExpiredHead(t *testing.T) {
	tables := storetest.New(t)
	if err := tables.AppendTailed(t.Context(), "whk_1", []events.Delivery{tailed("1")}); err != nil {
		t.Fatal(err)
	}
	before, err := tables.TailHead(t.Context(), "whk_1")
	if err != nil || before == 0 {
		t.Fatal(before, err)
	}
	if _, err := tables.DB.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: &tables.Config.DeliveriesTable, Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "PULL#whk_1"}, "sk": &types.AttributeValueMemberS{Value: "HEAD"},
		}}); err != nil {
		t.Fatal(err)
	}
	if err := tables.AppendTailed(t.Context(), "whk_1", []events.Delivery{tailed("2")}); err != nil {
		t.Fatal(err)
	}
	if after, err := tables.TailHead(t.Context(), "whk_1"); err != nil || after <= before {
		t.Errorf("after %d comes %d, %v", before, after, err)
	}
}
