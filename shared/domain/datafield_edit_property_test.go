package domain_test

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"plugboard/shared/domain"
)

// Names close enough to each other that edits meet: the same to a reader, or to FoldCustomID.
var (
	someIDs  = rapid.SampledFrom([]string{"a", "A", " a ", "b", "B b", "bb", "c", "d"})
	someText = rapid.SampledFrom([]string{"", "x", "true", "2026-11-22", "7"})
	someKind = rapid.SampledFrom([]domain.FieldKind{domain.Text, domain.Checkbox, domain.Number, domain.Date})
)

func someDefinition(t *rapid.T) domain.FieldDefinition {
	return domain.FieldDefinition{
		CustomID: someIDs.Draw(t, "custom id"), Name: someText.Draw(t, "name"),
		Description: someText.Draw(t, "description"),
		Placeholder: someText.Draw(t, "placeholder"), Kind: someKind.Draw(t, "kind"),
		Default: someText.Draw(t, "default"),
	}
}

func someMaybe[T any](t *rapid.T, g *rapid.Generator[T], name string) *T {
	if !rapid.Bool().Draw(t, "give "+name) {
		return nil
	}
	v := g.Draw(t, name)
	return &v
}

// managed is what an extension defined, by custom id.
func managed(t domain.TemplateType) map[string]domain.FieldDefinition {
	all := map[string]domain.FieldDefinition{}
	for _, f := range t.Fields {
		if f.Source == domain.SourceSystem {
			all[f.CustomID] = f.FieldDefinition
		}
	}
	return all
}

// Rule 8: whatever users do to the fields of an extension's template type, in whatever order, and whatever is refused
// on the way, what the extension defined stays as it is.
func TestRule8_NoSequenceOfEditsChangesAManagedDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := domain.TemplateType{Extension: "acme-crm"}
		for range rapid.IntRange(0, 6).Draw(t, "fields") {
			d := someDefinition(t)
			if now.Field(d.CustomID) < 0 {
				now.Fields = append(now.Fields, domain.DataField{
					FieldDefinition: d, Source: rapid.SampledFrom([]domain.Source{domain.SourceUser,
						domain.SourceSystem}).Draw(t, "source"), Active: rapid.Bool().Draw(t, "active"),
				})
			}
		}
		want := managed(now)
		edit := func(after domain.TemplateType, err error) {
			if err == nil {
				now = after
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) { edit(now.AddField(someDefinition(t))) },
			"update": func(t *rapid.T) {
				edit(now.UpdateField(someIDs.Draw(t, "of"), domain.FieldChange{
					Active: someMaybe(t, rapid.Bool(), "active"), Name: someMaybe(t, someText, "name"),
					Description: someMaybe(t, someText, "description"),
					Placeholder: someMaybe(t, someText, "placeholder"), Kind: someMaybe(t, someKind, "kind"),
					Default: someMaybe(t, someText, "default"),
				}))
			},
			"remove": func(t *rapid.T) { edit(now.RemoveField(someIDs.Draw(t, "of"))) },
			"order": func(t *rapid.T) {
				var ids []string
				for _, f := range now.Fields {
					ids = append(ids, f.CustomID)
				}
				ids = append(ids, rapid.SliceOfN(someIDs, 0, 1).Draw(t, "one more")...)
				if len(ids) > 0 {
					edit(now.OrderFields(rapid.Permutation(ids).Draw(t, "order")))
				}
			},
			"replace": func(t *rapid.T) {
				var given []domain.GivenField
				for _, f := range now.Fields { // most stay as they are, so that some replacements are taken
					g := domain.GivenField{FieldDefinition: f.FieldDefinition,
						Active: someMaybe(t, rapid.Bool(), "active")}
					switch rapid.IntRange(0, 9).Draw(t, "what becomes of it") {
					case 0:
						continue
					case 1:
						g.FieldDefinition = someDefinition(t)
					case 2:
						g.CustomID = someIDs.Draw(t, "custom id")
					}
					given = append(given, g)
				}
				edit(now.ReplaceFields(given))
			},
			"": func(t *rapid.T) {
				if got := managed(now); !maps.Equal(got, want) {
					t.Fatalf("the extension defined %v, and now there is %v", want, got)
				}
				seen := map[string]bool{}
				for _, f := range now.Fields {
					if folded := domain.FoldCustomID(f.CustomID); seen[folded] {
						t.Fatal(fmt.Sprintf("%q is there twice", f.CustomID))
					} else {
						seen[folded] = true
					}
				}
			},
		})
	})
}
