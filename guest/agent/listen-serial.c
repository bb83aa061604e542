/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* listen-serial: finds the virtio-serial ports that are ours and serves each on a thread of its own. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "connection.h"
#include "file.h"
#include "listen.h"
#include "mem.h"
#include "proto/serial-link.h"
#include "thread.h"

#define PORTS_DIR    "/sys/class/virtio-ports"
#define PORT_PREFIX  "org.libkata.agent."
#define PORTS_MAX    32
#define SEARCH_MS    10     /* between looks while there is none */
#define SEARCH_LATER 500    /* between looks once there is one */
#define REOPEN_PAUSE 100000 /* µs */

struct port {
  struct agent *agent;
  char node[64];
};

struct search {
  struct agent *agent;
  char seen[PORTS_MAX][64];
  unsigned count;
};

static void
session (void *user, const struct ttrpc_io *io)
{
  connection_serve (user, io);
}

static void *
port_run (void *data)
{
  struct port *port = data;
  struct agent *agent = port->agent;
  for (;;) {
    kata_serial_link *link = NULL;
    int fd = open (port->node, O_RDWR | O_CLOEXEC | O_NOCTTY);
    int result = fd < 0 ? -errno : kata_serial_link__new (&link, fd);
    if (result == 0)
      result = kata_serial_link__serve (link, session, agent);
    kata_serial_link__free (link);
    if (result == -ENOENT || result == -ENODEV)
      return NULL; /* unplugged */
    log_warn (&agent->log, "port %s: %s", port->node, strerror (-result));
    usleep (REOPEN_PAUSE);
  }
}

static int
is_new (struct search *search, const char *name)
{
  for (unsigned i = 0; i < search->count; i++)
    if (text_is (search->seen[i], name))
      return 0;
  return search->count < PORTS_MAX;
}

static void
look (struct search *search)
{
  DIR *dir = opendir (PORTS_DIR);
  struct dirent *entry;
  char path[320], name[64];
  while (dir && (entry = readdir (dir))) {
    snprintf (path, sizeof path, PORTS_DIR "/%s/name", entry->d_name);
    if (entry->d_name[0] == '.' || strlen (entry->d_name) > 50 || !is_new (search, entry->d_name) ||
        file_read (path, name, sizeof name) <= 0 || !text_starts (name, PORT_PREFIX))
      continue;
    struct port *port = mem_zero (sizeof *port);
    port->agent = search->agent;
    snprintf (port->node, sizeof port->node, "/dev/%.50s", entry->d_name);
    snprintf (search->seen[search->count++], sizeof search->seen[0], "%.50s", entry->d_name);
    if (access (port->node, F_OK) < 0 || thread_start (port_run, port) < 0) {
      search->count--; /* its node comes in a moment */
      free (port);
    }
  }
  if (dir)
    closedir (dir);
}

static void *
search_run (void *data)
{
  struct search *search = data;
  for (;;) {
    look (search);
    usleep ((search->count ? SEARCH_LATER : SEARCH_MS) * 1000);
  }
  return NULL;
}

int
listen_serial (struct agent *agent)
{
  struct search *search = mem_zero (sizeof *search);
  search->agent = agent;
  return thread_start (search_run, search);
}
