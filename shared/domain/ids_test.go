package domain

import (
	"strings"
	"testing"
)

func TestPossible_RefusesIDsThatNoKeyTakes(t *testing.T) {
	for _, id := range []string{"", "\xff", "a\x00", "é", "a\n", strings.Repeat("a", 3000)} {
		if AccountID(id).Possible() || UserID(id).Possible() || ExtensionID(id).Possible() {
			t.Errorf("%.20q is taken for an id", id)
		}
	}
	for id, want := range map[string]bool{"auth0|6539ab": true, "CN=Ada Berg,OU=Staff,O=Acme": true,
		"S//808E9UOiYKKAkagOBLGxvuLUbDCXlp8sZz6ilew8=": true, strings.Repeat("x", 255): true,
		strings.Repeat("x", 256): false} {
		if got := UserID(id).Possible(); got != want {
			t.Errorf("%.40s: got %t, want %t", id, got, want)
		}
	}
}
