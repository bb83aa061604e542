/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* share: how directories of the host reach the guest, and how the host reaches the agent. */
#include <string.h>

#include "plan/build.h"

#define SHM_BYTES          (64u << 20)
#define AGENT_PORT         1024u
#define AGENT_SERIAL_PORTS 6u /* host processes that can talk to one guest at once */

/* NULL = it can be had, else why not. */
static const char *
lacks (struct kata_plan_build *b, int capability, uint64_t feature, const char *module)
{
  if (!kata_plan__has (b, capability))
    return kata_plan__reason (b, capability);
  if ((b->plan->guest_features & feature) == 0)
    return kata_arena__printf (b->arena, "the guest's kernel has no %s", module);
  return NULL;
}

static int
decide_kind (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  const char *key = kata_plan__key (b, "shared_fs"), *wanted = b->hv->shared_fs;
  vm->share_kind = KATA_SHARE_NONE;
  if (strcmp (wanted, "none") == 0) {
    b->plan->share_reason = kata_arena__printf (b->arena, "%s is \"none\"", key);
    return 0;
  }
  const char *no_virtiofs = lacks (b, KATA_CAP_FS_SHARE_VIRTIOFS, KATA_GUEST_VIRTIOFS, "virtio-fs");
  const char *no_9p = lacks (b, KATA_CAP_FS_SHARE_9P, KATA_GUEST_9P, "9p");
  if (strcmp (wanted, "virtio-9p") == 0 && no_9p != NULL)
    return kata_error__set (err, KATA_E_UNSUPPORTED, key, "%s: virtio-9p is asked for, but: %s", key, no_9p);
  if (strcmp (wanted, "virtio-9p") != 0 && no_virtiofs == NULL) {
    vm->share_kind = KATA_SHARE_VIRTIOFS;
  } else if (no_9p == NULL) {
    vm->share_kind = KATA_SHARE_9P;
    if (strcmp (wanted, "virtio-9p") != 0)
      kata_plan__warn (b, "%s: virtio-9p is taken, because virtio-fs cannot be had: %s", key, no_virtiofs);
  } else {
    b->plan->share_reason = kata_arena__printf (b->arena, "virtio-fs: %s; 9p: %s", no_virtiofs, no_9p);
  }
  return 0;
}

static struct kata_storage
share_storage (struct kata_plan_build *b)
{
  static const char *const virtiofs_options[] = { "nodev", NULL };
  const kata_vm_plan *vm = &b->plan->vm;
  struct kata_storage storage = { .source = vm->share_tag, .mount_point = KATA_GUEST_SHARE_DIR };
  if (vm->share_kind == KATA_SHARE_VIRTIOFS) {
    storage.driver = "virtio-fs";
    storage.fstype = "virtiofs";
    storage.options = kata_arena__strv (b->arena, virtiofs_options);
  } else {
    const char *const options[] = { "trans=virtio", "version=9p2000.L",
                                    "cache=mmap",   kata_arena__printf (b->arena, "msize=%u", vm->msize_9p),
                                    "nodev",        NULL };
    storage.driver = "9p";
    storage.fstype = "9p";
    storage.options = kata_arena__strv (b->arena, options);
  }
  return storage;
}

static struct kata_storage
shm_storage (struct kata_plan_build *b)
{
  const char *const options[] = {
    "noexec", "nosuid", "nodev", "mode=1777", kata_arena__printf (b->arena, "size=%u", SHM_BYTES), NULL
  };
  return (struct kata_storage){ .driver = "ephemeral",
                                .source = "shm",
                                .fstype = "tmpfs",
                                .mount_point = KATA_GUEST_SHM_DIR,
                                .options = kata_arena__strv (b->arena, options) };
}

static int
check_queue (struct kata_plan_build *b, kata_error **err)
{
  int64_t size = b->hv->virtio_fs_queue_size;
  const char *key = kata_plan__key (b, "virtio_fs_queue_size");
  if (size < 2 || size > 1024 || (size & (size - 1)) != 0)
    return kata_error__set (err, KATA_E_CONFIG, key, "%s: %" G_GINT64_FORMAT " is no power of two from 2 to 1024", key,
                            size);
  return 0;
}

int
kata_plan__share (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  int rc = check_queue (b, err);
  if (rc == 0)
    rc = decide_kind (b, err);
  if (rc < 0)
    return rc;
  bool shared = vm->share_kind != KATA_SHARE_NONE;
  vm->share_tag = shared ? KATA_SHARE_TAG : "";
  vm->share_dir = shared ? kata_arena__printf (b->arena, "%s/shared", vm->dir) : "";
  vm->virtiofsd_path = kata_plan__text (b, b->hv->virtio_fs_daemon);
  vm->virtiofs_cache = kata_plan__text (b, b->hv->virtio_fs_cache);
  vm->virtiofs_queue_size = (uint32_t) b->hv->virtio_fs_queue_size;
  vm->virtiofs_cache_mib = (uint32_t) CLAMP (b->hv->virtio_fs_cache_size, 0, UINT32_MAX);
  vm->virtiofsd_args =
      (const char *const *) kata_arena__strv (b->arena, (const char *const *) b->hv->virtio_fs_extra_args);
  vm->msize_9p = (uint32_t) CLAMP (b->hv->msize_9p, 4096, 1 << 20);
  b->plan->share_dir = vm->share_dir;
  b->plan->storages = kata_arena__new0 (b->arena, struct kata_storage, 2);
  if (shared)
    b->plan->storages[b->plan->n_storages++] = share_storage (b);
  b->plan->storages[b->plan->n_storages++] = shm_storage (b);
  return 0;
}

int
kata_plan__channel (struct kata_plan_build *b, kata_error **err)
{
  kata_vm_plan *vm = &b->plan->vm;
  const char *no_vhost = lacks (b, KATA_CAP_VSOCK_VHOST, KATA_GUEST_VSOCK, "vsock");
  const char *no_hybrid = lacks (b, KATA_CAP_VSOCK_HYBRID, KATA_GUEST_VSOCK, "vsock");
  const char *no_serial = lacks (b, KATA_CAP_AGENT_SERIAL, KATA_GUEST_SERIAL_AGENT, "virtio-serial");

  vm->agent_port = AGENT_PORT;
  if (strcmp (b->in->hypervisor, "null") == 0) {
    vm->agent_kind = KATA_AGENT_NULL;
  } else if (no_vhost == NULL) {
    vm->agent_kind = KATA_AGENT_VSOCK;
  } else if (no_hybrid == NULL) {
    vm->agent_kind = KATA_AGENT_HYBRID;
  } else if (no_serial == NULL) {
    vm->agent_kind = KATA_AGENT_SERIAL;
    vm->agent_serial_ports = AGENT_SERIAL_PORTS;
  } else {
    return kata_error__set (err, KATA_E_UNSUPPORTED, "hypervisor",
                            "hypervisor %s: there is no way to the guest's agent: vsock: %s; hybrid vsock: %s; "
                            "virtio-serial: %s",
                            b->in->hypervisor, no_vhost, no_hybrid, no_serial);
  }
  return 0;
}
