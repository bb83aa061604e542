/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decisions about a sandbox: what falls back to what, and which error each impossible wish gets. */
#include <check.h>
#include <stdlib.h>

#include "setup.h"

static struct setup s;

static kata_plan *
made (void)
{
  kata_plan *plan = NULL;
  g_autoptr (kata_error) err = NULL;
  int rc = kata_plan__make (&plan, &s.in, &err);
  ck_assert_msg (rc == 0, "%s", err != NULL ? kata_error_get_message (err) : "");
  return plan;
}

static void
refused (int code, const char *key, const char *part)
{
  g_autoptr (kata_plan) plan = NULL;
  g_autoptr (kata_error) err = NULL;
  ck_assert_int_eq (kata_plan__make (&plan, &s.in, &err), code);
  ck_assert_ptr_null (plan);
  ck_assert_str_eq (kata_error_get_key (err), key);
  ck_assert_msg (strstr (kata_error_get_message (err), part) != NULL, "%s", kata_error_get_message (err));
}

START_TEST (defaults)
{
  setup_init (&s, "");
  g_autoptr (kata_plan) plan = made ();
  ck_assert_str_eq (plan->vm.dir, "/run/libkata/box");
  ck_assert_str_eq (plan->share_dir, "/run/libkata/box/shared");
  ck_assert_int_eq (plan->vm.share_kind, KATA_SHARE_VIRTIOFS);
  ck_assert_int_eq (plan->vm.agent_kind, KATA_AGENT_SERIAL);
  ck_assert_uint_eq (plan->vm.agent_serial_ports, 6);
  ck_assert_int_eq (plan->vm.accel, KATA_ACCEL_TCG);
  ck_assert_str_eq (plan->hostname, "box");
  ck_assert_ptr_null (plan->warnings);
  setup_clear (&s);
}
END_TEST

/* More than at the start comes later only where the configuration says how much and the hypervisor can. */
START_TEST (room)
{
  const uint64_t both = UINT64_C (1) << KATA_CAP_CPU_RESIZE | UINT64_C (1) << KATA_CAP_MEMORY_RESIZE;
  const struct {
    const char *toml;
    uint64_t caps;
    uint32_t vcpus;
    uint64_t mib;
  } rows[] = {
    { "", both, 1, 256 },
    { "[hypervisor.qemu]\ndefault_maxvcpus = 3\ndefault_maxmemory = 1000\n", both, 3, 896 },
    { "[hypervisor.qemu]\ndefault_maxvcpus = 3\ndefault_maxmemory = 1000\n", 0, 1, 256 },
    { "[hypervisor.qemu]\ndefault_maxvcpus = 3\n", both, 3, 256 },
    { "[hypervisor.qemu]\ndefault_maxmemory = 300\n", both, 1, 256 },
    { "[hypervisor.qemu]\ndefault_maxvcpus = 3\ndefault_maxmemory = 1000\n[runtime]\nstatic_sandbox_resource_mgmt = "
      "true\n",
      both, 1, 256 },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    setup_init (&s, rows[i].toml);
    s.caps.have |= rows[i].caps;
    g_autoptr (kata_plan) plan = made ();
    ck_assert_uint_eq (plan->vm.max_vcpus, rows[i].vcpus);
    ck_assert_uint_eq (plan->vm.max_memory_mib, rows[i].mib);
    ck_assert_uint_eq (plan->vm.memory_slots, 10);
    ck_assert ((strstr (plan->vm.cmdline, "memhp_default_state=online") != NULL) == (rows[i].mib > 256));
    setup_clear (&s);
  }
}
END_TEST

START_TEST (falls_back)
{
  setup_init (&s, "");
  s.caps.have &= ~(UINT64_C (1) << KATA_CAP_FS_SHARE_VIRTIOFS);
  kata_capabilities__lack (&s.caps, KATA_CAP_FS_SHARE_VIRTIOFS, "virtiofsd: not found");
  g_autoptr (kata_plan) p9 = made ();
  ck_assert_int_eq (p9->vm.share_kind, KATA_SHARE_9P);
  ck_assert (strstr (p9->warnings[0], "virtiofsd: not found") != NULL);
  s.in.guest.features &= ~(uint64_t) KATA_GUEST_9P;
  g_autoptr (kata_plan) none = made ();
  ck_assert_int_eq (none->vm.share_kind, KATA_SHARE_NONE);
  ck_assert_str_eq (none->share_dir, "");
  ck_assert (strstr (none->share_reason, "the guest's kernel has no 9p") != NULL);
  kata_capabilities__grant (&s.caps, KATA_CAP_KVM);
  kata_capabilities__grant (&s.caps, KATA_CAP_VSOCK_VHOST);
  g_autoptr (kata_plan) kvm = made ();
  ck_assert (kvm->vm.accel == KATA_ACCEL_KVM && kvm->vm.agent_kind == KATA_AGENT_VSOCK);
  s.caps.have &= ~((UINT64_C (1) << KATA_CAP_VSOCK_VHOST) | (UINT64_C (1) << KATA_CAP_AGENT_SERIAL));
  refused (KATA_E_UNSUPPORTED, "hypervisor", "no way to the guest's agent");
  setup_clear (&s);
}
END_TEST

static const struct {
  const char *toml;
  int code;
  const char *key, *part;
} wrong_configs[] = {
  { "[hypervisor.qemu]\naccel = \"kvm\"\n", KATA_E_UNSUPPORTED, "hypervisor.qemu.accel", "no vmx or svm" },
  { "[hypervisor.qemu]\nconfidential_guest = true\n", KATA_E_UNSUPPORTED, "hypervisor.qemu.confidential_guest",
    "cannot run one here" },
  { "[hypervisor.qemu]\nkernel = \"/a,b\"\n", KATA_E_CONFIG, "hypervisor.qemu.kernel", "comma" },
  { "[hypervisor.qemu]\nmachine_type = \"q35,x=y\"\n", KATA_E_CONFIG, "hypervisor.qemu.machine_type", "not allowed" },
  { "[hypervisor.qemu]\nblock_device_aio = \"native\"\n", KATA_E_CONFIG, "hypervisor.qemu.block_device_aio", "native" },
  { "[hypervisor.qemu]\nconfidential_guest = true\n", KATA_E_UNSUPPORTED, "hypervisor.qemu.confidential_guest",
    "here" },
  { "[hypervisor.qemu]\nsev_snp_guest = true\n", KATA_E_UNSUPPORTED, "hypervisor.qemu.sev_snp_guest", "but" },
  { "[hypervisor.qemu]\nfirmware_volume = \"/v\"\n", KATA_E_CONFIG, "hypervisor.qemu.firmware_volume", "without" },
  { "[hypervisor.qemu]\npflashes = [\"/a\", \"/b\", \"/c\"]\n", KATA_E_CONFIG, "hypervisor.qemu.pflashes", "3" },
  { "[hypervisor.qemu]\npflashes = [\"/a\"]\nfirmware = \"/f\"\n", KATA_E_CONFIG, "hypervisor.qemu.pflashes", "one" },
  { "[hypervisor.qemu]\npflashes = [\"../a\"]\n", KATA_E_CONFIG, "hypervisor.qemu.pflashes", "absolute" },
  { "[hypervisor.qemu]\nblock_device_logical_sector_size = 1000\n", KATA_E_CONFIG,
    "hypervisor.qemu.block_device_logical_sector_size", "power of two" },
  { "[hypervisor.qemu]\nblock_device_logical_sector_size = 4096\nblock_device_physical_sector_size = 512\n",
    KATA_E_CONFIG, "hypervisor.qemu.block_device_logical_sector_size", "more than" },
  { "[hypervisor.qemu]\ndefault_memory = 1048576\n", KATA_E_LIMIT, "hypervisor.qemu.default_memory", "host's memory" },
};

START_TEST (configs)
{
  setup_init (&s, wrong_configs[_i].toml);
  refused (wrong_configs[_i].code, wrong_configs[_i].key, wrong_configs[_i].part);
  setup_clear (&s);
}
END_TEST

#define OPTION(member, bad, code, key, part)                                                                           \
  do {                                                                                                                 \
    setup_init (&s, "");                                                                                               \
    s.options.member = bad;                                                                                            \
    refused (code, key, part);                                                                                         \
    setup_clear (&s);                                                                                                  \
  } while (0)

START_TEST (options)
{
  static const char *const dns[] = { "nameserver 1.1.1.1\nx", NULL };
  const kata_disk upper = { sizeof upper, "UP", "/d", 0 }, comma = { sizeof comma, "d", "/a,b", 0 },
                  twin = { sizeof twin, "d", "/d", 0 }, flag = { sizeof flag, "d", "/d", 4 },
                  image = { sizeof image, "kata-image", "/d", 0 };
  const kata_disk *const d1[] = { &upper, NULL }, *const d2[] = { &comma, NULL }, *const d3[] = { &twin, &twin, NULL },
                         *const d4[] = { &flag, NULL }, *const d5[] = { &image, NULL };
  OPTION (id, "..", KATA_E_INVALID, "id", "must start");
  OPTION (id, "a/b", KATA_E_INVALID, "id", "none of");
  OPTION (id, "a\nb", KATA_E_INVALID, "id", "none of");
  OPTION (id, NULL, KATA_E_INVALID, "id", "empty");
  OPTION (vcpus, 5, KATA_E_LIMIT, "vcpus", "4 are the most");
  OPTION (memory_mib, 16, KATA_E_INVALID, "memory_mib", "too little");
  OPTION (memory_mib, 8193, KATA_E_LIMIT, "memory_mib", "8192 are the most");
  OPTION (hostname, "a b", KATA_E_INVALID, "hostname", "hostname");
  OPTION (hostname, "-rf", KATA_E_INVALID, "hostname", "hostname");
  OPTION (dns, dns, KATA_E_INVALID, "dns", "control");
  OPTION (disks, d1, KATA_E_INVALID, "disks", "none of a-z");
  OPTION (disks, d2, KATA_E_INVALID, "disks", "comma");
  OPTION (disks, d3, KATA_E_INVALID, "disks", "twice");
  OPTION (disks, d4, KATA_E_INVALID, "disks", "unknown bits");
  OPTION (disks, d5, KATA_E_INVALID, "disks", "root image");
  OPTION (network, "host", KATA_E_INVALID, "network", "neither none");
  OPTION (network, "/run/../x", KATA_E_INVALID, "network", "neither none");
  OPTION (network, "user", KATA_E_UNSUPPORTED, "network", "user space");
  OPTION (flags, 1, KATA_E_INVALID, "flags", "unknown bits");
}
END_TEST

START_TEST (lacking)
{
  setup_init (&s, "");
  s.in.guest.initrd = NULL;
  refused (KATA_E_GUEST, "hypervisor.qemu.initrd", "no guest image");
  s.in.guest.kernel = NULL;
  refused (KATA_E_GUEST, "hypervisor.qemu.kernel", "no guest kernel");
  s.in.state_dir = "relative";
  refused (KATA_E_INVALID, "state_dir", "absolute");
  s.in.state_dir = "/run/libkata";
  kata_capabilities__init (&s.caps);
  kata_capabilities__lack (&s.caps, KATA_CAP_RUN, "qemu-system-x86_64: not found");
  refused (KATA_E_UNSUPPORTED, "hypervisor", "not found");
  setup_clear (&s);
}
END_TEST

START_TEST (cmdline)
{
  setup_init (&s, "[hypervisor.qemu]\nkernel_params = \"panic=5 foo  console=hvc0 foo=1\"\n"
                  "[agent.kata]\nenable_debug = true\n");
  g_autoptr (kata_plan) plan = made ();
  ck_assert_ptr_null (strstr (plan->vm.cmdline, "panic=-1"));
  ck_assert_ptr_nonnull (strstr (plan->vm.cmdline, " panic=5"));
  ck_assert_ptr_nonnull (strstr (plan->vm.cmdline, "agent.log=debug"));
  ck_assert_ptr_null (strstr (plan->vm.cmdline, "cgroup_no_v1"));
  setup_clear (&s);
  /* Some names may be there many times, and what is between quotation marks are no names: only ours are replaced. */
  setup_init (&s, "[hypervisor.qemu]\nkernel_params = 'systemd.mask=a panic=1 systemd.mask=b panic=2 "
                  "dyndbg=\"module a +p; module b +p; module c +p\"'\n");
  g_autoptr (kata_plan) many_times = made ();
  ck_assert_msg (g_str_has_suffix (many_times->vm.cmdline, " systemd.mask=a panic=1 systemd.mask=b panic=2 "
                                                           "dyndbg=\"module a +p; module b +p; module c +p\""),
                 "%s", many_times->vm.cmdline);
  ck_assert_ptr_null (strstr (many_times->vm.cmdline, "panic=-1"));
  setup_clear (&s);
  g_autofree char *many = g_strnfill (1990, 'a');
  g_autofree char *toml = g_strdup_printf ("[hypervisor.qemu]\nkernel_params = \"%s\"\n", many);
  setup_init (&s, toml);
  refused (KATA_E_LIMIT, "hypervisor.qemu.kernel_params", "longer");
  setup_clear (&s);
  setup_init (&s, "[hypervisor.qemu]\ninitrd = \"/their/initrd\"\n");
  g_autoptr (kata_plan) foreign = made ();
  ck_assert_ptr_nonnull (strstr (foreign->vm.cmdline, "cgroup_no_v1=all"));
  ck_assert_uint_eq (foreign->guest_features & KATA_GUEST_BY_KATA, 0);
  ck_assert_ptr_nonnull (strstr (foreign->warnings[0], "no manifest"));
  setup_clear (&s);
}
END_TEST

START_TEST (null_backend)
{
  setup_init (&s, "[hypervisor.null]\nfail_at = 3\n");
  s.in.hypervisor = "null";
  memset (&s.in.guest, 0, sizeof s.in.guest);
  g_autoptr (kata_plan) plan = made ();
  ck_assert (plan->vm.agent_kind == KATA_AGENT_NULL && plan->vm.null_fail_at == 3);
  ck_assert_int_eq (plan->vm.share_kind, KATA_SHARE_VIRTIOFS);
  setup_clear (&s);
}
END_TEST

START_TEST (probe)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  kata_vm_plan vm = { .size = sizeof vm };
  struct kata_guest_facts none = { 0 };
  setup_init (&s, "[hypervisor.qemu]\npath = \"/opt/q\"\naccel = \"tcg\"\n");
  g_autoptr (kata_error) err = NULL;
  ck_assert_int_eq (kata_plan__probe (&vm, arena, s.config, "qemu", &none, &err), 0);
  ck_assert_ptr_null (err);
  ck_assert_str_eq (vm.hypervisor_path, "/opt/q");
  ck_assert_int_eq (vm.accel, KATA_ACCEL_TCG);
  ck_assert_str_eq (vm.kernel, "");
  setup_clear (&s);
}
END_TEST

START_TEST (architectures)
{
  setup_init (&s, "[hypervisor.qemu]\npath = \"/usr/bin/qemu-system-aarch64\"\nmachine_type = \"virt\"\n");
  g_autoptr (kata_plan) by_program = made ();
  ck_assert_str_eq (by_program->vm.arch, "aarch64");
  ck_assert_ptr_null (strstr (by_program->vm.cmdline, "tsc=reliable"));
  s.in.guest.arch = "x86_64";
  refused (KATA_E_CONFIG, "hypervisor.qemu.kernel", "for x86_64");
  s.in.guest.arch = "aarch64";
  g_autoptr (kata_plan) both = made ();
  ck_assert_str_eq (both->vm.arch, "aarch64");
  setup_clear (&s);
  setup_init (&s, "[hypervisor.qemu]\npath = \"/opt/kata/bin/qemu-system-x86_64-snp-experimental\"\n");
  g_autoptr (kata_plan) by_variant = made ();
  ck_assert_str_eq (by_variant->vm.arch, "x86_64");
  setup_clear (&s);
  setup_init (&s, "[hypervisor.qemu]\npath = \"/usr/bin/qemu-system-ppc64\"\n");
  g_autoptr (kata_plan) power = made ();
  ck_assert_str_eq (power->vm.arch, "ppc64le");
  s.in.guest.arch = "x86_64";
  refused (KATA_E_CONFIG, "hypervisor.qemu.kernel", "a program for ppc64le; set path to qemu-system-x86_64,");
  setup_clear (&s);
  setup_init (&s, "[hypervisor.qemu]\npath = \"/usr/bin/qemu-system-x86_64\"\n");
  s.in.guest.arch = "ppc64le";
  refused (KATA_E_CONFIG, "hypervisor.qemu.kernel", "a program for x86_64; set path to qemu-system-ppc64,");
  setup_clear (&s);
  setup_init (&s, "");
  s.in.guest.arch = "aarch64";
  g_autoptr (kata_plan) by_image = made ();
  ck_assert_str_eq (by_image->vm.arch, "aarch64");
  s.in.hypervisor = "clh";
  refused (KATA_E_UNSUPPORTED, "hypervisor.clh.kernel", "use qemu");
  s.in.hypervisor = "null";
  g_autoptr (kata_plan) null = made ();
  ck_assert_str_eq (null->hypervisor, "null");
  setup_clear (&s);
}
END_TEST

START_TEST (qemu_keys)
{
  static const char keys[] = "firmware = \"/fw/code\"\nfirmware_volume = \"/fw/vars\"\nenable_iommu = true\n"
                             "enable_iommu_platform = true\nenable_iothreads = true\nblock_device_cache_set = true\n"
                             "block_device_cache_noflush = true\ndisable_nested_virtualization = true\n"
                             "block_device_logical_sector_size = 512\nblock_device_physical_sector_size = 4096\n";
  g_autofree char *qemu = g_strconcat ("[hypervisor.qemu]\n", keys, NULL);
  setup_init (&s, qemu);
  g_autoptr (kata_plan) plan = made ();
  const kata_vm_plan *vm = &plan->vm;
  ck_assert (vm->iommu && vm->iommu_platform && vm->io_threads && vm->no_nesting && vm->block_no_flush);
  ck_assert_uint_eq (vm->block_physical_size, 4096);
  ck_assert_str_eq (vm->firmware_volume, "/fw/vars");
  setup_clear (&s);
}
END_TEST

static int32_t
image_driver (const char *keys, uint64_t size, bool partitioned, const char *warning)
{
  g_autofree char *toml = g_strconcat ("[hypervisor.qemu]\nimage = \"/g/root.img\"\n", keys, NULL);
  setup_init (&s, toml);
  s.in.image.size = size;
  s.in.image.partitioned = partitioned;
  g_autoptr (kata_plan) plan = made ();
  ck_assert_uint_eq (plan->vm.image_partition, partitioned);
  ck_assert_uint_eq (plan->vm.image_size, size);
  g_autofree char *all = g_strjoinv ("\n", plan->warnings);
  ck_assert_msg (warning == NULL ? strstr (all, "image is attached") == NULL : strstr (all, warning) != NULL, "%s",
                 all);
  setup_clear (&s);
  return plan->vm.image_driver;
}

START_TEST (image_drivers)
{
  const uint64_t size = UINT64_C (256) << 20;
  ck_assert_int_eq (image_driver ("", size, true, NULL), KATA_IMAGE_NVDIMM);
  ck_assert_int_eq (image_driver ("disable_image_nvdimm = true\n", size, true, NULL), KATA_IMAGE_BLK);
  ck_assert_int_eq (image_driver ("vm_rootfs_driver = \"virtio-pmem\"\n", size, false, NULL), KATA_IMAGE_PMEM);
  ck_assert_int_eq (image_driver ("vm_rootfs_driver = \"nvdimm\"\ndisable_image_nvdimm = true\n", size, false, NULL),
                    KATA_IMAGE_NVDIMM);
  ck_assert_int_eq (image_driver ("vm_rootfs_driver = \"virtio-blk-pci\"\n", size, true, NULL), KATA_IMAGE_BLK);
  ck_assert_int_eq (image_driver ("", size + 512, true, NULL), KATA_IMAGE_BLK);
  ck_assert_int_eq (image_driver ("", 0, false, NULL), KATA_IMAGE_BLK);
  ck_assert_int_eq (image_driver ("machine_type = \"microvm\"\n", size, true, NULL), KATA_IMAGE_BLK);
  ck_assert_int_eq (image_driver ("vm_rootfs_driver = \"virtio-pmem\"\n", size + 512, false, "multiple of 2 MiB"),
                    KATA_IMAGE_BLK);
  ck_assert_int_eq (
      image_driver ("path = \"/usr/bin/qemu-system-aarch64\"\nvm_rootfs_driver = \"nvdimm\"\n", size, true, "q35"),
      KATA_IMAGE_BLK);
}
END_TEST

START_TEST (disk_drivers)
{
  static const struct {
    const char *name;
    int32_t driver;
    const char *warning;
  } cases[] = { { "virtio-scsi", KATA_BLOCK_SCSI, NULL },
                { "virtio-blk", KATA_BLOCK_BLK, NULL },
                { "virtio-blk-pci", KATA_BLOCK_BLK, NULL },
                { "virtio-mmio", KATA_BLOCK_BLK, NULL },
                { "nvdimm", KATA_BLOCK_BLK, "are not given to the guest as \"nvdimm\"" } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *toml = g_strdup_printf ("[hypervisor.qemu]\nblock_device_driver = \"%s\"\n", cases[i].name);
    setup_init (&s, toml);
    g_autoptr (kata_plan) plan = made ();
    ck_assert_int_eq (plan->vm.block_driver, cases[i].driver);
    g_autofree char *all = plan->warnings != NULL ? g_strjoinv ("\n", plan->warnings) : g_strdup ("");
    ck_assert (cases[i].warning == NULL ? strstr (all, "block_device_driver") == NULL
                                        : strstr (all, cases[i].warning) != NULL);
    s.in.guest.features &= ~(uint64_t) KATA_GUEST_SCSI;
    g_autoptr (kata_plan) without = made ();
    ck_assert_int_eq (without->vm.block_driver, KATA_BLOCK_BLK);
    setup_clear (&s);
  }
}
END_TEST

/* There is no tap whose frames could be counted. */
START_TEST (rate_of_a_network_in_user_space)
{
  static const char key[] = "hypervisor.qemu.rx_rate_limiter_max_rate: has no effect";
  setup_init (&s, "[hypervisor.qemu]\nrx_rate_limiter_max_rate = 8000000\n");
  kata_capabilities__grant (&s.caps, KATA_CAP_NET_STREAM);
  s.options.network = "user";
  g_autoptr (kata_plan) user = made ();
  g_autofree char *all = user->warnings != NULL ? g_strjoinv ("\n", user->warnings) : g_strdup ("");
  ck_assert_msg (strstr (all, key) != NULL && strstr (all, "tx_rate") == NULL, "%s", all);
  s.options.network = "/run/netns/a";
  g_autoptr (kata_plan) tap = made ();
  ck_assert_ptr_null (tap->warnings);
  setup_clear (&s);
}
END_TEST

START_TEST (nodes)
{
  setup_init (&s, "[hypervisor.qemu]\nenable_numa = true\nnuma_mapping = [\"0-1,3\", \"2\"]\n");
  g_autoptr (kata_plan) mapped = made ();
  ck_assert_str_eq (mapped->vm.numa[0], "0-1,3");
  ck_assert_str_eq (mapped->vm.numa[1], "2");
  ck_assert_ptr_null (mapped->vm.numa[2]);
  setup_clear (&s);
  setup_init (&s, "[hypervisor.qemu]\nenable_numa = true\ndefault_vcpus = 2\n");
  g_autoptr (kata_plan) unknown = made ();
  ck_assert_ptr_null (unknown->vm.numa);
  s.in.host.numa_nodes = "0,2-3";
  g_autoptr (kata_plan) two = made ();
  ck_assert_str_eq (two->vm.numa[1], "2");
  ck_assert_ptr_null (two->vm.numa[2]);
  setup_clear (&s);
  setup_init (&s, "[hypervisor.qemu]\nenable_numa = true\nnuma_mapping = [\"0\"]\ndefault_maxvcpus = "
                  "4\ndefault_maxmemory = 4096\n");
  kata_capabilities__grant (&s.caps, KATA_CAP_CPU_RESIZE);
  kata_capabilities__grant (&s.caps, KATA_CAP_MEMORY_RESIZE);
  g_autoptr (kata_plan) grows = made ();
  ck_assert_uint_eq (grows->vm.max_vcpus, 4);
  ck_assert_uint_eq (grows->vm.max_memory_mib, grows->vm.memory_mib);
  setup_clear (&s);
  setup_init (&s, "[hypervisor.qemu]\nnuma_mapping = [\"0\"]\n");
  g_autoptr (kata_plan) off = made ();
  ck_assert_ptr_null (off->vm.numa);
  setup_clear (&s);
  static const char *const bad[] = {
    "", "a", "1-0", "0,", "0,0", "-1", "0-", "1024", "99999999999999999999999", "0;1"
  };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *toml =
        g_strdup_printf ("[hypervisor.qemu]\nenable_numa = true\nnuma_mapping = [\"%s\"]\n", bad[i]);
    setup_init (&s, toml);
    refused (KATA_E_CONFIG, "hypervisor.qemu.numa_mapping", "list of nodes");
    setup_clear (&s);
  }
}
END_TEST

#define SNP "[hypervisor.qemu]\nconfidential_guest = true\nsev_snp_guest = true\naccel = \"kvm\"\n"

static void
wrong_secret (const char *keys, const char *key, const char *text)
{
  g_autofree char *toml = g_strconcat (SNP, keys, NULL);
  setup_init (&s, toml);
  kata_capabilities__grant (&s.caps, KATA_CAP_CONFIDENTIAL);
  kata_capabilities__grant (&s.caps, KATA_CAP_KVM);
  refused (KATA_E_CONFIG, key, text);
  setup_clear (&s);
}

START_TEST (confidential)
{
  setup_init (&s, SNP "firmware = \"/fw/AMDSEV.fd\"\n");
  kata_capabilities__grant (&s.caps, KATA_CAP_KVM);
  kata_capabilities__lack (&s.caps, KATA_CAP_CONFIDENTIAL, "no such processor");
  refused (KATA_E_UNSUPPORTED, "hypervisor.qemu.confidential_guest", "no such processor");
  kata_capabilities__grant (&s.caps, KATA_CAP_CONFIDENTIAL);
  g_autoptr (kata_plan) snp = made ();
  ck_assert_int_eq (snp->vm.confidential, KATA_CONFIDENTIAL_SNP);
  ck_assert_uint_eq (snp->vm.snp_policy, 0x30000);
  setup_clear (&s);
  setup_init (&s, "[hypervisor.qemu]\nconfidential_guest = true\naccel = \"kvm\"\nfirmware = \"/fw/tdx.fd\"\n"
                  "tdx_quote_generation_service_socket_port = 4050\nimage = \"/g/img\"\n");
  s.in.image.size = UINT64_C (1) << 28;
  kata_capabilities__grant (&s.caps, KATA_CAP_CONFIDENTIAL);
  kata_capabilities__grant (&s.caps, KATA_CAP_KVM);
  g_autoptr (kata_plan) tdx = made ();
  ck_assert_int_eq (tdx->vm.confidential, KATA_CONFIDENTIAL_TDX);
  ck_assert_uint_eq (tdx->vm.tdx_quote_port, 4050);
  ck_assert_int_eq (tdx->vm.image_driver, KATA_IMAGE_BLK);
  setup_clear (&s);
  /* By either key: what came later would not be among what was measured. */
  static const char *const keys[] = { "confidential_guest", "sev_snp_guest" };
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_autofree char *toml = g_strdup_printf ("[hypervisor.qemu]\n%s = true\naccel = \"kvm\"\nfirmware = \"/fw\"\n"
                                             "default_maxvcpus = 4\ndefault_maxmemory = 4096\n",
                                             keys[i]);
    static const int granted[] = { KATA_CAP_CONFIDENTIAL, KATA_CAP_KVM, KATA_CAP_CPU_RESIZE, KATA_CAP_MEMORY_RESIZE };
    setup_init (&s, toml);
    for (size_t k = 0; k < G_N_ELEMENTS (granted); k++)
      kata_capabilities__grant (&s.caps, granted[k]);
    g_autoptr (kata_plan) fixed = made ();
    ck_assert_uint_eq (fixed->vm.max_vcpus, fixed->vm.vcpus);
    ck_assert_uint_eq (fixed->vm.max_memory_mib, fixed->vm.memory_mib);
    setup_clear (&s);
  }
  wrong_secret ("", "hypervisor.qemu.firmware", "AMDSEV.fd");
  wrong_secret ("firmware = \"/f\"\nfirmware_volume = \"/v\"\n", "hypervisor.qemu.firmware_volume", "no flash");
  wrong_secret ("firmware = \"/f\"\nmachine_type = \"microvm\"\n", "hypervisor.qemu.machine_type", "q35");
  wrong_secret ("firmware = \"/f\"\nsnp_id_block = \"AAAA\"\n", "hypervisor.qemu.snp_id_block", "96 bytes");
  wrong_secret ("firmware = \"/f\"\nsnp_id_auth = \"A,AA\"\n", "hypervisor.qemu.snp_id_auth", "4096 bytes");
  g_autofree char *block = g_strnfill (128, 'A');
  g_autofree char *alone = g_strdup_printf ("firmware = \"/f\"\nsnp_id_block = \"%s\"\n", block);
  wrong_secret (alone, "hypervisor.qemu.snp_id_block", "set both");
}
END_TEST

/* StratoVirt's microvm: a kernel of Debian's finds none of its devices; the places for disks are four. */
START_TEST (stratovirt)
{
  static const char text[] = "{\"features\":[],\"kernel\":{\"file\":\"v\",\"flavour\":\"%s\"}}";
  static const char *const flavours[] = { "cloud", "custom" };
  static const kata_disk disk = { sizeof disk, "data", "/data", 0 };
  static const kata_disk *const disks[] = { &disk, NULL };
  g_autoptr (kata_arena) arena = kata_arena__new ();
  for (size_t i = 0; i < 2; i++) {
    struct kata_guest_facts facts;
    g_autofree char *manifest_text = g_strdup_printf (text, flavours[i]);
    ck_assert_int_eq (kata_guest_facts__parse (&facts, arena, "/", manifest_text, strlen (manifest_text), NULL), 0);
    ck_assert_uint_eq ((facts.features & KATA_GUEST_MMIO_WORDS) != 0, i);
  }
  setup_init (&s, "[hypervisor.stratovirt]\n");
  kata_capabilities__grant (&s.caps, KATA_CAP_KVM);
  kata_capabilities__grant (&s.caps, KATA_CAP_BLOCK_HOTPLUG);
  s.in.hypervisor = "stratovirt";
  s.options.disks = disks;
  g_autoptr (kata_plan) plan = made ();
  ck_assert_uint_eq (plan->vm.disk_ports, 3);
  s.in.guest.features &= ~(uint64_t) KATA_GUEST_MMIO_WORDS;
  refused (KATA_E_GUEST, "hypervisor.stratovirt.kernel", "guest/kernel/build");
  setup_clear (&s);
  setup_init (&s, "[hypervisor.stratovirt]\nkernel = \"/another\"\n");
  s.in.hypervisor = "stratovirt";
  s.in.guest.features &= ~(uint64_t) KATA_GUEST_MMIO_WORDS;
  g_autoptr (kata_plan) another = made ();
  ck_assert_str_eq (another->vm.kernel, "/another");
  setup_clear (&s);
}
END_TEST

START_TEST (manifest)
{
  static const char text[] =
      "{\"version\":1,\"features\":[\"virtio-fs\",\"vsock\",\"new\"],\"kernel\":{\"file\":\"vmlinuz\"},"
      "\"initrd\":\"/x/initrd\"}";
  g_autoptr (kata_arena) arena = kata_arena__new ();
  struct kata_guest_facts facts;
  ck_assert_int_eq (kata_guest_facts__parse (&facts, arena, "/g", text, strlen (text), NULL), 0);
  ck_assert_str_eq (facts.kernel, "/g/vmlinuz");
  ck_assert_str_eq (facts.initrd, "/x/initrd");
  ck_assert_uint_eq (facts.features & (KATA_GUEST_VIRTIOFS | KATA_GUEST_VSOCK | KATA_GUEST_9P),
                     KATA_GUEST_VIRTIOFS | KATA_GUEST_VSOCK);
  static const char *const bad[] = { "{}",
                                     "[]",
                                     "{\"features\":1}",
                                     "{\"features\":[],\"kernel\":\"../x\"}",
                                     "{\"features\":[],\"cmdline\":\"a\\nb\"}",
                                     "{\"features\":[],\"arch\":\"\"}",
                                     "{\"features\":[],\"arch\":7}",
                                     "{\"features\":[1]}" };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    ck_assert_int_eq (kata_guest_facts__parse (&facts, arena, "/g", bad[i], strlen (bad[i]), NULL), KATA_E_GUEST);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("plan/sandbox");
  TCase *tcase = tcase_create ("sandbox");
  tcase_add_test (tcase, defaults);
  tcase_add_test (tcase, room);
  tcase_add_test (tcase, falls_back);
  tcase_add_loop_test (tcase, configs, 0, G_N_ELEMENTS (wrong_configs));
  tcase_add_test (tcase, options);
  tcase_add_test (tcase, lacking);
  tcase_add_test (tcase, cmdline);
  tcase_add_test (tcase, null_backend);
  tcase_add_test (tcase, probe);
  tcase_add_test (tcase, architectures);
  tcase_add_test (tcase, qemu_keys);
  tcase_add_test (tcase, image_drivers);
  tcase_add_test (tcase, disk_drivers);
  tcase_add_test (tcase, nodes);
  tcase_add_test (tcase, rate_of_a_network_in_user_space);
  tcase_add_test (tcase, stratovirt);
  tcase_add_test (tcase, confidential);
  tcase_add_test (tcase, manifest);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
