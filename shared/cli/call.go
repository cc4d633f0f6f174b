package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"plugboard/shared/cli/client"
	"plugboard/shared/cli/credentials"
	"plugboard/shared/cli/operations"
)

// input is the fields of a call, by name, as their JSON values. A name that stands both in the path and in the body
// is the path's.
type input map[string]any

// call calls an operation of the API with the credential that it wants, and decodes the answer into out, if any.
func (a *app) call(ctx context.Context, id string, in input, out any) error {
	answer, err := a.send(ctx, id, in)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		return fail(ExitServer, "answer", "The answer of %s is not what its documentation says: %s.", id, err)
	}
	return nil
}

func (a *app) send(ctx context.Context, id string, in input) (client.Answer, error) {
	o, ok := operations.Find(id)
	if !ok {
		return client.Answer{}, fmt.Errorf("this program knows no operation %q", id)
	}
	r, err := requestOf(o, in)
	if err != nil {
		return client.Answer{}, err
	}
	kind, c, err := a.credentialFor(o)
	if err != nil {
		return client.Answer{}, err
	}
	r.Base = c.URL
	a.authorize(r.Header, kind, c.Key)
	return a.client.Do(ctx, r)
}

// requestOf places each value where the operation wants it.
func requestOf(o operations.Operation, in input) (client.Request, error) {
	r := client.Request{Method: o.Method, Path: o.Path, Query: url.Values{}, Header: http.Header{}}
	body := map[string]any{}
	placed := map[string]bool{}
	for _, f := range o.Fields {
		v, given := in[f.Name]
		if !given || placed[f.Name] {
			continue
		}
		placed[f.Name] = true
		switch f.In {
		case operations.InPath:
			segment := fmt.Sprint(v)
			if segment == "" || segment == "." || segment == ".." {
				return r, fail(ExitUsage, "usage", "%q is no %s.", segment, f.Name)
			}
			r.Path = strings.ReplaceAll(r.Path, "{"+f.Name+"}", url.PathEscape(segment))
		case operations.InQuery:
			for _, value := range listed(v) {
				r.Query.Add(f.Name, fmt.Sprint(value))
			}
		case operations.InHeader:
			r.Header.Set(f.Name, fmt.Sprint(v))
		case operations.InBody:
			body[f.Name] = v
		}
	}
	if o.HasBody && !o.Upload && (len(body) > 0 || o.BodyRequired) {
		raw, err := json.Marshal(body)
		if err != nil {
			return r, err
		}
		r.Body, r.ContentType = raw, "application/json"
	}
	return r, nil
}

func listed(v any) []any {
	if list, is := v.([]any); is {
		return list
	}
	if list, is := v.([]string); is {
		all := make([]any, len(list))
		for i, value := range list {
			all[i] = value
		}
		return all
	}
	return []any{v}
}

// models are the API's names of the kinds of credentials.
var models = map[credentials.Kind]string{
	credentials.Partner: "partner", credentials.Token: "integration", credentials.User: "dashboard",
	credentials.Platform: "platform", credentials.Agent: "agent",
}

// credentialFor is the profile's credential that the operation accepts; the first by preference, unless --as says.
func (a *app) credentialFor(o operations.Operation) (credentials.Kind, credentials.Credential, error) {
	all, err := a.store.Load(a.Profile)
	if err != nil {
		return "", credentials.Credential{}, err
	}
	var wanted []string
	for _, kind := range credentials.Kinds {
		need := slices.IndexFunc(o.Auth, func(r operations.Requirement) bool { return r.Model == models[kind] })
		if need < 0 || a.As != "" && a.As != string(kind) {
			continue
		}
		if c, has := all[kind]; has {
			return kind, c, nil
		}
		wanted = append(wanted, kindNames[kind])
	}
	if o.Public {
		for _, kind := range credentials.Kinds {
			if c, has := all[kind]; has {
				return "", credentials.Credential{URL: c.URL}, nil
			}
		}
	}
	return "", credentials.Credential{}, a.noCredential(o, len(all) > 0, wanted)
}

// noCredential says what to log in with for an operation.
func (a *app) noCredential(o operations.Operation, loggedIn bool, wanted []string) error {
	switch {
	case !loggedIn:
		return fail(ExitUnauthenticated, "not-logged-in",
			"Nobody is logged in under the profile %q. Run `plugboard login --url URL` first.", a.Profile)
	case len(wanted) > 0:
		return fail(ExitUnauthenticated, "not-logged-in",
			"%s needs %s, and the profile %q has none. `plugboard login` takes it.",
			o.ID, strings.Join(wanted, " or "), a.Profile)
	case a.As != "":
		return fail(ExitUsage, "usage", "%s does not accept %s.", o.ID, kindNames[credentials.Kind(a.As)])
	}
	return fail(ExitUsage, "usage", "%s takes a credential that plugboard does not keep: %s.", o.ID, o.Accepts())
}

var kindNames = map[credentials.Kind]string{
	credentials.Partner: "a partner key", credentials.Token: "an API token",
	credentials.User:     "a user's sign-in token",
	credentials.Platform: "the platform's key", credentials.Agent: "the key of an agent",
}

// authorize puts a credential into the headers of a request.
func (a *app) authorize(h http.Header, kind credentials.Kind, key string) {
	switch kind {
	case "":
		return
	case credentials.Platform:
		h.Set("Plugboard-Platform-Key", key)
		if a.Account != "" {
			h.Set("Plugboard-Account", a.Account)
		}
		return
	case credentials.Token:
		if a.User != "" {
			h.Set("Plugboard-User", a.User)
		}
	}
	h.Set("Authorization", "Bearer "+key)
}

// pages calls a listing operation page by page, until each returns false.
func pages[T any](ctx context.Context, a *app, id string, in input, each func(T) bool) error {
	for {
		var page struct {
			Items      []T    `json:"items"`
			NextCursor string `json:"next_cursor"`
		}
		if err := a.call(ctx, id, in, &page); err != nil {
			return err
		}
		for _, item := range page.Items {
			if !each(item) {
				return nil
			}
		}
		if page.NextCursor == "" {
			return nil
		}
		in["cursor"] = page.NextCursor
	}
}

// callWith calls an operation with a credential that is not kept yet.
func (a *app) callWith(
	ctx context.Context,
	id string,
	in input,
	kind credentials.Kind,
	c credentials.Credential,
) error {
	o, _ := operations.Find(id)
	r, err := requestOf(o, in)
	if err != nil {
		return err
	}
	r.Base = c.URL
	a.authorize(r.Header, kind, c.Key)
	_, err = a.client.Do(ctx, r)
	return err
}
