package store

import (
	"reflect"
	"strings"

	"plugboard/shared/domain"
)

// Table is a table's shape, declared once: infra builds it with CDK, tests create it on the emulator. Both tables
// have a string partition key `pk`, a string sort key `sk` and on-demand capacity, and expire items by `expires_at`
// (epoch seconds). DynamoDB deletes within days, so every read filters expired items itself.
type Table struct {
	Name       string // the construct id, and the stem of the variable <NAME>_TABLE
	Stream     bool   // NEW_IMAGE stream, read by fanout
	Restorable bool   // to any second of the last 35 days, by point-in-time recovery
	Index      *Index // nil: none
}

// Index is a sparse secondary index. It holds the items that have both of its keys, strings, and of each its keys,
// the table's keys and the included attributes. Its partition key may be the table's.
type Index struct {
	Name         string
	PartitionKey string
	SortKey      string
	Includes     []string
}

const (
	PartitionKey = "pk"
	SortKey      = "sk"
	ExpiresAt    = "expires_at"

	// OutboxAttribute marks an item that fanout must read, with its kind: "event", "provision" or "resend".
	OutboxAttribute = "outbox"
)

// Split by lifecycle: state, and a log that expires. Both are kept when the stack is deleted (by stage): the log also
// holds the deliveries that wait for their time or their endpoint.
var (
	AccountsTable   = Table{Name: "accounts", Stream: true, Restorable: true, Index: &ContractsIndex}
	DeliveriesTable = Table{Name: "deliveries", Index: &UnsentIndex}
)

// UnsentIndex finds failed deliveries. It holds the lines of the attempt log that are no successes, in the table's
// own partitions and order. Its sort key makes it sparse, so that a success costs nothing.
var UnsentIndex = Index{
	Name: "unsent", PartitionKey: PartitionKey, SortKey: "unsent_sk",
	Includes: []string{"account_id", "event_id", "event_type", "event_at", "number", ExpiresAt},
}

// ContractsIndex lists an account's contracts; keys.go explains it. Its keys are attributes of their own, because an
// item with an empty key, or one of another type, could not be written.
var ContractsIndex = Index{Name: "contracts", PartitionKey: "contracts_pk", SortKey: "contracts_sk",
	Includes: summaryAttributes()}

func summaryAttributes() []string {
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[domain.ContractSummary]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
