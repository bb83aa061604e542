/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-vhost-user: plans of devices whose other ends are vhost-user servers: what they ask of the machine, what has no effect, and who has none. */
#include <check.h>
#include <stdlib.h>

#include "base/error.h"
#include "setup.h"

static const kata_disk served = { sizeof served, "served", "/run/s", KATA_DISK_VHOST_USER };
static const kata_disk *const disks[] = { &served, NULL };

static bool
warned (const kata_plan *plan, const char *word)
{
  for (char **warning = plan->warnings; warning != NULL && *warning != NULL; warning++)
    if (strstr (*warning, word) != NULL)
      return true;
  return false;
}

static void
refused (struct setup *s, int code, const char *text)
{
  g_autoptr (kata_error) error = NULL;
  kata_plan *plan = NULL;
  int got = kata_plan__make (&plan, &s->in, &error);
  ck_assert_msg (got == code && strstr (kata_error_get_message (error), text) != NULL, "%d %s", got,
                 kata_error_get_message (error));
}

START_TEST (disk)
{
  struct setup s;
  kata_plan *plan = NULL;
  setup_init (
      &s, "[hypervisor.qemu]\nshared_fs = \"none\"\nblock_device_cache_set = true\ndisk_rate_limiter_ops_max_rate = 9\n"
          "vhost_user_reconnect_timeout_sec = 4\n");
  s.options.disks = disks;
  refused (&s, KATA_E_UNSUPPORTED, "disks: hypervisor qemu cannot connect a disk to a vhost-user server: ");
  kata_capabilities__grant (&s.caps, KATA_CAP_VHOST_USER);
  ck_assert_int_eq (kata_plan__make (&plan, &s.in, NULL), 0);
  ck_assert_uint_eq (plan->vm.memory_shared, 1);
  ck_assert_uint_eq (plan->vm.vhost_user_reconnect, 4);
  ck_assert_uint_eq (plan->vm.disks[0]->vhost_user, 1);
  ck_assert_str_eq (plan->vhost_store, "");
  ck_assert (warned (plan, "block_device_cache_set: has no effect on disk \"served\""));
  ck_assert (warned (plan, "disk_rate_limiter_ops_max_rate: has no effect"));
  ck_assert (!warned (plan, "disk_rate_limiter_bw_max_rate: has no"));
  kata_plan__unref (plan);
  setup_clear (&s);
}
END_TEST

START_TEST (store)
{
  struct setup s;
  kata_plan *plan = NULL;
  setup_init (
      &s,
      "[hypervisor.qemu]\nshared_fs = \"none\"\nenable_vhost_user_store = true\nvhost_user_store_path = \"/run/v\"\n");
  ck_assert_int_eq (kata_plan__make (&plan, &s.in, NULL), 0);
  ck_assert_uint_eq (plan->vm.memory_shared, 0);
  ck_assert_str_eq (plan->vhost_store, "");
  kata_plan__unref (plan);
  kata_capabilities__grant (&s.caps, KATA_CAP_VHOST_USER);
  ck_assert_int_eq (kata_plan__make (&plan, &s.in, NULL), 0);
  ck_assert_uint_eq (plan->vm.memory_shared, 1);
  ck_assert_str_eq (plan->vhost_store, "/run/v");
  kata_plan__unref (plan);
  setup_clear (&s);
}
END_TEST

START_TEST (network)
{
  struct setup s;
  kata_plan *plan = NULL;
  setup_init (&s, "[hypervisor.qemu]\nrx_rate_limiter_max_rate = 9000\n");
  s.options.network = "dan:/run/dans/s.json";
  refused (&s, KATA_E_UNSUPPORTED, "network: hypervisor qemu cannot connect a network device");
  kata_capabilities__grant (&s.caps, KATA_CAP_VHOST_USER);
  ck_assert_int_eq (kata_plan__make (&plan, &s.in, NULL), 0);
  ck_assert_int_eq (plan->network.mode, KATA_NETWORK_DAN);
  ck_assert_str_eq (plan->network.path, "/run/dans/s.json");
  ck_assert_str_eq (plan->vm.netns, "");
  ck_assert_uint_eq (plan->vm.memory_shared, 1);
  ck_assert_uint_eq (plan->vm.nic_ports, 0);
  ck_assert (warned (plan, "rx_rate_limiter_max_rate: has no effect on devices"));
  g_autofree char *json = kata_plan__to_json (plan);
  ck_assert_ptr_nonnull (strstr (json, "\"mode\": \"dan\""));
  ck_assert_ptr_nonnull (strstr (json, "\"file\": \"/run/dans/s.json\""));
  kata_plan__unref (plan);
  static const char *const wrong[] = { "dan:", "dan:x", "dan:/a/../b", "dan:/a\nb" };
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    s.options.network = wrong[i];
    refused (&s, KATA_E_INVALID, "network: ");
  }
  setup_clear (&s);
}
END_TEST

/* It hides its memory from the host, and so from a server. */
START_TEST (confidential)
{
  struct setup s;
  setup_init (&s, "[hypervisor.qemu]\nconfidential_guest = true\nmachine_type = \"q35\"\nfirmware = \"/f\"\nshared_fs "
                  "= \"none\"\n");
  s.options.disks = disks;
  kata_capabilities__grant (&s.caps, KATA_CAP_VHOST_USER);
  kata_capabilities__grant (&s.caps, KATA_CAP_CONFIDENTIAL);
  kata_capabilities__grant (&s.caps, KATA_CAP_KVM);
  refused (&s, KATA_E_UNSUPPORTED, "confidential guest keeps from it");
  setup_clear (&s);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("plan/vhost-user");
  TCase *tc = tcase_create ("plan");
  tcase_add_test (tc, disk);
  tcase_add_test (tc, store);
  tcase_add_test (tc, network);
  tcase_add_test (tc, confidential);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
