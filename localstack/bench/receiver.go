package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// serveReceiver answers every POST with 200 after the duration in its path, until the context ends. It prints its
// address. /read returns the bytes received since the last call. With a certificate and key it speaks TLS, and closes
// each connection after its first answer.
func serveReceiver(ctx context.Context, files []string) error {
	var secured *tls.Config
	if len(files) == 2 {
		pair, err := tls.LoadX509KeyPair(files[0], files[1])
		if err != nil {
			return err
		}
		secured = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	var read atomic.Int64
	return listen(ctx, &read, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/read" {
			fmt.Fprint(w, read.Swap(0))
			return
		}
		io.Copy(io.Discard, r.Body)
		if secured != nil {
			w.Header().Set("Connection", "close")
		}
		delay, err := time.ParseDuration(r.URL.Query().Get("after"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if delay > 0 { // the receiver's own work
			time.Sleep(delay)
		}
	}), secured)
}

// listen serves on a port of this machine, prints where, and counts the bytes that come.
func listen(ctx context.Context, read *atomic.Int64, h http.Handler, secured *tls.Config) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, l.Addr())
	l = counted{l, read}
	server := &http.Server{Handler: h, TLSConfig: secured}
	context.AfterFunc(ctx, func() { server.Close() })
	if secured != nil {
		err = server.ServeTLS(l, "", "")
	} else {
		err = server.Serve(l)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// counted is a listener whose connections count what is read from them.
type counted struct {
	net.Listener
	read *atomic.Int64
}

func (c counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	return countedConn{conn, c.read}, err
}

type countedConn struct {
	net.Conn
	read *atomic.Int64
}

func (c countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Add(int64(n))
	return n, err
}
