package domain

import (
	"iter"
	"slices"
	"strings"
	"unicode"
)

// Words are not identifiers: a name may hold every character that its language needs, and is judged as a whole.
// Refused are line ends, which could end a header, and characters that only make a name read as another one.

// LineProblem says why text cannot be a name or any other single line; empty when it can.
func LineProblem(text string) string {
	if HasControl(text) {
		return "This holds a control character."
	}
	runes := []rune(text)
	if slices.ContainsFunc(runes, onlyMisleads) || !directionsEnd(runes) {
		return "This holds a character that hides or reorders text."
	}
	if !slices.ContainsFunc(runes, invisible) {
		return ""
	}
	before := lastVisible(slices.Values(runes), len(runes))
	after := lastVisible(reversed(runes), len(runes))
	slices.Reverse(after)
	for at, r := range runes {
		if invisible(r) && !belongs(r, before[at], after[at]) && !(isTag(r) && flagged(runes, at)) {
			return "This holds an invisible character where no writing needs one."
		}
	}
	return ""
}

// TextProblem is LineProblem for what may have several lines: line feeds and tabs are fine.
func TextProblem(text string) string {
	for _, line := range strings.Split(strings.NewReplacer("\r\n", "\n", "\t", " ").Replace(text), "\n") {
		if problem := LineProblem(line); problem != "" {
			return problem
		}
	}
	return ""
}

// ValueProblem is TextProblem for what people write in any language into a contract: direction may be set in it.
func ValueProblem(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r)
	}) {
		return "This holds a control character."
	}
	return ""
}

// HasControl tells whether text holds a control character, or a Unicode line separator. Such a text would end a
// header and begin another, or mislead its reader.
func HasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	})
}

// onlyMisleads tells of characters that no name needs: overrides of direction ("Trojan Source", CVE-2021-42574), the
// byte order mark, mathematics that nobody sees, formats that Unicode deprecates, and marks of annotation.
func onlyMisleads(r rune) bool {
	switch {
	case r == '\u202d', r == '\u202e', r == '\ufeff', r >= '\u2061' && r <= '\u2064', r >= '\u206a' && r <= '\u206f',
		r >= '\ufff9' && r <= '\ufffb':
		return true
	}
	return false
}

// directionsEnd tells whether every embedding and isolate that begins in the text ends in it, and the other way round.
// A contact list puts a pair around each name, which moves nothing outside of it.
func directionsEnd(runes []rune) bool {
	var open []rune
	for _, r := range runes {
		switch {
		case r == '\u202a' || r == '\u202b':
			open = append(open, '\u202c')
		case r >= '\u2066' && r <= '\u2068':
			open = append(open, '\u2069')
		case r == '\u202c' || r == '\u2069':
			if len(open) == 0 || open[len(open)-1] != r {
				return false
			}
			open = open[:len(open)-1]
		}
	}
	return len(open) == 0
}

// invisible tells of characters that show nothing by themselves, and belong beside certain others.
func invisible(r rune) bool {
	switch {
	// the last two are joiners
	case r == softHyphen, r == zeroWidthSpace, r == wordJoiner, r == '\u200c', r == '\u200d':
		return true
	case slices.Contains([]rune{'\u3164', '\uffa0', '\u115f', '\u1160'}, r): // fillers of Hangul
		return true
	case isTag(r):
		return true
	}
	return false
}

const (
	softHyphen     = '\u00ad'
	zeroWidthSpace = '\u200b'
	wordJoiner     = '\u2060'
	blackFlag      = '\U0001f3f4'
	endOfTags      = '\U000e007f'
)

// isTag tells of the characters that spell the name of a region in an emoji of its flag (Unicode Technical Standard
// 51).
func isTag(r rune) bool { return r >= '\U000e0020' && r <= endOfTags }

// wordsUnspaced are the scripts whose words a zero-width space parts (The Unicode Standard, 23.2).
var wordsUnspaced = []*unicode.RangeTable{
	unicode.Khmer, unicode.Thai, unicode.Lao, unicode.Myanmar, unicode.Tibetan, unicode.Tai_Tham, unicode.New_Tai_Lue,
	unicode.Tai_Viet,
	unicode.Balinese, unicode.Javanese,
}

// belongs tells whether an invisible character stands where writing needs it: between what shows before and after it.
func belongs(r, before, after rune) bool {
	switch {
	case r == zeroWidthSpace:
		return unicode.In(before, wordsUnspaced...) || unicode.In(after, wordsUnspaced...)
	case r == softHyphen:
		return wordy(before) && wordy(after)
	case r == wordJoiner, r == '\u200d', r == '\u200c':
		return before != 0
	case isTag(r):
		return false
	}
	return unicode.Is(unicode.Hangul, before) || unicode.Is(unicode.Hangul, after)
}

// lastVisible is, for each character, the last visible character before it; 0 for none.
func lastVisible(runes iter.Seq[rune], n int) []rune {
	last, all := rune(0), make([]rune, 0, n)
	for r := range runes {
		all = append(all, last)
		if !invisible(r) && !unicode.Is(unicode.Cf, r) {
			last = r
		}
	}
	return all
}

func reversed(runes []rune) iter.Seq[rune] {
	return func(yield func(rune) bool) {
		for _, r := range slices.Backward(runes) {
			if !yield(r) {
				return
			}
		}
	}
}

func wordy(r rune) bool { return unicode.In(r, unicode.L, unicode.M, unicode.N) }

// mostTags is the length of the longest name of a region, with its end.
const mostTags = 7

// flagged tells whether the tag at that place is part of a flag that ends.
func flagged(runes []rune, at int) bool {
	from, to := at, at
	for from > 0 && at-from < mostTags && isTag(runes[from]) {
		from--
	}
	for to < len(runes)-1 && to-at < mostTags && isTag(runes[to]) && runes[to] != endOfTags {
		to++
	}
	return runes[from] == blackFlag && runes[to] == endOfTags
}
