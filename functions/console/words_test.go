package console

import (
	"strings"
	"testing"

	"plugboard/shared/domain"
)

// People read what a token may do: a scope without words would be an empty line of a consent.
func TestWords_EveryScopeHasThem(t *testing.T) {
	for _, s := range domain.Scopes {
		if scopeWords[s] == "" || tokenScopeWords[s].Label == "" {
			t.Errorf("the scope %s has no words", s)
		}
	}
}

// Each failure says in a sentence why, and what the receiver can do about it.
func TestWords_EveryFailureIsExplained(t *testing.T) {
	titles := map[string]bool{}
	for _, class := range failureClasses {
		e := failureExplained(domain.Attempt{Failure: class, Status: 500, Reason: "It failed."}, "receiver.example")
		if e.Title == "" || e.Do == "" || !strings.HasSuffix(e.Text, ".") || titles[e.Title] {
			t.Errorf("%s is explained as %+v", class, e)
		}
		titles[e.Title] = true
		if failureWords[class] == "" {
			t.Errorf("%s has no short words", class)
		}
	}
	for status := 100; status < 600; status++ {
		if title, do := statusExplained(status, "receiver.example"); status/100 != 2 && (title == "" || do == "") {
			t.Errorf("%d is explained as %q, %q", status, title, do)
		}
	}
}

// A state that people see has a word of theirs.
func TestWords_EveryStateHasThem(t *testing.T) {
	for _, s := range deliveryStates {
		if deliveryPills[s].Word == "" || deliveryPills[s].Word == string(s) {
			t.Errorf("deliveries that are %s have no word", s)
		}
	}
	for _, s := range []domain.ReplayState{
		domain.ReplayRunning, domain.ReplayPaused, domain.ReplayStopped, domain.ReplayDone, domain.ReplayCancelled,
	} {
		if recoveryPills[s].Word == "" {
			t.Errorf("recoveries that are %s have no word", s)
		}
	}
}
