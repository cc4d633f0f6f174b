package events_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

func TestCatalogue_EveryRowHasASampleAndEverySampleARow(t *testing.T) {
	files, err := filepath.Glob("samples/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("got no sample: %v", err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".json"); !events.Known(name) {
			t.Errorf("%s is a sample of no event type", file)
		}
	}
	if got, want := len(files), len(events.Catalogue); got != want {
		t.Errorf("got %d samples, want one for each of %d event types", got, want)
	}
	for _, row := range events.Catalogue {
		events.Sample(row.Type) // panics without
	}
}

func TestSample_RoundTripsThroughItsPayload(t *testing.T) {
	for _, row := range events.Catalogue {
		sample := events.Sample(row.Type)
		data := reflect.New(reflect.TypeOf(row.Payload))
		envelope := events.Envelope{Data: data.Interface()}
		d := json.NewDecoder(bytes.NewReader(sample))
		d.DisallowUnknownFields()
		if err := d.Decode(&envelope); err != nil {
			t.Errorf("%s: %v", row.Type, err)
			continue
		}
		encoded, err := json.Marshal(envelope)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := compact(t, encoded), compact(t, sample); got != want {
			t.Errorf("%s: got %s, want %s", row.Type, got, want)
		}
		if envelope.Type != row.Type || envelope.ID == "" || envelope.Account == "" || envelope.Timestamp.IsZero() ||
			data.Elem().IsZero() {
			t.Errorf("%s: got %+v, want a whole event of that type", row.Type, envelope)
		}
		if zone, _ := envelope.Timestamp.Zone(); zone != "UTC" {
			t.Errorf("%s: got the zone %s, want UTC", row.Type, zone)
		}
	}
}

// compact keeps the order of the fields, which is the type's.
func compact(t *testing.T, raw []byte) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestCatalogue_RowsAreWhole(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*$`) // noun.verb-past
	seen := map[events.Type]bool{}
	for _, row := range events.Catalogue {
		if seen[row.Type] || !name.MatchString(string(row.Type)) {
			t.Errorf("%q is there twice, or no noun.verb", row.Type)
		}
		seen[row.Type] = true
		if row.Version < 1 || row.Summary == "" || len(row.Producer) == 0 ||
			reflect.TypeOf(row.Payload).Kind() != reflect.Struct {
			t.Errorf("%s: got %+v, want a version, a summary, a producer and a payload", row.Type, row)
		}
		if !events.Known(string(row.Type)) {
			t.Errorf("%s is not known", row.Type)
		}
	}
	for _, unknown := range []string{"", "contract", "contract.", "Contract.signed", "contract.signed ",
		"contract.archived"} {
		if events.Known(unknown) {
			t.Errorf("%q is known", unknown)
		}
	}
}

// An event that an operation emits has its function as producer; what no operation emits is provisioning's, or
// delivery's.
func TestCatalogue_ProducersAreTheFunctionsThatEmit(t *testing.T) {
	emitted := map[events.Type][]string{}
	for _, o := range contract.All() {
		for _, e := range o.Emits {
			if f := string(o.Function); !slices.Contains(emitted[e], f) {
				emitted[e] = append(emitted[e], f)
			}
		}
	}
	for _, row := range events.Catalogue {
		for _, p := range row.Producer {
			if _, err := os.Stat(filepath.Join("..", "functions", p)); err != nil {
				t.Errorf("%s: its producer is no folder of functions: %v", row.Type, err)
			}
			if p != "provisioning" && p != "delivery" && !slices.Contains(emitted[row.Type], p) {
				t.Errorf("%s: no operation of %s emits it", row.Type, p)
			}
		}
		for _, f := range emitted[row.Type] {
			if !slices.Contains(row.Producer, f) {
				t.Errorf("%s: %s emits it and is no producer", row.Type, f)
			}
		}
		delete(emitted, row.Type)
	}
	for e, by := range emitted {
		t.Errorf("%s, emitted by %s, is no row", e, by)
	}
}

// A lifecycle webhook goes by the subject's installation and its life.
func TestRule17_EveryEventOfAnInstallationNamesIt(t *testing.T) {
	i := domain.Installation{Account: "acct-42", Extension: "acme-crm", Epoch: 3, State: domain.Enabled}
	made := map[events.Type]events.Event{}
	for _, row := range events.Catalogue {
		var err error
		switch {
		case row.Type == events.InstallationUpdated:
			made[row.Type], err = events.OfParameters("evt_1", i, []string{"customer_id"})
		case strings.HasPrefix(string(row.Type), "installation.") &&
			reflect.TypeOf(row.Payload) == reflect.TypeFor[events.DriftData]():
			made[row.Type], err = events.OfDrift("evt_1", row.Type, i, domain.Drift{})
		case strings.HasPrefix(string(row.Type), "installation."):
			made[row.Type], err = events.OfInstallation("evt_1", row.Type, i)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(made) < 11 {
		t.Errorf("got %d types of installations' events", len(made))
	}
	for kind, e := range made {
		if e.Subject.Installation != i.Extension || e.Subject.Epoch != i.Life() {
			t.Errorf("%s: the subject is %+v", kind, e.Subject)
		}
	}
}

// Design rule 17: what a blueprint may declare for a managed webhook is what a contract has.
func TestRule17_ManagedWebhooksDeclareContractsEventsAlone(t *testing.T) {
	for _, row := range events.Catalogue {
		noun, _, _ := strings.Cut(string(row.Type), ".")
		if got, want := events.OfContracts(string(row.Type)),
			slices.Contains([]string{"contract", "data_field", "participant"}, noun); got != want {
			t.Errorf("%s may be declared: %v", row.Type, got)
		}
		if got, want := events.OfSending(string(row.Type)), (noun == "webhook" || noun == "delivery") &&
			row.Type != events.WebhookPing; got != want {
			t.Errorf("%s is about sending: %v", row.Type, got)
		}
	}
}

// TestCatalogue_IsTheReadmesTable also prints the table, so that a new row can be pasted into README.md.
func TestCatalogue_IsTheReadmesTable(t *testing.T) {
	var want strings.Builder
	want.WriteString("| type | means | committed by |\n|---|---|---|\n")
	for _, r := range events.Catalogue {
		fmt.Fprintf(&want, "| [`%s`](samples/%s.json) | %s | %s |\n", r.Type, r.Type, r.Summary,
			strings.Join(r.Producer, ", "))
	}
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "<!-- catalogue -->\n")
	if got, _, _ := strings.Cut(rest, "<!-- /catalogue -->"); got != want.String() {
		t.Errorf("the table in README.md differs from the catalogue, which is:\n%s", want.String())
	}
}
