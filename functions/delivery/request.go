package delivery

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/signing"
)

// Opener opens what shared/secret sealed.
type Opener = signing.Opener

const userAgent = contract.UserAgent

// unsendable is why the declaration and the customer's values make no request. The attempt failed; a corrected
// parameter may let a later attempt succeed.
type unsendable string

func (u unsendable) Error() string { return string(u) }

// sending is the request of one attempt, with the secrets to hide when the answer repeats them.
type sending struct {
	*http.Request
	proofs  []signing.Proof
	secrets []string
	grant   grant  // of an endpoint that wants an access token
	token   string // the access token of the request, if any
}

// hidden are the secrets of the request that an answer must not show.
func (s sending) hidden() []string {
	all := append(s.secrets, authorization(s.Header.Get("Authorization"))...)
	for _, p := range s.proofs {
		all = append(all, credentials(p.Secret, p.Signature)...)
	}
	return all
}

// request makes the request of one attempt. Headers, query and auth are resolved
// now, so that a corrected parameter holds from the next attempt on; the body was fixed at fan-out (design rule
// 18). It fails with unsendable, with tokenFailure, or with a fault of the pipeline.
func (s *Service) request(ctx context.Context, t *target, d events.Delivery, at time.Time) (sending, error) {
	payload, err := s.payload(ctx, d)
	if err != nil {
		return sending{}, err
	}
	proofs, err := t.signers.Sign(ctx, s.open, t.Webhook, t.lifecycle, d, at, payload)
	if err != nil {
		return sending{}, err
	}
	values, secrets, err := s.parameters(ctx, t)
	if err != nil {
		return sending{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, domain.EncodedURL(t.url()), bytes.NewReader(payload))
	if err != nil {
		return sending{}, unsendable("The webhook's URL cannot be used.")
	}
	// A connection may die while the process is frozen. Go then repeats a POST only with this header, and does not
	// send the header when it is empty. The receiver recognises the repeat by its id.
	r.Header["Idempotency-Key"] = nil
	if err := t.addHeaders(r, values); err != nil {
		return sending{}, err
	}
	out := sending{Request: r, proofs: proofs, secrets: secrets}
	if t.declared.Auth.Scheme == domain.AuthOAuth2 {
		if out.grant, err = t.grant(values); err != nil {
			return sending{}, err
		}
		if out.token, err = s.tokens.get(ctx, out.grant); err != nil {
			return sending{}, err
		}
		out.secrets = append(out.secrets, out.grant.secret)
		r.Header.Set("Authorization", "Bearer "+out.token)
	}
	r.Header["Accept-Encoding"] = identityOnly
	signing.Head(r.Header, d, at, proofs, userAgent)
	return out, nil
}

// errEventGone ends a delivery: it was parked, or is replayed, for longer than its event is stored.
var errEventGone = errors.New("the event is not stored any more")

// payload is the request's body. An event that was too big for the message is read from the store.
func (s *Service) payload(ctx context.Context, d events.Delivery) ([]byte, error) {
	if d.Body != "" {
		return d.Payload([]byte(d.Body)), nil
	}
	e, err := s.store.Event(ctx, d.Account, d.Contract, d.Event)
	if fault.KindOf(err) == fault.NotFound {
		return nil, errEventGone
	}
	if err != nil {
		return nil, fault.Wrap(err, "read event %s", d.Event)
	}
	return d.Payload(e.Body), nil
}

// parameters are the values for headers and auth, and those of them that are secret. Only secrets that a template
// names are opened.
func (s *Service) parameters(ctx context.Context, t *target) (map[string]string, []string, error) {
	if len(t.secrets) == 0 {
		return t.values, nil, nil
	}
	values := maps.Clone(t.values)
	if values == nil {
		values = map[string]string{}
	}
	texts := t.declared.Auth.Templates()
	for _, text := range t.declared.Headers {
		texts = append(texts, text)
	}
	var secrets []string
	for _, key := range domain.TemplateKeys(strings.Join(texts, "\n")) {
		sealed, ok := t.secrets[key]
		if !ok {
			continue
		}
		plain, err := s.open.Open(ctx, t.Webhook.Account, t.resource(key), sealed)
		if err != nil {
			return nil, nil, err
		}
		values[key] = plain.Reveal()
		secrets = append(secrets, plain.Reveal())
	}
	return values, secrets, nil
}

// resource names a secret value to the sealer.
func (t *target) resource(key string) string {
	if t.Webhook.Extension == "" {
		return domain.CredentialResource(t.Webhook.ID, key)
	}
	return domain.ParameterResource(t.Webhook.Extension, key)
}

// url is the webhook's with the declared query, which holds no secret.
func (t *target) url() string {
	if len(t.declared.Query) == 0 {
		return t.Webhook.URL
	}
	query := url.Values{}
	for name, text := range t.declared.Query {
		query.Set(name, domain.FillTemplate(text, t.values))
	}
	separator := "?"
	if strings.Contains(t.Webhook.URL, "?") {
		separator = "&"
	}
	return t.Webhook.URL + separator + query.Encode()
}

// grant holds the parameters of the endpoint's token request.
func (t *target) grant(values map[string]string) (grant, error) {
	a := t.declared.Auth
	g := grant{
		account: t.Webhook.Account, webhook: t.Webhook.ID, epoch: t.Installation.Epoch, tokenURL: a.TokenURL,
		clientID: domain.FillTemplate(a.ClientID, values), secret: domain.FillTemplate(a.ClientSecret, values),
		scope: domain.FillTemplate(a.Scope, values),
		auth:  a.ClientAuth,
	}
	if domain.HasControl(g.clientID + g.secret + g.scope) {
		return grant{}, unsendable("The client's credentials would hold a control character.")
	}
	if len(a.TokenParams) > 0 {
		g.params = make(map[string]string, len(a.TokenParams))
	}
	for name, text := range a.TokenParams {
		if value := domain.FillTemplate(text, values); value != "" { // of a parameter that the customer did not give
			g.params[name] = value
		}
		if domain.HasControl(g.params[name]) {
			return grant{}, unsendable("The token parameter " + name + " would hold a control character.")
		}
	}
	return g, nil
}

// addHeaders sets the declared headers and auth. It fails with unsendable when a value would hold a control character,
// which could end a header and begin another.
func (t *target) addHeaders(r *http.Request, values map[string]string) error {
	var wrong error
	fill := func(what, text string) string {
		value := domain.FillTemplate(text, values)
		if domain.HasControl(value) {
			wrong = unsendable(what + " would hold a control character.")
		}
		return value
	}
	for name, text := range t.declared.Headers {
		r.Header.Set(name, fill("The header "+name, text))
	}
	switch a := t.declared.Auth; a.Scheme {
	case domain.AuthBasic:
		name, password := fill("The user name", a.Username), fill("The password", a.Password)
		if strings.Contains(name, ":") {
			wrong = unsendable("The user name would hold a colon (RFC 7617).")
		}
		r.SetBasicAuth(name, password)
	case domain.AuthBearer:
		r.Header.Set("Authorization", "Bearer "+fill("The token", a.Token))
	}
	return wrong
}
