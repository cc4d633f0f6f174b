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
	"strings"
	"time"
)

// bench holds the processes that workers run against.
type bench struct {
	program   string
	folder    string // of the certificate
	aws       string // where the stub is
	receiver  string
	secured   string
	rowFor    time.Duration
	laidOut   string // the load that the stub is filled for
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

// close ends the started processes.
func (b *bench) close() {
	for _, p := range b.processes {
		p.Process.Kill()
		p.Wait()
	}
	os.RemoveAll(b.folder)
}

// start starts a process that prints its address and keeps running.
func (b *bench) start(ctx context.Context, args ...string) (address string, err error) {
	p := exec.CommandContext(ctx, b.program, args...)
	p.Env = append(os.Environ(), "GOGC=400")
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

// certificate makes a certificate for this machine; a worker trusts it by SSL_CERT_FILE.
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

// process is a worker process that works a load in turns.
type process struct {
	*exec.Cmd
	load load
	in   io.WriteCloser
	out  *bufio.Reader
}

// worker starts a worker process, with the GOGC of infra/boxes.go.
func (b *bench) worker(ctx context.Context, l load) (p *process, err error) {
	p = &process{Cmd: b.command(ctx, "worker", l), load: l}
	if p.in, err = p.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.Start(); err != nil {
		return nil, err
	}
	return p, p.wait()
}

func (b *bench) command(ctx context.Context, role string, l load) *exec.Cmd {
	c := exec.CommandContext(ctx, b.program, role, encode(l))
	c.Env = append(os.Environ(), "GOGC=400", "AWS_ENDPOINT_URL=http://"+b.aws,
		"SSL_CERT_FILE="+filepath.Join(b.folder, "certificate.pem"))
	c.Stderr = os.Stderr
	return c
}

// wait waits until the process reports that it is ready, or done.
func (p *process) wait() error {
	if _, err := p.out.ReadString('\n'); err != nil {
		return fmt.Errorf("the load %s ended: %w", encode(p.load), errors.Join(err, p.Cmd.Wait()))
	}
	return nil
}

func (p *process) turn(long time.Duration) error {
	if _, err := fmt.Fprintln(p.in, long); err != nil {
		return err
	}
	return p.wait()
}

func (p *process) result() (r result, err error) {
	p.in.Close()
	if err := json.NewDecoder(p.out).Decode(&r); err != nil {
		return r, errors.Join(err, p.Cmd.Wait())
	}
	if r.Deliveries == 0 {
		err = fmt.Errorf("the load %s: nothing was delivered; give more -seconds", encode(p.load))
	}
	return r, errors.Join(err, p.Cmd.Wait())
}
