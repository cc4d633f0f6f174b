package contract

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"reflect"
	"slices"
	"sort"

	"plugboard/shared/auth"
	"plugboard/shared/fault"
)

// PageInput is the input of every list. A handler never sees a cursor, only the place in the list that it returned
// with the page before.
type PageInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"The most items of a page."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"next_cursor of the previous page. Opaque."`
}

// Page is the answer of every list.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Absent on the last page."`
}

// PageOf cuts a page out of items, which are sorted by key: for lists that a quota keeps short enough to be read
// whole.
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

// CursorMAC authenticates cursors with a key that callers do not have.
type CursorMAC interface {
	Sum(ctx context.Context, message string) ([]byte, error)
	Verify(ctx context.Context, message string, sum []byte) (bool, error)
}

// A cursor is the base64 of a MAC and a place, the sort key after which a page goes on. The MAC is over both the list
// and the place, so that no caller makes a cursor, or takes one to another list.
const cursorSumBytes = sha256.Size

// cursorOf is the cursor of the part of the list after the place.
func (i *inspector) cursorOf(ctx context.Context, list, place string) (string, error) {
	sum, err := i.cursors.Sum(ctx, list+place)
	if err != nil {
		return "", fault.Wrap(err, "make a cursor")
	}
	return base64.RawURLEncoding.EncodeToString(append(sum, place...)), nil
}

// openCursor is the place of a cursor; ok is false when no page of the list gave the cursor.
func (i *inspector) openCursor(ctx context.Context, list, cursor string) (place string, ok bool, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) <= cursorSumBytes {
		return "", false, nil
	}
	place = string(raw[cursorSumBytes:])
	ok, err = i.cursors.Verify(ctx, list+place, raw[:cursorSumBytes])
	return place, ok, fault.Wrap(err, "check a cursor")
}

// list is the digest of the list that a request pages through: its operation and path, the caller's auth model and
// account or partner, and the filters. No person and no credential is in it, so that a rotation breaks no page. The
// limit is not either: it may change from page to page.
func (i *inspector) list(ctx context.Context, r *http.Request) string {
	caller, filters := auth.From(ctx), r.URL.Query()
	filters.Del("cursor")
	filters.Del("limit")
	for _, values := range filters {
		slices.Sort(values)
	}
	return digest(i.operation.ID, r.URL.Path, string(caller.Model), string(caller.Account), string(caller.Partner),
		filters.Encode())
}

func (i *inspector) pages() bool {
	_, ok := i.query["cursor"]
	return ok
}

// badCursor is the fault of a cursor that no page of the list gave.
var badCursor = fault.Field{Pointer: "query.cursor", Code: "invalid",
	Detail: "No page of this list gave this cursor. Ask for the first page, without a cursor."}

// BadCursor tells whether nothing but the cursor was wrong with a request. A page for people then shows the first page.
func (p *Problem) BadCursor() bool {
	return len(p.Errors) > 0 && !slices.ContainsFunc(p.Errors, func(f fault.Field) bool {
		return f.Pointer != badCursor.Pointer
	})
}

// goOn gives the handler the place where the caller's page begins.
func goOn(in any, after string) {
	if f := reflect.ValueOf(in).Elem().FieldByName("Cursor"); f.IsValid() && after != "" {
		f.SetString(after)
	}
}

// nextCursor replaces the place at which the page of an answer ends by its cursor.
func (i *inspector) nextCursor(ctx context.Context, out any, r *http.Request) error {
	body := reflect.ValueOf(out).Elem().FieldByName("Body")
	if !body.IsValid() || body.Kind() != reflect.Struct {
		return nil
	}
	f := body.FieldByName("NextCursor")
	if !f.IsValid() || f.String() == "" {
		return nil
	}
	cursor, err := i.cursorOf(ctx, i.list(ctx, r), f.String())
	if err == nil {
		f.SetString(cursor)
	}
	return err
}
