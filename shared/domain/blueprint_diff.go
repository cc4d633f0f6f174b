package domain

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// ChangeKind is the kind of a change in a blueprint.
type ChangeKind string

const (
	Added     ChangeKind = "added"
	Removed   ChangeKind = "removed"
	Changed   ChangeKind = "changed"
	Reordered ChangeKind = "reordered" // the same items in another order
)

// Change is one difference between two blueprints. A removed value is named by its pointer in the old one, any other
// by its pointer in the new one.
type Change struct {
	Kind    ChangeKind      `json:"kind" enum:"added,removed,changed,reordered"`
	Pointer string          `json:"pointer" doc:"A JSON pointer: into the old blueprint for a removed value, else into the new one." example:"/template_types/0/fields/2/name"`
	From    json.RawMessage `json:"from,omitempty" doc:"The old value. Absent when added."`
	To      json.RawMessage `json:"to,omitempty" doc:"The new value. Absent when removed."`
}

// BlueprintDiff is the differences of two blueprints: always the same list for the same two.
type BlueprintDiff struct {
	Changes      []Change        `json:"changes"`
	NeedsConsent []ConsentReason `json:"needs_consent" doc:"Empty when an automatic upgrade is allowed."`
}

// Diff compares b with a later blueprint. Items of lists are matched by name (a field's custom id folded), wherever
// they stand. Order counts only for data fields and for a choice's values.
func (b BlueprintSpec) Diff(next BlueprintSpec) BlueprintDiff {
	d := differ{}
	d.values("", "", tree(b), tree(next))
	return BlueprintDiff{Changes: d.changes, NeedsConsent: b.consent(next)}
}

// tree is a part of a blueprint as JSON; an empty list equals an absent one.
func tree(part any) map[string]any {
	var t map[string]any
	raw, err := json.Marshal(part)
	if err == nil {
		err = json.Unmarshal(raw, &t)
	}
	if err != nil {
		panic(fmt.Sprintf("domain: a blueprint is JSON: %v", err))
	}
	for name, v := range t {
		if v == nil {
			delete(t, name)
		}
	}
	return t
}

// differ collects changes. Each method takes the pointers of the old and the new value.
type differ struct{ changes []Change }

func (d *differ) add(kind ChangeKind, pointer string, from, to any) {
	c := Change{Kind: kind, Pointer: pointer}
	if from != nil {
		c.From, _ = json.Marshal(from)
	}
	if to != nil {
		c.To, _ = json.Marshal(to)
	}
	d.changes = append(d.changes, c)
}

func (d *differ) values(was, is string, from, to any) {
	switch {
	case from == nil && to == nil:
		return
	case from == nil:
		d.absent(is, to, Added)
		return
	case to == nil:
		d.absent(was, from, Removed)
		return
	}
	switch from := from.(type) {
	case map[string]any:
		if to, ok := to.(map[string]any); ok {
			d.objects(was, is, from, to)
			return
		}
	case []any:
		if to, ok := to.([]any); ok && !numbers(to) {
			d.lists(was, is, from, to)
			return
		}
	}
	if !reflect.DeepEqual(from, to) {
		d.add(Changed, is, from, to)
	}
}

// absent reports a list as each of its items, since an absent list equals an empty one.
func (d *differ) absent(pointer string, v any, kind ChangeKind) {
	if list, ok := v.([]any); ok && !numbers(list) {
		for i, element := range list {
			d.absent(fmt.Sprintf("%s/%d", pointer, i), element, kind)
		}
		return
	}
	if kind == Added {
		d.add(kind, pointer, nil, v)
		return
	}
	d.add(kind, pointer, v, nil)
}

func (d *differ) objects(was, is string, from, to map[string]any) {
	names := append(sortedKeys(from), sortedKeys(to)...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		token := "/" + EscapePointer(name)
		d.values(was+token, is+token, from[name], to[name])
	}
}

func (d *differ) lists(was, is string, from, to []any) {
	before, after := names(from), names(to)
	var stayed, stay []string
	for i, name := range before {
		if !slices.Contains(after, name) {
			d.absent(fmt.Sprintf("%s/%d", was, i), from[i], Removed)
			continue
		}
		stayed = append(stayed, name)
	}
	for i, name := range after {
		j := slices.Index(before, name)
		if j < 0 {
			d.absent(fmt.Sprintf("%s/%d", is, i), to[i], Added)
			continue
		}
		stay = append(stay, name)
		d.values(fmt.Sprintf("%s/%d", was, j), fmt.Sprintf("%s/%d", is, i), from[j], to[i])
	}
	if ordered := strings.HasSuffix(is, "/fields") || strings.HasSuffix(is, "/enum"); ordered &&
		!slices.Equal(stayed, stay) {
		d.add(Reordered, is, stayed, stay)
	}
}

// numbers is true for a list of numbers. It is one value, with its order.
func numbers(list []any) bool {
	return slices.ContainsFunc(list, func(v any) bool {
		_, number := v.(float64)
		return number
	})
}

// names identify the items of a list. A name that a draft repeats is numbered.
func names(list []any) []string {
	all := make([]string, len(list))
	seen := map[string]int{}
	for i, v := range list {
		name := fmt.Sprint(v)
		if thing, ok := v.(map[string]any); ok {
			name = ""
			for _, by := range []string{"key", "extension_id", "custom_id"} {
				if s, ok := thing[by].(string); ok {
					name = s
				}
			}
			if _, field := thing["custom_id"]; field {
				name = FoldCustomID(name)
			}
		}
		all[i] = name
		if seen[name]++; seen[name] > 1 {
			all[i] = fmt.Sprintf("%s\x00%d", name, seen[name])
		}
	}
	return all
}
