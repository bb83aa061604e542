/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-registry: which backends are accepted, and what the checked calls make of a backend that breaks its contract. */
#include <check.h>
#include <string.h>

#include <glib.h>

#include "backend/call.h"
#include "backend/capability.h"
#include "base/error.h"
#include "host/pidfd.h"

static int
t_probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  kata_capabilities__grant (caps, KATA_CAP_RUN);
  caps->have |= UINT64_C (1) << 63;
  memset (caps->reason[KATA_CAP_NET], 'x', sizeof caps->reason[0]);
  return 0;
}

static int
t_launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  if (strcmp (plan->id, "silent") == 0)
    return KATA_E_VMM; /* and no error object */
  if (strcmp (plan->id, "odd") == 0)
    return -4711;
  if (strcmp (plan->id, "noisy") == 0)
    kata_error__set (err, KATA_E_VMM, NULL, "an error, but 0 is returned");
  *vm = NULL;
  return 0;
}

static int
t_connect (void *vm, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  return kata_error__set (err, KATA_E_AGENT, NULL, "nobody");
}

static int
t_pause (void *vm, const kata_backend_env *env, kata_error **err)
{
  return 0;
}

static int
t_stop (void *vm, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  ck_assert_int_ge (grace_ms, 0);
  return 0;
}

static void
t_detach (void *vm)
{
}

static const kata_backend good = { .size = sizeof good,
                                   .abi = KATA_BACKEND_ABI,
                                   .name = "mine",
                                   .probe = t_probe,
                                   .launch = t_launch,
                                   .connect = t_connect,
                                   .pause = t_pause,
                                   .resume = t_pause,
                                   .stop = t_stop,
                                   .detach = t_detach };

static int
no_record (void *journal, const kata_undo *undo, kata_error **err)
{
  return 0;
}

START_TEST (registration)
{
  kata_registry *registry;
  kata_backend b = good;
  const kata_backend_entry *entry;
  ck_assert_int_eq (kata_registry__new (&registry, NULL), 0);
  g_auto (GStrv) names = kata_registry__names (registry);
  ck_assert_str_eq (names[0], "builtin");
  ck_assert_int_eq (kata_registry__add (registry, &b, NULL), 0);
  ck_assert_int_eq (kata_registry__add (registry, &b, NULL), KATA_E_EXISTS);
  b.name = "qemu";
  ck_assert_int_eq (kata_registry__add (registry, &b, NULL), KATA_E_EXISTS);
  static const char *const bad_names[] = { "", "Upper", "a/b", "x y", "0123456789012345678901234567890123" };
  for (size_t i = 0; i < G_N_ELEMENTS (bad_names); i++) {
    b.name = bad_names[i];
    ck_assert_int_eq (kata_registry__add (registry, &b, NULL), KATA_E_INVALID);
  }
  b = good;
  b.name = "b";
  b.abi++;
  ck_assert_int_eq (kata_registry__add (registry, &b, NULL), KATA_E_INVALID);
  b.abi--;
  b.size = 4;
  ck_assert_int_eq (kata_registry__add (registry, &b, NULL), KATA_E_INVALID);
  b.size = sizeof b;
  b.stop = NULL;
  ck_assert_int_eq (kata_registry__add (registry, &b, NULL), KATA_E_INVALID);
  /* An older, shorter table: the verbs it does not have are never read. */
  b = good;
  b.name = "older";
  b.query = (const void *(*) (const char *) ) (uintptr_t) 1;
  b.size = offsetof (kata_backend, query);
  ck_assert_int_eq (kata_registry__add (registry, &b, NULL), 0);
  ck_assert_int_eq (kata_registry__find (&entry, registry, "older", NULL), 0);
  ck_assert_ptr_null (entry->backend.query ("x"));
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_registry__find (&entry, registry, "xen", &error), KATA_E_NOT_FOUND);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "qemu"));
  kata_registry__free (registry);
}
END_TEST

START_TEST (contract)
{
  kata_registry *registry;
  const kata_backend_entry *entry;
  kata_vm *vm = NULL;
  char *json = NULL;
  kata_stream stream;
  kata_capabilities caps;
  int64_t pids[2];
  kata_vm_plan plan = { .size = sizeof plan, .id = "silent", .dir = "/" };
  kata_backend_env env = { .size = sizeof env, .deadline_us = INT64_MAX, .record = no_record };
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_registry__new (&registry, NULL), 0);
  ck_assert_int_eq (kata_registry__add (registry, &good, NULL), 0);
  ck_assert_int_eq (kata_registry__find (&entry, registry, "mine", NULL), 0);
  ck_assert_int_eq (kata_backend__probe (entry, &plan, &caps, NULL), 0);
  ck_assert (kata_capabilities__has (&caps, KATA_CAP_RUN));
  ck_assert_uint_eq (caps.have >> KATA_CAP_COUNT, 0);
  for (int i = 1; i < KATA_CAP_COUNT; i++)
    ck_assert_uint_gt (strnlen (caps.reason[i], sizeof caps.reason[i]), 0);
  /* Failed without a word: there is an error all the same. */
  ck_assert_int_eq (kata_vm__launch (&vm, entry, &plan, &env, &error), KATA_E_VMM);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "does not say why"));
  plan.id = "odd";
  ck_assert_int_eq (kata_vm__launch (&vm, entry, &plan, &env, NULL), KATA_E_INTERNAL);
  plan.id = "x";
  plan.dir = "relative";
  ck_assert_int_eq (kata_vm__launch (&vm, entry, &plan, &env, NULL), KATA_E_INVALID);
  plan.dir = "/";
  env.deadline_us = kata_deadline__now () - 1;
  ck_assert_int_eq (kata_vm__launch (&vm, entry, &plan, &env, NULL), KATA_E_TIMEOUT);
  env.deadline_us = INT64_MAX;
  env.record = NULL;
  ck_assert_int_eq (kata_vm__launch (&vm, entry, &plan, &env, NULL), KATA_E_INVALID);
  env.record = no_record;
  plan.id = "noisy";
  kata_error_unrefp (&error);
  ck_assert_int_eq (kata_vm__launch (&vm, entry, &plan, &env, &error), 0);
  ck_assert_ptr_null (error);
  /* Verbs it does not have. */
  ck_assert_int_eq (kata_vm__save (vm, &json, NULL), KATA_E_UNSUPPORTED);
  ck_assert_int_eq (kata_vm__exit_fd (vm), -1);
  ck_assert_uint_eq (kata_vm__pids (vm, pids, 2), 0);
  /* States. */
  ck_assert_int_eq (kata_vm__connect (vm, &stream, &env, NULL), KATA_E_AGENT);
  ck_assert_int_eq (kata_vm__resume (vm, &env, NULL), KATA_E_STATE);
  ck_assert_int_eq (kata_vm__pause (vm, &env, NULL), 0);
  ck_assert_int_eq (kata_vm__pause (vm, &env, NULL), KATA_E_STATE);
  ck_assert_int_eq (kata_vm__stop (vm, -5, &env, NULL), 0);
  ck_assert_int_eq (kata_vm__stop (vm, 0, &env, NULL), 0);
  ck_assert_int_eq (kata_vm__resume (vm, &env, NULL), KATA_E_STATE);
  kata_vm__free (vm);
  kata_registry__free (registry);
}
END_TEST

static int
m_open (void **runtime_data, kata_error **err)
{
  return KATA_E_HOST; /* and no error object */
}

static int
n_open (void **runtime_data, kata_error **err)
{
  kata_error__set (err, KATA_E_HOST, NULL, "an error, but it is no failure");
  return 1;
}

static int
n_translate (const kata_vm_plan *plan, char **json, kata_error **err)
{
  return 0;
}

static int
n_save (void *vm, char **json, kata_error **err)
{
  return 0;
}

/* Opening it, and texts that it does not give. */
START_TEST (mute)
{
  kata_registry *registry;
  const kata_backend_entry *entry = NULL;
  kata_vm *vm = NULL;
  char *json = NULL;
  kata_vm_plan plan = { .size = sizeof plan, .id = "x", .dir = "/" };
  kata_backend_env env = { .size = sizeof env, .deadline_us = INT64_MAX, .record = no_record };
  kata_backend b = good;
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_registry__new (&registry, NULL), 0);
  b.name = "mute";
  b.open = m_open;
  ck_assert_int_eq (kata_registry__add (registry, &b, NULL), 0);
  ck_assert_int_eq (kata_registry__find (&entry, registry, "mute", &error), KATA_E_HOST);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "hypervisor mute: open failed"));
  error = kata_error_unref (error);
  b.name = "noisy";
  b.open = n_open;
  b.translate = n_translate;
  b.save = n_save;
  ck_assert_int_eq (kata_registry__add (registry, &b, NULL), 0);
  ck_assert_int_eq (kata_registry__find (&entry, registry, "noisy", &error), 0);
  ck_assert_ptr_nonnull (entry);
  ck_assert_ptr_null (error);
  ck_assert_int_eq (kata_backend__translate (entry, &plan, &json, NULL), KATA_E_INTERNAL);
  ck_assert_int_eq (kata_vm__launch (&vm, entry, &plan, &env, NULL), 0);
  ck_assert_int_eq (kata_vm__save (vm, &json, &error), KATA_E_INTERNAL);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "no text"));
  kata_vm__free (vm);
  kata_registry__free (registry);
}
END_TEST

START_TEST (names)
{
  for (int i = 0; i < KATA_CAP_COUNT; i++)
    ck_assert_int_eq (kata_capability__from_name (kata_capability_name (i)), i);
  ck_assert_str_eq (kata_capability_name (-1), "unknown");
  ck_assert_str_eq (kata_capability_name (KATA_CAP_COUNT), "unknown");
  ck_assert_int_eq (kata_capability__from_name ("unknown"), -1);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("registry");
  Suite *suite = suite_create ("backend/registry");
  tcase_add_test (tc, registration);
  tcase_add_test (tc, contract);
  tcase_add_test (tc, mute);
  tcase_add_test (tc, names);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
