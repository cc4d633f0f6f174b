package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// The comparison of what an installation manages with its blueprint, now.

type driftPage struct {
	Extension contract.CatalogueExtension
	Pill      pill
	Lines     []diffLine
	CheckedAt time.Time
	Version   int
	Repair    bool // an admin may repair it
}

func (k *Console) drift(q *request) (answer, error) {
	e, i, err := installationOf(q)
	if err != nil {
		return answer{}, err
	}
	out, err := call(q, contract.ReadDrift, contract.ReadDriftInput{Extension: i.Extension})
	if err != nil {
		return answer{}, err
	}
	page := driftPage{
		Extension: e, Pill: pillOf(i), Lines: findingLines(out.Body.Findings), CheckedAt: out.Body.CheckedAt,
		Version: out.Body.Version, Repair: q.Admin(),
	}
	return answer{template: "drift", title: "Comparison of " + e.Name, data: page}, nil
}

// checkable tells whether the operation compares the installation now.
func checkable(i contract.InstallationView) bool {
	return i.State == domain.Enabled || i.State == domain.Suspended
}

// findingLines are the differences in words. A field that is missing, or that nobody declared, is one line.
func findingLines(findings []domain.Finding) []diffLine {
	var lines []diffLine
	for _, f := range findings {
		line := findingLine(f)
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

func findingLine(f domain.Finding) diffLine {
	thing := findingKinds[f.Kind]
	if f.Name != "" && f.Kind != domain.KindToken {
		thing += " “" + f.Name + "”"
	}
	parts := strings.Split(strings.TrimPrefix(f.Pointer, "/"), "/")
	id := f.Pointer
	if parts[0] == "fields" && len(parts) == 3 {
		id = parts[1]
		thing, parts = "Field "+id+" of the "+strings.ToLower(thing[:1])+thing[1:], parts[2:]
		if parts[0] == "source" || f.Found == "" || f.Expected == "" {
			f.Pointer = "" // the whole field
		}
	}
	switch {
	case f.Pointer == "" && f.Found == "" || f.Kind == domain.KindToken && f.Found == "":
		return diffLine{Tone: "bad", Icon: "minus", Word: "Missing", Text: thing, ID: id}
	case f.Pointer == "" || f.Expected == "":
		return diffLine{Tone: "good", Icon: "plus", Word: "Not declared", Text: thing, ID: id}
	}
	part := cmp.Or(findingParts[parts[0]], strings.ReplaceAll(parts[0], "_", " "))
	text := fmt.Sprintf("%s: %s is %s instead of %s", thing, part, foundWords(f.Found), foundWords(f.Expected))
	return diffLine{Tone: "off", Icon: "tilde", Word: "Differs", Text: text, ID: id}
}

var findingKinds = map[domain.StepKind]string{
	domain.StepTemplateType: "Template type", domain.StepWebhook: "Webhook",
	domain.StepLifecycle: "Webhook of the installation", domain.KindToken: "API token",
}

// findingParts are the parts of a resource as people call them.
var findingParts = map[string]string{
	"url": "the address", "event_types": "the list of events", "scopes": "what it may do", "name": "the name",
	"kind": "the kind", "default": "the default", "filled_by": "who fills it in", "policy": "the timing of retries",
}

// foundWords is a value that the comparison gives as JSON. A long one is cut.
func foundWords(raw string) string {
	if raw == "" {
		return "empty"
	}
	text := raw
	var value any
	if json.Unmarshal([]byte(raw), &value) == nil {
		switch v := value.(type) {
		case string:
			text = "“" + v + "”"
		case []any:
			var items []string
			for _, item := range v {
				items = append(items, fmt.Sprint(item))
			}
			text = and(items)
		}
	}
	const most = 80
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}
