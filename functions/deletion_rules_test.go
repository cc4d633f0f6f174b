package functions_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"plugboard/events"
	"plugboard/functions/provisioning"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
)

// Rule 27, its second half: an account is deleted, and nothing is left but the proof.

const planted = "PLANTED-4711"

// doomed is a scene whose account has one of everything that can be erased, the planted value in all that people write.
func doomed(w *world) *scene {
	s := newScene(w)
	for _, by := range []who{s.agent, s.ownToken} { // a lease, and what is kept for listeners
		s.want(s.call(by, "POST", "/v1/webhooks/"+s.agentHook+"/pull", object{}), 200)
	}
	s.want(s.call(s.admin, "POST", "/v1/webhooks/"+s.agentHook+"/test", object{"event_type": "webhook.ping"}), 202)
	s.settle()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600") // so that what follows waits in the table
		w.WriteHeader(500)
		fmt.Fprint(w, "no customer ", planted)
	}))
	s.t.Cleanup(refusing.Close)
	keyed := s.admin.with("Idempotency-Key", "an answer is kept")
	s.want(s.call(platform.with("Idempotency-Key", "another"), "PUT", "/v1/accounts/customer/users/pia",
		object{"email": planted + "@customer.test", "name": planted, "role": "member", "workspaces": []string{}}), 200)
	s.want(s.call(platform.with("Idempotency-Key", "and another"), "PUT", "/v1/accounts/customer",
		object{"name": planted}), 200)
	s.want(s.call(platform.with("Idempotency-Key", "one more"), "PUT", "/v1/accounts/customer/workspaces/sales",
		object{"name": planted}), 200)
	s.want(s.call(s.partner, "PUT", "/v1/extensions/"+idleExtension+"/test-accounts",
		object{"accounts": []string{"other", "customer"}}), 200)
	s.accepts("customer", idleExtension)
	s.invites(dependency, "customer") // and nobody answers
	s.want(s.call(s.admin, "POST", "/v1/tokens", object{"name": planted, "scopes": []string{}}), 201)
	s.want(s.call(s.admin, "POST", "/v1/installations/"+mainExtension+"/token", object{"overlap_seconds": 3600}), 201)
	failing := s.want(s.call(s.admin, "POST", "/v1/webhooks", object{"name": planted, "url": refusing.URL}),
		201).str("id")
	// fails, too
	stays := s.want(s.call(s.admin, "POST", "/v1/webhooks", object{"name": planted, "url": refusing.URL}),
		201).str("id")
	body := contractOf(s.templateID, [2]string{"order_number", planted})
	body["participants"] = []object{{"name": planted, "email": planted + "@person.test"}}
	kept := s.want(s.call(keyed, "POST", "/v1/contracts", body), 201).str("id")
	s.sessionOf(kept, s.want(s.call(s.admin, "GET", "/v1/contracts/"+kept, nil), 200).str("participants", 0, "id"))
	gone := s.want(s.call(s.admin, "POST", "/v1/contracts", body), 201).str("id")
	s.want(s.call(s.admin, "DELETE", "/v1/contracts/"+gone, nil), 204)
	s.settle()
	for _, id := range []string{failing, stays} {
		s.parks(domain.WebhookID(id))
	}
	s.want(s.call(s.admin, "POST", "/v1/webhooks/"+s.managedHook+"/deliveries/"+s.delivery+"/replay", nil), 202)
	s.want(s.call(s.admin, "DELETE", "/v1/webhooks/"+failing, nil), 204) // its log stays
	s.want(s.call(s.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	s.settle()      // as do those of the managed webhooks
	s.tables.Given( // a replay between two pages
		&domain.Replay{Account: s.account, Webhook: domain.WebhookID(stays), ID: "rpl_1", State: domain.ReplayRunning,
			Page: 1, UpdatedAt: s.now()},
		&domain.Replaying{Account: s.account, Webhook: domain.WebhookID(stays), Replay: "rpl_1"},
	)
	s.want(s.call(s.dashboard("other", "ada"), "POST", "/v1/webhooks",
		object{"name": "Theirs", "url": s.receiver.URL}), 201)
	s.want(s.call(s.dashboard("other", "ada"), "POST", "/v1/tokens",
		object{"name": "Theirs", "scopes": []string{}}), 201)
	var many []any
	for n := range 90 { // more than a page
		many = append(many, &domain.User{Account: s.account, ID: domain.UserID(fmt.Sprint("u", n)), Name: planted})
	}
	s.tables.Given(many...)
	failures := []domain.RolloutFailure{{Account: "other", Code: "upgrade-conflict", Detail: "Theirs."},
		{Account: s.account, Code: "installation-failed", Detail: planted}}
	for _, id := range []domain.RolloutID{"rol_1", "rol_2"} {
		s.tables.Given(&domain.Rollout{ID: id, Extension: mainExtension, State: domain.RolloutStopped,
			RolloutProgress: domain.RolloutProgress{Seen: 2, Failed: 2, Failures: failures}})
	}
	return s
}

// parks parks deliveries to a webhook of the customer's whose breaker opened.
func (s *scene) parks(w domain.WebhookID) {
	s.t.Helper()
	must(s.t, s.tables.Watch(s.t.Context(), s.account, w))
	var all []events.Delivery
	for n := range 5 {
		event := domain.EventID(fmt.Sprint("evt_", n))
		all = append(all, events.Delivery{ID: domain.DeliveryOf(event, w), Account: s.account, Webhook: w, Event: event,
			EventAt: s.now(), Attempt: 1, Context: planted})
	}
	must(s.t, s.tables.Park(s.t.Context(), all))
}

// attemptsOf is how many lines the log of deliveries has of an account.
func (s *scene) attemptsOf(account string) int {
	return s.logOf(account, domain.RecordAttempt)
}

// dueOf counts an account's deliveries that wait in the table.
func (s *scene) dueOf(account string) int { return s.logOf(account, domain.RecordDue) }

func (s *scene) logOf(account string, record domain.Record) int {
	s.t.Helper()
	n := 0
	for _, i := range s.scan(s.tables.Config.DeliveriesTable) {
		if text(i, "account_id") == account && domain.Record(text(i, "record")) == record {
			n++
		}
	}
	return n
}

// remove asks for the account's deletion and returns the message that begins the erasing, which the queue holds back.
func (s *scene) remove() queue.Message {
	s.t.Helper()
	s.settle()
	s.workers.provisions.Sent()
	s.want(s.call(platform, "DELETE", "/v1/accounts/customer", nil), 202)
	s.settle()
	for _, m := range s.workers.provisions.Sent() {
		if m.Delay == domain.DeletionGrace {
			return m
		}
	}
	s.t.Fatal("no erasing was asked for, after the grace")
	return queue.Message{}
}

// erased works the message and all that follows.
func (s *scene) erased(m queue.Message) {
	s.t.Helper()
	done, err := s.workers.provisioning.Handle(s.in("provisioning"), queuetest.Batch(m))
	must(s.t, err)
	if len(done.BatchItemFailures) > 0 {
		s.t.Fatal("a page failed; the log says why")
	}
	s.settle()
	if got := s.want(s.call(platform, "GET", "/v1/accounts/customer/deletion", nil),
		200); got.str("state") != "finished" {
		s.t.Fatalf("the deletion is not finished: %s", got.raw)
	}
}

var accountsName = regexp.MustCompile(`\bcustomer\b`)

// traces are the lines of the dump that say something of the account; every account's users have that e-mail domain.
func traces(dump string) []string {
	var found []string
	for line := range strings.Lines(dump) {
		bare := strings.ReplaceAll(line, "@customer.test", "")
		if (accountsName.MatchString(bare) || strings.Contains(bare, planted)) &&
			!strings.HasPrefix(line, "DELETION#customer ") && // the proof itself
			!strings.HasPrefix(line, "AGENTCODE#") { // ends by itself within ten minutes
			found = append(found, line)
		}
	}
	return found
}

func TestRule27_ADeletedAccountLeavesNothingButTheProof(t *testing.T) {
	s := doomed(newWorld(t))
	for _, r := range []string{"own-token", "token", "session", "contract-session", "contract", "event", "webhook",
		"webhook-health", "retired-webhook", "installation", "trial", "user", "reservation", "idempotency", "template",
		"template-type", "quota-use", "naming"} {
		if len(s.stored(r)) == 0 {
			t.Fatalf("the test has no %s to erase", r)
		}
	}
	if n := strings.Count(s.dump(), "excerpt=no customer "+planted); n == 0 {
		t.Fatal("the test has no delivery log to erase")
	}
	s.settle()
	sessions, logged, waiting := len(s.stored("session")), s.attemptsOf("customer"), s.dueOf("customer")
	if waiting == 0 {
		t.Fatal("the test has no delivery that waits to erase")
	}
	message := s.remove()
	before := s.dump()
	s.erased(message)
	after := s.dump()
	if left := traces(after); len(left) > 0 {
		t.Errorf("%d lines are left, like\n%s", len(left), strings.Join(left[:min(9, len(left))], ""))
	}
	if n := len(s.stored("session")); n > 0 {
		t.Errorf("%d of %d sessions are left", n, sessions)
	}
	if n := s.attemptsOf("customer") + s.dueOf("customer"); n > 0 || s.attemptsOf("other") == 0 {
		t.Errorf("%d of %d lines of the delivery log, and of what waits, are left, and %d of the other account's",
			n, logged+waiting, s.attemptsOf("other"))
	}

	// What is left was there before, but for the proof and the extension that the account tried; and of what is gone,
	// all was the account's.
	was := map[string]bool{}
	for line := range strings.Lines(before + "\n") {
		was[line] = true
	}
	for line := range strings.Lines(after + "\n") {
		if !was[line] && !strings.HasPrefix(line, "DELETION#customer ") &&
			!strings.HasPrefix(line, "EXTENSION#"+idleExtension+" EXTENSION ") &&
			!strings.HasPrefix(line, "EXTENSION#"+dependency+" EXTENSION ") &&
			!strings.HasPrefix(line, "EXTENSION#"+mainExtension+" ROLLOUT#") {
			t.Errorf("this was not there before: %s", line)
		}
		delete(was, line)
	}
	for line := range was {
		for _, others := range []string{"ACCOUNT#other ", "ACCOUNT#acme-dev ", "PARTNER", "CATALOGUE", "DATAKEY",
			"EXTENSION#" + mainExtension + " EXTENSION"} {
			if strings.HasPrefix(line, others) {
				t.Errorf("this is gone: %s", line)
			}
		}
	}
	e, err := s.tables.Extension(t.Context(), idleExtension)
	if must(t, err); !slices.Equal(e.TestAccounts, []domain.AccountID{"other"}) {
		t.Errorf("the test accounts are %v, want the other alone", e.TestAccounts)
	}

	for _, id := range []string{"rol_1", "rol_2"} {
		rollout := s.want(s.call(platform, "GET", "/v1/extensions/"+mainExtension+"/rollouts/"+id, nil), 200)
		if got := lines(rollout.at("failures"), "account_id", "code", "detail"); got != "other upgrade-conflict "+
			"Theirs. \n<nil> installation-failed <nil> \n" || rollout.at("failed") != 2.0 {
			t.Errorf("the roll-out reads %s", rollout.raw)
		}
	}

	proof := s.want(s.call(platform, "GET", "/v1/accounts/customer/deletion", nil), 200)
	for r, want := range map[string]int{"account": 1, "session": sessions, "attempt": logged, "due": waiting,
		"own-token": 2} {
		if got, _ := proof.at("erased", r).(float64); int(got) != want {
			t.Errorf("the proof says that %v of %s were erased, want %d", got, r, want)
		}
	}
	if proof.str("asked_by") != "platform" || proof.str("asked_at") == "" || proof.str("finished_at") == "" ||
		strings.Contains(string(proof.raw), planted) {
		t.Errorf("the proof says %s", proof.raw)
	}
	s.refused(s.call(platform, "DELETE", "/v1/accounts/customer", nil), 404, "not-found")
}

// crashing lets every second transaction of the store fail after it was done, and every third before.
func crashing(o *dynamodb.Options) {
	n := 0
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		if stack.ID() != "TransactWriteItems" {
			return nil
		}
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("crashing",
			func(ctx context.Context, in middleware.InitializeInput,
				next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				if n++; n%3 == 0 {
					return middleware.InitializeOutput{}, middleware.Metadata{}, errors.New("crash before the commit")
				}
				out, meta, err := next.HandleInitialize(ctx, in)
				if n%2 == 0 && err == nil {
					return middleware.InitializeOutput{}, meta, errors.New("crash after the commit")
				}
				return out, meta, err
			}), middleware.Before)
	})
}

func TestRule27_ErasingGoesOnAfterACrashAndEveryPageMayComeTwice(t *testing.T) {
	s := doomed(newWorld(t))
	message := s.remove()
	count := map[string]int{}
	for _, i := range s.scan(s.tables.Config.AccountsTable) {
		if r := text(i, "record"); text(i, "pk") == "ACCOUNT#customer" {
			count[r]++
		}
	}
	frail := provisioning.New(s.tables.At(s.now, crashing), s.sealer, s.now, domain.NewID)
	waiting := []lambda.SQSEvent{queuetest.Batch(message)}
	for pages := 0; len(waiting) > 0; pages++ {
		if pages > 60 {
			t.Fatal("the erasing does not end")
		}
		batch := waiting[0]
		waiting = waiting[1:]
		done, err := frail.Handle(t.Context(), batch)
		must(t, err)
		if len(done.BatchItemFailures) > 0 {
			waiting = append(waiting, batch) // it comes again, after what it may have led to
		}
		again, err := s.workers.provisioning.Handle(t.Context(), batch)
		if must(t, err); len(again.BatchItemFailures) > 0 {
			t.Fatal("a repeated page failed")
		}
		n := s.newInOutbox()
		if n > 1 {
			t.Errorf("a page that came twice asked for %d more", n)
		}
		if n > 0 {
			_, err := s.workers.fanout.Handle(t.Context(), s.tables.Outbox(n))
			must(t, err)
		}
		if next := s.workers.provisions.Take(); len(next.Records) > 0 {
			waiting = append(waiting, next)
		}
	}
	if left := traces(s.dump()); len(left) > 0 {
		t.Errorf("%d lines are left, like %s", len(left), left[0])
	}
	proof := s.want(s.call(platform, "GET", "/v1/accounts/customer/deletion", nil), 200)
	for _, r := range slices.Sorted(maps.Keys(count)) {
		if got, _ := proof.at("erased", r).(float64); int(got) != count[r] && r != "provision" && r != "idempotency" &&
			r != "event" {
			t.Errorf("the proof says that %v of %s were erased, want %d", got, r, count[r])
		}
	}
}

func TestRule27_FromTheRequestOnEveryCredentialIsDead(t *testing.T) {
	s := newScene(newWorld(t))
	s.remove()
	for _, o := range contract.All() {
		path, body := requests[o.ID].of(s, o)
		for _, rule := range o.Auth {
			switch rule.Model {
			case auth.ModelDashboard, auth.ModelIntegration, auth.ModelParticipant:
				got := s.call(s.right(rule), o.Method, path, body)
				if got.status != 401 || got.str("code") != "unauthenticated" {
					t.Errorf("%s by %s answered %d %s", o.ID, rule, got.status, got.str("code"))
				}
			case auth.ModelPlatform:
				if _, bound := o.Auth.Of(auth.ModelDashboard); bound {
					if got := s.call(platformFor(s.account), o.Method, path, body); got.status != 422 {
						t.Errorf("%s by %s answered %d", o.ID, rule, got.status)
					}
				}
			}
		}
	}
	for name, token := range map[string]who{"the account's own": s.ownToken,
		"another extension's": bearer("scopeless", s.scopeless)} {
		if got := s.call(token, "GET", "/v1/me", nil); got.status != 401 {
			t.Errorf("%s token answered %d", name, got.status)
		}
	}
	s.refused(s.call(platform, "PUT", "/v1/accounts/customer", object{"name": "Again"}), 409, "account-deleting")
	s.refused(s.call(platform, "PUT", "/v1/accounts/customer/users/new",
		object{"email": "n@n.test", "name": "N", "role": "member", "workspaces": []string{}}), 404, "not-found")
	s.refused(s.call(platform, "PUT", "/v1/accounts/customer/workspaces/new", object{"name": "N"}), 404, "not-found")
	// Nor is what would change nothing.
	s.refused(s.call(platform, "PUT", "/v1/accounts/customer/users/mel", object{"email": memberEmail, "name": "mel",
		"role": "member", "workspaces": []string{"sales"}}), 404, "not-found")
	s.refused(s.call(platform, "PUT", "/v1/accounts/customer/workspaces/sales", object{"name": "sales"}),
		404, "not-found")
	s.imported(s.importing("users", userItem("customer", "mel", memberEmail, object{"workspaces": []string{"sales"}}),
		userItem("other", "mel", memberEmail, object{"workspaces": []string{"sales"}})), "not-found", "unchanged")
	s.imported(s.importing("workspaces", object{"account_id": "customer", "id": "sales", "name": "sales"}), "not-found")
	trials := len(s.stored("trial")) + len(s.stored("invitation"))
	// as one that there is not
	s.want(s.call(s.partner, "PUT", "/v1/extensions/"+idleExtension+"/test-accounts",
		object{"accounts": []string{"customer"}}), 200)
	if got := len(s.stored("trial")) + len(s.stored("invitation")); got > trials {
		t.Errorf("an account that is being deleted is offered an extension: %d trials, want %d", got, trials)
	}
	s.want(s.call(s.dashboard("other", "ada"), "GET", "/v1/me", nil), 200)
}

// Deliveries that are on their way when the deletion is asked for, or come when it is done, or when another account has
// the id, reach nobody and leave nothing.
func TestRule27_NothingIsSentForADeletedAccountNorForItsSuccessor(t *testing.T) {
	s := newScene(newWorld(t))
	s.receiver.take()
	s.want(s.call(s.integration(adminEmail), "POST", "/v1/contracts", contractOf(s.templateID)), 201)
	if n := s.newInOutbox(); n != 1 {
		t.Fatalf("%d outbox items, want the contract's", n)
	}
	_, err := s.workers.fanout.Handle(t.Context(), s.tables.Outbox(1))
	must(t, err)
	late := s.workers.deliveries.Take()
	if len(late.Records) != 2 {
		t.Fatalf("%d deliveries are on their way, want the managed and the own webhook's", len(late.Records))
	}
	nothing := func(when string) {
		t.Helper()
		before := s.dump()
		done, err := s.workers.delivery.Handle(t.Context(), late)
		if must(t, err); len(done.BatchItemFailures) > 0 || len(s.workers.deliveries.Take().Records) > 0 {
			t.Errorf("%s: the messages come again", when)
		}
		if got := s.receiver.take(); len(got) > 0 || s.dump() != before {
			t.Errorf("%s: %d were sent, or something was written", when, len(got))
		}
	}
	message := s.remove()
	s.pass(3 * time.Second) // a target is known for two
	nothing("while it is deleted")
	s.erased(message)
	s.pass(3 * time.Second)
	nothing("after it is deleted")

	s.want(s.call(platform, "PUT", "/v1/accounts/customer", object{"name": "Successor"}), 200)
	s.refused(s.call(s.admin, "GET", "/v1/me", nil), 401, "unauthenticated")
	s.putUser(s.account, "ada", adminEmail, "admin")
	for _, old := range []who{s.integration(adminEmail), s.ownToken, s.session} {
		if got := s.call(old, "GET", "/v1/me", nil); got.status != 401 {
			t.Errorf("%s of before answered %d", old.name, got.status)
		}
	}
	for _, list := range []string{"/v1/contracts", "/v1/webhooks", "/v1/tokens", "/v1/template-types", "/v1/templates",
		"/v1/workspaces", "/v1/installations"} {
		if got := s.want(s.call(s.admin, "GET", list, nil), 200); len(got.at("items").([]any)) > 0 {
			t.Errorf("%s shows what was before: %s", list, got.raw)
		}
	}
	hook := s.managedHook
	s.enable()
	if s.hookOf(s.templateType("acme-crm")) != hook {
		t.Fatal("the successor's webhook has another id: this test proves nothing any more")
	}
	s.receiver.take()
	s.pass(3 * time.Second)
	nothing("when another has the id")
}

func TestRule27_AskingAgainGoesOnWhereItStoppedAndErasesNothingTwice(t *testing.T) {
	s := newScene(newWorld(t))
	first := s.remove() // and lost
	s.pass(domain.DeletionGrace)
	again := s.want(s.call(platform, "DELETE", "/v1/accounts/customer", nil), 202)
	s.settle()
	proof := s.want(s.call(platform, "GET", "/v1/accounts/customer/deletion", nil), 200)
	if proof.str("state") != "finished" || proof.str("id") != again.str("id") {
		t.Fatalf("asked again: %s", proof.raw)
	}
	s.erased(first)
	if after := s.want(s.call(platform, "GET", "/v1/accounts/customer/deletion", nil),
		200); string(after.raw) != string(proof.raw) {
		t.Errorf("the late message changed the proof: %s", after.raw)
	}
	s.want(s.call(platform, "PUT", "/v1/accounts/customer", object{"name": "Next"}), 200)
	s.erased(first)
	s.want(s.call(platform, "GET", "/v1/accounts/customer", nil), 200)
}

// Every kind of record is found by an erasing, or is nobody's, or is named here with the reason why it stays.
func TestRule27_EveryKindOfRecordIsErasedOrHasAReason(t *testing.T) {
	s := doomed(newWorld(t))
	s.erased(s.remove())
	proof := s.want(s.call(platform, "GET", "/v1/accounts/customer/deletion", nil), 200)
	stays := map[domain.Record]string{
		domain.RecordDeletion: "the proof itself",
		domain.RecordDataKey:  "shared by all accounts; without what it sealed it says nothing",
		domain.RecordPartner:  "a partner's", domain.RecordPartnerKey: "a partner's",
		domain.RecordExtension: "a partner's; the account's id is taken out of it",
		domain.RecordAuthored:  "a partner's", domain.RecordSubmission: "a partner's",
		domain.RecordBlueprint: "a partner's", domain.RecordVersion: "a partner's", domain.RecordDraft: "a partner's",
		domain.RecordListing: "a partner's",
		domain.RecordLogo:    "a partner's", domain.RecordLifecycle: "a partner's",
		domain.RecordRollout: "a partner's; the account's failures are taken out of it. Where it has come to may be " +
			"the account's id, which the proof has too",
		domain.RecordHandOff:     "names the account, and ends by itself within ten minutes",
		domain.RecordConsoleLink: "names the account and a user, and ends by itself within ten minutes",
		domain.RecordAgentCode:   "names the account and a webhook, and ends by itself within ten minutes",
		domain.RecordCallback:    "names the account, and ends by itself within 30 days",
		domain.RecordPace:        "names a webhook and a time, and ends by itself within 26 hours",
	}
	kinds := map[domain.Record]bool{}
	for _, i := range s.scan(s.tables.Config.AccountsTable) {
		kinds[domain.Record(text(i, "record"))] = true
	}
	written := domain.Records{domain.RecordAttempt, domain.RecordDue, domain.RecordParked, domain.RecordWatched,
		domain.RecordPace}
	for _, r := range written {
		kinds[r] = true
	}
	for r := range proof.at("erased").(map[string]any) {
		kinds[domain.Record(r)] = true
	}
	for _, o := range contract.All() {
		for _, r := range slices.Concat(o.Reads, o.Writes) {
			kinds[r] = true
		}
	}
	for r := range kinds {
		n, _ := proof.at("erased", string(r)).(float64)
		if _, ok := stays[r]; ok == (n > 0) {
			t.Errorf("%v of %s are erased; a reason to stay: %q. Give the test one of them to erase, or the reason "+
				"why not", n, r, stays[r])
		}
	}
}

// Whoever had the id next would have the partner look into its template types.
func TestRule27_APartnersDevelopmentAccountIsNotDeleted(t *testing.T) {
	a := newActors(newWorld(t))
	other := a.want(a.call(platform, "POST", "/v1/partners", object{"name": "Second", "contact": "x@x.test",
		"development_account_id": "acme-dev"}), 201).str("partner", "id")
	before := a.dump()
	refusal := a.refused(a.call(platform, "DELETE", "/v1/accounts/acme-dev", nil), 409, "development-account")
	if detail := refusal.str("detail"); !strings.Contains(detail, `"Acme"`) || !strings.Contains(detail, `"Second"`) {
		t.Errorf("it does not name the partners: %s", detail)
	}
	if a.dump() != before {
		t.Error("a refused deletion changed something")
	}
	a.want(a.call(platform, "PUT", "/v1/accounts/acme-dev", object{"name": "Renamed"}), 200)
	got := a.want(a.call(platform, "GET", "/v1/accounts/acme-dev", nil), 200)
	if of := got.at("development_of").([]any); len(of) != 2 || of[1] != other {
		t.Errorf("the account reads %s", got.raw)
	}
	a.refused(a.call(platform, "DELETE", "/v1/accounts/acme-dev", nil), 409, "development-account")
	a.want(a.call(platform, "DELETE", "/v1/accounts/other", nil), 202)
	if got := a.call(platform, "POST", "/v1/partners",
		object{"name": "Third", "contact": "x@x.test", "development_account_id": "other"}); got.status != 422 {
		t.Errorf("an account that is being deleted became a partner's: %d", got.status)
	}
}

// Of a deletion and a partner that comes at once one wins: the account is there, or the partner is not.
func TestRule27_APartnerAndTheDeletionOfItsAccountDoNotBothCome(t *testing.T) {
	a := newActors(newWorld(t))
	for n := range 6 {
		id := fmt.Sprint("dev-", n)
		a.want(a.call(platform, "PUT", "/v1/accounts/"+id, object{"name": id}), 200)
		var made, gone answer
		var both sync.WaitGroup
		both.Go(func() {
			made, _ = a.try(platform, "POST", "/v1/partners",
				object{"name": id, "contact": "x@x.test", "development_account_id": id})
		})
		both.Go(func() { gone, _ = a.try(platform, "DELETE", "/v1/accounts/"+id, nil) })
		both.Wait()
		if (made.status == 201) == (gone.status == 202) {
			t.Errorf("the partner got %d, the deletion %d", made.status, gone.status)
		}
	}
}

// An account may try more extensions than a transaction has items.
func TestRule27_AnAccountThatTriesManyExtensionsIsErased(t *testing.T) {
	a := newActors(newWorld(t))
	for n := range 70 {
		id := domain.ExtensionID(fmt.Sprint("many-", n))
		a.tables.Given(&domain.Extension{ID: id, TestAccounts: []domain.AccountID{"customer", "other"}},
			&domain.Trial{Account: "customer", Extension: id})
	}
	s := &scene{actors: a}
	s.erased(s.remove())
	if left := traces(a.dump()); len(left) > 0 {
		t.Errorf("%d lines are left, like %s", len(left), left[0])
	}
}

// Nothing is begun in it, and nothing said of it that would outlive it.
func TestRule27_ARollOutLeavesAnAccountThatIsBeingDeletedAlone(t *testing.T) {
	c := newCrowd(t, 3)
	c.takes(0)
	c.takes(1)
	for _, n := range []int{1, 2} {
		c.want(c.call(platform, "DELETE", "/v1/accounts/"+string(c.accounts[n]), nil), 202)
	}
	at := c.start(platform, object{"version": 2})
	c.settle()
	c.expect(at, "done seen=3 upgraded=0 current=0 consent=0 by-hand=0 skipped=2 failed=1")
	if got := lines(c.want(c.call(platform, "GET", at, nil), 200).at("failures"),
		"account_id"); got != "account-00 \n" {
		t.Errorf("it names %q", got)
	}
}

// An answer under an Idempotency-Key whose request names no account is kept under none: what it tells of one is erased
// with the account, or is not kept. The answer to the deletion itself stays, since it says what the proof does.
func TestRule27_AnswersToRequestsAboutNoAccountAreErasedToo(t *testing.T) {
	s := &scene{actors: newActors(newWorld(t))}
	s.enableHandOff()
	s.want(s.call(s.admin, "PATCH", "/v1/installations/"+handOffExtension+"/parameters",
		object{"parameters": object{"customer_id": planted}}), 200)
	code := s.handOff("").code
	exchanging := s.partner.with("Idempotency-Key", "exchange")
	first := s.want(s.exchange(exchanging, code), 201)
	again := s.want(s.exchange(exchanging, code), 201)
	if first.str("parameters", "customer_id") != planted || again.str("parameters", "customer_id") != planted ||
		again.str("token") != "" {
		t.Fatalf("the exchange answers %s", again.raw)
	}
	users := object{"items": []object{userItem("customer", planted, "pia@customer.test"),
		userItem("customer", planted+" no id", "x"), userItem("customer", "mel", memberEmail)}}
	importing := platform.with("Idempotency-Key", "import")
	report := s.want(s.call(importing, "POST", "/v1/import/users", users), 200)
	if repeated := s.want(s.call(importing, "POST", "/v1/import/users", users),
		200); string(repeated.raw) != string(report.raw) || report.str("items", 0, "id") != planted {
		t.Fatalf("the report is %s, and again %s", report.raw, repeated.raw)
	}
	kept := 0
	for line := range strings.Lines(s.dump()) {
		if strings.HasPrefix(line, "IDEMPOTENCY#") && strings.Contains(line, planted) {
			kept++
		}
	}
	if kept != 1 {
		t.Errorf("%d answers under no account tell of it, want the exchange's", kept)
	}

	s.settle()
	s.workers.provisions.Sent()
	deleting := platform.with("Idempotency-Key", "deletion")
	asked := s.want(s.call(deleting, "DELETE", "/v1/accounts/customer", nil), 202)
	s.settle()
	sent := s.workers.provisions.Sent()
	s.erased(sent[slices.IndexFunc(sent, func(m queue.Message) bool { return m.Delay > 0 })])
	left := slices.DeleteFunc(traces(s.dump()), func(line string) bool {
		return strings.HasPrefix(line, "IDEMPOTENCY#") && strings.Contains(line, asked.str("id"))
	})
	if len(left) > 0 {
		t.Errorf("%d lines are left, like %s", len(left), left[0])
	}
	if replayed := s.want(s.call(deleting, "DELETE", "/v1/accounts/customer", nil),
		202); string(replayed.raw) != string(asked.raw) || strings.Contains(string(replayed.raw), planted) {
		t.Errorf("the deletion's answer was %s and is %s", asked.raw, replayed.raw)
	}
	s.refused(s.call(platform, "DELETE", "/v1/accounts/customer", nil), 404, "not-found")
}
