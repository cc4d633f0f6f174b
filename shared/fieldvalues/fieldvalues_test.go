package fieldvalues

import (
	"fmt"
	"strings"
	"testing"

	"plugboard/shared/domain"
)

func TestRule29_AParticipantChangesOnlyFieldsThatParticipantsFill(t *testing.T) {
	field := func(id string, source domain.Source, active bool, by domain.Filler) domain.DataField {
		return domain.DataField{FieldDefinition: domain.FieldDefinition{CustomID: id, Kind: domain.Text, FilledBy: by},
			Source: source, Active: active}
	}
	fields := domain.TemplateType{Name: "Order", Fields: []domain.DataField{
		field("silent", domain.SourceUser, true, ""),
		field("ours", domain.SourceSystem, true, domain.FilledByAccount),
		field("theirs", domain.SourceSystem, true, domain.FilledByParticipants),
		field("their own", domain.SourceUser, true, domain.FilledByParticipants),
		field("off", domain.SourceUser, false, domain.FilledByParticipants),
	}}
	for name, test := range map[string]struct {
		by    domain.ParticipantID
		given string
		want  string // the changed, or what is wrong
	}{
		"the account":   {"", "silent ours theirs their_own", "silent ours theirs their_own"},
		"a participant": {"kim", "theirs their_own", "theirs their_own"},
		"of the account": {"kim", "silent theirs Ours",
			"/at/0/custom_id filled-by-account; /at/2/custom_id filled-by-account"},
		"inactive, and account's": {"kim", "off ours",
			"/at/0/custom_id inactive-data-field; /at/1/custom_id filled-by-account"},
		"unknown, and the account's": {"kim", "none silent",
			"/at/0/custom_id unknown-data-field; /at/1/custom_id filled-by-account"},
	} {
		var given []domain.GivenValue
		for _, id := range strings.Fields(test.given) {
			given = append(given, domain.GivenValue{CustomID: strings.ReplaceAll(id, "_", " "), Value: "new"})
		}
		_, changed, wrong := Change{By: test.by, Values: given, At: "/at"}.Apply(fields, nil, true)
		var got []string
		for _, v := range changed {
			got = append(got, strings.ReplaceAll(v.CustomID, " ", "_"))
		}
		result := strings.Join(got, " ")
		if len(wrong) > 0 {
			got = nil
			for _, w := range wrong {
				got = append(got, fmt.Sprintf("%s %s", w.Pointer, w.Code))
			}
			result = strings.Join(got, "; ")
		}
		if result != test.want {
			t.Errorf("%s: got %q, want %q", name, result, test.want)
		}
	}
}
