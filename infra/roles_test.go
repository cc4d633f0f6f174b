package main

import (
	"debug/elf"
	"debug/gosym"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/contract"
)

// sdkOperation is how the SDK's code for an operation is named in a binary: the linker keeps what can be reached.
var sdkOperation = regexp.MustCompile(
	`^github\.com/aws/aws-sdk-go-v2/service/([a-z]+)\.\(\*Client\)\.addOperation([A-Za-z]+)Middlewares`)

// iamAction is the IAM action of an SDK operation whose names differ.
var iamAction = map[string]string{
	"sqs:SendMessageBatch":        "sqs:SendMessage",
	"lambda:Invoke":               "lambda:InvokeFunction",
	"dynamodb:DescribeEndpoints":  "", // of endpoint discovery, which the SDK does only where it is asked to
	"dynamodb:TransactWriteItems": "", // needs the actions of the writes in it: transactActions
	"kms:Decrypt":                 "", // sealerActions
	"kms:GenerateDataKey":         "",
}

// sealerActions are those of the sealer's two doors; both doors link the code that makes a key, and Seal alone reaches
// it.
var sealerActions = map[string][]string{
	"plugboard/shared/secret.(*Sealer).Open": {"kms:Decrypt"},
	"plugboard/shared/secret.(*Sealer).Seal": {"kms:Decrypt", "kms:GenerateDataKey"},
}

// idempotencyClaim completes an Idempotency-Key's claim in the request's transaction. Workers link it with the commit,
// and have no claim.
const idempotencyClaim = "plugboard/shared/store.(*claim).record"

// A role has the actions that its function's code can reach, and no others: the emulators would not tell.
func TestRoles_AllowWhatTheBinariesCanReach(t *testing.T) {
	stack, err := synthesised["prod"]()
	if err != nil {
		t.Fatal(err)
	}
	transact := transactActions(t)
	together := map[string]bool{}
	for _, f := range stack.drawing.Functions {
		if f.Name == contract.Console {
			continue // whose templates make the linker keep every operation: below
		}
		reached := reachedBy(t, f.Name, transact)
		if len(contract.OwnedBy(f.Name)) > 0 {
			maps.Copy(together, reached)
		}
		sameActions(t, f, reached)
	}
	for _, f := range stack.drawing.Functions {
		if f.Name == contract.Console { // it calls the code of the others, and may do what they may together
			sameActions(t, f, together)
		}
	}
}

// sameActions compares the actions that the function's arrows grant with those that its code reaches.
func sameActions(t *testing.T, f *Function, reached map[string]bool) {
	t.Helper()
	granted := map[string]bool{}
	for _, arrow := range f.drawing.Arrows {
		if arrow.From != Box(f) {
			continue
		}
		for grant := &arrow.Grant; grant != nil; grant = grant.Besides {
			for _, action := range grant.Actions {
				granted[action] = true
			}
		}
	}
	got, want := slices.Sorted(maps.Keys(granted)), slices.Sorted(maps.Keys(reached))
	if !slices.Equal(got, want) {
		t.Errorf("%s may do\n%v\nand its code can reach\n%v", f.Name, got, want)
	}
}

// reachedBy are the IAM actions of what the function's binary can reach.
func reachedBy(t *testing.T, function contract.Function, transact map[string][]string) map[string]bool {
	t.Helper()
	reached := map[string]bool{}
	add := func(actions []string) {
		for _, action := range actions {
			reached[action] = true
		}
	}
	sealing, serves := seals(t, function), len(contract.OwnedBy(function)) > 0
	for _, name := range linked(t, string(function)) {
		if sdk := sdkOperation.FindStringSubmatch(name); sdk != nil {
			action, renamed := iamAction[sdk[1]+":"+sdk[2]]
			if !renamed {
				action = sdk[1] + ":" + sdk[2]
			}
			reached[action] = true
		}
		if serves || name != idempotencyClaim {
			add(transact[name])
		}
		if sealing {
			add(sealerActions[name])
		}
	}
	delete(reached, "")
	return reached
}

// seals tells whether the function makes a sealer: the gate of every API function links it, and gives it to those that
// take callbacks.
func seals(t *testing.T, name contract.Function) bool {
	main, err := os.ReadFile(filepath.Join("..", "functions", string(name), "lambda", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(main), ".Sealer()") || contract.TakesCallbacks(name)
}

// linked are the functions in the Lambda's binary, which is built as make does.
func linked(t *testing.T, name string) []string {
	t.Helper()
	binary := filepath.Join("build", "amd64", name, "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binary,
		"./functions/"+name+"/lambda")
	build.Dir = ".."
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	file, err := elf.Open(filepath.Join("..", binary))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, err := file.Section(".gopclntab").Data() // a stripped binary has it too
	if err != nil {
		t.Fatal(err)
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(lines, file.Section(".text").Addr))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range table.Funcs {
		names = append(names, f.Name)
	}
	return names
}

// transactActions are the actions of the writes that each function of the store puts into a transaction, by the
// function's name in a binary.
func transactActions(t *testing.T) map[string][]string {
	t.Helper()
	actions := map[string]string{
		"Put": "dynamodb:PutItem", "Update": "dynamodb:UpdateItem", "Delete": "dynamodb:DeleteItem",
		"ConditionCheck": "dynamodb:ConditionCheckItem",
	}
	files, err := filepath.Glob("../shared/store/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := "plugboard/shared/store." + f.Name.Name
			if f.Recv != nil {
				receiver := f.Recv.List[0].Type
				if pointer, ok := receiver.(*ast.StarExpr); ok {
					name = "plugboard/shared/store.(*" + pointer.X.(*ast.Ident).Name + ")." + f.Name.Name
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				literal, ok := n.(*ast.CompositeLit)
				if !ok {
					return true
				}
				if of, ok := literal.Type.(*ast.SelectorExpr); ok && actions[of.Sel.Name] != "" {
					found[name] = append(found[name], actions[of.Sel.Name])
				}
				return true
			})
		}
	}
	if len(found) < 10 {
		t.Fatalf("the store has %d functions that write in transactions: it writes otherwise than this test knows",
			len(found))
	}
	return found
}
