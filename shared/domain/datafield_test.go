package domain_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

func field(id string, kind domain.FieldKind, source domain.Source, active bool) domain.DataField {
	return domain.DataField{FieldDefinition: domain.FieldDefinition{CustomID: id, Name: id, Kind: kind}, Source: source,
		Active: active}
}

func TestRule12_KindsTakeOnlyTheirValues(t *testing.T) {
	tests := map[domain.FieldKind]struct{ good, bad []string }{
		domain.Text: {[]string{"", "x", strings.Repeat("ä", 1024), strings.Repeat("😀", 1024)},
			[]string{strings.Repeat("a", 1025), strings.Repeat("ä", 1025)}},
		domain.Checkbox: {[]string{"true", "false"}, []string{"", "yes", "TRUE", "1"}},
		domain.Number: {[]string{"0", "-1", "12.50"}, []string{"", "a", "1e3", "+5", ".5", "5.",
			"0." + strings.Repeat("0", 31), "1,5", "0x10", "NaN", "Inf", "1_000", "--1"}},
		domain.Date: {[]string{"2026-11-22", "2028-02-29"},
			[]string{"", "2026-02-29", "22.11.2026", "2026-1-2", "2026-11-22T00:00:00Z"}},
	}
	for kind, test := range tests {
		tt := domain.TemplateType{Fields: []domain.DataField{field("f", kind, domain.SourceUser, true)}}
		for _, value := range test.good {
			if _, wrong := tt.Snapshot("", []domain.GivenValue{{CustomID: "f", Value: value}}, true); len(wrong) > 0 {
				t.Errorf("%s %.20q is refused: %s", kind, value, wrong[0].Detail)
			}
		}
		for _, value := range test.bad {
			if _, wrong := tt.Snapshot("", []domain.GivenValue{{CustomID: "f", Value: value}}, true); len(wrong) == 0 {
				t.Errorf("%s takes %.20q", kind, value)
			}
		}
	}
}

func TestRule5_AFieldIsUsableWhenActiveAndItsInstallationEnabled(t *testing.T) {
	tests := []struct {
		source            domain.Source
		active, installed bool
		want              bool
	}{
		{domain.SourceSystem, true, true, true},
		{domain.SourceSystem, true, false, false},
		{domain.SourceSystem, false, true, false},
		{domain.SourceUser, true, false, true},
		{domain.SourceUser, false, true, false},
	}
	for _, test := range tests {
		if got := field("f", domain.Text, test.source, test.active).Usable(test.installed); got != test.want {
			t.Errorf("%+v: got %v", test, got)
		}
	}
}

func TestDataField_CaseAndSpacesDoNotCount(t *testing.T) {
	wrong := domain.CheckDefinitions("/fields", []domain.FieldDefinition{
		{CustomID: "Order Number", Kind: domain.Text}, {CustomID: "x", Kind: domain.Text},
		{CustomID: "order number ", Kind: domain.Text}, {CustomID: "ORDERNUMBER", Kind: domain.Text},
	})
	var pointers []string
	for _, f := range wrong {
		pointers = append(pointers, f.Pointer)
	}
	if want := []string{"/fields/2/custom_id", "/fields/3/custom_id"}; !slices.Equal(pointers, want) {
		t.Errorf("got %v, want %v", pointers, want)
	}
}

func TestDataField_InheritanceIsGivenThenTemplateThenDefault(t *testing.T) {
	tt := domain.TemplateType{Fields: []domain.DataField{
		field("given", domain.Text, domain.SourceUser, true), field("inherited", domain.Text, domain.SourceUser, true),
		field("default", domain.Text, domain.SourceUser, true), field("off", domain.Text, domain.SourceUser, false),
		field("number", domain.Number, domain.SourceUser, true),
	}}
	tt.Fields[2].Default = "D"
	template := []domain.GivenValue{{CustomID: "GIVEN", Value: "T"}, {CustomID: "inherited", Value: "T"},
		{CustomID: "off", Value: "T"}, {CustomID: "number", Value: "no number"}, {CustomID: "gone", Value: "T"}}
	values, wrong := tt.Snapshot("", tt.Inherit([]domain.GivenValue{{CustomID: "given", Value: "G"}}, template, true),
		true)
	var got []string
	for _, v := range values {
		got = append(got, v.CustomID+"="+v.Value)
	}
	if want := []string{"given=G", "inherited=T", "default=D"}; len(wrong) > 0 || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, wrong, want)
	}
}

// defined is the fields as an enabled installation has them when a blueprint declares those.
func defined(t *testing.T, tt domain.TemplateType, declared []domain.FieldDefinition) []domain.DataField {
	t.Helper()
	got, err := domain.Installation{State: domain.Enabled}.DefineTemplateType(
		domain.TemplateTypeBlueprint{Fields: declared}, tt)
	if err != nil {
		t.Fatal(err)
	}
	return got.Fields
}

func TestRule9_ReconcilingKeepsUsersFieldsAndFlags(t *testing.T) {
	tt := domain.TemplateType{Fields: []domain.DataField{
		field("kept", domain.Text, domain.SourceSystem, false), field("dropped", domain.Text, domain.SourceSystem,
			true), field("users", domain.Text, domain.SourceUser, true),
	}}
	var got []string
	for _, f := range defined(t, tt, []domain.FieldDefinition{{CustomID: "new", Kind: domain.Text},
		{CustomID: "KEPT", Kind: domain.Number}}) {
		active := " off"
		if f.Active {
			active = " on"
		}
		got = append(got, f.CustomID+" "+string(f.Source)+active)
	}
	if want := []string{"new system on", "KEPT system off", "dropped system off", "users user on"}; !slices.Equal(got,
		want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRule9_ReconcilingKeepsThePlacesThatUsersGaveFields(t *testing.T) {
	tt := domain.TemplateType{Fields: []domain.DataField{
		field("users", domain.Text, domain.SourceUser, true), field("b", domain.Text, domain.SourceSystem, true),
		field("a", domain.Text, domain.SourceSystem, true),
	}}
	declared := []domain.FieldDefinition{{CustomID: "a", Kind: domain.Text}, {CustomID: "after-a", Kind: domain.Text},
		{CustomID: "b", Kind: domain.Text}}
	var got []string
	for _, f := range defined(t, tt, declared) {
		got = append(got, f.CustomID)
	}
	if want := []string{"users", "b", "a", "after-a"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What an admin switched off survives that a version drops the field and a later one has it again.
func TestRule6_AFieldThatWasSwitchedOffComesBackSo(t *testing.T) {
	tt := domain.TemplateType{Fields: []domain.DataField{field("off", domain.Text, domain.SourceSystem, false),
		field("on", domain.Text, domain.SourceSystem, true)}}
	both := []domain.FieldDefinition{{CustomID: "off", Kind: domain.Text}, {CustomID: "on", Kind: domain.Text}}
	before := slices.Clone(tt.Fields)
	for range 2 {
		tt.Fields = defined(t, tt, nil)
		if tt.Fields[0].Active || tt.Fields[1].Active {
			t.Fatalf("dropped: got %+v", tt.Fields)
		}
		tt.Fields = defined(t, tt, nil)
		if tt.Fields = defined(t, tt, both); tt.Fields[0].Active || !tt.Fields[1].Active {
			t.Fatalf("declared again: got %+v", tt.Fields)
		}
	}
	for i, f := range tt.Fields {
		if f.Withdrawn || f.WasOff || f.Active != before[i].Active {
			t.Errorf("at the end: got %+v, want it as %+v", f, before[i])
		}
	}
}

// A version that has a field again makes it active again, unless it was people who switched it off; and what people
// switched on after it was withdrawn stays on.
func TestRule6_AWithdrawnFieldIsToldFromOneSwitchedOff(t *testing.T) {
	tt := domain.TemplateType{Fields: []domain.DataField{field("off", domain.Text, domain.SourceSystem, false),
		field("gone", domain.Text, domain.SourceSystem, true)}}
	off := domain.FieldDefinition{CustomID: "off", Kind: domain.Text}
	tt.Fields = defined(t, tt, []domain.FieldDefinition{off})
	if f := tt.Fields[1]; f.Active || !f.Withdrawn {
		t.Fatalf("what is no longer declared is %+v", f)
	}
	tt.Fields[1].Active = true
	if again := defined(t, tt, []domain.FieldDefinition{off}); !slices.Equal(again, tt.Fields) {
		t.Errorf("the same again made %+v of %+v", again, tt.Fields)
	}
	tt.Fields[1].Active = false
	back := defined(t, tt, []domain.FieldDefinition{off, {CustomID: "gone", Kind: domain.Text}})
	if back[0].Active || !back[1].Active || back[1].Withdrawn {
		t.Errorf("declared again: got %+v", back)
	}
}

func TestRule29_WhoFillsAFieldIsTheAccountUnlessSaid(t *testing.T) {
	for raw, want := range map[string]domain.Filler{
		`{}`: domain.FilledByAccount, `{"filled_by":"account"}`: domain.FilledByAccount,
		`{"filled_by":"participants"}`: domain.FilledByParticipants,
	} {
		var d domain.FieldDefinition
		if err := json.Unmarshal([]byte(raw), &d); err != nil || d.Filler() != want {
			t.Errorf("%s: got %q, %v; want %q", raw, d.Filler(), err, want)
		}
		if named := raw == `{"filled_by":"account"}`; named && d != (domain.FieldDefinition{}) {
			t.Errorf("%s differs from its absence: %+v", raw, d)
		}
	}
	by := func(f domain.Filler) domain.TemplateType {
		d := field("f", domain.Text, domain.SourceUser, true)
		d.FilledBy = f
		return domain.TemplateType{Fields: []domain.DataField{d}}
	}
	if !by(domain.FilledByParticipants).ChangesAcceptedValues(by("")) || by("").ChangesAcceptedValues(by("")) {
		t.Error("the fields' version rises when another side fills the field, and only then")
	}
	system := domain.TemplateType{Extension: "acme",
		Fields: []domain.DataField{field("f", domain.Text, domain.SourceSystem, true)}}
	theirs := domain.FilledByParticipants
	if _, err := system.UpdateField("f", domain.FieldChange{FilledBy: &theirs}); !fault.Is(err, "managed-resource") {
		t.Errorf("who fills a system field was changed: %v", err)
	}
	if changed, err := by("").UpdateField("f", domain.FieldChange{FilledBy: &theirs}); err != nil ||
		changed.Fields[0].FilledBy != theirs {
		t.Errorf("who fills a user's field was not changed: %+v, %v", changed.Fields, err)
	}
}
