package contract

import (
	"strings"

	"plugboard/shared/domain"
)

// An extension's logo: a partner uploads it, and pages show it.

type PutExtensionLogoInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Upload
}

type PutExtensionLogoOutput struct{ Body ExtensionView }

type DeleteExtensionLogoInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
}

type DeleteExtensionLogoOutput struct{}

type LogoInput struct {
	Extension   domain.ExtensionID `path:"extension_id" maxLength:"40"`
	IfNoneMatch string             `header:"If-None-Match" maxLength:"1024" doc:"The caller's ETag. 304 without a body when the logo still has it."`
}

// LogoFile is the picture, with headers that keep a browser from treating it as anything else.
type LogoFile struct {
	Status       int
	ContentType  string `header:"Content-Type" hidden:"true"`
	ETag         string `header:"ETag" doc:"The SHA-256 of the picture."`
	CacheControl string `header:"Cache-Control"`
	Disposition  string `header:"Content-Disposition"`
	TypeOptions  string `header:"X-Content-Type-Options"`
	Policy       string `header:"Content-Security-Policy"`
	Body         []byte
}

type ReadExtensionLogoOutput LogoFile

type ReadCatalogueLogoOutput LogoFile

// LogoURL is the public address of a listed extension's logo, below the API's root; empty without a logo.
func LogoURL(e domain.ExtensionID, logo string) string {
	if logo == "" {
		return ""
	}
	return strings.Replace(ReadCatalogueLogo.Path, "{extension_id}", string(e), 1)
}

// logoFile is the upload: at most MaxLogoBytes before redrawing.
var logoFile = &File{
	Part: "logo", Types: domain.LogoTypes, MaxBytes: domain.MaxLogoBytes,
	Doc: "A still PNG or JPEG of at most 1,024 × 1,024 pixels. It is drawn anew: no metadata is kept, an orientation " +
		"in it neither.",
}
