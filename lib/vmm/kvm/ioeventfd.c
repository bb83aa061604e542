/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ioeventfd: doorbells that the kernel rings: the guest's write adds to an eventfd and the vCPU goes on. */
#include <errno.h>
#include <sys/ioctl.h>

#include "base/raise.h"
#include "vmm/kvm/kvm.h"

static int
change (const struct vmm_kvm *kvm, uint32_t flags, uint64_t address, unsigned len, int64_t match, int fd)
{
  struct kvm_ioeventfd request = {
    .datamatch = match >= 0 ? (uint64_t) match : 0,
    .addr = address,
    .len = len,
    .fd = fd,
    .flags = flags | (match >= 0 ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0),
  };
  return ioctl (kvm->vm_fd, KVM_IOEVENTFD, &request);
}

static int
attach (const struct vmm_kvm *kvm, uint32_t flags, uint64_t address, unsigned len, int64_t match, int fd,
        kata_error **err)
{
  if (change (kvm, flags, address, len, match, fd) < 0)
    return kata_error__errno (err, KATA_E_VMM, NULL, errno, "kvm: no doorbell at 0x%llx", (unsigned long long) address);
  return 0;
}

static int
mmio_attach (void *ctx, uint64_t address, unsigned len, int64_t match, int fd, kata_error **err)
{
  return attach (ctx, 0, address, len, match, fd, err);
}

static void
mmio_detach (void *ctx, uint64_t address, unsigned len, int64_t match, int fd)
{
  (void) change (ctx, KVM_IOEVENTFD_FLAG_DEASSIGN, address, len, match, fd);
}

static int
pio_attach (void *ctx, uint64_t address, unsigned len, int64_t match, int fd, kata_error **err)
{
  return attach (ctx, KVM_IOEVENTFD_FLAG_PIO, address, len, match, fd, err);
}

static void
pio_detach (void *ctx, uint64_t address, unsigned len, int64_t match, int fd)
{
  (void) change (ctx, KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN, address, len, match, fd);
}

const struct vmm_doorbell_ops vmm_kvm_mmio_doorbells = { .attach = mmio_attach, .detach = mmio_detach };
const struct vmm_doorbell_ops vmm_kvm_pio_doorbells = { .attach = pio_attach, .detach = pio_detach };
