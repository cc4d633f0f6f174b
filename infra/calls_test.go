package main

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/contract"
)

// recordedCalls has what the functions really asked of DynamoDB, by function, action, and table or index. The tests of
// package functions record it on an emulator, which allows everything.
const recordedCalls = "testdata/calls.txt"

// unseen are actions that a role has and no test makes the function use, with the reason.
var unseen = map[string]string{
	"catalogue dynamodb:UpdateItem accounts": "it counts the requests of a partner, which the tests leave uncounted",
}

var indexName = regexp.MustCompile(`/index/([a-z-]+)`)

// A role allows what its function was seen to ask of each table and index, and no action on them that nobody saw.
func TestRoles_AllowTheCallsThatWereRecorded(t *testing.T) {
	stack, err := synthesised["prod"]()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(recordedCalls)
	if err != nil {
		t.Fatal(err)
	}
	recorded := strings.Split(strings.TrimSpace(string(raw)), "\n")
	allowed := tableActions(stack)
	for _, call := range recorded {
		if !allowed[call] {
			t.Errorf("%s: the function does this, and its role does not allow it", call)
		}
	}
	for _, action := range slices.Sorted(maps.Keys(allowed)) {
		if strings.HasPrefix(action, string(contract.Console)+" ") {
			continue // it calls the code of the other API functions: TestRoles_AllowWhatTheBinariesCanReach
		}
		if known := slices.Contains(recorded, action); known == (unseen[action] != "") {
			t.Errorf("%s is allowed; a recorded call: %v; a reason to be unseen: %q", action, known, unseen[action])
		}
	}
}

// tableActions are the roles' actions on tables and indexes, as the record names them.
func tableActions(stack template) map[string]bool {
	allowed := map[string]bool{}
	for id, policy := range stack.of("AWS::IAM::Policy") {
		function, _, _ := strings.Cut(id, "role")
		for _, s := range policy.Properties["PolicyDocument"].(map[string]any)["Statement"].([]any) {
			statement := s.(map[string]any)
			resource := stack.tableIn(text(statement["Resource"]))
			if resource == "" {
				continue
			}
			actions, several := statement["Action"].([]any)
			if !several {
				actions = []any{statement["Action"]}
			}
			for _, action := range actions {
				allowed[fmt.Sprintf("%s %s %s", function, action, resource)] = true
			}
		}
	}
	return allowed
}

// tableIn is the table or index that a statement's resource names; empty for anything else, streams included.
func (t template) tableIn(resource string) string {
	for id, table := range t.of("AWS::DynamoDB::Table") {
		if !strings.Contains(resource, `"`+id+`"`) || strings.Contains(resource, "StreamArn") {
			continue
		}
		name := "accounts"
		if table.Properties["StreamSpecification"] == nil {
			name = "deliveries"
		}
		if index := indexName.FindString(resource); index != "" {
			name += index
		}
		return name
	}
	return ""
}
