package console

import (
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
