package domain

import (
	"fmt"
	"net/url"
	"strings"
)

// URLUse is what a URL of somebody else's is for, in the words of its owner: the subject of a sentence.
type URLUse string

const (
	WebhookURL   URLUse = "A webhook's URL"
	TokenURL     URLUse = "A token URL"
	SetupURL     URLUse = "A set-up URL"
	LifecycleURL URLUse = "A lifecycle URL"
)

// Problem says why a URL for this use is refused; empty when it is taken. Connections check scheme and address again,
// by the stage's rules.
func (u URLUse) Problem(raw string) string {
	parsed, err := url.Parse(raw)
	switch {
	case u == WebhookURL && raw == AgentURL:
		return ""
	case strings.Contains(raw, "{{"):
		return u.fixed()
	case EncodedURL(raw) != raw:
		return u.encoding(raw)
	case err != nil || parsed.Hostname() == "":
		return "This is no absolute URL."
	case parsed.Scheme != "https" && parsed.Scheme != "http":
		return string(u) + " begins with https://."
	case parsed.User != nil && (u == WebhookURL || u == TokenURL):
		return "Credentials belong in auth, not in the URL."
	case parsed.User != nil:
		return string(u) + " has no user name and no password."
	case strings.Contains(raw, "#"):
		return string(u) + " has no fragment."
	}
	return ""
}

// fixed says where parameters go instead.
func (u URLUse) fixed() string {
	switch u {
	case WebhookURL:
		return "The URL is fixed; parameters go in headers, query and context."
	case TokenURL:
		return "The URL is fixed; parameters go in the other members of auth."
	}
	return string(u) + " is fixed and takes no parameters."
}

// encoding names the first character that no URI has (RFC 3986), and how it is written.
func (u URLUse) encoding(raw string) string {
	at := 0
	for inURI(raw, at) {
		at++
	}
	character := string([]rune(raw[at:])[0])
	if strings.Contains(hostOf(raw), character) {
		return fmt.Sprintf("%s has no '%s' in its host: write an international name in its ASCII form, which begins "+
			"with xn--.", u, character)
	}
	return fmt.Sprintf("%s has no '%s' as it is: write it as %s.", u, character, EncodedURL(character))
}

// hostOf is the part of the URL between its scheme and its path.
func hostOf(raw string) string {
	_, rest, _ := strings.Cut(raw, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// EncodedURL is raw with each byte percent-encoded that a URI may not hold (RFC 3986). Go's client sends such bytes
// of a query unchanged, which would end the request line. Square brackets stay, since many queries hold them.
func EncodedURL(raw string) string {
	first := 0
	for first < len(raw) && inURI(raw, first) {
		first++
	}
	if first == len(raw) {
		return raw
	}
	var b strings.Builder
	b.WriteString(raw[:first])
	for i := first; i < len(raw); i++ {
		if inURI(raw, i) {
			b.WriteByte(raw[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", raw[i])
		}
	}
	return b.String()
}

// inURI tells whether the byte at i may stay as it is. A "%" may stay only before two hexadecimal digits.
func inURI(raw string, i int) bool {
	if raw[i] == '%' {
		return i+2 < len(raw) && hexadecimal(raw[i+1]) && hexadecimal(raw[i+2])
	}
	return raw[i] > ' ' && raw[i] < 0x7f && strings.IndexByte("\"<>\\^`{|}", raw[i]) < 0
}

func hexadecimal(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }
