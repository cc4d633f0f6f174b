package domain

import "time"

// Logo is an extension's picture, as we drew it anew.
type Logo struct {
	Extension ExtensionID `json:"extension_id"`
	Type      string      `json:"content_type"` // one of LogoTypes
	SHA256    string      `json:"sha256"`       // hex, of Data
	Data      []byte      `json:"data"`
	UpdatedAt time.Time   `json:"updated_at"`
}

// ETag is what If-None-Match names.
func (l Logo) ETag() string { return LogoETag(l.SHA256) }

// LogoETag is the ETag of the logo with that SHA-256.
func LogoETag(sha256 string) string { return `"` + sha256 + `"` }

// LogoTypes are the content types that a logo may have.
var LogoTypes = []string{"image/png", "image/jpeg"}

const (
	// MaxLogoBytes is how big an upload may be.
	MaxLogoBytes = 256 << 10
	// MaxLogoStored is how big it may be once drawn anew: an item of DynamoDB has 400 KB at most.
	MaxLogoStored = 384 << 10
	// MaxLogoSide is in pixels; 1,024 × 1,024 take 8 MB at most while they are drawn.
	MaxLogoSide = 1024
)
