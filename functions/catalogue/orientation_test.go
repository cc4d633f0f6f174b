package catalogue

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"
)

// blocks is a picture of 3 × 2 squares of 16 pixels: red, green and blue above white, black and yellow.
var blocks = [2][3]color.NRGBA{
	{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}},
	{{255, 255, 255, 255}, {0, 0, 0, 255}, {255, 255, 0, 255}},
}

const block = 16

func picture() *image.NRGBA {
	p := image.NewNRGBA(image.Rect(0, 0, 3*block, 2*block))
	for y := range 2 * block {
		for x := range 3 * block {
			p.SetNRGBA(x, y, blocks[y/block][x/block])
		}
	}
	return p
}

// exifOf is Exif with an orientation behind another tag.
func exifOf(order binary.AppendByteOrder, head string, o uint16) []byte {
	b := order.AppendUint32(order.AppendUint16([]byte(head), 42), 8)
	b = order.AppendUint16(b, 2)
	for _, entry := range [][2]uint16{{0x010e, 7}, {0x0112, o}} {
		b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, entry[0]), 3), 1)
		b = order.AppendUint16(order.AppendUint16(b, entry[1]), 0)
	}
	return order.AppendUint32(b, 0)
}

func jpegWith(t *testing.T, exif []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(), &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	segment := append([]byte("Exif\x00\x00"), exif...)
	head := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, 0xe1}, uint16(len(segment)+2))
	return append(append(head, segment...), b.Bytes()[2:]...)
}

func pngWith(t *testing.T, exif []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, picture()); err != nil {
		t.Fatal(err)
	}
	chunk := append([]byte("eXIf"), exif...)
	head := binary.BigEndian.AppendUint32(bytes.Clone(b.Bytes()[:33]), uint32(len(exif))) // behind IHDR
	head = binary.BigEndian.AppendUint32(append(head, chunk...), crc32.ChecksumIEEE(chunk))
	return append(head, b.Bytes()[33:]...)
}

// corners are the colours at the corners, from the left above clockwise, by the first letters of their names.
func corners(p image.Image) string {
	names := map[[3]bool]byte{{true, false, false}: 'r', {false, true, false}: 'g', {false, false, true}: 'b',
		{true, true, true}: 'w', {}: 'k', {true, true, false}: 'y'}
	w, h, got := p.Bounds().Dx(), p.Bounds().Dy(), ""
	for _, at := range []image.Point{{block / 2, block / 2}, {w - block/2, block / 2}, {w - block/2, h - block/2},
		{block / 2, h - block/2}} {
		r, g, b, _ := p.At(at.X, at.Y).RGBA()
		got += string(names[[3]bool{r > 0x8000, g > 0x8000, b > 0x8000}])
	}
	return got
}

func TestLogo_IsTurnedAsItsMetadataSays(t *testing.T) {
	for o, want := range map[uint16]string{1: "rbyw", 2: "brwy", 3: "ywrb", 4: "wybr", 5: "rwyb", 6: "wrby", 7: "ybrw",
		8: "bywr", 0: "rbyw", 9: "rbyw"} {
		for name, raw := range map[string][]byte{
			"JPEG, little end first": jpegWith(t, exifOf(binary.LittleEndian, "II", o)),
			"JPEG, big end first":    jpegWith(t, exifOf(binary.BigEndian, "MM", o)),
			"PNG":                    pngWith(t, exifOf(binary.BigEndian, "MM", o)),
		} {
			_, redrawn, err := redraw(raw)
			if err != nil {
				t.Errorf("%s of %d: %v", name, o, err)
				continue
			}
			drawn, _, err := image.Decode(bytes.NewReader(redrawn))
			if err != nil {
				t.Fatal(err)
			}
			if got := corners(drawn); got != want || (o >= 5 && o <= 8) != (drawn.Bounds().Dx() == 2*block) {
				t.Errorf("%s of %d: got corners %s of %v, want %s", name, o, got, drawn.Bounds(), want)
			}
			if bytes.Contains(redrawn, []byte("Exif")) || bytes.Contains(redrawn, []byte("eXIf")) {
				t.Errorf("%s of %d: the metadata is still there", name, o)
			}
		}
	}
}

func TestLogo_BrokenMetadataLeavesThePictureAsItLies(t *testing.T) {
	right := exifOf(binary.LittleEndian, "II", 6)
	far := bytes.Clone(right)
	binary.LittleEndian.PutUint32(far[4:], 1<<31)
	text := bytes.Clone(right)
	binary.LittleEndian.PutUint16(text[8+2+12+2:], 2) // another type than SHORT
	for name, exif := range map[string][]byte{"none": nil, "cut off": right[:20],
		"of no order": append([]byte("XX"), right[2:]...), "a directory far off": far, "another type": text} {
		if _, redrawn, err := redraw(jpegWith(t, exif)); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if drawn, _, err := image.Decode(bytes.NewReader(redrawn)); err != nil || corners(drawn) != "rbyw" {
			t.Errorf("%s: got %v, want the picture as it lies", name, err)
		}
	}
}
