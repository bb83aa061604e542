/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-resize: the size of a running sandbox, over the null backend or a fake: what is asked for, what is written down, what is refused, what a failure leaves. */
#include <string.h>

#include "bed.h"
#include "life.h"

#define ROOM "default_vcpus = 1\ndefault_memory = 256\ndefault_maxvcpus = 4\ndefault_maxmemory = 1000\n"

static struct life *life;

static void
setup (void)
{
  life = life_new ();
  life_configure (life, ROOM);
}

static void
teardown (void)
{
  life_free (life);
}

static int
resize (kata_sandbox *sandbox, uint32_t vcpus, uint64_t memory_mib, kata_sandbox_size *now, kata_error **err)
{
  kata_sandbox_size size = KATA_SANDBOX_SIZE_INIT;
  size.vcpus = vcpus;
  size.memory_mib = memory_mib;
  int r = kata_sandbox_resize (sandbox, &size, LIFE_MS, err);
  if (r != 0) /* untouched */
    ck_assert (size.vcpus == vcpus && size.memory_mib == memory_mib && size.max_vcpus == 0);
  else if (now != NULL)
    *now = size;
  return r;
}

static void
sized (kata_sandbox *sandbox, uint32_t vcpus, uint64_t memory_mib)
{
  char *json = NULL;
  g_autofree char *text = g_strdup_printf ("\"size\":{\"vcpus\":%u,\"max_vcpus\":4,\"memory_mib\":%" G_GUINT64_FORMAT
                                           ",\"max_memory_mib\":896}",
                                           vcpus, memory_mib);
  ck_assert_int_eq (kata_sandbox_inspect (&json, sandbox, NULL), 0);
  ck_assert_msg (strstr (json, text) != NULL, "%s is not in %s", text, json);
  kata_free (json);
}

static void
refused (kata_sandbox *sandbox, uint32_t vcpus, uint64_t memory_mib, int code, const char *key, const char *part)
{
  kata_error *error = NULL;
  ck_assert_int_eq (resize (sandbox, vcpus, memory_mib, NULL, &error), code);
  const char *found = kata_error_get_key (error);
  ck_assert_msg (key == NULL || (found != NULL && g_str_has_suffix (found, key)), "%s", found);
  ck_assert_msg (strstr (kata_error_get_message (error), part) != NULL, "%s", kata_error_get_message (error));
  kata_error_unref (error);
}

/* ---- tests ---- */

START_TEST (grows)
{
  kata_error *error = NULL;
  kata_runtime *runtime = life_runtime (life), *other = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s"), *seen = NULL;
  kata_sandbox_size now = KATA_SANDBOX_SIZE_INIT;
  sized (sandbox, 1, 256);
  ck_ok (resize (sandbox, 0, 0, &now, &error), error);
  ck_assert (now.vcpus == 1 && now.max_vcpus == 4 && now.memory_mib == 256 && now.max_memory_mib == 896);
  ck_ok (resize (sandbox, 2, 0, &now, &error), error);
  ck_assert (now.vcpus == 2 && now.memory_mib == 256);
  ck_ok (resize (sandbox, 0, 300, &now, &error), error);
  ck_assert (now.vcpus == 2 && now.memory_mib == 384);
  sized (sandbox, 2, 384);
  /* Another handle goes on from there, as another process would. */
  other = life_runtime (life);
  ck_ok (kata_sandbox_open (&seen, other, "s", &error), error);
  sized (seen, 2, 384);
  ck_ok (resize (seen, 4, 896, &now, &error), error);
  ck_assert (now.vcpus == 4 && now.memory_mib == 896);
  ck_ok (resize (sandbox, 3, 500, &now, &error), error); /* processors can go, memory does not */
  ck_assert (now.vcpus == 3 && now.memory_mib == 896);
  sized (sandbox, 3, 896);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (seen);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (other);
  kata_runtime_unref (runtime);
}
END_TEST

START_TEST (bounds)
{
  kata_error *error = NULL;
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  kata_sandbox_size small = { .size = 8 };
  refused (sandbox, 5, 0, KATA_E_LIMIT, ".default_maxvcpus", "5 vCPUs are asked for");
  refused (sandbox, UINT32_MAX, 0, KATA_E_LIMIT, ".default_maxvcpus", "4");
  refused (sandbox, 0, 897, KATA_E_LIMIT, ".default_maxmemory", "room for 896");
  refused (sandbox, 2, UINT64_MAX, KATA_E_LIMIT, ".default_maxmemory", "room for 896");
  refused (sandbox, 0, 255, KATA_E_INVALID, "memory_mib", "started with 256");
  sized (sandbox, 1, 256);
  ck_assert_int_eq (kata_sandbox_resize (sandbox, &small, LIFE_MS, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_resize (sandbox, NULL, LIFE_MS, NULL), KATA_E_INVALID);
  ck_assert_int_eq (kata_sandbox_resize (NULL, &small, LIFE_MS, NULL), KATA_E_INVALID);
  small = (kata_sandbox_size) KATA_SANDBOX_SIZE_INIT;
  ck_assert_int_eq (kata_sandbox_resize (sandbox, &small, -7, NULL), KATA_E_INVALID);
  ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
  refused (sandbox, 2, 0, KATA_E_STATE, NULL, "paused");
  ck_ok (kata_sandbox_resume (sandbox, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_stop (sandbox, LIFE_MS, &error), error);
  refused (sandbox, 2, 0, KATA_E_STATE, NULL, "stopped");
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}
END_TEST

/* A sandbox for which nothing was said has room for nothing; nor has one that shall be sized once. */
START_TEST (no_room)
{
  const char *const settings[] = { "default_vcpus = 1\ndefault_memory = 256\n",
                                   ROOM "[runtime]\nstatic_sandbox_resource_mgmt = true\n" };
  life_configure (life, settings[_i]);
  kata_error *error = NULL;
  kata_sandbox_size now = KATA_SANDBOX_SIZE_INIT;
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  refused (sandbox, 2, 0, KATA_E_LIMIT, ".default_maxvcpus", "static_sandbox_resource_mgmt");
  refused (sandbox, 0, 384, KATA_E_LIMIT, ".default_maxmemory", "set hypervisor.");
  ck_ok (resize (sandbox, 1, 256, &now, &error), error);
  ck_assert (now.vcpus == 1 && now.max_vcpus == 1 && now.memory_mib == 256 && now.max_memory_mib == 256);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}
END_TEST

/* At each point at which a resize can fail: what is there is written down or found, and asking again gives what was asked for. */
START_TEST (failures)
{
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  struct life_fault fault = { 0 }; /* the runtime keeps it */
  int points = 0;
  life_fault (runtime, &fault);
  for (int at = 1;; at++) {
    kata_error *error = NULL;
    uint64_t mib = 256 + 128 * (uint64_t) (at % 5 + 1);
    fault = (struct life_fault){ .at = at, .code = KATA_E_IO };
    int r = resize (sandbox, 2 + (uint32_t) at % 3, mib, NULL, &error);
    fault.at = 0;
    kata_error_unref (error);
    if (fault.name[0] == '\0') {
      ck_assert_int_eq (r, 0);
      break;
    }
    points++;
    ck_assert_msg (r == KATA_E_IO, "%s: %d", fault.name, r);
    error = NULL;
    kata_sandbox_size now = KATA_SANDBOX_SIZE_INIT;
    ck_ok (resize (sandbox, 2 + (uint32_t) at % 3, mib, &now, &error), error);
    ck_assert (now.vcpus == 2 + (uint32_t) at % 3 && now.memory_mib >= mib);
    sized (sandbox, now.vcpus, now.memory_mib);
  }
  ck_assert_int_ge (points, 3); /* the backend, the state, the agent */
  ck_assert_int_eq (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, NULL), 0);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "resize", 120, setup, teardown);
  tcase_add_test (tcase, grows);
  tcase_add_test (tcase, bounds);
  tcase_add_loop_test (tcase, no_room, 0, 2);
  tcase_add_test (tcase, failures);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
