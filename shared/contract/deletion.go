package contract

import (
	"time"

	"plugboard/shared/domain"
)

// The deletion of an account, and its proof.

type DeleteAccountInput struct {
	Account domain.AccountID `path:"account_id" maxLength:"64"`
}

type DeleteAccountOutput struct{ Body DeletionView }

type ReadDeletionInput struct {
	Account domain.AccountID `path:"account_id" maxLength:"64"`
}

type ReadDeletionOutput struct{ Body DeletionView }

type DeletionView struct {
	ID         string                `json:"id"`
	Account    domain.AccountID      `json:"account_id"`
	State      string                `json:"state" enum:"erasing,finished"`
	AskedBy    string                `json:"asked_by" doc:"Whose credential requested it."`
	AskedAt    time.Time             `json:"asked_at" doc:"From this time on, every credential of the account gets 401."`
	FinishedAt time.Time             `json:"finished_at,omitzero"`
	Erased     map[domain.Record]int `json:"erased" doc:"How many records of each kind are erased so far." example:"{\"contract\":12,\"user\":3}"`
}

// ViewDeletion shows the proof.
func ViewDeletion(d domain.Deletion) DeletionView {
	v := DeletionView{ID: d.ID, Account: d.Account, State: "erasing", AskedBy: d.AskedBy, AskedAt: d.AskedAt,
		FinishedAt: d.FinishedAt, Erased: d.Erased}
	if !d.FinishedAt.IsZero() {
		v.State = "finished"
	}
	return v
}
