package console

import (
	"net/http"
	"strings"
)

// Every answer's headers, and the refusal of what another site's page sent.

// policy is the Content-Security-Policy. Nothing is inline, nothing comes from another host, and a form goes nowhere
// else but to the issuer, to which a redirect may lead it.
func policy(formAction, framedBy string) string {
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
		"form-action 'self' " + formAction, "base-uri 'none'", "frame-ancestors " + framedBy,
	}, "; ")
}

func (k *Console) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy(k.formAction, "'none'"))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Strict-Transport-Security", "max-age=63072000")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses a change that a page of another site asks for. http.CrossOriginProtection lets a request through
// that has neither header, so such a one is refused before. A browser sends `Origin: null` under no-referrer: then
// Sec-Fetch-Site must tell.
func (k *Console) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(k.foreign))
	protected := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead && !k.ownRequest(r.Header) {
			k.foreign(w, r)
			return
		}
		protected.ServeHTTP(w, r)
	})
}

func (k *Console) ownRequest(h http.Header) bool {
	from, site := h.Get("Origin"), h.Get("Sec-Fetch-Site")
	switch {
	case site != "" && site != "same-origin" && site != "none":
		return false
	case from == "" || from == "null":
		return site != ""
	}
	return from == origin(k.address)
}

func (k *Console) foreign(w http.ResponseWriter, r *http.Request) {
	q := &request{Request: r, w: w, console: k}
	k.write(q, answer{
		template: "notice", title: "Refused", status: http.StatusForbidden,
		data: notice{
			Title: "This did not come from the console",
			Text: "Nothing was changed. A page of another site sent the request, or the browser did not say which " +
				"page did.",
			Link: "extensions", Label: "Open the console",
		},
	})
}
