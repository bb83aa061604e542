/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* end: bringing a sandbox down so that its exit status is not lost; shared by `stop` and `delete`. */
#include "end.h"

#include <signal.h>

#include "record.h"

#define KILL_MS       5000  /* from SIGKILL to the end of a container */
#define SUPERVISOR_MS 10000 /* for a supervisor to copy the last output and to stop the virtual machine itself */
#define STOP_MS       5000
#define BUSY_MS       15000 /* another process is at it */

static void
end_container (kata_container *container, int64_t grace_ms)
{
  CTL_AUTO (process) process = NULL;
  int status;
  if (kata_container_get_state (container) != KATA_STATE_RUNNING ||
      kata_container_get_process (&process, container, NULL) < 0)
    return;
  if (grace_ms > 0 && kata_container_kill (container, SIGTERM, 0, KILL_MS, NULL) == 0 &&
      kata_process_wait (process, &status, grace_ms, NULL) != KATA_E_TIMEOUT)
    return;
  if (kata_container_kill (container, SIGKILL, KATA_KILL_ALL, KILL_MS, NULL) == 0)
    kata_process_wait (process, &status, KILL_MS, NULL); /* the virtual machine goes next, whatever this says */
}

static int
stop_when_free (kata_sandbox *sandbox, kata_error **err)
{
  int64_t until = g_get_monotonic_time () + BUSY_MS * 1000;
  for (;;) {
    CTL_AUTO (error) failure = NULL;
    int rc = kata_sandbox_stop (sandbox, STOP_MS, &failure);
    if (rc != KATA_E_BUSY || g_get_monotonic_time () > until) {
      if (rc < 0)
        *err = g_steal_pointer (&failure);
      return rc;
    }
    g_usleep (100 * 1000);
  }
}

int
end_sandbox (ctl *ctl, kata_sandbox *sandbox, int64_t grace_ms, kata_error **err)
{
  const char *id = kata_sandbox_get_id (sandbox);
  CTL_AUTO_STRINGS ids = NULL;
  if (kata_sandbox_get_state (sandbox) == KATA_STATE_PAUSED)
    kata_sandbox_resume (sandbox, KATA_TIMEOUT_DEFAULT,
                         NULL); /* else nobody hears the signals; stop works all the same */
  if (kata_sandbox_get_state (sandbox) == KATA_STATE_RUNNING && kata_sandbox_list_containers (&ids, sandbox, NULL) == 0)
    for (char **name = ids; *name; name++) {
      CTL_AUTO (container) container = NULL;
      if (kata_container_open (&container, sandbox, *name, NULL) == 0)
        end_container (container, grace_ms);
    }
  record_wait_supervisor (ctl, id, SUPERVISOR_MS);
  return stop_when_free (sandbox, err);
}
