package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"plugboard/shared/domain"
)

// addresses is rule 21's table: what may be dialled on a public stage, and on one that allows private targets.
var addresses = []struct {
	address         string
	public, private bool
}{
	{"93.184.216.34:443", true, true},
	{"93.184.216.34:1024", true, true},
	{"93.184.216.34:65535", true, true},
	{"[2606:2800:220:1:248:1893:25c8:1946]:443", true, true},

	{"93.184.216.34:80", false, false}, // ports
	{"93.184.216.34:22", false, false},
	{"93.184.216.34:1023", false, false},
	{"93.184.216.34:0", false, false},

	{"127.0.0.1:443", false, true}, // loopback
	{"127.8.9.10:9001", false, true},
	{"[::1]:443", false, true},
	{"10.0.0.1:443", false, true}, // private
	{"172.16.0.1:443", false, true},
	{"172.31.255.255:443", false, true},
	{"192.168.1.1:443", false, true},
	{"[fd00::1]:443", false, true},
	{"[fd00:ec2::254]:443", false, true}, // metadata, by a private address

	{"0.0.0.0:443", false, false}, // this host
	{"[::]:443", false, false},
	{"169.254.169.254:443", false, false}, // link-local and metadata
	{"169.254.170.2:443", false, false},
	{"[fe80::1]:443", false, false},
	{"[fe80::1%lo]:443", false, false},
	{"100.64.0.1:443", false, false}, // carrier-grade NAT
	{"100.127.255.255:443", false, false},
	{"192.0.0.192:443", false, false}, // IETF's; another cloud's metadata
	{"192.0.2.1:443", false, false},   // documentation
	{"198.18.0.1:443", false, false},  // benchmarking
	{"224.0.0.1:443", false, false},   // multicast
	{"239.255.255.250:443", false, false},
	{"[ff02::1]:443", false, false},
	{"255.255.255.255:443", false, false},
	{"240.0.0.1:443", false, false},

	{"[::ffff:127.0.0.1]:443", false, false}, // mapped
	{"[::ffff:a9fe:a9fe]:443", false, false},
	{"[::ffff:93.184.216.34]:443", false, false},
	{"[::127.0.0.1]:443", false, false},     // compatible
	{"[64:ff9b::7f00:1]:443", false, false}, // translated: NAT64
	{"[64:ff9b::a9fe:a9fe]:443", false, false},
	{"[64:ff9b:1::7f00:1]:443", false, false},
	{"[2002:7f00:1::]:443", false, false}, // 6to4
	{"[2002:a9fe:a9fe::1]:443", false, false},
	{"[2001:0:7f00:1::1]:443", false, false}, // Teredo
	{"[2001:db8::1]:443", false, false},      // documentation
	{"[3fff::1]:443", false, false},
	{"[5f00::1]:443", false, false}, // segment routing
	{"[100::1]:443", false, false},  // discard

	{"localhost:443", false, false}, // only addresses are dialled
	{"", false, false},
}

func TestRule21_OnlyPublicAddressesAreDialled(t *testing.T) {
	public, private := Config{}.control(), Config{AllowPrivate: true}.control()
	for _, a := range addresses {
		network := "tcp4"
		if strings.HasPrefix(a.address, "[") {
			network = "tcp6"
		}
		if got := public(network, a.address, nil); (got == nil) != a.public {
			t.Errorf("public stage, %s: got %v", a.address, got)
		} else if got != nil && !errors.Is(got, ErrRefused) {
			t.Errorf("public stage, %s: %v is no ErrRefused", a.address, got)
		}
		if got := private(network, a.address, nil); (got == nil) != a.private {
			t.Errorf("private targets allowed, %s: got %v", a.address, got)
		}
	}
	for _, network := range []string{"udp4", "udp6", "unix", "ip4", ""} {
		if public(network, "93.184.216.34:443", nil) == nil {
			t.Errorf("%q is dialled", network)
		}
	}
}

// The name is public in the URL, and private only where it is dialled.
func TestRule21_ANameIsCheckedWhereItLeads(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the request arrived")
	}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "0"} {
		_, err := New(Config{}, 1).Get("https://" + host + ":" + port)
		if err == nil {
			t.Errorf("%s: no error", host)
		}
		if host != "0" && !errors.Is(err, ErrRefused) { // a resolver may know no such name
			t.Errorf("%s: got %v, want ErrRefused", host, err)
		}
	}
}

func TestRule21_HTTPSOnly(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	if _, err := New(Config{}, 1).Get("http://93.184.216.34:8080"); !errors.Is(err, ErrRefused) {
		t.Errorf("plain HTTP on a public stage: got %v, want ErrRefused", err)
	}
	answer, err := New(Config{AllowPrivate: true}, 1).Get(server.URL)
	if err != nil {
		t.Fatalf("plain HTTP where private targets are allowed: %v", err)
	}
	answer.Body.Close()
}

func TestRule21_ARedirectionIsAnAnswer(t *testing.T) {
	var second atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/second" {
			second.Store(true)
			return
		}
		http.Redirect(w, r, "/second", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	answer, err := New(Config{AllowPrivate: true}, 1).Post(server.URL, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusTemporaryRedirect || second.Load() {
		t.Errorf("got status %d, followed: %v; want 307, not followed", answer.StatusCode, second.Load())
	}
}

func TestRule21_NoProxyVariables(t *testing.T) {
	var proxied atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "direct")
	}))
	defer target.Close()
	answer, err := New(Config{AllowPrivate: true}, 1).Get(target.URL)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	// Go asks the environment for no proxy to localhost, so what would be asked is looked at as well.
	if p := New(Config{}, 1).Transport.(transport).Proxy; string(body) != "direct" || proxied.Load() != 0 || p != nil {
		t.Errorf("got %q, %d through the proxy, Proxy set: %v", body, proxied.Load(), p != nil)
	}
}

func TestNew_ABatchForOneHostReusesItsConnections(t *testing.T) {
	const atOnce, rounds = 10, 5
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := New(Config{AllowPrivate: true}, atOnce)
	for range rounds {
		done := make(chan error)
		for range atOnce {
			go func() {
				answer, err := client.Get(server.URL)
				if err == nil {
					err = answer.Body.Close()
				}
				done <- err
			}()
		}
		for range atOnce {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := connections.Load(); got > 2*atOnce {
		t.Errorf("%d requests took %d connections", atOnce*rounds, got)
	}
}

func TestNew_HeadersOfAnAnswerAreCapped(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 64<<10))
	}))
	defer server.Close()
	if _, err := New(Config{AllowPrivate: true}, 1).Get(server.URL); err == nil {
		t.Error("64 KiB of headers were read")
	}
}

// Endpoints that set a cookie for everything answer with more than the 16 KB that were read before.
func TestNew_HeadersOfUpTo60KBAreReadAndMoreAreSaidToBeTooLong(t *testing.T) {
	for name, c := range map[string]struct {
		headers, each int
		long          bool
	}{
		"22 cookies": {22, 900, false}, "one of 17 KB": {1, 17 << 10, false}, "60 KB": {60, 1000, false},
		"many small": {500, 20, false},
		"70 of 1 KB": {70, 1 << 10, true}, "5 of 15 KB": {5, 15 << 10, true},
	} {
		for _, second := range []bool{false, true} {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for n := range c.headers {
					w.Header().Add("Set-Cookie", fmt.Sprintf("c%d=%s", n, strings.Repeat("x", c.each)))
				}
			}))
			client := New(Config{AllowPrivate: true}, 1)
			if server.EnableHTTP2 = second; second {
				server.StartTLS()
				client.Transport.(transport).TLSClientConfig = server.Client().Transport.(*http.Transport).
					TLSClientConfig
			} else {
				server.Start()
			}
			answer, err := client.Get(server.URL)
			if HeadersTooLong(err) != c.long || (err != nil) != c.long {
				t.Errorf("%s, HTTP/2 %v: %v", name, second, err)
			} else if err == nil && (answer.ProtoMajor == 2) != second {
				t.Errorf("%s: the answer came by %s", name, answer.Proto)
			}
			server.Close()
		}
	}
	if HeadersTooLong(nil) || HeadersTooLong(io.ErrUnexpectedEOF) {
		t.Error("another failure is said to be of headers")
	}
}

func TestTimedOut(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if _, err := New(Config{AllowPrivate: true}, 1).Do(r); !TimedOut(err) {
		t.Errorf("%v is no timeout", err)
	}
	if _, err := New(Config{}, 1).Get("https://127.0.0.1:1"); TimedOut(err) {
		t.Errorf("%v is a timeout", err)
	}
}

func TestURLProblem(t *testing.T) {
	for raw, c := range map[string]struct{ public, private bool }{
		"https://example.com/hooks":        {true, true},
		"https://example.com:8443/hooks":   {true, true},
		"https://93.184.216.34/":           {true, true},
		"http://example.com:8080/":         {false, true},
		"http://127.0.0.1:8080/hooks":      {false, true},
		"https://127.0.0.1/":               {false, true},
		"https://[::1]:8443/":              {false, true},
		"http://example.com/":              {false, false}, // port 80
		"https://example.com:22/":          {false, false},
		"https://example.com:70000/":       {false, false},
		"https://169.254.169.254/":         {false, false},
		"https://[::ffff:169.254.169.254]": {false, false},
		"https://user:pass@example.com/":   {false, false},
		"ftp://example.com/":               {false, false},
		"example.com":                      {false, false},
		"":                                 {false, false},
	} {
		if got := (Config{}).URLProblem(domain.WebhookURL, raw); (got == "") != c.public {
			t.Errorf("public stage, %q: got %q", raw, got)
		}
		if got := (Config{AllowPrivate: true}).URLProblem(domain.WebhookURL, raw); (got == "") != c.private {
			t.Errorf("private targets allowed, %q: got %q", raw, got)
		}
	}
}
