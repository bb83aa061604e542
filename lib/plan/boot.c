/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* boot: the hypervisor's program and machine, and what the guest is started from. */
#include <string.h>

#include "plan/build.h"

static bool
is_null_backend (const struct kata_plan_build *b)
{
  return strcmp (b->in->hypervisor, "null") == 0;
}

static const char *
first_of (const char *a, const char *b)
{
  return a != NULL && a[0] != '\0' ? a : b;
}

/* Texts that become parts of options: no control characters, and no separator where there is one value only. */
static int
check_words (struct kata_plan_build *b, kata_error **err)
{
  const struct {
    const char *key, *value;
    bool commas;
  } words[] = { { "machine_type", b->hv->machine_type, false },
                { "machine_accelerators", b->hv->machine_accelerators, true },
                { "cpu_features", b->hv->cpu_features, true },
                { "seccomp_sandbox", b->hv->seccomp_sandbox, true },
                { "virtio_fs_cache", b->hv->virtio_fs_cache, false } };
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (!kata_plan__is_printable (words[i].value) || (!words[i].commas && strchr (words[i].value, ',') != NULL)) {
      const char *key = kata_plan__key (b, words[i].key);
      return kata_error__set (err, KATA_E_CONFIG, key, "%s: has a character that is not allowed", key);
    }
  return 0;
}

static int
check_paths (struct kata_plan_build *b, kata_error **err)
{
  const struct {
    const char *key, *path;
  } paths[] = { { "path", b->hv->path },
                { "ctlpath", b->hv->ctlpath },
                { "jailer_path", b->hv->jailer_path },
                { "kernel", b->plan->vm.kernel },
                { "initrd", b->plan->vm.initrd },
                { "image", b->plan->vm.image },
                { "firmware", b->hv->firmware },
                { "virtio_fs_daemon", b->hv->virtio_fs_daemon },
                { "entropy_source", b->hv->entropy_source } };
  for (size_t i = 0; i < G_N_ELEMENTS (paths); i++) {
    int rc = kata_plan__check_path (kata_plan__key (b, paths[i].key), paths[i].path, KATA_E_CONFIG, err);
    if (rc < 0)
      return rc;
  }
  return 0;
}

/* The configuration's kernel and root, else those that the guest's manifest names. */
static int
decide_guest (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  const struct kata_guest_facts *guest = &b->in->guest;
  const char *initrd = b->hv->initrd, *image = b->hv->image;

  if (initrd[0] != '\0' && image[0] != '\0')
    return kata_error__set (err, KATA_E_CONFIG, kata_plan__key (b, "image"),
                            "%s: initrd and image are both set; a guest starts from one of them",
                            kata_plan__key (b, "image"));
  if (initrd[0] == '\0' && image[0] == '\0') {
    initrd = guest->initrd;
    image = initrd == NULL ? guest->image : NULL;
  }
  vm->kernel = kata_plan__text (b, first_of (b->hv->kernel, guest->kernel));
  vm->initrd = kata_plan__text (b, initrd);
  vm->image = kata_plan__text (b, image);
  vm->image_fstype = kata_plan__text (b, b->hv->rootfs_type);
  b->foreign_guest = g_strcmp0 (first_of (initrd, image), first_of (guest->initrd, guest->image)) != 0;
  if (is_null_backend (b))
    return 0;
  if (vm->kernel[0] == '\0')
    return kata_error__set (err, KATA_E_GUEST, kata_plan__key (b, "kernel"),
                            "%s: there is no guest kernel; build libkata's guest image or set the key",
                            kata_plan__key (b, "kernel"));
  if (vm->initrd[0] == '\0' && vm->image[0] == '\0')
    return kata_error__set (err, KATA_E_GUEST, kata_plan__key (b, "initrd"),
                            "%s: there is no guest image; build libkata's or set initrd or image",
                            kata_plan__key (b, "initrd"));
  return 0;
}

/* A guest that was to be hidden from the host must not run in plain sight. */
static int
check_confidential (struct kata_plan_build *b, kata_error **err)
{
  const char *key = kata_plan__key (b, "confidential_guest");
  if (b->in->caps == NULL || !b->hv->confidential_guest || kata_plan__has (b, KATA_CAP_CONFIDENTIAL))
    return 0;
  return kata_error__set (err, KATA_E_UNSUPPORTED, key, "%s: hypervisor %s cannot run one here: %s", key,
                          b->in->hypervisor, kata_plan__reason (b, KATA_CAP_CONFIDENTIAL));
}

/* Kata's QEMU files empty the one key to go without its filter; the other hypervisors have the other key. */
static bool
without_filter (const struct kata_plan_build *b)
{
  return b->hv->disable_seccomp || (b->hv->seccomp_sandbox[0] == '\0' && strcmp (b->in->hypervisor, "qemu") == 0);
}

/* A key that is passed over must not switch off what another key does. */
static const char *
filter_words (struct kata_plan_build *b)
{
  const char *words = b->hv->seccomp_sandbox;
  if (without_filter (b))
    return "off";
  return strcmp (words, "off") == 0 && !kata_plan__acts (b, "seccomp_sandbox") ? "" : kata_plan__text (b, words);
}

int
kata_plan__boot (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  int rc = check_words (b, err);
  /* First, since the image of some confidential guests (IBM Secure Execution) is the kernel alone. */
  if (rc == 0)
    rc = check_confidential (b, err);
  if (rc == 0)
    rc = decide_guest (b, err);
  if (rc == 0)
    rc = kata_plan__arch (b, err);
  if (rc == 0)
    rc = check_paths (b, err);
  if (rc < 0)
    return rc;
  vm->hypervisor_path = kata_plan__text (b, b->hv->path);
  vm->control_path = kata_plan__text (b, b->hv->ctlpath);
  vm->jailer_path = kata_plan__text (b, b->hv->jailer_path);
  vm->jailer_uid = (uint32_t) b->hv->jailer_uid;
  vm->jailer_gid = (uint32_t) b->hv->jailer_gid;
  vm->machine_type = kata_plan__text (b, b->hv->machine_type);
  vm->machine_accelerators = kata_plan__text (b, b->hv->machine_accelerators);
  vm->cpu_features = kata_plan__text (b, b->hv->cpu_features);
  vm->seccomp_sandbox = filter_words (b);
  vm->firmware = kata_plan__text (b, b->hv->firmware);
  vm->entropy_source = kata_plan__text (b, b->hv->entropy_source);
  vm->debug = b->hv->enable_debug;
  vm->isolation = strcmp (b->hv->isolation, "thread") == 0 ? KATA_ISOLATION_THREAD : KATA_ISOLATION_PROCESS;
  vm->confine_waive = (const char *const *) kata_arena__strv (b->arena, (const char *const *) b->hv->confine_waive);
  vm->null_fail_at = (uint32_t) CLAMP (b->hv->fail_at, 0, UINT32_MAX);
  return 0;
}
