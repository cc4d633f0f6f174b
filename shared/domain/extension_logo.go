package domain

import "time"

// Logo is an extension's picture, drawn again from the upload.
type Logo struct {
	Extension ExtensionID `json:"extension_id"`
	Type      string      `json:"content_type"` // one of LogoTypes
	SHA256    string      `json:"sha256"`       // hex, of Data
	Data      []byte      `json:"data"`
	UpdatedAt time.Time   `json:"updated_at"`
}

// ETag is its entity tag.
func (l Logo) ETag() string { return LogoETag(l.SHA256) }

// LogoETag is the ETag of the logo with that SHA-256.
func LogoETag(sha256 string) string { return `"` + sha256 + `"` }

// LogoTypes are the content types that a logo may have.
var LogoTypes = []string{"image/png", "image/jpeg"}

const (
	// MaxLogoBytes is the size limit of an upload.
	MaxLogoBytes = 256 << 10
	// MaxLogoStored is the size limit after redrawing: a DynamoDB item holds 400 KB.
	MaxLogoStored = 384 << 10
	// MaxLogoSide is in pixels; drawing 1,024 × 1,024 takes at most 8 MB.
	MaxLogoSide = 1024
)
