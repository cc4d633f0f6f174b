package contract

import (
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Drafts and versions: what becomes of a blueprint before it is offered.

// DraftInput names an extension's draft.
type DraftInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
}

type DraftOutput struct {
	ETag string `header:"ETag"`
	Body domain.BlueprintDraft
}

type ReadDraftOutput DraftOutput

type ReplaceDraftInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	IfMatch   string             `header:"If-Match" maxLength:"1024" doc:"The ETag that was read. 412 when the draft has changed since."`
	Body      struct {
		Blueprint domain.BlueprintSpec `json:"blueprint"`
	}
}

type ReplaceDraftOutput DraftOutput

type PromoteTemplateTypeInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	IfMatch   string             `header:"If-Match" maxLength:"1024" doc:"The ETag that was read. 412 when the draft has changed since."`
	Body      struct {
		TemplateType domain.TemplateTypeID `json:"template_type_id" minLength:"1" maxLength:"64" doc:"A template type that a user made in the partner's development account."`
		Key          string                `json:"key,omitempty" pattern:"^$|^[a-z][a-z0-9-]{0,31}$" maxLength:"32" doc:"The extension's template_type_key that it becomes. If the draft has that key already, only its fields are replaced." example:"addendum"`
	}
}

type PromoteTemplateTypeOutput DraftOutput

type CheckDraftOutput struct {
	Body struct {
		Valid  bool          `json:"valid" doc:"Whether it could be submitted now."`
		Errors []fault.Field `json:"errors" doc:"Why a submission would be refused, by the same pointers."`
	}
}

type ListSubmissionsInput struct{ PageInput }

type ListSubmissionsOutput struct {
	Body Page[domain.Submission]
}

type ListVersionsInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	PageInput
}

type ListVersionsOutput struct{ Body Page[domain.BlueprintVersion] }

// VersionInput names a version of an extension.
type VersionInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Version   int                `path:"version" minimum:"1" maximum:"999999"`
}

type ReadVersionOutput struct {
	Body struct {
		domain.BlueprintVersion
		Blueprint domain.BlueprintSpec `json:"blueprint"`
	}
}

type DiffVersionsInput struct {
	VersionInput
	Against string `query:"against" required:"true" pattern:"^([1-9][0-9]{0,5}|draft)$" doc:"A later version, or draft." example:"draft"`
}

type DiffVersionsOutput struct{ Body domain.BlueprintDiff }

// Decision is a review's.
type Decision string

const (
	Approve Decision = "approve"
	Reject  Decision = "reject"
)

type ReviewVersionInput struct {
	VersionInput
	Body struct {
		Decision Decision `json:"decision" enum:"approve,reject"`
		Reasons  []string `json:"reasons,omitempty" maxItems:"20" minLength:"1" maxLength:"1024" text:"lines" doc:"The message to the partner. A rejection needs one."`
	}
}

// Check reports a rejection that gives no reason.
func (in *ReviewVersionInput) Check() []fault.Field {
	if in.Body.Decision == Reject && len(in.Body.Reasons) == 0 {
		return domain.RejectionWithoutReason()
	}
	return nil
}

type ReviewVersionOutput struct{ Body domain.BlueprintVersion }

type YankVersionInput struct {
	VersionInput
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1024" text:"lines"`
	}
}

type YankVersionOutput struct{ Body domain.BlueprintVersion }

type PutTestAccountsInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		Accounts []domain.AccountID `json:"accounts" maxItems:"20" minLength:"1" maxLength:"64" doc:"Each once. They replace those named before. Each is invited, and sees the extension once one of its admins accepts. An account that does not exist is taken, and stays pending. The development account need not be named."`
	}
}

// Check reports accounts that are named twice.
func (in *PutTestAccountsInput) Check() []fault.Field { return repeated("/accounts", in.Body.Accounts) }

type PutTestAccountsOutput struct{ Body ExtensionView }
