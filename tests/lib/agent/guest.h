/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest for tests: answers every method of the agent with what the test has laid ready, and keeps the request. */
#ifndef KATA_TESTS_AGENT_GUEST_H
#define KATA_TESTS_AGENT_GUEST_H

#include <check.h>
#include <pthread.h>
#include <glib.h>

#include "agent/agent.h"

struct guest {
  kata_agent *agent; /* connected to it */
  ttrpc_server *server;
  pthread_t thread;
  int fd;
  pthread_mutex_t lock; /* not GLib's, which thread sanitizers cannot see */
  /* what to answer */
  int32_t code;
  char *message;
  GByteArray *payload;
  unsigned delay_ms;
  /* what was asked */
  char *method;
  GByteArray *request;
  GPtrArray *requests; /* of GByteArray, all of them */
};

void guest_open (struct guest *guest);
void guest_close (struct guest *guest);
/* The next replies: a status, raw bytes, or a message. */
void guest_fail (struct guest *guest, int32_t code, const char *message);
void guest_bytes (struct guest *guest, const void *data, size_t len);
void guest_message (struct guest *guest, const void *message);
/* The last request's message, and that it went to @method; release with kata_agent__message_free(). */
void *guest_request (struct guest *guest, const char *method, const ProtobufCMessageDescriptor *type);

/* Asserts on a failed call: code and a part of its text; clears the error. */
void expect_error (int r, kata_error **err, int code, const char *part);

int run_suite (Suite *suite);

#endif
