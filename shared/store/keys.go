package store

import (
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
)

// Every key is built here. Access patterns of the accounts table:
//
//	pk                    sk                      record          read by
//	ACCOUNT#<id>          ACCOUNT                 account         id
//	ACCOUNT#<id>          USER#<id>               user            account and subject; all of an account
//	ACCOUNT#<id>          EMAIL#<folded>          reservation     who in the account has that e-mail
//	ACCOUNT#<id>          WORKSPACE#<id>          workspace       id; all of an account
//	ACCOUNT#<id>          NAMING                  naming          condition-checked: workspace named or deleted
//	ACCOUNT#<id>          TEMPLATETYPE#<id>       template-type   id; all of an account
//	ACCOUNT#<id>          FIELDS#<type id>        fields-version  condition-checked by a contract's creation
//	ACCOUNT#<id>          FIELDS#<type id>#<n>    fields-version  one of the copies of its version
//	ACCOUNT#<id>          TEMPLATE#<id>           template        id; all of an account
//	ACCOUNT#<id>          INSTALLATION#<ext>      installation    extension; all of an account
//	ACCOUNT#<id>          WEBHOOK#<id>            webhook         id; all of an account, by fanout
//	ACCOUNT#<id>          WEBHOOK#<id>#HEALTH     webhook-health  with its webhook, in one read; absent while healthy
//	ACCOUNT#<id>          RETIRED#<webhook id>    retired-webhook the erasure of an account, for the delivery log
//	ACCOUNT#<id>          TOKEN#<id>              own-token       id; all of an account
//	ACCOUNT#<id>          TRIAL#<ext>             trial           extension; all of an account, for its catalogue
//	ACCOUNT#<id>          INVITATION#<ext>        invitation      extension; all of an account, in pages
//	ACCOUNT#<id>          QUOTA#<name>            quota-use       all of an account; condition-checked on creation
//	ACCOUNT#<id>          EVENT#<id>              event           fanout (stream); delivery, when over a message
//	ACCOUNT#<id>          PROVISION#<id>          provision       fanout (stream)
//	ACCOUNT#<id>#EVENTS#<shard>  EVENT#<known by> event           the same, of contracts kept elsewhere
//	PENDING#<yyyy-mm-ddThh>#<shard>  <time>#<sk>  pending         fanout; redelivery, when over a minute old
//	PENDING               CURSOR                  pending-cursor  redelivery: the oldest hour that may hold something
//	ACCOUNT#<id>          RESEND#<id>             resend          fanout (stream)
//	ACCOUNT#<id>          REPLAY#<webhook>#<id>   replay          id; all of a webhook
//	ACCOUNT#<id>          REPLAYING#<webhook>     replaying       webhook; taken by the replay that runs
//	SCHEDULE              PROVISION#<id>          provision       the same, of a daily check
//	DAILY#<shard>         <derived id>            daily           all of a shard, by a daily check
//	CONTRACT#<id>         CONTRACT                contract        id (an item names its account, checked on read)
//	CONTRACT#<id>         EVENT#<id>              event           as above
//	CONTRACT#<id>         SESSION#<sha256>        contract-session the erasing of an account
//	DELETION#<account>    <id>                    deletion        account, the newest
//	TOKEN#<sha256>        TOKEN                   token           hash of the presented token
//	SESSION#<sha256>      SESSION                 session         hash of the presented session token
//	HANDOFF#<sha256>      HANDOFF                 hand-off        hash of the code, when it is exchanged
//	LINK#<sha256>         LINK                    console-link    hash of the code, when the link is opened
//	CALLBACK#<sha256>     CALLBACK                callback        installation, epoch and webhook-id
//	PARTNER#<id>          PARTNER                 partner         id
//	PARTNERKEY#<sha256>   PARTNERKEY              partner-key     hash of the presented key
//	EXTENSION#<slug>      EXTENSION               extension       slug
//	EXTENSION#<slug>      BLUEPRINT#<version>     blueprint       version, zero-padded
//	EXTENSION#<slug>      VERSION#<version>       version         version; all of an extension
//	EXTENSION#<slug>      DRAFT                   draft           extension
//	EXTENSION#<slug>      LOGO                    logo            extension
//	EXTENSION#<slug>      LIFECYCLE               lifecycle-secret  extension, by delivery
//	EXTENSION#<slug>      INSTALLED#<account>     installed       all of an extension, in pages, by its roll-outs
//	EXTENSION#<slug>      ROLLOUT#<id>            rollout         id; all of an extension
//	EXTENSION#<slug>      PROVISION#<id>          provision       a roll-out's; fanout (stream)
//	ACCOUNTS              <account>               account-entry   all, in pages, for the platform
//	CATALOGUE             EXTENSION#<slug>        listing         all, in pages, for the catalogue
//	EXTENSIONS            <partner>#<slug>        authored        all, in pages; all of a partner
//	SUBMISSIONS           <time>#<slug>#<version>  submission     all, in pages, the oldest first
//	ACCOUNT#<id>#IDEMPOTENCY#<shard>  <sha256>    idempotency     caller, operation, Idempotency-Key; erasure
//	IDEMPOTENCY#<sha256>  IDEMPOTENCY             idempotency     the same, where the request names no account
//	ACCOUNT#<id>          AGENT#<webhook>#<id>    agent           all of a webhook
//	AGENTKEY#<sha256>     AGENTKEY                agent-key       hash of the presented key
//	AGENTCODE#<sha256>    AGENTCODE               agent-code      hash of the presented code
//	REQUESTS#<caller>     <unix time>             requests        the gate, for the limit of an account or partner
//	DATAKEY#<yyyy-mm>     DATAKEY                 data-key        month of a sealed secret
//
// A contract and its events have a partition of their own, because a partition key takes 1,000 writes a second,
// whatever the table's capacity.
//
// The recorded answers of an account have four partitions of their own, so that its erasing finds them.
//
// An extension's roster is one partition, sorted by account. A line has under 200 bytes and is written when someone
// enables or disables the extension, so 1,000 a second are far away. A page of 20 is one or two read units. The roster
// only names accounts: an installation's state is read from the installation.
//
// The accounts table's index of contracts:
//
//	contracts_pk                    contracts_sk    holds              read by
//	ACCOUNT#<id>#<shard>            <id>            ContractSummary    all of an account, newest first, filtered
//	ACCOUNT#<id>#<shard>#DELETED    <id>            ContractSummary    erasure, for deleted contracts
//
// Every change of a contract is written to the index too, and a full partition of an index delays the table's writes.
// So an account has four partitions, by contract: 4,000 changes a second, for four queries a page, merged by id.
// Filters are applied after reading: a key per filter would multiply the writes, while pages are rare and read by
// people. The index holds the summary and not the values, which keeps an entry under 1 KB, one write unit. Its reads
// are eventually consistent: a new contract may be missing for a moment.
//
// The deliveries table:
//
//	pk                                  sk                                 record    read by
//	WEBHOOK#<id>#<yyyy-mm-dd>#<shard>   <event id>#<attempt>#<a unique>    attempt   webhook and day; delivery
//	WEBHOOK#<id>#<yyyy-mm-dd>#<shard>   <event id>#~#<attempt>#<a unique>  attempt   a listener's line, of a delivery
//
//	DUE#<yyyy-mm-ddThh>#<shard>         <time>#<delivery id>#<attempt>     due       redelivery, oldest first
//	DUE                                 CURSOR                             due-cursor  redelivery
//	PACE#<webhook id>                   PACE                               pace      delivery, to reserve turns
//	STATISTICS#<webhook id>             <yyyy-mm-ddThh>                    webhook-statistics  the hours of a webhook
//	PARKED#<webhook>#<shard>            <event time>#<delivery id>#<attempt>#…  parked    webhook, oldest first
//	WATCHED                             <account>#<webhook>                watched   all, by redelivery
//	PULL#<webhook>                      TAIL#<number>                      tailed    listeners, in their order
//	PULL#<webhook>                      HEAD                               tail-head  fanout, replay
//	PULL#<webhook>                      LEASE                              pull-lease  taken by one agent at a time
//
// and its index of failed attempts:
//
//	pk                                  unsent_sk                          holds     read by
//	WEBHOOK#<id>#<yyyy-mm-dd>#<shard>   as sk                              failed attempts  webhook and day
//
// Only lines that are no success have the index's key. So a successful first attempt stays one small item, and a
// failure costs a second write unit. The state of a delivery found by the index derives from all of its lines.
//
// The day is the event's. The shard is one of four by the event: a busy webhook has four partitions, and the attempts
// of one delivery share one. Event ids rise with time, and attempts are zero-padded. The unique end keeps the line of
// an attempt that ran twice from overwriting the first.
type key struct{ pk, sk string }

// reservation makes a name unique: an item whose key is the name.
type reservation struct {
	Account domain.AccountID `json:"account_id"`
	Email   string           `json:"email"`
	User    domain.UserID    `json:"user_id"`
}

// keyOf is the key and the record of a stored value. A type missing here is a programming error that the first test
// which stores it finds.
func keyOf(v any) (key, domain.Record) {
	switch v := v.(type) {
	case domain.Account:
		return accountKey(v.ID), domain.RecordAccount
	case domain.AccountEntry:
		return key{"ACCOUNTS", string(v.Account)}, domain.RecordAccountEntry
	case domain.User:
		return userKey(v.Account, v.ID), domain.RecordUser
	case reservation:
		return emailKey(v.Account, v.Email), domain.RecordReservation
	case domain.Workspace:
		return workspaceKey(v.Account, v.ID), domain.RecordWorkspace
	case domain.TemplateType:
		return templateTypeKey(v.Account, v.ID), domain.RecordTemplateType
	case domain.Naming:
		return namingKey(v.Account), domain.RecordNaming
	case domain.FieldsVersion:
		return fieldsKey(v.Account, v.TemplateType), domain.RecordFieldsVersion
	case domain.Template:
		return templateKey(v.Account, v.ID), domain.RecordTemplate
	case domain.Installation:
		return installationKey(v.Account, v.Extension), domain.RecordInstallation
	case domain.Installed:
		return rosterKey(v.Extension, v.Account), domain.RecordInstalled
	case domain.Rollout:
		return rolloutKey(v.Extension, v.ID), domain.RecordRollout
	case Daily:
		return dailyKey(v.Account, v.Extension), domain.RecordDaily
	case domain.Webhook:
		return webhookKey(v.Account, v.ID), domain.RecordWebhook
	case domain.Health:
		return healthKey(v.Account, v.Webhook), domain.RecordHealth
	case domain.Contract:
		return contractKey(v.ID), domain.RecordContract
	case domain.OwnToken:
		return inAccount(v.Account, "TOKEN", string(v.ID)), domain.RecordOwnToken
	case domain.Token:
		return tokenKey(v.Hash), domain.RecordToken
	case domain.ContractSession:
		return key{contractKey(v.Contract).pk, "SESSION#" + v.Hash}, domain.RecordContractSession
	case domain.Deletion:
		return deletionKey(v.Account, v.ID), domain.RecordDeletion
	case domain.RetiredWebhook:
		return inAccount(v.Account, "RETIRED", string(v.ID)), domain.RecordRetiredWebhook
	case domain.Session:
		return sessionKey(v.Hash), domain.RecordSession
	case domain.HandOff:
		return handOffKey(v.Hash), domain.RecordHandOff
	case domain.ConsoleLink:
		return consoleLinkKey(v.Hash), domain.RecordConsoleLink
	case domain.Callback:
		return callbackKey(v.Account, v.Extension, v.Epoch, v.ID), domain.RecordCallback
	case domain.Partner:
		return partnerKey(v.ID), domain.RecordPartner
	case domain.PartnerKey:
		return partnerKeyKey(v.Hash), domain.RecordPartnerKey
	case domain.Extension:
		return extensionKey(v.ID), domain.RecordExtension
	case domain.Authored:
		return authoredKey(v), domain.RecordAuthored
	case domain.Submission:
		return submissionKey(v), domain.RecordSubmission
	case domain.Blueprint:
		return blueprintKey(v.Extension, v.Version), domain.RecordBlueprint
	case domain.BlueprintVersion:
		return versionKey(v.Extension, v.Version), domain.RecordVersion
	case domain.BlueprintDraft:
		return draftKey(v.Extension), domain.RecordDraft
	case domain.Logo:
		return logoKey(v.Extension), domain.RecordLogo
	case domain.LifecycleSecret:
		return lifecycleKey(v.Extension), domain.RecordLifecycle
	case domain.Trial:
		return trialKey(v.Account, v.Extension), domain.RecordTrial
	case domain.Invitation:
		return invitationKey(v.Account, v.Extension), domain.RecordInvitation
	case domain.QuotaUse:
		return inAccount(v.Account, "QUOTA", string(v.Quota)), domain.RecordQuotaUse
	case domain.Listing:
		return listingKey(v.Extension), domain.RecordListing
	case events.Event:
		return eventKey(v.Account, v.Contract, v.ID), domain.RecordEvent
	case events.Provision:
		if v.Rollout != nil {
			return key{extensionKey(v.Rollout.Extension).pk, "PROVISION#" + v.ID}, domain.RecordProvision
		}
		if v.Account == "" {
			return key{"SCHEDULE", "PROVISION#" + v.ID}, domain.RecordProvision
		}
		return key{"ACCOUNT#" + string(v.Account), "PROVISION#" + v.ID}, domain.RecordProvision
	case events.Resend:
		return inAccount(v.Account, "RESEND", v.ID), domain.RecordResend
	case domain.Replay:
		return replayKey(v.Account, v.Webhook, v.ID), domain.RecordReplay
	case domain.Replaying:
		return replayingKey(v.Account, v.Webhook), domain.RecordReplaying
	case domain.Agent:
		return agentKey(v.Account, v.Webhook, v.ID), domain.RecordAgent
	case domain.AgentKey:
		return key{"AGENTKEY#" + v.Hash, "AGENTKEY"}, domain.RecordAgentKey
	case domain.AgentCode:
		return key{"AGENTCODE#" + v.Hash, "AGENTCODE"}, domain.RecordAgentCode
	case DataKey:
		return key{"DATAKEY#" + v.Month, "DATAKEY"}, domain.RecordDataKey
	case elsewhere:
		return key{claimPartition(v.Account, int(crc32.ChecksumIEEE([]byte(v.Key))%claimShards)), v.Key},
			domain.RecordIdempotency
	case claim:
		if v.Account != "" {
			return key{claimPartition(v.Account, int(crc32.ChecksumIEEE([]byte(v.Key))%claimShards)), v.Key},
				domain.RecordIdempotency
		}
		return key{"IDEMPOTENCY#" + v.Key, "IDEMPOTENCY"}, domain.RecordIdempotency
	default:
		panic(fmt.Sprintf("store: no key for a %T", v))
	}
}

func deletionKey(a domain.AccountID, id string) key { return key{"DELETION#" + string(a), id} }

func accountKey(id domain.AccountID) key { return key{"ACCOUNT#" + string(id), "ACCOUNT"} }

func inAccount(id domain.AccountID, kind, name string) key {
	return key{"ACCOUNT#" + string(id), kind + "#" + name}
}

func userKey(a domain.AccountID, id domain.UserID) key { return inAccount(a, "USER", string(id)) }
func emailKey(a domain.AccountID, email string) key {
	return inAccount(a, "EMAIL", domain.EmailIdentity(email))
}
func namingKey(a domain.AccountID) key { return key{accountKey(a).pk, "NAMING"} }

func workspaceKey(a domain.AccountID, id domain.WorkspaceID) key {
	return inAccount(a, "WORKSPACE", string(id))
}
func templateTypeKey(a domain.AccountID, id domain.TemplateTypeID) key {
	return inAccount(a, "TEMPLATETYPE", string(id))
}
func fieldsKey(a domain.AccountID, id domain.TemplateTypeID) key {
	return inAccount(a, "FIELDS", string(id))
}

// fieldsCopyKey is a copy of the version at fieldsKey; copy 0 is that item itself.
func fieldsCopyKey(a domain.AccountID, id domain.TemplateTypeID, n int) key {
	k := fieldsKey(a, id)
	if n > 0 {
		k.sk += fmt.Sprintf("#%d", n)
	}
	return k
}
func templateKey(a domain.AccountID, id domain.TemplateID) key {
	return inAccount(a, "TEMPLATE", string(id))
}
func installationKey(a domain.AccountID, e domain.ExtensionID) key {
	return inAccount(a, "INSTALLATION", string(e))
}
func webhookKey(a domain.AccountID, id domain.WebhookID) key {
	return inAccount(a, "WEBHOOK", string(id))
}
func healthKey(a domain.AccountID, id domain.WebhookID) key {
	return inAccount(a, "WEBHOOK", string(id)+"#HEALTH")
}
func replayKey(a domain.AccountID, w domain.WebhookID, id domain.ReplayID) key {
	return inAccount(a, "REPLAY", string(w)+"#"+string(id))
}
func replayingKey(a domain.AccountID, w domain.WebhookID) key {
	return inAccount(a, "REPLAYING", string(w))
}
func contractKey(id domain.ContractID) key { return key{"CONTRACT#" + string(id), "CONTRACT"} }

func eventKey(a domain.AccountID, c domain.ContractID, id domain.EventID) key {
	if known := id.External(); known != "" {
		return key{externalPartition(a, int(crc32.ChecksumIEEE([]byte(known))%externalShards)), "EVENT#" + known}
	}
	if c != "" {
		return key{"CONTRACT#" + string(c), "EVENT#" + string(id)}
	}
	return inAccount(a, "EVENT", string(id))
}

// externalShards spread an account's external events over partitions: each takes 1,000 write units a second.
const externalShards = 8

func externalPartition(a domain.AccountID, shard int) string {
	return fmt.Sprintf("ACCOUNT#%s#EVENTS#%d", a, shard)
}

func tokenKey(hash string) key              { return key{"TOKEN#" + hash, "TOKEN"} }
func sessionKey(hash string) key            { return key{"SESSION#" + hash, "SESSION"} }
func handOffKey(hash string) key            { return key{"HANDOFF#" + hash, "HANDOFF"} }
func consoleLinkKey(hash string) key        { return key{"LINK#" + hash, "LINK"} }
func partnerKey(id domain.PartnerID) key    { return key{"PARTNER#" + string(id), "PARTNER"} }
func partnerKeyKey(hash string) key         { return key{"PARTNERKEY#" + hash, "PARTNERKEY"} }
func extensionKey(e domain.ExtensionID) key { return key{"EXTENSION#" + string(e), "EXTENSION"} }
func authoredKey(a domain.Authored) key {
	return key{"EXTENSIONS", string(a.Partner) + "#" + string(a.Extension)}
}
func submissionKey(s domain.Submission) key {
	return key{"SUBMISSIONS", fmt.Sprintf("%s#%s#%06d", s.SubmittedAt.UTC().Format(dueTime), s.Extension, s.Version)}
}
func blueprintKey(e domain.ExtensionID, version int) key {
	return key{"EXTENSION#" + string(e), fmt.Sprintf("BLUEPRINT#%06d", version)}
}
func versionKey(e domain.ExtensionID, version int) key {
	return key{"EXTENSION#" + string(e), fmt.Sprintf("VERSION#%06d", version)}
}
func draftKey(e domain.ExtensionID) key     { return key{"EXTENSION#" + string(e), "DRAFT"} }
func logoKey(e domain.ExtensionID) key      { return key{"EXTENSION#" + string(e), "LOGO"} }
func lifecycleKey(e domain.ExtensionID) key { return key{"EXTENSION#" + string(e), "LIFECYCLE"} }

// callbackKey is a partition of its own for each callback, so that a busy partner does not fill its account's
// partition. The id is the sender's, of any length and content, and so it is hashed.
func callbackKey(a domain.AccountID, e domain.ExtensionID, epoch int, id string) key {
	parts := fmt.Sprintf("%q %q %d %q", a, e, epoch, id)
	return key{fmt.Sprintf("CALLBACK#%x", sha256.Sum256([]byte(parts))), "CALLBACK"}
}

func rosterKey(e domain.ExtensionID, a domain.AccountID) key {
	return key{extensionKey(e).pk, "INSTALLED#" + string(a)}
}
func rolloutKey(e domain.ExtensionID, id domain.RolloutID) key {
	return key{extensionKey(e).pk, "ROLLOUT#" + string(id)}
}
func trialKey(a domain.AccountID, e domain.ExtensionID) key {
	return inAccount(a, "TRIAL", string(e))
}
func invitationKey(a domain.AccountID, e domain.ExtensionID) key {
	return inAccount(a, "INVITATION", string(e))
}
func listingKey(e domain.ExtensionID) key { return key{"CATALOGUE", "EXTENSION#" + string(e)} }

func requestsKey(caller string, window time.Time) key {
	return key{"REQUESTS#" + caller, strconv.FormatInt(window.Unix(), 10)}
}

func agentKey(a domain.AccountID, w domain.WebhookID, id domain.AgentID) key {
	return inAccount(a, "AGENT", string(w)+"#"+string(id))
}

func paceKey(w domain.WebhookID) key { return key{"PACE#" + string(w), "PACE"} }

const (
	attemptShards = 4
	attemptsKept  = 30 * 24 * time.Hour
	outboxKept    = 30 * 24 * time.Hour
)

// A listener's line comes after the attempts, so that reading those does not read it.
func attemptKey(a domain.Attempt, unique string) key {
	from := string(a.Event) + "#"
	if a.Listener != "" {
		from = listenersOf(a.Event)
	}
	return key{attemptPartition(a.Webhook, a.EventDay, shardOf(a.Event)), from + fmt.Sprintf("%03d", a.Number) + "#" +
		unique}
}

// listenersOf sorts after endOf the event.
func listenersOf(e domain.EventID) string { return string(e) + "#~#" }

func attemptPartition(w domain.WebhookID, day string, shard int) string {
	return "WEBHOOK#" + string(w) + "#" + day + "#" + strconv.Itoa(shard)
}

const contractShards = 4

func contractPartition(a domain.AccountID, shard int) string {
	return fmt.Sprintf("ACCOUNT#%s#%d", a, shard)
}

// indexed is v's key in the index; empty for a value that the index does not hold.
func indexed(v any) key {
	c, ok := v.(domain.Contract)
	if !ok {
		return key{}
	}
	shard := int(crc32.ChecksumIEEE([]byte(c.ID)) % contractShards)
	if c.State == domain.Deleted {
		return key{deletedPartition(c.Account, shard), string(c.ID)}
	}
	return key{contractPartition(c.Account, shard), string(c.ID)}
}

func shardOf(e domain.EventID) int {
	return int(crc32.ChecksumIEEE([]byte(e)) % attemptShards)
}
