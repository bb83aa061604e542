/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmdline: the agent's settings, from the kernel command line or the program's own arguments. */
#ifndef AGENT_CMDLINE_H
#define AGENT_CMDLINE_H

#include <stdint.h>

#include "log.h"

struct cmdline {
  enum log_level level;
  char server_addr[256]; /* "unix://…" in tests; else vsock and the virtio-serial ports */
  int debug_console;
  uint32_t pipe_size;
  uint32_t hotplug_timeout; /* seconds */
  char crun[128];           /* tests only */
  int no_cgroups;           /* tests only: on a host whose cgroups crun refuses */
};

void cmdline_init (struct cmdline *options);
/** Takes the `agent.*` words of @text; unknown and malformed ones are logged and skipped, as a guest must boot. */
void cmdline_parse (struct cmdline *options, const struct log *log, const char *text);
/** `--server-addr`, `--log`, `--crun`, `--no-cgroups`. 0 or -1 (then a line was printed). */
int cmdline_parse_arguments (struct cmdline *options, int argc, char **argv);

#endif
