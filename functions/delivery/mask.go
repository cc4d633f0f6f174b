package delivery

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"plugboard/shared/domain"
)

// Limits of the kept parts of a failed answer, in bytes. A batch of ten lines or more stays far below an item's 400
// KB and a call's 16 MB.
const (
	excerptMost = answerMost
	headerMost  = 256
)

// headersKept are the headers of a failed answer that explain a refusal.
var headersKept = []string{"Content-Type", "Date", "Location", "Retry-After", "Server", "Www-Authenticate",
	"X-Request-Id"}

const masked = "•••"

// mask hides the secrets of a request in the endpoint's answer. An endpoint may send them back, and they must be
// neither stored nor logged.
type mask struct{ forms []form }

// form is a secret, or the part of its Base64 that does not depend on the surrounding text. before and after count
// the neighbouring characters that also hold bits of the secret.
type form struct {
	text          string
	before, after int
}

// span is a part of a text, in bytes.
type span struct{ from, to int }

// newMask hides the secrets as they are, escaped, and in Base64.
func newMask(secrets ...string) mask {
	var m mask
	for _, s := range secrets {
		if s != "" {
			m.forms = append(append(m.forms, form{text: s}), inBase64(s)...)
		}
	}
	slices.SortFunc(m.forms, func(a, b form) int {
		return cmp.Or(cmp.Compare(a.text, b.text), cmp.Compare(a.before, b.before), cmp.Compare(a.after, b.after))
	})
	m.forms = slices.Compact(m.forms)
	return m
}

// shortestInBase64 is the length, in bytes, of the shortest secret that is masked in Base64. The Base64 of a shorter
// secret cannot be told from other text.
const shortestInBase64 = 3

// inBase64 is the secret in both Base64 alphabets, for each of the three positions in a group at which it may begin.
func inBase64(secret string) []form {
	if len(secret) < shortestInBase64 {
		return nil
	}
	var forms []form
	for place := range 3 {
		text := append(make([]byte, place), secret...)
		first, last := (8*place+5)/6, 8*len(text)/6
		f := form{before: min(place, 1), after: min(8*len(text)%6, 1)}
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			f.text = alphabet.EncodeToString(text)[first:last]
			forms = append(forms, f)
		}
	}
	return forms
}

// hide masks every secret in text. cut is true when text was cut off: a secret that only begins at its end is then
// masked too.
func (m mask) hide(text string, cut bool) string {
	var found []span
	for _, d := range decodings(text, cut) {
		if end := d.starts[len(d.text)]; end < len(text) {
			found = append(found, span{end, len(text)}) // the unfinished escape may belong to a secret
		}
		for _, f := range m.forms {
			found = append(found, d.find(f)...)
			if s, begun := d.begins(f); cut && begun {
				found = append(found, span{s.from, len(text)})
			}
		}
	}
	slices.SortFunc(found, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var hidden strings.Builder
	end := 0
	for i, s := range found {
		if i == 0 || s.from >= end {
			hidden.WriteString(text[end:s.from] + masked)
		}
		end = max(end, s.to)
	}
	hidden.WriteString(text[end:])
	return hidden.String()
}

// find is every place of the form in the original text. Overlapping places are joined.
func (d decoded) find(f form) []span {
	var found []span
	for at := 0; ; at++ {
		next := strings.Index(d.text[at:], f.text)
		if next < 0 {
			return found
		}
		at += next
		s := d.source(at-f.before, at+len(f.text)+f.after)
		if n := len(found); n > 0 && s.from < found[n-1].to {
			found[n-1].to = s.to
		} else {
			found = append(found, s)
		}
	}
}

// begins is the place at the end of d where the form begins and is cut off.
func (d decoded) begins(f form) (span, bool) {
	for n := min(len(f.text)-1, len(d.text)); n > 0; n-- {
		if strings.HasSuffix(d.text, f.text[:n]) {
			return d.source(len(d.text)-n-f.before, len(d.text)), true
		}
	}
	return span{}, false
}

// excerpt is the kept part of a failed answer's body: masked, then shortened, and valid UTF-8.
func (m mask) excerpt(body []byte, cut bool) string {
	return shortened(m.hide(string(body), cut), excerptMost)
}

// headers are those of a failed answer that are kept, masked as the body is. It is nil when there are none.
func (m mask) headers(h http.Header) map[string]string {
	var kept map[string]string
	for _, name := range headersKept {
		if value := h.Get(name); value != "" {
			if kept == nil {
				kept = map[string]string{}
			}
			kept[name] = shortened(m.hide(value, false), headerMost)
		}
	}
	return kept
}

// shortened is valid UTF-8, of at most so many bytes.
func shortened(text string, most int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}

// credentials are the parts of a signing secret and its signature that an endpoint may send back alone.
func credentials(signing domain.Secret, signature string) []string {
	_, key, _ := strings.Cut(signing.Reveal(), "_")
	_, digest, _ := strings.Cut(signature, ",")
	return []string{signing.Reveal(), key, signature, digest}
}

// authorization are the parts of an Authorization header that an endpoint may send back alone.
func authorization(header string) []string {
	_, token, _ := strings.Cut(header, " ")
	return []string{header, token}
}
