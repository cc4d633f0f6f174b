// Package credentials keeps the keys that a person logged in with: one file each, which nobody else can read. A file
// holds the URL of its key too, so that no key is ever sent to another server.
package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// Kind is an auth model of the API whose credential a person can hold.
type Kind string

const (
	Partner  Kind = "partner"  // a partner key
	Token    Kind = "token"    // an API token
	User     Kind = "user"     // a signed-in user's JWT
	Platform Kind = "platform" // the platform's key
	Agent    Kind = "agent"    // the key of an agent, for one webhook
)

// Kinds are in the order of preference where an operation accepts several.
var Kinds = []Kind{Partner, Token, User, Platform, Agent}

// KindOf recognises a key by its beginning. A platform's key has no beginning of its own.
func KindOf(key string) (Kind, bool) {
	for prefix, kind := range map[string]Kind{"pb_partner_": Partner, "pb_live_": Token, "eyJ": User,
		"pb_agent_": Agent} {
		if strings.HasPrefix(key, prefix) {
			return kind, true
		}
	}
	return "", false
}

// Credential is a key with the only server that it is for.
type Credential struct {
	URL     string    `json:"url"`
	Key     string    `json:"key"`
	SavedAt time.Time `json:"saved_at"`
	Webhook string    `json:"webhook_id,omitempty"` // an agent's
}

// Store is a folder with a subfolder for each profile.
type Store struct{ Dir string }

var profileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckProfile says why a profile cannot have that name.
func CheckProfile(name string) error {
	if !profileName.MatchString(name) {
		return fmt.Errorf("the profile %q is no name: use letters, digits, dots and dashes, at most 64", name)
	}
	return nil
}

// CheckURL says why no key is sent to that URL: others on the way would read it.
func CheckURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%q is no URL of an API: it begins with https://", raw)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("the API's URL has no user, no query and no fragment")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return errors.New(
			"the API's URL begins with https://, unless it is on this machine: over http:// others could read the key",
		)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

func (s Store) file(profile string, kind Kind) string {
	return filepath.Join(s.Dir, "credentials", profile, string(kind)+".json")
}

// Save replaces the profile's credential of that kind. The file is complete or absent at any moment, whatever ends
// the process, and two processes that save different kinds at once keep both.
func (s Store) Save(profile string, kind Kind, c Credential) error {
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	path := s.file(profile, kind)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return Replace(path, append(raw, '\n'), 0o600)
}

// Replace writes a file at once: whoever reads it gets all of the old content or all of the new.
func Replace(path string, content []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it was renamed
	_, err = f.Write(content)
	if changed := f.Chmod(mode); err == nil && runtime.GOOS != "windows" {
		err = changed
	}
	if synced := f.Sync(); err == nil {
		err = synced
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Load reads all credentials of a profile; none is no error.
func (s Store) Load(profile string) (map[Kind]Credential, error) {
	all := map[Kind]Credential{}
	for _, kind := range Kinds {
		c, err := s.load(profile, kind)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all[kind] = c
	}
	return all, nil
}

func (s Store) load(profile string, kind Kind) (Credential, error) {
	var c Credential
	path := s.file(profile, kind)
	info, err := os.Stat(path)
	if err != nil {
		return c, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return c, fmt.Errorf(
			"others can read the key in %s. Run `chmod 600` on it, or log in again with a new key",
			path,
		)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(raw, &c); err != nil || c.Key == "" || CheckURL(c.URL) != nil {
		return c, fmt.Errorf("%s is damaged. Log in again", path)
	}
	return c, nil
}

// Remove deletes the profile's credentials of these kinds, and says which there were.
func (s Store) Remove(profile string, kinds ...Kind) ([]Kind, error) {
	removed := []Kind{}
	for _, kind := range kinds {
		err := os.Remove(s.file(profile, kind))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return removed, err
		}
		removed = append(removed, kind)
	}
	os.Remove(filepath.Dir(s.file(profile, Partner))) // fails while it holds anything
	return removed, nil
}
