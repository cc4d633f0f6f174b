package contract

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/shared/auth"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// served is an operation with its handler, without their types: generic code is compiled for every operation, so little
// code is generic.
type served struct {
	Operation
	idem    Idempotency
	inspect *inspector
	handle  func(ctx context.Context, in any) (any, error) // nil for the document
	answer  func() any                                     // a new one, empty
}

// served is the operation with the handler h; h is nil for the document.
func (op Op[I, O]) served(a *API, h func(context.Context, *I) (*O, error), looks []Look[I]) *served {
	s := &served{
		Operation: op.Operation, idem: a.idem, inspect: newInspector(op.Operation, reflect.TypeFor[I](), a.cursors),
		answer: func() any { return new(O) },
	}
	if h != nil {
		s.handle = func(ctx context.Context, in any) (any, error) { return h(ctx, in.(*I)) }
	}
	for _, look := range looks {
		s.inspect.looks = append(s.inspect.looks, func(ctx context.Context, in any) ([]fault.Field, error) {
			return look(ctx, in.(*I))
		})
	}
	return s
}

// registerTyped registers the operation with Huma, which asks the gate first, then validates, then calls serve.
func registerTyped[I, O any](a *API, s *served) {
	huma.Register(a.huma, s.document(a), func(ctx context.Context, in *I) (*O, error) {
		out, err := s.serve(ctx, in)
		if err != nil {
			return nil, err
		}
		return out.(*O), nil
	})
	schemas := a.huma.OpenAPI().Components.Schemas
	plainLists(schemas)
	if s.handle != nil { // the document keeps the items' schemas
		loosenItems(schemas)
		loosenTimes(schemas, registered(a, s.Operation).Parameters)
		s.inspect.schemas, s.inspect.schema = schemas, bodySchema(registered(a, s.Operation))
	}
}

func (s *served) document(a *API) huma.Operation {
	d := s.Operation.document(a)
	d.Middlewares = append(d.Middlewares, s.inspect.middleware)
	return d
}

// serve surrounds the handler. Before it come, in this order, the unpacking of a file, the Idempotency-Key and the
// input's own Check. An error becomes a Problem.
func (s *served) serve(ctx context.Context, in any) (any, error) {
	seen := inspectionOf(ctx)
	goOn(in, seen.after)
	err := s.unpack(ctx, in)
	if wrong := append(seen.wrong, fault.FieldsOf(err)...); len(wrong) > 0 {
		err = s.inspect.refuse(ctx, in, wrong)
	}
	if err != nil {
		return nil, problemOf(ctx, err)
	}
	out, err := s.once(ctx, in)
	if err == nil {
		out, err = s.fit(ctx, in, out)
	}
	if err != nil {
		return nil, problemOf(ctx, err)
	}
	if err := s.inspect.nextCursor(ctx, out, seen.request); err != nil {
		return nil, problemOf(ctx, err)
	}
	fillLists(reflect.ValueOf(out))
	return out, nil
}

func (s *served) checked(ctx context.Context, in any) (any, error) {
	if err := s.inspect.refuse(ctx, in, nil); err != nil {
		return nil, err
	}
	return s.handle(ctx, in)
}

// HeaderIdempotencyKey makes a mutation safe to repeat for 24 hours (design rule 25).
const HeaderIdempotencyKey = "Idempotency-Key"

const maxIdempotencyKey = 255

// once runs the handler. Under an Idempotency-Key that came before, it returns the recorded answer instead.
func (s *served) once(ctx context.Context, in any) (any, error) {
	key, _ := ctx.Value(idempotencyKey{}).(string)
	if key == "" || !s.Mutates() {
		return s.checked(ctx, in)
	}
	input, err := json.Marshal(in)
	if err != nil {
		return nil, fault.Wrap(err, "fingerprint the input of %s", s.ID)
	}
	caller := auth.From(ctx)
	account := caller.Account
	if about, ok := in.(interface{ about() domain.AccountID }); ok {
		account = about.about()
	}
	// The key is stored nowhere and is part of the fingerprint. So a reader of the table cannot find inputs, such as
	// secret parameters, by trying them.
	ctx, recorded, err := s.idem.Claim(ctx, account, digest(caller.Principal, string(caller.Account),
		string(caller.UserID()), s.ID, key), digest(key, string(input)))
	if err != nil {
		return nil, err
	}
	if recorded != nil {
		out := s.answer()
		if err := json.Unmarshal(recorded, out); err != nil {
			return nil, fault.Wrap(err, "decode the recorded answer of %s", s.ID)
		}
		if sent, ok := in.(interface{ refill(any) }); ok {
			sent.refill(out)
		}
		return out, nil
	}
	out, err := s.checked(ctx, in)
	if settled := s.idem.Settle(context.WithoutCancel(ctx), out, err != nil); err == nil && settled != nil {
		return nil, settled
	}
	return out, err
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
