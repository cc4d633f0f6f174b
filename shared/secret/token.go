// Package secret makes credentials and seals secrets. Tokens are stored only as hashes; secrets are sealed under data
// keys that KMS wraps.
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"hash/crc32"
	"strings"

	"plugboard/shared/domain"
)

// Prefixes tell people, secret scanners and the gate the kind of a credential.
const (
	TokenPrefix       = "pb_live_"
	PartnerKeyPrefix  = "pb_partner_"
	SessionPrefix     = "pb_sess_"
	HandOffPrefix     = "pb_code_"
	ConsoleLinkPrefix = "pb_link_"
	signingPrefix     = "whsec_" // Standard Webhooks
	AgentPrefix       = "pb_agent_"
	AgentCodePrefix   = "pb_pair_"
)

var crockford = "0123456789abcdefghjkmnpqrstvwxyz"

// NewCredential makes prefix + 256 random bits in base64url + 6 characters of checksum, and its hash.
func NewCredential(prefix string) (domain.ShownOnce, string) {
	bits := make([]byte, 32)
	rand.Read(bits) // never fails: crypto/rand
	body := prefix + base64.RawURLEncoding.EncodeToString(bits)
	credential := body + checksum(body)
	return domain.ShownOnce(credential), Hash(credential)
}

// WellFormed refuses typing errors and truncated copies before anything is read.
func WellFormed(credential, prefix string) bool {
	const checksumLength = 6
	if !strings.HasPrefix(credential, prefix) || len(credential) != len(prefix)+43+checksumLength {
		return false
	}
	body := credential[:len(credential)-checksumLength]
	return checksum(body) == credential[len(body):]
}

// Hash is the form in which a credential is stored and found: hex SHA-256. 256 random bits need no salt and no slow
// hash.
func Hash(credential string) string {
	sum := sha256.Sum256([]byte(credential))
	return hex.EncodeToString(sum[:])
}

// NewSigningSecret makes a Standard Webhooks secret: whsec_ + 192 bits in base64.
func NewSigningSecret() domain.Secret {
	bits := make([]byte, 24)
	rand.Read(bits)
	return domain.Secret(signingPrefix + base64.StdEncoding.EncodeToString(bits))
}

// checksum is CRC-32 in six characters of Crockford's alphabet, 30 of the 32 bits.
func checksum(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	out := make([]byte, 6)
	for i := range out {
		out[i] = crockford[sum&31]
		sum >>= 5
	}
	return string(out)
}

// Prefix is a credential's first n characters, by which its owner recognises it.
func Prefix(credential domain.ShownOnce, n int) string { return string(credential)[:n] }
