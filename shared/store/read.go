package store

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Reads by key. Each returns NotFound for an absent item.

func (s *Store) Account(ctx context.Context, id domain.AccountID) (domain.Account, error) {
	return get[domain.Account](ctx, s, accountKey(id), "account")
}

// Accounts is a page of all accounts by their ids, after an id; next is the id to continue after, empty at the end.
func (s *Store) Accounts(ctx context.Context, after domain.AccountID,
	most int) (all []domain.Account, next string, err error) {
	k, _ := keyOf(domain.AccountEntry{})
	entries, next, err := page[domain.AccountEntry](ctx, s, k.pk, "", string(after), most)
	if err != nil {
		return nil, "", err
	}
	keyed := make([]domain.Account, len(entries))
	for n, e := range entries {
		keyed[n] = domain.Account{ID: e.Account}
	}
	all, err = getAll(ctx, s, keyed)
	return slices.DeleteFunc(all, func(a domain.Account) bool { return a.ID == "" }), next, err
}

func (s *Store) User(ctx context.Context, a domain.AccountID, id domain.UserID) (domain.User, error) {
	return get[domain.User](ctx, s, userKey(a, id), "user")
}

// UserByEmail finds a user of the account by e-mail, whatever its case.
func (s *Store) UserByEmail(ctx context.Context, a domain.AccountID, email string) (domain.User, error) {
	r, err := get[reservation](ctx, s, emailKey(a, email), "user")
	if err != nil {
		return domain.User{}, err
	}
	return s.User(ctx, a, r.User)
}

func (s *Store) Workspace(ctx context.Context, a domain.AccountID, id domain.WorkspaceID) (domain.Workspace, error) {
	return get[domain.Workspace](ctx, s, workspaceKey(a, id), "workspace")
}

// Users is every user of an account.
func (s *Store) Users(ctx context.Context, a domain.AccountID) ([]domain.User, error) {
	return list[domain.User](ctx, s, accountKey(a).pk, "USER#")
}

func (s *Store) Workspaces(ctx context.Context, a domain.AccountID) ([]domain.Workspace, error) {
	return list[domain.Workspace](ctx, s, accountKey(a).pk, "WORKSPACE#")
}

func (s *Store) TemplateType(ctx context.Context, a domain.AccountID,
	id domain.TemplateTypeID) (domain.TemplateType, error) {
	return get[domain.TemplateType](ctx, s, templateTypeKey(a, id), "template type")
}

func (s *Store) TemplateTypes(ctx context.Context, a domain.AccountID) ([]domain.TemplateType, error) {
	return list[domain.TemplateType](ctx, s, accountKey(a).pk, "TEMPLATETYPE#")
}

func (s *Store) FieldsVersion(ctx context.Context, a domain.AccountID,
	id domain.TemplateTypeID) (domain.FieldsVersion, error) {
	return get[domain.FieldsVersion](ctx, s, fieldsKey(a, id), "template type")
}

func (s *Store) Template(ctx context.Context, a domain.AccountID, id domain.TemplateID) (domain.Template, error) {
	return get[domain.Template](ctx, s, templateKey(a, id), "template")
}

func (s *Store) Templates(ctx context.Context, a domain.AccountID) ([]domain.Template, error) {
	return list[domain.Template](ctx, s, accountKey(a).pk, "TEMPLATE#")
}

func (s *Store) Installation(ctx context.Context, a domain.AccountID,
	e domain.ExtensionID) (domain.Installation, error) {
	return get[domain.Installation](ctx, s, installationKey(a, e), "installation")
}

// Installations is every installation of the account by extension, including disabled ones.
func (s *Store) Installations(ctx context.Context,
	a domain.AccountID) (map[domain.ExtensionID]domain.Installation, error) {
	all, err := list[domain.Installation](ctx, s, accountKey(a).pk, "INSTALLATION#")
	if err != nil {
		return nil, err
	}
	by := make(map[domain.ExtensionID]domain.Installation, len(all))
	for _, i := range all {
		by[i.Extension] = i
	}
	return by, nil
}

func (s *Store) Webhook(ctx context.Context, a domain.AccountID, id domain.WebhookID) (domain.Webhook, error) {
	return get[domain.Webhook](ctx, s, webhookKey(a, id), "webhook")
}

func (s *Store) Webhooks(ctx context.Context, a domain.AccountID) ([]domain.Webhook, error) {
	all, _, err := s.WebhooksAndHealth(ctx, a)
	return all, err
}

// WebhooksAndHealth is every webhook of the account, and the health of the unhealthy ones.
func (s *Store) WebhooksAndHealth(ctx context.Context,
	a domain.AccountID) ([]domain.Webhook, map[domain.WebhookID]domain.Health, error) {
	return s.webhooks(ctx, a, "begins_with(sk, :from)", map[string]types.AttributeValue{":from": str("WEBHOOK#")})
}

// WebhookAndHealth reads a webhook and its health in one call, since every delivery needs both.
func (s *Store) WebhookAndHealth(ctx context.Context, a domain.AccountID,
	id domain.WebhookID) (domain.Webhook, domain.Health, error) {
	found, health, err := s.webhooks(ctx, a, "sk BETWEEN :from AND :to", map[string]types.AttributeValue{
		":from": str(webhookKey(a, id).sk), ":to": str(healthKey(a, id).sk),
	})
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "not-found", "There is no such webhook.")
	}
	if err != nil {
		return domain.Webhook{}, domain.Health{}, err
	}
	return found[0], health[id].Of(found[0]), nil
}

func (s *Store) webhooks(ctx context.Context, a domain.AccountID, condition string,
	values map[string]types.AttributeValue) ([]domain.Webhook, map[domain.WebhookID]domain.Health, error) {
	all, health := []domain.Webhook{}, map[domain.WebhookID]domain.Health{}
	err := s.each(ctx, accountKey(a).pk, condition, values, func(item map[string]types.AttributeValue) error {
		if textOf(item, recordAttribute) == string(domain.RecordHealth) {
			var h domain.Health
			err := unmarshal(item, &h)
			health[h.Webhook] = h
			return err
		}
		var w domain.Webhook
		err := unmarshal(item, &w)
		all = append(all, w)
		return err
	})
	return all, health, err
}

// Contract is NotFound for another account's contract too.
func (s *Store) Contract(ctx context.Context, a domain.AccountID, id domain.ContractID) (domain.Contract, error) {
	c, err := get[domain.Contract](ctx, s, contractKey(id), "contract")
	if err == nil && c.Account != a {
		return domain.Contract{}, fault.New(fault.NotFound, "not-found", "There is no such contract.")
	}
	return c, err
}

func (s *Store) Session(ctx context.Context, hash string) (domain.Session, error) {
	return get[domain.Session](ctx, s, sessionKey(hash), "session")
}

func (s *Store) ConsoleLink(ctx context.Context, hash string) (domain.ConsoleLink, error) {
	return get[domain.ConsoleLink](ctx, s, consoleLinkKey(hash), "console link")
}

func (s *Store) HandOff(ctx context.Context, hash string) (domain.HandOff, error) {
	return get[domain.HandOff](ctx, s, handOffKey(hash), "hand-off")
}

// Callback finds the record of a callback that had its effect.
func (s *Store) Callback(ctx context.Context, a domain.AccountID, e domain.ExtensionID, epoch int,
	id string) (domain.Callback, error) {
	return get[domain.Callback](ctx, s, callbackKey(a, e, epoch, id), "callback")
}

// Event finds an event while its outbox item lives, 30 days.
func (s *Store) Event(ctx context.Context, a domain.AccountID, c domain.ContractID,
	id domain.EventID) (events.Event, error) {
	return get[events.Event](ctx, s, eventKey(a, c, id), "event")
}

func (s *Store) Token(ctx context.Context, hash string) (domain.Token, error) {
	return get[domain.Token](ctx, s, tokenKey(hash), "token")
}

func (s *Store) OwnToken(ctx context.Context, a domain.AccountID, id domain.TokenID) (domain.OwnToken, error) {
	k, _ := keyOf(domain.OwnToken{Account: a, ID: id})
	return get[domain.OwnToken](ctx, s, k, "token")
}

func (s *Store) OwnTokens(ctx context.Context, a domain.AccountID) ([]domain.OwnToken, error) {
	return list[domain.OwnToken](ctx, s, accountKey(a).pk, "TOKEN#")
}

func (s *Store) Partner(ctx context.Context, id domain.PartnerID) (domain.Partner, error) {
	return get[domain.Partner](ctx, s, partnerKey(id), "partner")
}

func (s *Store) PartnerKey(ctx context.Context, hash string) (domain.PartnerKey, error) {
	return get[domain.PartnerKey](ctx, s, partnerKeyKey(hash), "partner key")
}

func (s *Store) Extension(ctx context.Context, id domain.ExtensionID) (domain.Extension, error) {
	return get[domain.Extension](ctx, s, extensionKey(id), "extension")
}

// Extensions is a page of all extensions, or of a partner's, after a place; next is the place to continue at, empty
// at the end.
func (s *Store) Extensions(ctx context.Context, of domain.PartnerID, after string,
	most int) (all []domain.Extension, next string, err error) {
	prefix := ""
	if of != "" {
		prefix = authoredKey(domain.Authored{Partner: of}).sk
	}
	authored, next, err := page[domain.Authored](ctx, s, authoredKey(domain.Authored{}).pk, prefix, after, most)
	if err != nil {
		return nil, "", err
	}
	keyed := make([]domain.Extension, len(authored))
	for n, a := range authored {
		keyed[n] = domain.Extension{ID: a.Extension}
	}
	all, err = getAll(ctx, s, keyed)
	return all, next, err
}

// Submissions is a page of the versions that wait for a review, the oldest first, like Extensions.
func (s *Store) Submissions(ctx context.Context, after string, most int) ([]domain.Submission, string, error) {
	return page[domain.Submission](ctx, s, submissionKey(domain.Submission{}).pk, "", after, most)
}

func (s *Store) Blueprint(ctx context.Context, e domain.ExtensionID, version int) (domain.Blueprint, error) {
	return get[domain.Blueprint](ctx, s, blueprintKey(e, version), "blueprint version")
}

func (s *Store) Version(ctx context.Context, e domain.ExtensionID, version int) (domain.BlueprintVersion, error) {
	return get[domain.BlueprintVersion](ctx, s, versionKey(e, version), "blueprint version")
}

// Versions is every version of the extension, the first submitted first.
func (s *Store) Versions(ctx context.Context, e domain.ExtensionID) ([]domain.BlueprintVersion, error) {
	return list[domain.BlueprintVersion](ctx, s, extensionKey(e).pk, "VERSION#")
}

func (s *Store) Draft(ctx context.Context, e domain.ExtensionID) (domain.BlueprintDraft, error) {
	return get[domain.BlueprintDraft](ctx, s, draftKey(e), "draft")
}

func (s *Store) Logo(ctx context.Context, e domain.ExtensionID) (domain.Logo, error) {
	return get[domain.Logo](ctx, s, logoKey(e), "logo")
}

func (s *Store) LifecycleSecret(ctx context.Context, e domain.ExtensionID) (domain.LifecycleSecret, error) {
	return get[domain.LifecycleSecret](ctx, s, lifecycleKey(e), "lifecycle secret")
}

func (s *Store) Trial(ctx context.Context, a domain.AccountID, e domain.ExtensionID) (domain.Trial, error) {
	return get[domain.Trial](ctx, s, trialKey(a, e), "trial")
}

// Trials is what the account may see although it is not listed.
func (s *Store) Trials(ctx context.Context, a domain.AccountID) ([]domain.Trial, error) {
	return list[domain.Trial](ctx, s, accountKey(a).pk, "TRIAL#")
}

func (s *Store) Invitation(ctx context.Context, a domain.AccountID, e domain.ExtensionID) (domain.Invitation, error) {
	return get[domain.Invitation](ctx, s, invitationKey(a, e), "invitation")
}

// Invitations is a page of those to the account, by extension, after that one; empty begins at the first.
func (s *Store) Invitations(ctx context.Context, a domain.AccountID, after domain.ExtensionID,
	most int) ([]domain.Invitation, error) {
	from := ""
	if after != "" {
		from = invitationKey(a, after).sk
	}
	some, _, err := page[domain.Invitation](ctx, s, accountKey(a).pk, invitationKey(a, "").sk, from, most)
	return some, err
}

func (s *Store) Replay(ctx context.Context, a domain.AccountID, w domain.WebhookID,
	id domain.ReplayID) (domain.Replay, error) {
	return get[domain.Replay](ctx, s, replayKey(a, w, id), "replay")
}

// Replays is every stored replay job of the webhook, the first created first.
func (s *Store) Replays(ctx context.Context, a domain.AccountID, w domain.WebhookID) ([]domain.Replay, error) {
	return list[domain.Replay](ctx, s, accountKey(a).pk, replayKey(a, w, "").sk)
}

// Replaying is the running replay job of the webhook.
func (s *Store) Replaying(ctx context.Context, a domain.AccountID, w domain.WebhookID) (domain.Replaying, error) {
	return get[domain.Replaying](ctx, s, replayingKey(a, w), "running replay")
}

// QuotaUses is the use of the account's quotas; a quota never used has none.
func (s *Store) QuotaUses(ctx context.Context, a domain.AccountID) ([]domain.QuotaUse, error) {
	return list[domain.QuotaUse](ctx, s, accountKey(a).pk, "QUOTA#")
}

func (s *Store) Listing(ctx context.Context, e domain.ExtensionID) (domain.Listing, error) {
	return get[domain.Listing](ctx, s, listingKey(e), "listing")
}

// Listings is a page of the catalogue, by extension, after that one; empty begins at the first.
func (s *Store) Listings(ctx context.Context, after domain.ExtensionID, most int) ([]domain.Listing, error) {
	from := ""
	if after != "" {
		from = listingKey(after).sk
	}
	some, _, err := page[domain.Listing](ctx, s, listingKey("").pk, listingKey("").sk, from, most)
	return some, err
}
