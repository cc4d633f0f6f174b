package domain

import (
	"maps"
	"testing"
)

// What an installation takes of a quota is counted once: through its whole life, and when an earlier version disabled
// it and left its template types counted.
func TestRule27_AnInstallationIsCountedOnce(t *testing.T) {
	resources := []ManagedResource{{Kind: StepTemplateType, ID: "tt_1"}, {Kind: StepTemplateType, ID: "tt_2"}}
	in := func(state InstallationState, released bool) Installation {
		return Installation{State: state, Resources: resources, Released: released}
	}
	gone := Use{QuotaInstallations: -1, QuotaTemplateTypes: -2}
	enabled := Use{QuotaInstallations: 1, QuotaTemplateTypes: 2, QuotaManagedWebhooks: 0}
	for name, test := range map[string]struct {
		before, after Installation
		want          Use
	}{
		"enabled for the first time":  {Installation{}, in(Enabling, false), enabled},
		"enabled again":               {in(Disabled, true), in(Enabling, true), enabled},
		"disabled":                    {in(Disabling, false), in(Disabled, true), gone},
		"disabled again":              {in(Disabling, true), in(Disabled, true), gone},
		"enabled again, left counted": {in(Disabled, false), in(Enabling, false), Use{QuotaInstallations: 1}},
		"suspended":                   {in(Enabled, false), in(Suspended, false), Use{}},
	} {
		got := Use{}
		got.Change(test.before, test.after)
		drop := func(q Quota, n int) bool { return n == 0 }
		maps.DeleteFunc(got, drop)
		maps.DeleteFunc(test.want, drop)
		if !maps.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}
