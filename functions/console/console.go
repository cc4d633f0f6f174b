// Package console is the function behind the pages that a customer's people see. It alone imports other functions'
// services: every page calls their operations in this process, through the gate, as the person who signed in.
// README.md says how to add a page.
package console

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"plugboard/functions/webhooks"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// Config is what a stage says of the console.
type Config struct {
	// Address is where browsers find the API's root, as https://plugboard.example.com or with a stage prefix. No header
	// of a request changes it.
	Address string `env:"CONSOLE_ADDRESS,required"`
	Name    string `env:"CONSOLE_NAME" envDefault:"Plugboard"`
	// AuthorizationURL and TokenURL are the issuer's (RFC 8414). The console's client id is the OIDC audience.
	AuthorizationURL string `env:"OIDC_AUTHORIZATION_URL,required"`
	TokenURL         string `env:"OIDC_TOKEN_URL,required"`
	// FrameOrigins are the origins whose pages may show the console in a frame, by a console link. Empty: none.
	FrameOrigins []string `env:"CONSOLE_FRAME_ORIGINS"`
	Theme        Theme
	OIDC         auth.OIDCConfig
	Egress       egress.Config
	Addresses    webhooks.AddressConfig // that deliveries come from
}

// Console serves the pages.
type Console struct {
	name       string
	address    *url.URL // of the API's root, without a slash at the end
	formAction string   // the issuer's origin, to which a redirect may lead a form
	assets     map[string]asset
	links      *Links
	api        *api
	issuer     *auth.OIDC
	client     oauth2.Config
	sealer     *secret.Sealer
	now        domain.Clock
	templates  *template.Template
	mux        *http.ServeMux
}

// Parts are what the console and the services behind it are built of.
type Parts struct {
	Store   *store.Store
	Sealer  *secret.Sealer
	Cursors contract.CursorMAC
	// Platform knows the platform's key, by which it makes links. No page lets anybody in by that.
	Platform auth.PlatformKeys
	Limiter  *auth.Limiter
	Now      domain.Clock
	NewID    domain.IDSource
}

// New calls neither AWS nor the issuer.
func New(c Config, p Parts) (http.Handler, error) {
	address, err := url.Parse(strings.TrimSuffix(c.Address, "/"))
	if err != nil || address.Host == "" {
		return nil, fmt.Errorf("CONSOLE_ADDRESS=%q is no absolute URL", c.Address)
	}
	authorization, err := url.Parse(c.AuthorizationURL)
	if err != nil || authorization.Host == "" {
		return nil, fmt.Errorf("OIDC_AUTHORIZATION_URL=%q is no absolute URL", c.AuthorizationURL)
	}
	issuer, err := newIssuer(c, p.Now)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(c.Theme.Check(), CheckFrameOrigins(c.FrameOrigins)); err != nil {
		return nil, err
	}
	api, err := newAPI(p, c)
	if err != nil {
		return nil, err
	}
	k := &Console{
		name: c.Name, address: address, formAction: origin(authorization), assets: assetsWith(c.Theme), api: api,
		issuer: issuer, sealer: p.Sealer, now: p.Now, links: NewLinks(p.Store, address, c.FrameOrigins, p.Now),
		client: oauth2.Config{
			ClientID:    c.OIDC.Audience,
			RedirectURL: address.JoinPath(root, "signed-in").String(),
			Endpoint: oauth2.Endpoint{AuthURL: c.AuthorizationURL, TokenURL: c.TokenURL,
				AuthStyle: oauth2.AuthStyleInParams},
			Scopes: []string{"openid"},
		},
		mux: http.NewServeMux(),
	}
	if k.templates, err = parseTemplates(k.assets); err != nil {
		return nil, err
	}
	for _, r := range Routes() {
		k.mux.Handle(r.Method+" "+r.Path, k.serve(r))
	}
	k.mux.HandleFunc("/", k.noSuchPage)
	return k.withOperations(p)
}

// withOperations puts the operation that the console owns beside its pages. Programs call it, so that no check for
// browsers is before it.
func (k *Console) withOperations(p Parts) (http.Handler, error) {
	gate := auth.NewGate(p.Store, k.issuer, p.Platform, p.Now).Limiting(p.Limiter)
	owned, err := contract.New(contract.Console, gate, p.Store, p.Cursors, k.links.Routes)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, o := range contract.OwnedBy(contract.Console) {
		mux.Handle(o.Method+" "+o.Path, owned)
	}
	mux.Handle("/", k.headers(k.sameOrigin(k.mux)))
	return mux, nil
}

// origin is what a browser sends as Origin.
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// local tells whether browsers reach the console on this machine, over plain HTTP.
func (k *Console) local() bool { return localHost(k.address) }
