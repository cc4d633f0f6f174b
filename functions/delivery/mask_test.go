package delivery

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"
)

// odd has characters that each encoding treats in its own way, inside and outside of Unicode's first plane.
const odd = `pä ss+"w/ö'<&>rd 🔑?~`

// escapedAll writes every character in the notation.
func escapedAll(s string, one func(r rune) string) string {
	var all strings.Builder
	for _, r := range s {
		all.WriteString(one(r))
	}
	return all.String()
}

func inUnits(format string) func(rune) string {
	return func(r rune) string {
		var all string
		for _, unit := range utf16.Encode([]rune{r}) {
			all += fmt.Sprintf(format, unit)
		}
		return all
	}
}

func inBytes(format string) func(rune) string {
	return func(r rune) string {
		var all string
		for _, b := range []byte(string(r)) {
			all += fmt.Sprintf(format, b)
		}
		return all
	}
}

func quotedInJSON(s string) string {
	quoted, _ := json.Marshal(s)
	return strings.Trim(string(quoted), `"`)
}

// named is how a page escapes what has a name.
func named(s string) string {
	return strings.NewReplacer("ä", "&auml;", "ö", "&ouml;", "&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;",
		"'", "&apos;", "+", "&plus;").Replace(s)
}

// unpadded is text without the padding of Base64, which says nothing of a secret.
func unpadded(text string) string { return strings.NewReplacer("%3D", "", "=", "").Replace(text) }

// echoes are ways to send a secret back.
var echoes = map[string]func(s string) string{
	"as it is":            func(s string) string { return s },
	"JSON":                quotedInJSON,
	"JSON, ASCII only":    func(s string) string { return escapedAll(s, inUnits(`\u%04x`)) },
	"JSON, upper case":    func(s string) string { return escapedAll(s, inUnits(`\u%04X`)) },
	"JSON, slashes":       func(s string) string { return strings.ReplaceAll(quotedInJSON(s), "/", `\/`) },
	"bytes of JavaScript": func(s string) string { return escapedAll(s, inBytes(`\x%02x`)) },
	"percent, all, lower": func(s string) string { return escapedAll(s, inBytes("%%%02x")) },
	"percent, all, upper": func(s string) string { return escapedAll(s, inBytes("%%%02X")) },
	"a query":             url.QueryEscape,
	"a query, lower":      func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
	"a path":              url.PathEscape,
	"HTML":                html.EscapeString,
	"HTML, names":         named,
	"HTML, decimal": func(s string) string {
		return escapedAll(s, func(r rune) string { return fmt.Sprintf("&#%d;", r) })
	},
	"HTML, leading zeros": func(s string) string {
		return escapedAll(s, func(r rune) string { return fmt.Sprintf("&#%09d;", r) })
	},
	"HTML, hexadecimal": func(s string) string {
		return escapedAll(s, func(r rune) string { return fmt.Sprintf("&#x%x;", r) })
	},
	"HTML, hexadecimal, upper": func(s string) string {
		return escapedAll(s, func(r rune) string { return fmt.Sprintf("&#X%X;", r) })
	},
	"HTML in JSON":    func(s string) string { return quotedInJSON(named(s)) },
	"JSON in JSON":    func(s string) string { return quotedInJSON(escapedAll(s, inUnits(`\u%04x`))) },
	"a query in HTML": func(s string) string { return html.EscapeString(url.QueryEscape(s)) },
	"Base64 in a path": func(s string) string {
		return url.PathEscape(base64.StdEncoding.EncodeToString([]byte(s)))
	},
	"Base64 in JSON, slashes": func(s string) string {
		return strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte(s)), "/", `\/`)
	},
	"Base64 in a form, by HTML": func(s string) string {
		return named(url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(s))))
	},
	// chosen after the mending
	"percent twice":              func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	"percent in JSON":            func(s string) string { return quotedInJSON(escapedAll(s, inBytes("%%%02X"))) },
	"HTML in a query":            func(s string) string { return url.QueryEscape(named(s)) },
	"JSON in HTML":               func(s string) string { return html.EscapeString(escapedAll(s, inUnits(`\u%04X`))) },
	"Base64 for URLs, padded":    func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"Base64 without its padding": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
}

func TestRule22_AnEchoedSecretIsMaskedHoweverItIsEncoded(t *testing.T) {
	for _, secret := range []string{odd, "s3cret-of-client", "é", "密码密码", "a+b/c==", `back\slash%41`,
		"tab\tand\nline"} {
		m := newMask(secret)
		for name, encode := range echoes {
			if len(secret) < shortestInBase64 && strings.Contains(name, "Base64") {
				continue
			}
			echo := encode(secret)
			if got, want := m.hide("<"+echo+">", false), "<"+masked+">"; unpadded(got) != want {
				t.Errorf("%s of %q, %q: got %q", name, secret, echo, got)
			}
			if got := m.headers(http.Header{"Location": {echo}})["Location"]; unpadded(got) != masked {
				t.Errorf("%s of %q as a header: got %q", name, secret, got)
			}
			for cut := 1; cut < len(echo); cut++ {
				if got := m.hide(echo+" "+echo[:cut], true); strings.Contains(got, echo[:min(cut, 8)]) && cut >= 8 {
					t.Errorf("%s of %q, cut after %d: got %q", name, secret, cut, got)
				}
			}
		}
	}
}

// At each place in a group, and with each rest after it, both alphabets: no bit of the secret is left.
func TestRule22_ASecretInsideOfLongerBase64IsMasked(t *testing.T) {
	for _, secret := range []string{odd, "s3cret-of-client", "pin", "4711", "ÿþýÿþý"} {
		m := newMask(secret)
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding,
			base64.RawURLEncoding} {
			for before := range 7 {
				for after := range 4 {
					around := func(inside string) string {
						return encoding.EncodeToString([]byte(strings.Repeat("~", before) + inside +
							strings.Repeat("~", after)))
					}
					got, other := m.hide(around(secret), false), around(strings.Repeat("x", len(secret)))
					head, tail, hidden := strings.Cut(got, masked)
					if !hidden || !strings.HasPrefix(other, head) || !strings.HasSuffix(other, tail) {
						t.Errorf("%q after %d and before %d bytes: got %q", secret, before, after, got)
					}
				}
			}
		}
	}
}

func TestMask_LeavesWhatIsNoSecret(t *testing.T) {
	m := newMask(odd, "s3cret-of-client")
	for _, text := range []string{
		"", "no", `{"error":"caf\u00e9 \ud83d is 100% \q \x4 &copy; &nothing; &#; %zz %4 + +"}`, "a+b%20c", `\`, "%",
		"&", `\u12`, `\ud83d\u12`, "&#x",
	} {
		if got := m.hide(text, false); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// What an answer costs is bounded by its 16 KiB, whatever is in it.
func BenchmarkMask(b *testing.B) {
	m := newMask(odd, "s3cret-of-client", "whsec_c2lnbmluZw==", "v1,c2lnbmF0dXJl", strings.Repeat("a", 32))
	text := strings.Repeat(`a&#97;%61\u0061+`, answerMost/16)
	for b.Loop() {
		m.hide(text, true)
	}
}
