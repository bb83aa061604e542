/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-resize-faults: a fake Cloud Hypervisor that refuses a size, says nonsense of it, hangs or dies over it, and a guest that does not follow. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

#define ROOM       "default_vcpus = 1\ndefault_memory = 256\ndefault_maxvcpus = 4\ndefault_maxmemory = 1600\n"
#define VIRTIO_MEM ROOM "enable_virtio_mem = true\n"
#define SHORT_MS   700
#define SLACK_MS   20000

static void
sized (kata_sandbox *sandbox, uint32_t vcpus, uint64_t memory_mib)
{
  kata_sandbox_size now = KATA_SANDBOX_SIZE_INIT;
  kata_error *error = NULL;
  ck_ok (kata_sandbox_resize (sandbox, &now, LIFE_MS, &error), error);
  ck_assert_msg (now.vcpus == vcpus && now.memory_mib == memory_mib, "%u vCPUs, %" G_GUINT64_FORMAT " MiB", now.vcpus,
                 now.memory_mib);
}

/* ---- the VMM ---- */

static const struct {
  const char *action, *how, *part;
  int code;
} faults[] = {
  { "vm.resize", "refuse", "refuses vm.resize (500): it is said so: in two parts", KATA_E_VMM },
  { "vm.resize", "hang-up", "closed the connection", KATA_E_VMM },
  { "vm.resize", "junk", "does not speak HTTP/1", KATA_E_PROTOCOL },
  { "vm.resize", "deep", "refuses vm.resize", KATA_E_VMM },
  { "vm.resize", "long", "head of an answer above 8 KiB", KATA_E_PROTOCOL },
  { "vm.resize", "die", "exit status 3", KATA_E_VMM },
  { "vm.resize", "hang", "no answer in time", KATA_E_TIMEOUT },
  { "vm.info", "refuse", "it is said so: in two parts", KATA_E_VMM },
  { "vm.info", "junk", "does not speak HTTP/1", KATA_E_PROTOCOL },
  { "vm.info", "die", "exit status 3", KATA_E_VMM },
  { "vm.info", "hang", "no answer in time", KATA_E_TIMEOUT },
  { "size", "none", "vm.info: no size of a machine", KATA_E_PROTOCOL },
  { "size", "text", "$.config.cpus.boot_vcpus", KATA_E_PROTOCOL },
  { "size", "negative", "$.config.cpus.boot_vcpus", KATA_E_PROTOCOL },
  { "size", "small", "1048576 bytes", KATA_E_PROTOCOL },
  { "size", "huge", "18446744073709551615 bytes", KATA_E_PROTOCOL },
  { "size", "float", "no size of a machine", KATA_E_PROTOCOL },
};

START_TEST (vmm_fails)
{
  const char *how = faults[_i].how;
  bool memory = _i % 2 == 1, hangs = strcmp (how, "hang") == 0;
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (ROOM, faults[_i].action, how);
  int64_t begin = g_get_monotonic_time ();
  int r = fixture_resize (sandbox, memory ? 0 : 3, memory ? 512 : 0, hangs ? SHORT_MS : LIFE_MS, &error);
  ck_assert_int_le ((int) ((g_get_monotonic_time () - begin) / 1000), SHORT_MS + SLACK_MS);
  printf ("%s, %s: %s: %s\n", faults[_i].action, how, kata_error_code_name (r), kata_error_get_message (error));
  ck_assert_int_eq (r, faults[_i].code);
  ck_assert_msg (strstr (kata_error_get_message (error), faults[_i].part) != NULL, "%s",
                 kata_error_get_message (error));
  kata_error_unref (error);
  if (strcmp (how, "die") != 0 && !hangs)
    sized (sandbox, 1, 256);
  fixture_end (sandbox);
}
END_TEST

/* ---- the guest ---- */

static void
times_out (kata_sandbox *sandbox, uint32_t vcpus, uint64_t memory_mib, int64_t timeout_ms, const char *part)
{
  kata_error *error = NULL;
  ck_assert_int_eq (fixture_resize (sandbox, vcpus, memory_mib, timeout_ms, &error), KATA_E_TIMEOUT);
  printf ("%s\n", kata_error_get_message (error));
  ck_assert_msg (strstr (kata_error_get_message (error), part) != NULL, "%s", kata_error_get_message (error));
  kata_error_unref (error);
}

/* inspect's words for what was asked for in vain; NULL = nothing is. */
static void
asked (kata_sandbox *sandbox, const char *text)
{
  char *json = NULL;
  ck_assert_int_eq (kata_sandbox_inspect (&json, sandbox, NULL), 0);
  ck_assert_msg (strstr (json, text != NULL ? text : "\"asked_") != NULL ? text != NULL : text == NULL, "%s", json);
  kata_free (json);
}

/* As long as they may go yet, no number but that is one to count on: neither the old one nor another. */
START_TEST (vcpus_stay)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (ROOM, "unplug", _i == 0 ? "hang" : "ignored");
  const char *part = _i == 0 ? "no other number can be set until it has" : "a fault of this build";
  ck_ok (fixture_resize (sandbox, 4, 0, LIFE_MS, &error), error);
  asked (sandbox, NULL);
  times_out (sandbox, 2, 0, SHORT_MS, part);
  asked (sandbox, "\"asked_vcpus\":2");
  sized (sandbox, 4, 256);
  for (uint32_t vcpus = 2; vcpus <= 4; vcpus++)
    times_out (sandbox, vcpus, 0, SHORT_MS, part);
  sized (sandbox, 4, 256);
  fixture_end (sandbox);
}
END_TEST

/* They go after the call has given up: whoever asks then hears so, and the old number means that others come. */
START_TEST (vcpus_go_late)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (ROOM, "unplug", "late");
  ck_ok (fixture_resize (sandbox, 4, 0, LIFE_MS, &error), error);
  times_out (sandbox, 2, 0, SHORT_MS, "let go of all vCPUs but 2");
  if (_i == 0) {
    ck_ok (fixture_resize (sandbox, 4, 0, LIFE_MS, &error), error);
    sized (sandbox, 4, 256);
  } else {
    g_usleep (3500 * 1000);
    asked (sandbox, "\"vcpus\":4,");
    sized (sandbox, 2, 256); /* the guest notices when the VMM is asked */
    sized (sandbox, 2, 256);
  }
  asked (sandbox, NULL);
  fixture_end (sandbox);
}
END_TEST

/* Those of the start can go as well, but for the last. */
START_TEST (vcpus_go)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running ("default_vcpus = 3\ndefault_maxvcpus = 4\n", "nothing", "hang");
  ck_ok (fixture_resize (sandbox, 1, 0, LIFE_MS, &error), error);
  ck_ok (fixture_resize (sandbox, 4, 0, LIFE_MS, &error), error);
  ck_ok (fixture_resize (sandbox, 2, 0, LIFE_MS, &error), error);
  fixture_end (sandbox);
}
END_TEST

START_TEST (memory_goes)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (VIRTIO_MEM, "nothing", "hang");
  for (uint64_t i = 1; i <= 10; i++) { /* no slots are counted */
    ck_ok (fixture_resize (sandbox, 0, 256 + i * 128 - 1, LIFE_MS, &error), error);
    sized (sandbox, 1, 256 + i * 128);
  }
  ck_ok (fixture_resize (sandbox, 2, 400, LIFE_MS, &error), error);
  sized (sandbox, 2, 512);
  ck_ok (fixture_resize (sandbox, 0, 512, LIFE_MS, &error), error); /* the VMM refuses to hear it again */
  ck_ok (fixture_resize (sandbox, 0, 256, LIFE_MS, &error), error);
  sized (sandbox, 2, 256);
  fixture_end (sandbox);
}
END_TEST

START_TEST (memory_is_not_taken)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (VIRTIO_MEM, "plug", "hang");
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq (fixture_resize (sandbox, 0, 512, SHORT_MS, &error), KATA_E_TIMEOUT);
    ck_assert_msg (strstr (kata_error_get_message (error), "took 0 of 256 MiB") != NULL, "%s",
                   kata_error_get_message (error));
    kata_error_unrefp (&error);
  }
  sized (sandbox, 1, 256);
  ck_ok (fixture_resize (sandbox, 0, 256, LIFE_MS, &error), error);
  fixture_end (sandbox);
}
END_TEST

START_TEST (memory_is_not_given_back)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (VIRTIO_MEM, "unplug-memory", "hang");
  ck_ok (fixture_resize (sandbox, 0, 768, LIFE_MS, &error), error);
  times_out (sandbox, 0, 256, LIFE_MS, "gave back 0 of 512 MiB"); /* after ten seconds without any */
  asked (sandbox, "\"asked_memory_mib\":256");
  sized (sandbox, 1, 768);
  ck_ok (fixture_resize (sandbox, 0, 768, LIFE_MS, &error), error); /* it need not be given back any more */
  asked (sandbox, NULL);
  fixture_end (sandbox);
}
END_TEST

/* For longer than ten seconds, but it goes on. */
START_TEST (memory_goes_slowly)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (VIRTIO_MEM, "unplug-memory", "slow");
  ck_ok (fixture_resize (sandbox, 0, 768, LIFE_MS, &error), error);
  int64_t begin = g_get_monotonic_time ();
  ck_ok (fixture_resize (sandbox, 0, 256, LIFE_MS, &error), error);
  ck_assert_int_gt ((int) ((g_get_monotonic_time () - begin) / 1000), 11000);
  sized (sandbox, 1, 256);
  asked (sandbox, NULL);
  fixture_end (sandbox);
}
END_TEST

START_TEST (memory_goes_in_part)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (VIRTIO_MEM, "unplug-memory", "part"); /* 640 of 1280 MiB */
  ck_ok (fixture_resize (sandbox, 0, 1536, LIFE_MS, &error), error);
  times_out (sandbox, 0, 256, SHORT_MS, "gave back 640 of 1280 MiB");
  sized (sandbox, 1, 896);
  asked (sandbox, "\"asked_memory_mib\":256");
  fixture_end (sandbox);
}
END_TEST

START_TEST (memory_goes_late)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (VIRTIO_MEM, "unplug-memory", "late");
  ck_ok (fixture_resize (sandbox, 0, 768, LIFE_MS, &error), error);
  times_out (sandbox, 0, 256, SHORT_MS, "gave back 0 of 512 MiB");
  sized (sandbox, 1, 768);
  g_usleep (3500 * 1000);
  sized (sandbox, 1, 768); /* the guest goes on when the VMM is asked */
  sized (sandbox, 1, 256);
  asked (sandbox, NULL);
  fixture_end (sandbox);
}
END_TEST

START_TEST (slots_run_out)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = fixture_running (ROOM, "nothing", "hang");
  for (uint64_t i = 1; i <= 8; i++)
    ck_ok (fixture_resize (sandbox, 0, 256 + i * 128, LIFE_MS, &error), error);
  ck_assert_int_eq (fixture_resize (sandbox, 0, 1408, LIFE_MS, &error), KATA_E_LIMIT);
  ck_assert_str_eq (kata_error_get_key (error), "hypervisor.clh.enable_virtio_mem");
  ck_assert_msg (strstr (kata_error_get_message (error), "No ACPI slot") != NULL, "%s", kata_error_get_message (error));
  kata_error_unref (error);
  sized (sandbox, 1, 1280);
  fixture_end (sandbox);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "resize-faults", 180, fixture_setup, fixture_teardown);
  tcase_add_loop_test (tcase, vmm_fails, 0, (int) G_N_ELEMENTS (faults));
  tcase_add_loop_test (tcase, vcpus_stay, 0, 2);
  tcase_add_loop_test (tcase, vcpus_go_late, 0, 2);
  tcase_add_test (tcase, vcpus_go);
  tcase_add_test (tcase, memory_goes);
  tcase_add_test (tcase, memory_is_not_taken);
  tcase_add_test (tcase, memory_is_not_given_back);
  tcase_add_test (tcase, memory_goes_slowly);
  tcase_add_test (tcase, memory_goes_in_part);
  tcase_add_test (tcase, memory_goes_late);
  tcase_add_test (tcase, slots_run_out);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
