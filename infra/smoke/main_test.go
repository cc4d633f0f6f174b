package main

import (
	"encoding/base64"
	"testing"
)

// The test deletes its account: a token of a customer's must not get that far.
func TestUserOf_TakesATokenOfATestAccountAlone(t *testing.T) {
	jwt := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	got, err := userOf(jwt(`{"plugboard_account":"smoke-1","sub":"olga"}`))
	if err != nil || got != (user{"smoke-1", "olga"}) {
		t.Errorf("got %v, %v", got, err)
	}
	for name, token := range map[string]string{
		"nothing": "", "no JWT": "pb_live_x", "no JSON": "e30.%%%.c2ln",
		"a customer's":  jwt(`{"plugboard_account":"shop","sub":"ada"}`),
		"of no account": jwt(`{"sub":"ada"}`), "of nobody": jwt(`{"plugboard_account":"smoke-1"}`),
		"one that names it inside": jwt(`{"plugboard_account":"shop-smoke-1","sub":"ada"}`),
	} {
		if got, err := userOf(token); err == nil {
			t.Errorf("%s was taken: %v", name, got)
		}
	}
}
