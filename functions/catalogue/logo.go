package catalogue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// PutLogo gives the extension its logo, drawn anew from what was sent. Invalid when that is no still PNG or JPEG of
// the size that domain.Logo's limits allow. The same picture again changes nothing.
func (s *Service) PutLogo(ctx context.Context,
	in *contract.PutExtensionLogoInput) (*contract.PutExtensionLogoOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	kind, picture, err := redraw(in.Content)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(picture)
	l := domain.Logo{Extension: e.ID, Type: kind, SHA256: hex.EncodeToString(digest[:]), Data: picture,
		UpdatedAt: s.now()}
	if e.Logo == l.SHA256 {
		return &contract.PutExtensionLogoOutput{Body: viewExtension(e)}, nil
	}
	e.Logo, e.UpdatedAt = l.SHA256, l.UpdatedAt
	var tx store.Tx
	tx.Put(&l)
	if err := s.relist(ctx, &tx, &e); err != nil {
		return nil, err
	}
	out := &contract.PutExtensionLogoOutput{Body: viewExtension(e)}
	return out, s.store.Commit(ctx, &tx, out)
}

// validateLogo is what is wrong with the picture of a request that is wrong already.
func (s *Service) validateLogo(_ context.Context, in *contract.PutExtensionLogoInput) ([]fault.Field, error) {
	_, _, err := redraw(in.Content)
	return nil, err
}

// DeleteLogo is NotFound when there is none.
func (s *Service) DeleteLogo(ctx context.Context,
	in *contract.DeleteExtensionLogoInput) (*contract.DeleteExtensionLogoOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	if e.Logo == "" {
		return nil, noLogo()
	}
	e.Logo, e.UpdatedAt = "", s.now()
	var tx store.Tx
	tx.Discard(domain.Logo{Extension: e.ID})
	if err := s.relist(ctx, &tx, &e); err != nil {
		return nil, err
	}
	out := &contract.DeleteExtensionLogoOutput{}
	return out, s.store.Commit(ctx, &tx, out)
}

// relist replaces the extension and, where it is listed, the logo in its line of the catalogue: what else that says is
// what the platform listed. The extension's revision holds the two together: listing and unlisting raise it too.
func (s *Service) relist(ctx context.Context, tx *store.Tx, e *domain.Extension) error {
	tx.Replace(e)
	if e.ListedVersion == 0 {
		return nil
	}
	listing, err := s.store.Listing(ctx, e.ID)
	if err != nil {
		return err
	}
	listing.Logo = e.Logo
	tx.Put(&listing)
	return nil
}

// Logo shows an extension's logo to its partner and to the platform, listed or not.
func (s *Service) Logo(ctx context.Context, in *contract.LogoInput) (*contract.ReadExtensionLogoOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	file, err := s.logo(ctx, e, in.IfNoneMatch, "private, no-cache")
	return (*contract.ReadExtensionLogoOutput)(file), err
}

// CatalogueLogo shows a listed extension's logo to anyone. NotFound for every other extension, as for none.
func (s *Service) CatalogueLogo(ctx context.Context,
	in *contract.LogoInput) (*contract.ReadCatalogueLogoOutput, error) {
	e, err := s.store.Extension(ctx, in.Extension)
	if fault.KindOf(err) == fault.NotFound || err == nil && e.ListedVersion == 0 {
		return nil, noLogo()
	}
	if err != nil {
		return nil, err
	}
	file, err := s.logo(ctx, e, in.IfNoneMatch, "public, max-age=300")
	return (*contract.ReadCatalogueLogoOutput)(file), err
}

// logo is the answer with the picture, or with none when the caller has it: that costs no read of it.
func (s *Service) logo(ctx context.Context, e domain.Extension, ifNoneMatch, cache string) (*contract.LogoFile, error) {
	if e.Logo == "" {
		return nil, noLogo()
	}
	file := &contract.LogoFile{
		Status: http.StatusNotModified, ETag: domain.LogoETag(e.Logo), CacheControl: cache,
		Disposition: "inline", TypeOptions: "nosniff", Policy: "default-src 'none'; sandbox",
	}
	if domain.NamesETag(ifNoneMatch, file.ETag) {
		return file, nil
	}
	l, err := s.store.Logo(ctx, e.ID)
	if err != nil {
		return nil, err
	}
	file.Status, file.ETag, file.ContentType, file.Body = http.StatusOK, l.ETag(), l.Type, l.Data
	return file, nil
}

func noLogo() error { return fault.New(fault.NotFound, "not-found", "There is no such logo.") }
