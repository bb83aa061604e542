/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exec: starts one more process in a running container. */
#include "agent/spec.h"
#include "base/id.h"
#include "sandbox/process-file.h"
#include "sandbox/process.h"

#define ROWS    24u
#define COLUMNS 80u

/* The container's process as it was created, changed as the options say. */
static int
prepare (kata_oci_spec **out, kata_container *container, const kata_exec_options *options, kata_error **err)
{
  g_autoptr (kata_oci_spec) spec = NULL;
  int r = kata_process_file__read (&spec, container->sandbox->dirfd, container->id, err);
  return r != 0 ? r : kata_oci_spec__exec (out, spec, options, err);
}

static int
tell_agent (kata_container *container, kata_link *link, const char *exec_id, const kata_oci_process *process,
            const kata_exec_options *options, int64_t deadline_us, kata_error **err)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  kata_agent *agent = kata_link__agent (link);
  int r = kata_fault__point (&container->sandbox->runtime->fault, "agent:exec", err);
  if (r == 0)
    r = kata_agent__exec (agent, container->id, exec_id, kata_agent_spec__process (arena, process),
                          kata_runtime__left_ms (deadline_us), err);
  if (r == 0 && process->terminal)
    kata_agent__winsize (agent, container->id, exec_id, options->rows != 0 ? options->rows : ROWS,
                         options->columns != 0 ? options->columns : COLUMNS, kata_runtime__left_ms (deadline_us), NULL);
  return r;
}

int
kata_process__exec (kata_process **out, kata_container *container, const kata_exec_options *options, int64_t timeout_ms,
                    kata_error **err)
{
  char random[KATA_ID_RANDOM_LEN + 1];
  const char *id = options->id != NULL ? options->id : random;
  g_autoptr (kata_sandbox_state) state = NULL;
  g_autoptr (kata_oci_spec) spec = NULL;
  g_autoptr (kata_link) link = NULL;
  struct kata_container_state *found = NULL;
  kata_error *error = NULL;
  int r = options->id != NULL ? kata_id__check ("id", id, err) : kata_id__random (random, err);
  if (r == 0)
    r = kata_container__look (container, &state, &found, err);
  if (r == 0)
    r = kata_sandbox__allow_guest (container->sandbox, state, "exec",
                                   kata_sandbox__real_state (container->sandbox, state), 1u << KATA_STATE_RUNNING, err);
  if (r == 0)
    r = kata_sandbox__allow ("exec", container->id, found->state, 1u << KATA_STATE_RUNNING, err);
  if (r == 0)
    r = prepare (&spec, container, options, err);
  if (r != 0)
    return r;
  int64_t deadline_us = kata_runtime__deadline (timeout_ms, state->plan.request_timeout_ms);
  r = kata_sandbox__link (&link, container->sandbox, deadline_us, err);
  if (r != 0)
    return r;
  r = tell_agent (container, link, id, &spec->process, options, deadline_us, &error);
  if (r != 0) {
    /* Asked only now, because asking takes time: has it ended? Then that is the reason. */
    kata_error *explained = NULL;
    r = kata_sandbox__explain (container->sandbox, link, error, &explained);
    if (r != KATA_E_AGENT ||
        kata_sandbox__allow ("exec", container->id, kata_container__real_state (container, state, found),
                             1u << KATA_STATE_RUNNING, err) == 0)
      return kata_error__propagate (err, explained);
    kata_error_unref (explained);
    return KATA_E_STATE;
  }
  *out = kata_process__new_exec (container, id, spec->process.terminal);
  return 0;
}
