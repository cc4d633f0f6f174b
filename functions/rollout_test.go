package functions_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"plugboard/events"
	"plugboard/functions/provisioning"
	"plugboard/shared/domain"
)

const (
	rolledExtension = "acme-roll"
	rolloutsPath    = "/v1/extensions/" + rolledExtension + "/rollouts"
)

// rolledBlueprint has one template type with those fields.
func rolledBlueprint(fields ...string) object {
	declared := []object{}
	for _, f := range fields {
		declared = append(declared, object{"custom_id": f, "name": f, "kind": "text"})
	}
	return object{"scopes": []string{"contracts:read"},
		"template_types": []object{{"name": "Rolled", "no_webhooks": true, "fields": declared}}, "webhooks": []object{}}
}

// crowd is so many accounts with an extension at version 1, whose version 2 is listed.
type crowd struct {
	*actors
	accounts []domain.AccountID
}

func newCrowd(t testing.TB, n int) *crowd {
	t.Helper()
	w := newWorld(t)
	c := &crowd{actors: &actors{world: w}}
	w.want(w.call(platform, "PUT", "/v1/accounts/acme-dev", object{"name": "dev"}), 200)
	c.partner = c.newPartner("Acme")
	c.list(rolledExtension, []string{""}, rolledBlueprint("one"))
	for i := range n {
		a := domain.AccountID(fmt.Sprintf("account-%02d", i))
		w.want(w.call(platform, "PUT", "/v1/accounts/"+string(a), object{"name": a}), 200)
		c.putUser(a, "ada", adminEmail, "admin")
		w.want(w.call(c.adminOf(a), "PUT", "/v1/installations/"+rolledExtension, object{}), 202)
		c.accounts = append(c.accounts, a)
	}
	c.settle()
	c.submitAndList(rolledExtension, rolledBlueprint("one", "two"))
	return c
}

func (c *crowd) adminOf(a domain.AccountID) who { return c.dashboard(a, "ada") }

// in does something in that account as its admin.
func (c *crowd) in(n int, method, path string, body any, status int) answer {
	c.t.Helper()
	return c.want(c.call(c.adminOf(c.accounts[n]), method, path, body), status)
}

// takes gives the account a user's field that version 2 needs.
func (c *crowd) takes(n int) {
	c.t.Helper()
	id := c.in(n, "GET", "/v1/template-types", nil, 200).str("items", 0, "id")
	c.in(n, "POST", "/v1/template-types/"+id+"/fields", object{"custom_id": "TWO", "name": "Ours", "kind": "text"}, 201)
}

// standing is every account's state and version, in one line.
func (c *crowd) standing() string {
	c.t.Helper()
	var all []string
	for n := range c.accounts {
		i := c.in(n, "GET", "/v1/installations/"+rolledExtension, nil, 200)
		all = append(all, fmt.Sprint(i.str("state"), i.at("version")))
	}
	return strings.Join(all, " ")
}

func (c *crowd) start(by who, body object) string {
	c.t.Helper()
	return rolloutsPath + "/" + c.want(c.call(by, "POST", rolloutsPath, body), 201).str("id")
}

// progress is a roll-out's state and counts.
func (c *crowd) progress(by who, at string) string {
	c.t.Helper()
	r := c.want(c.call(by, "GET", at, nil), 200)
	return fmt.Sprintf("%s seen=%v upgraded=%v current=%v consent=%v by-hand=%v skipped=%v failed=%v", r.str("state"),
		r.at("seen"),
		r.at("upgraded"), r.at("current"), r.at("waiting_for_consent"), r.at("by_hand"), r.at("skipped"),
		r.at("failed"))
}

func (c *crowd) expect(at, want string) {
	c.t.Helper()
	if got := c.progress(platform, at); got != want {
		c.t.Fatalf("got %s\nwant %s", got, want)
	}
}

func TestRule6_ARollOutComesToEveryInstallation(t *testing.T) {
	c := newCrowd(t, 23) // more than a page
	c.in(2, "PUT", "/v1/installations/"+rolledExtension+"/upgrade-policy", object{"policy": "by-hand"}, 200)
	c.in(5, "POST", "/v1/installations/"+rolledExtension+"/suspend", nil, 200)
	c.want(c.upgradeBy(c.adminOf(c.accounts[7]), "/v1/installations/"+rolledExtension+"/upgrade", object{}), 202)
	c.in(9, "POST", "/v1/installations/"+rolledExtension+"/disable", nil, 202)
	c.takes(21)
	c.settle()
	if got := c.standing(); strings.Count(got, "enabled1") != 20 {
		t.Fatalf("listing a version rolls it out by itself: %s", got)
	}
	at := c.start(c.partner, object{"version": 2})
	c.settle()
	c.expect(at, "done seen=22 upgraded=18 current=1 consent=0 by-hand=1 skipped=1 failed=1")
	want := strings.Repeat("enabled2 ", 23)
	got := strings.Fields(c.standing())
	for n, stands := range map[int]string{2: "enabled1", 5: "suspended1", 9: "disabled1", 21: "enabled1"} {
		if got[n] != stands {
			t.Errorf("account %d is %s, want %s", n, got[n], stands)
		}
		got[n] = "enabled2"
	}
	if strings.Join(got, " ")+" " != want {
		t.Errorf("got %v", got)
	}
	seen := c.want(c.call(platform, "GET", at, nil), 200)
	if seen.str("failures", 0, "account_id") != "account-21" || seen.str("failures", 0, "code") != "upgrade-conflict" ||
		!strings.Contains(seen.str("failures", 0, "detail"), `"TWO"`) {
		t.Errorf("the platform sees %s", seen.raw)
	}
	seen = c.want(c.call(c.partner, "GET", at, nil), 200)
	if strings.Contains(string(seen.raw), "account-21") || strings.Contains(string(seen.raw), "TWO") ||
		seen.str("failures", 0, "code") != "upgrade-conflict" {
		t.Errorf("the partner sees %s", seen.raw)
	}
	if listed := c.want(c.call(c.partner, "GET", rolloutsPath, nil), 200); len(listed.at("items").([]any)) != 1 {
		t.Errorf("got the list %s", listed.raw)
	}
	for _, move := range []string{"pause", "resume", "cancel"} {
		c.refused(c.call(platform, "POST", at+"/"+move, nil), 409, "rollout-state")
	}
	again := c.start(platform, object{"version": 2})
	c.settle()
	c.expect(again, "done seen=22 upgraded=0 current=19 consent=0 by-hand=1 skipped=1 failed=1")

	scoped := rolledBlueprint("one", "two")
	scoped["scopes"] = []string{"contracts:read", "contracts:write"}
	c.approve(rolledExtension, c.submit(rolledExtension, scoped))
	waiting := c.start(platform, object{"version": 3})
	c.settle()
	c.expect(waiting, "done seen=22 upgraded=0 current=0 consent=20 by-hand=1 skipped=1 failed=0")
}

func TestRule6_ARollOutStopsByItselfWhenTooManyFail(t *testing.T) {
	c := newCrowd(t, 6)
	for _, n := range []int{0, 2, 3} {
		c.takes(n)
	}
	at := c.start(platform, object{"version": 2, "max_failures": 1})
	c.settle()
	c.expect(at, "stopped seen=3 upgraded=1 current=0 consent=0 by-hand=0 skipped=0 failed=2")
	if got, want := c.standing(), "enabled1 enabled2 enabled1 enabled1 enabled1 enabled1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	c.refused(c.call(platform, "POST", at+"/resume", nil), 409, "rollout-state")

	c.want(c.call(platform, "POST", versionOf(rolledExtension, 2)+"/yank", object{"reason": "no"}), 200)
	if got := c.want(c.call(platform, "POST", rolloutsPath, object{"version": 2}), 422).pointers(); !slices.Equal(got,
		[]string{"/version"}) {
		t.Errorf("a yanked version is refused at %q", got)
	}
}

func TestRule6_ARollOutOfAYankedVersionStops(t *testing.T) {
	c := newCrowd(t, 2)
	at := c.start(platform, object{"version": 2})
	c.want(c.call(platform, "POST", versionOf(rolledExtension, 2)+"/yank", object{"reason": "no"}), 200)
	c.settle()
	c.expect(at, "stopped seen=0 upgraded=0 current=0 consent=0 by-hand=0 skipped=0 failed=0")
}

// interrupted does something once, before the n-th transaction of a store.
type interrupted struct {
	at   int
	do   func()
	seen int
}

func (h *interrupted) option(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		if stack.ID() != "TransactWriteItems" {
			return nil
		}
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("interrupted",
			func(ctx context.Context, in middleware.InitializeInput,
				next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				if h.seen++; h.seen == h.at {
					h.do()
				}
				return next.HandleInitialize(ctx, in)
			}), middleware.Before)
	})
}

// pageOf is the message for a roll-out's page.
func pageOf(at string, page int) events.RolloutPage {
	return events.RolloutPage{Extension: rolledExtension, Rollout: domain.RolloutID(at[strings.LastIndex(at, "/")+1:]),
		Page: page}
}

// writesOfThree is how many transactions a page of three installations takes: each starts, makes a step, and arrives;
// and the page is saved.
const writesOfThree = 3*3 + 1

func TestRule6_ARollOutIsPausedResumedAndCancelledMidPage(t *testing.T) {
	for _, c := range []struct {
		move, paused, end string
	}{
		{"pause", "paused seen=2 upgraded=2", "done seen=3 upgraded=3"},
		{"cancel", "cancelled seen=2 upgraded=2", "cancelled seen=2 upgraded=2"},
	} {
		t.Run(c.move, func(t *testing.T) {
			crowd := newCrowd(t, 3)
			at := crowd.start(platform, object{"version": 2})
			// within the second installation
			hook := &interrupted{at: 5, do: func() {
				crowd.want(crowd.call(platform, "POST", at+"/"+c.move, nil), 200)
			}}
			must(t, provisioning.New(crowd.tables.At(crowd.now, hook.option), crowd.sealer, crowd.now,
				domain.NewID).RollOut(t.Context(), pageOf(at, 0), false))
			const others = " current=0 consent=0 by-hand=0 skipped=0 failed=0"
			crowd.expect(at, c.paused+others)
			crowd.settle()
			if got, want := crowd.standing(), "enabled2 enabled2 enabled1"; got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
			if c.move == "pause" {
				crowd.want(crowd.call(platform, "POST", at+"/resume", nil), 200)
			}
			crowd.settle()
			crowd.expect(at, c.end+others)
		})
	}
}

func TestRule4_ARollOutKilledAnywhereReachesTheSameEnd(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; at <= writesOfThree; at++ {
			t.Run(fmt.Sprintf("write %d, after it %v", at, after), func(t *testing.T) {
				c := newCrowd(t, 3)
				c.takes(1)
				c.in(1, "PUT", "/v1/installations/"+rolledExtension+"/upgrade-policy",
					object{"policy": "automatic"}, 200)
				rollout := c.start(platform, object{"version": 2})
				kill := &killed{at: at, after: after}
				err := provisioning.New(c.tables.At(c.now, kill.option), c.sealer, c.now,
					domain.NewID).RollOut(t.Context(), pageOf(rollout, 0), false)
				if at <= writesOfThree-3 && !errors.Is(err, errKilled) {
					t.Fatalf("the page ended with %v after %d writes, want it killed", err, kill.writes)
				}
				c.settle()
				c.expect(rollout, "done seen=3 upgraded=2 current=0 consent=0 by-hand=0 skipped=0 failed=1")
				if got, want := c.standing(), "enabled2 enabled1 enabled2"; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				if got := c.eventsOf("installation.upgraded"); got != 2 {
					t.Errorf("got %d events of upgrades, want 2", got)
				}
			})
		}
	}
}

// What a cancelled roll-out has started arrives, even if the process died over it.
func TestRule4_WhatARollOutStartedArrivesWithoutIt(t *testing.T) {
	c := newCrowd(t, 1)
	rollout := c.start(platform, object{"version": 2})
	kill := &killed{at: 1, after: true}
	_ = provisioning.New(c.tables.At(c.now, kill.option), c.sealer, c.now, domain.NewID).RollOut(t.Context(),
		pageOf(rollout, 0), false)
	if got := c.standing(); got != "upgrading1" {
		t.Fatalf("got %s, want it on its way", got)
	}
	c.want(c.call(platform, "POST", rollout+"/cancel", nil), 200)
	c.settle()
	if got := c.standing(); got != "enabled2" {
		t.Errorf("got %s", got)
	}
}

func TestRule6_APageWorkedTwiceAtOnceCountsOnce(t *testing.T) {
	c := newCrowd(t, 4)
	rollout := c.start(platform, object{"version": 2})
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() { _ = c.workers.provisioning.RollOut(t.Context(), pageOf(rollout, 0), false) })
	}
	wait.Wait()
	c.settle()
	c.expect(rollout, "done seen=4 upgraded=4 current=0 consent=0 by-hand=0 skipped=0 failed=0")
	if got := c.eventsOf("installation.upgraded"); got != 4 {
		t.Errorf("got %d events of upgrades, want 4", got)
	}
}

// A failure of one installation's that no repetition cures is its own: the last receipt counts it, and goes on.
func TestRule6_AnInstallationThatFailsMidwayIsCountedAndWorksOn(t *testing.T) {
	c := newCrowd(t, 2)
	rollout := c.start(platform, object{"version": 2})
	hook := &interrupted{at: 2, do: func() { c.takes(0) }} // between the plan and its step
	must(t, provisioning.New(c.tables.At(c.now, hook.option), c.sealer, c.now, domain.NewID).RollOut(t.Context(),
		pageOf(rollout, 0), false))
	c.settle()
	c.expect(rollout, "done seen=2 upgraded=1 current=0 consent=0 by-hand=0 skipped=0 failed=1")
	if got := c.standing(); got != "failed1 enabled2" {
		t.Errorf("got %s", got)
	}
	i, err := c.tables.Installation(t.Context(), c.accounts[0], rolledExtension)
	must(t, err)
	if !i.Installed() || i.Failure.Goal != domain.Upgraded {
		t.Errorf("got %+v", i)
	}
}
