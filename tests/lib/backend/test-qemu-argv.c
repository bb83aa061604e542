/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-qemu-argv: plans against golden command lines, one argument a line. And what is refused. */
#include <check.h>
#include <string.h>

#include <glib.h>

#include "backend/qemu/argv.h"
#include "backend/qemu/kernel.h"
#include "backend/virtiofsd.h"
#include "base/error.h"
#include "golden.h"

static kata_vm_plan
base (void)
{
  return (kata_vm_plan){ .size = sizeof (kata_vm_plan),
                         .id = "golden",
                         .dir = "/run/kata/golden",
                         .arch = "x86_64",
                         .accel = KATA_ACCEL_TCG,
                         .vcpus = 1,
                         .memory_mib = 256,
                         .kernel = "/usr/share/kata/vmlinuz",
                         .initrd = "/usr/share/kata/initrd.img",
                         .cmdline = "quiet panic=1",
                         .agent_kind = KATA_AGENT_SERIAL,
                         .agent_serial_ports = 2,
                         .entropy_source = "/dev/urandom" };
}

static const kata_qemu_context context = { .program = "/usr/bin/qemu-system-x86_64",
                                           .version = { 7, 2, 0 },
                                           .cid = 4711,
                                           .vhost_fd = 3,
                                           .nic_fd = 4,
                                           .tsc_khz = 2445000 };

static void
compare (const char *name, char **argv)
{
  g_autofree char *file = g_strdup_printf ("%s.txt", name);
  g_autofree char *joined = g_strjoinv ("\n", argv);
  g_autofree char *got = g_strconcat (joined, "\n", NULL);
  golden_compare (file, got);
}

static void
golden (const char *name, const kata_vm_plan *plan)
{
  g_auto (GStrv) argv = NULL;
  g_autoptr (kata_error) error = NULL;
  g_autofree char *program =
      g_strconcat ("/usr/bin/qemu-system-", strcmp (plan->arch, "ppc64le") == 0 ? "ppc64" : plan->arch, NULL);
  kata_qemu_context own = context;
  own.program = program;
  ck_assert_msg (kata_qemu__argv (&argv, plan, &own, &error) == 0, "%s", kata_error_get_message (error));
  compare (name, argv);
}

static const kata_vm_disk data = { sizeof data, "data", "/var/lib/disks/a,b.raw", 0 };
static const kata_vm_disk image = { sizeof image, "layers", "/dev/loop7", 1 };
static const kata_vm_disk *const disks[] = { &data, &image, NULL };

START_TEST (q35_tcg_serial)
{
  kata_vm_plan plan = base ();
  golden ("q35-tcg-serial", &plan);
}
END_TEST

START_TEST (q35_room)
{
  kata_vm_plan plan = base ();
  plan.max_vcpus = 4;
  plan.max_memory_mib = 1024;
  plan.memory_slots = 10;
  golden ("q35-room-dimms", &plan);
  plan.virtio_mem = 1;
  golden ("q35-room-virtio-mem", &plan);
}
END_TEST

START_TEST (q35_kvm_vsock_virtiofs)
{
  kata_vm_plan plan = base ();
  plan.accel = KATA_ACCEL_KVM;
  plan.machine_type = "q35";
  plan.agent_kind = KATA_AGENT_VSOCK;
  plan.agent_port = 1024;
  plan.share_kind = KATA_SHARE_VIRTIOFS;
  plan.share_dir = "/run/kata/golden/shared";
  plan.share_tag = "kataShared";
  plan.vcpus = 2;
  plan.max_vcpus = 8;
  plan.memory_mib = 2048;
  plan.memory_reporting = 1;
  plan.cpu_features = "pmu=off";
  plan.machine_accelerators = "nvdimm=off";
  golden ("q35-kvm-vsock-virtiofs", &plan);
}
END_TEST

START_TEST (q35_tcg_9p_disks)
{
  kata_vm_plan plan = base ();
  plan.share_kind = KATA_SHARE_9P;
  plan.share_dir = "/run/kata/golden/a,b";
  plan.share_tag = "kataShared";
  plan.disks = disks;
  plan.block_queues = 4;
  plan.block_queue_size = 128;
  plan.block_aio = 1;
  plan.block_cache_direct = 1;
  plan.seccomp_sandbox = "off";
  golden ("q35-tcg-9p-disks", &plan);
}
END_TEST

START_TEST (microvm_tcg_virtiofs)
{
  kata_vm_plan plan = base ();
  plan.machine_type = "microvm";
  plan.share_kind = KATA_SHARE_VIRTIOFS;
  plan.share_dir = "/run/kata/golden/shared";
  plan.virtiofs_queue_size = 512;
  plan.disks = disks;
  plan.block_aio = 2;
  golden ("microvm-tcg-virtiofs", &plan);
}
END_TEST

START_TEST (microvm_kvm_image)
{
  kata_vm_plan plan = base ();
  plan.machine_type = "microvm";
  plan.accel = KATA_ACCEL_KVM;
  plan.initrd = "";
  plan.image = "/usr/share/kata/root.img";
  plan.image_fstype = "erofs";
  plan.entropy_source = "";
  plan.agent_kind = KATA_AGENT_VSOCK;
  plan.hugepages = 1;
  plan.prealloc = 1;
  golden ("microvm-kvm-image", &plan);
}
END_TEST

/* Kata's image: partitions, mapped by the guest. An image without, on virtio-pmem. Both are memory, beside that which virtiofsd shares. */
START_TEST (image_memory)
{
  kata_vm_plan plan = base ();
  plan.accel = KATA_ACCEL_KVM;
  plan.initrd = "";
  plan.image = "/usr/share/kata/a,b.img";
  plan.image_size = UINT64_C (268435456);
  plan.image_partition = 1;
  plan.image_driver = KATA_IMAGE_NVDIMM;
  plan.share_kind = KATA_SHARE_VIRTIOFS;
  plan.disks = disks;
  golden ("q35-nvdimm", &plan);
  plan.image_partition = 0;
  plan.image_driver = KATA_IMAGE_PMEM;
  plan.share_kind = KATA_SHARE_NONE;
  plan.iommu = plan.iommu_platform = 1;
  golden ("q35-pmem", &plan);
  plan.image_driver = KATA_IMAGE_BLK;
  plan.image_partition = 1;
  plan.iommu = plan.iommu_platform = 0;
  golden ("q35-image-partition", &plan);
}
END_TEST

START_TEST (scsi)
{
  kata_vm_plan plan = base ();
  plan.block_driver = KATA_BLOCK_SCSI;
  golden ("q35-scsi-none", &plan);
  plan.initrd = "";
  plan.image = "/usr/share/kata/root.img";
  plan.disks = disks;
  plan.block_queues = 2;
  plan.block_queue_size = 64;
  plan.io_threads = 1;
  plan.block_logical_size = 512;
  plan.block_physical_size = 4096;
  golden ("q35-scsi", &plan);
  plan.arch = "s390x";
  plan.io_threads = 0;
  golden ("s390x-scsi", &plan);
}
END_TEST

/* Each acts alone: memory that is made at the start, memory of large pages, no filter, a filter of one's own, another source of random numbers. */
START_TEST (single_keys)
{
  kata_vm_plan plan = base ();
  plan.prealloc = 1;
  plan.entropy_source = "/dev/hwrng,1";
  plan.seccomp_sandbox = "on,obsolete=allow";
  golden ("q35-prealloc", &plan);
  plan.prealloc = 0;
  plan.hugepages = 1;
  plan.entropy_source = "";
  plan.seccomp_sandbox = "off";
  golden ("q35-hugepages", &plan);
}
END_TEST

static const kata_vm_nic one = {
  .size = sizeof one, .name = "eth0", .device = "tap0_kata", .mac = "02:42:00:00:00:01", .mtu = 1500, .queues = 1
};
static const kata_vm_nic two = { .size = sizeof two,
                                 .name = "eth1",
                                 .device = "tap1_kata",
                                 .mac = "02:42:00:00:00:02",
                                 .mtu = 9000,
                                 .queues = 2,
                                 .vhost = 1 };
static const kata_vm_nic stream = {
  .size = sizeof stream, .kind = KATA_NIC_STREAM, .name = "eth2", .device = "", .mac = "02:42:00:00:00:03", .queues = 1
};
static const kata_vm_nic *const nics[] = { &one, &two, &stream, NULL };

START_TEST (q35_network)
{
  kata_vm_plan plan = base ();
  plan.vcpus = 2;
  plan.nics = nics;
  golden ("q35-network", &plan);
  plan.machine_type = "microvm";
  golden ("microvm-network", &plan);
}
END_TEST

START_TEST (later_nic)
{
  g_autofree char *netdev = NULL, *device = NULL, *netdev_two = NULL, *device_two = NULL;
  g_autoptr (kata_error) error = NULL;
  kata_vm_nic nic = one;
  ck_assert_int_eq (kata_qemu__nic_arguments (&netdev, &device, &nic, false, NULL), KATA_E_INVALID);
  nic.port = 1;
  ck_assert_int_eq (kata_qemu__nic_arguments (&netdev, &device, &nic, false, &error), 0);
  ck_assert_str_eq (netdev, "{\"type\":\"tap\",\"id\":\"hot1\",\"fd\":\"queue1-0\"}");
  ck_assert_str_eq (device, "{\"driver\":\"virtio-net-pci\",\"id\":\"nic1\",\"bus\":\"port1\",\"netdev\":\"hot1\","
                            "\"mac\":\"02:42:00:00:00:01\",\"vectors\":4,\"romfile\":\"\"}");
  nic = two;
  nic.port = 2;
  ck_assert_int_eq (kata_qemu__nic_arguments (&netdev_two, &device_two, &nic, true, &error), 0);
  ck_assert_str_eq (netdev_two, "{\"type\":\"tap\",\"id\":\"hot2\",\"fds\":\"queue2-0:queue2-1\",\"vhost\":true,"
                                "\"vhostfds\":\"vhost2-0:vhost2-1\"}");
  ck_assert (strstr (device_two, "\"mq\":true,\"vectors\":6") != NULL);
  ck_assert (strstr (device_two, "\"iommu_platform\":true") != NULL);
  nic.mac = "02:42:00:00:00:0\"";
  ck_assert_int_eq (kata_qemu__nic_arguments (&netdev, &device, &nic, false, NULL), KATA_E_INVALID);
}
END_TEST

static void
refused (const kata_vm_plan *plan, int code, const char *text)
{
  char **argv = (char **) 1;
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_qemu__argv (&argv, plan, &context, &error), code);
  ck_assert_msg (strstr (kata_error_get_message (error), text) != NULL, "%s", kata_error_get_message (error));
  ck_assert_ptr_eq (argv, (char **) 1);
}

/* Other architectures: the machine's name and its bus, the console, the processor, and what there is no PCI for. */
static void
foreign_goldens (const char *arch, const char *type)
{
  static const struct {
    const char *name;
    int32_t accel;
  } accels[] = { { "tcg", KATA_ACCEL_TCG }, { "kvm", KATA_ACCEL_KVM } };
  g_autofree char *with_network = g_strdup_printf ("%s-%s-network", arch, type);
  kata_vm_plan plan = base ();
  plan.arch = arch;
  for (size_t i = 0; i < G_N_ELEMENTS (accels); i++) {
    g_autofree char *name = g_strdup_printf ("%s-%s-%s", arch, type, accels[i].name);
    plan.accel = accels[i].accel;
    plan.share_kind = KATA_SHARE_VIRTIOFS;
    plan.agent_kind = plan.accel == KATA_ACCEL_KVM ? KATA_AGENT_VSOCK : KATA_AGENT_SERIAL;
    plan.disks = disks;
    golden (name, &plan);
  }
  plan = base ();
  plan.arch = arch;
  plan.machine_type = type;
  plan.nics = nics;
  plan.memory_reporting = 1;
  plan.share_kind = KATA_SHARE_9P;
  plan.share_dir = "/run/kata/golden/shared";
  golden (with_network, &plan);
}

START_TEST (foreign)
{
  kata_vm_plan plan = base ();
  foreign_goldens ("aarch64", "virt");
  foreign_goldens ("riscv64", "virt");
  foreign_goldens ("ppc64le", "pseries");
  foreign_goldens ("s390x", "s390-ccw-virtio");
  plan.arch = "aarch64";
  plan.nic_ports = 1;
  golden ("aarch64-virt-ports", &plan);
  plan.arch = "s390x";
  refused (&plan, KATA_E_UNSUPPORTED, "s390-ccw-virtio has no ports");
  plan = base ();
  plan.arch = "aarch64";
  plan.machine_type = "q35";
  refused (&plan, KATA_E_UNSUPPORTED, "use virt");
  plan.arch = "sparc";
  refused (&plan, KATA_E_UNSUPPORTED, "no machine of QEMU's for the architecture \"sparc\"");
}
END_TEST

START_TEST (nodes)
{
  static const char *const two[] = { "0-1,4", "2", NULL }, *const three[] = { "0", "1", "2", NULL };
  kata_vm_plan plan = base ();
  plan.vcpus = 3;
  plan.memory_mib = 513;
  plan.numa = two;
  plan.share_kind = KATA_SHARE_VIRTIOFS;
  plan.hugepages = 1;
  golden ("q35-nodes", &plan);
  plan.vcpus = 2;
  plan.numa = three;
  plan.hugepages = 0;
  plan.share_kind = KATA_SHARE_NONE;
  golden ("q35-nodes-memory-only", &plan);
  plan.max_vcpus = 9;
  golden ("q35-nodes-grow", &plan);
  plan.machine_type = "microvm";
  refused (&plan, KATA_E_UNSUPPORTED, "numa_mapping");
}
END_TEST

START_TEST (confidential)
{
  kata_vm_plan plan = base ();
  kata_qemu_context own = context;
  g_auto (GStrv) argv = NULL;
  g_auto (GStrv) quoting = NULL;
  own.version[0] = 10;
  own.version[1] = 1;
  own.sev_bit = 51;
  own.sev_bits_lost = 1;
  plan.confidential = KATA_CONFIDENTIAL_SNP;
  refused (&plan, KATA_E_UNSUPPORTED, "confidential_guest");
  plan.accel = KATA_ACCEL_KVM;
  refused (&plan, KATA_E_UNSUPPORTED, "firmware");
  plan.firmware = "/usr/share/ovmf/AMDSEV.fd";
  plan.snp_policy = 0x30000;
  plan.snp_id_block = "AAAA";
  plan.snp_id_auth = "BB==";
  plan.agent_kind = KATA_AGENT_VSOCK;
  ck_assert_int_eq (kata_qemu__argv (&argv, &plan, &own, NULL), 0);
  compare ("q35-snp", argv);
  plan.confidential = KATA_CONFIDENTIAL_TDX;
  plan.firmware = "/usr/share/ovmf/OVMF.inteltdx.fd";
  golden ("q35-tdx", &plan);
  plan.tdx_quote_port = 4050;
  ck_assert_int_eq (kata_qemu__argv (&quoting, &plan, &own, NULL), 0);
  ck_assert (g_strv_contains ((const char *const *) quoting,
                              "{\"qom-type\":\"tdx-guest\",\"id\":\"secret\",\"quote-generation-socket\":{\"type\":"
                              "\"vsock\",\"cid\":\"2\",\"port\":\"4050\"}}"));
  plan.machine_type = "microvm";
  refused (&plan, KATA_E_UNSUPPORTED, "the machine q35");
}
END_TEST

START_TEST (devices)
{
  static const char *const flashes[] = { "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd", NULL };
  kata_vm_plan plan = base ();
  plan.iommu = plan.iommu_platform = plan.io_threads = plan.no_nesting = plan.block_no_flush = 1;
  plan.block_logical_size = 512;
  plan.block_physical_size = 4096;
  plan.disks = disks;
  plan.share_kind = KATA_SHARE_VIRTIOFS;
  plan.memory_reporting = 1;
  plan.nics = nics;
  plan.firmware = "/usr/share/OVMF/OVMF_CODE.fd";
  plan.firmware_volume = "/usr/share/OVMF/OVMF_VARS.fd";
  golden ("q35-devices", &plan);
  plan.firmware = plan.firmware_volume = "";
  plan.arch = "aarch64";
  plan.flashes = flashes;
  golden ("aarch64-virt-devices", &plan);
  plan.arch = "riscv64";
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.qemu.pflashes");
  plan.flashes = NULL;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.qemu.enable_iommu");
}
END_TEST

START_TEST (kernel_headers)
{
  static const struct {
    size_t at, len;
    const char *magic, *arch;
  } cases[] = {
    { 0x38, 4, "ARM\x64", "aarch64" },
    { 0x38, 4, "RSC\x05", "riscv64" },
    { 0x202, 4, "HdrS", "x86_64" },
    { 0x10008, 6, "S390EP", "s390x" },
    { 0, 4, "\177ELF", NULL },
    { 0, 3, "\037\213\010", NULL },
    { 0x38, 3, "ARM", NULL },
    { 0, 20, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\267\0", "aarch64" },
    { 0, 20, "\177ELF\2\2\1\0\0\0\0\0\0\0\0\0\0\2\0\026", "s390x" },
  };
  g_autofree uint8_t *head = g_malloc (KATA_QEMU_KERNEL_HEAD);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    memset (head, 0, KATA_QEMU_KERNEL_HEAD);
    memcpy (head + cases[i].at, cases[i].magic, cases[i].len);
    ck_assert_pstr_eq (kata_qemu__kernel_arch (head, KATA_QEMU_KERNEL_HEAD), cases[i].arch);
    /* Cut short, in a block of just that size: whatever it says, it reads no further. */
    for (size_t len = cases[i].at; len < cases[i].at + cases[i].len; len++) {
      g_autofree uint8_t *part = g_memdup2 (head, len);
      ck_assert_ptr_null (kata_qemu__kernel_arch (part, len));
    }
  }
  /* A program for firmware: where its header is, the file says itself. */
  static const uint8_t offsets[] = { 0x40, 0xfa, 0xfb, 0xff };
  for (size_t i = 0; i < G_N_ELEMENTS (offsets); i++) {
    uint8_t pe[0x100] = { 'M', 'Z', [0x3c] = offsets[i] };
    if (offsets[i] <= 0xfa)
      memcpy (pe + offsets[i], "PE\0\0\x64\xaa", 6);
    ck_assert_pstr_eq (kata_qemu__kernel_arch (pe, sizeof pe), offsets[i] <= 0xfa ? "aarch64" : NULL);
    memset (pe + 0x3c, 0xff, 4);
    ck_assert_ptr_null (kata_qemu__kernel_arch (pe, sizeof pe));
  }
}
END_TEST

START_TEST (ports)
{
  kata_vm_plan plan = base ();
  plan.nic_ports = 2;
  golden ("q35-ports", &plan);
  plan.nic_ports = 9;
  refused (&plan, KATA_E_LIMIT, "ports");
  plan.nic_ports = 1;
  plan.disk_ports = 4;
  golden ("q35-disk-ports", &plan);
  plan.disk_ports = 9;
  refused (&plan, KATA_E_LIMIT, "disk_ports");
  plan.nic_ports = 0;
  plan.disk_ports = 1;
  plan.machine_type = "microvm";
  refused (&plan, KATA_E_UNSUPPORTED, "a disk could come to");
  plan.nic_ports = 1;
  refused (&plan, KATA_E_UNSUPPORTED, "microvm");
}
END_TEST

START_TEST (refusals)
{
  static const kata_vm_disk bad = { sizeof bad, "no,comma", "/x", 0 };
  static const kata_vm_disk *const bad_disks[] = { &bad, NULL };
  static const kata_vm_disk *many[20] = { NULL };
  kata_vm_plan plan = base ();
  plan.kernel = "";
  refused (&plan, KATA_E_GUEST, "hypervisor.qemu.kernel");
  kata_vm_nic wrong = one;
  const kata_vm_nic *const wrong_nics[] = { &wrong, NULL };
  plan = base ();
  plan.nics = wrong_nics;
  wrong.mac = "02:42:00:00:00:01,romfile=x";
  refused (&plan, KATA_E_INVALID, "address");
  wrong = one;
  wrong.queues = 17;
  refused (&plan, KATA_E_INVALID, "queues");
  plan = base ();
  plan.initrd = NULL;
  refused (&plan, KATA_E_GUEST, "neither initrd nor image");
  plan = base ();
  plan.machine_type = "virt";
  refused (&plan, KATA_E_UNSUPPORTED, "machine_type");
  plan = base ();
  plan.machine_accelerators = "x=/etc/passwd";
  refused (&plan, KATA_E_CONFIG, "machine_accelerators");
  plan = base ();
  plan.cpu_features = "host -daemonize";
  refused (&plan, KATA_E_CONFIG, "cpu_features");
  plan = base ();
  plan.disks = bad_disks;
  refused (&plan, KATA_E_INVALID, "no,comma");
  for (size_t i = 0; i < 17; i++)
    many[i] = &data;
  plan.disks = many;
  refused (&plan, KATA_E_LIMIT, "at most 16 disks");
  plan = base ();
  plan.share_kind = KATA_SHARE_VIRTIOFS;
  plan.virtiofs_cache_mib = 1024;
  refused (&plan, KATA_E_UNSUPPORTED, "virtio_fs_cache_size");
  static const uint32_t sizes[] = { 1, 2, 100, 2048 };
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++) {
    plan = base ();
    plan.block_queue_size = sizes[i];
    refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.qemu.queue_size");
  }
  plan = base ();
  plan.agent_serial_ports = 17;
  refused (&plan, KATA_E_LIMIT, "17 ports");
  plan = base ();
  plan.agent_kind = KATA_AGENT_HYBRID;
  refused (&plan, KATA_E_UNSUPPORTED, "vsock or virtio-serial");
  plan = base ();
  plan.accel = KATA_ACCEL_AUTO;
  refused (&plan, KATA_E_INVALID, "kvm and tcg");
  plan = base ();
  plan.vcpus = 0;
  refused (&plan, KATA_E_INVALID, "at least one vCPU");
}
END_TEST

static void
server_golden (const char *name, enum kata_virtiofsd_kind kind, const kata_vm_plan *plan)
{
  g_auto (GStrv) argv = NULL;
  g_autoptr (kata_error) error = NULL;
  const struct kata_virtiofsd server = { "qemu", "/usr/lib/qemu/virtiofsd", kind };
  ck_assert_msg (kata_virtiofsd__argv (&argv, &server, plan, 20000, &error) == 0, "%s", kata_error_get_message (error));
  compare (name, argv);
}

START_TEST (virtiofsd)
{
  static const char *const args[] = { "--thread-pool-size=1", "--announce-submounts", NULL };
  static const char *const forbidden[] = { "--sandbox=none",     "-o=source=/",    "--socket-path=/x",
                                           "source=/,x",         "--shared-dir=/", "--seccomp=none",
                                           "modcaps=+sys_admin", "--fd=7",         "sandbox=chroot" };
  kata_vm_plan plan = base ();
  const struct kata_virtiofsd server = { "clh", "v", KATA_VIRTIOFSD_C };
  g_autoptr (kata_error) error = NULL;
  char **argv = NULL;
  plan.share_dir = "/run/kata/a,b\\c";
  plan.virtiofsd_args = args;
  plan.virtiofs_cache = "never";
  server_golden ("virtiofsd-c", KATA_VIRTIOFSD_C, &plan);
  server_golden ("virtiofsd-rust", KATA_VIRTIOFSD_RUST, &plan);
  for (size_t i = 0; i < G_N_ELEMENTS (forbidden); i++) {
    const char *const one[] = { forbidden[i], NULL };
    plan.virtiofsd_args = one;
    ck_assert_int_eq (kata_virtiofsd__argv (&argv, &server, &plan, 20000, &error), KATA_E_CONFIG);
    ck_assert_str_eq (kata_error_get_key (error), "hypervisor.clh.virtio_fs_extra_args");
    error = kata_error_unref (error);
  }
  plan.virtiofsd_args = NULL;
  plan.virtiofs_cache = "always,source=/";
  ck_assert_int_eq (kata_virtiofsd__argv (&argv, &server, &plan, 20000, &error), KATA_E_CONFIG);
  ck_assert_str_eq (kata_error_get_key (error), "hypervisor.clh.virtio_fs_cache");
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("argv");
  Suite *suite = suite_create ("backend/qemu-argv");
  tcase_add_test (tc, q35_tcg_serial);
  tcase_add_test (tc, q35_room);
  tcase_add_test (tc, q35_kvm_vsock_virtiofs);
  tcase_add_test (tc, q35_tcg_9p_disks);
  tcase_add_test (tc, microvm_tcg_virtiofs);
  tcase_add_test (tc, microvm_kvm_image);
  tcase_add_test (tc, image_memory);
  tcase_add_test (tc, scsi);
  tcase_add_test (tc, single_keys);
  tcase_add_test (tc, q35_network);
  tcase_add_test (tc, foreign);
  tcase_add_test (tc, nodes);
  tcase_add_test (tc, confidential);
  tcase_add_test (tc, devices);
  tcase_add_test (tc, kernel_headers);
  tcase_add_test (tc, ports);
  tcase_add_test (tc, later_nic);
  tcase_add_test (tc, refusals);
  tcase_add_test (tc, virtiofsd);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
