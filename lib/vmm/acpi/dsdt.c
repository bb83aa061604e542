/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dsdt: the machine's devices in AML. In the comments, the ASL that each function stands for. */
#include "vmm/acpi/dsdt.h"

#include <stdio.h>

#include "vmm/dev/power.h"
#include "vmm/irq.h"
#include "vmm/layout.h"

/* Device (Vnnn) { _HID "LNRO0005", _UID nnn, _CRS { Memory32Fixed, Interrupt } } */
static void
add_virtio (struct vmm_aml *aml, size_t index, const struct vmm_acpi_virtio *virtio)
{
  char name[5];

  snprintf (name, sizeof name, "V%03X", (unsigned) index & 0xfff);
  size_t device = vmm_aml__device (aml, name);
  vmm_aml__name_string (aml, "_HID", "LNRO0005");
  vmm_aml__name_integer (aml, "_UID", index);
  size_t resources = vmm_aml__resources (aml);
  vmm_aml__resource_memory32 (aml, (uint32_t) virtio->base, VMM_LAYOUT_VIRTIO_SIZE);
  vmm_aml__resource_interrupt (aml, virtio->gsi);
  vmm_aml__resources_close (aml, resources);
  vmm_aml__close (aml, device);
}

static void
add_serial (struct vmm_aml *aml)
{
  size_t device = vmm_aml__device (aml, "COM1");
  vmm_aml__name_eisa_id (aml, "_HID", "PNP0501");
  vmm_aml__name_integer (aml, "_UID", 0);
  size_t resources = vmm_aml__resources (aml);
  vmm_aml__resource_port (aml, VMM_PORT_SERIAL, 8);
  vmm_aml__resource_interrupt (aml, VMM_IRQ_SERIAL);
  vmm_aml__resources_close (aml, resources);
  vmm_aml__close (aml, device);
}

/* No interrupt: the clock has no alarm. */
static void
add_rtc (struct vmm_aml *aml)
{
  size_t device = vmm_aml__device (aml, "RTC");
  vmm_aml__name_eisa_id (aml, "_HID", "PNP0B00");
  size_t resources = vmm_aml__resources (aml);
  vmm_aml__resource_port (aml, VMM_PORT_RTC, 2);
  vmm_aml__resources_close (aml, resources);
  vmm_aml__close (aml, device);
}

/*
 * Method (_OSC, 4, Serialized) {
 *   If (Arg0 == ToUUID ("33DB4D5B-1FF7-401C-9657-7441C03DD766")) { Return (Arg3) }
 *   Else { CreateDWordField (Arg3, 0, CDW1); CDW1 |= 4; Return (Arg3) }
 * }
 * The guest may control all that it asks for: there is no firmware that would. Another interface than PCI's: unrecognized UUID (6.2.11.1.1).
 */
static void
add_pci_osc (struct vmm_aml *aml)
{
  static const uint8_t uuid[16] = { 0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40,
                                    0x96, 0x57, 0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66 };

  size_t method = vmm_aml__method (aml, "_OSC", 4);
  size_t ours = vmm_aml__if (aml);
  vmm_aml__u8 (aml, VMM_AML_LEQUAL);
  vmm_aml__u8 (aml, VMM_AML_ARG0);
  vmm_aml__buffer (aml, uuid, sizeof uuid);
  vmm_aml__u8 (aml, VMM_AML_RETURN);
  vmm_aml__u8 (aml, VMM_AML_ARG0 + 3);
  vmm_aml__close (aml, ours);
  size_t other = vmm_aml__else (aml);
  vmm_aml__u8 (aml, VMM_AML_DWORD);
  vmm_aml__u8 (aml, VMM_AML_ARG0 + 3);
  vmm_aml__integer (aml, 0);
  vmm_aml__path (aml, "CDW1");
  vmm_aml__u8 (aml, VMM_AML_OR);
  vmm_aml__path (aml, "CDW1");
  vmm_aml__integer (aml, 4);
  vmm_aml__path (aml, "CDW1");
  vmm_aml__u8 (aml, VMM_AML_RETURN);
  vmm_aml__u8 (aml, VMM_AML_ARG0 + 3);
  vmm_aml__close (aml, other);
  vmm_aml__close (aml, method);
}

static void
add_pci (struct vmm_aml *aml, vmm_gpa high_base)
{
  size_t device = vmm_aml__device (aml, "PCI0");
  vmm_aml__name_eisa_id (aml, "_HID", "PNP0A08");
  vmm_aml__name_eisa_id (aml, "_CID", "PNP0A03");
  vmm_aml__name_integer (aml, "_UID", 0);
  vmm_aml__name_integer (aml, "_SEG", 0);
  vmm_aml__name_integer (aml, "_BBN", 0);
  vmm_aml__name_integer (aml, "_CCA", 1);
  size_t resources = vmm_aml__resources (aml);
  vmm_aml__window_bus (aml, 0, 0);
  vmm_aml__window_memory (aml, VMM_LAYOUT_PCI_WINDOW, VMM_LAYOUT_PCI_WINDOW_SIZE);
  vmm_aml__window_memory (aml, high_base, VMM_LAYOUT_HIGH_SIZE);
  vmm_aml__resources_close (aml, resources);
  add_pci_osc (aml);
  vmm_aml__close (aml, device);

  /* Linux believes MCFG only when the board says that its range is taken (PCI firmware specification 3.3, 4.1.2). */
  device = vmm_aml__device (aml, "ECAM");
  vmm_aml__name_eisa_id (aml, "_HID", "PNP0C02");
  resources = vmm_aml__resources (aml);
  vmm_aml__resource_memory32 (aml, (uint32_t) VMM_LAYOUT_ECAM, (uint32_t) VMM_LAYOUT_ECAM_SIZE);
  vmm_aml__resources_close (aml, resources);
  vmm_aml__close (aml, device);
}

/*
 * Device (PWRB) { _HID PNP0C0C }
 * Device (GED) {
 *   _HID "ACPI0013", _CRS { Interrupt }
 *   OperationRegion (POWR, SystemMemory, VMM_LAYOUT_POWER, 4)
 *   Field (POWR, ByteAcc, NoLock, WriteAsZeros) { Offset (3), EVTS, 8 }
 *   Method (_EVT, 1, Serialized) { Local0 = EVTS; If (Local0 & BUTTON) { Notify (PWRB, 0x80) } }
 * }
 * Reading EVTS clears it, so it is read once and kept.
 */
static void
add_events (struct vmm_aml *aml)
{
  size_t device = vmm_aml__device (aml, "PWRB");
  vmm_aml__name_eisa_id (aml, "_HID", "PNP0C0C");
  vmm_aml__close (aml, device);

  device = vmm_aml__device (aml, "GED");
  vmm_aml__name_string (aml, "_HID", "ACPI0013");
  size_t resources = vmm_aml__resources (aml);
  vmm_aml__resource_interrupt (aml, VMM_IRQ_ACPI);
  vmm_aml__resources_close (aml, resources);
  vmm_aml__memory_region (aml, "POWR", VMM_LAYOUT_POWER, 4);
  size_t field = vmm_aml__field (aml, "POWR");
  vmm_aml__field_unit (aml, NULL, VMM_POWER_EVENTS * 8);
  vmm_aml__field_unit (aml, "EVTS", 8);
  vmm_aml__close (aml, field);

  size_t method = vmm_aml__method (aml, "_EVT", 1);
  vmm_aml__u8 (aml, VMM_AML_STORE);
  vmm_aml__path (aml, "EVTS");
  vmm_aml__u8 (aml, VMM_AML_LOCAL0);
  size_t pressed = vmm_aml__if (aml);
  vmm_aml__u8 (aml, VMM_AML_AND);
  vmm_aml__u8 (aml, VMM_AML_LOCAL0);
  vmm_aml__integer (aml, VMM_POWER_EVENT_BUTTON);
  vmm_aml__u8 (aml, VMM_AML_ZERO); /* the result goes nowhere but to If */
  vmm_aml__u8 (aml, VMM_AML_NOTIFY);
  vmm_aml__path (aml, "\\_SB_.PWRB");
  vmm_aml__integer (aml, 0x80);
  vmm_aml__close (aml, pressed);
  vmm_aml__close (aml, method);
  vmm_aml__close (aml, device);
}

/* Name (_S5, Package () { type, type, 0, 0 }): the one sleep that this machine has (7.4.2, 16.1.3 for hardware-reduced ACPI). */
static void
add_sleep (struct vmm_aml *aml)
{
  vmm_aml__name (aml, "\\_S5_");
  size_t package = vmm_aml__package (aml, 4);
  vmm_aml__integer (aml, VMM_POWER_S5_TYPE);
  vmm_aml__integer (aml, VMM_POWER_S5_TYPE);
  vmm_aml__integer (aml, 0);
  vmm_aml__integer (aml, 0);
  vmm_aml__close (aml, package);
}

void
vmm_acpi__dsdt (struct vmm_aml *aml, const struct vmm_acpi_config *config)
{
  add_sleep (aml);
  size_t scope = vmm_aml__scope (aml, "\\_SB_");
  if (config->pci)
    add_pci (aml, config->high_base);
  if (config->serial)
    add_serial (aml);
  if (config->rtc)
    add_rtc (aml);
  add_events (aml);
  for (size_t i = 0; i < config->n_virtio; i++)
    add_virtio (aml, i, &config->virtio[i]);
  vmm_aml__close (aml, scope);
}
