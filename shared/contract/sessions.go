package contract

import (
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// A participant's session, and its operations.

type CreateParticipantSessionInput struct {
	Contract    domain.ContractID    `path:"contract_id" maxLength:"64"`
	Participant domain.ParticipantID `path:"participant_id" maxLength:"64"`
	Body        struct {
		Lifetime int `json:"lifetime_seconds,omitempty" minimum:"60" maximum:"43200" default:"3600" doc:"At most 12 hours."`
	}
}

type CreateParticipantSessionOutput struct {
	Body struct {
		ID          domain.SessionID     `json:"id"`
		Contract    domain.ContractID    `json:"contract_id"`
		Participant domain.ParticipantID `json:"participant_id"`
		OpenedBy    domain.SessionOpener `json:"opened_by"`
		ExpiresAt   time.Time            `json:"expires_at"`
		Token       domain.ShownOnce     `json:"token,omitempty" doc:"Shown once. Send it as Authorization: Bearer."`
	}
}

// SessionContract is a contract as its participant sees it.
type SessionContract struct {
	ID            domain.ContractID    `json:"id"`
	Name          string               `json:"name"`
	State         domain.ContractState `json:"state"`
	ExpiresOn     string               `json:"expires_on,omitempty"`
	DataFields    []SessionField       `json:"data_fields"`
	FieldsVersion int                  `json:"fields_version" doc:"Send it with update-session-data-fields. The change then fails if a field was switched on or off meanwhile."`
	Participant   domain.Participant   `json:"participant" doc:"The session's participant."`
	Others        []OtherParticipant   `json:"others"`
}

type SessionField struct {
	CustomID    string           `json:"custom_id"`
	Name        string           `json:"name"`
	Description string           `json:"description,omitempty"`
	Placeholder string           `json:"placeholder,omitempty"`
	Kind        domain.FieldKind `json:"kind"`
	Value       string           `json:"value"`
	Active      bool             `json:"active" doc:"Whether it takes a value now, of those who may fill it."`
	FilledBy    domain.Filler    `json:"filled_by" enum:"account,participants" doc:"The participant changes only a field that participants fill."`
}

// OtherParticipant is another participant, without contact details.
type OtherParticipant struct {
	Name     string    `json:"name"`
	SignedAt time.Time `json:"signed_at,omitzero"`
}

type SessionContractOutput struct {
	ETag string `header:"ETag"`
	Body SessionContract
}

type ReadSessionContractInput struct{}

type ReadSessionContractOutput SessionContractOutput

type UpdateSessionDataFieldsInput struct {
	IfMatch string `header:"If-Match" maxLength:"1024" doc:"The ETag that was read. 412 when the contract has changed since."`
	Body    ValuesBody
}

// Check reports values that no contract accepts.
func (in *UpdateSessionDataFieldsInput) Check() []fault.Field {
	return domain.CheckValues("/data_fields", in.Body.DataFields)
}

type UpdateSessionDataFieldsOutput SessionContractOutput

// SessionMoveInput signs or declines what the session is for.
type SessionMoveInput struct {
	IfMatch string `header:"If-Match" maxLength:"1024" doc:"The ETag that was read. 412 when the contract has changed since, so that nobody signs an unseen change."`
}

type SignSessionContractOutput SessionContractOutput

type DeclineSessionContractOutput SessionContractOutput
