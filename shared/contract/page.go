package contract

import (
	"encoding/base64"
	"sort"

	"plugboard/shared/fault"
)

// PageInput is how every list is asked for.
type PageInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"How many at most."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"next_cursor of the page before. Opaque."`
}

// Page is how every list is answered.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Absent on the last page."`
}

// PageOf cuts a page out of items, which rise by key: for lists that a quota keeps short enough to be read whole.
// Invalid for a cursor that no page gave.
func PageOf[T any](items []T, key func(T) string, in PageInput) (Page[T], error) {
	after, err := in.After()
	if err != nil {
		return Page[T]{}, err
	}
	from := 0
	if in.Cursor != "" {
		from = sort.Search(len(items), func(i int) bool { return key(items[i]) > after })
	}
	to := min(from+in.Limit, len(items))
	page := Page[T]{Items: items[from:to]}
	if to < len(items) {
		page.NextCursor = CursorOf(key(items[to-1]))
	}
	return page, nil
}

// After is the key of the last item that was shown, or looked at; empty for the first page. Invalid for a cursor that
// no page gave.
func (in PageInput) After() (string, error) {
	after, err := base64.RawURLEncoding.DecodeString(in.Cursor)
	if err != nil {
		return "", fault.InvalidFields([]fault.Field{{Pointer: "query.cursor", Code: "invalid", Detail: "The cursor is none that a page gave."}})
	}
	return string(after), nil
}

// CursorOf is the cursor of what comes after that key; none after the empty one.
func CursorOf(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }
