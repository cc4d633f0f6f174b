package functions_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/fault"
)

// What a test does to the tables past the store.

type item = map[string]types.AttributeValue

// scan reads a whole table.
func (w *world) scan(table string) []item {
	w.t.Helper()
	var all []item
	pages := dynamodb.NewScanPaginator(w.tables.DB,
		&dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.t.Context())
		must(w.t, err)
		all = append(all, page.Items...)
	}
	return all
}

// stored is every item of that record.
func (w *world) stored(record string) []item {
	w.t.Helper()
	var found []item
	for _, i := range w.scan(w.tables.Config.AccountsTable) {
		if text(i, "record") == record {
			found = append(found, i)
		}
	}
	return found
}

// dump is everything in both tables, sorted, binaries as text.
func (w *world) dump() string {
	w.t.Helper()
	var lines []string
	for _, table := range []string{w.tables.Config.AccountsTable, w.tables.Config.DeliveriesTable} {
		for _, i := range w.scan(table) {
			var v map[string]any
			must(w.t, attributevalue.UnmarshalMap(i, &v))
			for name, value := range v {
				if bytes, ok := value.([]byte); ok {
					value = string(bytes)
				}
				lines = append(lines, fmt.Sprintf("%s %s %s=%v", v["pk"], v["sk"], name, value))
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func text(i item, name string) string {
	s, _ := i[name].(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

func blob(i item, name string) []byte {
	b, _ := i[name].(*types.AttributeValueMemberB)
	if b == nil {
		return nil
	}
	return b.Value
}

// ownField makes the field a user's, or a system's again, as no door of the API would.
func (a *actors) ownField(templateType, customID, source string) {
	a.t.Helper()
	for _, i := range a.stored("template-type") {
		if text(i, "id") != templateType {
			continue
		}
		for _, f := range i["fields"].(*types.AttributeValueMemberL).Value {
			field := f.(*types.AttributeValueMemberM).Value
			if text(field, "custom_id") == customID {
				field["source"] = &types.AttributeValueMemberS{Value: source}
			}
		}
		_, err := a.tables.DB.PutItem(a.t.Context(),
			&dynamodb.PutItemInput{TableName: &a.tables.Config.AccountsTable, Item: i})
		must(a.t, err)
	}
}

// eventType is what an event item is about.
func eventType(i item) string {
	subject, _ := i["subject"].(*types.AttributeValueMemberM)
	if subject == nil {
		return ""
	}
	return text(subject.Value, "event_type")
}

func isCode(err error, code string) bool { return fault.Is(err, code) }
