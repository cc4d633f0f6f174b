package catalogue

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"strings"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Pages of the platform show a partner's upload. So its bytes decide what it is, and only its pixels are served.

const (
	pngHead  = "\x89PNG\r\n\x1a\n"
	jpegHead = "\xff\xd8\xff"
	// maxScans is how many scans a progressive JPEG may have. Encoders write about ten; a hostile file has thousands.
	maxScans    = 64
	jpegQuality = 90
)

// redraw decodes a picture, turns it by its Exif orientation, and encodes it without metadata, colour profile or
// comments. It takes a complete, still PNG or JPEG with nothing after its end; Invalid otherwise, with the fault of
// the file and the remedy.
func redraw(raw []byte) (contentType string, redrawn []byte, err error) {
	var out bytes.Buffer
	switch {
	case bytes.HasPrefix(raw, []byte(pngHead)):
		contentType = "image/png"
		if err = wholePNG(raw); err != nil {
			return "", nil, err
		}
		var drawn image.Image
		if drawn, err = decode(raw, png.DecodeConfig, png.Decode); err == nil {
			drawn = upright(drawn, pngOrientation(raw))
			err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, drawn)
		}
	case bytes.HasPrefix(raw, []byte(jpegHead)):
		contentType = "image/jpeg"
		if err = wholeJPEG(raw); err != nil {
			return "", nil, err
		}
		var drawn image.Image
		if drawn, err = decode(raw, jpeg.DecodeConfig, jpeg.Decode); err == nil {
			drawn = upright(drawn, jpegOrientation(raw))
			err = jpeg.Encode(&out, drawn, &jpeg.Options{Quality: jpegQuality})
		}
	case len(raw) == 0:
		return "", nil, badLogo("empty", "The file is empty. Send a PNG or JPEG picture.")
	default:
		looks, _, _ := strings.Cut(http.DetectContentType(raw), ";")
		return "", nil, badLogo("unsupported-type", "The file looks like %s. Send a PNG or JPEG picture.", looks)
	}
	if err == nil && out.Len() > domain.MaxLogoStored {
		err = badLogo("too-complex", "Drawn anew, the picture takes %d KB; at most %d are kept. Send one with fewer "+
			"pixels or details.", out.Len()>>10, domain.MaxLogoStored>>10)
	}
	return contentType, out.Bytes(), err
}

// decode checks the size before it allocates the pixels.
func decode(raw []byte, size func(io.Reader) (image.Config, error),
	draw func(io.Reader) (image.Image, error)) (image.Image, error) {
	c, err := size(bytes.NewReader(raw))
	if err != nil {
		return nil, broken(err)
	}
	if c.Width > domain.MaxLogoSide || c.Height > domain.MaxLogoSide {
		return nil, badLogo("too-many-pixels",
			"The picture has %d × %d pixels; at most %d × %d are taken. Send a smaller one.", c.Width, c.Height,
			domain.MaxLogoSide, domain.MaxLogoSide)
	}
	drawn, err := draw(bytes.NewReader(raw))
	if err != nil {
		return nil, broken(err)
	}
	return drawn, nil
}

// wholePNG walks the chunks to the last one.
func wholePNG(raw []byte) error {
	rest := raw[len(pngHead):]
	for len(rest) >= 12 { // length, type, checksum
		length, kind := int64(binary.BigEndian.Uint32(rest)), string(rest[4:8])
		if length+12 > int64(len(rest)) {
			break
		}
		rest = rest[length+12:]
		switch kind {
		case "acTL":
			return badLogo("animated", "The PNG is animated. Send a still one.")
		case "IEND":
			return endsAfterImage(rest)
		}
	}
	return truncated()
}

// wholeJPEG walks the segments, and the scans between them, to the end marker.
func wholeJPEG(raw []byte) error {
	scans := 0
	for at := 2; at+1 < len(raw); {
		marker := raw[at+1]
		switch {
		case raw[at] != 0xff:
			return broken(fmt.Errorf("no marker at byte %d", at))
		case marker == 0xff: // fill byte
			at++
			continue
		case marker == 0xd9:
			return endsAfterImage(raw[at+2:])
		case marker == 0x01, marker >= 0xd0 && marker <= 0xd7: // marker without a segment
			at += 2
			continue
		}
		if at+4 > len(raw) {
			break
		}
		at += 2 + max(2, int(binary.BigEndian.Uint16(raw[at+2:])))
		if marker != 0xda {
			continue
		}
		if scans++; scans > maxScans {
			return badLogo("too-complex", "The JPEG goes over the picture more than %d times. Save it as a "+
				"baseline JPEG.", maxScans)
		}
		for at+1 < len(raw) && (raw[at] != 0xff || raw[at+1] == 0 || raw[at+1] >= 0xd0 && raw[at+1] <= 0xd7) {
			at++
		}
	}
	return truncated()
}

func endsAfterImage(rest []byte) error {
	if len(rest) == 0 {
		return nil
	}
	return badLogo("trailing-bytes", "%d bytes follow the end of the picture. Save it anew with an image program.",
		len(rest))
}

func truncated() error {
	return badLogo("truncated", "The picture ends before it is complete. Send the whole file.")
}

func broken(err error) error {
	f := badLogo("broken", "The picture cannot be read. Save it anew with an image program.")
	f.Err = err
	return f
}

func badLogo(code, format string, args ...any) *fault.Error {
	f := fault.New(fault.Invalid, "invalid", "The logo was not taken. Nothing was changed.")
	f.Fields = []fault.Field{{Pointer: "/logo", Code: code, Detail: fmt.Sprintf(format, args...)}}
	return f
}
