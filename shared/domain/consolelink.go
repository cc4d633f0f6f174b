package domain

import "time"

// ConsoleLinkLife is how long a console link is good at most.
const ConsoleLinkLife = 10 * time.Minute

// ConsoleLink lets one user of one account into the console, once. It is found by its code's hash; the code itself is
// stored nowhere.
type ConsoleLink struct {
	Hash      string    `json:"hash"` // hex SHA-256
	Account   AccountID `json:"account_id"`
	User      UserID    `json:"user_id"`
	Page      string    `json:"page"`                // below the console's root
	FramedBy  string    `json:"framed_by,omitempty"` // the origin that shows the console in a frame
	EndsAt    time.Time `json:"ends_at"`
	CreatedAt time.Time `json:"created_at"`
	Revision
}

// Ends is when DynamoDB may remove it.
func (l ConsoleLink) Ends() time.Time { return l.EndsAt }
