// Package egress is the way out to addresses that others chose: an HTTP client that connects to public ones
// only, and follows nobody. Nothing of ours calls a partner but through it (design rule 21).
package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"plugboard/shared/domain"
)

// Config is the stage's word on where deliveries may go.
type Config struct {
	// AllowPrivate opens plain HTTP, and loopback and private addresses. Link-local ones, where clouds keep their
	// metadata, stay shut. For local stages only.
	AllowPrivate bool `env:"ALLOW_PRIVATE_TARGETS"`
	// Resolver looks names up; nil for the system's. No stage sets it: a test makes a name mean what it wants.
	Resolver *net.Resolver `env:"-"`
}

// ErrRefused is in the error of a request that was not made because of where it would have gone.
var ErrRefused = errors.New("egress refused")

// MaxHeaderBytes is how much of an answer's headers is read. Endpoints set cookies by the dozen.
const MaxHeaderBytes = 64 << 10

// guard is ssrf's, which knows IANA's special-purpose registries, with what the stage opens.
func (c Config) guard() *ssrf.Guardian {
	options := []ssrf.Option{ssrf.WithAnyPort()} // allowedPort decides
	if c.AllowPrivate {
		options = append(options, ssrf.WithAllowedV4Prefixes(private4...), ssrf.WithAllowedV6Prefixes(private6...))
	}
	return ssrf.New(options...)
}

var (
	private4 = []netip.Prefix{
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"),
		netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	}
	private6 = []netip.Prefix{netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fc00::/7")}
)

// allowedPort leaves out the well-known ports but HTTPS's: a mail or database server is no webhook.
func allowedPort(port uint16) bool { return port == 443 || port >= 1024 }

// control checks each address as it is dialled. So neither a redirection nor a name that resolves differently the
// second time gets past the check.
func (c Config) control() func(network, address string, conn syscall.RawConn) error {
	guard := c.guard()
	return func(network, address string, conn syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err == nil && !allowedPort(to.Port()) {
			err = fmt.Errorf("port %d is neither 443 nor above 1023", to.Port())
		}
		if err == nil {
			err = guard.Safe(network, address, conn)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
		return nil
	}
}

// New makes a client for atOnce concurrent requests. It sets no timeout: a request ends with its context. It uses no
// proxy from the environment and follows no redirection. It does not decompress bodies, so that a limit on the bytes
// read also holds for the wire.
func New(c Config, atOnce int) *http.Client {
	dialer := &net.Dialer{Control: c.control(), Resolver: c.Resolver, KeepAlive: 30 * time.Second}
	return &http.Client{
		Transport: transport{config: c, Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: MaxHeaderBytes,
			// Go keeps two idle connections a host, and makes all others anew: with a batch for one endpoint that
			// is a handshake for most requests.
			MaxIdleConnsPerHost: atOnce,
			MaxIdleConns:        10 * atOnce,
			IdleConnTimeout:     30 * time.Second,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// transport refuses a request that is not HTTPS, unless the stage allows it.
type transport struct {
	*http.Transport
	config Config
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !t.config.AllowPrivate {
		if r.Body != nil {
			r.Body.Close() // a RoundTripper's duty
		}
		return nil, fmt.Errorf("%w: the URL begins with %s://, not https://", ErrRefused, r.URL.Scheme)
	}
	return t.Transport.RoundTrip(r)
}

// URLProblem says why this stage sends nothing to raw, in words for its owner; empty when it does. A name
// is not looked up: what it means is seen at each connection.
func (c Config) URLProblem(use domain.URLUse, raw string) string {
	if problem := use.Problem(raw); problem != "" {
		return problem
	}
	if raw == domain.AgentURL {
		return "" // nothing is dialled
	}
	u, _ := url.Parse(raw)
	if u.Scheme != "https" && !c.AllowPrivate {
		return string(use) + " begins with https://."
	}
	port := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	if u.Port() != "" {
		port = u.Port()
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || !allowedPort(uint16(n)) {
		return "The port is 443, or 1024 and above."
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && c.guard().SafeAddr(ip) != nil {
		return "The address is not public."
	}
	return ""
}

// TimedOut tells whether the request ended because its time was up.
func TimedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// HeadersTooLong tells whether an answer came whose headers are longer than MaxHeaderBytes. Go has no type for it:
// these are the words of its clients of HTTP/1 and of HTTP/2.
func HeadersTooLong(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "server response headers exceeded") ||
		strings.Contains(err.Error(), "response header list larger than"))
}
