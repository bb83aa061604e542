/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container-call: kill and stats: calls to the agent that change nothing that is written down, and so wait for nobody. */
#include <signal.h>

#include "sandbox/again.h"
#include "sandbox/container.h"

#define STATE(s) (1u << KATA_STATE_##s)
#define ALIVE    (STATE (CREATED) | STATE (RUNNING) | STATE (PAUSED))

/* The connection, if the container's state as it is written down allows the call. */
static int
reach (kata_link **link, kata_container *container, const char *what, int64_t *timeout_ms, kata_error **err)
{
  g_autoptr (kata_sandbox_state) state = NULL;
  struct kata_container_state *found = NULL;
  int r = kata_container__look (container, &state, &found, err);
  if (r != 0)
    return r;
  int sandbox = kata_sandbox__real_state (container->sandbox, state);
  r = kata_sandbox__allow_guest (container->sandbox, state, what, sandbox, STATE (RUNNING), err);
  if (r == 0)
    r = kata_sandbox__allow (what, container->id, found->state, ALIVE, err);
  if (r != 0)
    return r;
  int64_t deadline_us = kata_runtime__deadline (*timeout_ms, state->plan.request_timeout_ms);
  r = kata_sandbox__link (link, container->sandbox, deadline_us, err);
  *timeout_ms = kata_runtime__left_ms (deadline_us);
  return r;
}

int
kata_container__kill (kata_container *container, int signum, uint32_t flags, int64_t timeout_ms, kata_error **err)
{
  g_autoptr (kata_link) link = NULL;
  kata_error *error = NULL;
  /* The agent's protocol signals every process for SIGKILL only. */
  if ((flags & KATA_KILL_ALL) != 0 && signum != SIGKILL)
    return kata_error__set (err, KATA_E_UNSUPPORTED, container->id,
                            "kill: the guest's agent can send only SIGKILL (9) to all processes of a container");
  int r = reach (&link, container, "kill", &timeout_ms, err);
  if (r != 0)
    return r;
  r = kata_agent__signal (kata_link__agent (link), container->id, "", signum, timeout_ms, &error);
  return r != 0 ? kata_sandbox__explain (container->sandbox, link, error, err) : 0;
}

int
kata_container__stats (kata_container *container, kata_container_stats *stats, int64_t timeout_ms, kata_error **err)
{
  g_autoptr (kata_link) link = NULL;
  kata_error *error = NULL;
  struct kata_agent_stats got = { 0 };
  int r = reach (&link, container, "stats", &timeout_ms, err);
  if (r != 0)
    return r;
  const struct kata_track_patience patience = { .deadline_us = kata_runtime__deadline (timeout_ms, KATA_TIMEOUT_NONE) };
  struct kata_again again = { .sandbox = container->sandbox, .patience = &patience };
  do
    r = kata_agent__stats (kata_link__agent (link), container->id, &got, kata_runtime__left_ms (patience.deadline_us),
                           &error);
  while ((r = kata_again__call (&again, &link, r, &error)) == 1);
  if (r != 0)
    return kata_error__propagate (err, error);
  *stats = (kata_container_stats){
    sizeof *stats,    got.cpu_total_ns,      got.cpu_user_ns,        got.cpu_system_ns,      got.cpu_throttled_ns,
    got.memory_bytes, got.memory_peak_bytes, got.memory_limit_bytes, got.memory_cache_bytes, got.swap_bytes,
    got.pids,         got.pids_limit,        got.read_bytes,         got.write_bytes,        got.rx_bytes,
    got.rx_packets,   got.tx_bytes,          got.tx_packets,
  };
  return 0;
}
