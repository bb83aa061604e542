/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-fc-request: plans against golden requests of Firecracker's API, each held against the fields of its document. And what is refused. */
#include <check.h>
#include <string.h>

#include <json-glib/json-glib.h>

#include "backend/fc/check.h"
#include "backend/fc/request.h"
#include "backend/fc/restored.h"
#include "backend/registry.h"
#include "base/error.h"
#include "golden.h"
#include "schema.h"

static kata_vm_plan
base (void)
{
  return (kata_vm_plan){ .size = sizeof (kata_vm_plan),
                         .id = "golden",
                         .dir = "/run/kata/golden",
                         .accel = KATA_ACCEL_KVM,
                         .vcpus = 1,
                         .memory_mib = 256,
                         .kernel = "/usr/share/kata/vmlinux",
                         .initrd = "/usr/share/kata/initrd.img",
                         .cmdline = "quiet panic=-1",
                         .agent_kind = KATA_AGENT_HYBRID,
                         .agent_port = 1024,
                         .entropy_source = "/dev/urandom" };
}

static void
golden (const char *name, const kata_vm_plan *plan)
{
  g_autoptr (kata_error) error = NULL;
  g_autofree char *file = g_strdup_printf ("%s.json", name);
  g_autofree char *json = NULL;
  ck_assert_msg (kata_backend_fc.translate (plan, &json, &error) == 0, "%s", kata_error_get_message (error));
  g_autoptr (JsonNode) root = json_from_string (json, NULL);
  ck_assert_ptr_nonnull (root);
  g_autofree char *pretty = json_to_string (root, TRUE);
  g_autofree char *lines = g_strconcat (pretty, "\n", NULL);
  golden_compare (file, lines);
}

static const struct {
  const char *path, *object;
} objects[] = {
  { "/logger", "Logger" },          { "/metrics", "Metrics" }, { "/machine-config", "MachineConfiguration" },
  { "/boot-source", "BootSource" }, { "/drives/", "Drive" },   { "/network-interfaces/", "NetworkInterface" },
  { "/entropy", "EntropyDevice" },  { "/balloon", "Balloon" }, { "/hotplug/memory", "MemoryHotplugConfig" },
  { "/serial", "SerialDevice" },    { "/vsock", "Vsock" },     { "/actions", "InstanceActionInfo" }
};

/* How many of them have "@word" in path or body. */
static unsigned
valid (const kata_vm_plan *plan, unsigned minor, const char *word)
{
  const struct kata_fc_facts facts = { .version = { 1, minor, 0 } };
  g_autoptr (kata_error) error = NULL;
  g_autoptr (GPtrArray) requests = NULL;
  unsigned found = 0;
  ck_assert_msg (kata_fc__requests (&requests, plan, &facts, &error) == 0, "%s", kata_error_get_message (error));
  for (guint i = 0; i < requests->len; i++) {
    const kata_fc_request *request = g_ptr_array_index (requests, i);
    g_autoptr (JsonNode) body = json_from_string (request->body, NULL);
    bool known = false;
    for (size_t k = 0; k < G_N_ELEMENTS (objects); k++) {
      if (!g_str_has_prefix (request->path, objects[k].path))
        continue;
      g_autofree char *why = schema_complaint (fc_schema, objects[k].object, body);
      ck_assert_msg (why == NULL, "%s: %s", request->path, why);
      known = true;
    }
    ck_assert_msg (known, "%s", request->path);
    found += strstr (request->path, word) != NULL || strstr (request->body, word) != NULL;
  }
  return found;
}

static void
refused (const kata_vm_plan *plan, int code, const char *key)
{
  g_autoptr (kata_error) error = NULL;
  g_autofree char *json = NULL;
  ck_assert_int_eq (kata_backend_fc.translate (plan, &json, &error), code);
  ck_assert_msg (strstr (kata_error_get_message (error), key) != NULL, "%s", kata_error_get_message (error));
}

static const kata_vm_disk data = { sizeof data, "data-one", "/var/lib/disks/data.raw", 0 };
static const kata_vm_disk layers = { sizeof layers, "layers", "/dev/loop7", 1 };
static const kata_vm_disk *const disks[] = { &data, &layers, NULL };
static const kata_vm_nic one = {
  .size = sizeof one, .name = "eth0", .device = "tap0_kata", .mac = "02:42:00:00:00:01", .mtu = 1400, .queues = 1
};
static const kata_vm_nic *const nics[] = { &one, NULL };

static kata_vm_plan
rich (void)
{
  kata_vm_plan plan = base ();
  plan.hypervisor_path = "/opt/firecracker";
  plan.debug = 1;
  plan.seccomp_sandbox = "off";
  plan.vcpus = 4;
  plan.memory_mib = 3584;
  plan.max_memory_mib = 3584 + 1280;
  plan.hugepages = 1;
  plan.initrd = "";
  plan.image = "/usr/share/kata/image.raw";
  plan.image_fstype = "erofs";
  plan.disks = disks;
  plan.block_aio = 2;
  plan.disk_bytes = 10 << 20;
  plan.disk_bytes_once = 1 << 20;
  plan.disk_ops = 1000;
  plan.memory_reporting = 1;
  plan.nics = nics;
  plan.nic_rx_bytes = 125000;
  plan.nic_tx_bytes = 250000;
  return plan;
}

START_TEST (smallest)
{
  kata_vm_plan plan = base ();
  golden ("smallest", &plan);
}
END_TEST

START_TEST (everything)
{
  kata_vm_plan plan = rich ();
  golden ("everything", &plan);
}
END_TEST

/* Firecracker's own "root=/dev/vda" would come behind ours. */
START_TEST (root_on_a_partition)
{
  kata_vm_plan plan = rich ();
  ck_assert_uint_eq (valid (&plan, 17, " root=/dev/vda ro rootfstype=erofs"), 1);
  plan.image_partition = 1;
  ck_assert_uint_eq (valid (&plan, 17, " root=/dev/vda1 ro rootfstype=erofs"), 1);
  ck_assert_uint_eq (valid (&plan, 17, "\"is_root_device\":true"), 0);
  ck_assert_uint_eq (valid (&plan, 17, "\"is_root_device\":false"), 3);
}
END_TEST

START_TEST (in_a_jail)
{
  kata_vm_plan plan = rich ();
  plan.id = "pod_1.a";
  plan.jailer_path = "/opt/jailer";
  plan.jailer_uid = 1000;
  plan.jailer_gid = 1001;
  golden ("jailed", &plan);
}
END_TEST

START_TEST (versions)
{
  kata_vm_plan plan = rich ();
  ck_assert_uint_eq (valid (&plan, 17, "/serial"), 1);
  ck_assert_uint_eq (valid (&plan, 16, "one_time_burst\":67108864"), 1);
  ck_assert_uint_eq (valid (&plan, 16, "\"mtu\""), 1);
  ck_assert_uint_eq (valid (&plan, 15, "\"mtu\""), 0);
  ck_assert_uint_eq (valid (&plan, 15, "/serial"), 1);
  ck_assert_uint_eq (valid (&plan, 14, "{\"total_size_mib\":1280}"), 1);
  ck_assert_uint_eq (kata_fc__room_mib (&plan), 1280);
  plan.memory_reporting = 0;
  plan.max_memory_mib = plan.memory_mib;
  ck_assert_uint_eq (valid (&plan, 14, "/hotplug/memory"), 0);
  ck_assert_uint_eq (valid (&plan, 12, "/serial"), 0);
  ck_assert_uint_eq (valid (&plan, 12, "log_path"), 1);
  ck_assert_uint_eq (valid (&plan, 12, "mmds"), 0);
}
END_TEST

/* Each is there from 1.14 on. */
START_TEST (too_old)
{
  const char *const keys[] = { "hypervisor.fc.reclaim_guest_freed_memory", "hypervisor.fc.default_maxmemory" };
  kata_vm_plan plan = base ();
  const struct kata_fc_facts facts = { .version = { 1, 13, 9 } };
  g_autoptr (kata_error) error = NULL;
  GPtrArray *requests = NULL;
  plan.memory_reporting = _i == 0;
  plan.max_memory_mib = _i == 0 ? 256 : 384;
  ck_assert_int_eq (kata_fc__requests (&requests, &plan, &facts, &error), KATA_E_UNSUPPORTED);
  ck_assert_str_eq (kata_error_get_key (error), keys[_i]);
}
END_TEST

/* Behind all other drives; as many as there are devices left for. */
START_TEST (places)
{
  kata_vm_plan plan = base ();
  const kata_vm_disk *many[17] = { NULL };
  plan.disk_ports = 4;
  plan.disks = disks;
  golden ("places", &plan);
  ck_assert_uint_eq (valid (&plan, 17, "/drives/place_"), 4);
  for (size_t i = 0; i < 14; i++)
    many[i] = &layers;
  plan.disks = many;
  ck_assert_uint_eq (kata_fc__places (&plan), 1);
  ck_assert_uint_eq (valid (&plan, 17, "/drives/"), 15);
  plan.max_memory_mib = 384; /* it is a device */
  ck_assert_uint_eq (kata_fc__places (&plan), 0);
  plan.max_memory_mib = 0;
  many[14] = &layers;
  ck_assert_uint_eq (kata_fc__places (&plan), 0);
  plan.entropy_source = "";
  ck_assert_uint_eq (kata_fc__places (&plan), 1);
}
END_TEST

/* What Firecracker says of a machine that came from a snapshot's files. */
static const struct {
  const char *config;
  int code;
  const char *said;
} restored_rows[] = {
#define GOOD_DRIVES                                                                                                    \
  "{\"drive_id\":\"data_one\",\"path_on_host\":\"/var/lib/disks/data.raw\",\"is_read_only\":false,\"socket\":null},"   \
  "{\"drive_id\":\"layers\",\"path_on_host\":\"/dev/loop7\",\"is_read_only\":true}"
  { "{\"drives\":[" GOOD_DRIVES "],\"vsock\":{\"guest_cid\":3,\"uds_path\":\"vsock.sock\"},\"boot-source\":"
    "{\"kernel_image_path\":\"\"},\"network-interfaces\":[],\"machine-config\":{\"vcpu_count\":1}}",
    0, "" },
  { "{\"drives\":[" GOOD_DRIVES "],\"vsock\":{\"uds_path\":\"other.sock\"}}", KATA_E_CORRUPT, "other.sock" },
  { "{\"drives\":[" GOOD_DRIVES "],\"network-interfaces\":[{\"host_dev_name\":\"tap0\"}]}", KATA_E_CORRUPT, "tap0" },
  { "{\"drives\":[" GOOD_DRIVES "],\"pmem\":[{\"id\":\"p\",\"path_on_host\":\"relative\"}]}", KATA_E_CORRUPT,
    "relative" },
  /* A disk's file a second time, to be written to; a tap with the name of a disk; a disk's file for a socket. */
  { "{\"drives\":[" GOOD_DRIVES "],\"pmem\":[{\"id\":\"p\",\"path_on_host\":\"/dev/loop7\",\"read_only\":false}]}",
    KATA_E_CORRUPT, "loop7" },
  { "{\"drives\":[" GOOD_DRIVES "],\"a\":{\"drives\":[{\"path_on_host\":\"/dev/loop7\"}]}}", KATA_E_CORRUPT, "loop7" },
  { "{\"drives\":[" GOOD_DRIVES "],\"network-interfaces\":[{\"host_dev_name\":\"layers\"}]}", KATA_E_CORRUPT,
    "layers" },
  { "{\"drives\":[" GOOD_DRIVES "],\"vsock\":{\"uds_path\":\"/dev/loop7\"}}", KATA_E_CORRUPT, "loop7" },
  { "{\"drives\":[" GOOD_DRIVES "],\"new\":{\"a\":[{\"b\":\"/etc/shadow\"}]}}", KATA_E_CORRUPT, "/etc/shadow" },
  { "{\"drives\":[" GOOD_DRIVES ",{\"drive_id\":\"x\",\"path_on_host\":\"/dev/loop7\"}]}", KATA_E_CORRUPT, "number" },
  { "{\"drives\":[{\"drive_id\":\"data_one\",\"path_on_host\":\"/var/lib/disks/data.raw\"}]}", KATA_E_CORRUPT,
    "number" },
  { "{\"drives\":[{\"drive_id\":\"layers\",\"path_on_host\":\"/dev/loop7\",\"is_read_only\":true},"
    "{\"drive_id\":\"layers\",\"path_on_host\":\"/dev/loop7\",\"is_read_only\":true}]}",
    KATA_E_CORRUPT, "loop7" },
  { "{\"drives\":[{\"drive_id\":\"data_one\",\"path_on_host\":\"/var/lib/disks/data.raw\"},"
    "{\"drive_id\":\"layers\",\"path_on_host\":\"/dev/loop7\",\"is_read_only\":false}]}",
    KATA_E_CORRUPT, "loop7" },
  { "{\"drives\":[{\"drive_id\":\"data_one\",\"path_on_host\":\"/dev/loop7\"},"
    "{\"drive_id\":\"layers\",\"path_on_host\":\"/dev/loop7\",\"is_read_only\":true}]}",
    KATA_E_CORRUPT, "loop7" },
  { "{}", KATA_E_CORRUPT, "number" },
  { "{\"drives\":7}", KATA_E_CORRUPT, "number" },
  { "{\"drives\":[7,null]}", KATA_E_CORRUPT, "" },
  { "[]", KATA_E_PROTOCOL, "no object" },
  { "{", KATA_E_PROTOCOL, "" },
  { "", KATA_E_PROTOCOL, "" },
};

START_TEST (restored)
{
  const struct kata_fc_facts facts = { .version = { 1, 17, 0 } };
  kata_vm_plan plan = base ();
  g_autoptr (kata_error) error = NULL;
  g_autoptr (GPtrArray) requests = NULL;
  plan.disks = disks;
  ck_assert_int_eq (kata_fc__requests (&requests, &plan, &facts, NULL), 0);
  int code = kata_fc__check_restored (restored_rows[_i].config, requests, &error);
  ck_assert_msg (code == restored_rows[_i].code, "%s: %d: %s", restored_rows[_i].config, code,
                 error != NULL ? kata_error_get_message (error) : "");
  if (code != 0)
    ck_assert_msg (strstr (kata_error_get_message (error), restored_rows[_i].said) != NULL, "%s",
                   kata_error_get_message (error));
}
END_TEST

START_TEST (refused_files)
{
  kata_vm_plan plan = base ();
  plan.kernel = "";
  refused (&plan, KATA_E_GUEST, "hypervisor.fc.kernel");
  plan = base ();
  plan.initrd = "";
  refused (&plan, KATA_E_GUEST, "hypervisor.fc.initrd");
  plan = base ();
  plan.firmware = "/usr/share/hypervisor-fw";
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.fc.firmware");
  plan = base ();
  kata_vm_disk bad = { sizeof bad, "../data", "/data", 0 };
  const kata_vm_disk *const bad_disks[] = { &bad, NULL };
  plan.disks = bad_disks;
  refused (&plan, KATA_E_INVALID, "../data");
  bad = layers;
  bad.id = "place-1";
  refused (&plan, KATA_E_INVALID, "place-1");
  bad.port = 1; /* it is drive place_1 */
  plan.disk_ports = 2;
  ck_assert_uint_eq (valid (&plan, 17, "/drives/"), 2);
  bad.port = 0;
  bad.id = "kata-image";
  refused (&plan, KATA_E_INVALID, "kata-image");
}
END_TEST

START_TEST (refused_keys)
{
  kata_vm_plan plan = base ();
  plan.machine_type = "q35";
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.fc.machine_type");
  plan = base ();
  plan.cpu_features = "+x";
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.fc.cpu_features");
  plan = base ();
  plan.prealloc = 1;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.fc.enable_mem_prealloc");
  plan = base ();
  plan.share_kind = KATA_SHARE_VIRTIOFS;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.fc.shared_fs");
  plan = base ();
  plan.block_cache_direct = 1;
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.fc.block_device_cache_direct");
  plan = base ();
  plan.entropy_source = "/dev/hwrng";
  refused (&plan, KATA_E_UNSUPPORTED, "hypervisor.fc.entropy_source");
  plan = base ();
  plan.vcpus = 33;
  refused (&plan, KATA_E_LIMIT, "vcpus");
  plan = base ();
  const kata_vm_disk *many[17] = { NULL };
  for (size_t i = 0; i < 15; i++)
    many[i] = &layers;
  plan.disks = many;
  ck_assert_uint_eq (valid (&plan, 17, "/drives/"), 15); /* and vsock, random numbers: 17 */
  many[15] = &layers;
  refused (&plan, KATA_E_LIMIT, "packed_containers");
  plan = base ();
  plan.agent_kind = KATA_AGENT_SERIAL;
  refused (&plan, KATA_E_UNSUPPORTED, "agent");
}
END_TEST

START_TEST (refused_nics)
{
  kata_vm_plan plan = base ();
  kata_vm_nic wrong = one;
  const kata_vm_nic *const wrong_nics[] = { &wrong, NULL };
  plan.nics = wrong_nics;
  wrong.mac = "02:42";
  refused (&plan, KATA_E_INVALID, "eth0");
  wrong = one;
  wrong.vhost = 1;
  refused (&plan, KATA_E_UNSUPPORTED, "eth0");
  wrong = one;
  wrong.queues = 2;
  refused (&plan, KATA_E_UNSUPPORTED, "one queue");
  wrong = one;
  wrong.device = "";
  refused (&plan, KATA_E_UNSUPPORTED, "by name");
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("fc-request");
  TCase *tcase = tcase_create ("fc-request");
  tcase_add_test (tcase, smallest);
  tcase_add_test (tcase, everything);
  tcase_add_test (tcase, root_on_a_partition);
  tcase_add_test (tcase, in_a_jail);
  tcase_add_test (tcase, versions);
  tcase_add_loop_test (tcase, too_old, 0, 2);
  tcase_add_test (tcase, places);
  tcase_add_loop_test (tcase, restored, 0, (int) G_N_ELEMENTS (restored_rows));
  tcase_add_test (tcase, refused_files);
  tcase_add_test (tcase, refused_keys);
  tcase_add_test (tcase, refused_nics);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
