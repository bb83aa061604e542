/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* client: calls to a guest agent for tests, one line each; a failed call is an answer to look at, not the end of the test. */
#ifndef TEST_GUEST_AGENT_CLIENT_H
#define TEST_GUEST_AGENT_CLIENT_H

#include "proto/agent.pb-c.h"
#include "proto/health.pb-c.h"
#include <ttrpc/ttrpc.h>

struct client {
  ttrpc_client *ttrpc;
  int32_t code;      /* of the last call */
  char message[512]; /* of the last call */
};

/** @address: "unix:PATH" or "serial:PATH" (a socket to a virtio-serial port). 0 or -1. */
int client_connect (struct client *client, const char *address, int timeout_ms);
void client_close (struct client *client);

/** Sends @request to grpc.<method> ("AgentService/CreateSandbox"); @type of the reply, NULL = empty. Returns the reply or NULL; for an
 *  empty one look at client->code. */
ProtobufCMessage *client_call (struct client *client, const char *method, const ProtobufCMessage *request,
                               const ProtobufCMessageDescriptor *type, int timeout_ms);

/* Returns the ttrpc code. */
int client_simple (struct client *client, const char *method, const ProtobufCMessage *request);

/** A container that runs `/bin/sh -c @script` in @rootfs. */
struct client_container {
  const char *id, *rootfs, *script;
  int terminal;
  int64_t memory_limit;
  int own_pids; /* a process namespace of its own */
  Grpc__Storage **storages;
  size_t n_storages;
  int pod_pids; /* the first container's process namespace */
};
int client_create (struct client *client, const struct client_container *container);
int client_start (struct client *client, const char *id);
int client_remove (struct client *client, const char *id);
int client_exec (struct client *client, const char *id, const char *exec_id, const char *script, int terminal);
/** The exit code, or -1 with client->code. */
int client_wait (struct client *client, const char *id, const char *exec_id, int timeout_ms);
int client_signal (struct client *client, const char *id, const char *exec_id, int number);
int client_write (struct client *client, const char *id, const char *exec_id, const void *data, size_t len);
/** One read: bytes, 0 at the end, -1. */
long client_read (struct client *client, const char *id, const char *exec_id, int error_stream, char *buffer,
                  size_t size, int timeout_ms);
/** Reads to the end; keeps the first @size - 1 bytes and ends them. Returns all bytes or -1. */
long client_read_all (struct client *client, const char *id, const char *exec_id, int error_stream, char *buffer,
                      size_t size);
int client_resize (struct client *client, const char *id, const char *exec_id, unsigned rows, unsigned columns);
int client_copy (struct client *client, const char *path, const char *data, unsigned mode);

#endif
