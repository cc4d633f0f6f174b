package deployed_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	stdimage "image"
	"image/color"
	"image/png"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"plugboard/localstack/client"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

func logoOf(op contract.Operation, e domain.ExtensionID) string {
	return parameter.ReplaceAllString(op.Path, string(e))
}

// uploadLogo sends a form by hand, and returns the answer.
func uploadLogo(t *testing.T, content []byte) client.Answer {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("logo", "logo.png")
	must(t, err)
	_, err = part.Write(content)
	must(t, err)
	must(t, form.Close())
	by := deployed.partner.With("Content-Type", form.FormDataContentType())
	a, err := deployed.Send(t.Context(), by, "PUT", logoOf(contract.PutExtensionLogo.Operation, deployed.core),
		body.Bytes())
	must(t, err)
	return a
}

// picture has every value of a byte among its pixels, and in its file bytes that are no UTF-8.
func picture(t *testing.T) []byte {
	t.Helper()
	m := stdimage.NewNRGBA(stdimage.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		m.SetNRGBA(i%64, i/64, color.NRGBA{R: uint8(i), G: uint8(i * 7), B: uint8(i >> 4), A: uint8(255 - i%3)})
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, m))
	return b.Bytes()
}

// sent is an answer's file. LocalStack's gateway decodes a base64 answer only when the first type of Accept is an
// image's, where AWS and MiniStack always do: otherwise its text is decoded here.
func sent(t *testing.T, a client.Answer) []byte {
	t.Helper()
	if answersForItself() || bytes.HasPrefix(a.Body, []byte("\x89PNG")) {
		return a.Body
	}
	decoded, err := base64.StdEncoding.DecodeString(string(a.Body))
	must(t, err)
	return decoded
}

func TestGateway_AFileGoesInAndComesOutByteForByte(t *testing.T) {
	uploaded := picture(t)
	if a := uploadLogo(t, uploaded); a.Status != http.StatusOK {
		t.Fatalf("the upload got %d: %s", a.Status, a.Body)
	}
	public := logoOf(contract.ReadCatalogueLogo.Operation, deployed.core)
	a := send(t, client.Caller{}.With("Accept", "image/avif,image/webp,*/*"), "GET", public, "")
	if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "image/png" ||
		a.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Fatalf("the picture got %d %v: %.100q", a.Status, a.Header, a.Body)
	}
	served := sent(t, a)
	want, err := png.Decode(bytes.NewReader(uploaded))
	must(t, err)
	got, err := png.Decode(bytes.NewReader(served))
	must(t, err)
	for i := range 64 * 64 {
		if got.At(i%64, i/64) != want.At(i%64, i/64) {
			t.Fatalf("pixel %d changed on its way", i)
		}
	}
	// The function says by its ETag which bytes it sent.
	digest := sha256.Sum256(served)
	if want := domain.LogoETag(hex.EncodeToString(digest[:])); a.Header.Get("ETag") != want {
		t.Errorf("got bytes of the ETag %s, and the header %s", want, a.Header.Get("ETag"))
	}
	// MiniStack decodes base64 answers for those alone who say what they accept, as browsers and curl do.
	again := send(t, deployed.partner.With("Accept", "*/*"), "GET",
		logoOf(contract.ReadExtensionLogo.Operation, deployed.core), "")
	if again.Status != http.StatusOK || !bytes.Equal(sent(t, again), served) {
		t.Errorf("the partner gets %d and %.100q, not the public's bytes", again.Status, again.Body)
	}
	same := send(t, client.Caller{}.With("If-None-Match", a.Header.Get("ETag")), "GET", public, "")
	if same.Status != http.StatusNotModified || len(same.Body) > 0 {
		t.Errorf("with its ETag: got %d and %d bytes, want 304 and none", same.Status, len(same.Body))
	}
	refused(t, uploadLogo(t, append(uploaded, "<script>"...)), http.StatusUnprocessableEntity, "invalid")
	refused(t, uploadLogo(t, []byte(strings.Repeat("x", domain.MaxLogoBytes+1))), http.StatusRequestEntityTooLarge,
		"too-large")
	if a := send(t, deployed.partner, "DELETE", logoOf(contract.DeleteExtensionLogo.Operation, deployed.core),
		""); a.Status != http.StatusNoContent {
		t.Errorf("the deletion got %d: %s", a.Status, a.Body)
	}
}
