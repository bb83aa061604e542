/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* backend: the table is the adapter's own; only the probe is wrapped. */
#include "backend.h"

#include <fcntl.h>
#include <string.h>

#include "backend/acrn/vm.h"
#include "backend/capability.h"
#include "backend/null/guest.h"
#include "backend/registry.h"
#include "backend/stratovirt/vm.h"

static int
probed (const kata_backend *own, const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  int code = own->probe (plan, caps, err);
  if (code == 0 && caps->path[0] != '\0') {
    kata_capabilities__grant (caps, KATA_CAP_RUN);
    kata_capabilities__grant (caps, KATA_CAP_KVM);
  }
  return code;
}

static int
clh_probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  return probed (&kata_backend_clh, plan, caps, err);
}

static int
fc_probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  return probed (&kata_backend_fc, plan, caps, err);
}

/*
 * The kernel's vhost-vsock does not reach a null guest. In its place the fake listens on a socket in the sandbox's directory that speaks the CONNECT
 * protocol, and is given a context id that nothing has taken and a descriptor of /dev/null.
 */
static kata_external_kind stratovirt_kind;

static int
stratovirt_probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  int code = probed (&kata_backend_stratovirt, plan, caps, err);
  if (code == 0 && caps->path[0] != '\0')
    kata_capabilities__grant (caps, KATA_CAP_VSOCK_VHOST);
  return code;
}

static int
borrow_cid (int *fd, uint32_t *cid, uint32_t wanted, kata_error **err)
{
  *cid = wanted != 0 ? wanted : 3 + g_random_int () % 1000;
  *fd = open ("/dev/null", O_RDWR | O_CLOEXEC);
  return *fd >= 0 ? 0 : KATA_E_IO;
}

static int
stratovirt_launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  int code = kata_external__record_file (plan->dir, "vsock.sock", env, err);
  if (code == 0)
    code = kata_stratovirt__launch_with (vm, plan, env, borrow_cid, err);
  if (code == 0)
    ((kata_external_vm *) *vm)->kind = &stratovirt_kind;
  return code;
}

static int
stratovirt_attach (void **vm, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env,
                   kata_error **err)
{
  int code = kata_backend_stratovirt.attach (vm, plan, saved, env, err);
  if (code == 0)
    ((kata_external_vm *) *vm)->kind = &stratovirt_kind;
  return code;
}

static const kata_backend *
fake_stratovirt (void)
{
  static kata_backend stratovirt;
  stratovirt_kind = kata_stratovirt_kind;
  stratovirt_kind.vsock_socket = "vsock.sock";
  stratovirt = kata_backend_stratovirt;
  stratovirt.name = "fake-stratovirt";
  stratovirt.probe = stratovirt_probe;
  stratovirt.launch = stratovirt_launch;
  stratovirt.attach = stratovirt_attach;
  stratovirt.connect = kata_external_vm__connect;
  return &stratovirt;
}

/* The same for ACRN, whose fake has a socket for its acrnctl besides. */
static kata_external_kind acrn_kind;

static int
acrn_probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  int code = kata_backend_acrn.probe (plan, caps, err);
  if (code == 0 && caps->path[0] != '\0') {
    kata_capabilities__grant (caps, KATA_CAP_RUN);
    kata_capabilities__grant (caps, KATA_CAP_VSOCK_VHOST);
  }
  return code;
}

static int
acrn_launch (void **vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  /* Its guest begins at once: those of the null guest's too, should it be killed while it makes them. */
  static const char *const sockets[] = { "vsock.sock", "monitor.sock", NULL_AGENT_SOCKET, NULL_CONTROL_SOCKET };
  int code = 0;
  for (size_t i = 0; code == 0 && i < sizeof sockets / sizeof sockets[0]; i++)
    code = kata_external__record_file (plan->dir, sockets[i], env, err);
  if (code == 0)
    code = kata_acrn__launch_with (vm, plan, env, borrow_cid, err);
  if (code == 0)
    ((kata_external_vm *) *vm)->kind = &acrn_kind;
  return code;
}

static int
acrn_attach (void **vm, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env, kata_error **err)
{
  int code = kata_backend_acrn.attach (vm, plan, saved, env, err);
  if (code == 0)
    ((kata_external_vm *) *vm)->kind = &acrn_kind;
  return code;
}

static int
acrn_connect (void *vm, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  int code = kata_external_vm__connect (vm, out, env, err);
  if (code == 0)
    kata_acrn__bound (vm);
  return code;
}

static const kata_backend *
fake_acrn (void)
{
  static kata_backend acrn;
  acrn_kind = kata_acrn_kind;
  acrn_kind.vsock_socket = "vsock.sock";
  acrn = kata_backend_acrn;
  acrn.name = "fake-acrn";
  acrn.probe = acrn_probe;
  acrn.launch = acrn_launch;
  acrn.attach = acrn_attach;
  acrn.connect = acrn_connect;
  return &acrn;
}

const kata_backend *
fake_backend (const char *name)
{
  static const struct {
    const char *name, *fake;
    const kata_backend *own;
    int (*probe) (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err);
  } adapters[] = { { "clh", "fake-clh", &kata_backend_clh, clh_probe },
                   { "fc", "fake-fc", &kata_backend_fc, fc_probe } };
  static kata_backend backend;
  if (strcmp (name, "stratovirt") == 0)
    return fake_stratovirt ();
  if (strcmp (name, "acrn") == 0)
    return fake_acrn ();
  for (size_t i = 0; i < sizeof adapters / sizeof adapters[0]; i++) {
    if (strcmp (name, adapters[i].name) != 0)
      continue;
    backend = *adapters[i].own;
    backend.name = adapters[i].fake;
    backend.probe = adapters[i].probe;
    return &backend;
  }
  return NULL;
}
