package serve

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// bytesOfAll are every value that a byte has: no UTF-8, with line ends and zeros.
func bytesOfAll() []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

// echo answers with the body, of the content type that the request names.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if kind := r.Header.Get("Accept"); kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	_, _ = w.Write(body)
})

func TestGateway_BodiesArriveAsSentPlainOrBase64(t *testing.T) {
	binary := base64.StdEncoding.EncodeToString(bytesOfAll())
	for name, test := range map[string]struct {
		event events.APIGatewayProxyRequest
		want  []byte
	}{
		"base64":                       {events.APIGatewayProxyRequest{Body: binary, IsBase64Encoded: true}, bytesOfAll()},
		"plain":                        {events.APIGatewayProxyRequest{Body: `{"name":"Zoë"}`}, []byte(`{"name":"Zoë"}`)},
		"plain that looks like base64": {events.APIGatewayProxyRequest{Body: binary}, []byte(binary)},
		"nothing, said to be base64":   {events.APIGatewayProxyRequest{IsBase64Encoded: true}, nil},
	} {
		test.event.HTTPMethod, test.event.Path = "PUT", "/v1/things"
		var got []byte
		var length int64
		h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got, _ = io.ReadAll(r.Body)
			length = r.ContentLength
		})
		if _, err := (gateway{h}).invoke(t.Context(), test.event); err != nil || !bytes.Equal(got, test.want) || length != int64(len(test.want)) {
			t.Errorf("%s: got %q of %d bytes (%v), want %q", name, got, length, err, test.want)
		}
	}
	if _, err := (gateway{echo}).invoke(t.Context(), events.APIGatewayProxyRequest{HTTPMethod: "PUT", Path: "/", Body: "%%%", IsBase64Encoded: true}); err == nil {
		t.Error("what is said to be base64 and is not was taken")
	}
}

func TestGateway_AnswersAreBase64OnlyWhenTheyAreBinary(t *testing.T) {
	for kind, binary := range map[string]bool{
		"image/png": true, "image/jpeg": true, "application/octet-stream": true, "": true,
		"application/json": false, "application/problem+json": false, "application/json; charset=utf-8": false, "text/html": false,
	} {
		sent := []byte(`{"name":"Zoë"}`)
		if binary {
			sent = bytesOfAll()
		}
		e := events.APIGatewayProxyRequest{HTTPMethod: "PUT", Path: "/", Body: base64.StdEncoding.EncodeToString(sent), IsBase64Encoded: true, Headers: map[string]string{"accept": kind}}
		got, err := gateway{echo}.invoke(t.Context(), e)
		want := string(sent)
		if binary {
			want = base64.StdEncoding.EncodeToString(sent)
		}
		if err != nil || got.IsBase64Encoded != binary || got.Body != want {
			t.Errorf("%q: got base64 %t (%v), want %t", kind, got.IsBase64Encoded, err, binary)
		}
	}
	empty := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(http.StatusNotModified)
	})
	got, err := gateway{empty}.invoke(t.Context(), events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/"})
	if err != nil || got.StatusCode != 304 || got.IsBase64Encoded || got.Body != "" || got.MultiValueHeaders["Etag"][0] != `"1"` {
		t.Errorf("got %+v (%v), want 304 without a body", got, err)
	}
}
