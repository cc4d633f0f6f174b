package domain

// Record is a kind of stored item. Operations declare which kinds they read and write; every item carries its
// kind, and a test compares the declared with what really changed.
type Record string

const (
	RecordAccount         Record = "account"
	RecordAccountEntry    Record = "account-entry" // leads to an account, in the list of all
	RecordUser            Record = "user"
	RecordWorkspace       Record = "workspace"
	RecordNaming          Record = "naming" // orders what names workspaces, and their deletions
	RecordTemplateType    Record = "template-type"
	RecordFieldsVersion   Record = "fields-version"
	RecordTemplate        Record = "template"
	RecordContract        Record = "contract"
	RecordSession         Record = "session"          // of a participant
	RecordContractSession Record = "contract-session" // leads to a session
	RecordDeletion        Record = "deletion"         // of an account: the proof
	RecordPartner         Record = "partner"
	RecordPartnerKey      Record = "partner-key"
	RecordExtension       Record = "extension"
	RecordAuthored        Record = "authored" // leads from a partner to its extension
	RecordBlueprint       Record = "blueprint"
	RecordVersion         Record = "version"    // what became of a blueprint
	RecordSubmission      Record = "submission" // a version's place in the queue for review
	RecordDraft           Record = "draft"
	RecordLogo            Record = "logo"
	RecordTrial           Record = "trial"       // an account that sees an extension before it is listed
	RecordInvitation      Record = "invitation"  // an account that may come to, once an admin accepts
	RecordReservation     Record = "reservation" // a unique name: extension slug, extension type, user email
	RecordListing         Record = "listing"
	RecordLifecycle       Record = "lifecycle-secret"
	RecordInstallation    Record = "installation"
	RecordInstalled       Record = "installed" // a line of an extension's roster: an account that has it
	RecordRollout         Record = "rollout"
	RecordHandOff         Record = "hand-off"     // a code, until it is exchanged
	RecordConsoleLink     Record = "console-link" // lets a user into the console, until it is opened
	RecordCallback        Record = "callback"     // the id of one that had its effect
	RecordDaily           Record = "daily"        // an installation's place in the list of all
	RecordToken           Record = "token"
	RecordOwnToken        Record = "own-token"
	RecordWebhook         Record = "webhook"
	RecordRetiredWebhook  Record = "retired-webhook" // leads to the log of one that is gone
	RecordEvent           Record = "event"           // an outbox item: fanout hears of it
	RecordPending         Record = "pending"         // an outbox item that fanout has not sent on yet
	RecordPendingCursor   Record = "pending-cursor"  // how far those were swept
	RecordProvision       Record = "provision"       // an outbox item: provisioning hears of it
	// an outbox item: fanout sends a delivery again, or has a page of a replay worked
	RecordResend      Record = "resend"
	RecordReplay      Record = "replay"
	RecordReplaying   Record = "replaying" // a webhook's one place for a replay that runs
	RecordIdempotency Record = "idempotency"
	RecordDataKey     Record = "data-key"
	RecordQuotaUse    Record = "quota-use"
	RecordHealth      Record = "webhook-health"
	RecordAgent       Record = "agent"
	RecordAgentKey    Record = "agent-key"
	RecordAgentCode   Record = "agent-code"         // pairs an agent, once
	RecordRequests    Record = "requests"           // how many an account or partner made in some seconds
	RecordAttempt     Record = "attempt"            // in the deliveries table, as are all that follow
	RecordDue         Record = "due"                // a delivery that waits for its next attempt
	RecordDueCursor   Record = "due-cursor"         // how far those were swept
	RecordPace        Record = "pace"               // until when the turns to send to a webhook are taken
	RecordParked      Record = "parked"             // a delivery that waits for its webhook's breaker to close
	RecordStatistics  Record = "webhook-statistics" // a webhook's figures of one hour
	RecordTailed      Record = "tailed"             // a delivery that is kept for listeners
	RecordTailHead    Record = "tail-head"          // the number of the newest of those
	RecordLease       Record = "pull-lease"         // which agent may pull, and until when
	RecordWatched     Record = "watched"            // a webhook whose breaker opened, for which something may be parked
)

// Records is a list of them, as an operation declares it.
type Records []Record
