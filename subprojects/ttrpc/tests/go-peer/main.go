// SPDX-License-Identifier: LGPL-2.1-or-later

// go-peer is the other side of the tests: containerd's ttrpc, as a server ("serve SOCKET") or a client ("call SOCKET").
package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const service = "t"

func serve(path string) error {
	server, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	method := func(fn func(context.Context, []byte) ([]byte, error)) ttrpc.Method {
		return func(ctx context.Context, unmarshal func(interface{}) error) (interface{}, error) {
			var in wrapperspb.BytesValue
			if err := unmarshal(&in); err != nil {
				return nil, err
			}
			out, err := fn(ctx, in.Value)
			return &wrapperspb.BytesValue{Value: out}, err
		}
	}
	server.Register(service, map[string]ttrpc.Method{
		"echo": method(func(_ context.Context, in []byte) ([]byte, error) { return in, nil }),
		"fail": method(func(_ context.Context, in []byte) ([]byte, error) {
			return nil, status.Error(codes.NotFound, string(in))
		}),
		"hang": method(func(ctx context.Context, in []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}),
	})
	listener, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	return server.Serve(context.Background(), listener)
}

func expect(what string, err error, code codes.Code, text string) error {
	if status.Code(err) == code && (err == nil || strings.Contains(err.Error(), text)) {
		return nil
	}
	return fmt.Errorf("%s: %v, where %v %q was expected", what, err, code, text)
}

func echo(client *ttrpc.Client, data []byte) error {
	var out wrapperspb.BytesValue
	err := client.Call(context.Background(), service, "echo", &wrapperspb.BytesValue{Value: data}, &out)
	if err == nil && !bytes.Equal(out.Value, data) {
		return fmt.Errorf("echo: %d other bytes came back for %d", len(out.Value), len(data))
	}
	return err
}

func many(client *ttrpc.Client) error {
	var group sync.WaitGroup
	errors := make(chan error, 64)
	for i := 0; i < 64; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			for j := 0; j < 20; j++ {
				if err := echo(client, []byte(fmt.Sprintf("%d-%d", i, j))); err != nil {
					errors <- err
					return
				}
			}
		}(i)
	}
	group.Wait()
	close(errors)
	return <-errors
}

func call(path string) error {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	client := ttrpc.NewClient(conn)
	defer client.Close()
	var out wrapperspb.BytesValue
	text := &wrapperspb.BytesValue{Value: []byte("no such thing")}
	for _, data := range [][]byte{nil, []byte("hello"), bytes.Repeat([]byte("0123456789"), 419000)} {
		if err := echo(client, data); err != nil {
			return err
		}
	}
	err = client.Call(context.Background(), service, "fail", text, &out)
	if err := expect("fail", err, codes.NotFound, "no such thing"); err != nil {
		return err
	}
	err = client.Call(context.Background(), service, "none", text, &out)
	if err := expect("none", err, codes.Unimplemented, ""); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err = client.Call(ctx, service, "hang", text, &out); err == nil || time.Since(start) > 2*time.Second {
		return fmt.Errorf("hang: %v after %v", err, time.Since(start))
	}
	return many(client)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go-peer serve|call SOCKET")
		os.Exit(2)
	}
	run := map[string]func(string) error{"serve": serve, "call": call}[os.Args[1]]
	if err := run(os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "go-peer:", err)
		os.Exit(1)
	}
}
