/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Edits of a specification on its way to the guest, what is refused, and the agent's messages at the end. */
#include <check.h>
#include <stdlib.h>

#include "agent/spec.h"
#include "plan/pack.h"
#include "setup.h"

#define HEAD "{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"},\"root\":{\"path\":\"rootfs\"}"

static struct setup s;
static kata_plan *plan;
static kata_container_options options;

static void
begin (void)
{
  setup_init (&s, "");
  ck_assert_int_eq (kata_plan__make (&plan, &s.in, NULL), 0);
  options = (kata_container_options) KATA_CONTAINER_OPTIONS_INIT;
  options.bundle = "/bundle";
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
  return kata_container_plan__make (out, plan, spec, &options, NULL, "c1", err);
}

START_TEST (shares)
{
  g_autoptr (kata_container_plan) c = NULL;
  begin ();
  ck_assert_int_eq (
      make (&c,
            HEAD ",\"mounts\":[{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"/src,dir\",\"options\":[\"ro\","
                 "\"rslave\"]},{\"destination\":\"/dev/shm\",\"type\":\"bind\",\"source\":\"/host/shm\"},"
                 "{\"destination\":\"rel\",\"source\":\"data\",\"options\":[\"bind\"]},"
                 "{\"destination\":\"/f\",\"type\":\"bind\",\"source\":\"/dev/shm/file\"}]}",
            NULL),
      0);
  ck_assert_uint_eq (c->n_shares, 4);
  ck_assert_str_eq (c->shares[0].source, "/bundle/rootfs");
  ck_assert_str_eq (c->shares[0].path, "c1/rootfs");
  ck_assert (c->shares[0].rootfs && !c->shares[0].readonly);
  ck_assert_str_eq (c->shares[1].source, "/src,dir");
  ck_assert (c->shares[1].readonly && c->shares[1].recursive);
  ck_assert_str_eq (c->shares[2].source, "/bundle/data");
  ck_assert (!c->shares[2].recursive);
  ck_assert_str_eq (c->shares[3].source, "/dev/shm/file");
  ck_assert_str_eq (c->spec->root_path, KATA_GUEST_SHARE_DIR "/c1/rootfs");
  ck_assert_str_eq (c->spec->mounts[0].source, KATA_GUEST_SHARE_DIR "/c1/m0");
  ck_assert_str_eq (c->spec->mounts[0].options[1], "rbind");
  ck_assert_str_eq (c->spec->mounts[1].source, KATA_GUEST_SHM_DIR);
  ck_assert_str_eq (c->spec->mounts[2].destination, "/rel");
  ck_assert (c->rows == 24 && c->columns == 80);
  end ();
}
END_TEST

static const struct {
  const char *rest;
  int code;
  const char *key;
} refusals[] = {
#define MOUNT(source) ",\"mounts\":[{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"" source "\"}]}"
  { MOUNT ("/"), KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { ",\"mounts\":[{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"/s\",\"options\":[\"rbind\",\"rshared\"]}]}",
    KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { MOUNT ("//"), KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { MOUNT ("/dev"), KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { MOUNT ("/dev/shm"), KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { MOUNT ("/dev/shmem"), KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { MOUNT ("/dev/kvm"), KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { MOUNT ("/proc/1"), KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { MOUNT ("/sys"), KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { MOUNT ("/run/libkata/box"), KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { MOUNT ("/run/libkata"), KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { MOUNT ("/run/libkata/box/shared/x"), KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { MOUNT ("/a/../etc"), KATA_E_SPEC, "$.mounts[0]" },
  { MOUNT ("../x"), KATA_E_SPEC, "$.mounts[0]" },
  { MOUNT (""), KATA_E_SPEC, "$.mounts[0]" },
  { MOUNT ("/a\\nb"), KATA_E_SPEC, "$.mounts[0]" },
  { ",\"mounts\":[{\"destination\":\"/d/../../x\",\"type\":\"tmpfs\"}]}", KATA_E_SPEC, "$.mounts[0]" },
  { ",\"mounts\":[{\"destination\":\"/d\",\"type\":\"nfs\",\"source\":\"h:/x\"}]}", KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { ",\"mounts\":[{\"destination\":\"/d\"}]}", KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { ",\"mounts\":[{\"destination\":\"/d\",\"type\":\"bind\",\"source\":\"/x\",\"options\":[\"idmap\"]}]}",
    KATA_E_UNSUPPORTED, "$.mounts[0]" },
  { ",\"linux\":{\"devices\":[{\"path\":\"/dev/kvm\",\"type\":\"c\",\"major\":10,\"minor\":232}]}}", KATA_E_UNSUPPORTED,
    "$.linux.devices[0]" },
  { ",\"linux\":{\"devices\":[{\"path\":\"/dev/sda\",\"type\":\"b\",\"major\":8,\"minor\":0}]}}", KATA_E_NOT_FOUND,
    "$.linux.devices[0]" },
  { ",\"linux\":{\"namespaces\":[{\"type\":\"user\",\"path\":\"/proc/1/ns/user\"}]}}", KATA_E_UNSUPPORTED,
    "$.linux.namespaces" },
  { ",\"windows\":{}}", KATA_E_UNSUPPORTED, "$" },
};

START_TEST (refuses)
{
  g_autoptr (kata_container_plan) c = NULL;
  g_autoptr (kata_error) err = NULL;
  g_autofree char *text = g_strconcat (HEAD, refusals[_i].rest, NULL);
  begin ();
  ck_assert_int_eq (make (&c, text, &err), refusals[_i].code);
  ck_assert_str_eq (kata_error_get_key (err), refusals[_i].key);
  ck_assert_ptr_null (c);
  end ();
}
END_TEST

static const struct {
  const char *text;
  int code;
  const char *key;
} roots[] = {
  { "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"/r\"}}", KATA_E_SPEC, "$.process" },
  { "{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"}}", KATA_E_SPEC, "$.root" },
  { "{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"},\"root\":{\"path\":\"/\"}}", KATA_E_SPEC,
    "$.root.path" },
  { "{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"},\"root\":{\"path\":\"../r\"}}", KATA_E_SPEC,
    "$.root.path" },
  { "{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"},\"root\":{\"path\":\"/run\"}}", KATA_E_SPEC,
    "$.root.path" },
};

START_TEST (root)
{
  g_autoptr (kata_container_plan) c = NULL;
  g_autoptr (kata_error) err = NULL;
  begin ();
  ck_assert_int_eq (make (&c, roots[_i].text, &err), roots[_i].code);
  ck_assert_str_eq (kata_error_get_key (err), roots[_i].key);
  end ();
}
END_TEST

START_TEST (ids)
{
  static const char *const bad[] = { "", "..", "a/b", "shared", "sandbox", "image", "virtual-volumes", "a\n" };
  g_autoptr (kata_oci_spec) spec = kata_oci_spec__default ("/r");
  begin ();
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (kata_container_plan) c = NULL;
    ck_assert_int_eq (kata_container_plan__make (&c, plan, spec, NULL, NULL, bad[i], NULL), KATA_E_INVALID);
  }
  end ();
}
END_TEST

START_TEST (disk)
{
  const kata_disk data = { sizeof data, "root-0", "/disk.img", KATA_DISK_READONLY };
  const kata_disk *const disks[] = { &data, NULL };
  g_autoptr (kata_oci_spec) spec = kata_oci_spec__default (NULL);
  g_autoptr (kata_container_plan) c = NULL, none = NULL;
  kata_container_options disk_options = KATA_CONTAINER_OPTIONS_INIT;
  setup_init (&s, "");
  s.options.disks = disks;
  ck_assert_int_eq (kata_plan__make (&plan, &s.in, NULL), 0);
  disk_options.rootfs_disk = "root-0";
  ck_assert_int_eq (kata_container_plan__make (&c, plan, spec, &disk_options, NULL, "c1", NULL), 0);
  ck_assert_uint_eq (c->n_shares, 0);
  ck_assert_uint_eq (c->n_storages, 1);
  ck_assert_str_eq (c->storages[0].driver, "blk");
  ck_assert_str_eq (c->storages[0].source, "/dev/disk/by-kata/root-0");
  ck_assert_str_eq (c->storages[0].fstype, "ext4");
  ck_assert_str_eq (c->spec->root_path, c->storages[0].mount_point);
  ck_assert (c->spec->root_readonly);
  disk_options.rootfs_disk = "other";
  ck_assert_int_eq (kata_container_plan__make (&none, plan, spec, &disk_options, NULL, "c1", NULL), KATA_E_INVALID);
  disk_options.rootfs_disk = "root-0";
  disk_options.rootfs_fstype = "ntfs";
  ck_assert_int_eq (kata_container_plan__make (&none, plan, spec, &disk_options, NULL, "c1", NULL), KATA_E_INVALID);
  end ();
}
END_TEST

/* The places of later disks come behind all others; where each is for one kind of disk, there are as many for either. */
START_TEST (later_disks)
{
  const struct {
    uint64_t caps;
    uint32_t ports;
    bool by_mode;
  } rows[] = {
    { 0, 0, false },
    { UINT64_C (1) << KATA_CAP_BLOCK_PORT_MODES, 0, false },
    { UINT64_C (1) << KATA_CAP_BLOCK_HOTPLUG, 3, false },
    { UINT64_C (1) << KATA_CAP_BLOCK_HOTPLUG | UINT64_C (1) << KATA_CAP_BLOCK_BY_ORDER, 3, false },
    { UINT64_C (1) << KATA_CAP_BLOCK_HOTPLUG | UINT64_C (1) << KATA_CAP_BLOCK_PORT_MODES, 6, true },
  };
  const kata_disk data = { sizeof data, "first", "/disk.img", 0 };
  const kata_disk *const disks[] = { &data, NULL };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    setup_init (&s, "[hypervisor.qemu]\ndisk_ports = 3\nshared_fs = \"none\"\npacked_containers = 2\n");
    s.caps.have |= rows[i].caps;
    s.options.disks = disks;
    ck_assert_int_eq (kata_plan__make (&plan, &s.in, NULL), 0);
    ck_assert_uint_eq (plan->vm.disk_ports, rows[i].ports);
    ck_assert (plan->ports_by_mode == rows[i].by_mode);
    if ((rows[i].caps & UINT64_C (1) << KATA_CAP_BLOCK_BY_ORDER) != 0) {
      const kata_vm_disk later = { .size = sizeof later, .id = "later", .path = "/later", .port = 2 };
      struct kata_storage storage = { 0 };
      kata_plan__find_disk (&storage, plan->arena, plan, &later);
      ck_assert_str_eq (storage.source, "/dev/vde"); /* behind one disk and two packs, the second place */
    }
    end ();
  }
}
END_TEST

START_TEST (nothing_shared)
{
  g_autoptr (kata_container_plan) c = NULL;
  g_autoptr (kata_error) err = NULL;
  begin ();
  kata_plan__unref (plan);
  kata_config__unref (s.config);
  const char *toml = "[hypervisor.qemu]\nshared_fs = \"none\"\npacked_containers = 0\n";
  ck_assert_int_eq (kata_config__parse (&s.config, "t", toml, strlen (toml), NULL, NULL), 0);
  s.in.config = s.config;
  ck_assert_int_eq (kata_plan__make (&plan, &s.in, NULL), 0);
  ck_assert_int_eq (make (&c, HEAD "}", &err), KATA_E_UNSUPPORTED);
  ck_assert_str_eq (kata_error_get_key (err), "$.root.path");
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (err), "shared_fs is \"none\""));
  end ();
}
END_TEST

START_TEST (packed)
{
  g_autoptr (kata_container_plan) c = NULL;
  g_autoptr (kata_error) err = NULL;
  begin ();
  kata_plan__unref (plan);
  kata_config__unref (s.config);
  const char *toml = "[hypervisor.qemu]\nshared_fs = \"none\"\npacked_containers = 2\n";
  ck_assert_int_eq (kata_config__parse (&s.config, "t", toml, strlen (toml), NULL, NULL), 0);
  s.in.config = s.config;
  ck_assert_int_eq (kata_plan__make (&plan, &s.in, NULL), 0);
  ck_assert_ptr_null (kata_plan__pack_disk (plan, 2));
  ck_assert_str_eq (kata_plan__pack_disk (plan, 1)->id, "kata-pack-1");
  ck_assert_int_eq (make (&c, HEAD "}", &err), 0);
  ck_assert (c->packed && c->n_shares == 1 && c->n_storages == 0);
  kata_container_plan__unpack (c, plan, kata_plan__pack_disk (plan, 1));
  ck_assert_uint_eq (c->n_storages, 3);
  ck_assert_str_eq (c->storages[0].source, "/dev/disk/by-kata/kata-pack-1");
  ck_assert_str_eq (c->storages[0].fstype, "erofs");
  ck_assert_str_eq (c->storages[2].mount_point, "/run/kata-containers/shared/containers/c1");
  ck_assert_str_eq (c->spec->root_path, "/run/kata-containers/shared/containers/c1/rootfs");
  end ();
}
END_TEST

START_TEST (edits)
{
  static const char text[] =
      HEAD ",\"hostname\":\"other\",\"hooks\":{\"prestart\":[{\"path\":\"/h\"}]},"
           "\"linux\":{\"namespaces\":[{\"type\":\"network\",\"path\":\"/run/netns/x\"},{\"type\":\"pid\",\"path\":\"/"
           "proc/9/ns/pid\"},"
           "{\"type\":\"time\"},{\"type\":\"cgroup\"}],\"cgroupsPath\":\"/docker/x\",\"rootfsPropagation\":\"rshared\","
           "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"},"
           "\"resources\":{\"cpu\":{\"cpus\":\"0-1\",\"shares\":512},\"memory\":{\"limit\":1000,\"swap\":2000,"
           "\"swappiness\":5},"
           "\"devices\":[{\"allow\":false},{\"allow\":true,\"type\":\"b\",\"major\":8},{\"allow\":true,\"type\":\"c\","
           "\"major\":1}],"
           "\"pids\":{\"limit\":5},\"blockIO\":{\"weight\":10},\"unified\":{\"memory.high\":\"1\"}}}}";
  g_autoptr (kata_container_plan) c = NULL;
  g_autoptr (kata_oci_spec) spec = NULL;
  g_autoptr (kata_arena) arena = kata_arena__new ();
  begin ();
  ck_assert_int_eq (kata_oci_spec__parse (&spec, text, strlen (text), NULL), 0);
  ck_assert_int_eq (kata_container_plan__make (&c, plan, spec, &options, NULL, "c1", NULL), 0);
  const struct kata_oci_linux *l = &c->spec->linux_;
  ck_assert_uint_eq (l->n_namespaces, 2);
  ck_assert_ptr_null (l->namespaces[0].path);
  ck_assert (c->sandbox_pidns);
  ck_assert_str_eq (l->cgroups_path, "/c1");
  ck_assert_uint_eq (l->resources.n_devices, 2);
  ck_assert_str_eq (l->resources.devices[1].type, "c");
  ck_assert (!l->seccomp.have && !l->resources.memory.swap.have && l->resources.memory.limit.value == 1000);
  ck_assert_str_eq (c->spec->hostname, "box");
  ck_assert_uint_eq (g_strv_length (c->warnings), 13);
  /* What it was made from is as it was. */
  ck_assert_uint_eq (spec->linux_.resources.n_devices, 3);
  ck_assert_str_eq (spec->linux_.resources.devices[1].type, "b");
  ck_assert (spec->linux_.seccomp.have && spec->hooks.prestart.n == 1);
  ck_assert_str_eq (spec->linux_.namespaces[1].path, "/proc/9/ns/pid");

  Grpc__Spec *message = kata_agent_spec__spec (arena, c->spec);
  ck_assert_int_eq (message->linux->resources->cpu->has_shares, 1);
  ck_assert_ptr_null (message->linux->resources->cpu->cpus);
  ck_assert_int_eq (message->linux->resources->devices[1]->minor, -1);
  g_autofree uint8_t *bytes = g_malloc (grpc__spec__get_packed_size (message));
  size_t len = grpc__spec__pack (message, bytes);
  Grpc__Spec *back = grpc__spec__unpack (NULL, len, bytes);
  ck_assert_ptr_nonnull (back);
  ck_assert_str_eq (back->process->args[0], "a");
  ck_assert_str_eq (back->root->path, KATA_GUEST_SHARE_DIR "/c1/rootfs");
  grpc__spec__free_unpacked (back, NULL);
  end ();
}
END_TEST

START_TEST (messages)
{
  static const char *const modules[] = { "fuse", "nbd max_part=4 nbds_max=2", NULL };
  g_autoptr (kata_arena) arena = kata_arena__new ();
  size_t n = 0;
  begin ();
  Grpc__KernelModule **list = kata_agent_spec__modules (arena, (char *const *) modules, &n);
  ck_assert_uint_eq (n, 2);
  ck_assert_str_eq (list[1]->parameters[1], "nbds_max=2");
  Grpc__Storage **storages = kata_agent_spec__storages (arena, plan->storages, plan->n_storages);
  ck_assert_str_eq (storages[0]->source, "kataShared");
  ck_assert_uint_eq (storages[0]->n_options, 1);
  end ();
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("plan/container");
  TCase *tcase = tcase_create ("container");
  tcase_add_test (tcase, shares);
  tcase_add_loop_test (tcase, refuses, 0, G_N_ELEMENTS (refusals));
  tcase_add_loop_test (tcase, root, 0, G_N_ELEMENTS (roots));
  tcase_add_test (tcase, ids);
  tcase_add_test (tcase, disk);
  tcase_add_test (tcase, later_disks);
  tcase_add_test (tcase, nothing_shared);
  tcase_add_test (tcase, packed);
  tcase_add_test (tcase, edits);
  tcase_add_test (tcase, messages);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
