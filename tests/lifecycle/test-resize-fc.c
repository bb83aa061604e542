/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-resize-fc: memory of a fake Firecracker that comes and goes by virtio-mem, refusals and lies of it, and a guest that does not follow. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fixture.h"

#define ROOM     "default_vcpus = 2\ndefault_memory = 256\ndefault_maxvcpus = 4\ndefault_maxmemory = 1000\n"
#define SHORT_MS 700
#define SLACK_MS 20000

static void
sized (kata_sandbox *sandbox, uint64_t memory_mib)
{
  kata_sandbox_size now = KATA_SANDBOX_SIZE_INIT;
  kata_error *error = NULL;
  ck_ok (kata_sandbox_resize (sandbox, &now, LIFE_MS, &error), error);
  ck_assert_msg (now.vcpus == 2 && now.max_vcpus == 2 && now.memory_mib == memory_mib && now.max_memory_mib == 896,
                 "%u of %u vCPUs, %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " MiB", now.vcpus, now.max_vcpus,
                 now.memory_mib, now.max_memory_mib);
}

static void
refused (kata_sandbox *sandbox, uint32_t vcpus, uint64_t memory_mib, int64_t timeout_ms, int code, const char *part)
{
  kata_error *error = NULL;
  int r = fixture_resize (sandbox, vcpus, memory_mib, timeout_ms, &error);
  printf ("%s: %s\n", kata_error_code_name (r), kata_error_get_message (error));
  ck_assert_int_eq (r, code);
  ck_assert_msg (strstr (kata_error_get_message (error), part) != NULL, "%s", kata_error_get_message (error));
  kata_error_unref (error);
}

START_TEST (comes_and_goes)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (ROOM, "nothing", "hang"), *seen = NULL;
  kata_runtime *other = life_runtime (life);
  sized (sandbox, 256);
  ck_ok (fixture_resize (sandbox, 0, 300, LIFE_MS, &error), error);
  sized (sandbox, 384);
  ck_ok (kata_sandbox_open (&seen, other, "s", &error), error); /* as another process would */
  ck_ok (fixture_resize (seen, 2, 896, LIFE_MS, &error), error);
  sized (sandbox, 896);
  ck_ok (fixture_resize (sandbox, 0, 896, LIFE_MS, &error), error);
  ck_ok (fixture_resize (sandbox, 0, 512, LIFE_MS, &error), error);
  sized (seen, 512);
  ck_ok (fixture_resize (sandbox, 2, 256, LIFE_MS, &error), error);
  sized (sandbox, 256);
  refused (sandbox, 0, 897, LIFE_MS, KATA_E_LIMIT, "room for 896");
  refused (sandbox, 0, 255, LIFE_MS, KATA_E_INVALID, "started with 256");
  refused (sandbox, 3, 0, LIFE_MS, KATA_E_UNSUPPORTED, "Firecracker's guests keep the vCPUs");
  refused (sandbox, 1, 384, LIFE_MS, KATA_E_UNSUPPORTED, "Firecracker's guests keep the vCPUs");
  sized (sandbox, 256);
  kata_sandbox_unref (seen);
  kata_runtime_unref (other);
  fixture_end (sandbox);
}
END_TEST

static const struct {
  const char *action, *how, *part;
  int code;
} faults[] = {
  { "patch-memory", "refuse", "refuses PATCH /hotplug/memory (500): it is said so: in two parts", KATA_E_VMM },
  { "patch-memory", "hang-up", "closed the connection", KATA_E_VMM },
  { "patch-memory", "junk", "does not speak HTTP/1", KATA_E_PROTOCOL },
  { "patch-memory", "long", "head of an answer above 8 KiB", KATA_E_PROTOCOL },
  { "patch-memory", "die", "exit status 3", KATA_E_VMM },
  { "patch-memory", "hang", "no answer in time", KATA_E_TIMEOUT },
  { "get-memory", "refuse", "it is said so: in two parts", KATA_E_VMM },
  { "get-memory", "deep", "refuses /hotplug/memory (500)", KATA_E_VMM },
  { "get-memory", "die", "exit status 3", KATA_E_VMM },
  { "get-memory", "hang", "no answer in time", KATA_E_TIMEOUT },
  { "size", "none", "0 of 0 MiB", KATA_E_PROTOCOL },
  { "size", "array", "0 of 0 MiB", KATA_E_PROTOCOL },
  { "size", "text", "$.total_size_mib", KATA_E_PROTOCOL },
  { "size", "negative", "$.plugged_size_mib", KATA_E_PROTOCOL },
  { "size", "huge", "it was given room for 640", KATA_E_PROTOCOL },
  { "size", "more", "768 of 640 MiB", KATA_E_PROTOCOL },
  { "size", "other", "it was given room for 640", KATA_E_PROTOCOL },
  { "size", "float", "no size of memory", KATA_E_PROTOCOL },
};

START_TEST (vmm_fails)
{
  const char *how = faults[_i].how;
  bool hangs = strcmp (how, "hang") == 0;
  kata_sandbox *sandbox = fixture_running (ROOM, faults[_i].action, how);
  int64_t begin = g_get_monotonic_time ();
  printf ("%s, %s: ", faults[_i].action, how);
  refused (sandbox, 0, 512, hangs ? SHORT_MS : LIFE_MS, faults[_i].code, faults[_i].part);
  ck_assert_int_le ((int) ((g_get_monotonic_time () - begin) / 1000), SHORT_MS + SLACK_MS);
  if (strcmp (how, "die") != 0 && !hangs)
    sized (sandbox, 256);
  fixture_end (sandbox);
}
END_TEST

START_TEST (guest_takes_none)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (ROOM, "plug", "hang");
  for (int i = 0; i < 2; i++)
    refused (sandbox, 0, 512, SHORT_MS, KATA_E_TIMEOUT, "took 0 of 256 MiB");
  sized (sandbox, 256);
  ck_ok (fixture_resize (sandbox, 0, 256, LIFE_MS, &error), error);
  fixture_end (sandbox);
}
END_TEST

START_TEST (guest_keeps_some)
{
  kata_error *error = NULL;
  const char *how = _i == 0 ? "hang" : "part";
  kata_sandbox *sandbox = fixture_running (ROOM, "unplug", how);
  ck_ok (fixture_resize (sandbox, 0, 768, LIFE_MS, &error), error);
  refused (sandbox, 0, 256, SHORT_MS, KATA_E_TIMEOUT, _i == 0 ? "gave back 0 of 512 MiB" : "gave back 384 of 512 MiB");
  sized (sandbox, _i == 0 ? 768 : 384);
  ck_ok (fixture_resize (sandbox, 0, 896, LIFE_MS, &error), error); /* it need not be given back any more */
  sized (sandbox, 896);
  fixture_end (sandbox);
}
END_TEST

/* Longer than a guest that stands still is waited for. */
START_TEST (guest_is_slow)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (ROOM, "unplug", "slow");
  ck_ok (fixture_resize (sandbox, 0, 896, LIFE_MS, &error), error);
  ck_ok (fixture_resize (sandbox, 0, 256, 120000, &error), error);
  sized (sandbox, 256);
  fixture_end (sandbox);
}
END_TEST

/* What came before is in the snapshot, and goes on from there. */
START_TEST (snapshot)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (ROOM, "nothing", "hang"), *copy = NULL;
  g_autofree char *dir = g_build_filename (life->dir, "snapshot", NULL);
  ck_ok (fixture_resize (sandbox, 0, 640, LIFE_MS, &error), error);
  ck_assert_int_eq (mkdir (dir, 0700), 0);
  ck_ok (kata_sandbox_pause (sandbox, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_snapshot (sandbox, dir, LIFE_MS, &error), error);
  fixture_end (sandbox);
  ck_ok (kata_sandbox_restore (&copy, runtime, dir, NULL, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_resume (copy, LIFE_MS, &error), error);
  sized (copy, 640);
  ck_ok (fixture_resize (copy, 0, 256, LIFE_MS, &error), error);
  sized (copy, 256);
  fixture_end (copy);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "resize-fc", 180, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, comes_and_goes);
  tcase_add_loop_test (tcase, vmm_fails, 0, G_N_ELEMENTS (faults));
  tcase_add_test (tcase, guest_takes_none);
  tcase_add_loop_test (tcase, guest_keeps_some, 0, 2);
  tcase_add_test (tcase, guest_is_slow);
  tcase_add_test (tcase, snapshot);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
