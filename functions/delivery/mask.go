package delivery

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
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
var headersKept = []string{"Content-Type", "Date", "Location", "Retry-After", "Server", "Www-Authenticate", "X-Request-Id"}

const masked = "•••"

// mask hides what an endpoint must not have us store or log: it may send back what it was sent.
type mask struct{ forms []string }

// newMask hides the secrets as they are, and as answers usually encode them.
func newMask(secrets ...string) mask {
	var m mask
	for _, s := range secrets {
		if s == "" {
			continue
		}
		quoted, _ := json.Marshal(s)
		inJSON := strings.Trim(string(quoted), `"`)
		m.forms = append(m.forms, s, inJSON, strings.ReplaceAll(inJSON, "/", `\/`), url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s))
	}
	slices.SortFunc(m.forms, func(a, b string) int { return len(b) - len(a) }) // the longest is looked for first
	m.forms = slices.Compact(m.forms)
	return m
}

// hide masks every secret in text. cut tells that text goes on where it ends: the beginning of a secret is then
// taken off its end.
func (m mask) hide(text string, cut bool) string {
	pairs := make([]string, 0, 2*len(m.forms))
	for _, form := range m.forms {
		pairs = append(pairs, form, masked)
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	if !cut {
		return text
	}
	for _, form := range m.forms {
		for n := min(len(form)-1, len(text)); n > 0; n-- {
			if strings.HasSuffix(text, form[:n]) {
				text = text[:len(text)-n] + masked
				break
			}
		}
	}
	return text
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
