package domain_test

import (
	"slices"
	"testing"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func TestRule5_WhatFailedInAnUpgradeIsSuspendedAndResumedAsItWas(t *testing.T) {
	failed := domain.Installation{Extension: "acme", State: domain.Failed,
		Failure: &domain.Failure{Step: "webhook", Goal: domain.Upgraded}}
	i, err := failed.Suspend(domain.SuspendedByPlatform, now)
	if err != nil || i.State != domain.Suspended || i.Installed() || i.Checkable() {
		t.Fatalf("suspended it is %+v, %v", i, err)
	}
	if _, err := i.Retry(now); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a retry while it is suspended: %v", err)
	}
	i, err = i.Resume(domain.SuspendedByPlatform, now)
	if err != nil || i.State != domain.Failed || !i.Installed() || *i.Failure != *failed.Failure {
		t.Errorf("resumed it is %+v, %v", i, err)
	}
	for _, goal := range []domain.InstallationState{domain.Enabled, domain.Disabled} {
		if _, err := (domain.Installation{State: domain.Failed, Failure: &domain.Failure{Goal: goal}}).
			Suspend(domain.SuspendedByAdmin, now); fault.KindOf(err) != fault.Conflict {
			t.Errorf("failed on its way to %s: %v", goal, err)
		}
	}
}

// TestRule5_OnlyTheNamedMovesExist walks every state × every move.
func TestRule5_OnlyTheNamedMovesExist(t *testing.T) {
	states := []domain.InstallationState{domain.Enabling, domain.Enabled, domain.Upgrading, domain.Suspended,
		domain.Failed, domain.Disabling, domain.Disabled}
	moves := map[string]func(domain.Installation) (domain.Installation, error){
		"suspend": func(i domain.Installation) (domain.Installation, error) {
			return i.Suspend(domain.SuspendedByAdmin, now)
		},
		"resume": func(i domain.Installation) (domain.Installation, error) {
			return i.Resume(domain.SuspendedByAdmin, now)
		},
		"disable": func(i domain.Installation) (domain.Installation, error) { return i.Disable(now) },
		"retry":   func(i domain.Installation) (domain.Installation, error) { return i.Retry(now) },
		"upgrade": func(i domain.Installation) (domain.Installation, error) {
			return i.StartUpgrade(domain.UpgradePlan{To: 2}, "", now)
		},
	}
	allowed := map[string]map[domain.InstallationState]domain.InstallationState{
		"suspend": {domain.Enabled: domain.Suspended, domain.Suspended: domain.Suspended},
		"resume":  {domain.Suspended: domain.Enabled, domain.Enabled: domain.Enabled},
		"disable": {domain.Enabled: domain.Disabling, domain.Suspended: domain.Disabling,
			domain.Failed: domain.Disabling, domain.Disabling: domain.Disabling, domain.Disabled: domain.Disabled},
		"retry":   {domain.Failed: domain.Enabling},
		"upgrade": {domain.Enabled: domain.Upgrading},
	}
	for _, from := range states {
		for name, move := range moves {
			i := domain.Installation{Extension: "acme", State: from, Epoch: 3}
			if from == domain.Suspended {
				i.SuspendedBy = []domain.Suspender{domain.SuspendedByAdmin}
			}
			if from == domain.Failed {
				i.Failure = &domain.Failure{Goal: domain.Enabled}
			}
			got, err := move(i)
			want, may := allowed[name][from]
			switch {
			case may && (err != nil || got.State != want):
				t.Errorf("%s from %s gave %s, %v; want %s", name, from, got.State, err, want)
			case !may && (fault.KindOf(err) != fault.Conflict || got.State != from):
				t.Errorf("%s from %s gave %s, %v; want Conflict", name, from, got.State, err)
			}
		}
	}
}

func TestRule5_EveryDisableRaisesTheEpochOnce(t *testing.T) {
	i := domain.Installation{State: domain.Enabled, Epoch: 3, SuspendedBy: []domain.Suspender{domain.SuspendedByAdmin}}
	first, err := i.Disable(now)
	if err != nil || first.Epoch != 4 || len(first.SuspendedBy) != 0 {
		t.Errorf("disabling gave epoch %d, suspended by %v, %v; want 4, nobody", first.Epoch, first.SuspendedBy, err)
	}
	if again, err := first.Disable(now); err != nil || again.Epoch != 4 {
		t.Errorf("disabling again gave epoch %d, %v; want 4", again.Epoch, err)
	}
}

func TestRule5_FailedGoesOnWhereItWasGoing(t *testing.T) {
	for state, goal := range map[domain.InstallationState]domain.InstallationState{domain.Enabling: domain.Enabled,
		domain.Upgrading: domain.Upgraded, domain.Disabling: domain.Disabled} {
		failed := domain.Installation{State: state}.Fail("webhook contracts", "because", now)
		if failed.State != domain.Failed || failed.Failure.Goal != goal || failed.Failure.Step != "webhook contracts" {
			t.Errorf("failing while %s gave %+v", state, failed.Failure)
		}
		if retried, err := failed.Retry(now); err != nil || retried.State != state || retried.Failure != nil {
			t.Errorf("retrying gave %s, %v; want %s", retried.State, err, state)
		}
	}
}

// The moves are values: what was read stays as it was, so that a failed commit leaves nothing behind.
func TestInstallation_MovesLeaveTheOriginalAlone(t *testing.T) {
	i := domain.Installation{State: domain.Suspended, SuspendedBy: []domain.Suspender{domain.SuspendedByPlatform,
		domain.SuspendedByAdmin}, Resources: []domain.ManagedResource{{ID: "a"}}}
	if _, err := i.Resume(domain.SuspendedByPlatform, now); err != nil {
		t.Fatal(err)
	}
	other := i
	other.Own(domain.ManagedResource{ID: "a", Name: "changed"})
	if !slices.Equal(i.SuspendedBy, []domain.Suspender{domain.SuspendedByPlatform, domain.SuspendedByAdmin}) ||
		i.Resources[0].Name != "" {
		t.Errorf("the original became %+v", i)
	}
}
