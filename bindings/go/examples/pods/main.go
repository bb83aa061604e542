// SPDX-License-Identifier: LGPL-2.1-or-later

// Command pods is a pod server in the manner of Kubernetes' container runtime interface, as small as it can be: requests are lines of JSON on a
// unix socket, a pod is a virtual machine, its containers share it. It is an example of the Go package, not a program for production.
//
//	pods -socket PATH [-state DIR] [-config FILE] [-hypervisor NAME]     serves
//	pods -socket PATH -demo ROOTFS                                       asks a server to run a pod with two containers
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"libkata/bindings/go/kata"
)

// Request names what is to be done; which fields it needs depends on the verb.
type Request struct {
	Verb      string // RunPod, CreateContainer, StartContainer, Exec, Log, Wait, PodStatus, StopPod, RemovePod
	Pod       string
	Container string
	Rootfs    string
	Args      []string
	Input     []byte
	Seconds   int // of patience; 0 = a minute
}

// Answer is what came of it.
type Answer struct {
	Error, Code string            `json:",omitempty"`
	ID          string            `json:",omitempty"`
	Output      []byte            `json:",omitempty"`
	Status      int               `json:",omitempty"`
	State       string            `json:",omitempty"`
	Containers  map[string]string `json:",omitempty"`
}

// container keeps what its first process writes.
type container struct {
	*kata.Container
	process *kata.Process
	mu      sync.Mutex
	log     bytes.Buffer
	copied  sync.WaitGroup
}

func (c *container) Write(data []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Write(data)
}

type pod struct {
	*kata.Sandbox
	mu         sync.Mutex
	containers map[string]*container
}

type server struct {
	runtime *kata.Runtime
	mu      sync.Mutex
	pods    map[string]*pod
}

func (s *server) find(id string) (*pod, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.pods[id]; ok {
		return p, nil
	}
	return nil, &kata.Error{Code: kata.ErrNotFound, Message: "no such pod", Key: id}
}

func (p *pod) find(id string) (*container, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.containers[id]; ok {
		return c, nil
	}
	return nil, &kata.Error{Code: kata.ErrNotFound, Message: "no such container", Key: id}
}

func (s *server) runPod(ctx context.Context, q *Request) (*Answer, error) {
	sandbox, err := s.runtime.CreateSandbox(&kata.SandboxOptions{ID: q.Pod})
	if err != nil {
		return nil, err
	}
	if err := sandbox.Start(ctx); err != nil {
		sandbox.Delete(true)
		sandbox.Close()
		return nil, err
	}
	s.mu.Lock()
	s.pods[sandbox.ID()] = &pod{Sandbox: sandbox, containers: map[string]*container{}}
	s.mu.Unlock()
	return &Answer{ID: sandbox.ID()}, nil
}

func (p *pod) create(ctx context.Context, q *Request) (*Answer, error) {
	made, err := p.CreateContainer(ctx, &kata.ContainerOptions{ID: q.Container, Rootfs: q.Rootfs, Args: q.Args})
	if err != nil {
		return nil, err
	}
	process, err := made.Process()
	if err != nil {
		made.Close()
		return nil, err
	}
	c := &container{Container: made, process: process}
	p.mu.Lock()
	p.containers[made.ID()] = c
	p.mu.Unlock()
	return &Answer{ID: made.ID()}, nil
}

func (c *container) start(ctx context.Context) (*Answer, error) {
	if err := c.Start(ctx); err != nil {
		return nil, err
	}
	for _, stream := range []io.Reader{c.process.Stdout(), c.process.Stderr()} {
		c.copied.Add(1)
		go func(stream io.Reader) {
			defer c.copied.Done()
			io.Copy(c, stream) // ends with the process, or with the handle
		}(stream)
	}
	return &Answer{}, nil
}

func (c *container) exec(ctx context.Context, q *Request) (*Answer, error) {
	process, err := c.Exec(ctx, &kata.ExecOptions{Args: q.Args})
	if err != nil {
		return nil, err
	}
	defer process.Close()
	go func() {
		process.Stdin().WriteContext(ctx, q.Input)
		process.Stdin().Close()
	}()
	output, err := io.ReadAll(process.Stdout())
	if err != nil {
		return nil, err
	}
	status, err := process.Wait(ctx)
	return &Answer{Output: output, Status: status}, err
}

func (p *pod) status() (*Answer, error) {
	state, err := p.State()
	answer := &Answer{ID: p.ID(), State: state.String(), Containers: map[string]string{}}
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, c := range p.containers {
		if state, err := c.State(); err == nil {
			answer.Containers[id] = state.String()
		}
	}
	return answer, err
}

func (s *server) remove(p *pod) (*Answer, error) {
	err := p.Delete(true)
	s.mu.Lock()
	delete(s.pods, p.ID())
	s.mu.Unlock()
	for _, c := range p.containers {
		c.process.Close()
		c.Close()
		c.copied.Wait()
	}
	p.Close()
	return &Answer{}, err
}

func (s *server) do(ctx context.Context, q *Request) (*Answer, error) {
	if q.Verb == "RunPod" {
		return s.runPod(ctx, q)
	}
	p, err := s.find(q.Pod)
	if err != nil {
		return nil, err
	}
	switch q.Verb {
	case "CreateContainer":
		return p.create(ctx, q)
	case "PodStatus":
		return p.status()
	case "StopPod":
		return &Answer{}, p.Stop(ctx)
	case "RemovePod":
		return s.remove(p)
	}
	c, err := p.find(q.Container)
	if err != nil {
		return nil, err
	}
	switch q.Verb {
	case "StartContainer":
		return c.start(ctx)
	case "Exec":
		return c.exec(ctx, q)
	case "Wait":
		status, err := c.process.Wait(ctx)
		return &Answer{Status: status}, err
	case "Log":
		c.mu.Lock()
		defer c.mu.Unlock()
		return &Answer{Output: append([]byte(nil), c.log.Bytes()...)}, nil
	}
	return nil, &kata.Error{Code: kata.ErrInvalid, Message: "no such verb", Key: q.Verb}
}

// serve answers one client's requests, one after the other.
func (s *server) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	decoder, encoder := json.NewDecoder(io.LimitReader(conn, 64<<20)), json.NewEncoder(conn)
	for {
		var q Request
		if decoder.Decode(&q) != nil {
			return
		}
		patience := time.Minute
		if q.Seconds > 0 {
			patience = time.Duration(q.Seconds) * time.Second
		}
		within, cancel := context.WithTimeout(ctx, patience)
		answer, err := s.do(within, &q)
		cancel()
		if err != nil {
			answer = &Answer{Error: err.Error()}
			var failure *kata.Error
			if errors.As(err, &failure) {
				answer.Code = failure.Code.Name()
			}
		}
		if encoder.Encode(answer) != nil {
			return
		}
	}
}

func serve(ctx context.Context, socket string, options *kata.RuntimeOptions) error {
	runtime, err := kata.NewRuntime(options)
	if err != nil {
		return err
	}
	defer runtime.Close()
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	go func() { <-ctx.Done(); listener.Close() }()
	s := &server{runtime: runtime, pods: map[string]*pod{}}
	for {
		conn, err := listener.Accept()
		if err != nil {
			break // told to end
		}
		go s.serve(ctx, conn)
	}
	for _, p := range s.pods {
		s.remove(p)
	}
	return nil
}

func main() {
	var options kata.RuntimeOptions
	socket := flag.String("socket", "pods.sock", "where the server listens")
	demo := flag.String("demo", "", "be a client: run a pod with two containers on this root file system")
	flag.StringVar(&options.StateDir, "state", "", "state directory")
	flag.StringVar(&options.ConfigPath, "config", "", "configuration file")
	flag.StringVar(&options.Hypervisor, "hypervisor", "", "hypervisor")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := error(nil)
	if *demo != "" {
		err = runDemo(*socket, *demo)
	} else {
		err = serve(ctx, *socket, &options)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "pods:", err)
		os.Exit(1)
	}
}
