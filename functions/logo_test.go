package functions_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"plugboard/shared/domain"
)

const logoPath = "/v1/extensions/" + mainExtension + "/logo"

// checks is a picture of two colours, in squares of one pixel.
func checks(width, height int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetNRGBA(x, y, color.NRGBA{R: uint8(255 * ((x + y) % 2)), G: 80, A: uint8(255 - x%2)})
		}
	}
	return m
}

// noise is what no encoder makes small.
func noise(width, height int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	r := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = uint8(r.Uint32())
	}
	return m
}

func pngOf(width, height int) string {
	var b bytes.Buffer
	_ = png.Encode(&b, checks(width, height))
	return b.String()
}

func jpegOf(m image.Image, quality int) string {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, m, &jpeg.Options{Quality: quality})
	return b.String()
}

func gifOf() string {
	var b bytes.Buffer
	_ = gif.Encode(&b, checks(2, 2), nil)
	return b.String()
}

// chunk is one of a PNG.
func chunk(kind, data string) string {
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(kind+data)))
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(data)))) + kind + data + string(sum)
}

const (
	headOfPNG = 8 + 25 // the signature and IHDR
	endOfPNG  = 12     // IEND
)

// bomb is a PNG that says it has that many pixels, and whose data would make them all.
func bomb(width, height uint32) string {
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	whole := pngOf(2, 2)
	return whole[:8] + chunk("IHDR", string(ihdr)+"\x08\x06\x00\x00\x00") + whole[headOfPNG:]
}

func TestLogo_IsDrawnAnewAndServedByItsETag(t *testing.T) {
	a := newActors(newWorld(t))
	for kind, sent := range map[string]string{
		"image/png": pngOf(40, 30)[:headOfPNG] + chunk("tEXt", "Comment\x00<script>alert(1)</script>") +
			pngOf(40, 30)[headOfPNG:],
		"image/jpeg": "\xff\xd8" + "\xff\xfe\x00\x21<script>alert(1)</script>......" + jpegOf(checks(40, 30), 80)[2:],
	} {
		put := a.want(a.call(a.partner, "PUT", logoPath, form{{"logo", sent}}), 200)
		if got, want := put.str("logo_url"), "/v1/catalogue/"+mainExtension+"/logo"; got != want {
			t.Errorf("%s: the extension names its logo %q, want %q", kind, got, want)
		}
		shown := a.want(a.call(who{}, "GET", put.str("logo_url"), nil), 200)
		digest := sha256.Sum256(shown.raw)
		etag := `"` + hex.EncodeToString(digest[:]) + `"`
		for header, want := range map[string]string{
			"Content-Type": kind, "Etag": etag, "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; sandbox",
			"Content-Disposition":     "inline", "Cache-Control": "public, max-age=300",
		} {
			if got := shown.header.Get(header); got != want {
				t.Errorf("%s: got %s %q, want %q", kind, header, got, want)
			}
		}
		if m, format, err := image.Decode(bytes.NewReader(shown.raw)); err != nil || "image/"+format != kind ||
			m.Bounds().Dx() != 40 {
			t.Errorf("%s: what is served is no such picture: %s, %v", kind, format, err)
		}
		if bytes.Contains(shown.raw, []byte("script")) || strings.Contains(a.dump(), "script>") {
			t.Errorf("%s: a comment of the upload was kept", kind)
		}
		for _, tag := range []string{etag, "W/" + etag, `"other", ` + etag, "*"} {
			same := a.want(a.call(who{}.with("If-None-Match", tag), "GET", put.str("logo_url"), nil), 304)
			if len(same.raw) > 0 || same.header.Get("Etag") != etag {
				t.Errorf("%s: 304 with %d bytes and the ETag %s", kind, len(same.raw), same.header.Get("Etag"))
			}
		}
		a.want(a.call(who{}.with("If-None-Match", `"other"`), "GET", put.str("logo_url"), nil), 200)
	}
}

func TestLogo_RefusesWhatIsNoWholeStillPicture(t *testing.T) {
	a := newActors(newWorld(t))
	whole, photo := pngOf(8, 8), jpegOf(checks(8, 8), 80)
	a.want(a.call(a.partner, "PUT", logoPath, form{{"logo", whole}}), 200)
	before := a.dump()
	animated := whole[:headOfPNG] + chunk("acTL", "\x00\x00\x00\x02\x00\x00\x00\x00") + whole[headOfPNG:]
	busy := photo[:len(photo)-2] + strings.Repeat("\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00", 70) + "\xff\xd9"
	for name, test := range map[string]struct{ sent, code string }{
		"nothing": {"", "empty"},
		"a GIF":   {gifOf(), "unsupported-type"},
		"an SVG": {`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`,
			"unsupported-type"},
		"HTML":                             {"<html><script>alert(1)</script>", "unsupported-type"},
		"a zip":                            {"PK\x03\x04............", "unsupported-type"},
		"the head of a PNG":                {whole[:8], "truncated"},
		"a PNG cut within a chunk":         {whole[:len(whole)-20], "truncated"},
		"a PNG without its end":            {whole[:len(whole)-endOfPNG], "truncated"},
		"a PNG with a chunk beyond it":     {whole[:headOfPNG] + "\xff\xff\xff\xffIDAT", "truncated"},
		"a PNG and HTML":                   {whole + "<script>alert(1)</script>", "trailing-bytes"},
		"a PNG and a zip":                  {whole + "PK\x03\x04", "trailing-bytes"},
		"a PNG with a wrong checksum":      {whole[:headOfPNG-1] + "x" + whole[headOfPNG:], "broken"},
		"a PNG without pixels":             {whole[:headOfPNG] + whole[len(whole)-endOfPNG:], "broken"},
		"an animated PNG":                  {animated, "animated"},
		"a PNG of 1025 pixels":             {pngOf(1025, 1), "too-many-pixels"},
		"a PNG that says 50,000 × 50,000":  {bomb(50_000, 50_000), "too-many-pixels"},
		"a PNG that says more than it has": {bomb(1024, 1024), "broken"},
		"a PNG that has more than it says": {bomb(1, 1), "broken"},
		"a JPEG without its end":           {photo[:len(photo)-2], "truncated"},
		"the head of a JPEG":               {photo[:3], "truncated"},
		"a JPEG cut within a segment":      {photo[:22], "truncated"},
		"a JPEG cut within a scan":         {photo[:len(photo)-6], "truncated"},
		"a JPEG cut, with an end":          {photo[:len(photo)-40] + "\xff\xd9", "broken"},
		"a JPEG and HTML":                  {photo + "<script>", "trailing-bytes"},
		"a JPEG with junk for a segment":   {"\xff\xd8\xff\xfe\x00\x02junk" + photo[2:], "broken"},
		"a JPEG of thousands of scans":     {busy, "too-complex"},
		"a JPEG of 1025 pixels":            {jpegOf(checks(1, 1025), 80), "too-many-pixels"},
		"a JPEG that grows":                {jpegOf(noise(1024, 1024), 25), "too-complex"},
	} {
		got := a.call(a.partner, "PUT", logoPath, form{{"logo", test.sent}})
		if got.status != 422 || got.str("errors", 0, "pointer") != "/logo" ||
			got.str("errors", 0, "code") != test.code || len(got.pointers()) != 1 {
			t.Errorf("%s: got %s, want %s at /logo", name, got.raw, test.code)
		}
	}
	if a.dump() != before {
		t.Error("a refused logo left something")
	}
}

func TestLogo_TheFormIsOneFileUnderItsLimit(t *testing.T) {
	a := newActors(newWorld(t))
	whole := pngOf(8, 8)
	put := func(body any) answer { return a.call(a.partner, "PUT", logoPath, body) }
	padding := func(n int) string { return strings.Repeat("x", n) }
	for name, test := range map[string]struct {
		body    any
		status  int
		code    string
		pointer string
	}{
		"JSON":                    {object{"logo": "x"}, 415, "unsupported-media-type", ""},
		"no part":                 {form{}, 422, "invalid", "/logo"},
		"another part":            {form{{"icon", whole}}, 422, "invalid", "/icon"},
		"the file and another":    {form{{"logo", whole}, {"a/b", "1"}}, 422, "invalid", "/a~1b"},
		"the file twice":          {form{{"logo", whole}, {"logo", whole}}, 422, "invalid", "/logo"},
		"one byte too many":       {form{{"logo", padding(domain.MaxLogoBytes + 1)}}, 413, "too-large", ""},
		"the most, of no picture": {form{{"logo", padding(domain.MaxLogoBytes)}}, 422, "invalid", "/logo"},
		"many bytes too many":     {form{{"logo", padding(1 << 20)}}, 413, "too-large", ""},
	} {
		got := put(test.body)
		if got.status != test.status || got.str("code") != test.code || test.pointer != "" &&
			got.str("errors", 0, "pointer") != test.pointer {
			t.Errorf("%s: got %s, want %d %s %s", name, got.raw, test.status, test.code, test.pointer)
		}
	}
	kind, encoded, err := form{{"logo", whole}}.encoded()
	must(t, err)
	byHand := func(contentType, body string) answer {
		return a.call(a.partner.with("Content-Type", contentType), "PUT", logoPath, body)
	}
	a.refused(byHand(kind, string(encoded[:len(encoded)-10])), 400, "malformed")
	a.refused(byHand(kind+"x", string(encoded)), 400, "malformed")
	a.refused(byHand("multipart/form-data", string(encoded)), 415, "unsupported-media-type")
	a.refused(byHand("multipart/mixed; boundary=x", string(encoded)), 415, "unsupported-media-type")
	a.refused(byHand(kind, ""), 400, "malformed")
	if e := a.call(a.partner, "GET", "/v1/extensions/"+mainExtension, nil); e.at("logo_url") != nil {
		t.Errorf("after refusals alone the extension has a logo: %s", e.raw)
	}
	a.want(byHand(kind, string(encoded)), 200)
}

func TestLogo_OnlyOfListedExtensionsIsPublic(t *testing.T) {
	a := newActors(newWorld(t))
	public := "/v1/catalogue/" + mainExtension + "/logo"
	inCatalogue := func() any {
		list := a.want(a.call(a.member, "GET", "/v1/catalogue", nil), 200)
		for n := range list.at("items").([]any) {
			if list.str("items", n, "extension_id") == mainExtension {
				return list.at("items", n, "logo_url")
			}
		}
		return "not in the catalogue"
	}
	a.refused(a.call(who{}, "GET", public, nil), 404, "not-found")
	a.refused(a.call(a.partner, "DELETE", logoPath, nil), 404, "not-found")
	if got := inCatalogue(); got != nil {
		t.Errorf("without a logo the catalogue names %v", got)
	}
	a.want(a.call(a.partner, "PUT", logoPath, form{{"logo", pngOf(4, 4)}}), 200)
	a.want(a.call(who{}, "GET", public, nil), 200)
	if got := inCatalogue(); got != public {
		t.Errorf("the catalogue names %v, want %s", got, public)
	}

	a.want(a.call(platform, "DELETE", "/v1/extensions/"+mainExtension+"/listing", nil), 200)
	unlisted := a.refused(a.call(who{}, "GET", public, nil), 404, "not-found")
	if absent := a.refused(a.call(who{}, "GET", "/v1/catalogue/nowhere/logo", nil),
		404, "not-found"); absent.str("detail") != unlisted.str("detail") {
		t.Errorf("an unlisted extension is told from none: %q and %q", unlisted.str("detail"), absent.str("detail"))
	}
	for _, by := range []who{a.partner, platform} {
		if shown := a.want(a.call(by, "GET", logoPath, nil), 200); shown.header.Get("Cache-Control") !=
			"private, no-cache" {
			t.Errorf("%s: an unlisted logo may be kept: %s", by.name, shown.header.Get("Cache-Control"))
		}
	}
	a.refused(a.call(a.newPartner("Other"), "PUT", logoPath, form{{"logo", pngOf(5, 5)}}), 404, "not-found")
	a.want(a.call(platform, "PUT", "/v1/extensions/"+mainExtension+"/listing", object{"version": 1}), 200)
	if got := inCatalogue(); got != public {
		t.Errorf("listed again, the catalogue names %v, want %s", got, public)
	}
	a.want(a.call(a.partner, "DELETE", logoPath, nil), 204)
	a.refused(a.call(who{}, "GET", public, nil), 404, "not-found")
	a.refused(a.call(a.partner, "GET", logoPath, nil), 404, "not-found")
	if got := inCatalogue(); got != nil || len(a.stored("logo")) > 0 {
		t.Errorf("after its deletion the catalogue names %v, and %d logos are stored", got, len(a.stored("logo")))
	}
}

func TestRule25_AFileIsTheSameInAnotherFrame(t *testing.T) {
	a := newActors(newWorld(t))
	by := a.partner.with("Idempotency-Key", "logo")
	first := a.want(a.call(by, "PUT", logoPath, form{{"logo", pngOf(4, 4)}}), 200)
	a.want(a.call(a.partner, "DELETE", logoPath, nil), 204)
	again := a.want(a.call(by, "PUT", logoPath, form{{"logo", pngOf(4, 4)}}), 200)
	if !bytes.Equal(first.raw, again.raw) || len(a.stored("logo")) > 0 {
		t.Errorf("repeated with another boundary it ran again: %s", again.raw)
	}
	a.refused(a.call(by, "PUT", logoPath, form{{"logo", pngOf(5, 5)}}), 422, "idempotency-key-reused")
}
