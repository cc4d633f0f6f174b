package domain

import "time"

// AccountState is whether an account can be used.
type AccountState string

const (
	AccountActive   AccountState = "active"
	AccountDeleting AccountState = "deleting"
)

// Living is true while the account can be used. Once its deletion is requested, every credential of its own gets 401,
// and nothing is sent for it.
func (a Account) Living() bool { return a.ID != "" && a.State != AccountDeleting }

// Knows is true for a time in the account's own life, and false for the life of an earlier account of the same id.
func (a Account) Knows(at time.Time) bool { return a.Living() && !at.Before(a.CreatedAt) }

// FarewellFor is how long after the request for a deletion lifecycle endpoints are told of the end (design rule 17).
// An attempt that begins within it has ended, and left its log for the erasing to find, before DeletionGrace is over.
// An endpoint that does not answer in that time is not told.
const FarewellFor = time.Minute

// Ending is true during FarewellFor.
func (a Account) Ending(now time.Time) bool {
	return a.State == AccountDeleting && now.Before(a.UpdatedAt.Add(FarewellFor))
}

// DeletionGrace lies between the request for a deletion and the erasing. Work begun before ends within a function's
// timeout, a minute at most, so nothing is written after the erasing.
const DeletionGrace = 2 * time.Minute

// Deletion is the proof that an account was deleted: who asked, when, and how many items of which kind were erased.
// It outlives the account, and holds only its id.
type Deletion struct {
	ID         string         `json:"id"`
	Account    AccountID      `json:"account_id"`
	AskedBy    string         `json:"asked_by"` // principal
	AskedAt    time.Time      `json:"asked_at"`
	FinishedAt time.Time      `json:"finished_at,omitzero"`
	Page       int            `json:"page"` // the next page, from 1; each page is one transaction
	Erased     map[Record]int `json:"erased"`
	Revision
}

// RetiredWebhook remembers a deleted webhook while its delivery log is kept, for an erasing to find.
type RetiredWebhook struct {
	Account   AccountID `json:"account_id"`
	ID        WebhookID `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	ForgetAt  time.Time `json:"forget_at"`
}

// Ends is when DynamoDB may remove it.
func (w RetiredWebhook) Ends() time.Time { return w.ForgetAt }

// ContractSession leads from a contract to one of its sessions, which is stored under its hash.
type ContractSession struct {
	Contract ContractID `json:"contract_id"`
	Hash     string     `json:"hash"`
	EndsAt   time.Time  `json:"ends_at"`
}

// Ends is when DynamoDB may remove it.
func (s ContractSession) Ends() time.Time { return s.EndsAt }
