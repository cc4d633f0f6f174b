package auth_test

import (
	"testing"

	"plugboard/shared/auth"
	"plugboard/shared/domain"
)

func TestRule28_OnlyMembersAreLimitedToTheirWorkspaces(t *testing.T) {
	member := &domain.User{ID: "mel", Role: domain.Member, Workspaces: []domain.WorkspaceID{"sales"}}
	nowhere := &domain.User{ID: "noa", Role: domain.Member}
	admin := &domain.User{ID: "ada", Role: domain.Admin}
	token := &domain.Token{ID: "tok", Extension: "acme"}
	for name, test := range map[string]struct {
		caller       auth.Caller
		sales, legal bool
	}{
		"a member":                     {auth.Caller{Model: auth.ModelDashboard, User: member}, true, false},
		"a member without a workspace": {auth.Caller{Model: auth.ModelDashboard, User: nowhere}, false, false},
		"an admin":                     {auth.Caller{Model: auth.ModelDashboard, User: admin}, true, true},
		"a token that acts for nobody": {auth.Caller{Model: auth.ModelIntegration, Token: token}, true, true},
		"a token that acts for a member": {auth.Caller{Model: auth.ModelIntegration, Token: token, User: member},
			true, false},
		"a token that acts for an admin": {auth.Caller{Model: auth.ModelIntegration, Token: token, User: admin}, true,
			true},
		"the platform": {auth.Caller{Model: auth.ModelPlatform}, true, true},
	} {
		if sales, legal := test.caller.Reaches("sales"), test.caller.Reaches("legal"); sales != test.sales ||
			legal != test.legal {
			t.Errorf("%s reaches sales: %v, legal: %v; want %v, %v", name, sales, legal, test.sales, test.legal)
		}
	}
}

func TestCaller_OpensSessionsInItsOwnName(t *testing.T) {
	user, token := &domain.User{ID: "mel"}, &domain.Token{ID: "tok", Extension: "acme"}
	own := &domain.Token{ID: "own"}
	for _, test := range []struct {
		caller auth.Caller
		want   domain.SessionOpener
	}{
		{auth.Caller{User: user}, domain.SessionOpener{User: "mel"}},
		{auth.Caller{Token: token}, domain.SessionOpener{Token: "tok", Extension: "acme"}},
		{auth.Caller{Token: token, User: user}, domain.SessionOpener{User: "mel", Token: "tok", Extension: "acme"}},
		{auth.Caller{Token: own}, domain.SessionOpener{Token: "own"}},
	} {
		if got := test.caller.SessionOpener(); got != test.want {
			t.Errorf("got %+v, want %+v", got, test.want)
		}
	}
}
