package main

import (
	"slices"
	"strings"
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

// What a stage says of its console is checked before anything is deployed.
func TestConsole_AStageThatNobodyCouldUseIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Console)
		want   string // empty: it is accepted
	}{
		"as it is":      {func(*Console) {}, ""},
		"a dark accent": {func(c *Console) { c.Theme.Accent = "#7a1f4d" }, ""},
		"a light accent": {func(c *Console) { c.Theme.Accent = "#ff9900" },
			"white text on the accent #ff9900 has a contrast of 2.14, and WCAG 2.2 AA asks for 4.5"},
		"a logo that is none": {func(c *Console) { c.Theme.Logo = "logo.png" }, "no SVG image"},
		"an origin":           {func(c *Console) { c.FrameOrigins = []string{"https://app.example.com"} }, ""},
		"every origin":        {func(c *Console) { c.FrameOrigins = []string{"*"} }, `"*" is no origin`},
		"an origin over HTTP": {func(c *Console) {
			c.FrameOrigins = []string{"http://app.example.com"}
		}, "is not https"},
	} {
		at := stages["prod"].Console
		test.change(&at)
		if err := at.fault(); (err == nil) != (test.want == "") || err != nil &&
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestConsole_IsToldItsThemeItsFramesAndWhoIsStaff(t *testing.T) {
	stage := stages["prod"]
	stage.Console.Theme = console.Theme{Accent: "#7a1f4d", Logo: `<svg xmlns="http://www.w3.org/2000/svg"/>`}
	stage.Console.FrameOrigins = []string{"https://app.example.com", "https://beta.example.com"}
	stage.Issuer.OperatorClaim = "staff"
	stack, err := synthesise(stage, "console-theme")
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, r := range stack.of("AWS::Lambda::Function") {
		variables := r.Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		if variables["CONSOLE_ADDRESS"] == nil {
			continue
		}
		told++
		for name, want := range map[string]string{
			"CONSOLE_ACCENT": "#7a1f4d", "CONSOLE_LOGO": stage.Console.Theme.Logo, "OIDC_OPERATOR_CLAIM": "staff",
			"CONSOLE_FRAME_ORIGINS": "https://app.example.com,https://beta.example.com",
		} {
			if variables[name] != want {
				t.Errorf("%s is %v, want %s", name, variables[name], want)
			}
		}
	}
	if told != 1 {
		t.Errorf("%d functions are told of the console, want 1", told)
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
