package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// serveReceiver answers every POST with 200 after the path's duration, until the context ends. It prints its address.
// With the files of a certificate and its key it speaks TLS, and closes each connection after its first answer.
func serveReceiver(ctx context.Context, files []string) error {
	var secured *tls.Config
	if len(files) == 2 {
		pair, err := tls.LoadX509KeyPair(files[0], files[1])
		if err != nil {
			return err
		}
		secured = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	return listen(ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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

// listen serves on a port of this machine, and prints where.
func listen(ctx context.Context, h http.Handler, secured *tls.Config) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, l.Addr())
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
