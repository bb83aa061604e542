/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Block devices of the host in a container's plan: as its root, as volumes, as devices; what is refused, and what the agent is told. */
#include "plan/block.h"

#include <check.h>
#include <stdlib.h>

#include "agent/spec.h"
#include "plan/pack.h"
#include "setup.h"

#define HEAD   "{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"}"
#define ROOT   ",\"root\":{\"path\":\"/rootfs\"}"
#define MOUNTS ROOT ",\"mounts\":["
#define LINUX  ROOT ",\"linux\":{"

static const struct kata_block_fact blocks[] = {
  { .source = "/dev/sdb", .node = "/dev/sdb", .major = 8, .minor = 16 },
  { .source = "/pods/link", .node = "/dev/nvme0n1", .major = 259, .minor = 0 },
  { .source = "/dev/dvd", .node = "/dev/sr0", .major = 11, .minor = 0, .readonly = true },
  { .source = NULL, .node = "/dev/sdb", .major = 8, .minor = 16 },
  { .source = "/made/by/hand", .node = NULL, .major = 7, .minor = 3 },
  { .source = "/dev/rootdisk", .node = "/dev/dm-3", .major = 254, .minor = 3 },
};
static const struct kata_container_facts facts = { blocks, G_N_ELEMENTS (blocks) };

static struct setup s;
static kata_plan *plan;
static kata_container_options options;

static void
begin_with (const char *toml)
{
  setup_init (&s, toml);
  ck_assert_int_eq (kata_plan__make (&plan, &s.in, NULL), 0);
  options = (kata_container_options) KATA_CONTAINER_OPTIONS_INIT;
}

static void
begin (void)
{
  begin_with ("");
}

static void
end (void)
{
  kata_plan__unref (plan);
  setup_clear (&s);
}

static int
make (kata_container_plan **out, const char *text, kata_error **err)
{
  g_autoptr (kata_oci_spec) spec = NULL;
  ck_assert_msg (kata_oci_spec__parse (&spec, text, strlen (text), err) == 0, "%s", text);
  return kata_container_plan__make (out, plan, spec, &options, &facts, "c1", err);
}

/* As the machine has it once they are plugged in. */
static void
plug (const kata_container_plan *c, kata_vm_disk *disks, const kata_vm_disk **list)
{
  for (size_t i = 0; i < c->n_blocks; i++) {
    disks[i] = (kata_vm_disk){ .size = sizeof *disks, .id = c->blocks[i].id, .path = c->blocks[i].node, .port = 1 + i };
    list[i] = &disks[i];
  }
  plan->vm.disks = list;
}

static bool
has (char **list, const char *word)
{
  return list != NULL && g_strv_contains ((const char *const *) list, word);
}

START_TEST (volumes)
{
  g_autoptr (kata_container_plan) c = NULL;
  kata_vm_disk disks[4];
  const kata_vm_disk *list[5] = { NULL };
  ck_assert_int_eq (
      make (&c,
            HEAD MOUNTS
            "{\"destination\":\"/raw\",\"type\":\"bind\",\"source\":\"/dev/sdb\",\"options\":[\"rbind\",\"rslave\"]},"
            "{\"destination\":\"/data\",\"type\":\"xfs\",\"source\":\"/pods/link\",\"options\":[\"ro\",\"noatime\","
            "\"rprivate\"]},"
            "{\"destination\":\"/cd\",\"type\":\"bind\",\"source\":\"/dev/dvd\"},"
            "{\"destination\":\"/again\",\"type\":\"bind\",\"source\":\"/dev/sdb\",\"options\":[\"bind\",\"ro\"]}]}",
            NULL),
      0);
  ck_assert (c->n_shares == 1 && c->n_storages == 4 && c->n_blocks == 3 && c->n_devices == 0);
  ck_assert_str_eq (c->blocks[0].id, "kata-b-8-16");
  ck_assert_str_eq (c->blocks[0].node, "/dev/sdb");
  ck_assert (!c->blocks[0].readonly && c->blocks[1].readonly && c->blocks[2].readonly && !c->blocks[0].listed);
  ck_assert_str_eq (c->blocks[1].node, "/dev/nvme0n1"); /* never the link */
  ck_assert_str_eq (c->storages[0].fstype, "bind");
  ck_assert_str_eq (c->storages[0].mount_point, KATA_GUEST_VOLUME_DIR "/c1-m0");
  ck_assert_str_eq (c->spec->mounts[0].source, KATA_GUEST_VOLUME_DIR "/c1-m0");
  ck_assert (!has (c->storages[0].options, "ro") && has (c->storages[2].options, "ro") &&
             has (c->storages[3].options, "ro"));
  ck_assert_str_eq (c->storages[1].fstype, "xfs");
  ck_assert (has (c->storages[1].options, "ro") && has (c->storages[1].options, "noatime") &&
             !has (c->storages[1].options, "rprivate"));
  ck_assert_str_eq (c->spec->mounts[1].type, "bind");
  ck_assert (has (c->spec->mounts[1].options, "rbind") && has (c->spec->mounts[1].options, "ro") &&
             has (c->spec->mounts[1].options, "rprivate") && !has (c->spec->mounts[1].options, "noatime"));
  ck_assert_int_eq (kata_container_plan__locate (c, plan, NULL), KATA_E_INTERNAL); /* not plugged in */
  plug (c, disks, list);
  ck_assert_int_eq (kata_container_plan__locate (c, plan, NULL), 0);
  ck_assert_str_eq (c->storages[0].driver, "blk");
  ck_assert_str_eq (c->storages[3].source, "/dev/disk/by-kata/kata-b-8-16");
}
END_TEST

/* Of one device: who reads only and who writes, in one container or two, get one file system. */
START_TEST (readers_beside_writers)
{
  g_autoptr (kata_container_plan) both = NULL, reader = NULL;
  kata_vm_disk disks[2];
  const kata_vm_disk *list[3] = { NULL };
  const char *ro =
      "{\"destination\":\"/a\",\"type\":\"ext4\",\"source\":\"/dev/sdb\",\"options\":[\"ro\",\"noatime\"]}";
  const char *rw = "{\"destination\":\"/b\",\"type\":\"ext4\",\"source\":\"/dev/sdb\",\"options\":[\"rw\"]}";
  g_autofree char *two = g_strconcat (HEAD MOUNTS, ro, ",", rw, "]}", NULL);
  g_autofree char *one = g_strconcat (HEAD MOUNTS, ro, "]}", NULL);
  ck_assert_int_eq (make (&both, two, NULL), 0);
  plug (both, disks, list);
  ck_assert_int_eq (kata_container_plan__locate (both, plan, NULL), 0);
  ck_assert (!both->blocks[0].readonly && !has (both->storages[0].options, "ro"));
  ck_assert (has (both->storages[0].options, "noatime") && has (both->spec->mounts[0].options, "ro"));
  ck_assert_int_eq (make (&reader, one, NULL), 0);
  ck_assert (reader->blocks[0].readonly);
  ck_assert_int_eq (kata_container_plan__locate (reader, plan, NULL), 0); /* the disk that the other has */
  ck_assert (!has (reader->storages[0].options, "ro") && has (reader->spec->mounts[0].options, "ro"));
  disks[0].readonly = 1;
  g_autoptr (kata_container_plan) alone = NULL;
  ck_assert_int_eq (make (&alone, one, NULL), 0);
  ck_assert_int_eq (kata_container_plan__locate (alone, plan, NULL), 0);
  ck_assert (has (alone->storages[0].options, "ro"));
}
END_TEST

START_TEST (devices)
{
  g_autoptr (kata_container_plan) c = NULL;
  g_autoptr (kata_arena) arena = kata_arena__new ();
  kata_vm_disk disks[2];
  const kata_vm_disk *list[3] = { NULL };
  static const char text[] =
      HEAD LINUX "\"devices\":[{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,\"minor\":3},"
                 "{\"path\":\"/dev/xvda\",\"type\":\"b\",\"major\":8,\"minor\":16}],\"resources\":{\"devices\":["
                 "{\"allow\":false,\"access\":\"rwm\"},"
                 "{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":16,\"access\":\"rwm\"},"
                 "{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":32,\"access\":\"rwm\"}]}}}";
  ck_assert_int_eq (make (&c, text, NULL), 0);
  ck_assert (c->n_blocks == 1 && c->n_devices == 1 && c->blocks[0].listed && !c->blocks[0].readonly);
  const kata_oci_resources *resources = &c->spec->linux_.resources;
  ck_assert_uint_eq (resources->n_devices, 2); /* the other disk's rule means nothing in the guest */
  ck_assert_int_eq (resources->devices[1].minor.value, 16);
  plug (c, disks, list);
  ck_assert_int_eq (kata_container_plan__locate (c, plan, NULL), 0);
  Grpc__Device **messages = kata_agent_spec__devices (arena, c->devices, c->n_devices);
  ck_assert_str_eq (messages[0]->type, "blk");
  ck_assert_str_eq (messages[0]->id, "/dev/disk/by-kata/kata-b-8-16");
  ck_assert_str_eq (messages[0]->container_path, "/dev/xvda");
}
END_TEST

static const struct {
  const char *rules;
  bool readonly;
} accesses[] = {
  { "", false },
  { "{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":16,\"access\":\"rm\"}", true },
  { "{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":16,\"access\":\"r\"},{\"allow\":true,\"type\":\"b\","
    "\"access\":\"m\"}",
    true },
  { "{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":16,\"access\":\"r\"},{\"allow\":true,\"access\":\"rwm\"}",
    false },
  { "{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":16,\"access\":\"r\"},{\"allow\":true,\"type\":\"c\","
    "\"access\":\"rwm\"}",
    true },
  { "{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"rw\"}", false },
  { "{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":32,\"access\":\"rw\"},{\"allow\":true,\"type\":\"b\","
    "\"major\":8,\"minor\":16,\"access\":\"r\"}",
    true },
};

START_TEST (access_of_rules)
{
  g_autoptr (kata_container_plan) c = NULL;
  g_autofree char *text =
      g_strdup_printf (HEAD LINUX "\"devices\":[{\"path\":\"/dev/xvda\",\"type\":\"b\",\"major\":8,\"minor\":16}],"
                                  "\"resources\":{\"devices\":[%s]}}}",
                       accesses[_i].rules);
  ck_assert_int_eq (make (&c, text, NULL), 0);
  ck_assert_int_eq (c->blocks[0].readonly, accesses[_i].readonly);
}
END_TEST

START_TEST (root)
{
  g_autoptr (kata_container_plan) c = NULL, xfs = NULL, none = NULL;
  const char *text = HEAD ",\"root\":{\"path\":\"/dev/rootdisk\"}}";
  ck_assert_int_eq (make (&c, text, NULL), 0);
  ck_assert (c->n_shares == 0 && c->n_blocks == 1 && c->n_storages == 1 && !c->spec->root_readonly);
  ck_assert_str_eq (c->spec->root_path, KATA_GUEST_STORAGE_DIR "/c1");
  ck_assert_str_eq (c->storages[0].fstype, "ext4");
  options.rootfs_fstype = "xfs";
  ck_assert_int_eq (make (&xfs, HEAD ",\"root\":{\"path\":\"/dev/rootdisk\",\"readonly\":true}}", NULL), 0);
  ck_assert (xfs->blocks[0].readonly && xfs->spec->root_readonly && has (xfs->storages[0].options, "ro") &&
             has (xfs->storages[0].options, "nouuid"));
  options.rootfs_fstype = "ntfs";
  ck_assert_int_eq (make (&none, text, NULL), KATA_E_INVALID);
}
END_TEST

/* With options of its own a root that is read-only is so to its container only, which crun makes so. */
START_TEST (root_options)
{
  static const char *const none[] = { NULL }, *const some[] = { "noatime", "nouuid", NULL },
                           *const ro[] = { "ro", NULL };
  static const char *const bad[][2] = { { "a,b" }, { "" }, { "x\ny" } };
  const char *text = HEAD ",\"root\":{\"path\":\"/dev/rootdisk\",\"readonly\":true}}";
  const char *writable = HEAD ",\"root\":{\"path\":\"/dev/rootdisk\"}}";
  g_autoptr (kata_container_plan) a = NULL, b = NULL, c = NULL, d = NULL, e = NULL;
  options.rootfs_options = none;
  ck_assert_int_eq (make (&a, text, NULL), 0);
  ck_assert (!a->blocks[0].readonly && a->spec->root_readonly && !has (a->storages[0].options, "ro"));
  options.rootfs_options = some;
  options.rootfs_fstype = "xfs";
  ck_assert_int_eq (make (&b, writable, NULL), 0);
  ck_assert (!b->blocks[0].readonly && !b->spec->root_readonly && g_strv_length (b->storages[0].options) == 2);
  ck_assert_str_eq (b->storages[0].options[0], "noatime");
  options.rootfs_options = ro;
  ck_assert_int_eq (make (&c, writable, NULL), 0);
  ck_assert (c->blocks[0].readonly && c->spec->root_readonly && has (c->storages[0].options, "nouuid"));
  options.rootfs_options = none;
  ck_assert_int_eq (make (&d, HEAD ",\"root\":{\"path\":\"/dev/dvd\"}}", NULL), 0);
  ck_assert (d->blocks[0].readonly && d->spec->root_readonly && has (d->storages[0].options, "ro"));
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    options.rootfs_options = bad[i];
    ck_assert_int_eq (make (&e, writable, NULL), KATA_E_INVALID);
  }
}
END_TEST

START_TEST (root_options_of_a_disk)
{
  static const char *const some[] = { "ro", "noatime", NULL };
  const kata_vm_disk disk = { .size = sizeof disk, .id = "data", .path = "/srv/data" }, *list[] = { &disk, NULL };
  g_autoptr (kata_container_plan) c = NULL;
  plan->vm.disks = list;
  options.rootfs_disk = "data";
  options.rootfs_options = some;
  ck_assert_int_eq (make (&c, HEAD "}", NULL), 0);
  ck_assert (c->n_blocks == 0 && c->spec->root_readonly && g_strv_length (c->storages[0].options) == 2);
}
END_TEST

static const struct {
  const char *toml, *rest;
  int code;
  const char *key, *text;
} refusals[] = {
#define MOUNT(type, source) MOUNTS "{\"destination\":\"/d\",\"type\":\"" type "\",\"source\":\"" source "\"}]}"
  { "", MOUNT ("ntfs", "/dev/sdb"), KATA_E_INVALID, "$.mounts[0]", "none of ext4" },
  { "", MOUNT ("ext4", "/some/file"), KATA_E_UNSUPPORTED, "$.mounts[0]", "would need something" },
  { "", MOUNT ("bind", "/made/by/hand"), KATA_E_HOST, "$.mounts[0]", "no node" },
  { "", MOUNT ("bind", "/dev/sdc"), KATA_E_UNSUPPORTED, "$.mounts[0]", "device of the host" },
  { "[hypervisor.qemu]\ndisable_block_device_use = true\n", MOUNT ("bind", "/dev/sdb"), KATA_E_UNSUPPORTED,
    "$.mounts[0]", "disable_block_device_use" },
  { "[hypervisor.qemu]\ndisable_block_device_use = true\n", ",\"root\":{\"path\":\"/dev/rootdisk\"}}",
    KATA_E_UNSUPPORTED, "$.root.path", "disable_block_device_use" },
  { "", LINUX "\"devices\":[{\"path\":\"/dev/x\",\"type\":\"b\",\"major\":9,\"minor\":0}]}}", KATA_E_NOT_FOUND,
    "$.linux.devices[0]", "no block device 9:0" },
};

START_TEST (refuses)
{
  g_autoptr (kata_container_plan) c = NULL;
  g_autoptr (kata_error) err = NULL;
  g_autofree char *text = g_strconcat (HEAD, refusals[_i].rest, NULL);
  end ();
  begin_with (refusals[_i].toml);
  ck_assert_int_eq (make (&c, text, &err), refusals[_i].code);
  ck_assert_str_eq (kata_error_get_key (err), refusals[_i].key);
  ck_assert_msg (strstr (kata_error_get_message (err), refusals[_i].text) != NULL, "%s", kata_error_get_message (err));
}
END_TEST

/* As Kata: the key is about roots and volumes. */
START_TEST (devices_all_the_same)
{
  g_autoptr (kata_container_plan) c = NULL;
  end ();
  begin_with ("[hypervisor.qemu]\ndisable_block_device_use = true\n");
  ck_assert_int_eq (
      make (&c, HEAD LINUX "\"devices\":[{\"path\":\"/dev/x\",\"type\":\"b\",\"major\":8,\"minor\":16}]}}", NULL), 0);
  ck_assert_uint_eq (c->n_blocks, 1);
}
END_TEST

START_TEST (foreign_agent)
{
  g_autoptr (kata_container_plan) c = NULL;
  g_autoptr (kata_error) err = NULL;
  plan->guest_features &= ~(uint64_t) KATA_GUEST_BY_KATA;
  ck_assert_int_eq (make (&c, HEAD MOUNT ("bind", "/dev/sdb"), &err), KATA_E_UNSUPPORTED);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (err), "by their id"));
}
END_TEST

/* Of the first container: in the machine from the start, behind the caller's own; each counts. */
START_TEST (from_the_start)
{
  static const struct kata_block first[KATA_DISKS_MAX + 1] = {
    { .id = "kata-b-8-16", .node = "/dev/sdb", .major = 8, .minor = 16 },
    { .id = "kata-b-11-0", .node = "/dev/sr0", .major = 11, .readonly = true },
  };
  const kata_disk disk = { sizeof disk, "data", "/srv/data", 0 }, *disks[] = { &disk, NULL };
  g_autoptr (kata_plan) cold = NULL;
  g_autoptr (kata_error) err = NULL;
  uint32_t major = 0, minor = 0;
  s.options.disks = disks;
  s.in.blocks = first;
  s.in.n_blocks = 2;
  ck_assert_int_eq (kata_plan__make (&cold, &s.in, NULL), 0);
  const kata_vm_disk *const *list = cold->vm.disks;
  ck_assert_str_eq (list[0]->id, "data");
  ck_assert_str_eq (list[1]->id, "kata-b-8-16");
  ck_assert_str_eq (list[1]->path, "/dev/sdb");
  ck_assert (!list[1]->readonly && list[2]->readonly && list[2]->port == 0 && list[3] == NULL);
  ck_assert (kata_plan__block_number (list[2], &major, &minor) && major == 11 && minor == 0);
  ck_assert (!kata_plan__block_number (list[0], &major, &minor));
  s.in.n_blocks = KATA_DISKS_MAX;
  ck_assert_int_eq (kata_plan__make (&cold, &s.in, NULL), KATA_E_LIMIT);
  s.in.n_blocks = 1;
  s.caps.have &= ~(UINT64_C (1) << KATA_CAP_BLOCK);
  s.options.disks = NULL;
  ck_assert_int_eq (kata_plan__make (&cold, &s.in, &err), KATA_E_UNSUPPORTED);
}
END_TEST

START_TEST (names_of_their_own)
{
  kata_vm_disk *made = NULL;
  g_autoptr (kata_arena) arena = kata_arena__new ();
  const kata_disk disk = { sizeof disk, "kata-b-8-16", "/dev/sdb", 0 };
  ck_assert_int_eq (kata_plan__disk (&made, arena, &disk, NULL), KATA_E_INVALID);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("plan/block");
  TCase *tcase = tcase_create ("block");
  tcase_add_checked_fixture (tcase, begin, end);
  tcase_add_test (tcase, volumes);
  tcase_add_test (tcase, readers_beside_writers);
  tcase_add_test (tcase, devices);
  tcase_add_loop_test (tcase, access_of_rules, 0, G_N_ELEMENTS (accesses));
  tcase_add_test (tcase, root);
  tcase_add_test (tcase, root_options);
  tcase_add_test (tcase, root_options_of_a_disk);
  tcase_add_loop_test (tcase, refuses, 0, G_N_ELEMENTS (refusals));
  tcase_add_test (tcase, devices_all_the_same);
  tcase_add_test (tcase, foreign_agent);
  tcase_add_test (tcase, from_the_start);
  tcase_add_test (tcase, names_of_their_own);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
