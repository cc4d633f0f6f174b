package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// A scan looks at a JSON text as bytes, before anything decodes it. Go's decoder replaces bytes that are not UTF-8 by
// U+FFFD, merges a name that comes twice, and gives up at a number or a depth without saying where.

const (
	// maxName is the length in characters of the longest name. A name stands in the pointer to each mistake under it:
	// without a limit, a body of 256 KB could have gigabytes of them.
	maxName = 256
	// maxDepth is how many objects and lists may stand in each other. Go's decoder ends at 10,000.
	maxDepth = 100
	// A number that is not zero lies between these. They are DynamoDB's range:
	// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
	leastNumber, mostNumber = 1e-130, 1e126
)

const (
	codeNotUTF8       = "not-utf-8"
	codeLoneSurrogate = "lone-surrogate"
	codeOutOfRange    = "out-of-range"
)

const notUTF8 = "This holds bytes that are not UTF-8."

type scan struct {
	text []byte
	at   int
	// itemsApart says that each item of the list "items" is scanned by itself.
	itemsApart bool

	pointer string
	depth   int
	most    int           // limit of recorded faults
	wrong   []fault.Field // with any of these, the text is not decoded
	numbers []scanNumber  // out of range; the rest of the text can be decoded
	items   []scanItem    // with faults
	id      string        // the text's own, of its name "id"
}

type scanNumber struct {
	from, to int
	fault.Field
}

type scanItem struct {
	place, from, to int
	id              string
	wrong           []fault.Field
}

// scanned is the scan of a text. Text that is not JSON is left to the decoder.
func scanned(text []byte, itemsApart bool) *scan {
	s := &scan{text: text, itemsApart: itemsApart, most: maxErrors}
	s.value()
	return s
}

// decodable is the text that the decoder reads. A zero replaces each number out of range. An object of an id and a
// digest replaces each item with faults; the digest keeps two different texts different.
func (s *scan) decodable() []byte {
	if len(s.numbers) == 0 && len(s.items) == 0 {
		return s.text
	}
	var b bytes.Buffer
	done := 0
	put := func(from, to int, instead []byte) {
		b.Write(s.text[done:from])
		b.Write(instead)
		done = to
	}
	numbers, items := s.numbers, s.items
	for len(numbers) > 0 || len(items) > 0 {
		if len(items) == 0 || len(numbers) > 0 && numbers[0].from < items[0].from {
			put(numbers[0].from, numbers[0].to, []byte("0"))
			numbers = numbers[1:]
			continue
		}
		i := items[0]
		instead, _ := json.Marshal(map[string]string{"id": i.id, "": digest(string(s.text[i.from:i.to]))}) // two texts
		put(i.from, i.to, instead)
		items = items[1:]
	}
	b.Write(s.text[done:])
	return b.Bytes()
}

func (s *scan) add(code, format string, args ...any) {
	if len(s.wrong) < s.most {
		s.wrong = append(s.wrong, fault.Field{Pointer: s.pointer, Code: code, Detail: fmt.Sprintf(format, args...)})
	}
}

func (s *scan) space() {
	for s.at < len(s.text) && bytes.IndexByte([]byte(" \t\r\n"), s.text[s.at]) >= 0 {
		s.at++
	}
}

// takes passes c, after white space; false when c does not come next.
func (s *scan) takes(c byte) bool {
	s.space()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// value passes one value; false when no value comes next.
func (s *scan) value() bool {
	s.space()
	if s.at == len(s.text) {
		return false
	}
	switch c := s.text[s.at]; {
	case c == '{' || c == '[':
		if s.depth == maxDepth {
			s.add("too-deep", "At most %d objects and lists may stand in each other.", maxDepth)
			return s.skip()
		}
		s.depth++
		defer func() { s.depth-- }()
		if c == '{' {
			return s.object()
		}
		return s.list(nil)
	case c == '"':
		_, ok := s.string()
		return ok
	case c == '-' || c >= '0' && c <= '9':
		s.number()
		return true
	case c >= 'a' && c <= 'z':
		for s.at < len(s.text) && s.text[s.at] >= 'a' && s.text[s.at] <= 'z' {
			s.at++
		}
		return true
	}
	return false
}

// under runs f with the pointer to a part.
func (s *scan) under(part string, f func() bool) bool {
	outer := s.pointer
	s.pointer += "/" + part
	defer func() { s.pointer = outer }()
	return f()
}

func (s *scan) object() bool {
	s.at++
	if s.takes('}') {
		return true
	}
	seen := map[string]bool{}
	for {
		s.space()
		name, ok := s.string()
		if !ok || !s.takes(':') {
			return false
		}
		short := []rune(name)
		switch {
		case len(short) > maxName:
			s.add("too-long", "the name %q… has more than %d characters", string(short[:20]), maxName)
			short = short[:20]
		case seen[name]:
			s.under(domain.EscapePointer(name), func() bool {
				s.add("duplicate", "the name %q comes twice in an object", name)
				return true
			})
		}
		if !s.under(domain.EscapePointer(string(short)), func() bool { return s.member(name, seen[name]) }) {
			return false
		}
		seen[name] = true
		if !s.takes(',') {
			return s.takes('}')
		}
	}
}

// member passes the value of a name.
func (s *scan) member(name string, again bool) bool {
	s.space()
	from, faults := s.at, len(s.wrong)
	if s.itemsApart && s.depth == 1 && name == "items" && s.at < len(s.text) && s.text[s.at] == '[' {
		s.depth++
		defer func() { s.depth-- }()
		return s.list(s.item)
	}
	ok := s.value()
	if ok && s.depth == 1 && name == "id" {
		s.id = ""
		if !again && len(s.wrong) == faults {
			s.id = string(sentIDOf(s.text[from:s.at]))
		}
	}
	return ok
}

// list passes a list and each of its items. A nil item passes them as values.
func (s *scan) list(item func(place int) bool) bool {
	s.at++
	if s.takes(']') {
		return true
	}
	for place := 0; ; place++ {
		ok := s.under(strconv.Itoa(place), func() bool {
			if item != nil {
				return item(place)
			}
			return s.value()
		})
		if !ok {
			return false
		}
		if !s.takes(',') {
			return s.takes(']')
		}
	}
}

// item scans an item by itself. Its pointers begin in the item, and it may be as deep as a body.
func (s *scan) item(place int) bool {
	s.space()
	own := &scan{text: s.text, at: s.at, most: maxItemErrors}
	if !own.value() {
		return false
	}
	for _, n := range own.numbers {
		own.wrong = append(own.wrong, n.Field)
	}
	if len(own.wrong) > 0 {
		s.items = append(s.items, scanItem{place: place, from: s.at, to: own.at, id: own.id, wrong: own.wrong})
	}
	s.at = own.at
	return true
}

// skip passes an object or a list, however deep.
func (s *scan) skip() bool {
	for open := 0; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '"':
			end, ok := s.end()
			if !ok {
				return false
			}
			s.at = end - 1
		case '{', '[':
			open++
		case '}', ']':
			if open--; open == 0 {
				s.at++
				return true
			}
		}
	}
	return false
}

// end is the position after the string that begins here.
func (s *scan) end() (int, bool) {
	for at := s.at + 1; at < len(s.text); at++ {
		switch s.text[at] {
		case '\\':
			at++
		case '"':
			return at + 1, true
		}
	}
	return 0, false
}

// string passes a string and returns its content.
func (s *scan) string() (string, bool) {
	if s.at == len(s.text) || s.text[s.at] != '"' {
		return "", false
	}
	end, ok := s.end()
	if !ok {
		return "", false
	}
	raw := s.text[s.at:end]
	s.at = end
	switch {
	case !utf8.Valid(raw):
		s.add(codeNotUTF8, notUTF8)
	case loneSurrogate(raw):
		s.add(codeLoneSurrogate, `This holds half of a surrogate pair, as in "\ud83d" alone, which is no character. `+
			`Send both halves or neither.`)
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	var text string
	return text, json.Unmarshal(raw, &text) == nil
}

// loneSurrogate tells whether the string escapes half of a surrogate pair.
func loneSurrogate(raw []byte) bool {
	for at := 0; at < len(raw); at++ {
		if raw[at] != '\\' {
			continue
		}
		unit, escaped := escapedUnit(raw[at:])
		if !escaped {
			at++ // the character that is escaped
			continue
		}
		at += 5
		if !utf16.IsSurrogate(unit) {
			continue
		}
		other, _ := escapedUnit(raw[at+1:])
		if utf16.DecodeRune(unit, other) == utf8.RuneError {
			return true
		}
		at += 6
	}
	return false
}

// escapedUnit is the UTF-16 unit of an escape such as \u00e9.
func escapedUnit(raw []byte) (rune, bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(raw[2:6]), 16, 16)
	return rune(unit), err == nil
}

func (s *scan) number() {
	from := s.at
	for s.at < len(s.text) && bytes.IndexByte([]byte("+-.0123456789eE"), s.text[s.at]) >= 0 {
		s.at++
	}
	if text := s.text[from:s.at]; numberOutOfRange(string(text)) && len(s.numbers) < s.most {
		s.numbers = append(s.numbers, scanNumber{from, s.at, fault.Field{
			Pointer: s.pointer, Code: codeOutOfRange,
			Detail: fmt.Sprintf("A number other than 0 lies between %v and %v, or between their negatives.",
				leastNumber, mostNumber),
		}})
	}
}

func numberOutOfRange(text string) bool {
	n, err := strconv.ParseFloat(text, 64)
	switch n = math.Abs(n); {
	case err != nil:
		return n != 0 // true for infinity, false for a text that is no number
	case n == 0:
		mantissa, _, _ := bytes.Cut(bytes.ToLower([]byte(text)), []byte("e"))
		return bytes.ContainsAny(mantissa, "123456789")
	}
	return n < leastNumber || n >= mostNumber
}

// sentIDOf is the id in raw. It is empty when raw is not a text, or is too long to be repeated in an answer.
func sentIDOf(raw []byte) domain.SentID {
	var id string
	if json.Unmarshal(raw, &id) != nil || utf8.RuneCountInString(id) > maxName {
		return ""
	}
	return domain.SentID(id)
}
