/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* acrn: a stand-in for `acrn-dm`, made from its manual, and for `acrnctl`; its guest is a null one, reached by a unix socket in the place of vhost-vsock. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "acrn-argv.h"
#include "acrnctl.h"
#include "machine.h"
#include "server.h"

#define VSOCK_SOCKET "vsock.sock" /* tests/fakes/backend.c knows it too */
#define LINE_SIZE    300

struct vmm {
  struct acrn_machine machine;
  struct null_guest *guest;
};

/* A slot that was empty at the start is given a file, once. */
static int
rescan (struct vmm *vmm, const char *argument)
{
  char *end = NULL;
  uint64_t slot = g_ascii_strtoull (argument, &end, 10);
  g_autofree char *why = NULL;
  if (end == argument || *end != ',' || slot >= ACRN_SLOTS || g_strcmp0 (vmm->machine.device[slot], "virtio-blk") != 0)
    why = g_strdup ("no such disk");
  else if (!vmm->machine.empty[slot])
    why = g_strdup ("Replacing valid backend file not supported!");
  else
    why = strstr (end + 1, "nodisk") != NULL ? g_strdup ("no valid backend file found") : acrn_check_disk (end + 1);
  fprintf (stderr, "blkrescan %s: %s\n", argument, why != NULL ? why : "done");
  if (why == NULL)
    vmm->machine.empty[slot] = false;
  return why == NULL ? 0 : -1;
}

/* The kernel tells of a signal by a thread of its own, so that the guest's threads need no handler. */
static gpointer
await_signal (gpointer data)
{
  sigset_t set;
  int number;
  sigemptyset (&set);
  sigaddset (&set, SIGINT);
  sigwait (&set, &number);
  exit (0);
}

static void
serve (struct vmm *vmm, int fd)
{
  char line[LINE_SIZE] = "";
  int error = -1;
  for (size_t n = 0; n < sizeof line - 1 && recv (fd, &line[n], 1, 0) == 1; n++)
    if (line[n] == '\n') {
      line[n] = '\0';
      break;
    }
  bool stop = g_str_equal (line, "stop");
  if (stop)
    error = 0;
  else if (g_str_has_prefix (line, "blkrescan "))
    error = rescan (vmm, line + strlen ("blkrescan "));
  g_autofree char *answer = g_strdup_printf ("%d", error);
  (void) !send (fd, answer, strlen (answer), MSG_NOSIGNAL);
  if (stop)
    fake_machine_end (vmm->guest); /* ends the process */
}

static char *
start (struct vmm *vmm, int *monitor)
{
  int fd = fake_listen (VSOCK_SOCKET);
  *monitor = fake_listen (ACRN_MONITOR_SOCKET);
  if (fd < 0 || *monitor < 0)
    return g_strdup ("no sockets");
  if (vmm->machine.console != NULL)
    close (open (vmm->machine.console, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  vmm->guest = fake_machine_start (vmm->machine.bootargs, fd);
  return vmm->guest != NULL ? NULL : g_strdup ("the guest does not start");
}

static void
take_signals (void)
{
  sigset_t set;
  sigemptyset (&set);
  sigaddset (&set, SIGINT);
  sigprocmask (SIG_BLOCK, &set, NULL);
  signal (SIGTERM, SIG_IGN); /* as it is once a guest has ACPI */
  g_thread_unref (g_thread_new ("signal", await_signal, NULL));
}

int
main (int argc, char **argv)
{
  struct vmm vmm = { .guest = NULL };
  struct fake_fault fault = { .action = NULL };
  int monitor = -1, fd;
  if (argc == 2 && g_str_equal (argv[1], "-v"))
    return puts ("DM: 3.3-unstable-2024-01-01-00:00:00-0 build by nobody@2024-01-01 00:00:00") < 0;
  /* The fake's own, before all others. */
  if (argc > 2 && g_str_equal (argv[1], "--fault")) {
    if (!fake_fault_parse (&fault, argv[2]))
      return 2;
    argc -= 2;
    argv += 2;
  }
  if (acrnctl_wanted (argc, argv))
    return acrnctl_main (argc, argv, &fault);
  acrn_misbehave (&fault, "start");
  take_signals ();
  char *why = acrn_parse (&vmm.machine, argc, argv);
  if (why == NULL)
    why = start (&vmm, &monitor);
  if (why != NULL)
    return fprintf (stderr, "%s\n", why) < 0 ? 1 : 2;
  while ((fd = accept4 (monitor, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
    serve (&vmm, fd);
    close (fd);
  }
  return 1;
}
