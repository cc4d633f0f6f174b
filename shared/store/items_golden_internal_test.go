package store

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/domain"
)

var update = flag.Bool("update", false, "write testdata/items.golden anew")

// stored has a value of every type that keyOf knows.
var stored = []any{
	domain.Account{}, domain.AccountEntry{}, domain.User{}, reservation{}, domain.Workspace{}, domain.TemplateType{},
	domain.Naming{}, domain.FieldsVersion{}, domain.Template{}, domain.Installation{}, domain.Installed{},
	domain.Rollout{}, Daily{}, domain.Webhook{}, domain.Health{}, domain.Contract{}, domain.OwnToken{},
	domain.Token{}, domain.ContractSession{}, domain.Deletion{}, domain.RetiredWebhook{}, domain.Session{},
	domain.HandOff{}, domain.ConsoleLink{}, domain.Callback{}, domain.Partner{}, domain.PartnerKey{},
	domain.Extension{}, domain.Authored{}, domain.Submission{}, domain.Blueprint{}, domain.BlueprintVersion{},
	domain.BlueprintDraft{}, domain.Logo{}, domain.LifecycleSecret{}, domain.Trial{}, domain.Invitation{},
	domain.QuotaUse{}, domain.Listing{}, events.Event{}, events.Provision{}, events.Resend{}, domain.Replay{},
	domain.Replaying{}, domain.Agent{}, domain.AgentKey{}, domain.AgentCode{}, DataKey{}, elsewhere{}, claim{},
}

// sent has a value of every type that travels as a message.
var sent = []any{events.Delivery{}, events.Provision{}, events.ReplayPage{}, events.Target{}}

// A renamed tag loses what tables and queues hold at a deployment. The golden file has the key and every attribute of
// every stored type, and every member of every message. When a change is meant, and old items can still be read:
// go test ./shared/store -run Golden -update
func TestItems_AreAsTheGoldenFileSays(t *testing.T) {
	var got strings.Builder
	for _, v := range stored {
		filled := fill(reflect.TypeOf(v), nil).Interface()
		k, record := keyOf(filled)
		item, err := marshal(filled)
		if err != nil {
			t.Fatalf("%T: %v", v, err)
		}
		fmt.Fprintf(&got, "item %T: record %s, key %s | %s\n", v, record, k.pk, k.sk)
		paths(&got, "", &types.AttributeValueMemberM{Value: item})
	}
	for _, v := range sent {
		raw, err := json.Marshal(fill(reflect.TypeOf(v), nil).Interface())
		if err != nil {
			t.Fatalf("%T: %v", v, err)
		}
		var members map[string]any
		if err := json.Unmarshal(raw, &members); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "message %T\n", v)
		item, err := marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		paths(&got, "", &types.AttributeValueMemberM{Value: item})
	}
	const file = "testdata/items.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	wanted, found := strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")
	for i := range max(len(wanted), len(found)) {
		if i >= len(wanted) || i >= len(found) || wanted[i] != found[i] {
			t.Fatalf("line %d differs from %s:\n got %q\nwant %q", i+1, file, at(found, i), at(wanted, i))
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func TestItems_TheGoldenFileHasEveryStoredType(t *testing.T) {
	file, err := parser.ParseFile(gotoken.NewFileSet(), "keys.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	ast.Inspect(file, func(n ast.Node) bool {
		if f, ok := n.(*ast.FuncDecl); ok && f.Name.Name != "keyOf" {
			return false
		}
		if c, ok := n.(*ast.CaseClause); ok {
			for _, e := range c.List {
				switch e := e.(type) {
				case *ast.Ident:
					declared = append(declared, "store."+e.Name)
				case *ast.SelectorExpr:
					declared = append(declared, e.X.(*ast.Ident).Name+"."+e.Sel.Name)
				}
			}
		}
		return true
	})
	var listed []string
	for _, v := range stored {
		listed = append(listed, fmt.Sprintf("%T", v))
	}
	slices.Sort(declared)
	slices.Sort(listed)
	if len(declared) < 40 || !slices.Equal(declared, listed) {
		t.Errorf("keyOf has %v, the test %v", declared, listed)
	}
}

var someTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fill is a value of the type in which nothing is zero. A type within itself stays zero.
func fill(t reflect.Type, within []reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	if slices.Contains(within, t) {
		return v
	}
	within = append(slices.Clone(within), t)
	switch {
	case t == reflect.TypeFor[time.Time]():
		return reflect.ValueOf(someTime)
	case t == reflect.TypeFor[json.RawMessage]():
		return reflect.ValueOf(json.RawMessage(`{"k":"s"}`))
	}
	switch t.Kind() {
	case reflect.String:
		v.SetString("s")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(1)
	case reflect.Uint8:
		v.SetUint('1')
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(fill(t.Elem(), within))
	case reflect.Slice:
		v.Set(reflect.Append(v, fill(t.Elem(), within)))
	case reflect.Array:
		for i := range t.Len() {
			v.Index(i).Set(fill(t.Elem(), within))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(fill(t.Key(), within), fill(t.Elem(), within))
	case reflect.Interface:
		if t.NumMethod() == 0 {
			v.Set(reflect.ValueOf("s"))
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				v.Field(i).Set(fill(t.Field(i).Type, within))
			}
		}
	}
	return v
}

// paths writes the path of each attribute with its type, sorted.
func paths(out *strings.Builder, at string, v types.AttributeValue) {
	switch v := v.(type) {
	case *types.AttributeValueMemberM:
		for _, name := range slices.Sorted(maps.Keys(v.Value)) {
			paths(out, at+"/"+name, v.Value[name])
		}
	case *types.AttributeValueMemberL:
		for _, item := range v.Value {
			paths(out, at+"/*", item)
		}
	default:
		kind := strings.TrimPrefix(fmt.Sprintf("%T", v), "*types.AttributeValueMember")
		fmt.Fprintf(out, "  %s %s\n", at, kind)
	}
}
