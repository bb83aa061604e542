/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* acpi: the fixed tables, and how all of them are laid into RAM. What is in the DSDT: dsdt.c. */
#include "vmm/acpi/acpi.h"

#include <stdlib.h>
#include <string.h>

#include "base/raise.h"
#include "vmm/acpi/aml.h"
#include "vmm/acpi/dsdt.h"
#include "vmm/dev/power.h"
#include "vmm/irq.h"
#include "vmm/layout.h"

#define TABLE_CHECKSUM 9 /* offset in every table's header */
#define TABLE_LENGTH   4
#define RSDP_LEN       36
#define RSDP_LEN_V1    20 /* what the first checksum covers */
#define ALIGNMENT      16
#define VIRTIO_MAX     0x1000 /* names V000 to VFFF */

/* FADT, 5.2.9 */
#define FADT_LEN              276
#define FADT_BOOT_NO_VGA      0x0004
#define FADT_BOOT_NO_RTC      0x0020
#define FADT_WBINVD           (1u << 0)
#define FADT_NO_POWER_BUTTON  (1u << 4) /* none in the fixed hardware: it is a device of the namespace */
#define FADT_NO_SLEEP_BUTTON  (1u << 5)
#define FADT_RESET_REGISTER   (1u << 10)
#define FADT_HARDWARE_REDUCED (1u << 20)
/* MADT, 5.2.12 */
#define MADT_LAPIC         0
#define MADT_IOAPIC        1
#define MADT_LAPIC_NMI     4
#define MADT_LAPIC_ENABLED 1
#define IOAPIC_ID          0 /* LAPIC and I/O APIC ids are apart since xAPIC */

/* All bytes of a table add up to zero. */
static uint8_t
checksum (const uint8_t *bytes, size_t len)
{
  uint8_t sum = 0;
  for (size_t i = 0; i < len; i++)
    sum = (uint8_t) (sum + bytes[i]);
  return (uint8_t) (0 - sum);
}

static size_t
table_begin (struct vmm_aml *out, const char *signature, uint8_t revision)
{
  while (out->len % ALIGNMENT != 0 && !out->full)
    vmm_aml__u8 (out, 0);
  size_t start = out->len;
  vmm_aml__bytes (out, signature, 4);
  vmm_aml__u32 (out, 0); /* length */
  vmm_aml__u8 (out, revision);
  vmm_aml__u8 (out, 0); /* checksum */
  vmm_aml__bytes (out, "KATA  ", 6);
  vmm_aml__bytes (out, "LIBKATA ", 8);
  vmm_aml__u32 (out, 1);
  vmm_aml__bytes (out, "KATA", 4);
  vmm_aml__u32 (out, 1);
  return start;
}

static vmm_gpa
table_end (struct vmm_aml *out, size_t start)
{
  size_t len = out->len - start;

  if (!out->full) {
    for (size_t i = 0; i < 4; i++)
      out->data[start + TABLE_LENGTH + i] = (uint8_t) (len >> (8 * i));
    out->data[start + TABLE_CHECKSUM] = checksum (out->data + start, len);
  }
  return VMM_LAYOUT_ACPI + start;
}

/* A generic address of one byte in memory (5.2.3.2); 0 = not there. */
static void
add_register (struct vmm_aml *out, uint64_t address)
{
  vmm_aml__u8 (out, 0);                    /* system memory */
  vmm_aml__u8 (out, address == 0 ? 0 : 8); /* bits */
  vmm_aml__u8 (out, 0);
  vmm_aml__u8 (out, address == 0 ? 0 : 1); /* byte access */
  vmm_aml__u64 (out, address);
}

static void
add_zeros (struct vmm_aml *out, size_t n)
{
  for (size_t i = 0; i < n; i++)
    vmm_aml__u8 (out, 0);
}

static vmm_gpa
add_fadt (struct vmm_aml *out, const struct vmm_acpi_config *config, vmm_gpa dsdt)
{
  size_t start = table_begin (out, "FACP", 6);
  vmm_aml__u32 (out, 0); /* FACS: hardware-reduced has none */
  vmm_aml__u32 (out, (uint32_t) dsdt);
  add_zeros (out, 109 - 44); /* all registers of the fixed hardware: reserved when it is reduced */
  vmm_aml__u16 (out, (uint16_t) (FADT_BOOT_NO_VGA | (config->rtc ? 0 : FADT_BOOT_NO_RTC)));
  vmm_aml__u8 (out, 0);
  vmm_aml__u32 (out, FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_RESET_REGISTER |
                         FADT_HARDWARE_REDUCED);
  add_register (out, VMM_LAYOUT_POWER + VMM_POWER_RESET);
  vmm_aml__u8 (out, VMM_POWER_RESET_VALUE);
  vmm_aml__u16 (out, 0); /* ARM */
  vmm_aml__u8 (out, 4);  /* FADT 6.4 */
  vmm_aml__u64 (out, 0);
  vmm_aml__u64 (out, dsdt);
  add_zeros (out, 244 - 148); /* the same registers as generic addresses */
  add_register (out, VMM_LAYOUT_POWER + VMM_POWER_SLEEP_CONTROL);
  add_register (out, VMM_LAYOUT_POWER + VMM_POWER_SLEEP_STATUS);
  vmm_aml__bytes (out, "LIBKATA", 8); /* hypervisor vendor identity */
  return table_end (out, start);
}

static vmm_gpa
add_madt (struct vmm_aml *out, const struct vmm_acpi_config *config)
{
  size_t start = table_begin (out, "APIC", 5);
  vmm_aml__u32 (out, (uint32_t) VMM_LAYOUT_LAPIC);
  vmm_aml__u32 (out, 0); /* no 8259 that the guest would have to care for */
  for (unsigned i = 0; i < config->vcpus; i++) {
    vmm_aml__u8 (out, MADT_LAPIC);
    vmm_aml__u8 (out, 8);
    vmm_aml__u8 (out, (uint8_t) i); /* processor's UID */
    vmm_aml__u8 (out, (uint8_t) i); /* APIC id */
    vmm_aml__u32 (out, MADT_LAPIC_ENABLED);
  }
  vmm_aml__u8 (out, MADT_IOAPIC);
  vmm_aml__u8 (out, 12);
  vmm_aml__u8 (out, IOAPIC_ID);
  vmm_aml__u8 (out, 0);
  vmm_aml__u32 (out, (uint32_t) VMM_LAYOUT_IOAPIC);
  vmm_aml__u32 (out, 0); /* its first interrupt */
  /* LINT1 of all processors is the NMI. No source override: lines are edge and active high, as the ISA bus has them. */
  vmm_aml__u8 (out, MADT_LAPIC_NMI);
  vmm_aml__u8 (out, 6);
  vmm_aml__u8 (out, 0xff);
  vmm_aml__u16 (out, 0);
  vmm_aml__u8 (out, 1);
  return table_end (out, start);
}

/* PCI firmware specification 3.3, 4.1.2 */
static vmm_gpa
add_mcfg (struct vmm_aml *out)
{
  size_t start = table_begin (out, "MCFG", 1);
  vmm_aml__u64 (out, 0);
  vmm_aml__u64 (out, VMM_LAYOUT_ECAM);
  vmm_aml__u16 (out, 0); /* segment */
  vmm_aml__u8 (out, 0);  /* first bus, last bus */
  vmm_aml__u8 (out, (uint8_t) (VMM_LAYOUT_ECAM_SIZE / 0x100000 - 1));
  vmm_aml__u32 (out, 0);
  return table_end (out, start);
}

/* 5.2.5.3; it stands at the start, in bytes kept free for it. */
static void
put_rsdp (uint8_t *at, vmm_gpa xsdt)
{
  struct vmm_aml out = { .data = at, .max = RSDP_LEN };

  vmm_aml__bytes (&out, "RSD PTR ", 8);
  vmm_aml__u8 (&out, 0);
  vmm_aml__bytes (&out, "KATA  ", 6);
  vmm_aml__u8 (&out, 2);
  vmm_aml__u32 (&out, 0); /* no RSDT */
  vmm_aml__u32 (&out, RSDP_LEN);
  vmm_aml__u64 (&out, xsdt);
  vmm_aml__u32 (&out, 0);
  at[8] = checksum (at, RSDP_LEN_V1);
  at[32] = checksum (at, RSDP_LEN);
}

static void
add_tables (struct vmm_aml *out, const struct vmm_acpi_config *config)
{
  vmm_gpa tables[3];
  size_t n = 0;

  add_zeros (out, RSDP_LEN);
  size_t start = table_begin (out, "DSDT", 2);
  vmm_acpi__dsdt (out, config);
  vmm_gpa dsdt = table_end (out, start);
  tables[n++] = add_fadt (out, config, dsdt);
  tables[n++] = add_madt (out, config);
  if (config->pci)
    tables[n++] = add_mcfg (out);
  start = table_begin (out, "XSDT", 1);
  for (size_t i = 0; i < n; i++)
    vmm_aml__u64 (out, tables[i]);
  vmm_gpa xsdt = table_end (out, start);
  if (!out->full)
    put_rsdp (out->data, xsdt);
}

int
vmm_acpi__write (const struct vmm_acpi_config *config, const struct vmm_memory *memory, vmm_gpa *rsdp, kata_error **err)
{
  const size_t max = VMM_LAYOUT_RESET_STUB - VMM_LAYOUT_ACPI;

  if (config->vcpus == 0 || config->vcpus > 254 || config->n_virtio > VIRTIO_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "acpi",
                            "acpi: %u vCPUs and %zu devices: 1 to 254 and up to %d can be described", config->vcpus,
                            config->n_virtio, VIRTIO_MAX);
  struct vmm_aml out = { .data = malloc (max), .max = max };
  if (out.data == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "acpi: no memory for the tables");
  add_tables (&out, config);
  int result = 0;
  if (out.full)
    result = kata_error__set (err, KATA_E_LIMIT, "acpi", "acpi: the tables of %zu devices do not fit into %zu bytes",
                              config->n_virtio, max);
  else if (!vmm_memory__write (memory, VMM_LAYOUT_ACPI, out.data, out.len))
    result = kata_error__set (err, KATA_E_INTERNAL, "acpi", "acpi: there is no RAM at 0x%llx for the tables",
                              (unsigned long long) VMM_LAYOUT_ACPI);
  else
    *rsdp = VMM_LAYOUT_ACPI;
  free (out.data);
  return result;
}
