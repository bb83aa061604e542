/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-monitor: `katactl monitor`: serves the metrics and the status of all sandboxes of a state directory over HTTP. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "metrics/node.h"
#include "metrics/server.h"
#include "options.h"
#include "output.h"

#define DEFAULT_ADDRESS "127.0.0.1:8090" /* Kata's */
#define BACKLOG         64

typedef union address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} address;

/* "127.0.0.1:8090", "localhost:8090", "[::1]:8090"; names are not looked up. */
static int
parse_address (const char *text, address *out, socklen_t *length)
{
  const char *colon = strrchr (text, ':');
  char *end;
  if (!colon || !g_ascii_isdigit (colon[1]))
    return -1;
  unsigned long port = strtoul (colon + 1, &end, 10);
  g_autofree char *host = g_strndup (text, (gsize) (colon - text));
  gsize n = strlen (host);
  if (*end || port > 65535)
    return -1;
  memset (out, 0, sizeof *out);
  if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
    host[n - 1] = 0;
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons ((uint16_t) port);
    *length = sizeof out->v6;
    return inet_pton (AF_INET6, host + 1, &out->v6.sin6_addr) == 1 ? 0 : -1;
  }
  out->v4.sin_family = AF_INET;
  out->v4.sin_port = htons ((uint16_t) port);
  *length = sizeof out->v4;
  return inet_pton (AF_INET, strcmp (host, "localhost") == 0 ? "127.0.0.1" : host, &out->v4.sin_addr) == 1 ? 0 : -1;
}

static int
is_loopback (const address *address)
{
  if (address->any.sa_family == AF_INET6)
    return IN6_IS_ADDR_LOOPBACK (&address->v6.sin6_addr);
  return ntohl (address->v4.sin_addr.s_addr) >> 24 == 127;
}

static int
listen_on (const address *address, socklen_t length)
{
  int on = 1, fd = socket (address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      bind (fd, &address->any, length) == 0 && listen (fd, BACKLOG) == 0)
    return fd;
  int saved = errno;
  if (fd >= 0)
    close (fd);
  errno = saved;
  return -1;
}

/* Who started us waits for this line. */
static void
print_address (ctl *ctl, int fd)
{
  address bound = { 0 };
  socklen_t length = sizeof bound;
  char host[INET6_ADDRSTRLEN] = "?";
  getsockname (fd, &bound.any, &length);
  int six = bound.any.sa_family == AF_INET6;
  inet_ntop (bound.any.sa_family, six ? (void *) &bound.v6.sin6_addr : (void *) &bound.v4.sin_addr, host, sizeof host);
  unsigned port = ntohs (six ? bound.v6.sin6_port : bound.v4.sin_port);
  g_autofree char *url = g_strdup_printf ("http://%s%s%s:%u/", six ? "[" : "", host, six ? "]" : "", port);
  if (ctl->json)
    printf ("{\"url\":\"%s\"}\n", url);
  else
    printf ("%s\n", url);
  fflush (stdout);
}

/* Each sandbox takes two while it is asked. */
static void
allow_descriptors (void)
{
  struct rlimit limit;
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit); /* else it is enough for some hundreds */
  }
}

static int
serve (ctl *ctl, int listen_fd, int any_host)
{
  static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
  sigset_t set;
  sigemptyset (&set);
  for (gsize i = 0; i < G_N_ELEMENTS (ends); i++)
    sigaddset (&set, ends[i]);
  sigprocmask (SIG_BLOCK, &set, NULL);
  signal (SIGPIPE, SIG_IGN);
  int signal_fd = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signal_fd < 0)
    return output_fail (ctl, CTL_FAILED, "signalfd: %s", g_strerror (errno));
  metrics_node node = { .state_dir = kata_runtime_get_state_dir (ctl->runtime),
                        .stop_fd = signal_fd,
                        .any_host = any_host };
  http_server server = { .listen_fd = listen_fd, .stop_fd = signal_fd, .answer = metrics_node_answer, .data = &node };
  allow_descriptors ();
  print_address (ctl, listen_fd);
  http_server_run (&server);
  close (signal_fd);
  return CTL_OK;
}

int
cmd_monitor (ctl *ctl, int argc, char **argv)
{
  const char *where = DEFAULT_ADDRESS;
  int any_address = 0;
  const option_row rows[] = {
    { 0, "listen", OPTION_STRING, &where, "ADDRESS:PORT",
      "where to serve (default: " DEFAULT_ADDRESS "); port 0: any" },
    { 0, "any-address", OPTION_FLAG, &any_address, NULL,
      "allow an address that others can reach; there is no password" },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  address address;
  socklen_t length;
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 0, 0);
  if (rc >= 0)
    return rc;
  if (parse_address (where, &address, &length) < 0)
    return output_usage (ctl, "--listen: \"%s\" is no address and port, as " DEFAULT_ADDRESS " or [::1]:8090", where);
  if (!is_loopback (&address) && !any_address)
    return output_usage (ctl,
                         "--listen: others can reach \"%s\", and whoever can reads all metrics; give --any-address too "
                         "if you want that",
                         where);
  if (!ctl_runtime (ctl))
    return CTL_FAILED;
  int fd = listen_on (&address, length);
  if (fd < 0)
    return output_fail (ctl, CTL_FAILED, "cannot listen on \"%s\": %s; --listen takes another", where,
                        g_strerror (errno));
  rc = serve (ctl, fd, !is_loopback (&address));
  close (fd);
  return rc;
}
