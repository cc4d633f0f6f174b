package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"maps"
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

var ownAssets = hashed()

func hashed() map[string]asset {
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
		all[e.Name()] = newAsset(e.Name(), content)
	}
	return all
}

// newAsset names the content by its hash.
func newAsset(name string, content []byte) asset {
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".svg": "image/svg+xml"}
	sum := sha256.Sum256(content)
	end := path.Ext(name)
	stem := strings.TrimSuffix(strings.TrimSuffix(name, end), ".min")
	return asset{name: stem + "-" + hex.EncodeToString(sum[:8]) + end, kind: kinds[end], content: content}
}

// assetsWith are the console's own with those of the theme.
func assetsWith(t Theme) map[string]asset {
	all := maps.Clone(ownAssets)
	maps.Copy(all, t.assets())
	return all
}

func (k *Console) serveAsset(w http.ResponseWriter, r *http.Request) {
	for _, a := range k.assets {
		if a.name == r.PathValue("file") {
			w.Header().Set("Content-Type", a.kind)
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			_, _ = w.Write(a.content)
			return
		}
	}
	http.NotFound(w, r)
}
