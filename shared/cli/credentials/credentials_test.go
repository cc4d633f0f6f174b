package credentials_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"plugboard/shared/cli/credentials"
)

var partner = credentials.Credential{
	URL:     "https://api.example.com",
	Key:     "pb_partner_1",
	SavedAt: time.Unix(0, 0).UTC(),
}

func TestSave_NobodyElseCanRead(t *testing.T) {
	s := credentials.Store{Dir: filepath.Join(t.TempDir(), "plugboard")}
	if err := s.Save("default", credentials.Partner, partner); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" {
		filepath.WalkDir(s.Dir, func(path string, d fs.DirEntry, err error) error {
			if info, _ := d.Info(); info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has the mode %v", path, info.Mode())
			}
			return err
		})
	}
	all, err := s.Load("default")
	if err != nil || len(all) != 1 || all[credentials.Partner] != partner {
		t.Errorf("got %v, %v", all, err)
	}
	file := filepath.Join(s.Dir, "credentials", "default", "partner.json")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load("default"); err == nil || !strings.Contains(err.Error(), "others can read") {
		t.Errorf("a key that others can read is taken: %v", err)
	}
}

func TestLoad_ADamagedFileIsNamed(t *testing.T) {
	s := credentials.Store{Dir: t.TempDir()}
	for _, content := range []string{"", "{", `{"url":"https://a.example"}`, `{"url":"http://a.example","key":"k"}`} {
		path := filepath.Join(s.Dir, "credentials", "p", "token.json")
		os.MkdirAll(filepath.Dir(path), 0o700)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Load("p"); err == nil || !strings.Contains(err.Error(), "token.json is damaged") {
			t.Errorf("%q: got %v", content, err)
		}
	}
}

// Two processes log in at once: each key is kept, and of one kind the whole of either.
func TestSave_TwoAtOnceLoseNothing(t *testing.T) {
	s := credentials.Store{Dir: t.TempDir()}
	var both sync.WaitGroup
	for n := range 8 {
		both.Go(func() {
			kind := credentials.Kinds[n%len(credentials.Kinds)]
			c := partner
			c.Key = strings.Repeat(string(kind), 1000)
			for range 20 {
				if err := s.Save("default", kind, c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	both.Wait()
	all, err := s.Load("default")
	if err != nil || len(all) != len(credentials.Kinds) {
		t.Fatalf("got %d keys, %v", len(all), err)
	}
	for kind, c := range all {
		if c.Key != strings.Repeat(string(kind), 1000) {
			t.Errorf("the %s key is mixed up", kind)
		}
	}
}

// saver is set in a process of this test binary that saves again and again until it is killed.
const saver = "PLUGBOARD_TEST_SAVER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(saver); dir != "" {
		for n := 0; ; n++ {
			c := partner
			c.Key = strings.Repeat(string('a'+rune(n%26)), 200_000)
			if err := (credentials.Store{Dir: dir}).Save("default", credentials.Token, c); err != nil {
				panic(err)
			}
		}
	}
	os.Exit(m.Run())
}

func TestSave_AKilledProcessLeavesNothingHalfWritten(t *testing.T) {
	s := credentials.Store{Dir: t.TempDir()}
	for range 5 {
		process := exec.Command(os.Args[0])
		process.Env = append(os.Environ(), saver+"="+s.Dir)
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		for seen := ""; ; { // until it has replaced the file under our eyes
			all, err := s.Load("default")
			if err != nil {
				t.Fatal(err)
			}
			c, has := all[credentials.Token]
			if has && seen != "" && c.Key != seen {
				break
			}
			seen = c.Key
		}
		process.Process.Kill()
		process.Wait()
		all, err := s.Load("default")
		if key := all[credentials.Token].Key; err != nil || key != strings.Repeat(key[:1], 200_000) {
			t.Fatalf("the key has %d characters after the kill, %v", len(key), err)
		}
	}
}

func TestCheckURL_AKeyTravelsOnlyEncryptedOrOnThisMachine(t *testing.T) {
	for url, good := range map[string]bool{
		"https://api.example.com": true, "https://api.example.com/prod": true, "http://localhost:4566/x": true,
		"http://127.0.0.1:1": true,
		"http://[::1]:1":     true, "http://x.localhost": true, "http://api.example.com": false,
		"http://localhost.example.com": false,
		"ftp://localhost":              false, "localhost:4566": false, "": false, "https://u:p@api.example.com": false,
		"https://api.example.com/?a=b": false,
	} {
		if err := credentials.CheckURL(url); (err == nil) != good {
			t.Errorf("%q: got %v", url, err)
		}
	}
}

func TestRemove_SaysWhatThereWas(t *testing.T) {
	s := credentials.Store{Dir: t.TempDir()}
	s.Save("default", credentials.Partner, partner)
	s.Save("default", credentials.Token, partner)
	one, err := s.Remove("default", credentials.Token, credentials.User)
	if raw, _ := json.Marshal(one); err != nil || string(raw) != `["token"]` {
		t.Errorf("got %s, %v", raw, err)
	}
	if all, _ := s.Load("default"); len(all) != 1 {
		t.Errorf("left are %v", all)
	}
}
