package domain

import "time"

// AccountState is whether an account is there to be used.
type AccountState string

const (
	AccountActive   AccountState = "active"
	AccountDeleting AccountState = "deleting"
)

// Living tells whether anything may still be done with the account. From the moment its deletion is asked for, every
// credential of its own answers 401, and nothing is sent for it.
func (a Account) Living() bool { return a.ID != "" && a.State != AccountDeleting }

// Knows tells whether something that happened then is the account's own: not what an account of the same id had
// before it.
func (a Account) Knows(at time.Time) bool { return a.Living() && !at.Before(a.CreatedAt) }

// FarewellFor is how long, from a deletion's being asked for, the lifecycle endpoints of what the account had enabled are
// told of the end (design rule 17). What is begun within it has ended, and has left its traces for the erasing to find,
// before DeletionGrace is over: an endpoint that does not answer in that time is not told.
const FarewellFor = time.Minute

// Ending tells whether that time is running.
func (a Account) Ending(now time.Time) bool {
	return a.State == AccountDeleting && now.Before(a.UpdatedAt.Add(FarewellFor))
}

// DeletionGrace passes between asking for a deletion and erasing: all that was let in or begun before, which ends
// within a function's timeout (a minute at most), has ended then, so that nothing is written behind the erasing's back.
const DeletionGrace = 2 * time.Minute

// Deletion is the proof that an account was deleted: who asked for it, when, and how much of what was erased. It is
// kept when all else of the account is gone, and says of it no more than the id.
type Deletion struct {
	ID         string         `json:"id"`
	Account    AccountID      `json:"account_id"`
	AskedBy    string         `json:"asked_by"` // principal
	AskedAt    time.Time      `json:"asked_at"`
	FinishedAt time.Time      `json:"finished_at,omitzero"`
	Page       int            `json:"page"` // that comes next, from 1; each is one transaction
	Erased     map[Record]int `json:"erased"`
	Revision
}

// RetiredWebhook remembers a webhook that is gone, as long as the log of its deliveries is kept, for an erasing to find.
type RetiredWebhook struct {
	Account   AccountID `json:"account_id"`
	ID        WebhookID `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	ForgetAt  time.Time `json:"forget_at"`
}

// Ends is when it may be swept away.
func (w RetiredWebhook) Ends() time.Time { return w.ForgetAt }

// ContractSession leads from a contract to one of its sessions, which is found by its hash otherwise.
type ContractSession struct {
	Contract ContractID `json:"contract_id"`
	Hash     string     `json:"hash"`
	EndsAt   time.Time  `json:"ends_at"`
}

// Ends is when it may be swept away.
func (s ContractSession) Ends() time.Time { return s.EndsAt }
