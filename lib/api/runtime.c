/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runtime: the public functions of kata_runtime; checks, then lib/sandbox. */
#include <kata/hypervisor.h>
#include <kata/runtime.h>

#include "api/argument.h"
#include "api/report.h"
#include "backend/plugin.h"
#include "sandbox/directory.h"
#include "sandbox/recover.h"
#include "sandbox/runtime.h"

#define RECOVER_MS 60000

int
kata_runtime_new (kata_runtime **out, const kata_runtime_options *options, kata_error **err)
{
  static const kata_runtime_options none = KATA_RUNTIME_OPTIONS_INIT;
  kata_runtime_options mine = none;
  KATA_REQUIRE (out != NULL, "out", err);
  int r = options != NULL ? kata_argument__options (&mine, sizeof mine, KATA_SIZE_TO (kata_runtime_options, hypervisor),
                                                    options, "kata_runtime_options", err)
                          : 0;
  if (r != 0)
    return r;
  KATA_REQUIRE (mine.flags == 0, "flags", err);
  KATA_REQUIRE (mine.log_level >= KATA_LOG_ERROR && mine.log_level <= KATA_LOG_DEBUG, "log_level", err);
  return kata_runtime__new (out, &mine, err);
}

kata_runtime *
kata_runtime_ref (kata_runtime *runtime)
{
  if (runtime != NULL)
    g_atomic_ref_count_inc (&runtime->refs);
  return runtime;
}

kata_runtime *
kata_runtime_unref (kata_runtime *runtime)
{
  if (runtime != NULL && g_atomic_ref_count_dec (&runtime->refs))
    kata_runtime__free (runtime);
  return NULL;
}

void
kata_runtime_unrefp (kata_runtime **runtime)
{
  if (runtime != NULL)
    *runtime = kata_runtime_unref (*runtime);
}

const char *
kata_runtime_get_state_dir (kata_runtime *runtime)
{
  return runtime->state_dir;
}

const char *
kata_runtime_get_hypervisor (kata_runtime *runtime, const char **why)
{
  if (why != NULL)
    *why = runtime->why_not_builtin;
  return runtime->hypervisor;
}

int
kata_runtime_add_backend (kata_runtime *runtime, const struct kata_backend *backend, kata_error **err)
{
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  KATA_REQUIRE (backend != NULL, "backend", err);
  return kata_registry__add (runtime->registry, backend, err);
}

int
kata_runtime_load_backend (kata_runtime *runtime, const char *path, kata_error **err)
{
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  KATA_REQUIRE (path != NULL, "path", err);
  return kata_plugin__load (runtime->registry, path, err);
}

int
kata_runtime_list (char ***out, kata_runtime *runtime, kata_error **err)
{
  KATA_REQUIRE (out != NULL, "out", err);
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  return kata_directory__list (out, runtime->state_fd, err);
}

int
kata_runtime_recover (kata_runtime *runtime, uint32_t flags, uint32_t *n_recovered, int64_t timeout_ms,
                      kata_error **err)
{
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  KATA_REQUIRE ((flags & ~(uint32_t) KATA_RECOVER_ALL) == 0, "flags", err);
  int r = kata_argument__timeout (timeout_ms, err);
  if (r != 0)
    return r;
  return kata_recover__run (runtime, (flags & KATA_RECOVER_ALL) != 0, n_recovered,
                            kata_runtime__deadline (timeout_ms, RECOVER_MS), err);
}

int
kata_runtime_recover_sandbox (kata_runtime *runtime, const char *id, int64_t timeout_ms, kata_error **err)
{
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  KATA_REQUIRE (id != NULL, "id", err);
  int r = kata_argument__timeout (timeout_ms, err);
  return r != 0 ? r : kata_recover__sandbox (runtime, id, kata_runtime__deadline (timeout_ms, RECOVER_MS), err);
}

int
kata_runtime_check (char **json, kata_runtime *runtime, kata_error **err)
{
  KATA_REQUIRE (json != NULL, "json", err);
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  return kata_report__check (json, runtime, err);
}

int
kata_runtime_describe (char **json, kata_runtime *runtime, kata_error **err)
{
  KATA_REQUIRE (json != NULL, "json", err);
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  return kata_report__describe (json, runtime, err);
}

int
kata_runtime_list_hypervisors (char ***out, kata_runtime *runtime, kata_error **err)
{
  KATA_REQUIRE (out != NULL, "out", err);
  KATA_REQUIRE (runtime != NULL, "runtime", err);
  *out = kata_registry__names (runtime->registry);
  return 0;
}
