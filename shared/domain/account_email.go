package domain

import (
	"net/mail"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// E-mail addresses are parsed, kept and compared here, whoever has them: users, acting users, participants, contacts.

// KeptEmail is the address as it is stored: in NFC, its domain in small letters, the case of its local part kept.
func KeptEmail(email string) string {
	local, host := splitEmail(email)
	return local + "@" + strings.ToLower(host)
}

// EmailIdentity is the same for all spellings of one address: its local part in small letters, its domain as A-labels
// (RFC 5890).
func EmailIdentity(email string) string {
	local, host := splitEmail(email)
	ascii, err := asciiHost(host)
	if err != nil { // of an address that EmailProblem refuses
		ascii = strings.ToLower(host)
	}
	return norm.NFC.String(strings.ToLower(local)) + "@" + ascii
}

// splitEmail parts the address at its last @, in NFC.
func splitEmail(email string) (local, host string) {
	email = norm.NFC.String(strings.TrimSpace(email))
	at := strings.LastIndexByte(email, '@')
	if at < 0 {
		return email, ""
	}
	return email[:at], email[at+1:]
}

// asciiHost is a domain as A-labels. The profile is made at each call: as a variable, its tables would be part of every
// function.
func asciiHost(host string) (string, error) {
	if strings.HasPrefix(host, "[") { // an address literal (RFC 5321, 4.1.3)
		return strings.ToLower(host), nil
	}
	return idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false),
		idna.VerifyDNSLength(true)).ToASCII(host)
}

// EmailProblem says why text is no e-mail address and nothing else; empty when it is one. RFC 5322 would also take
// names, comments and quotes around it, by which one address could pass for two.
func EmailProblem(text string) string {
	if a, err := mail.ParseAddress(text); err != nil || a.Address != text {
		return "This is no e-mail address alone, like ada@example.com."
	}
	if _, host := splitEmail(text); host != "" {
		if _, err := asciiHost(host); err != nil {
			return "The domain of this e-mail address cannot exist."
		}
	}
	return ""
}

// maxEmail is the length in characters of the longest address (RFC 5321, 4.5.3.1).
const maxEmail = 254

// EmailInHeader is the address that a header names: as it is, with its domain as A-labels, or in the extended notation
// of RFC 8187, such as UTF-8”zo%C3%AB%40example.com. It is false for no address.
func EmailInHeader(value string) (email string, ok bool) {
	const notation = "utf-8'"
	email = value
	if len(value) > len(notation) && strings.EqualFold(value[:len(notation)], notation) {
		_, encoded, _ := strings.Cut(value[len(notation):], "'") // behind the language
		decoded, err := url.PathUnescape(encoded)
		if err != nil {
			return "", false
		}
		email = decoded
	}
	return email, utf8.ValidString(email) && utf8.RuneCountInString(email) <= maxEmail && strings.Contains(email, "@")
}
