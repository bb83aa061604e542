/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* server: one thread that answers GET requests on a listening socket; clients that are slow, stuck or many cost nobody else but themselves. */
#ifndef METRICS_SERVER_H
#define METRICS_SERVER_H

#include "metrics/http.h"

typedef struct http_server {
  int listen_fd;      /* not blocking; a stream socket */
  int stop_fd;        /* readable: end */
  gboolean same_user; /* of a unix socket: only root and this process's own user are served */
  /** Fills @answer. In the server's thread: nobody else is answered meanwhile. */
  void (*answer) (void *data, const http_request *request, http_answer *answer);
  /** (nullable): what was answered, also without @answer. */
  void (*done) (void *data, int status);
  void *data;
} http_server;

/** Serves until stop_fd is readable. */
void http_server_run (const http_server *server);

#endif
