package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
)

// The headers that callers speak by, besides Authorization.
const (
	HeaderPlatformKey = "Plugboard-Platform-Key" // the platform's key
	HeaderAccount     = "Plugboard-Account"      // for which account the platform acts
	HeaderUser        = "Plugboard-User"         // for which user, by e-mail, an integration acts
)

// MaxUserHeader is the length of HeaderUser's value at most: an address of 254 characters, most of them encoded.
const MaxUserHeader = 1024

// Records is what the gate reads. Each returns NotFound for what is absent.
type Records interface {
	Account(ctx context.Context, id domain.AccountID) (domain.Account, error)
	User(ctx context.Context, a domain.AccountID, id domain.UserID) (domain.User, error)
	UserByEmail(ctx context.Context, a domain.AccountID, email string) (domain.User, error)
	Token(ctx context.Context, hash string) (domain.Token, error)
	TouchToken(ctx context.Context, hash string, at time.Time) error
	Installation(ctx context.Context, a domain.AccountID, e domain.ExtensionID) (domain.Installation, error)
	PartnerKey(ctx context.Context, hash string) (domain.PartnerKey, error)
	Session(ctx context.Context, hash string) (domain.Session, error)
	AgentKey(ctx context.Context, hash string) (domain.AgentKey, error)
	AgentCode(ctx context.Context, hash string) (domain.AgentCode, error)
	Contract(ctx context.Context, a domain.AccountID, id domain.ContractID) (domain.Contract, error)
	Callback(ctx context.Context, a domain.AccountID, e domain.ExtensionID, epoch int,
		id string) (domain.Callback, error)
}

// Identity checks a dashboard JWT: algorithm, signature, issuer, audience, expiry. Unavailable when it cannot; any
// other error means that the token proves nothing.
type Identity interface {
	Verify(ctx context.Context, jwt string) (domain.AccountID, domain.UserID, error)
}

// PlatformKeys tells whether a key is the platform's current or, while a rotation overlaps, previous one.
type PlatformKeys interface {
	Match(ctx context.Context, key string) (bool, error)
}

// Gate lets callers in by an operation's rules. Nothing is cached: a revoked token, a demoted user, a
// disabled installation and a deleted account are out with the next request.
type Gate struct {
	records  Records
	identity Identity
	platform PlatformKeys
	now      domain.Clock
	open     Opener   // nil where no operation takes callbacks
	limiter  *Limiter // nil where no caller is limited
}

// NewGate does not call AWS.
func NewGate(r Records, i Identity, p PlatformKeys, now domain.Clock) *Gate {
	return &Gate{records: r, identity: i, platform: p, now: now}
}

// Limiting has the gate refuse callers who ask too often.
func (g *Gate) Limiting(l *Limiter) *Gate {
	g.limiter = l
	return g
}

// Request is what the gate looks at: the headers; and of a callback the path's parameters and the body, as it came.
type Request struct {
	Header http.Header
	Param  func(name string) string
	Body   func() ([]byte, error) // TooLarge over the operation's limit
}

// Demand is what an operation asks of its callers.
type Demand struct {
	Rules      Rules
	ActingUser bool // an integration must name the user for whom it acts
}

// accountBound tells whether the operation is about one account, which its callers' credentials name, or,
// for the platform, a header does.
func (d Demand) accountBound() bool {
	_, dashboard := d.Rules.Of(ModelDashboard)
	_, integration := d.Rules.Of(ModelIntegration)
	return dashboard || integration
}

// Admit proves who calls and that the rules let them in.
//
// Where the credential is good, the caller is returned with a refusal too, for the log. Unauthenticated: no credential,
// two, or one that proves nothing. Throttled: the account or partner asks too often. Forbidden: a good credential of
// another model, or without the role or scope; `installation-suspended` for a suspended extension's token or callback.
// Invalid: the acting user or account that a header names does not exist, or is needed and not named.
func (g *Gate) Admit(ctx context.Context, r Request, d Demand) (Caller, error) {
	if _, public := d.Rules.Of(ModelPublic); public {
		return Caller{Model: ModelPublic, Principal: "public"}, nil
	}
	h := r.Header
	switch len(h.Values("Authorization")) + len(h.Values(HeaderPlatformKey)) + len(h.Values(HeaderCallbackSignature)) {
	case 0:
		return Caller{}, errUnauthenticated(nil)
	case 1:
	default:
		return Caller{}, fault.New(fault.Unauthenticated, "unauthenticated",
			"Send one credential, once: Authorization, %s or a signature.", HeaderPlatformKey)
	}
	caller, err := g.authenticate(ctx, r, d)
	if err != nil {
		return Caller{}, err
	}
	if g.limiter != nil {
		if err := g.limiter.admit(ctx, caller); err != nil {
			return caller, err
		}
	}
	rule, ok := d.Rules.Of(caller.Model)
	if !ok {
		return caller, fault.New(fault.Forbidden, "wrong-credential",
			"This needs a credential of: %s. Yours is of: %s.", d.Rules, caller.Model)
	}
	return caller, allow(caller, rule, d)
}

// authenticate proves by the one credential that the request has. A signature proves nothing where the path names no
// installation.
func (g *Gate) authenticate(ctx context.Context, r Request, d Demand) (Caller, error) {
	h := r.Header
	if keys := h.Values(HeaderPlatformKey); len(keys) == 1 {
		return g.platformCaller(ctx, keys[0], h, d)
	}
	if len(h.Values(HeaderCallbackSignature)) == 1 {
		if _, takes := d.Rules.Of(ModelWebhookSecret); !takes {
			return Caller{}, errUnauthenticated(nil)
		}
		return g.callbackCaller(ctx, r)
	}
	scheme, credential, _ := strings.Cut(h.Get("Authorization"), " ")
	switch {
	case !strings.EqualFold(scheme, "Bearer"): // whose case does not count (RFC 9110, 11.1)
		return Caller{}, errUnauthenticated(nil)
	case strings.HasPrefix(credential, secret.TokenPrefix):
		return g.integrationCaller(ctx, credential, h)
	case strings.HasPrefix(credential, secret.PartnerKeyPrefix):
		return g.partnerCaller(ctx, credential)
	case strings.HasPrefix(credential, secret.SessionPrefix):
		return g.participantCaller(ctx, credential)
	case strings.HasPrefix(credential, secret.AgentPrefix):
		return g.agentCaller(ctx, credential)
	case strings.HasPrefix(credential, secret.AgentCodePrefix):
		return g.agentCodeCaller(ctx, credential)
	default:
		return g.dashboardCaller(ctx, credential)
	}
}

// allow asks for what the rule demands beyond its model.
func allow(c Caller, r Rule, d Demand) error {
	switch {
	case c.Model == ModelDashboard && !c.User.Role.AtLeast(r.Role):
		return fault.New(fault.Forbidden, "missing-role", "This needs the role %s; yours is %s.", r.Role, c.User.Role)
	case c.Model == ModelIntegration && !hasScope(c.Token, r.Scope):
		return fault.New(fault.Forbidden, "missing-scope", "This needs a token with the scope %s.", r.Scope)
	case c.Model == ModelIntegration && d.ActingUser && c.User == nil:
		return headerFault(HeaderUser, "required", "Name the user for whom you act, by e-mail.")
	}
	return nil
}

func hasScope(t *domain.Token, want domain.Scope) bool {
	if want == domain.AnyScope {
		return true
	}
	for _, s := range t.Scopes {
		if s == want {
			return true
		}
	}
	return false
}

func (g *Gate) platformCaller(ctx context.Context, key string, h http.Header, d Demand) (Caller, error) {
	match, err := g.platform.Match(ctx, key)
	switch {
	case err != nil:
		return Caller{}, fault.Wrap(err, "read the platform's keys")
	case !match:
		return Caller{}, errUnauthenticated(nil)
	}
	caller := Caller{Model: ModelPlatform, Principal: "platform", KeyPrint: keyPrint(key)}
	if _, ok := d.Rules.Of(ModelPlatform); !ok || !d.accountBound() {
		return caller, nil
	}
	if len(h.Values(HeaderAccount)) > 1 {
		return Caller{}, headerFault(HeaderAccount, "repeated", "Send this header once.")
	}
	caller.Account = domain.AccountID(h.Get(HeaderAccount))
	if caller.Account == "" {
		return Caller{}, headerFault(HeaderAccount, "required", "Name the account for which you act.")
	}
	account, err := domain.Account{}, error(nil)
	if caller.Account.Possible() { // else none has it
		account, err = g.records.Account(ctx, caller.Account)
	}
	if fault.KindOf(err) == fault.NotFound || err == nil && !account.Living() {
		return Caller{}, headerFault(HeaderAccount, "unknown-account", "There is no such account.")
	}
	return caller, err
}

func (g *Gate) dashboardCaller(ctx context.Context, jwt string) (Caller, error) {
	account, subject, err := g.identity.Verify(ctx, jwt)
	switch {
	case fault.KindOf(err) == fault.Unavailable:
		return Caller{}, err
	case err != nil:
		return Caller{}, errUnauthenticated(err)
	}
	if !account.Possible() || !subject.Possible() {
		return Caller{}, errUnauthenticated(nil)
	}
	living := g.living(ctx, account)
	user, err := g.records.User(ctx, account, subject)
	if err = errors.Join(living(), unauthenticatedWhenAbsent(err)); err != nil {
		return Caller{}, err
	}
	return Caller{Model: ModelDashboard, Account: account, User: &user, Principal: "user:" + string(account) + "/" +
		string(subject)}, nil
}

// integrationCaller lets in an account's own token, and an extension's while its installation is enabled and
// still of the token's epoch.
func (g *Gate) integrationCaller(ctx context.Context, credential string, h http.Header) (Caller, error) {
	if !secret.WellFormed(credential, secret.TokenPrefix) {
		return Caller{}, errUnauthenticated(nil)
	}
	token, err := g.records.Token(ctx, secret.Hash(credential))
	if err != nil {
		return Caller{}, unauthenticatedWhenAbsent(err)
	}
	if ended(token.ExpiresAt, g.now) {
		return Caller{}, errUnauthenticated(nil)
	}
	living := g.living(ctx, token.Account)
	if err := g.installed(ctx, token.Account, token.Extension, token.Epoch); err != nil {
		return Caller{}, err
	}
	if err := living(); err != nil {
		return Caller{}, err
	}
	if now := g.now(); now.Sub(token.LastUsedAt) >= domain.TokenUseKept {
		if err := g.records.TouchToken(ctx, token.Hash, now); err != nil {
			return Caller{}, err
		}
	}
	caller := Caller{Model: ModelIntegration, Account: token.Account, Token: &token,
		Principal: "token:" + string(token.ID)}
	if len(h.Values(HeaderUser)) > 1 {
		return Caller{}, headerFault(HeaderUser, "repeated", "Send this header once.")
	}
	if value := h.Get(HeaderUser); value != "" {
		user, err := g.actingUser(ctx, token.Account, value)
		if fault.KindOf(err) == fault.NotFound {
			return Caller{}, headerFault(HeaderUser, "unknown-user", "The account has no user with this e-mail.")
		}
		if err != nil {
			return Caller{}, err
		}
		caller.User = &user
	}
	return caller, nil
}

// actingUser is whom the header names. NotFound for no e-mail, too: a key of any length is more than the store takes.
func (g *Gate) actingUser(ctx context.Context, a domain.AccountID, value string) (domain.User, error) {
	email, ok := domain.EmailInHeader(value)
	if !ok || len(value) > MaxUserHeader {
		return domain.User{}, fault.New(fault.NotFound, "not-found", "This is no e-mail.")
	}
	return g.records.UserByEmail(ctx, a, email)
}

func suspended(i domain.Installation) error {
	return fault.New(fault.Forbidden, "installation-suspended", "The extension %q is suspended in this account.",
		i.Extension)
}

// installed holds a token of an extension, or a session that it opened, to the epoch of the installation (design rule
// 5). It reads nothing where no extension is involved.
func (g *Gate) installed(ctx context.Context, a domain.AccountID, e domain.ExtensionID, epoch int) error {
	if e == "" {
		return nil
	}
	installation, err := g.records.Installation(ctx, a, e)
	switch {
	case err != nil:
		return unauthenticatedWhenAbsent(err)
	case installation.Epoch != epoch:
		return errUnauthenticated(nil)
	case installation.State == domain.Suspended:
		return suspended(installation)
	case !installation.Installed():
		return errUnauthenticated(nil)
	}
	return nil
}

func (g *Gate) partnerCaller(ctx context.Context, credential string) (Caller, error) {
	if !secret.WellFormed(credential, secret.PartnerKeyPrefix) {
		return Caller{}, errUnauthenticated(nil)
	}
	key, err := g.records.PartnerKey(ctx, secret.Hash(credential))
	if err != nil {
		return Caller{}, unauthenticatedWhenAbsent(err)
	}
	if ended(key.ExpiresAt, g.now) {
		return Caller{}, errUnauthenticated(nil)
	}
	return Caller{Model: ModelPartner, Partner: key.Partner, Principal: "partner:" + string(key.Partner),
		KeyPrint: keyPrint(credential)}, nil
}

// participantCaller admits a session until it ends, while its contract is open and has the participant, and while the
// installation of the extension that opened it is enabled. A session whose contract was signed or declined is
// admitted too, so that a repeated request finds its recorded answer by its Idempotency-Key. Nothing else is left for
// it: the services ask Session.Lives again when they read the contract.
func (g *Gate) participantCaller(ctx context.Context, credential string) (Caller, error) {
	if !secret.WellFormed(credential, secret.SessionPrefix) {
		return Caller{}, errUnauthenticated(nil)
	}
	session, err := g.records.Session(ctx, secret.Hash(credential))
	if err != nil {
		return Caller{}, unauthenticatedWhenAbsent(err)
	}
	if ended(session.EndsAt, g.now) {
		return Caller{}, errUnauthenticated(nil)
	}
	living := g.living(ctx, session.Account)
	if err := g.installed(ctx, session.Account, session.Extension, session.Epoch); err != nil {
		return Caller{}, err
	}
	c, err := g.records.Contract(ctx, session.Account, session.Contract)
	if err = errors.Join(living(), unauthenticatedWhenAbsent(err)); err != nil {
		return Caller{}, err
	}
	decided := (c.State == domain.Signed || c.State == domain.Declined) && c.Participant(session.Participant) >= 0
	if !decided && !session.Lives(c) {
		return Caller{}, errUnauthenticated(nil)
	}
	return Caller{Model: ModelParticipant, Account: session.Account, Session: &session,
		Principal: "session:" + string(session.ID)}, nil
}

// living starts to read the credential's account, concurrently with the next read. The returned function waits for
// the result: Unauthenticated when the account is being deleted. The read is needed on each request, because one
// transaction cannot end all credentials of an account.
func (g *Gate) living(ctx context.Context, id domain.AccountID) func() error {
	read := make(chan error, 1)
	go func() {
		a, err := g.records.Account(ctx, id)
		switch {
		case err != nil:
			err = unauthenticatedWhenAbsent(err)
		case !a.Living():
			err = errUnauthenticated(nil)
		}
		read <- err
	}()
	return func() error { return <-read }
}

// ErrEnded is the answer to a session whose contract is final. It equals the answer to any invalid credential.
func ErrEnded() error { return errUnauthenticated(nil) }

func unauthenticatedWhenAbsent(err error) error {
	if fault.KindOf(err) == fault.NotFound {
		return errUnauthenticated(err)
	}
	return err
}

func headerFault(header, code, detail string) error {
	return fault.InvalidFields([]fault.Field{{Pointer: "header." + header, Code: code, Detail: detail}})
}
