package contract

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

func codesOf(wrong []fault.Field) []string {
	all := []string{}
	for _, f := range wrong {
		all = append(all, f.Pointer+" "+f.Code)
	}
	return all
}

func TestScan_FindsWhatTheDecoderWouldHide(t *testing.T) {
	deep := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"nothing wrong":                   {`{"a":[1,"é",null,true,-0.5e3,{"b":"\u00e9\ud83d\ude00"}]}`, []string{}},
		"Latin-1 in a value":              {"{\"a\":{\"b\":[1,\"K\xf6ln\"]}}", []string{"/a/b/1 not-utf-8"}},
		"Latin-1 in a name":               {"{\"a\":{\"K\xf6ln\":1}}", []string{"/a not-utf-8"}},
		"a cut character":                 {"{\"a\":\"\xe2\x82\"}", []string{"/a not-utf-8"}},
		"a surrogate written as UTF-8":    {"{\"a\":\"\xed\xa0\xbd\"}", []string{"/a not-utf-8"}},
		"the first half of a pair":        {`{"a":"\ud83d"}`, []string{"/a lone-surrogate"}},
		"the second half of a pair":       {`{"a":"x\ude00"}`, []string{"/a lone-surrogate"}},
		"the halves in the wrong order":   {`{"a":"\ude00\ud83d"}`, []string{"/a lone-surrogate"}},
		"half a pair, and another escape": {`{"a":"\ud83d\u0041"}`, []string{"/a lone-surrogate"}},
		"half a pair in a name":           {`{"a":{"\ud83d":1}}`, []string{"/a lone-surrogate"}},
		"an escaped backslash before u":   {`{"a":"\\ud83d"}`, []string{}},
		"a name twice":                    {`{"a":{"b/c":1,"b\u002fc":2}}`, []string{"/a/b~1c duplicate"}},
		"a name of 256 characters":        {`{"` + strings.Repeat("é", 256) + `":1}`, []string{}},
		"a name of 257 characters": {`{"a":[{"` + strings.Repeat("é", 257) + `":1}]}`,
			[]string{"/a/0 too-long"}},
		"as deep as may be": {deep, []string{}},
		"one deeper": {`{"a":` + deep + `,"b":"` + "\xff" + `"}`,
			[]string{"/a" + strings.Repeat("/0", maxDepth-1) + " too-deep", "/b not-utf-8"}},
		"deeper than the decoder can": {strings.Repeat("[", 20000) + `"]"` + strings.Repeat("]", 20000),
			[]string{strings.Repeat("/0", maxDepth) + " too-deep"}},
		"no JSON":                          {`{"a":`, []string{}},
		"a string without an end":          {`{"a":"b`, []string{}},
		"a string that ends in its escape": {`{"a":"b\`, []string{}},
		"nothing":                          {``, []string{}},
		// chosen after the mending
		"a slash in two bytes":        {"{\"a\":\"\xc0\xaf\"}", []string{"/a not-utf-8"}},
		"beyond the last character":   {"{\"a\":[\"\xf4\x90\x80\x80\"]}", []string{"/a/0 not-utf-8"}},
		"a text that is all":          {"\"\xff\"", []string{" not-utf-8"}},
		"the first half twice":        {`{"a":"\uD83D\uD83D"}`, []string{"/a lone-surrogate"}},
		"half a pair before the rest": {`{"a":"\ud83dx\ude00"}`, []string{"/a lone-surrogate"}},
	} {
		if got := codesOf(scanned([]byte(test.text), false).wrong); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestScan_TellsWhichNumbersAreOutOfRange(t *testing.T) {
	for _, text := range []string{"1e400", "-1e400", "1e126", "-1e126", "1e-131", "1e-400", "0.001e-1000",
		strings.Repeat("9", 127)} {
		if s := scanned([]byte(`{"a":[`+text+`]}`), false); len(s.numbers) != 1 || s.numbers[0].Pointer != "/a/0" ||
			string(s.decodable()) != `{"a":[0]}` {
			t.Errorf("%s: got %v and %s, want it found and replaced", text, s.numbers, s.decodable())
		}
	}
	for _, text := range []string{"0", "-0", "0.0", "0e999", "0E-999", "1e125", "9.99e125", "1e-130", "-1.5",
		"12345678901234567890.10", "1E+2"} {
		if s := scanned([]byte(text), false); len(s.numbers) != 0 || string(s.decodable()) != text {
			t.Errorf("%s: got %v and %s, want it left alone", text, s.numbers, s.decodable())
		}
	}
}

func TestScan_AFaultOfAnItemIsItsOwn(t *testing.T) {
	broken := []string{`{"id":"b","x":1e400}`, "{\"id\":\"b\",\"x\":\"\xff\"}", `{"x":{"y":1,"y":2},"id":"b"}`,
		`{"id":"b","x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, `{"id":"b","x":"\ud800"}`}
	wants := []string{"/x out-of-range", "/x not-utf-8", "/x/y duplicate", "/x" + strings.Repeat("/0", maxDepth-1) +
		" too-deep", "/x lone-surrogate"}
	text := `{"items":[{"id":"a"}, ` + strings.Join(broken, ",") + ` ,{"id":"c"}],"n":1e400}`
	s := scanned([]byte(text), true)
	if len(s.wrong) > 0 || len(s.items) != len(broken) || len(s.numbers) != 1 || s.numbers[0].Pointer != "/n" {
		t.Fatalf("got %v, %v and %v, want %d items with faults and the other number", s.wrong, s.items, s.numbers,
			len(broken))
	}
	for n, item := range s.items {
		if got := codesOf(item.wrong); item.place != n+1 || item.id != "b" || !slices.Equal(got, wants[n:n+1]) {
			t.Errorf("item %d: got id %q and %q, want %q", item.place, item.id, got, wants[n])
		}
	}
	left := string(s.decodable())
	if !strings.HasPrefix(left, `{"items":[{"id":"a"}, {"":"`) ||
		!strings.HasSuffix(left, `,"id":"b"} ,{"id":"c"}],"n":0}`) || strings.Contains(left, "[[") {
		t.Errorf("got %s, want the good items as they came, and of the others their ids", left)
	}
	other := scanned([]byte(strings.Replace(text, "1e400}", "1e401}", 1)), true)
	if string(other.decodable()) == left {
		t.Error("another item decodes to the same, and would have the same Idempotency-Key's answer")
	}
}

func TestScan_AnItemsIDIsReadWhereItCanBe(t *testing.T) {
	for item, want := range map[string]string{
		`{"id":"a","x":1e400}`:                                "a",
		`{"x":1e400,"id":"\u00e9"}`:                           "é",
		`{"id":7,"x":1e400}`:                                  "",
		`{"id":"a","id":"b"}`:                                 "",
		"{\"id\":\"\xff\"}":                                   "",
		`{"x":{"id":"inner","x":1e400}}`:                      "",
		`{"id":"` + strings.Repeat("a", 257) + `","x":1e400}`: "",
	} {
		s := scanned([]byte(`{"items":[`+item+`]}`), true)
		if len(s.items) != 1 || s.items[0].id != want {
			t.Errorf("%.60s: got %+v, want id %q", item, s.items, want)
		}
	}
}

func TestRule26_ABodyThatIsNotUTF8IsRefusedWithThePointer(t *testing.T) {
	h := fixing(t, func(context.Context, *fixInput) (*noOutput, error) {
		t.Error("the handler ran")
		return nil, nil
	})
	for body, want := range map[string]string{
		"{\"name\":\"K\xf6ln\"}":                        "/name not-utf-8",
		`{"name":"\ud83d"}`:                             "/name lone-surrogate",
		`{"name":"a","name":1}`:                         "/name duplicate",
		`{"by":{"` + strings.Repeat("é", 257) + `":1}}`: "/by too-long",
	} {
		p := problem(t, h, request("POST", "/v1/things/known", body), 400)
		if got := pointersOf(p); p.Code != "malformed" || !slices.Equal(got, []string{want}) ||
			!strings.HasPrefix(p.Detail, "The body is not taken: ") {
			t.Errorf("%q: got %s %q %q, want %s", body, p.Code, p.Detail, got, want)
		}
	}
}

func TestRule26_ContentTypesCountWithoutCaseAndInUTF8Alone(t *testing.T) {
	for kind, taken := range map[string]bool{
		"application/json": true, "Application/Json": true, "APPLICATION/JSON; CHARSET=UTF-8": true,
		`application/json;charset="utf-8"`:     true,
		"application/json; charset=iso-8859-1": false, "application/json; Charset=Windows-1252": false,
		"application/json; charset=utf-16": false, "Text/Plain": false,
	} {
		ran := false
		h := fixing(t, func(context.Context, *fixInput) (*noOutput, error) {
			ran = true
			return &noOutput{}, nil
		})
		r := request("POST", "/v1/things/known", `{"name":"a"}`)
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if ran != taken || !taken && w.Code != 415 {
			t.Errorf("%s: got %d, want taken %t or 415: %s", kind, w.Code, taken, w.Body)
		}
	}
}

type readItem struct {
	ID   string    `json:"id" maxLength:"4"`
	At   string    `json:"at,omitempty" format:"date-time"`
	Data EventData `json:"data,omitempty"`
	Size int       `json:"size,omitempty" minimum:"1" maximum:"10"`
	Name string    `json:"name,omitempty"`
}

func (i *readItem) Check() []fault.Field {
	if i.Name == "" {
		return []fault.Field{{Pointer: "/name", Code: "required"}}
	}
	return nil
}

// A value of another type ends Go's decoding; the checks would take what comes after it for absent.
func TestItems_AMistypedFieldBringsNoComplaintsAboutRightOnes(t *testing.T) {
	for raw, want := range map[string][]string{
		`{"data":[1],"id":"a","name":"b"}`:            {"/data invalid"},
		`{"data":"x","size":"y","id":"a","name":"b"}`: {"/data invalid", "/size invalid"},
		`{"id":5,"name":"b"}`:                         {"/id invalid"},
		`{"size":1e30,"id":"a","name":"b"}`:           {"/size invalid"},
		`{"size":1e1,"id":"a","name":"b"}`:            nil,
		`{"id":"a","name":null}`:                      {"/name invalid"},
		`{"id":"a.b","a.b":1,"name":"b"}`:             {"/a.b unknown"},
		`[]`:                                          {" invalid"},
	} {
		read, err := Items[readItem]{[]byte(raw)}.Read(context.Background())
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		got := codesOf(read[0].Wrong)
		if slices.Sort(got); !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	}
}

func TestItems_AnIDIsReadWhateverIsWrong(t *testing.T) {
	for raw, want := range map[string]domain.SentID{
		`{"id":"too long"}`: "too long", `{"id":"a","size":"x"}`: "a", `{"size":"x","id":"a"}`: "a", `{"id":7}`: "",
		`{}`: "", `7`: "", `{"id":null}`: "",
	} {
		if read, err := (Items[readItem]{[]byte(raw)}).Read(context.Background()); err != nil || read[0].ID != want {
			t.Errorf("%s: got %v and %v, want id %q", raw, read, err, want)
		}
	}
}
