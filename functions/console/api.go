package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"plugboard/functions/catalogue"
	"plugboard/functions/contracts"
	"plugboard/functions/datafields"
	"plugboard/functions/enablement"
	"plugboard/functions/webhooks"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// api is every function's operations in this process: the same gate, validation, idempotency and quotas as behind the
// gateway.
type api struct{ handler http.Handler }

func newAPI(p Parts, config Config) (*api, error) {
	s, sealer, now, newID, c := p.Store, p.Sealer, p.Now, p.NewID, config.Egress
	gate := auth.NewGate(s, sessions{}, noPlatform{}, now).Opening(sealer)
	gate.Limiting(p.Limiter)
	mux := http.NewServeMux()
	for f, routes := range map[contract.Function]func(*contract.API){
		contract.Catalogue:  catalogue.New(s, sealer, c, now, newID).Routes,
		contract.Enablement: enablement.New(s, sealer, now, newID).Routes,
		contract.DataFields: datafields.New(s, now, newID).Routes,
		contract.Contracts:  contracts.New(s, now, newID).Routes,
		contract.Webhooks:   webhooks.New(s, sealer, c, now, newID).SendingFrom(config.Addresses).Routes,
	} {
		handler, err := contract.New(f, gate, s, p.Cursors, routes)
		if err != nil {
			return nil, err
		}
		for _, o := range contract.OwnedBy(f) {
			mux.Handle(o.Method+" "+o.Path, handler)
		}
	}
	return &api{mux}, nil
}

// sessions proves the caller to the gate by the session in the context, which no request from outside can set. As for
// a dashboard token, the gate reads the person's role from the stored user.
type sessions struct{}

func (sessions) Verify(ctx context.Context, _ string) (domain.AccountID, domain.UserID, error) {
	s, ok := ctx.Value(sessionKey{}).(session)
	if !ok || s.Kind != customer || s.Account == "" {
		return "", "", errors.New("the request has no customer's session")
	}
	return s.Account, s.Subject, nil
}

// noPlatform lets no platform key in.
type noPlatform struct{}

func (noPlatform) Match(context.Context, string) (bool, error) { return false, nil }

// call calls an operation as the person who sent the request. Its error is a *contract.Problem.
func call[I, O any](q *request, op contract.Op[I, O], in I) (O, error) {
	return callOnce(q, op, in, "")
}

// callOnce is call with an Idempotency-Key: a form that is sent twice has its effect once.
func callOnce[I, O any](q *request, op contract.Op[I, O], in I, key string) (O, error) {
	var out O
	w, err := q.console.api.send(q, op.Operation, in, key)
	if err != nil {
		return out, err
	}
	return out, contract.ReadAnswer(w.Header(), w.body.Bytes(), &out)
}

// send is what call does for all types.
func (a *api) send(q *request, op contract.Operation, in any, key string) (*recorder, error) {
	path, header, body, err := contract.RequestParts(op, in)
	if err != nil {
		return nil, err
	}
	ctx := withSession(q.Context(), q.session)
	r, err := http.NewRequestWithContext(ctx, op.Method, path, io.NopCloser(bytes.NewReader(body)))
	if err != nil {
		return nil, err
	}
	r.ContentLength = int64(len(body))
	r.Header = header
	r.Header.Set("Authorization", "Bearer session")
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set(contract.HeaderIdempotencyKey, key)
	}
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	a.handler.ServeHTTP(w, r)
	if w.status == op.Status {
		return w, nil
	}
	p := &contract.Problem{}
	if err := json.Unmarshal(w.body.Bytes(), p); err != nil {
		return nil, err
	}
	return nil, p
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
