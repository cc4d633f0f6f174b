package functions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// Every operation × every kind of caller. The rows come from the contract, so an operation that is added is
// walked too; what a right request of it looks like is in requests_test.go.

func TestAuth_EveryOperationRefusesEveryWrongCaller(t *testing.T) {
	s := newScene(newWorld(t))
	s.putUser(s.account, "dora", "dora@customer.test", "admin")
	demoted := s.dashboard(s.account, "dora")
	s.putUser(s.account, "dora", "dora@customer.test", "member")
	expired := map[auth.Model]who{}
	models := []auth.Model{auth.ModelDashboard, auth.ModelIntegration, auth.ModelParticipant, auth.ModelPartner,
		auth.ModelAgent, auth.ModelAgentCode,
		auth.ModelPlatform, auth.ModelWebhookSecret}
	for _, m := range models {
		expired[m] = s.expired(m)
	}
	before := s.dump()

	for _, o := range contract.All() {
		r, ok := requests[o.ID]
		if !ok {
			t.Errorf("%s has no right request in requests_test.go", o.ID)
			continue
		}
		path, body := r.of(s, o)
		check := func(caller who, path string, want int, codes ...string) {
			t.Helper()
			got := s.call(caller, o.Method, path, body)
			if got.status != want || len(codes) > 0 && !slices.Contains(codes, got.str("code")) {
				t.Errorf("%s by %s answered %d %s, want %d %v", o.ID, caller.name, got.status, got.str("code"), want,
					codes)
			}
			if got.status >= 400 && got.str("request_id") == "" &&
				got.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s by %s answered no problem document: %s", o.ID, caller.name, got.raw)
			}
		}
		if _, public := o.Auth.Of(auth.ModelPublic); public {
			check(who{name: "nobody"}, path, o.Status)
			check(bearer("a malformed credential", "x"), path, o.Status)
			continue
		}
		check(who{name: "nobody"}, path, 401, "unauthenticated")
		for _, malformed := range []string{"", "garbage", "a.b.c", "pb_live_short", "pb_partner_short", "pb_sess_short",
			s.token[:len(s.token)-1], s.token + "x", flipped(s.token)} {
			check(bearer("a malformed credential", malformed), path, 401, "unauthenticated")
		}
		check(who{"two words", [][2]string{{"Authorization", "Bearer"}}}, path, 401, "unauthenticated")
		check(who{"basic auth", [][2]string{{"Authorization", "Basic YWRhOmFkYQ=="}}}, path, 401, "unauthenticated")
		check(bearer("an unsigned JWT", unsigned(s)), path, 401, "unauthenticated")
		check(s.dashboard("other", "nobody"), path, 401, "unauthenticated")
		check(s.dashboard("nowhere", "ada"), path, 401, "unauthenticated")
		for _, m := range models {
			check(expired[m], path, 401, "unauthenticated")
			rule, allowed := o.Auth.Of(m)
			if !allowed {
				if m == auth.ModelWebhookSecret { // a signature proves nothing where the path names no installation
					check(s.right(auth.Rule{Model: m}), path, 401, "unauthenticated")
					continue
				}
				check(s.right(auth.Rule{Model: m, Role: domain.Admin}), path, 403, "wrong-credential")
				continue
			}
			caller := s.right(rule)
			check(caller.with(second(caller)[0], second(caller)[1]), path, 401, "unauthenticated")
			switch m {
			case auth.ModelDashboard:
				if rule.Role == domain.Admin {
					check(s.member, path, 403, "missing-role")
					check(demoted, path, 403, "missing-role")
				}
				if foreign := s.dashboard("other", "ada"); strings.Contains(o.Path, "{") {
					status, codes := 404, []string{"not-found"}
					if o.ID == "enable-extension" || o.ID == "read-catalogue-extension" {
						status, codes = 0, nil // an extension is listed for every account
					}
					if status != 0 {
						check(foreign, path, status, codes...)
					}
				}
			case auth.ModelIntegration:
				if rule.Scope != domain.AnyScope {
					check(bearer("a token without the scope", s.scopeless).with(auth.HeaderUser, adminEmail), path,
						403, "missing-scope")
				}
				check(bearer("integration for a stranger", s.token).with(auth.HeaderUser, "nobody@customer.test"),
					path, 422)
				if o.ActingUser == contract.RequiredActingUser {
					check(bearer("integration for nobody", s.token), path, 422)
				}
			case auth.ModelPartner:
				if strings.Contains(o.Path, "{") {
					check(s.otherPartner, path, 404, "not-found")
				}
			case auth.ModelWebhookSecret:
				for _, wrong := range s.wrongCallbacks() {
					check(wrong, path, 401, "unauthenticated")
				}
				for _, elsewhere := range []string{callbacksOf("other", mainExtension),
					callbacksOf("customer", dependency), callbacksOf("nowhere", "nothing")} {
					check(caller, elsewhere, 401, "unauthenticated")
				}
			case auth.ModelPlatform:
				if _, bound := o.Auth.Of(auth.ModelDashboard); bound {
					check(platform, path, 422)
					check(platformFor("nowhere"), path, 422)
					if strings.Contains(o.Path, "{") {
						check(platformFor("other"), path, 404, "not-found")
					}
				}
			}
			if r.own && m == auth.ModelIntegration {
				caller = s.ownToken
			}
			if r.other != "" && !strings.Contains(r.other, "installations/nowhere") {
				check(caller, r.other, 404, "not-found")
			}
		}
	}
	if s.dump() != before {
		t.Error("a refused request left something in the tables")
	}
}

func TestAuth_EveryOperationLetsInWhomItsRowNames(t *testing.T) {
	made := map[string]bool{}
	for _, o := range contract.All() {
		for _, rule := range o.Auth {
			t.Run(fmt.Sprintf("%s by %s", o.ID, rule), func(t *testing.T) {
				s := newScene(newWorld(t))
				s.observed(o, rule)
				for _, call := range s.calls.all() {
					made[call] = true
				}
			})
		}
	}
	if !t.Failed() {
		// The console calls the code of the others in its process: the test of its role looks at what it links.
		recordedAre(t, made, slices.DeleteFunc(slices.Clone(contract.Functions), func(f contract.Function) bool {
			return f == contract.Console
		})...)
	}
}

func TestRule25_EveryMutationIsSafeToRepeat(t *testing.T) {
	for _, o := range contract.All() {
		if !o.Mutates() {
			continue
		}
		t.Run(o.ID, func(t *testing.T) {
			s := newScene(newWorld(t))
			caller := s.right(o.Auth[0])
			r := requests[o.ID]
			if r.prepare != nil {
				r.prepare(s, caller)
			}
			path, body := r.of(s, o)
			if r.dressed != nil {
				caller = r.dressed(s, caller)
			}
			caller = caller.with("Idempotency-Key", "the same")
			first := s.want(s.call(caller, o.Method, path, body), o.Status)
			after := s.dump()
			again := s.want(s.call(caller, o.Method, path, body), o.Status)
			if got, want := withoutCredentials(string(again.raw)), withoutCredentials(string(first.raw)); got != want {
				t.Errorf("the repeated request answers\n%s\nwant\n%s", got, want)
			}
			if credential.Match(again.raw) {
				t.Errorf("the recorded answer shows a credential: %s", again.raw)
			}
			if s.dump() != after {
				t.Error("the repeated request changed something")
			}
			switch {
			case body != nil:
				body = changed(body)
			case r.other != "":
				path = r.other
			default: // nothing but a header makes another input of it
				caller = caller.with("If-Match", `"0"`)
			}
			s.refused(s.call(caller, o.Method, path, body), 422, "idempotency-key-reused")
		})
	}
}

// observed makes the right request and holds what it really wrote, and what it really put into the outbox to be
// sent, against the row.
func (s *scene) observed(o contract.Operation, rule auth.Rule) {
	s.t.Helper()
	caller := s.right(rule)
	r := requests[o.ID]
	if r.prepare != nil {
		r.prepare(s, caller)
	}
	path, body := r.of(s, o)
	if r.dressed != nil {
		caller = r.dressed(s, caller)
	}
	if r.own && rule.Model == auth.ModelIntegration {
		caller = s.ownToken
	}
	before := s.snapshot()
	s.calls.reads()
	obeys(s.t, o, s.want(s.call(caller, o.Method, path, body), o.Status))
	for _, also := range r.also {
		obeys(s.t, o, s.want(s.call(caller, o.Method, path, also(s)), o.Status))
	}
	for _, record := range s.calls.reads() {
		if !slices.Contains(o.Reads, record) && !slices.Contains(machinery, record) {
			s.t.Errorf("%s read a %s, which its row does not declare", o.ID, record)
		}
	}
	wrote, emitted := s.changes(before)
	for _, record := range wrote {
		if !slices.Contains(o.Writes, record) {
			s.t.Errorf("%s wrote a %s, which its row does not declare", o.ID, record)
		}
	}
	if o.Mutates() && len(wrote) == 0 {
		s.t.Errorf("%s wrote nothing; its row declares %v", o.ID, o.Writes)
	}
	if !slices.Equal(emitted, o.Emits) {
		s.t.Errorf("%s emitted %v; its row declares %v", o.ID, emitted, o.Emits)
	}
	if slices.Contains(o.Writes, domain.RecordProvision) {
		s.observedLater(o)
	}
}

// machinery is what requests of many rows read, and no row declares: recorded answers, and keys that open secrets.
var machinery = domain.Records{domain.RecordIdempotency, domain.RecordDataKey, domain.RecordRequests}

// causesNothingHere is why an operation causes no event in the scene.
var causesNothingHere = map[string]string{
	"repair-installation": "nothing has drifted",
	"delete-account":      "no extension of the scene has a lifecycle endpoint",
	"create-rollout":      "the scene's installations are at the version already",
	"resume-rollout":      "as create-rollout",
}

// observedLater lets the workers go on, and holds the events that provisioning commits against the row.
func (s *scene) observedLater(o contract.Operation) {
	s.t.Helper()
	before := s.snapshot()
	s.settle()
	_, emitted := s.changes(before)
	caused := slices.DeleteFunc(emitted, func(e events.Type) bool {
		return !slices.ContainsFunc(events.Catalogue, func(r events.Row) bool {
			return r.Type == e && slices.Contains(r.Producer, "provisioning")
		})
	})
	if len(caused) == 0 && causesNothingHere[o.ID] == "" {
		s.t.Errorf("%s caused no event; its row declares %v", o.ID, o.Causes)
	}
	for _, e := range caused {
		if !slices.Contains(o.Causes, e) {
			s.t.Errorf("%s caused %s; its row declares %v", o.ID, e, o.Causes)
		}
	}
}
