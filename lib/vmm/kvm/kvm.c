/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kvm: what the host's KVM must be able to do, the VM itself and its memory slots. */
#include "vmm/kvm/kvm.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/raise.h"
#include "vmm/layout.h"

#define CREATE_TRIES 5

static const struct {
  int number;
  const char *name;
} needed[] = {
  { KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP" },
  { KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
  { KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR" },
  { KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID" },
  { KVM_CAP_PIT2, "KVM_CAP_PIT2" },
  { KVM_CAP_IRQFD, "KVM_CAP_IRQFD" },
  { KVM_CAP_IOEVENTFD, "KVM_CAP_IOEVENTFD" },
  { KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING" },
  { KVM_CAP_READONLY_MEM, "KVM_CAP_READONLY_MEM" },
  { KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
};

static int
check_host (int kvm_fd, kata_error **err)
{
  int version = ioctl (kvm_fd, KVM_GET_API_VERSION, 0);
  if (version < 0)
    return kata_error__errno (err, KATA_E_HOST, "kvm", errno, "kvm: the descriptor is not that of /dev/kvm");
  if (version != KVM_API_VERSION)
    return kata_error__set (err, KATA_E_HOST, "kvm",
                            "kvm: this kernel's KVM has version %d, not %d; update the host's kernel", version,
                            KVM_API_VERSION);
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
    if (ioctl (kvm_fd, KVM_CHECK_EXTENSION, needed[i].number) <= 0)
      return kata_error__set (err, KATA_E_HOST, "kvm",
                              "kvm: this kernel's KVM lacks %s; update the host's kernel to 4.12 or later",
                              needed[i].name);
  return 0;
}

static int
make_vm (int *out, int kvm_fd, kata_error **err)
{
  int fd = -1;
  /* A signal of the caller's can interrupt it: nothing is made then. */
  for (int i = 0; i < CREATE_TRIES && fd < 0; i++) {
    fd = ioctl (kvm_fd, KVM_CREATE_VM, 0);
    if (fd < 0 && errno != EINTR)
      break;
  }
  if (fd < 0)
    return kata_error__errno (err, errno == EPERM || errno == EACCES ? KATA_E_PERMISSION : KATA_E_HOST, "kvm", errno,
                              "kvm: KVM_CREATE_VM failed");
  *out = fd;
  return 0;
}

/* Interrupt controllers and timer in the kernel. The PIT's speaker port answers there too, so that Linux can calibrate its clock. */
static int
make_board (int vm_fd, kata_error **err)
{
  uint64_t identity_map = VMM_LAYOUT_IDENTITY_MAP;
  struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
  if (ioctl (vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) < 0)
    return kata_error__errno (err, KATA_E_HOST, "kvm", errno, "kvm: KVM_SET_IDENTITY_MAP_ADDR failed");
  if (ioctl (vm_fd, KVM_SET_TSS_ADDR, (unsigned long) VMM_LAYOUT_TSS) < 0)
    return kata_error__errno (err, KATA_E_HOST, "kvm", errno, "kvm: KVM_SET_TSS_ADDR failed");
  if (ioctl (vm_fd, KVM_CREATE_IRQCHIP, 0) < 0)
    return kata_error__errno (err, KATA_E_HOST, "kvm", errno, "kvm: KVM_CREATE_IRQCHIP failed");
  if (ioctl (vm_fd, KVM_CREATE_PIT2, &pit) < 0)
    return kata_error__errno (err, KATA_E_HOST, "kvm", errno, "kvm: KVM_CREATE_PIT2 failed");
  return 0;
}

int
vmm_kvm__open (struct vmm_kvm *kvm, int kvm_fd, kata_error **err)
{
  kata_auto_fd int vm_fd = -1;
  int result = check_host (kvm_fd, err);
  if (result == 0)
    result = make_vm (&vm_fd, kvm_fd, err);
  if (result == 0)
    result = make_board (vm_fd, err);
  if (result < 0)
    return result;
  int run_size = ioctl (kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
  if (run_size < (int) sizeof (struct kvm_run))
    return kata_error__set (err, KATA_E_HOST, "kvm", "kvm: KVM_GET_VCPU_MMAP_SIZE says %d", run_size);
  int max_vcpus = ioctl (vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
  int max_slots = ioctl (vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);
  *kvm = (struct vmm_kvm){
    .kvm_fd = kvm_fd,
    .vm_fd = kata_fd__steal (&vm_fd),
    .run_size = (size_t) run_size,
    .max_vcpus = max_vcpus > 0 ? (unsigned) max_vcpus : 4,
    .max_slots = max_slots > 0 ? (unsigned) max_slots : 32,
  };
  kvm->tsc_deadline = ioctl (kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
  return 0;
}

void
vmm_kvm__close (struct vmm_kvm *kvm)
{
  kata_fd__closep (&kvm->vm_fd);
}

int
vmm_kvm__add_slot (struct vmm_kvm *kvm, vmm_gpa base, uint64_t size, void *host, bool readonly, kata_error **err)
{
  struct kvm_userspace_memory_region slot = {
    .slot = kvm->n_slots,
    .flags = readonly ? KVM_MEM_READONLY : 0,
    .guest_phys_addr = base,
    .memory_size = size,
    .userspace_addr = (uintptr_t) host,
  };
  if (kvm->n_slots >= kvm->max_slots)
    return kata_error__set (err, KATA_E_LIMIT, "memory", "kvm: this host's KVM has only %u memory slots",
                            kvm->max_slots);
  if (ioctl (kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
    return kata_error__errno (err, KATA_E_VMM, "memory", errno, "kvm: no memory slot for 0x%llx bytes at 0x%llx",
                              (unsigned long long) size, (unsigned long long) base);
  kvm->n_slots++;
  return 0;
}
