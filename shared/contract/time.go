package contract

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Time is a time that a caller gives. Every input with a time has it as one: domain.ParseTime reads it and nothing else
// does. A text that is no time ends no decoding; textFaults and Check report it beside all else.
type Time struct {
	time.Time
	unread bool
}

const formatTime = "date-time"

// Schema is a text with a format. The format is for the document; see loosenTimes.
func (Time) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: formatTime}
}

func (t *Time) UnmarshalJSON(raw []byte) error {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return err
	}
	return t.UnmarshalText([]byte(*text))
}

func (t *Time) UnmarshalText(text []byte) error {
	at, err := domain.ParseTime(string(text))
	t.Time, t.unread = at, err != nil
	return nil
}

// faults reports a text that was no time.
func (t Time) faults(pointer string) []fault.Field {
	if !t.unread {
		return nil
	}
	return []fault.Field{{Pointer: pointer, Code: "invalid", Detail: validation.MsgExpectedRFC3339DateTime}}
}

// loosenTimes takes the format out of the schemas by which requests are validated: Huma knows fewer times than RFC
// 3339.
func loosenTimes(schemas huma.Registry, parameters []*huma.Param) {
	for _, p := range parameters {
		loosenTime(p.Schema)
	}
	for _, s := range schemas.Map() {
		for _, p := range s.Properties {
			loosenTime(p)
		}
	}
}

func loosenTime(s *huma.Schema) {
	if s != nil && s.Format == formatTime {
		s.Format = ""
	}
}
