package main

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"

	"plugboard/functions/console"
	"plugboard/infra/memory"
)

// Stage is all that differs between deployments: nothing else in this folder asks which stage it is.
type Stage struct {
	Name    string
	Account string // empty: the account and region of the CDK CLI's credentials
	Region  string

	Architecture string // the functions' GOARCH
	Memory       memory.Sizes
	Keep         bool // tables, key, secret and logs outlive the stack, which cannot be deleted by accident
	LogRetention awslogs.RetentionDays
	Issuer       Issuer
	Console      Console

	// Emulated: the gateway is an emulator's. A changed body makes a new API, since MiniStack replaces it under the
	// same logical id and LocalStack cannot update it; and the gateway's own answers are resources too, for MiniStack.
	Emulated bool

	// PrivateTargets lets webhooks go to plain HTTP and to this machine (design rule 21): local only.
	PrivateTargets bool

	RequestsPerSecond float64 // of each operation; the gateway answers 429 beyond
	RequestBurst      float64
	// CallerPerSecond is how many requests an account or a partner may make a second, on average over five. The
	// functions count them, at one write for ten.
	CallerPerSecond  int
	ProvisioningMost float64 // batches worked at once, 2–1,000 (Lambda's limits for an event source)
	DeliveryMost     float64
	SlowDeliveryMost float64 // of slow endpoints, and of what is sent again on demand

	// FixedAddresses is how many addresses, and NAT gateways behind them, deliveries come from; 0: any of AWS's. Each
	// has a price by the hour and by the byte: RUNBOOK.md.
	FixedAddresses float64
	// GatewayLogRoleExists leaves the role alone by which API Gateway writes logs: an account has one in a region, and
	// the stack would put its own in its place. `aws apigateway get-account` shows it.
	GatewayLogRoleExists bool
	// Restored is the table that stands in for one of the stack's; mostly none.
	Restored Restored

	// AlarmSubscriber is told of every alarm: an e-mail address, whose owner must confirm it, or an HTTPS URL. Empty:
	// nobody.
	AlarmSubscriber string
	// Backlog is the age of a queue's oldest message that raises an alarm. More than 15 minutes, as a delivery's
	// retry may wait that long in its queue by DelaySeconds.
	Backlog time.Duration
}

// Restored is a table that was restored to a point in time, as RUNBOOK.md says.
type Restored struct {
	Of     string // the table's name in store
	Table  string // its own
	Stream string // its stream's ARN
}

// Issuer signs the dashboard users' JWTs. Its keys are at KeysURL, or inline in Keys (a JWKS document).
type Issuer struct {
	Name     string // the `iss` claim
	Audience string // the `aud` claim
	KeysURL  string
	Keys     string

	// People sign in to the console there (RFC 8414): its client id is the Audience, and its address for codes is the
	// console's, /console/signed-in.
	AuthorizationURL string
	TokenURL         string

	// OperatorClaim is the claim of an ID token that is true for the platform's staff. Empty: nobody is.
	OperatorClaim string
}

// Console is the face of a stage.
type Console struct {
	// Address is where browsers find the API's root: the API's own address with its stage, or of a domain in front of
	// it. Cookies, sign-in and the check of who sent a form go by it.
	Address string
	Name    string // at the top of every page
	Theme   console.Theme

	// FrameOrigins are the origins whose pages may show the console in a frame, by a console link:
	// https://app.example.com.
	FrameOrigins []string

	// Domain, if it is not empty, is one of the platform's own that leads to the API, without a prefix; Certificate is
	// the ARN of its certificate, in the stack's region. The output DomainTarget is where its DNS record points.
	Domain      string
	Certificate string
}

// fault reports a setting that cannot work: an accent on which text is unreadable, a logo that is no image, an origin
// that no browser sends.
func (c Console) fault() error {
	return errors.Join(c.Theme.Check(), console.CheckFrameOrigins(c.FrameOrigins))
}

// Placeholder tells whether the issuer is an example's, which nobody signs in with (RFC 2606).
func (i Issuer) Placeholder() bool {
	address, err := url.Parse(i.Name)
	return err == nil && (address.Hostname() == "example.com" || strings.HasSuffix(address.Hostname(), ".example.com"))
}

// issuerFault is nil for a stage that people can sign in to. A placeholder is refused, unless the context allows it:
// what only writes a template does, what deploys does not.
func (s Stage) issuerFault() error {
	if !s.Issuer.Placeholder() {
		return nil
	}
	return fmt.Errorf("the issuer of the stage %s is the placeholder %s, so that nobody could sign in: name yours in "+
		"infra/stages.go", s.Name, s.Issuer.Name)
}

var stages = map[string]Stage{
	"local": {
		Name:    "local",
		Account: "000000000000", // what the emulators answer to any credentials
		Region:  "us-east-1",

		Architecture: "amd64",
		Memory:       memory.Of("local"),
		LogRetention: awslogs.RetentionDays_ONE_DAY,
		// Keys come with `cdk -c jwks=…`, made by localstack/issuer.
		// So do the addresses of its sign-in and of the console, by `-c console=… -c token-url=…`.
		Issuer:         Issuer{Name: "https://issuer.plugboard.local", Audience: "plugboard"},
		Console:        Console{Name: "Plugboard"},
		Emulated:       true,
		PrivateTargets: true,

		RequestsPerSecond: 1000,
		RequestBurst:      1000,
		CallerPerSecond:   1000,
		ProvisioningMost:  2,
		DeliveryMost:      4,
		SlowDeliveryMost:  2,
		Backlog:           30 * time.Minute,
	},
	"dev": {
		Name: "dev",

		Architecture: "arm64",
		Memory:       memory.Of("dev"),
		LogRetention: awslogs.RetentionDays_TWO_WEEKS,
		Issuer: Issuer{
			Name:     "https://login.dev.example.com",
			Audience: "plugboard",
			KeysURL:  "https://login.dev.example.com/.well-known/jwks.json",

			AuthorizationURL: "https://login.dev.example.com/authorize",
			TokenURL:         "https://login.dev.example.com/token",
		},
		Console: Console{Address: "https://plugboard.dev.example.com", Name: "Plugboard"},

		RequestsPerSecond: 50,
		RequestBurst:      100,
		CallerPerSecond:   20,
		ProvisioningMost:  5,
		DeliveryMost:      20,
		SlowDeliveryMost:  10,
		Backlog:           30 * time.Minute,
	},
	"prod": {
		Name: "prod",

		Architecture: "arm64",
		Memory:       memory.Of("prod"),
		Keep:         true,
		LogRetention: awslogs.RetentionDays_THREE_MONTHS,
		Issuer: Issuer{
			Name:     "https://login.example.com",
			Audience: "plugboard",
			KeysURL:  "https://login.example.com/.well-known/jwks.json",

			AuthorizationURL: "https://login.example.com/authorize",
			TokenURL:         "https://login.example.com/token",
		},
		Console: Console{Address: "https://plugboard.example.com", Name: "Plugboard"},

		RequestsPerSecond: 500,
		RequestBurst:      1000,
		CallerPerSecond:   100,
		ProvisioningMost:  20,
		DeliveryMost:      200,
		SlowDeliveryMost:  50,
		Backlog:           30 * time.Minute,
	},
}

// StageNamed fails on any other name, naming those there are.
func StageNamed(name string) (Stage, error) {
	stage, ok := stages[name]
	if !ok {
		known := slices.Sorted(maps.Keys(stages))
		return Stage{}, fmt.Errorf("no stage %q: pass -c stage=NAME, one of %s", name, strings.Join(known, ", "))
	}
	return stage, nil
}
