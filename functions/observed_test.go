package functions_test

import (
	"encoding/base64"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// of is the request's path and body in the scene.
func (r request) of(s *scene, o contract.Operation) (string, any) {
	path := o.Path
	if r.path != nil {
		path = r.path(s)
	}
	if r.body == nil {
		return path, nil
	}
	return path, r.body(s)
}

// changed is the body with one value that is not what it was.
func changed(body any) any {
	if _, ok := body.(form); ok {
		return form{{"logo", pngOf(3, 3)}}
	}
	other := maps.Clone(body.(object))
	for _, name := range slices.Sorted(maps.Keys(other)) {
		switch v := other[name].(type) {
		case string:
			if slices.Contains([]string{"name", "slug", "key", "reason", "code", "state", "id"}, name) {
				other[name] = v + "-other"
				return other
			}
			if name == "event_type" {
				other[name] = "contract.signed"
				return other
			}
			if name == "policy" {
				other[name] = "automatic"
				return other
			}
		case bool:
			other[name] = !v
			return other
		case int:
			other[name] = v + 1
			return other
		case []string:
			reversed := slices.Clone(v)
			slices.Reverse(reversed)
			other[name] = reversed
			return other
		case []object:
			if len(v) > 0 {
				other[name] = v[1:]
				return other
			}
		case object:
			if _, ok := v["scopes"]; ok {
				blueprint := maps.Clone(v)
				blueprint["scopes"] = []string{"contracts:read"}
				other[name] = blueprint
				return other
			}
			if _, ok := v["customer_id"]; ok {
				other[name] = object{"customer_id": "C-77"}
				return other
			}
			delete(other, name)
			return other
		}
	}
	if len(other) == 0 {
		return object{"overlap_seconds": 5}
	}
	panic("changed: nothing in the body that the test knows how to change")
}

// snapshot is both tables, by key.
func (s *scene) snapshot() map[string]item {
	s.t.Helper()
	all := map[string]item{}
	for _, table := range []string{s.tables.Config.AccountsTable, s.tables.Config.DeliveriesTable} {
		for _, i := range s.scan(table) {
			all[text(i, store.PartitionKey)+" "+text(i, store.SortKey)] = i
		}
	}
	return all
}

// changes are the records that were written since, each kind once, and the types of the events that were put
// into the outbox.
func (s *scene) changes(before map[string]item) ([]domain.Record, []events.Type) {
	s.t.Helper()
	kinds := map[domain.Record]bool{}
	var emitted []events.Type
	after := s.snapshot()
	for k, i := range after {
		// which all in the outbox comes with
		if reflect.DeepEqual(i, before[k]) || text(i, "record") == string(domain.RecordPending) {
			continue
		}
		kinds[domain.Record(text(i, "record"))] = true
		if _, known := before[k]; !known && text(i, store.OutboxAttribute) == store.OutboxEvent {
			emitted = append(emitted, events.Type(eventType(i)))
		}
	}
	for k, i := range before {
		if _, still := after[k]; !still {
			kinds[domain.Record(text(i, "record"))] = true
		}
	}
	slices.Sort(emitted)
	return slices.Sorted(maps.Keys(kinds)), emitted
}

// overwrite stores an installation past the conditions.
func (s *scene) overwrite(i domain.Installation) {
	s.t.Helper()
	var tx store.Tx
	tx.Put(&i)
	must(s.t, s.tables.Commit(s.t.Context(), &tx, nil))
}

var credential = regexp.MustCompile(
	`"(key|code|token|callback_secret|lifecycle_secret|signing_secret|url)":"(https://[a-z./]*)?(pb_|whsec_)[A-Za-z0-9_+/=-]{32,}",?`)

// withoutCredentials is an answer without what is shown once, as a repeated one is.
func withoutCredentials(raw string) string {
	return strings.ReplaceAll(credential.ReplaceAllString(raw, ""), ",}", "}")
}

// second is a further credential, good in itself, of a model that the caller's is not.
func second(c who) [2]string {
	if len(c.headers) > 0 && c.headers[0][0] == auth.HeaderPlatformKey {
		return [2]string{"Authorization", "Bearer whatever"}
	}
	return [2]string{auth.HeaderPlatformKey, platformKey}
}

// flipped is a token with one character changed, so that its checksum is wrong.
func flipped(token string) string {
	other := "A"
	if token[20] == 'A' {
		other = "B"
	}
	return token[:20] + other + token[21:]
}

// unsigned is the admin's JWT by the algorithm `none`.
func unsigned(s *scene) string {
	signed := strings.Split(s.jwt(s.account, "ada", 60e9), ".")
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + signed[1] + "."
}
