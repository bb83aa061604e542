/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* case-access: case 17: every register in every width, aligned or not, in series, across pages; MSI-X tables and configuration space too. */
#include "cases.h"

#include "vmm/layout.h"
#include "vmm/pci/regs.h"
#include "vmm/virtio/pci-regs.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static volatile uint64_t sink;

static void
touch (uint64_t at, unsigned width, const uint64_t *write)
{
  switch (width) {
  case 1:
    write != NULL ? set8 (at, (uint8_t) *write) : (void) (sink = get8 (at));
    break;
  case 2:
    write != NULL ? set16 (at, (uint16_t) *write) : (void) (sink = get16 (at));
    break;
  case 4:
    write != NULL ? set32 (at, (uint32_t) *write) : (void) (sink = get32 (at));
    break;
  default:
    write != NULL ? set64 (at, *write) : (void) (sink = get64 (at));
    break;
  }
}

/* Values that are no address in RAM, should one of them become one. */
static void
spray (uint64_t base, unsigned from, unsigned to, bool dense)
{
  static const unsigned widths[] = { 1, 2, 4, 8 };
  static const uint64_t values[] = { UINT64_MAX, 0, UINT64_C (0xdeadbeefdeadbeef) };
  for (unsigned at = from; at < to; at += dense || at % 4 == 3 ? 1 : 3)
    for (unsigned i = 0; i < COUNT (widths); i++) {
      if (!dense && widths[i] == 2)
        continue;
      touch (base + at, widths[i], NULL);
      touch (base + at, widths[i], &values[random32 () % COUNT (values)]);
      report ("access", MAY_IGNORE, MAY_IGNORE);
    }
}

/* As compilers do not: series of each width. */
static void
series (uint64_t at, unsigned bytes)
{
  void *to = buffer;
  uint64_t from = at, n = bytes;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
  from = at;
  n = bytes / 4;
  to = buffer;
  __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(n)::"memory");
  uint64_t where = at;
  n = bytes;
  __asm__ volatile("rep stosb" : "+D"(where), "+c"(n) : "a"(0xff) : "memory");
  where = at;
  n = bytes / 8;
  __asm__ volatile("rep stosq" : "+D"(where), "+c"(n) : "a"(-1ll) : "memory");
  report ("series", MAY_IGNORE, MAY_IGNORE);
}

/* Each byte of an access may belong to another device, or to nobody. */
static void
across (uint64_t edge)
{
  static const uint64_t ones = UINT64_MAX;
  for (unsigned before = 1; before < 8; before++) {
    touch (edge - before, 8, NULL);
    touch (edge - before, 8, &ones);
    if (before < 4) {
      touch (edge - before, 4, NULL);
      touch (edge - before, 4, &ones);
    }
    report ("across an edge", MAY_IGNORE, MAY_IGNORE);
  }
}

static void
access_mmio (struct vdev *d, bool dense)
{
  spray (d->base, 0, VMM_LAYOUT_VIRTIO_SIZE, dense);
  series (d->base, VMM_LAYOUT_VIRTIO_SIZE);
  across (d->base + 0x100);
  across (d->base + VMM_LAYOUT_VIRTIO_SIZE);
  across (d->base + VMM_LAYOUT_VIRTIO_STRIDE);
}

/* Offsets and lengths that are none, through the window in configuration space. */
static void
window (struct vdev *d)
{
  static const uint32_t lens[] = { 0, 1, 2, 3, 4, 8, 0xffffffff };
  static const uint32_t offsets[] = {
    0, 1, 0x14, 0x16, 0x3000, 0x4000, 0x7ffc, 0x7fff, 0x8000, 0xfffffffc, 0xffffffff
  };
  unsigned guard = 0, at = get8 (d->bar_config + VMM_PCI_CAPABILITIES);
  while (at != 0 && guard++ < 48 &&
         (get8 (d->bar_config + at) != VMM_PCI_CAP_VENDOR ||
          get8 (d->bar_config + at + VMM_VPCI_CAP_TYPE) != VMM_VPCI_TYPE_PCI_CONFIG))
    at = get8 (d->bar_config + at + 1);
  if (at == 0)
    return;
  uint64_t cap = d->bar_config + at;
  for (unsigned bar = 0; bar < 8; bar++) {
    set8 (cap + VMM_VPCI_CAP_BAR, (uint8_t) bar);
    for (unsigned i = 0; i < COUNT (offsets); i++)
      for (unsigned j = 0; j < COUNT (lens); j++) {
        set32 (cap + VMM_VPCI_CAP_OFFSET, offsets[i]);
        set32 (cap + VMM_VPCI_CAP_LENGTH, lens[j]);
        sink = get32 (cap + VMM_VPCI_CAP_MORE);
        set32 (cap + VMM_VPCI_CAP_MORE, 0xffffffff);
        report ("window", MAY_IGNORE, MAY_IGNORE);
      }
  }
  set8 (cap + VMM_VPCI_CAP_BAR, 0);
}

/* BAR 0 where it must not be: on RAM, on other devices, half of it, nowhere; then back. */
static void
move_bar (struct vdev *d)
{
  const uint64_t places[] = { 0,
                              0x100000,
                              VMM_LAYOUT_ECAM,
                              VMM_LAYOUT_VIRTIO_MMIO,
                              VMM_LAYOUT_LAPIC,
                              VMM_LAYOUT_IOAPIC,
                              VMM_LAYOUT_POWER,
                              VMM_LAYOUT_PCI_WINDOW,
                              VMM_LAYOUT_PCI_WINDOW + 0x1000,
                              UINT64_C (0xfffffffffffff000),
                              UINT64_MAX,
                              d->base ^ 0x8000 };
  uint64_t at = d->bar_config;
  for (unsigned i = 0; i < COUNT (places); i++) {
    for (unsigned enabled = 0; enabled < 2; enabled++) {
      set16 (at + VMM_PCI_COMMAND, enabled != 0 ? VMM_PCI_COMMAND_MEMORY : 0);
      set32 (at + VMM_PCI_BAR0, (uint32_t) places[i]);
      set32 (at + VMM_PCI_BAR0 + 4, (uint32_t) (places[i] >> 32));
      set16 (at + VMM_PCI_COMMAND, 0xffff);
    }
    report_wrong ("a BAR on others", others_live (d));
    report ("BAR moved", MAY_IGNORE, MAY_IGNORE);
  }
  set16 (at + VMM_PCI_COMMAND, 0);
  set32 (at + VMM_PCI_BAR0, (uint32_t) d->base);
  set32 (at + VMM_PCI_BAR0 + 4, (uint32_t) (d->base >> 32));
  set16 (at + VMM_PCI_COMMAND, VMM_PCI_COMMAND_MEMORY | VMM_PCI_COMMAND_MASTER);
}

/* Vectors on and off, masked and not, in each status (CVE-2024-4693). */
static void
interrupts (struct vdev *d)
{
  uint64_t table = d->base + VMM_VPCI_MSIX_TABLE;
  unsigned guard = 0, at = get8 (d->bar_config + VMM_PCI_CAPABILITIES);
  while (at != 0 && guard++ < 48 && get8 (d->bar_config + at) != VMM_PCI_CAP_MSIX)
    at = get8 (d->bar_config + at + 1);
  if (at == 0)
    return;
  uint64_t control = d->bar_config + at + VMM_MSIX_CONTROL;
  vdev_start (d, RING_SIZE);
  for (unsigned i = 0; i < 40; i++) {
    uint64_t entry = table + VMM_MSIX_ENTRY_SIZE * (random32 () % 6);
    set32 (entry, random32 () % 2 != 0 ? VMM_LAYOUT_LAPIC : 0xffffffff);
    set32 (entry + 8, random32 () % 2 != 0 ? 0x41 : 0xffffffff);
    set32 (entry + 12, random32 () % 2);
    set16 (control, (uint16_t) (random32 () % 4 << 14));
    set16 (d->common + VMM_VPCI_CONFIG_VECTOR, (uint16_t) (random32 () % 8));
    v_select (d, random32 () % 3);
    set16 (d->common + VMM_VPCI_QUEUE_VECTOR, (uint16_t) (random32 () % 2 != 0 ? 0xffff : random32 () % 8));
    if (i % 8 == 0)
      vdev_start (d, RING_SIZE);
    report_wrong ("interrupts set anew", good_request (d));
    report ("interrupts", MAY_IGNORE, MAY_IGNORE);
  }
  set16 (control, 0);
}

static void
access_pci (struct vdev *d, bool dense)
{
  static const unsigned pages[] = { VMM_VPCI_ISR, VMM_VPCI_DEVICE, VMM_VPCI_NOTIFY, VMM_VPCI_MSIX_TABLE,
                                    VMM_VPCI_MSIX_PBA };
  spray (d->base, 0, 0x48, dense);
  for (unsigned i = 0; i < COUNT (pages); i++)
    spray (d->base, pages[i], pages[i] + (dense ? 0x44 : 0x14), dense);
  series (d->base, 0x40);
  series (d->base + VMM_VPCI_MSIX_TABLE, 0x80);
  for (unsigned edge = VMM_VPCI_PAGE; edge <= VMM_VPCI_BAR_SIZE; edge += VMM_VPCI_PAGE)
    across (d->base + edge);
  interrupts (d);
  spray (d->bar_config, 0, VMM_PCI_CONFIG_SIZE, dense);
  across (d->bar_config + 0x100);
  across (d->bar_config + 0x1000);
  window (d);
  move_bar (d);
}

/* The bus as such: functions that are not there, the ends of its space. */
static void
access_bus (unsigned number)
{
  report_begin (number, "configuration space");
  for (unsigned slot = 0; slot < 32; slot++)
    for (unsigned function = 1; function < 8; function += 6)
      spray (VMM_LAYOUT_ECAM + ((uint64_t) slot << 15) + (function << 12), 0, 8, false);
  spray (VMM_LAYOUT_ECAM + (UINT64_C (31) << 15), 0, 64, true);
  across (VMM_LAYOUT_ECAM + VMM_LAYOUT_ECAM_SIZE);
  spray (VMM_LAYOUT_PCI_WINDOW, 0, 16, true);
  report_end ();
}

void
case_access (unsigned number)
{
  for (unsigned i = 0; i < n_vdevs; i++) {
    struct vdev *d = &vdevs[i];
    report_begin (number, vdev_name (d));
    if (d->pci)
      access_pci (d, d->id == ID_RNG);
    else
      access_mmio (d, d->id == ID_RNG);
    report_wrong ("after all of it", others_live (d));
    report_wrong ("after all of it", revive (d));
    report_end ();
  }
  if (n_vdevs > 0 && vdevs[0].pci)
    access_bus (number);
}
