package domain

// Roll-outs: one new version, over all the installations of an extension.

// Installed is a line of an extension's roster: an account in which it is enabled, or on its way there.
type Installed struct {
	Extension ExtensionID `json:"extension_id"`
	Account   AccountID   `json:"account_id"`
}
