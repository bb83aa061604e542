#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the Go peer (once per build directory) and runs the test with it: go-peer.sh SOURCES BUILD TEST. 77 = cannot be built here.
sources=$1 build=$2 test=$3
if ! command -v go >/dev/null; then
  echo "SKIP: no go command; install golang-go to test against containerd's ttrpc"
  exit 77
fi
if ! (cd "$sources" && CGO_ENABLED=0 GOFLAGS=-buildvcs=false timeout 240 go build -o "$build/go-peer" .) >"$build/go-peer.log" 2>&1; then
  echo "SKIP: the Go module github.com/containerd/ttrpc cannot be had or built: $(tail -n 1 "$build/go-peer.log")"
  exit 77
fi
exec "$test" "$build/go-peer"
