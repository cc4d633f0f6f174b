package domain

import (
	"fmt"
	"slices"
	"time"

	"plugboard/shared/fault"
)

// VersionState is how far a submitted blueprint is on its way to the catalogue.
type VersionState string

const (
	VersionSubmitted VersionState = "submitted"
	VersionApproved  VersionState = "approved"
	VersionRejected  VersionState = "rejected"
	VersionYanked    VersionState = "yanked"
	VersionListed    VersionState = "listed" // shown of the approved one that is in the catalogue; never stored
)

// BlueprintVersion is the review state of a frozen blueprint. It is an item of its own: the blueprint never changes,
// and a list of versions reads no blueprint.
type BlueprintVersion struct {
	Extension   ExtensionID  `json:"extension_id"`
	Version     int          `json:"version"`
	State       VersionState `json:"state" enum:"submitted,approved,rejected,yanked,listed"`
	Reasons     []string     `json:"reasons,omitempty" doc:"The review's message."`
	YankReason  string       `json:"yank_reason,omitempty"`
	SubmittedAt time.Time    `json:"submitted_at"`
	ReviewedAt  time.Time    `json:"reviewed_at,omitzero"`
	YankedAt    time.Time    `json:"yanked_at,omitzero"`
	Revision
}

// Review decides on a submitted version. Conflict `version-state` for any other, Invalid for a rejection that
// gives no reason.
func (v BlueprintVersion) Review(approve bool, reasons []string, now time.Time) (BlueprintVersion, error) {
	switch {
	case v.State != VersionSubmitted:
		return v, fault.New(fault.Conflict, "version-state", "Version %d is %s; only a submitted one is reviewed.",
			v.Version, v.State)
	case !approve && len(reasons) == 0:
		return v, fault.InvalidFields(RejectionWithoutReason())
	}
	v.State, v.Reasons, v.ReviewedAt = VersionRejected, reasons, now
	if approve {
		v.State = VersionApproved
	}
	return v, nil
}

// RejectionWithoutReason is what is wrong with one.
func RejectionWithoutReason() []fault.Field {
	return []fault.Field{{Pointer: "/reasons", Code: "missing", Detail: "A rejection says why."}}
}

// Yank takes a version out of reach of everything new; what runs on it goes on. Conflict `version-state` for a
// version that is out of reach already.
func (v BlueprintVersion) Yank(reason string, now time.Time) (BlueprintVersion, error) {
	if v.State == VersionRejected || v.State == VersionYanked {
		return v, fault.New(fault.Conflict, "version-state", "Version %d is %s, so nothing can install it.", v.Version,
			v.State)
	}
	v.State, v.YankReason, v.YankedAt = VersionYanked, reason, now
	return v, nil
}

// Newest is the last version that test accounts may enable; false when there is none.
func Newest(versions []BlueprintVersion) (BlueprintVersion, bool) {
	for _, v := range slices.Backward(versions) {
		if v.State == VersionSubmitted || v.State == VersionApproved {
			return v, true
		}
	}
	return BlueprintVersion{}, false
}

// MaxBlueprint is how large a blueprint is at most, as JSON in bytes: the default limit of a request's body, since
// that is how it is submitted, and below DynamoDB's 400 KB an item.
const MaxBlueprint = 256 << 10

// BlueprintDraft is the blueprint that its author is working on. It may be wrong; a version may not.
type BlueprintDraft struct {
	Extension ExtensionID   `json:"extension_id"`
	Blueprint BlueprintSpec `json:"blueprint"`
	UpdatedAt time.Time     `json:"updated_at"`
	Revision
}

// ETag names this revision, for If-Match.
func (d BlueprintDraft) ETag() string { return fmt.Sprintf(`"%d"`, d.Rev) }

// Promote puts a template type's usable user fields into the spec, as the template type with that key. One that
// the spec has already keeps everything but its fields; a new one takes name and description along.
func (b BlueprintSpec) Promote(key string, t TemplateType) BlueprintSpec {
	fields := []FieldDefinition{}
	for _, f := range t.Fields {
		if f.Source == SourceUser && f.Active {
			fields = append(fields, f.FieldDefinition)
		}
	}
	b.TemplateTypes = slices.Clone(b.TemplateTypes)
	at := slices.IndexFunc(b.TemplateTypes, func(t TemplateTypeBlueprint) bool { return t.Key == key })
	if at < 0 {
		at = len(b.TemplateTypes)
		b.TemplateTypes = append(b.TemplateTypes,
			TemplateTypeBlueprint{Key: key, Name: t.Name, Description: t.Description})
	}
	b.TemplateTypes[at].Fields = fields
	return b
}

// Submission is a version's place in the queue of those that wait for a review.
type Submission struct {
	Extension   ExtensionID `json:"extension_id"`
	Version     int         `json:"version"`
	SubmittedAt time.Time   `json:"submitted_at"`
}

// Submission is where the version waits, or waited.
func (v BlueprintVersion) Submission() Submission {
	return Submission{Extension: v.Extension, Version: v.Version, SubmittedAt: v.SubmittedAt}
}

// MaxTestAccounts is how many accounts a partner may let see an extension that is not listed.
const MaxTestAccounts = 20
