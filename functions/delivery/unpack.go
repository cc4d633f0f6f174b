package delivery

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// Answers that come compressed although every request says that it takes none (RFC 9110, 12.5.3).

// identityOnly is the Accept-Encoding of every request. It is shared, so nobody changes it.
var identityOnly = []string{"identity"}

// unpacked undoes the body's content encodings, up to answerMost bytes. cut is true when there was more. unknown
// names an encoding that is not supported; the body is no text then. A body that does not match its header is taken
// as it is.
func unpacked(h http.Header, body []byte, cutBefore bool) (plain []byte, cut bool, unknown string) {
	plain, cut = body, cutBefore
	for _, encoding := range slices.Backward(encodings(h, body)) {
		open, known := decoders[encoding]
		if !known && utf8.Valid(plain) { // a character set, say, in the wrong header
			return plain, cut, ""
		}
		if !known {
			return nil, false, encoding
		}
		decoder, err := open(plain)
		if err != nil {
			return plain, cut, ""
		}
		more, _ := io.ReadAll(io.LimitReader(decoder, answerMost+1)) // it may break off, as the body may
		if plain = more; len(more) > answerMost {
			plain, cut = more[:answerMost], true
		}
	}
	return plain, cut, ""
}

// encodings are those that were applied, in their order. Some servers send gzip and do not say so.
func encodings(h http.Header, body []byte) []string {
	var all []string
	for _, value := range h["Content-Encoding"] {
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" && name != "identity" {
				all = append(all, name)
			}
		}
	}
	if len(all) == 0 && bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		return []string{"gzip"}
	}
	return all[:min(len(all), encodingsMost)]
}

// encodingsMost keeps an answer from being unpacked over and over.
const encodingsMost = 2

var decoders = map[string]func([]byte) (io.Reader, error){"gzip": ungzip, "x-gzip": ungzip, "deflate": inflate}

func ungzip(body []byte) (io.Reader, error) { return gzip.NewReader(bytes.NewReader(body)) }

// inflate takes zlib's format, as RFC 9110 has it, and the bare one that some send.
func inflate(body []byte) (io.Reader, error) {
	if r, err := zlib.NewReader(bytes.NewReader(body)); err == nil {
		return r, nil
	}
	return flate.NewReader(bytes.NewReader(body)), nil
}
