package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// bench is what the workers are measured against, and how.
type bench struct {
	program   string
	folder    string // of the certificate
	aws       string // where the stub is
	receiver  string
	secured   string
	rowFor    time.Duration
	processes []*exec.Cmd
}

func newBench(ctx context.Context, rowFor time.Duration) (b *bench, err error) {
	b = &bench{rowFor: rowFor}
	if b.program, err = os.Executable(); err != nil {
		return nil, err
	}
	if b.folder, err = os.MkdirTemp("", "bench"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	certificate, key, err := b.certificate()
	if err != nil {
		return nil, err
	}
	if b.aws, err = b.start(ctx, "aws"); err != nil {
		return nil, err
	}
	if b.receiver, err = b.start(ctx, "receiver"); err != nil {
		return nil, err
	}
	b.secured, err = b.start(ctx, "receiver", certificate, key)
	return b, err
}

// close ends what was started.
func (b *bench) close() {
	for _, p := range b.processes {
		p.Process.Kill()
		p.Wait()
	}
	os.RemoveAll(b.folder)
}

// start starts a part that prints its address and goes on.
func (b *bench) start(ctx context.Context, args ...string) (address string, err error) {
	p := exec.CommandContext(ctx, b.program, args...)
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := p.Start(); err != nil {
		return "", err
	}
	b.processes = append(b.processes, p)
	address, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("the %s did not start: %w", args[0], err)
	}
	return strings.TrimSpace(address), nil
}

// certificate makes one for this machine, which a worker trusts by SSL_CERT_FILE.
func (b *bench) certificate() (certificate, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", "", err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	certificate, key = filepath.Join(b.folder, "certificate.pem"), filepath.Join(b.folder, "key.pem")
	return certificate, key, errors.Join(
		os.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), 0o600),
	)
}

// measure has a new process do the load, with the GOGC of infra/boxes.go.
func (b *bench) measure(ctx context.Context, l load) (r result, err error) {
	l.For = b.rowFor
	p := exec.CommandContext(ctx, b.program, "worker", encode(l))
	p.Env = append(os.Environ(), "GOGC=400", "AWS_ENDPOINT_URL=http://"+b.aws, "SSL_CERT_FILE="+filepath.Join(b.folder, "certificate.pem"))
	p.Stderr = os.Stderr
	out, err := p.Output()
	if err != nil {
		return r, fmt.Errorf("the load %s: %w", encode(l), err)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return r, err
	}
	if r.Deliveries == 0 {
		return r, fmt.Errorf("the load %s: nothing was delivered within %s; give more -seconds", encode(l), b.rowFor)
	}
	return r, nil
}

// row is one line of the table.
type row struct {
	name  string
	load  load
	after time.Duration // the receiver answers
	tls   bool
}

func (b *bench) url(r row) string {
	url := "http://" + b.receiver
	if r.tls {
		url = "https://" + b.secured
	}
	return url + "/?after=" + r.after.String()
}

// usual is a batch of ten events of 1 KB for ten webhooks.
var usual = load{Kind: "delivery", Batch: 10, Body: 1 << 10, Webhooks: 10}

func with(change func(*load)) load {
	l := usual
	change(&l)
	return l
}

var rows = []row{
	{name: "plain loop, 10 at once, 1 KB", load: with(func(l *load) { l.Kind = "plain" })},
	{name: "delivery, batch 10, 1 KB", load: usual},
	{name: "delivery, batch 1, 1 KB", load: with(func(l *load) { l.Batch = 1 })},
	{name: "delivery, batch 10, 10 KB", load: with(func(l *load) { l.Body = 10 << 10 })},
	{name: "delivery, batch 10, 20 ms", load: usual, after: 20 * time.Millisecond},
	{name: "delivery, batch 10, 200 ms", load: usual, after: 200 * time.Millisecond},
	{name: "delivery, batch 10, new TLS connections", load: usual, tls: true},
	{name: "delivery, batch 100, 200 ms", load: with(func(l *load) { l.Batch = 100 }), after: 200 * time.Millisecond},
	{name: "event to 1 webhook, to its final state", load: with(func(l *load) { l.Kind, l.Webhooks = "pipeline", 1 })},
	{name: "event to 10 webhooks, to their final states", load: with(func(l *load) { l.Kind, l.Webhooks = "pipeline", 10 })},
	{name: "delivery, batch 10, 1 webhook", load: with(func(l *load) { l.Webhooks = 1 })},
	{name: "delivery, batch 10, 1,000 webhooks", load: with(func(l *load) { l.Webhooks = 1_000 })},
	{name: "delivery, batch 10, 100,000 webhooks", load: with(func(l *load) { l.Webhooks = 100_000 })},
}

// table measures every row and prints it.
func (b *bench) table(ctx context.Context, out io.Writer) error {
	fmt.Fprintf(out, "%s of each, %d CPUs, %s; a delivery is a first attempt that succeeds, every %d-byte body new\n\n", b.rowFor, runtime.NumCPU(), runtime.Version(), usual.Body)
	fmt.Fprintf(out, "%-44s %10s %8s %8s %8s %8s %8s %8s %9s\n", "", "per CPU-s", "of plain", "allocs", "AWS req", "WU", "RU", "MB", "$/million")
	var plain float64
	for _, row := range rows {
		row.load.URL = b.url(row)
		r, err := b.measure(ctx, row.load)
		if err != nil {
			return err
		}
		rate := float64(r.Deliveries) / r.CPU.Seconds()
		if row.load.Kind == "plain" {
			plain = rate
		}
		speed := fmt.Sprintf("%10.0f %8.2f %8.0f", rate, rate/plain, r.perDelivery(float64(r.Mallocs)))
		if row.load.Kind == "pipeline" { // the committing is the API's work, and done by the same process
			speed = fmt.Sprintf("%10s %8s %8s", "", "", "")
		}
		cost := ""
		if row.load.Kind == "delivery" {
			cost = fmt.Sprintf("%.2f", perMillion(row.load, r))
		}
		fmt.Fprintf(out, "%-44s %s %8.2f %8.2f %8.2f %8.0f %9s\n", row.name, speed,
			r.perDelivery(float64(r.Counts.all())), r.perDelivery(r.Counts.WriteUnits), r.perDelivery(r.Counts.ReadUnits), float64(r.Resident)/1e6, cost)
		if r.Goroutines > 2*idleConnections(row.load) {
			return fmt.Errorf("%s: %d goroutines are left", row.name, r.Goroutines)
		}
	}
	return nil
}

// idleConnections is how many connections may stay open between batches, each of which has two goroutines.
func idleConnections(l load) int { return 10 * l.Batch }
