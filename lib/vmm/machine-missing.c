/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine-missing: stands in for the virtio devices that are not written yet: asking for one is an error. It goes when all are there. */
#include "base/raise.h"
#include "vmm/machine-parts.h"
#include "vmm/virtio/rng.h"

static int __attribute__ ((unused)) missing (void *self, struct vmm_virtio *base, const void *config, kata_error **err)
{
  return kata_error__set (err, KATA_E_UNSUPPORTED, NULL, "machine: this device is not built yet");
}

#define MISSING(symbol)                                                                                                \
  const struct vmm_virtio_ops symbol = {                                                                               \
    .size = sizeof (struct vmm_virtio_ops), .name = #symbol, .instance_size = 8, .realize = missing                    \
  }

#ifndef HAVE_BLK
MISSING (vmm_virtio_blk_ops);
#endif
#ifndef HAVE_NET
MISSING (vmm_virtio_net_ops);
#endif
#ifndef HAVE_FS
MISSING (vmm_virtio_fs_ops);
#endif
#ifndef HAVE_PMEM
MISSING (vmm_virtio_pmem_ops);
#endif
#ifndef HAVE_VSOCK
MISSING (vmm_virtio_vsock_ops);
#endif
#ifndef HAVE_CONSOLE
MISSING (vmm_virtio_console_ops);
#endif
#ifndef HAVE_RNG
MISSING (vmm_virtio_rng_ops);
#endif
#ifndef HAVE_BALLOON
MISSING (vmm_virtio_balloon_ops);
void
vmm_balloon__set (void *self, uint64_t pages)
{
}
uint64_t
vmm_balloon__actual (void *self)
{
  return 0;
}
#endif
#ifndef HAVE_PCI
int
vmm_pci_root__new (struct vmm_pci_root **out, const struct vmm_env *env, vmm_gpa high_base, kata_error **err)
{
  return kata_error__set (err, KATA_E_UNSUPPORTED, NULL, "machine: the transport pci is not built yet");
}
void
vmm_pci_root__free (struct vmm_pci_root *root)
{
}
int
vmm_virtio_pci__new (struct vmm_virtio_pci **out, struct vmm_virtio *device, struct vmm_pci_root *root,
                     kata_error **err)
{
  return KATA_E_UNSUPPORTED;
}
void
vmm_virtio_pci__free (struct vmm_virtio_pci *transport)
{
}
#endif
