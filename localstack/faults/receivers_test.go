package faults_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"plugboard/localstack/faults"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
)

// Faults of endpoints (design rules 19 and 21).

var testEgress = egress.Config{AllowPrivate: true}

// hasty times out after a second, and gives up after two attempts.
var hasty = domain.SendPolicy{TimeoutSeconds: 1, RetryWaitSeconds: []int{60}}

// bad is the ways in which endpoints fail, and the failure class in the log; empty for an endpoint that accepts the
// event all the same.
var bad = []struct {
	name    string
	does    http.HandlerFunc
	failure domain.FailureClass
}{
	{"hangs", faults.Hang, domain.FailureTimeout},
	{"is late", faults.Late, domain.FailureTimeout},
	{"drips", faults.Drip, domain.FailureTimeout},
	{"resets", faults.Reset, domain.FailureConnection},
	{"floods with an error", faults.Flood(http.StatusInternalServerError), domain.FailureStatus},
	{"redirects", faults.Redirect("http://169.254.169.254/latest/meta-data/"), domain.FailureStatus},
	{"floods", faults.Flood(http.StatusOK), ""},
}

func receivers(s *scene) string {
	for _, b := range bad {
		s.hook(b.name, hasty).Behaves(b.does)
	}
	s.hook("fine", hasty)
	s.accept(2)
	s.settle()
	for _, b := range bad {
		s.fails(b.name, b.failure)
	}
	return fmt.Sprintf("%d endpoints", len(bad))
}

// receiversComeRound makes each of them fail twice, then accept.
func receiversComeRound(s *scene) string {
	policy := hasty
	policy.RetryWaitSeconds = []int{60, 60, 60}
	for _, b := range bad {
		s.hook(b.name, policy).Behaves(faults.First(2, b.does, faults.Status(http.StatusOK)))
	}
	s.accept(2)
	return fmt.Sprintf("%d endpoints, from the third request on", len(bad))
}

// fails checks the failure class of every delivery's last attempt to a webhook; an empty class means delivered.
func (s *scene) fails(id string, want domain.FailureClass) {
	s.t.Helper()
	for _, item := range s.scan(s.place.Deliveries) {
		if item["record"] != string(domain.RecordAttempt) || item["webhook_id"] != id {
			continue
		}
		if got := domain.FailureClass(item["failure"]); got != want {
			s.t.Errorf("%s: the log says %q, want %q", id, got, want)
		}
	}
}

// rebound resolves a name to an allowed address at the first look-up, and to the metadata service's address
// afterwards.
func rebound(s *scene) string {
	e, err := faults.Listen("127.0.0.1")
	must(s.t, err)
	s.t.Cleanup(e.Close)
	e.Behaves(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close") // otherwise the name is not looked up again
		w.WriteHeader(http.StatusInternalServerError)
	})
	server := names(s, net.IPv4(127, 0, 0, 1), net.IPv4(169, 254, 169, 254))
	out := testEgress
	out.Resolver = server.resolver
	s.services = s.place.services(s.tables.AWS, s.now, out)
	_, port, _ := net.SplitHostPort(e.URL[len("http://") : len(e.URL)-len("/hooks")])
	s.at("rebound", "http://partner.test:"+port+"/hooks",
		e, domain.SendPolicy{TimeoutSeconds: 1, RetryWaitSeconds: []int{1, 1}})
	s.accept(1)
	s.settle()
	if got := len(e.Arrivals()); got != 1 || server.asked.Load() < 2 {
		s.t.Errorf("the name was asked for %d times, and the endpoint got %d requests, want 1",
			server.asked.Load(), got)
	}
	blocked := 0
	for _, item := range s.scan(s.place.Deliveries) {
		if item["failure"] == string(domain.FailureBlockedAddress) {
			blocked++
		}
	}
	if blocked != 2 {
		s.t.Errorf("%d attempts read as blocked, want the second and the third", blocked)
	}
	return fmt.Sprintf("%d look-ups", server.asked.Load())
}

type nameServer struct {
	resolver *net.Resolver
	asked    atomic.Int64 // look-ups of an IPv4 address
}

// names is a name server with one address for the first look-up of any name, and another for all later ones.
func names(s *scene, first, then net.IP) *nameServer {
	s.t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(s.t, err)
	s.t.Cleanup(func() { conn.Close() })
	n := &nameServer{resolver: &net.Resolver{PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
		}}}
	go func() {
		for packet := make([]byte, 1500); ; {
			size, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			conn.WriteTo(n.answer(packet[:size], first, then), from)
		}
	}()
	return n
}

// answer is an answer of RFC 1035, 4.1, to a query with one question.
func (n *nameServer) answer(query []byte, first, then net.IP) []byte {
	const header, typeA = 12, 1
	end := header
	for query[end] != 0 { // the labels of the name
		end += 1 + int(query[end])
	}
	end += 1 + 4 // the root, type and class
	a := append([]byte{}, query[:end]...)
	a[2], a[3] = 0x84, 0 // an authoritative response
	copy(a[6:header], []byte{0, 0, 0, 0, 0, 0})
	if query[end-3] != typeA {
		return a // no such address
	}
	ip := then
	if n.asked.Add(1) == 1 {
		ip = first
	}
	a[7] = 1
	// the question's name, type, class, no time to live, length
	a = append(a, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4)
	return append(a, ip.To4()...)
}

func expired(s *scene) string {
	good, old := certificate(s, time.Hour), certificate(s, -time.Minute)
	for id, c := range map[string]tls.Certificate{"expired": old, "of nobody": good} {
		e, err := faults.Listen("127.0.0.1", c)
		must(s.t, err)
		s.t.Cleanup(e.Close)
		s.at(id, e.URL, e, hasty)
	}
	s.accept(2)
	s.settle()
	s.fails("expired", domain.FailureTLS)
	s.fails("of nobody", domain.FailureTLS)
	return "and one that nobody signed"
}

// certificate is a self-signed certificate of 127.0.0.1, valid for so long.
func certificate(s *scene, good time.Duration) tls.Certificate {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(s.t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "partner"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(good),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(s.t, err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}
