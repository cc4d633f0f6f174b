package delivery

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
)

// The encodings in which an endpoint may return a secret. Any character may be escaped, in upper or lower case. A
// second escape may lie around the first.

// decoded is a text with its escapes resolved. Byte i of text was read at starts[i] of the original text. A last
// entry in starts marks the end.
type decoded struct {
	text   string
	starts []int
}

// unescape resolves the escape at the beginning of rest. size is 0 when rest begins with no escape. open is true when
// rest ends inside the escape.
type unescape func(rest string) (plain string, size int, open bool)

// nesting is how many escapes around each other are resolved: an answer in JSON may quote a page in HTML.
const nesting = 2

// decodings are the original text and then every reading of it with escapes resolved. cut is true when the text was
// cut off.
func decodings(text string, cut bool) []decoded {
	asItCame := decoded{text, make([]int, len(text)+1)}
	for i := range asItCame.starts {
		asItCame.starts[i] = i
	}
	all, from := []decoded{asItCame}, 0
	for range nesting {
		latest := all[from:]
		from = len(all)
		for _, d := range latest {
			for _, u := range []unescape{fromJSON, fromHTML, fromPercent, fromForm} {
				if next, changed := d.by(u, cut); changed {
					all = append(all, next)
				}
			}
		}
	}
	return all
}

// by is d with escapes of one kind resolved. When the text was cut off inside an escape, the reading ends before it.
func (d decoded) by(u unescape, cut bool) (next decoded, changed bool) {
	var text strings.Builder
	at := 0
	for at < len(d.text) {
		plain, size, open := u(d.text[at:])
		if open && cut {
			changed = true
			break
		}
		if changed = changed || size > 0; size == 0 {
			plain, size = d.text[at:at+1], 1
		}
		for range len(plain) {
			next.starts = append(next.starts, d.starts[at])
		}
		text.WriteString(plain)
		at += size
	}
	next.text, next.starts = text.String(), append(next.starts, d.starts[at])
	return next, changed
}

// source is where the bytes from..to of d stand in the original text. A part of an escape counts as the whole escape.
func (d decoded) source(from, to int) span {
	from, to = max(from, 0), min(to, len(d.text))
	end := to
	for d.starts[end] == d.starts[to-1] {
		end++
	}
	return span{d.starts[from], d.starts[end]}
}

var shortEscapes = map[byte]string{
	'"': `"`, '\'': "'", '\\': `\`, '/': "/", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t",
}

// fromJSON also knows `\x41`, which JavaScript and Python write.
func fromJSON(rest string) (string, int, bool) {
	switch {
	case rest[0] != '\\':
		return "", 0, false
	case len(rest) == 1:
		return "", 0, true
	case rest[1] == 'x':
		b, size, open := digits(rest, `\x`, 2)
		return string([]byte{byte(b)}), size, open
	case rest[1] != 'u':
		plain, known := shortEscapes[rest[1]]
		if !known {
			return "", 0, false
		}
		return plain, 2, false
	}
	first, size, open := digits(rest, `\u`, 4)
	if size == 0 || !utf16.IsSurrogate(rune(first)) {
		return string(rune(first)), size, open
	}
	second, more, open := digits(rest[size:], `\u`, 4)
	if more == 0 {
		return "", 0, open
	}
	return string(utf16.DecodeRune(rune(first), rune(second))), size + more, false
}

// digits reads mark and then n hexadecimal digits.
func digits(rest, mark string, n int) (value uint64, size int, open bool) {
	most := len(mark) + n
	if len(rest) < most {
		after, marked := strings.CutPrefix(rest, mark)
		_, err := strconv.ParseUint("0"+after, 16, 32)
		return 0, 0, strings.HasPrefix(mark, rest) || marked && err == nil
	}
	if rest[:len(mark)] != mark {
		return 0, 0, false
	}
	value, err := strconv.ParseUint(rest[len(mark):most], 16, 32)
	if err != nil {
		return 0, 0, false
	}
	return value, most, false
}

func fromPercent(rest string) (string, int, bool) {
	if rest[0] != '%' {
		return "", 0, false
	}
	b, size, open := digits(rest, "%", 2)
	return string([]byte{byte(b)}), size, open
}

// fromForm is fromPercent in forms and queries, where a plus is a space.
func fromForm(rest string) (string, int, bool) {
	if rest[0] == '+' {
		return " ", 1, false
	}
	return fromPercent(rest)
}

// longestEntity is in bytes: `&CounterClockwiseContourIntegral;` has 33, and numbers may have leading zeros.
const longestEntity = 40

func fromHTML(rest string) (string, int, bool) {
	if rest[0] != '&' {
		return "", 0, false
	}
	size := 1
	for size < min(len(rest), longestEntity) && entityPart(rest[size]) {
		size++
	}
	open := size == len(rest)
	if !open && rest[size] == ';' {
		size++
	}
	plain := html.UnescapeString(rest[:size])
	if plain == rest[:size] {
		return "", 0, open
	}
	return plain, size, open
}

func entityPart(c byte) bool {
	return c == '#' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
