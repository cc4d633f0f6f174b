package catalogue

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/draw"
)

// A camera that is held sideways stores the picture sideways and records the rotation in Exif. A logo loses its
// metadata, so it is turned first.

// orientation is Exif's: 1 is upright; 2 to 8 are turned, mirrored, or both.
type orientation int

const noRotation orientation = 1

// turns is where the pixel at (x, y) of the upright picture lies in the stored one, of w × h pixels.
var exifRotations = map[orientation]func(x, y, w, h int) (int, int){
	2: func(x, y, w, _ int) (int, int) { return w - 1 - x, y },
	3: func(x, y, w, h int) (int, int) { return w - 1 - x, h - 1 - y },
	4: func(x, y, _, h int) (int, int) { return x, h - 1 - y },
	5: func(x, y, _, _ int) (int, int) { return y, x },
	6: func(x, y, _, h int) (int, int) { return y, h - 1 - x },
	7: func(x, y, w, h int) (int, int) { return w - 1 - y, h - 1 - x },
	8: func(x, y, w, _ int) (int, int) { return w - 1 - y, x },
}

// upright is the picture turned as o says.
func upright(stored image.Image, o orientation) image.Image {
	turn, turned := exifRotations[o]
	if !turned {
		return stored
	}
	from := image.NewNRGBA(image.Rect(0, 0, stored.Bounds().Dx(), stored.Bounds().Dy()))
	draw.Draw(from, from.Bounds(), stored, stored.Bounds().Min, draw.Src)
	w, h := from.Bounds().Dx(), from.Bounds().Dy()
	to := image.NewNRGBA(image.Rect(0, 0, w, h))
	if o >= 5 { // width and height change places
		to = image.NewNRGBA(image.Rect(0, 0, h, w))
	}
	for y := range to.Bounds().Dy() {
		for x := range to.Bounds().Dx() {
			fromX, fromY := turn(x, y, w, h)
			to.SetNRGBA(x, y, from.NRGBAAt(fromX, fromY))
		}
	}
	return to
}

// jpegOrientation reads the APP1 segment with Exif. The file is whole: wholeJPEG has walked it.
func jpegOrientation(raw []byte) orientation {
	for at := 2; at+4 <= len(raw) && raw[at] == 0xff && raw[at+1] != 0xda; {
		if raw[at+1] == 0xff { // a fill byte
			at++
			continue
		}
		if marker := raw[at+1]; marker == 0x01 || marker >= 0xd0 && marker <= 0xd7 { // alone
			at += 2
			continue
		}
		end := at + 2 + int(binary.BigEndian.Uint16(raw[at+2:]))
		if end > len(raw) || end < at+4 {
			break
		}
		if exif, is := bytes.CutPrefix(raw[at+4:end], []byte("Exif\x00\x00")); is && raw[at+1] == 0xe1 {
			return exifOrientation(exif)
		}
		at = end
	}
	return noRotation
}

// pngOrientation reads the chunk eXIf. The file is whole: wholePNG has walked it.
func pngOrientation(raw []byte) orientation {
	rest := raw[len(pngHead):]
	for len(rest) >= 12 {
		length := int64(binary.BigEndian.Uint32(rest))
		if length+12 > int64(len(rest)) {
			break
		}
		if string(rest[4:8]) == "eXIf" {
			return exifOrientation(rest[8 : 8+length])
		}
		rest = rest[length+12:]
	}
	return noRotation
}

// exifOrientation is the tag 0x0112 of the first directory, a SHORT (Exif 3.0, 4.6.5). Anything else is upright.
func exifOrientation(exif []byte) orientation {
	if len(exif) < 8 {
		return noRotation
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(exif[:2]) == "MM" {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(exif[4:]))
	if string(exif[:2]) != "MM" && string(exif[:2]) != "II" || at < 8 || at+2 > int64(len(exif)) {
		return noRotation
	}
	entries := exif[at+2:]
	for range order.Uint16(exif[at:]) {
		if len(entries) < 12 {
			break
		}
		if order.Uint16(entries) == 0x0112 && order.Uint16(entries[2:]) == 3 {
			return orientation(order.Uint16(entries[8:]))
		}
		entries = entries[12:]
	}
	return noRotation
}
