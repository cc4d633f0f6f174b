package domain

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestRule22_RotatingASigningSecret(t *testing.T) {
	made := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	type rotation struct {
		after, overlap time.Duration
		ended          string // the hours at which those were made that it ends at once
	}
	for name, c := range map[string]struct {
		rotations []rotation
		at        time.Duration
		want      []Sealed
	}{
		"none": {nil, 0, []Sealed{"0"}},
		"one, within the overlap": {[]rotation{{1 * time.Hour, 24 * time.Hour, ""}}, 24 * time.Hour,
			[]Sealed{"1", "0"}},
		"one, as the overlap ends": {[]rotation{{1 * time.Hour, 24 * time.Hour, ""}}, 25 * time.Hour,
			[]Sealed{"1"}},
		"one without overlap": {[]rotation{{1 * time.Hour, 0, "[0]"}}, time.Hour,
			[]Sealed{"1"}},
		"a second within the overlap": {[]rotation{{1 * time.Hour, 24 * time.Hour, ""},
			{2 * time.Hour, 24 * time.Hour, ""}}, 2 * time.Hour, []Sealed{"2", "1", "0"}},
		"the oldest ends when it was to": {[]rotation{{1 * time.Hour, 24 * time.Hour, ""},
			{2 * time.Hour, 24 * time.Hour, ""}}, 25 * time.Hour, []Sealed{"2", "1"}},
		"a shorter overlap shortens the others": {[]rotation{{1 * time.Hour, 168 * time.Hour, ""},
			{2 * time.Hour, time.Hour, ""}}, 3 * time.Hour, []Sealed{"2"}},
		"no overlap ends all": {[]rotation{{1 * time.Hour, 168 * time.Hour, ""},
			{2 * time.Hour, 0, "[1 0]"}}, 2 * time.Hour, []Sealed{"2"}},
		"a third ends the oldest": {[]rotation{{1 * time.Hour, 24 * time.Hour, ""},
			{2 * time.Hour, 24 * time.Hour, ""}, {3 * time.Hour, 24 * time.Hour, "[0]"}}, 3 * time.Hour,
			[]Sealed{"3", "2", "1"}},
		"what ended by itself is not ended once more": {[]rotation{{1 * time.Hour, time.Hour, ""},
			{3 * time.Hour, 0, "[1]"}}, 3 * time.Hour, []Sealed{"2"}},
	} {
		w := Webhook{Secret: "0", CreatedAt: made}
		for n, r := range c.rotations {
			var ended []int
			for _, e := range w.Rotate(Sealed(fmt.Sprint(n+1)), made.Add(r.after), r.overlap) {
				ended = append(ended, int(e.MadeAt.Sub(made).Hours()))
				if !e.EndsAt.Equal(made.Add(r.after)) {
					t.Errorf("%s: what rotation %d ended ends at %s", name, n+1, e.EndsAt)
				}
			}
			if got := fmt.Sprint(ended); got != r.ended && !(len(ended) == 0 && r.ended == "") {
				t.Errorf("%s: rotation %d ended %s, want %q", name, n+1, got, r.ended)
			}
			if len(w.Former) > MostSecrets-1 {
				t.Errorf("%s: %d former secrets are kept", name, len(w.Former))
			}
		}
		if got := w.Signers(made.Add(c.at)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
		if got := w.SecretsAt(made.Add(c.at)); len(got) != len(c.want) || !got[0].EndsAt.IsZero() {
			t.Errorf("%s: it is told of %+v", name, got)
		}
	}
}
