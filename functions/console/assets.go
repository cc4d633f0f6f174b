package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

// htmx.min.js is htmx.org 4.0.1 from npm, byte for byte; a test holds it to its hash.
//
//go:embed assets
var assetFiles embed.FS

// asset is a file that browsers keep for a year: another content has another name.
type asset struct {
	name    string // with the hash
	kind    string
	content []byte
}

var assets = hashed()

func hashed() map[string]asset {
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".svg": "image/svg+xml"}
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic(err) // they are in the binary
	}
	all := map[string]asset{}
	for _, e := range entries {
		content, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		end := path.Ext(e.Name())
		stem := strings.TrimSuffix(strings.TrimSuffix(e.Name(), end), ".min")
		all[e.Name()] = asset{name: stem + "-" + hex.EncodeToString(sum[:8]) + end, kind: kinds[end], content: content}
	}
	return all
}

func serveAsset(w http.ResponseWriter, r *http.Request) {
	for _, a := range assets {
		if a.name == r.PathValue("file") {
			w.Header().Set("Content-Type", a.kind)
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			_, _ = w.Write(a.content)
			return
		}
	}
	http.NotFound(w, r)
}
