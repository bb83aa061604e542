/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* server: HTTP/1.1 on a unix socket as a VMM serves it, one request a connection; and the ways to do it badly. */
#ifndef KATA_TESTS_FAKES_SERVER_H
#define KATA_TESTS_FAKES_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#define FAKE_FDS_MAX 64

struct fake_request {
  char *method, *path; /* the path without its prefix */
  char *body;          /* NULL = none */
  int fds[FAKE_FDS_MAX];
  size_t n_fds;
};

/** "ACTION:HOW": when asked for ACTION, HOW = die, hang, hang-up, junk, refuse, deep, long or late. */
struct fake_fault {
  char *action, *how;
  const char *refusal; /* the body of one; NULL = Cloud Hypervisor's */
};

bool fake_fault_parse (struct fake_fault *fault, const char *text);
/** Misbehaves if @action is the one; true if nothing more is to be done about the request. */
bool fake_fault_strike (const struct fake_fault *fault, const char *action, int fd);

/** A listening socket in the current directory; -1 with errno. */
int fake_listen (const char *path);
/** The next request of a connection; false: the other end has gone, or it is none. @prefix of the path is dropped. */
bool fake_read (struct fake_request *request, int fd, const char *prefix);
void fake_request_clear (struct fake_request *request);
/** @body NULL = none. */
void fake_reply (int fd, unsigned status, const char *body);

#endif
