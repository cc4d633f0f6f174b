package release

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"plugboard/shared/contract"
)

// ChangelogFile is what changed from version to version, in words, relative to the module's root.
const ChangelogFile = "shared/contract/CHANGELOG.md"

// EveryOperation is the operation of a finding that concerns more than a few of them in the same way.
const EveryOperation = "every operation"

// few is how many operations are named one by one.
const few = 20

// entry is a point of the changelog's list, with the section in which it stands.
type entry struct{ section, text string }

const sectionBreaking = "Breaking"

var heading = regexp.MustCompile(`^## v?(\d+\.\d+\.\d+)\b`)

// entriesOf are the points of a version.
func entriesOf(changelog []byte, version string) []entry {
	var all []entry
	inside, section := false, ""
	for text := range strings.Lines(string(changelog)) {
		text = strings.TrimRight(text, "\r\n")
		switch h := heading.FindStringSubmatch(text); {
		case h != nil:
			inside, section = h[1] == version, ""
		case !inside:
		case strings.HasPrefix(text, "### "):
			section = strings.TrimSpace(text[len("### "):])
		case strings.HasPrefix(text, "- "):
			all = append(all, entry{section, text[len("- "):]})
		case strings.HasPrefix(text, "  ") && len(all) > 0:
			all[len(all)-1].text += " " + strings.TrimSpace(text)
		}
	}
	return all
}

// explains tells whether the point is about the finding: it names the operation by its id, or the event by its type. A
// change that breaks callers stands under Breaking, with what callers do.
func (e entry) explains(f Finding) bool {
	if f.Class != Loosened && (e.section != sectionBreaking || !e.saysWhatCallersDo()) {
		return false
	}
	if f.ID == EveryOperation {
		return strings.Contains(strings.ToLower(e.text), EveryOperation)
	}
	return strings.Contains(e.text, "`"+f.ID+"`")
}

func (e entry) saysWhatCallersDo() bool {
	return strings.Contains(e.text, "Callers ") || strings.Contains(e.text, "callers ")
}

// Unexplained are the findings of which the version's part of the changelog has no line.
func Unexplained(findings []Finding, changelog []byte, version string) []Finding {
	entries := entriesOf(changelog, version)
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool {
		return slices.ContainsFunc(entries, func(e entry) bool { return e.explains(f) })
	})
}

// Check says why current may not follow released: it breaks callers under a version that promises not to, or a change
// that it makes has no line in the changelog. A higher version alone is not enough.
func Check(released, current, changelog []byte) error {
	findings, err := Compare(released, current)
	if err != nil || len(findings) == 0 {
		return err
	}
	from, to, err := versions(released, current)
	if err != nil {
		return err
	}
	if line(from) == line(to) {
		return fmt.Errorf("release: from %s to %s is no step for a breaking change:\n%w", from, to, Join(findings))
	}
	if missing := Unexplained(findings, changelog, strings.TrimPrefix(to, "v")); len(missing) > 0 {
		return fmt.Errorf("release: %s has no line about these changes in its part of %s; a line names the operation "+
			"by its id, "+
			"stands under Breaking where callers break, and says what callers do:\n%w", to, ChangelogFile,
			Join(missing))
	}
	return nil
}

// versions are those of both documents, as semver writes them.
func versions(released, current []byte) (from, to string, err error) {
	before, err := read("released", released)
	if err != nil {
		return "", "", err
	}
	after, err := read("current", current)
	if err != nil {
		return "", "", err
	}
	return "v" + before.Spec.Info.Version, "v" + after.Spec.Info.Version, nil
}

// Dated is the changelog without the mark that its version is not released yet. It fails when the version has no part.
func Dated(changelog []byte) ([]byte, error) {
	title := "## " + contract.Version
	if !slices.ContainsFunc(strings.Split(string(changelog), "\n"), func(l string) bool {
		return l == title || strings.HasPrefix(l, title+" ")
	}) {
		return nil, errors.New("release: " + ChangelogFile + " has no part " + title)
	}
	return []byte(strings.Replace(string(changelog), title+unreleased, title, 1)), nil
}

const unreleased = " (not released yet)"

// named gives each finding its operation's id, and joins those that concern many operations in the same way.
func named(findings []Finding, specs ...*openapi3.T) []Finding {
	ids := map[string]string{}
	for _, spec := range specs {
		for path, item := range spec.Paths.Map() {
			for method, o := range item.Operations() {
				ids[method+" "+path] = o.OperationID
			}
		}
	}
	alike := map[Finding]int{}
	for _, f := range findings {
		alike[Finding{Class: f.Class, What: f.What}]++
	}
	var all []Finding
	for _, f := range findings {
		if f.ID = ids[f.Operation]; f.ID == "" {
			f.ID = f.Operation
		}
		if alike[Finding{Class: f.Class, What: f.What}] > few {
			f.ID, f.Operation = EveryOperation, EveryOperation
		}
		all = append(all, f)
	}
	return all
}
