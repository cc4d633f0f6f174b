package main

import (
	"slices"
	"testing"

	"plugboard/functions/console"
	"plugboard/shared/contract"
)

// The console does what the functions do whose services it calls, and nothing besides.
func TestConsole_MayDoWhatItsServicesMay(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		var got, want []string
		for _, arrow := range stack.drawing.Arrows {
			f, ok := arrow.From.(*Function)
			if !ok {
				continue
			}
			for _, action := range arrow.Grant.Actions {
				may := arrow.To.node() + " " + action
				if f.Name == contract.Console {
					got = append(got, may)
				} else if slices.Contains(contract.Functions, f.Name) {
					want = append(want, may)
				}
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		got, want = slices.Compact(got), slices.Compact(want)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("the console may do\ngot  %v\nwant %v", got, want)
		}
	})
}

func TestConsole_HasADomainWhereTheStageNamesOne(t *testing.T) {
	stage := stages["prod"]
	stage.Console.Domain, stage.Console.Certificate = "plugboard.example.com",
		"arn:aws:acm:eu-central-1:123456789012:certificate/1"
	stack, err := synthesise(stage, "console-domain")
	if err != nil {
		t.Fatal(err)
	}
	names, mappings := stack.of("AWS::ApiGateway::DomainName"), stack.of("AWS::ApiGateway::BasePathMapping")
	if len(names) != 1 || len(mappings) != 1 {
		t.Fatalf("got %d domains and %d mappings, want 1 and 1", len(names), len(mappings))
	}
	for _, name := range names {
		p := name.Properties
		if p["DomainName"] != stage.Console.Domain || p["RegionalCertificateArn"] != stage.Console.Certificate ||
			p["SecurityPolicy"] != "TLS_1_2" {
			t.Errorf("got %s", text(p))
		}
	}
	for _, mapping := range mappings {
		if mapping.Properties["BasePath"] != nil || mapping.Properties["RestApiId"] == nil ||
			mapping.Properties["Stage"] == nil {
			t.Errorf("got %s", text(mapping.Properties))
		}
	}
	without, err := synthesised["prod"]()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(without.of("AWS::ApiGateway::DomainName")); n > 0 {
		t.Errorf("a stage without a domain has %d", n)
	}
}

// A stage's console has its address and its issuer from the stage, never from a request.
func TestConsole_KnowsItsAddressAndItsIssuer(t *testing.T) {
	everyStage(t, func(t *testing.T, stack template) {
		for _, r := range stack.of("AWS::Lambda::Function") {
			variables := r.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
			if _, console := variables["CONSOLE_ADDRESS"]; console && variables["OIDC_TOKEN_URL"] == nil {
				t.Errorf("the console has no token endpoint: %s", text(variables))
			}
		}
		if len(console.Routes()) == 0 {
			t.Error("the console has no route")
		}
	})
}
