/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vcpu: what each reason for which KVM_RUN returns means: an access for a bus, an end with a reason, or nothing. */
#include "vmm/vcpu.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PIO_BYTES_MAX 4096 /* KVM gives a string instruction a page at most */

static bool __attribute__ ((format (printf, 4, 5)))
end (struct vmm_exit *exit, const struct vmm_vcpu *vcpu, enum vmm_exit_reason reason, const char *format, ...)
{
  char text[160];
  va_list args;
  va_start (args, format);
  vsnprintf (text, sizeof text, format, args);
  va_end (args);
  *exit = (struct vmm_exit){ .reason = reason, .vcpu = (int) vcpu->index };
  snprintf (exit->text, sizeof exit->text, "vCPU %u: %s", vcpu->index, text);
  return false;
}

static void
access (const struct vmm_vcpu *vcpu, struct vmm_bus *bus, uint64_t address, unsigned len, uint8_t *data, bool write)
{
  uint64_t value = 0;
  if (write)
    memcpy (&value, data, len);
  pthread_mutex_lock (vcpu->world->lock);
  vmm_bus__access (bus, address, len, &value, write);
  pthread_mutex_unlock (vcpu->world->lock);
  if (!write)
    memcpy (data, &value, len);
}

/* String instructions come with many items at once. The lock is given up between them: other devices go on. */
static bool
port (struct vmm_vcpu *vcpu, struct vmm_exit *exit)
{
  const struct kvm_run *run = vcpu->kvm.run;
  unsigned len = run->io.size;
  uint64_t bytes = (uint64_t) run->io.count * len, offset = run->io.data_offset;
  vcpu->exits_pio++;
  if ((len != 1 && len != 2 && len != 4) || bytes > PIO_BYTES_MAX || offset + bytes > vcpu->kvm.run_size)
    return end (exit, vcpu, VMM_EXIT_KVM, "KVM_EXIT_IO with %u items of %u bytes", run->io.count, len);
  uint8_t *data = (uint8_t *) vcpu->kvm.run + offset;
  for (uint32_t i = 0; i < run->io.count; i++, data += len)
    access (vcpu, vcpu->world->pio, run->io.port, len, data, run->io.direction == KVM_EXIT_IO_OUT);
  return true;
}

/* KVM gives 1 to 8 bytes: odd lengths when an access crosses pages. Devices know powers of two. */
static bool
memory_mapped (struct vmm_vcpu *vcpu, struct vmm_exit *exit)
{
  struct kvm_run *run = vcpu->kvm.run;
  unsigned left = run->mmio.len, done = 0;
  vcpu->exits_mmio++;
  if (left > sizeof run->mmio.data)
    return end (exit, vcpu, VMM_EXIT_KVM, "KVM_EXIT_MMIO with %u bytes", left);
  while (left > 0) {
    unsigned len = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    access (vcpu, vcpu->world->mmio, run->mmio.phys_addr + done, len, run->mmio.data + done, run->mmio.is_write);
    done += len;
    left -= len;
  }
  return true;
}

static bool
internal_error (const struct vmm_vcpu *vcpu, struct vmm_exit *exit)
{
  const struct kvm_run *run = vcpu->kvm.run;
  static const char *const names[] = { "", "cannot emulate an instruction", "two events at once",
                                       "event delivery failed", "unexpected exit" };
  uint32_t suberror = run->internal.suberror;
  const char *name = suberror < sizeof names / sizeof *names ? names[suberror] : "";
  uint64_t first = run->internal.ndata > 0 ? run->internal.data[0] : 0;
  return end (exit, vcpu, VMM_EXIT_KVM, "KVM_EXIT_INTERNAL_ERROR %u (%s), data 0x%llx", suberror, name,
              (unsigned long long) first);
}

static bool
system_event (const struct vmm_vcpu *vcpu, struct vmm_exit *exit)
{
  uint32_t type = vcpu->kvm.run->system_event.type;
  if (type == KVM_SYSTEM_EVENT_SHUTDOWN)
    return end (exit, vcpu, VMM_EXIT_POWEROFF, "the guest switched itself off");
  if (type == KVM_SYSTEM_EVENT_RESET)
    return end (exit, vcpu, VMM_EXIT_RESET, "the guest reset itself");
  return end (exit, vcpu, VMM_EXIT_KVM, "KVM_EXIT_SYSTEM_EVENT %u", type);
}

static bool
rare_exit (const struct vmm_vcpu *vcpu, struct vmm_exit *exit)
{
  const struct kvm_run *run = vcpu->kvm.run;
  switch (run->exit_reason) {
  case KVM_EXIT_SHUTDOWN:
    return end (exit, vcpu, VMM_EXIT_TRIPLE_FAULT, "triple fault");
  case KVM_EXIT_FAIL_ENTRY:
    return end (exit, vcpu, VMM_EXIT_KVM, "KVM_EXIT_FAIL_ENTRY, hardware reason 0x%llx",
                (unsigned long long) run->fail_entry.hardware_entry_failure_reason);
  case KVM_EXIT_UNKNOWN:
    return end (exit, vcpu, VMM_EXIT_KVM, "KVM_EXIT_UNKNOWN, hardware reason 0x%llx",
                (unsigned long long) run->hw.hardware_exit_reason);
  case KVM_EXIT_INTERNAL_ERROR:
    return internal_error (vcpu, exit);
  case KVM_EXIT_SYSTEM_EVENT:
    return system_event (vcpu, exit);
  default:
    return end (exit, vcpu, VMM_EXIT_KVM, "exit %u, which nobody asked for", run->exit_reason);
  }
}

bool
vmm_vcpu__step (struct vmm_vcpu *vcpu, struct vmm_exit *exit)
{
  int errnum = vmm_kvm_vcpu__run (&vcpu->kvm);
  /* EAGAIN: not started yet, or stopped by a signal before it was. */
  if (errnum == EINTR || errnum == EAGAIN)
    return true;
  vcpu->exits++;
  if (errnum != 0)
    return end (exit, vcpu, VMM_EXIT_KVM, "KVM_RUN: %s", strerrordesc_np (errnum));
  switch (vcpu->kvm.run->exit_reason) {
  case KVM_EXIT_IO:
    return port (vcpu, exit);
  case KVM_EXIT_MMIO:
    return memory_mapped (vcpu, exit);
  case KVM_EXIT_INTR:
  case KVM_EXIT_IRQ_WINDOW_OPEN:
  case KVM_EXIT_HLT: /* the kernel's APIC halts; should it reach us, the guest would just look again */
    return true;
  default:
    return rare_exit (vcpu, exit);
  }
}
