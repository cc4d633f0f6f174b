package domain

import (
	"net/mail"
	"strings"
	"unicode"
)

// LineProblem says why text cannot be a name, an id or any other single line; empty when it can. Refused is what ends
// a line or a header, and what makes a text read as another one: the bidirectional overrides and isolates of
// "Trojan Source" (CVE-2021-42574), and characters that nobody sees. The joiners of emoji, Persian and the scripts of
// India stay, and so do the marks of direction, which reorder nothing but what stands beside them.
func LineProblem(text string) string {
	if HasControl(text) || strings.ContainsFunc(text, misleads) {
		return "This holds a control character, or one that hides or reorders text."
	}
	return ""
}

// TextProblem is LineProblem for what may have several lines: line feeds and tabs are fine.
func TextProblem(text string) string {
	return LineProblem(strings.NewReplacer("\n", "", "\r\n", "", "\t", "").Replace(text))
}

// ValueProblem is TextProblem for what people write in any language into a contract: direction may be set in it.
func ValueProblem(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) }) {
		return "This holds a control character."
	}
	return ""
}

// HasControl tells whether text would end a header and begin another, or mislead who reads it: it holds a control
// character, or one that Unicode breaks lines at.
func HasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' })
}

func misleads(r rune) bool {
	switch {
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069': // embeddings, overrides and isolates
		return true
	case r == '\u00ad', r == '\u200b', r == '\u2060', r == '\ufeff': // soft hyphen, zero-width space, word joiner, byte order mark
		return true
	}
	return false
}

// EmailProblem says why text is no e-mail address and nothing else; empty when it is one. RFC 5322 would also take
// names, comments and quotes around it, by which one address could pass for two.
func EmailProblem(text string) string {
	if a, err := mail.ParseAddress(text); err != nil || a.Address != text {
		return "This is no e-mail address alone, like ada@example.com."
	}
	return ""
}
