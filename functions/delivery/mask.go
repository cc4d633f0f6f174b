package delivery

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"plugboard/shared/domain"
)

// What is kept of a failed answer, in bytes: with a batch of ten lines and more, far from an item's 400 KB and a
// call's 16 MB.
const (
	excerptMost = answerMost
	headerMost  = 256
)

// headersKept are those that help to understand a refusal.
var headersKept = []string{"Content-Type", "Date", "Location", "Retry-After", "Server", "Www-Authenticate",
	"X-Request-Id"}

const masked = "•••"

// mask hides what an endpoint must not have us store or log: it may send back what it was sent.
type mask struct{ forms []form }

// form is a secret, or the part of its Base64 that does not depend on the characters around the secret. before and
// after count the characters beside it that hold bits of the secret, too.
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

// shortestInBase64 is in bytes. The Base64 of less has too few characters of its own to be told from other text.
const shortestInBase64 = 3

// inBase64 is the secret in both alphabets, at each of the three places in a group at which it may begin in a longer
// text.
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

// hide masks every secret in text. cut tells that text goes on where it ends: the beginning of a secret is then
// taken off its end.
func (m mask) hide(text string, cut bool) string {
	var found []span
	for _, d := range decodings(text, cut) {
		if end := d.starts[len(d.text)]; end < len(text) {
			found = append(found, span{end, len(text)}) // an escape that cut left open may be of a secret
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

// find is every place of the form in the text as it came. Places that overlap are one.
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

// begins is where d ends with the beginning of the form.
func (d decoded) begins(f form) (span, bool) {
	for n := min(len(f.text)-1, len(d.text)); n > 0; n-- {
		if strings.HasSuffix(d.text, f.text[:n]) {
			return d.source(len(d.text)-n-f.before, len(d.text)), true
		}
	}
	return span{}, false
}

// excerpt is the beginning of a failed answer's body as it may be kept: masked, then shortened, valid UTF-8.
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

// credentials are the parts of the webhook's own proof, each of which may come back alone.
func credentials(signing domain.Secret, signature string) []string {
	_, key, _ := strings.Cut(signing.Reveal(), "_")
	_, digest, _ := strings.Cut(signature, ",")
	return []string{signing.Reveal(), key, signature, digest}
}

// authorization are those of an Authorization header.
func authorization(header string) []string {
	_, token, _ := strings.Cut(header, " ")
	return []string{header, token}
}
