package console

import (
	"slices"
	"strconv"
	"strings"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// What people read for what the API names.

// pill is a state: an icon and a word. Tones: good works, busy is under way, ask needs a person, bad failed, off is off
// on purpose.
type pill struct{ Tone, Icon, Word string }

var states = map[domain.InstallationState]pill{
	domain.Enabling:  {"busy", "clock", "Setting up"},
	domain.Enabled:   {"good", "check", "Enabled"},
	domain.Upgrading: {"busy", "clock", "Upgrading"},
	domain.Suspended: {"off", "pause", "Suspended"},
	domain.Failed:    {"bad", "cross", "Stopped"},
	domain.Disabling: {"busy", "clock", "Being disabled"},
	domain.Disabled:  {"off", "minus", "Disabled"},
}

// pillOf is an installation's state, with what is wrong before what works.
func pillOf(i contract.InstallationView) pill {
	switch {
	case i.State == domain.Enabled && i.Setup != nil && i.Setup.State == domain.SetupPending:
		return pill{"busy", "clock", "Waits for its maker"}
	case i.State == domain.Enabled && i.Setup != nil && i.Setup.State == domain.SetupFailed:
		return pill{"ask", "warn", "Not set up by its maker"}
	case i.State == domain.Enabled && i.Drift != nil:
		return pill{"ask", "warn", "Differs from its blueprint"}
	}
	return states[i.State]
}

var scopeWords = map[domain.Scope]string{
	domain.ScopeContractsRead:   "Read contracts",
	domain.ScopeContractsWrite:  "Create and change contracts",
	domain.ScopeParticipantsAct: "Open sessions in which it can fill in, sign and decline as any participant",
	domain.ScopeTemplatesRead:   "Read templates",
	domain.ScopeTemplatesWrite:  "Change templates",
	domain.ScopeWebhooksRead:    "Read its webhooks",
	domain.ScopeWebhooksWrite:   "Create and change webhooks",
	domain.ScopeWebhooksSecrets: "Rotate its webhooks' secrets",
	domain.ScopeDeliveriesPull:  "Listen to its webhooks' deliveries",
	domain.ScopeCatalogueRead:   "Read the catalogue of extensions",
}

func scopesInWords(scopes []domain.Scope) []string {
	words := []string{}
	for _, s := range scopes {
		words = append(words, scopeWords[s])
	}
	return words
}

// heard says of which events something hears: "a contract that is created or signed; a data field that is updated".
func heard(types []string) string {
	var nouns []string
	verbs := map[string][]string{}
	for _, t := range types {
		noun, verb, _ := strings.Cut(t, ".")
		if !slices.Contains(nouns, noun) {
			nouns = append(nouns, noun)
		}
		verbs[noun] = append(verbs[noun], strings.ReplaceAll(verb, "_", " "))
	}
	var clauses []string
	for _, noun := range nouns {
		article := "a "
		if strings.ContainsAny(noun[:1], "aeiou") {
			article = "an "
		}
		clauses = append(clauses, article+strings.ReplaceAll(noun, "_", " ")+" that is "+joined(verbs[noun], "or"))
	}
	return joined(clauses, "and")
}

var small = []string{"No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten"}

// counted is a number with its noun, at the beginning of a sentence.
func counted(n int, one, many string) string {
	if n >= len(small) {
		return numbered(n, one, many)
	}
	return strings.Replace(numbered(n, one, many), strconv.Itoa(n), small[n], 1)
}

// numbered is the same in figures.
func numbered(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// texts are values of a named type, as plain texts.
func texts[T ~string](all []T) []string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = string(v)
	}
	return out
}
