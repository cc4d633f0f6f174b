package auth_test

import (
	"testing"

	"plugboard/shared/auth"
	"plugboard/shared/domain"
)

// The stage names the claim of the platform's staff. Nothing but true makes an operator, and nobody is one where the
// stage names none.
func TestSignedIn_AnOperatorIsWhomTheStagesClaimNames(t *testing.T) {
	key := newKey(t, "one")
	for name, test := range map[string]struct {
		claim    string // that the stage names
		claims   map[string]any
		operator bool
		refused  bool
	}{
		"staff without an account":     {"staff", map[string]any{"staff": true, "plugboard_account": nil}, true, false},
		"staff with an account":        {"staff", map[string]any{"staff": true}, true, false},
		"a customer":                   {"staff", nil, false, false},
		"a customer without account":   {"staff", map[string]any{"plugboard_account": nil}, false, true},
		"false":                        {"staff", map[string]any{"staff": false}, false, false},
		"a text":                       {"staff", map[string]any{"staff": "true"}, false, false},
		"another case of the name":     {"staff", map[string]any{"Staff": true}, false, false},
		"a stage that names no claim":  {"", map[string]any{"staff": true, "": true}, false, false},
		"no account, no claim's stage": {"", map[string]any{"staff": true, "plugboard_account": nil}, false, true},
	} {
		c := config(encoded(t, key.set()))
		c.OperatorClaim = test.claim
		o, err := auth.NewOIDC(c, domain.SystemClock)
		if err != nil {
			t.Fatal(err)
		}
		in, err := o.SignedIn(t.Context(), key.sign(t, func(claims map[string]any) {
			for claim, value := range test.claims {
				if claims[claim] = value; value == nil {
					delete(claims, claim)
				}
			}
		}))
		if (err != nil) != test.refused || in.Operator != test.operator {
			t.Errorf("%s: got %+v, %v", name, in, err)
		}
	}
}
