package pull

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"plugboard/shared/cli/credentials"
)

// Cursor is where a listener goes on.
type Cursor struct {
	Cursor  string    `json:"cursor"`
	SavedAt time.Time `json:"saved_at"`
}

// Cursors keeps the cursors of one listener, by webhook: a file each.
type Cursors struct{ Dir string }

// CursorsOf are those of a profile's listener with that name.
func CursorsOf(config, profile, name string) Cursors {
	digest := sha256.Sum256([]byte(name))
	return Cursors{filepath.Join(config, "listeners", profile, hex.EncodeToString(digest[:8]))}
}

func (c Cursors) file(webhook string) string {
	return filepath.Join(c.Dir, filepath.Base(webhook)+".json")
}

// Load reads a webhook's cursor; a zero one when there is none. A damaged file counts as none.
func (c Cursors) Load(webhook string) (Cursor, error) {
	var kept Cursor
	raw, err := os.ReadFile(c.file(webhook))
	if errors.Is(err, fs.ErrNotExist) {
		return kept, nil
	}
	if err != nil {
		return kept, err
	}
	if json.Unmarshal(raw, &kept) != nil {
		return Cursor{}, nil
	}
	return kept, nil
}

// Save replaces a webhook's cursor at once.
func (c Cursors) Save(webhook string, at Cursor) error {
	raw, err := json.Marshal(at)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	return credentials.Replace(c.file(webhook), append(raw, '\n'), 0o600)
}
