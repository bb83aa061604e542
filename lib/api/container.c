/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* container: the public functions of kata_container; checks, then lib/sandbox. */
#include <kata/container.h>

#include <string.h>

#include "api/argument.h"
#include "api/container.h"
#include "sandbox/container.h"
#include "sandbox/process.h"

#define SIGNAL_MAX 64
#define STATS_MIN  KATA_SIZE_TO (kata_container_stats, tx_packets)

int
kata_api__container_options (kata_container_options *mine, const kata_container_options *options, kata_error **err)
{
  int r = kata_argument__options (mine, sizeof *mine, KATA_SIZE_TO (kata_container_options, columns), options,
                                  "kata_container_options", err);
  if (r != 0)
    return r;
  KATA_REQUIRE ((mine->flags & ~(uint32_t) (KATA_CONTAINER_TERMINAL | KATA_CONTAINER_READONLY)) == 0, "flags", err);
  KATA_REQUIRE (mine->rows <= UINT16_MAX && mine->columns <= UINT16_MAX, "rows", err);
  for (size_t i = 0; mine->volumes != NULL && mine->volumes[i] != NULL; i++) {
    r = kata_argument__size (mine->volumes[i], sizeof (kata_volume), KATA_SIZE_TO (kata_volume, flags), "kata_volume",
                             err);
    if (r != 0)
      return r;
    KATA_REQUIRE ((mine->volumes[i]->flags & ~(uint32_t) KATA_VOLUME_READONLY) == 0, "volumes", err);
  }
  return 0;
}

int
kata_container_create (kata_container **out, kata_sandbox *sandbox, const kata_container_options *options,
                       int64_t timeout_ms, kata_error **err)
{
  kata_container_options mine;
  KATA_REQUIRE (out != NULL, "out", err);
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  KATA_REQUIRE (options != NULL, "options", err);
  int r = kata_api__container_options (&mine, options, err);
  if (r == 0)
    r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_container__create (out, sandbox, &mine, timeout_ms, err);
}

int
kata_container_open (kata_container **out, kata_sandbox *sandbox, const char *id, kata_error **err)
{
  KATA_REQUIRE (out != NULL, "out", err);
  KATA_REQUIRE (sandbox != NULL, "sandbox", err);
  return kata_container__open (out, sandbox, id, err);
}

kata_container *
kata_container_ref (kata_container *container)
{
  if (container != NULL)
    g_atomic_ref_count_inc (&container->refs);
  return container;
}

kata_container *
kata_container_unref (kata_container *container)
{
  if (container != NULL && g_atomic_ref_count_dec (&container->refs))
    kata_container__free (container);
  return NULL;
}

void
kata_container_unrefp (kata_container **container)
{
  if (container != NULL)
    *container = kata_container_unref (*container);
}

int
kata_container_start (kata_container *container, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (container != NULL, "container", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_container__start (container, timeout_ms, err);
}

const char *
kata_container_get_id (kata_container *container)
{
  return container->id;
}

int
kata_container_get_state (kata_container *container)
{
  KATA_REQUIRE (container != NULL, "container", NULL);
  return kata_container__get_state (container);
}

int
kata_container_get_process (kata_process **out, kata_container *container, kata_error **err)
{
  KATA_REQUIRE (out != NULL, "out", err);
  KATA_REQUIRE (container != NULL, "container", err);
  return kata_process__of_container (out, container, err);
}

int
kata_container_exec (kata_process **out, kata_container *container, const kata_exec_options *options,
                     int64_t timeout_ms, kata_error **err)
{
  kata_exec_options mine;
  KATA_REQUIRE (out != NULL, "out", err);
  KATA_REQUIRE (container != NULL, "container", err);
  KATA_REQUIRE (options != NULL, "options", err);
  int r = kata_argument__options (&mine, sizeof mine, KATA_SIZE_TO (kata_exec_options, columns), options,
                                  "kata_exec_options", err);
  if (r == 0)
    r = kata_argument__timeout (timeout_ms, err);
  if (r != 0)
    return r;
  KATA_REQUIRE ((mine.flags & ~(uint32_t) KATA_EXEC_TERMINAL) == 0, "flags", err);
  KATA_REQUIRE (mine.rows <= UINT16_MAX && mine.columns <= UINT16_MAX, "rows", err);
  KATA_REQUIRE (mine.process_json != NULL || (mine.args != NULL && mine.args[0] != NULL), "args", err);
  return kata_process__exec (out, container, &mine, timeout_ms, err);
}

int
kata_container_kill (kata_container *container, int signum, uint32_t flags, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (container != NULL, "container", err);
  KATA_REQUIRE (signum >= 1 && signum <= SIGNAL_MAX, "signum", err);
  KATA_REQUIRE ((flags & ~(uint32_t) KATA_KILL_ALL) == 0, "flags", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_container__kill (container, signum, flags, timeout_ms, err);
}

int
kata_container_pause (kata_container *container, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (container != NULL, "container", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_container__freeze (container, true, timeout_ms, err);
}

int
kata_container_resume (kata_container *container, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (container != NULL, "container", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_container__freeze (container, false, timeout_ms, err);
}

int
kata_container_update (kata_container *container, const char *resources_json, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (container != NULL, "container", err);
  KATA_REQUIRE (resources_json != NULL, "resources_json", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_container__update (container, resources_json, timeout_ms, err);
}

int
kata_container_stats_get (kata_container *container, kata_container_stats *stats, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (container != NULL, "container", err);
  KATA_REQUIRE (stats != NULL && stats->size >= STATS_MIN, "stats", err);
  kata_container_stats mine = KATA_CONTAINER_STATS_INIT;
  int r = kata_argument__timeout (timeout_ms, err);
  if (r == 0)
    r = kata_container__stats (container, &mine, timeout_ms, err);
  if (r == 0) { /* what a newer program knows besides stays as it is */
    mine.size = stats->size;
    memcpy (stats, &mine, MIN (stats->size, sizeof mine));
  }
  return r;
}

int
kata_container_delete (kata_container *container, uint32_t flags, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (container != NULL, "container", err);
  KATA_REQUIRE ((flags & ~(uint32_t) KATA_DELETE_FORCE) == 0, "flags", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_container__delete (container, flags, timeout_ms, err);
}
