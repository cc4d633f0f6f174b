package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// ready is an account in which the assembly can be deployed.
var ready = account{id: "111122223333", region: "eu-north-1", caller: "arn:aws:iam::111122223333:user/olga",
	bootstrap: 21, concurrency: 1000}

func prod() assembly {
	return assembly{stack: "plugboard-prod", resources: 120, functions: 10, arm: true, protected: true, mappings: 284,
		issuers: []string{"https://login.acme.test"}, bootstrap: 6}
}

func TestDecide_RefusesWhatWouldFailLaterAndSaysTheWayOut(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*assembly, *account)
		want   string
	}{
		"not bootstrapped":      {func(_ *assembly, in *account) { in.bootstrap = 0 }, "make bootstrap STAGE=prod"},
		"bootstrapped long ago": {func(_ *assembly, in *account) { in.bootstrap = 5 }, "version 6 is needed"},
		"a placeholder's issuer": {func(a *assembly, _ *account) {
			a.issuers = []string{"https://login.example.com"}
		}, "https://login.example.com is a placeholder"},
		"a new account's quota": {func(_ *assembly, in *account) { in.concurrency = 10 }, "Ask for 384 or more"},
		"a quota one too low":   {func(_ *assembly, in *account) { in.concurrency = 383 }, "LOW_CONCURRENCY=1"},
		"a deployment goes on": {func(_ *assembly, in *account) {
			in.stack.status = types.StackStatusUpdateInProgress
		}, "wait until that is over"},
		"a deletion that failed": {func(_ *assembly, in *account) {
			in.stack.status = types.StackStatusDeleteFailed
		}, "delete it first"},
		"a roll-back that stuck": {func(_ *assembly, in *account) {
			in.stack.status = types.StackStatusUpdateRollbackFailed
		}, "continue-update-rollback"},
	} {
		a, in := prod(), ready
		test.change(&a, &in)
		_, refusals := decide(a, in, false)
		if len(refusals) != 1 || !strings.Contains(refusals[0], test.want) {
			t.Errorf("%s: got %q, want one with %q", name, refusals, test.want)
		}
	}
	everything := account{id: ready.id, region: ready.region, concurrency: 10}
	a := prod()
	a.issuers = []string{"https://login.example.com"}
	if _, refusals := decide(a, everything, false); len(refusals) != 3 {
		t.Errorf("got %q, want all three at once", refusals)
	}
}

func TestDecide_ALowQuotaIsTakenWhenThatIsSaid(t *testing.T) {
	in := ready
	in.concurrency = 10
	if what, refusals := decide(prod(), in, true); what != create || len(refusals) > 0 {
		t.Errorf("got %q, %q", what, refusals)
	}
}

func TestDecide_ByTheStackThatIsThere(t *testing.T) {
	for status, want := range map[types.StackStatus]action{
		"":                                      create,
		types.StackStatusReviewInProgress:       create,
		types.StackStatusCreateComplete:         update,
		types.StackStatusUpdateComplete:         update,
		types.StackStatusUpdateRollbackComplete: update,
		types.StackStatusRollbackComplete:       recreate,
		types.StackStatusRollbackFailed:         recreate,
		types.StackStatusCreateFailed:           recreate,
	} {
		in := ready
		in.stack.status = status
		if got, refusals := decide(prod(), in, false); got != want || len(refusals) > 0 {
			t.Errorf("%q: got %q, %q, want %q", status, got, refusals, want)
		}
	}
}

func TestSay_NamesTheAccountTheRegionAndTheStack(t *testing.T) {
	said := say(prod(), ready, update)
	for _, want := range []string{"updates plugboard-prod", "111122223333", "eu-north-1",
		"arn:aws:iam::111122223333:user/olga", "10 functions for arm64", "make diff STAGE=prod",
		"284 of the account's 1000"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q: %s", want, said)
		}
	}
}

func TestAssembly_PlaceholdersAreTheNamesThatAreReservedForExamples(t *testing.T) {
	a := assembly{issuers: []string{"https://login.example.com", "https://example.org/", "https://sign-in.example/x",
		"https://login.acme.com", "https://example.com.acme.se", "https://myexample.com"}}
	if got, want := a.placeholders(), a.issuers[:3]; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLoad_ReadsWhatADeploymentWouldBring(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "manifest.json", `{"artifacts":{"plugboard-prod":{"type":"aws:cloudformation:stack",`+
		`"properties":{"terminationProtection":true,"requiresBootstrapStackVersion":6}}}}`)
	write(t, folder, "plugboard-prod.template.json", `{"Resources":{
		"a":{"Type":"AWS::Lambda::Function","Properties":{"Architectures":["arm64"],
			"Environment":{"Variables":{"OIDC_ISSUER":"https://login.acme.test","TABLE":{"Ref":"t"}}}}},
		"b":{"Type":"AWS::Lambda::Function","Properties":{"Architectures":["arm64"],
			"Environment":{"Variables":{"OIDC_ISSUER":"https://login.acme.test"}}}},
		"q":{"Type":"AWS::Lambda::EventSourceMapping","Properties":{"ScalingConfig":{"MaximumConcurrency":200}}},
		"s":{"Type":"AWS::Lambda::EventSourceMapping","Properties":{"ParallelizationFactor":4}},
		"t":{"Type":"AWS::DynamoDB::Table"}}}`)
	a, err := load(folder, "plugboard-prod")
	if err != nil || a.resources != 5 || a.functions != 2 || !a.arm || !a.protected || a.mappings != 204 ||
		a.bootstrap != 6 || !slices.Equal(a.issuers, []string{"https://login.acme.test"}) {
		t.Errorf("got %+v, %v", a, err)
	}
	if _, err := load(folder, "plugboard-dev"); err == nil || !strings.Contains(err.Error(), "no stack plugboard-dev") {
		t.Errorf("of a stack that is not in it: %v", err)
	}
	if _, err := load(t.TempDir(), "plugboard-prod"); err == nil {
		t.Error("an empty folder was taken for an assembly")
	}
}

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAsk_GoesOnByAYesAlone(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, "y": true, "n\n": false, "\n": false,
		"": false, "yess\n": false} {
		var out strings.Builder
		err := deployment{in: strings.NewReader(answer), out: &out}.ask()
		if (err == nil) != want {
			t.Errorf("%q: got %v", answer, err)
		}
	}
	if err := (deployment{yes: true}).ask(); err != nil {
		t.Errorf("with -yes: %v", err)
	}
	if err := (deployment{in: strings.NewReader(""), out: &strings.Builder{}}).ask(); err == nil ||
		!strings.Contains(err.Error(), "YES=1") {
		t.Errorf("where nobody can be asked: %v", err)
	}
}
