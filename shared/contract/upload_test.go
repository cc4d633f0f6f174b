package contract

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

type uploadInput struct {
	Thing string `path:"thing_id" maxLength:"8"`
	Upload
}

type fileOutput struct {
	Status      int
	ContentType string `header:"Content-Type" hidden:"true"`
	ETag        string `header:"ETag"`
	Body        []byte
}

type redirectOutput struct {
	Location string `header:"Location"`
}

// documented declares the row, and is the operation as the document shows it.
func documented[I, O any](t *testing.T, row Operation) map[string]any {
	t.Helper()
	emptyTable(t)
	declare[I, O](group{}, row)
	doc := OpenAPI()
	d := row.in(doc)
	responses := map[string]any{}
	for status, r := range d.Responses {
		responses[status] = slices.Sorted(maps.Keys(r.Content))
	}
	for _, status := range []string{"200", "302", "304"} {
		if r := d.Responses[status]; r != nil {
			responses[status+" headers"] = slices.Sorted(maps.Keys(r.Headers))
		}
	}
	if d.RequestBody != nil {
		form := d.RequestBody.Content[formType]
		if form == nil || len(d.RequestBody.Content) != 1 || !d.RequestBody.Required {
			t.Fatalf("got the body %+v, want a form alone", d.RequestBody)
		}
		part := form.Schema.Properties["thing"]
		if part.Format != "binary" || part.MaxLength != nil || part.Extensions[ExtensionMaxBytes] != int64(100) ||
			form.Encoding["thing"].ContentType != "image/png, image/gif" {
			t.Errorf("got the part %+v of %+v", part, form.Encoding["thing"])
		}
	}
	return responses
}

var thingFile = &File{Part: "thing", Types: []string{"image/png", "image/gif"}, MaxBytes: 100}

func TestOpenAPI_ShowsFilesTakenAndAnswered(t *testing.T) {
	row := goodRow()
	row.File, row.Binary, row.Status, row.Revalidates = thingFile, []string{"image/png", "image/gif"}, 200, true
	got := documented[uploadInput, fileOutput](t, row)
	if kinds := got["200"].([]string); !slices.Equal(kinds, []string{"image/gif", "image/png"}) {
		t.Errorf("got the answer's types %v, want both", kinds)
	}
	if h := got["200 headers"].([]string); !slices.Equal(h, []string{"ETag"}) {
		t.Errorf("got the headers %v", h)
	}
	if h, ok := got["304 headers"].([]string); !ok || !slices.Equal(h, []string{"ETag"}) ||
		len(got["304"].([]string)) > 0 {
		t.Errorf("got the 304 %v with %v, want no content and the ETag", h, got["304"])
	}
	for _, status := range []string{"400", "413", "415"} {
		if got[status] == nil {
			t.Errorf("no answer %s is shown", status)
		}
	}
	if all[0].MaxBody <= 100 || all[0].MaxBody > 100+8<<10 {
		t.Errorf("got the limit %d for a file of 100 bytes", all[0].MaxBody)
	}
}

func TestOpenAPI_ShowsARedirect(t *testing.T) {
	row := goodRow()
	row.Status, row.RedirectsTo = http.StatusFound, "somewhere"
	got := documented[noInput, redirectOutput](t, row)
	if h := got["302 headers"].([]string); !slices.Equal(h, []string{"Location"}) || len(got["302"].([]string)) > 0 ||
		got["200"] != nil {
		t.Errorf("got %v, want 302 with Location alone", got)
	}
}

func TestRedirect_IsAnsweredWithItsLocation(t *testing.T) {
	logTo(t, io.Discard)
	emptyTable(t)
	row := goodRow()
	row.Status, row.RedirectsTo = http.StatusFound, "somewhere"
	op := declare[noInput, redirectOutput](group{}, row)
	h, err := New(Webhooks, openGate{}, nil, nil, func(a *API) {
		op.Handle(a, func(context.Context, *noInput) (*redirectOutput, error) {
			return &redirectOutput{Location: "https://partner.test/setup?code=1"}, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/v1/things/a", nil))
	if w.Code != 302 || w.Header().Get("Location") != "https://partner.test/setup?code=1" || w.Body.Len() > 0 {
		t.Errorf("got %d to %q with %q", w.Code, w.Header().Get("Location"), w.Body)
	}
}

func TestUpload_HandsTheFileAlone(t *testing.T) {
	logTo(t, io.Discard)
	emptyTable(t)
	row := goodRow()
	row.File = thingFile
	op := declare[uploadInput, noOutput](group{}, row)
	var got *uploadInput
	h, err := New(Webhooks, openGate{}, nil, nil, func(a *API) {
		op.Handle(a, func(_ context.Context, in *uploadInput) (*noOutput, error) {
			got = in
			return &noOutput{}, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	send := func(body string) *http.Request {
		r := request("POST", "/v1/things/a", body)
		r.Header.Set("Content-Type", `multipart/form-data; boundary="b c"`)
		return r
	}
	part := func(content string) string {
		return "--b c\r\nContent-Disposition: form-data; name=\"thing\"; " +
			"filename=\"../../etc/passwd\"\r\nContent-Type: text/html\r\n\r\n" + content + "\r\n--b c--\r\n"
	}
	every := make([]byte, 100) // with line ends, zeros and what is no UTF-8
	for i := range every {
		every[i] = byte(i * 37)
	}
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, send("a preamble\r\n"+part(string(every))+"an epilogue")); w.Code != 201 ||
		string(got.Content) != string(every) || got.RawBody != nil || got.Thing != "a" {
		t.Errorf("got %d and %+v, want the file as it was", w.Code, got)
	}
	problem(t, h, send(part(string(every)+"x")), 413)
	problem(t, h, send(part(strings.Repeat("x", 100_000))), 413)
	problem(t, h, send(part(string(every))[:60]), 400)
}
