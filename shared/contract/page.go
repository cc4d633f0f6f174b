package contract

import (
	"crypto/sha256"
	"encoding/base64"
	"reflect"
	"sort"
)

// PageInput is how every list is asked for. Handlers never see a cursor: it is the place in the list that they gave
// with the page before.
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
func PageOf[T any](items []T, key func(T) string, in PageInput) Page[T] {
	from := 0
	if in.Cursor != "" {
		from = sort.Search(len(items), func(i int) bool { return key(items[i]) > in.Cursor })
	}
	to := min(from+in.Limit, len(items))
	page := Page[T]{Items: items[from:to]}
	if to < len(items) {
		page.NextCursor = key(items[to-1])
	}
	return page
}

// cursorSum is how many bytes of a cursor say which list it is of: a cursor of another, or none at all, passes once in
// 2^64 times. They are no secret: a cursor says where to go on, and everyone reads only what is theirs.
const cursorSum = 8

func sumOf(list, place string) string {
	sum := sha256.Sum256([]byte(list + "\x00" + place))
	return string(sum[:cursorSum])
}

// cursorOf is the cursor of what comes after that place of the list.
func cursorOf(list, place string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(sumOf(list, place) + place))
}

// openCursor is the place that a cursor stands for; false when no page of the list gave it.
func openCursor(list, cursor string) (place string, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) <= cursorSum {
		return "", false
	}
	place = string(raw[cursorSum:])
	return place, sumOf(list, place) == string(raw[:cursorSum])
}

// goOn gives the handler the place in the list where its caller is.
func goOn(in any, after string) {
	if f := reflect.ValueOf(in).Elem().FieldByName("Cursor"); f.IsValid() && after != "" {
		f.SetString(after)
	}
}

// nextCursor makes of the place where the page of an answer ends what its caller is told.
func nextCursor(out any, list string) {
	body := reflect.ValueOf(out).Elem().FieldByName("Body")
	if !body.IsValid() || body.Kind() != reflect.Struct {
		return
	}
	if f := body.FieldByName("NextCursor"); f.IsValid() && f.String() != "" {
		f.SetString(cursorOf(list, f.String()))
	}
}
