/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* remove: starting and removing a container that was created, also when its keeper was killed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "verbs/cgroup.h"
#include "verbs/create.h"
#include "verbs/wire.h"
#include "metrics/socket.h"
#include "output.h"

#define RECOVER_MS 10000
#define PROXY_MS   5000 /* for the proxy to see that its process has gone */
#define KEEPER_MS  3000 /* for a keeper to listen that starts just now, or to give up its lock when it was killed */
#define STEP_MS    50

int
create_start (oci *oci, int exit_code, entry *entry)
{
  g_autofree char *why = NULL;
  int rc = wire_call (oci, exit_code, entry->sandbox, wire_request ("start", entry->id), NULL, 0, NULL);
  if (rc < 0)
    return oci_fail (oci, exit_code, "cannot start a container that has stopped: the virtual machine of \"%s\" is gone",
                     entry->id);
  if (rc != 0)
    return rc;
  /* As the specification says: a failure here is told, and the container goes on. */
  hooks_container container = entry_container (entry);
  if (entry_load_config (oci, entry) == 0 && hooks_run (entry->config, &container, "poststart", "running", &why) < 0)
    g_printerr ("kata-runtime: warning: %s\n", why);
  return 0;
}

/* Ends by itself once its process has ended; one that does not is killed, by a descriptor that can only be its own. */
static void
end_proxy (const entry *entry)
{
  int pidfd = entry_pidfd (entry);
  struct pollfd polled = { .fd = pidfd, .events = POLLIN };
  if (pidfd < 0)
    return;
  if (poll (&polled, 1, PROXY_MS) <= 0) {
    syscall (SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    poll (&polled, 1, PROXY_MS);
  }
  close (pidfd);
}

/* Is there a keeper of this pod? Its lock tells; a folder without one was left by a keeper that was killed. */
static void
remove_dead_pod (oci *oci, const char *sandbox)
{
  static const char *const names[] = { "sock", METRICS_SOCKET, "log", "lock" };
  int pods = entry_folder (oci, "pods");
  int folder = pods < 0 ? -1 : openat (pods, sandbox, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int lock = folder < 0 ? -1 : openat (folder, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  if (folder >= 0 && (lock < 0 || flock (lock, LOCK_EX | LOCK_NB) == 0)) {
    for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
      unlinkat (folder, names[i], 0);
    unlinkat (pods, sandbox, AT_REMOVEDIR);
  }
  const int fds[] = { lock, folder, pods };
  for (size_t i = 0; i < G_N_ELEMENTS (fds); i++)
    if (fds[i] >= 0)
      close (fds[i]);
}

/* Is there one all the same? That it could not be asked may be for want of anything. */
static int
has_keeper (oci *oci, const char *sandbox)
{
  int pods = entry_folder (oci, "pods");
  int folder = pods < 0 ? -1 : openat (pods, sandbox, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int lock = folder < 0 ? -1 : openat (folder, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC), held = lock >= 0;
  held = held && flock (lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
  const int fds[] = { lock, folder, pods };
  for (size_t i = 0; i < G_N_ELEMENTS (fds); i++)
    if (fds[i] >= 0)
      close (fds[i]);
  return held;
}

/* The keeper was killed: all its containers are dead, and the library knows what its sandbox had. */
static int
remove_orphan (oci *oci, int exit_code, const char *sandbox_id)
{
  CTL_AUTO (sandbox) sandbox = NULL;
  CTL_AUTO (error) err = NULL;
  if (has_keeper (oci, sandbox_id))
    return oci_fail (oci, exit_code, "the keeper of sandbox \"%s\" runs, but cannot be asked; try again", sandbox_id);
  int rc = kata_sandbox_open (&sandbox, oci->ctl.runtime, sandbox_id, &err);
  if (rc == 0)
    rc = kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &err);
  if (rc == KATA_E_NOT_FOUND) {
    err = kata_error_unref (err);
    /* Its making may have been cut short. */
    rc = kata_runtime_recover_sandbox (oci->ctl.runtime, sandbox_id, RECOVER_MS, &err);
  }
  remove_dead_pod (oci, sandbox_id);
  return rc == 0 ? 0 : oci_error (oci, exit_code, err);
}

static int
ask_to_delete (oci *oci, int exit_code, const entry *entry, int force)
{
  JsonBuilder *request = wire_request ("delete", entry->id);
  wire_add_int (request, "force", force);
  return wire_call (oci, exit_code, entry->sandbox, request, NULL, 0, NULL);
}

int
create_remove (oci *oci, int exit_code, entry *entry, int force)
{
  g_autofree char *why = NULL;
  int rc = ask_to_delete (oci, exit_code, entry, force);
  for (int ms = 0; rc < 0 && ms < KEEPER_MS && has_keeper (oci, entry->sandbox); ms += STEP_MS) {
    g_usleep (STEP_MS * 1000);
    rc = ask_to_delete (oci, exit_code, entry, force);
  }
  if (rc < 0)
    rc = remove_orphan (oci, exit_code, entry->sandbox);
  if (rc != 0)
    return rc;
  end_proxy (entry);
  int have_config = entry_load_config (oci, entry) == 0;
  if (entry->cgroup)
    cgroup_remove (oci, entry->cgroup);
  entry_remove (oci, entry->id);
  hooks_container container = entry_container (entry);
  if (have_config && hooks_run (entry->config, &container, "poststop", "stopped", &why) < 0)
    g_printerr ("kata-runtime: warning: %s\n", why);
  return 0;
}
