package store

import (
	"encoding/json"
	"strings"
	"testing"

	"plugboard/shared/domain"
)

func TestRule25_RecordedAnswerHasNothingThatIsShownOnce(t *testing.T) {
	type Credential struct {
		ID    string           `json:"id"`
		Token domain.ShownOnce `json:"token,omitempty"`
	}
	type body struct {
		Credential
		First   Credential         `json:"first"`
		Pointer *Credential        `json:"pointer"`
		None    *Credential        `json:"none"`
		List    []Credential       `json:"list"`
		Lists   [][]Credential     `json:"lists"`
		Array   [1]*Credential     `json:"array"`
		Bare    []domain.ShownOnce `json:"bare"`
		Any     map[string]string  `json:"any"`
	}
	type output struct {
		ETag string `header:"ETag"`
		Body body
	}
	c := Credential{ID: "tok_1", Token: "pb_live_shown"}
	answer := &output{ETag: `"1"`, Body: body{
		Credential: c, First: c, Pointer: &c, List: []Credential{c, c}, Lists: [][]Credential{{c}},
		Array: [1]*Credential{&c},
		Bare:  []domain.ShownOnce{"pb_live_shown"}, Any: map[string]string{"customer_id": "C-1"},
	}}

	recorded, err := withoutShownOnce(answer)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(recorded), "pb_live_") || strings.Contains(string(recorded), `"token"`) {
		t.Errorf("got %s, want nothing that is shown once", recorded)
	}
	var back output
	if err := json.Unmarshal(recorded, &back); err != nil {
		t.Fatal(err)
	}
	if back.ETag != answer.ETag || len(back.Body.List) != 2 || back.Body.Lists[0][0].ID != "tok_1" ||
		back.Body.Any["customer_id"] != "C-1" {
		t.Errorf("got %+v, want the rest as it was", back)
	}
	if c.Token != "pb_live_shown" || answer.Body.List[0].Token != "pb_live_shown" {
		t.Error("the answer itself lost what it shows")
	}
}

func TestRule25_ABigAnswerIsKeptPackedAndIsTheSame(t *testing.T) {
	for _, size := range []int{0, 10, packFrom - 1, packFrom, 1 << 20} {
		answer := []byte(`"` + strings.Repeat("x", size) + `"`)
		kept := packed(answer)
		if small := len(kept) < len(answer)/10; small != (len(answer) >= packFrom) {
			t.Errorf("of %d bytes %d are kept", len(answer), len(kept))
		}
		if got, err := unpacked(kept); err != nil || string(got) != string(answer) {
			t.Errorf("%d bytes came back as %d, %v", len(answer), len(got), err)
		}
	}
	if _, err := unpacked(packed(make([]byte, packFrom))[:20]); err == nil {
		t.Error("a damaged answer was taken")
	}
}
