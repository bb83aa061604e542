/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* regs: the first vCPU's registers and the tables they point to, for PVH (32-bit, no paging) and Linux's 64-bit entry. */
#include <string.h>

#include "vmm/arch/x86_64/x86.h"
#include "vmm/layout.h"

#define CR0_PE   UINT64_C (0x1)
#define CR0_ET   UINT64_C (0x10)
#define CR0_PG   UINT64_C (0x80000000)
#define CR4_PAE  UINT64_C (0x20)
#define EFER_LME UINT64_C (0x100)
#define EFER_LMA UINT64_C (0x400)

/* Linux's boot protocol wants code at 0x10 and data at 0x18. */
#define SELECTOR_CODE 0x10
#define SELECTOR_DATA 0x18
#define SELECTOR_TSS  0x20
#define GDT_ENTRIES   6 /* a TSS takes two in long mode */

#define PAGE        UINT64_C (0x1000)
#define LARGE_PAGE  UINT64_C (0x200000)
#define PTE_TABLE   UINT64_C (0x3)  /* present, writable */
#define PTE_LARGE   UINT64_C (0x83) /* and a page of 2 MiB */
#define PTES        512
#define DIRECTORIES 4 /* 1 GiB each */

static struct kvm_segment
code_segment (enum vmm_boot_protocol protocol)
{
  bool is_long = protocol == VMM_BOOT_LINUX64;
  return (struct kvm_segment){ .limit = 0xffffffff,
                               .selector = SELECTOR_CODE,
                               .type = 0xb,
                               .present = 1,
                               .s = 1,
                               .g = 1,
                               .l = is_long,
                               .db = !is_long };
}

static struct kvm_segment
data_segment (void)
{
  return (struct kvm_segment){
    .limit = 0xffffffff, .selector = SELECTOR_DATA, .type = 3, .present = 1, .s = 1, .g = 1, .db = 1
  };
}

static struct kvm_segment
task_segment (void)
{
  return (struct kvm_segment){ .limit = 0x67, .selector = SELECTOR_TSS, .type = 0xb, .present = 1 };
}

/* Intel SDM 3, 3.4.5. */
static uint64_t
descriptor (const struct kvm_segment *s)
{
  uint64_t limit = s->g ? s->limit >> 12 : s->limit;
  uint64_t access = (uint64_t) s->type | (uint64_t) s->s << 4 | (uint64_t) s->dpl << 5 | (uint64_t) s->present << 7;
  uint64_t flags = (uint64_t) s->l << 1 | (uint64_t) s->db << 2 | (uint64_t) s->g << 3;
  return (limit & 0xffff) | (s->base & 0xffffff) << 16 | access << 40 | (limit >> 16 & 0xf) << 48 | flags << 52 |
         (s->base >> 24 & 0xff) << 56;
}

void
vmm_x86__boot_sregs (struct kvm_sregs *sregs, enum vmm_boot_protocol protocol)
{
  sregs->cs = code_segment (protocol);
  sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data_segment ();
  sregs->tr = task_segment ();
  sregs->gdt = (struct kvm_dtable){ .base = VMM_LAYOUT_GDT, .limit = GDT_ENTRIES * 8 - 1 };
  /* No handler: whatever goes wrong before the guest has its own is a triple fault, which ends the machine with that reason. */
  sregs->idt = (struct kvm_dtable){ 0 };
  sregs->cr0 = CR0_PE | CR0_ET;
  sregs->cr4 = 0;
  sregs->efer = 0;
  if (protocol != VMM_BOOT_LINUX64)
    return;
  sregs->cr0 |= CR0_PG;
  sregs->cr3 = VMM_LAYOUT_PAGE_TABLE;
  sregs->cr4 |= CR4_PAE;
  sregs->efer |= EFER_LME | EFER_LMA;
}

void
vmm_x86__boot_regs (struct kvm_regs *regs, const struct vmm_boot_entry *entry)
{
  *regs = (struct kvm_regs){ .rflags = 2, .rip = entry->entry };
  if (entry->protocol == VMM_BOOT_PVH)
    regs->rbx = entry->info;
  else {
    regs->rsi = entry->info;
    regs->rsp =
        VMM_LAYOUT_PAGE_TABLE - 16; /* below the page tables, above the zero page; Linux brings its own at once */
  }
}

static bool
write_page_tables (const struct vmm_memory *memory)
{
  uint64_t table[PTES] = { VMM_LAYOUT_PAGE_TABLE + PAGE + PTE_TABLE };
  bool ok = vmm_memory__write (memory, VMM_LAYOUT_PAGE_TABLE, table, sizeof table);
  memset (table, 0, sizeof table);
  for (uint64_t i = 0; i < DIRECTORIES; i++)
    table[i] = VMM_LAYOUT_PAGE_TABLE + (2 + i) * PAGE + PTE_TABLE;
  ok = ok && vmm_memory__write (memory, VMM_LAYOUT_PAGE_TABLE + PAGE, table, sizeof table);
  for (uint64_t i = 0; i < DIRECTORIES && ok; i++) {
    for (uint64_t j = 0; j < PTES; j++)
      table[j] = (i * PTES + j) * LARGE_PAGE + PTE_LARGE;
    ok = vmm_memory__write (memory, VMM_LAYOUT_PAGE_TABLE + (2 + i) * PAGE, table, sizeof table);
  }
  return ok;
}

/*
 * Linux with hardware-reduced ACPI and no EFI restarts by a jump to the BIOS, in real mode. There is none, but for this:
 *   mov $0xfe, %al; out %al, $0x64 (the keyboard controller's reset); hlt; jmp back to hlt
 */
static bool
write_reset_stub (const struct vmm_memory *memory)
{
  static const uint8_t stub[] = { 0xb0, 0xfe, 0xe6, 0x64, 0xf4, 0xeb, 0xfd };
  return vmm_memory__write (memory, VMM_LAYOUT_RESET_STUB, stub, sizeof stub);
}

bool
vmm_x86__boot_tables (const struct vmm_memory *memory, enum vmm_boot_protocol protocol)
{
  struct kvm_segment code = code_segment (protocol), data = data_segment (), task = task_segment ();
  uint64_t gdt[GDT_ENTRIES] = { 0 };
  gdt[SELECTOR_CODE / 8] = descriptor (&code);
  gdt[SELECTOR_DATA / 8] = descriptor (&data);
  gdt[SELECTOR_TSS / 8] = descriptor (&task);
  return write_reset_stub (memory) && vmm_memory__write (memory, VMM_LAYOUT_GDT, gdt, sizeof gdt) &&
         (protocol != VMM_BOOT_LINUX64 || write_page_tables (memory));
}
