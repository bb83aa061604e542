/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* jailed: starts kata-vmm, speaks to its control socket, looks at it from outside, waits for its end. */
#include "jailed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/builtin/helper.h"
#include "base/error.h"
#include "vmm/confine/layer.h"
#include "vmm/control.h"

static int64_t
soon (long ms)
{
  return kata_deadline__within (INT64_MAX, ms);
}

static long
now_ms (void)
{
  return (long) (kata_deadline__now () / 1000);
}

static int
listen_at (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
  unlink (path);
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || listen (fd, 8) < 0) {
    fprintf (stderr, "vmm-run: %s: %s\n", path, strerror (errno));
    exit (1);
  }
  return fd;
}

static uint32_t
layers (const char *list)
{
  uint32_t bits = 0;
  while (list != NULL && *list != '\0') {
    size_t len = strcspn (list, ",");
    int layer = vmm_layer__find (list, len);
    if (layer < 0) {
      fprintf (stderr, "vmm-run: no layer %s\n", list);
      exit (1);
    }
    bits |= UINT32_C (1) << layer;
    list += len + (list[len] == ',');
  }
  return bits;
}

/* One line of /proc/PID/status and of smaps_rollup each, and the number of threads. */
static void
show_process (int64_t pid, const char *when)
{
  static const char *const wanted[] = { "VmRSS:",   "RssAnon:",    "RssFile:", "RssShmem:", "Threads:",
                                        "Seccomp:", "NoNewPrivs:", "CapEff:",  "CapBnd:" };
  char path[64], line[256];
  snprintf (path, sizeof path, "/proc/%lld/status", (long long) pid);
  FILE *f = fopen (path, "re");
  fprintf (stderr, "vmm-run: %s: kata-vmm", when);
  while (f != NULL && fgets (line, sizeof line, f) != NULL)
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
      if (strncmp (line, wanted[i], strlen (wanted[i])) == 0) {
        line[strcspn (line, "\n")] = '\0';
        fprintf (stderr, " %s%s", wanted[i], line + strlen (wanted[i]) + 1);
      }
  if (f != NULL)
    fclose (f);
  fprintf (stderr, "\n");
}

static void
call (const char *path, enum vmm_control_op op, const char *what)
{
  int fd = -1;
  struct vmm_control_reply reply;
  g_autoptr (kata_error) error = NULL;
  if (vmm_control__connect (&fd, AT_FDCWD, path, soon (5000), &error) < 0 ||
      vmm_control__call (fd, &reply, op, 0, soon (20000), &error) < 0)
    fprintf (stderr, "vmm-run: %s: %s\n", what, kata_error_get_message (error));
  else if (op == VMM_CONTROL_STATS)
    fprintf (stderr, "vmm-run: exits %llu (mmio %llu, pio %llu)\n", (unsigned long long) reply.exits,
             (unsigned long long) reply.exits_mmio, (unsigned long long) reply.exits_pio);
  if (fd >= 0)
    close (fd);
}

static void
direct (const kata_child *child, const char *control, const struct jailed_times *times)
{
  long start = now_ms (), next_pause = times->pause_after;
  bool pressed = false, stopped = false;
  while (kata_pidfd__wait (child->pidfd, soon (20), NULL) == KATA_E_TIMEOUT) {
    long t = now_ms () - start;
    if (!stopped && (t > times->timeout || (times->stop_at > 0 && t > times->stop_at))) {
      stopped = true;
      show_process (child->identity.pid, "before stop");
      call (control, VMM_CONTROL_STATS, "stats");
      call (control, VMM_CONTROL_STOP, "stop");
    }
    if (stopped && t > (times->stop_at > 0 ? times->stop_at : times->timeout) + 10000)
      kata_pidfd__signal (child->pidfd, 9, NULL);
    if (!pressed && times->press_at > 0 && t > times->press_at) {
      pressed = true;
      call (control, VMM_CONTROL_POWER, "power");
    }
    if (times->pause_after > 0 && t > next_pause) {
      call (control, VMM_CONTROL_PAUSE, "pause");
      g_usleep ((gulong) times->pause_for * 1000);
      call (control, VMM_CONTROL_RESUME, "resume");
      next_pause = now_ms () - start + times->pause_after;
    }
  }
}

int
run_jailed (const struct jailed *jailed, const struct vmm_machine_config *config, const struct jailed_times *times)
{
  struct vmm_description d;
  kata_child child;
  char generated[64];
  const char *control = jailed->control;
  vmm_description__init (&d);
  d.machine = *config;
  d.waived = layers (jailed->waive);
  d.log_limit = 1 << 20;
  if (control == NULL) {
    snprintf (generated, sizeof generated, "/tmp/vmm-run-%d", getpid ());
    control = generated;
  }
  d.control_fd = listen_at (control);
  kata_builtin_helper helper = { .program = jailed->program,
                                 .description = &d,
                                 .uid = jailed->user,
                                 .gid = jailed->user,
                                 .stderr_fd = 2,
                                 .deadline_us = soon (30000) };
  g_autoptr (kata_error) error = NULL;
  long start = now_ms ();
  int code = kata_builtin_helper__start (&child, &helper, &error);
  close (d.control_fd);
  if (code < 0) {
    fprintf (stderr, "vmm-run: %s (key %s)\n", kata_error_get_message (error), kata_error_get_key (error));
    unlink (control);
    return 1;
  }
  fprintf (stderr, "vmm-run: ready in %ld ms\n", now_ms () - start);
  show_process (child.identity.pid, "ready");
  direct (&child, control, times);
  kata_exit_status status;
  kata_pidfd__reap (child.pidfd, &status);
  close (child.pidfd);
  unlink (control);
  g_autofree char *text = kata_exit_status__text (&status);
  fprintf (stderr, "vmm-run: kata-vmm: %s (%s), %ld ms\n", text,
           status.signal == 0 && vmm_end__name (status.code) != NULL ? vmm_end__name (status.code) : "?",
           now_ms () - start);
  return status.signal != 0 ? 128 + status.signal : status.code;
}
