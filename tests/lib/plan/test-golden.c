/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans as text, compared with tests/golden/plan/NAME.json. KATA_GOLDEN_UPDATE=1 writes the files anew; look at the difference. */
#include <check.h>
#include <stdlib.h>

#include "golden.h"
#include "setup.h"

static const char all_keys[] =
    "[hypervisor.qemu]\n"
    "path = \"/opt/qemu\"\nmachine_type = \"microvm\"\nmachine_accelerators = \"x=y\"\n"
    "cpu_features = \"pmu=off\"\ndefault_vcpus = 2.5\ndefault_memory = 512\n"
    "kernel_params = \"panic=9 extra\"\nenable_hugepages = true\nenable_mem_prealloc = true\n"
    "reclaim_guest_freed_memory = true\nvirtio_fs_cache = \"always\"\n"
    "virtio_fs_cache_size = 64\nvirtio_fs_extra_args = [\"--thread-pool-size=1\"]\n"
    "block_device_aio = \"native\"\nblock_device_cache_set = true\n"
    "block_device_cache_direct = true\nenable_debug = true\nguest_hook_path = \"/hooks\"\n"
    "num_queues = 4\nqueue_size = 128\ndisk_rate_limiter_ops_max_rate = 300\n"
    "[agent.kata]\nkernel_modules = [\"fuse\"]\nenable_debug = true\n"
    "debug_console_enabled = true\ndial_timeout = 7\ncontainer_pipe_size = 4096\n"
    "[runtime]\ndisable_guest_seccomp = false\ncreate_container_timeout = 9\n";

static const char disk_limits[] =
    "[hypervisor.builtin]\nnum_queues = 2\nqueue_size = 64\ndisk_rate_limiter_bw_max_rate = 80000001\n"
    "disk_rate_limiter_bw_one_time_burst = 7\ndisk_rate_limiter_ops_one_time_burst = 9\n";

static const struct {
  const char *name, *toml, *hypervisor;
  bool kvm, virtiofs, options;
  const char *network;
} cases[] = {
  { "defaults", "", "qemu", false, true, false },
  { "kvm-vsock", "", "qemu", true, true, false },
  { "no-virtiofsd", "", "qemu", false, false, false },
  { "all-keys", all_keys, "qemu", true, true, true },
  { "foreign-image", "[hypervisor.qemu]\nkernel = \"/k\"\nimage = \"/kata.img\"\nrootfs_type = \"erofs\"\n", "qemu",
    false, true, false },
  { "no-share", "[hypervisor.qemu]\nshared_fs = \"none\"\n", "qemu", false, true, true },
  { "null", "", "null", false, true, false },
  { "network",
    "[hypervisor.qemu]\ndefault_vcpus = 3\nnetwork_queues = 9\n[runtime]\ninternetworking_model = \"macvtap\"\n",
    "qemu", true, true, false, "/run/netns/pod" },
  { "network-user", "[hypervisor.qemu]\ndisable_vhost_net = true\n", "qemu", true, true, false, "user" },
  { "network-new", "", "builtin", true, true, false, "new" },
  { "disk-limits", disk_limits, "builtin", true, true, true },
  { "first-container", "", "builtin", true, true, true },
};

static kata_plan *
make_case (struct setup *s, size_t i)
{
  static const kata_disk disk = { sizeof disk, "data", "/srv/data.img", 0 };
  static const kata_disk *const disks[] = { &disk, NULL };
  static const struct kata_block blocks[] = { { .id = "kata-b-254-3", .node = "/dev/dm-3", .major = 254, .minor = 3 } };
  static const char *const dns[] = { "nameserver 192.0.2.1", NULL };
  kata_plan *plan = NULL;
  setup_init (s, cases[i].toml);
  s->in.hypervisor = cases[i].hypervisor;
  s->options.network = cases[i].network;
  if (cases[i].network != NULL) {
    kata_capabilities__grant (&s->caps, KATA_CAP_NET_STREAM);
    kata_capabilities__grant (&s->caps, KATA_CAP_NET_VHOST);
  }
  if (cases[i].kvm) {
    kata_capabilities__grant (&s->caps, KATA_CAP_KVM);
    kata_capabilities__grant (&s->caps, KATA_CAP_VSOCK_VHOST);
  }
  if (!cases[i].virtiofs) {
    s->caps.have &= ~(UINT64_C (1) << KATA_CAP_FS_SHARE_VIRTIOFS);
    kata_capabilities__lack (&s->caps, KATA_CAP_FS_SHARE_VIRTIOFS, "virtiofsd: not found; install it");
  }
  if (cases[i].options) {
    s->options.vcpus = 3;
    s->options.memory_mib = 300;
    s->options.hostname = "golden";
    s->options.disks = disks;
    s->options.dns = dns;
  }
  if (strcmp (cases[i].name, "first-container") == 0) {
    s->in.blocks = blocks;
    s->in.n_blocks = G_N_ELEMENTS (blocks);
  }
  ck_assert_int_eq (kata_plan__make (&plan, &s->in, NULL), 0);
  return plan;
}

START_TEST (sandbox)
{
  struct setup s;
  g_autoptr (kata_plan) plan = make_case (&s, (size_t) _i);
  g_autofree char *text = kata_plan__to_json (plan);
  g_autofree char *file = g_strdup_printf ("%s.json", cases[_i].name);
  golden_compare (file, text);
  setup_clear (&s);
}
END_TEST

START_TEST (container)
{
  static const char *const args[] = { "sh", "-c", "echo \"hi\"", NULL }, *const env[] = { "A=1", NULL };
  static const kata_volume data = { sizeof data, "/srv/data", "/data", 0 },
                           conf = { sizeof conf, "/srv/conf", "/conf", KATA_VOLUME_READONLY };
  static const kata_volume *const volumes[] = { &data, &conf, NULL };
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  g_autoptr (kata_oci_spec) spec = kata_oci_spec__default ("/srv/rootfs");
  g_autoptr (kata_container_plan) c = NULL;
  struct setup s;
  g_autoptr (kata_plan) plan = make_case (&s, 0);
  options.args = args;
  options.env = env;
  options.volumes = volumes;
  options.user = "1000:1000";
  options.memory_bytes = 64 << 20;
  options.cpu_milli = 500;
  options.pids = 64;
  options.flags = KATA_CONTAINER_TERMINAL | KATA_CONTAINER_READONLY;
  ck_assert_int_eq (kata_oci_spec__apply_options (spec, &options, NULL), 0);
  ck_assert_int_eq (kata_container_plan__make (&c, plan, spec, &options, NULL, "web", NULL), 0);
  g_autofree char *text = kata_container_plan__to_json (c);
  golden_compare ("container.json", text);
  setup_clear (&s);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("plan/golden");
  TCase *tcase = tcase_create ("golden");
  tcase_add_loop_test (tcase, sandbox, 0, G_N_ELEMENTS (cases));
  tcase_add_test (tcase, container);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
