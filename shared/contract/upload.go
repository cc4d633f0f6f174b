package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/shared/fault"
)

// File is a multipart/form-data body with exactly one part.
type File struct {
	Part     string   // the part's name
	Types    []string // for the document; the handler inspects the bytes and trusts no header
	MaxBytes int64
	Doc      string
}

// Upload is embedded in the input of an operation that takes a File. Huma could read the form, but without a size
// limit.
type Upload struct {
	RawBody []byte `contentType:"multipart/form-data" json:"-"`
	// Content is the file. An Idempotency-Key compares it alone, since the boundary differs at each try.
	Content []byte
}

func (u *Upload) upload() *Upload { return u }

const (
	formType = "multipart/form-data"
	// formFrame is the size limit of the boundaries and headers around a file.
	formFrame = 4 << 10
)

// unpack fills Upload.Content from the body.
func (o Operation) unpack(ctx context.Context, in any) error {
	u, ok := in.(interface{ upload() *Upload })
	if !ok {
		return nil
	}
	contentType, _ := ctx.Value(contentTypeKey{}).(string)
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != formType || params["boundary"] == "" {
		return refusal(ctx, http.StatusUnsupportedMediaType, "unsupported-media-type",
			fmt.Sprintf("Send %s with one file, in the part %q.", formType, o.File.Part))
	}
	body := u.upload()
	content, wrong, err := o.File.read(multipart.NewReader(bytes.NewReader(body.RawBody), params["boundary"]))
	// The reader mistakes a form that was cut off within a part's headers for a complete one.
	ended := bytes.Contains(body.RawBody, []byte("--"+params["boundary"]+"--"))
	switch {
	case err != nil || !ended:
		return refusal(ctx, http.StatusBadRequest, "malformed",
			"The form is cut off, or its parts are not divided by the boundary that Content-Type names.")
	case len(wrong) > 0:
		return fault.InvalidFields(wrong)
	case int64(len(content)) > o.File.MaxBytes:
		return fault.New(fault.TooLarge, "", "The file has %d bytes; at most %d are taken.", len(content),
			o.File.MaxBytes)
	}
	body.RawBody, body.Content = nil, content
	return nil
}

func (f File) read(form *multipart.Reader) (content []byte, wrong []fault.Field, err error) {
	found := 0
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		if name := part.FormName(); name != f.Part {
			wrong = append(wrong, fault.Field{Pointer: "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name),
				Code: "unknown", Detail: fmt.Sprintf("Send one file, in the part %q, and nothing else.", f.Part)})
			continue
		}
		found++
		if content, err = io.ReadAll(part); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case found == 0:
		wrong = append(wrong, fault.Field{Pointer: "/" + f.Part, Code: "required",
			Detail: "The form has no such part."})
	case found > 1:
		wrong = append(wrong, fault.Field{Pointer: "/" + f.Part, Code: "duplicate",
			Detail: "The form has more than one such part."})
	}
	return content, wrong, nil
}

// ExtensionMaxBytes is how large a file may be, in a form's schema.
const ExtensionMaxBytes = "x-plugboard-max-bytes"

// document is the body in OpenAPI.
func (f File) document() *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{formType: {
		Schema: &huma.Schema{
			Type: huma.TypeObject, Required: []string{f.Part}, AdditionalProperties: false,
			Properties: map[string]*huma.Schema{f.Part: {
				Type: huma.TypeString, Format: "binary", Description: f.Doc,
				// maxLength counts characters, which a file has none of
				Extensions: map[string]any{ExtensionMaxBytes: f.MaxBytes},
			}},
		},
		Encoding: map[string]*huma.Encoding{f.Part: {ContentType: strings.Join(f.Types, ", ")}},
	}}}
}
