/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI and virtio over it: the bus, configuration space and its masks, BARs that move, MSI-X, the window of 4.1.4.9. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "registers.h"
#include "toy.h"

#include "vmm/pci/regs.h"
#include "vmm/virtio/pci-regs.h"

#define ECAM UINT64_C (0xe0000000)

static struct driver driver;
static struct registers guest;
static uint32_t first_msi = VMM_IRQ_LINE_LAST + 1;

static void
set_up (void)
{
  driver_open (&driver, VMM_RAM_MIN);
  ck_assert_int_eq (driver_device (&driver, &toy_ops, NULL, NULL), 0);
  registers_open (&guest, &driver, true);
}

/* As the device does when the driver wants to know. */
static void
interrupt (int queue)
{
  driver.device->transport_ops->interrupt (driver.device->transport, queue);
}

static void
tear_down (void)
{
  registers_close (&guest);
  driver_close (&driver);
}

static uint64_t
config_read (uint64_t offset, unsigned len)
{
  return fake_read (driver.env->mmio, REGISTERS_SLOT + offset, len);
}

static void
config_write (uint64_t offset, unsigned len, uint64_t value)
{
  fake_write (driver.env->mmio, REGISTERS_SLOT + offset, len, value);
}

/* Of the @n-th virtio capability of @type; 0 = none. */
static uint64_t
find_capability (uint8_t id, uint8_t type)
{
  unsigned steps = 0;
  for (uint64_t at = config_read (VMM_PCI_CAPABILITIES, 1); at != 0 && steps++ < 48; at = config_read (at + 1, 1)) {
    ck_assert_uint_ge (at, 0x40);
    ck_assert_uint_eq (at % 4, 0);
    if (config_read (at, 1) == id && (id != VMM_PCI_CAP_VENDOR || config_read (at + VMM_VPCI_CAP_TYPE, 1) == type))
      return at;
  }
  return 0;
}

/* ---- the bus ---- */

START_TEST (shows_a_bridge_and_a_function)
{
  ck_assert_uint_eq (fake_read (driver.env->mmio, ECAM, 4), 0x00081b36);
  ck_assert_uint_eq (fake_read (driver.env->mmio, ECAM + 0x08, 4) >> 16, 0x0600);
  ck_assert_uint_eq (config_read (0, 4), 0x106a1af4); /* 0x1040 + 42 */
  ck_assert_uint_ge (config_read (VMM_PCI_REVISION, 1), 1);
  ck_assert_uint_ge (config_read (VMM_PCI_SUBSYSTEM, 2), 0x40);
  ck_assert_uint_eq (config_read (0x0e, 1), 0); /* header type: one function */
  ck_assert_uint_eq (config_read (0x3d, 1), 0); /* no interrupt pin */
  ck_assert_uint_eq (config_read (VMM_PCI_STATUS, 2) & 0x10, 0x10);
  ck_assert_uint_eq (config_read (0x100, 4), 0);
  ck_assert_uint_eq (config_read (0xffc, 4), 0);
  /* Nobody: other functions, other slots. */
  ck_assert_uint_eq (config_read (0x1000, 4), UINT32_MAX);
  ck_assert_uint_eq (fake_read (driver.env->mmio, ECAM + 0x10000, 4), UINT32_MAX);
  ck_assert_uint_eq (fake_read (driver.env->mmio, ECAM + 0xff000, 2), 0xffff);
}
END_TEST

/* Everything that is not meant to be written stays; any access of any width anywhere is defined. */
START_TEST (masks_configuration)
{
  uint64_t before[64];
  for (unsigned i = 0; i < 64; i++)
    before[i] = config_read (4 * i, 4);
  uint64_t window = find_capability (VMM_PCI_CAP_VENDOR, VMM_VPCI_TYPE_PCI_CONFIG);
  for (unsigned len = 1; len <= 8; len *= 2)
    for (uint64_t offset = 0; offset + len <= 0x1000; offset++) {
      config_read (offset, len);
      config_write (offset, len, UINT64_MAX);
      config_write (offset, len, 0x5a5a5a5a5a5a5a5a);
    }
  for (unsigned i = 0; i < 64; i++) {
    uint64_t writable = 0;
    if (4 * i == VMM_PCI_COMMAND)
      writable = 0x406;
    else if (4 * i == 0x0c || 4 * i == 0x3c)
      writable = 0xff;
    else if (4 * i == VMM_PCI_BAR0)
      writable = 0xffff8000;
    else if (4 * i == VMM_PCI_BAR0 + 4)
      writable = UINT32_MAX;
    else if (4 * i == config_read (VMM_PCI_CAPABILITIES, 1))
      writable = 0xc0000000;
    else if (4 * i == window + 4)
      writable = 0xff;
    else if (4 * i >= window + 8 && 4 * i < window + 20)
      writable = UINT32_MAX;
    ck_assert_msg (((config_read (4 * i, 4) ^ before[i]) & ~writable) == 0, "0x%x changed", 4 * i);
  }
}
END_TEST

START_TEST (fills_the_bus)
{
  struct vmm_virtio_pci *functions[31] = { 0 };
  struct vmm_virtio *devices[31] = { 0 };
  kata_error *error = NULL;
  unsigned n = 0;
  int code = 0;
  for (; n < 31; n++) {
    ck_assert_int_eq (vmm_virtio__new (&devices[n], &toy_ops, driver.env, NULL, NULL), 0);
    code = vmm_virtio_pci__new (&functions[n], devices[n], guest.root, &error);
    if (code < 0)
      break;
  }
  /* The fake has fewer MSIs than the bus has slots; whichever ends first says so and holds nothing. */
  ck_assert_int_eq (code, KATA_E_LIMIT);
  ck_assert_ptr_null (functions[n]);
  kata_error_unref (error);
  for (unsigned i = 0; i <= n && i < 31; i++) {
    vmm_virtio_pci__free (functions[i]);
    vmm_virtio__free (devices[i]);
  }
}
END_TEST

/* ---- BAR 0 ---- */

START_TEST (is_sized_and_moved)
{
  config_write (VMM_PCI_COMMAND, 2, 0);
  ck_assert_uint_eq (registers_read (&guest, 0, 4), UINT32_MAX);
  config_write (VMM_PCI_BAR0, 4, UINT32_MAX);
  config_write (VMM_PCI_BAR0 + 4, 4, UINT32_MAX);
  ck_assert_uint_eq (config_read (VMM_PCI_BAR0, 4), 0xffff800c);
  ck_assert_uint_eq (config_read (VMM_PCI_BAR0 + 4, 4), UINT32_MAX);
  static const uint64_t places[] = { 0xc0000000, 0xcfff8000, REGISTERS_HIGH_BASE + 0x100000,
                                     REGISTERS_HIGH_BASE + 0xfffff8000 };
  for (unsigned i = 0; i < 4; i++) {
    config_write (VMM_PCI_BAR0, 4, (uint32_t) places[i]);
    config_write (VMM_PCI_BAR0 + 4, 4, places[i] >> 32);
    config_write (VMM_PCI_COMMAND, 2, VMM_PCI_COMMAND_MEMORY);
    guest.base = places[i];
    ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_NUM_QUEUES, 2), TOY_QUEUES);
  }
  /* Its doorbells came along. */
  registers_start (&guest, 0);
  unsigned before = toy_of (driver.device)->kicked[1];
  registers_notify (&guest, 1);
  driver_run (&driver);
  ck_assert_uint_eq (toy_of (driver.device)->kicked[1], before + 1);
}
END_TEST

START_TEST (answers_nowhere_else)
{
  static const uint64_t places[] = { 0,
                                     0x8000,
                                     0xbfff8000,
                                     0xd0000000,
                                     0xe0000000,
                                     0xfee00000,
                                     UINT64_C (0x100000000),
                                     0xfffffffffff80000,
                                     REGISTERS_HIGH_BASE + UINT64_C (0x1000000000) };
  for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
    config_write (VMM_PCI_BAR0, 4, (uint32_t) places[i]);
    config_write (VMM_PCI_BAR0 + 4, 4, places[i] >> 32);
    guest.base = places[i];
    if (places[i] != ECAM)
      ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_NUM_QUEUES, 2), 0xffff);
  }
  ck_assert_uint_eq (config_read (0, 4), 0x106a1af4);
}
END_TEST

START_TEST (two_do_not_share_a_place)
{
  struct vmm_virtio_pci *second;
  struct vmm_virtio *device;
  ck_assert_int_eq (vmm_virtio__new (&device, &toy_ops, driver.env, NULL, NULL), 0);
  ck_assert_int_eq (vmm_virtio_pci__new (&second, device, guest.root, NULL), 0);
  uint64_t slot = REGISTERS_SLOT + 0x8000;
  fake_write (driver.env->mmio, slot + VMM_PCI_COMMAND, 2, VMM_PCI_COMMAND_MEMORY);
  fake_write (driver.env->mmio, slot + VMM_PCI_BAR0, 4, (uint32_t) guest.base);
  fake_write (driver.env->mmio, slot + VMM_PCI_BAR0 + 4, 4, guest.base >> 32);
  registers_start (&guest, 0);
  vmm_virtio_pci__free (second);
  vmm_virtio__free (device);
  ck_assert_uint_eq (registers_status (&guest), 15);
}
END_TEST

/* ---- MSI-X ---- */

START_TEST (routes_vectors)
{
  uint64_t msix = find_capability (VMM_PCI_CAP_MSIX, 0);
  ck_assert_uint_eq (config_read (msix + VMM_MSIX_CONTROL, 2), 0x8000 | TOY_QUEUES);
  for (unsigned i = 0; i <= TOY_QUEUES; i++) {
    struct fake_irq *irq = &driver.fake->irqs[first_msi + i];
    ck_assert (irq->taken && irq->is_msi && irq->routed);
    ck_assert_uint_eq (irq->address, 0xfee00000);
    ck_assert_uint_eq (irq->data, 0x100 + i);
  }
  config_write (msix + VMM_MSIX_CONTROL, 2, 0xc000);
  ck_assert (!driver.fake->irqs[first_msi].routed);
  config_write (msix + VMM_MSIX_CONTROL, 2, 0x8000);
  ck_assert (driver.fake->irqs[first_msi].routed);
  config_write (msix + VMM_MSIX_CONTROL, 2, 0);
  ck_assert (!driver.fake->irqs[first_msi].routed);
  ck_assert_uint_eq (config_read (msix + VMM_MSIX_CONTROL, 2), TOY_QUEUES);
}
END_TEST

START_TEST (keeps_masked_ones_pending)
{
  registers_start (&guest, 0);
  uint64_t entry = VMM_VPCI_MSIX_TABLE + 2 * VMM_MSIX_ENTRY_SIZE; /* of queue 1 */
  registers_write (&guest, entry + 12, 4, 1);
  ck_assert (!driver.fake->irqs[first_msi + 2].routed);
  interrupt (1);
  ck_assert_uint_eq (fake_raised (driver.fake, first_msi + 2), 0);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_MSIX_PBA, 8), 1u << 2);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_MSIX_PBA, 4), 1u << 2);
  registers_write (&guest, VMM_VPCI_MSIX_PBA, 8, 0);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_MSIX_PBA, 8), 1u << 2);
  registers_write (&guest, entry, 4, 0xfee01003);
  registers_write (&guest, entry + 4, 4, 0);
  registers_write (&guest, entry + 8, 4, 77);
  registers_write (&guest, entry + 12, 4, 0);
  ck_assert_uint_eq (fake_raised (driver.fake, first_msi + 2), 1);
  ck_assert_uint_eq (driver.fake->irqs[first_msi + 2].address, 0xfee01000);
  ck_assert_uint_eq (driver.fake->irqs[first_msi + 2].data, 77);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_MSIX_PBA, 8), 0);
  ck_assert_uint_eq (registers_read (&guest, entry, 8), 0xfee01000);
  ck_assert_uint_eq (registers_read (&guest, entry + 8, 8), 77);
}
END_TEST

/* Case 17 of the table: past its end, half entries, wrong widths. */
START_TEST (bounds_the_table)
{
  uint64_t end = VMM_VPCI_MSIX_TABLE + (TOY_QUEUES + 1) * VMM_MSIX_ENTRY_SIZE;
  for (uint64_t offset = end; offset < VMM_VPCI_MSIX_PBA; offset += 4) {
    registers_write (&guest, offset, 4, 0);
    ck_assert_uint_eq (registers_read (&guest, offset, 4), 0);
  }
  uint64_t before = registers_read (&guest, VMM_VPCI_MSIX_TABLE, 8);
  registers_write (&guest, VMM_VPCI_MSIX_TABLE + 4, 8, UINT64_MAX);
  registers_write (&guest, VMM_VPCI_MSIX_TABLE + 1, 4, UINT64_MAX);
  registers_write (&guest, VMM_VPCI_MSIX_TABLE, 2, 0xffff);
  registers_write (&guest, VMM_VPCI_MSIX_TABLE, 1, 0xff);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_MSIX_TABLE, 8), before);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_MSIX_TABLE + 4, 8), 0);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_MSIX_PBA + 8, 8), 0);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_MSIX_PBA + 0xff8, 8), 0);
}
END_TEST

START_TEST (refuses_vectors_that_are_not_there)
{
  registers_negotiate (&guest, 0);
  registers_select (&guest, 0);
  static const uint16_t vectors[] = { TOY_QUEUES + 1, 0x7fff, 0x8000, 0xfffe, 0xffff };
  for (unsigned i = 0; i < 5; i++) {
    registers_write (&guest, VMM_VPCI_QUEUE_VECTOR, 2, vectors[i]);
    ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_QUEUE_VECTOR, 2), 0xffff);
    registers_write (&guest, VMM_VPCI_CONFIG_VECTOR, 2, vectors[i]);
    ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_CONFIG_VECTOR, 2), 0xffff);
  }
  registers_vectors (&guest);
  registers_set_status (&guest, 0);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_CONFIG_VECTOR, 2), 0xffff);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_QUEUE_VECTOR, 2), 0xffff);
  registers_select (&guest, 0xffff);
  registers_write (&guest, VMM_VPCI_QUEUE_VECTOR, 2, 0);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_QUEUE_VECTOR, 2), 0xffff);
  /* Nothing goes anywhere then, and nothing breaks. */
  registers_negotiate (&guest, 0);
  registers_set_status (&guest, 15);
  vmm_virtio__config_changed (driver.device);
  for (unsigned i = 0; i <= TOY_QUEUES; i++)
    ck_assert_uint_eq (fake_raised (driver.fake, first_msi + i), 0);
}
END_TEST

/* 4.1.4.5: the configuration's bit is there with MSI-X too, the queues' only without; reading clears both. */
START_TEST (shows_isr)
{
  registers_start (&guest, 0);
  interrupt (0);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_ISR, 1), 0);
  vmm_virtio__config_changed (driver.device);
  ck_assert_uint_eq (config_read (VMM_PCI_STATUS, 2) & VMM_PCI_STATUS_INTERRUPT, VMM_PCI_STATUS_INTERRUPT);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_ISR, 1), 2);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_ISR, 1), 0);
  ck_assert_uint_eq (config_read (VMM_PCI_STATUS, 2) & VMM_PCI_STATUS_INTERRUPT, 0);
  config_write (find_capability (VMM_PCI_CAP_MSIX, 0) + VMM_MSIX_CONTROL, 2, 0);
  interrupt (0);
  vmm_virtio__config_changed (driver.device);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_ISR, 1), 3);
}
END_TEST

/* ---- the common structure and the window into BAR 0 ---- */

START_TEST (describes_its_structures)
{
  static const struct {
    uint8_t type;
    uint32_t offset, length;
  } expected[] = { { VMM_VPCI_TYPE_COMMON, VMM_VPCI_COMMON, 56 },
                   { VMM_VPCI_TYPE_NOTIFY, VMM_VPCI_NOTIFY, 4 * TOY_QUEUES },
                   { VMM_VPCI_TYPE_ISR, VMM_VPCI_ISR, 1 },
                   { VMM_VPCI_TYPE_DEVICE, VMM_VPCI_DEVICE, TOY_CONFIG } };
  for (unsigned i = 0; i < 4; i++) {
    uint64_t at = find_capability (VMM_PCI_CAP_VENDOR, expected[i].type);
    ck_assert_uint_ne (at, 0);
    ck_assert_uint_eq (config_read (at + VMM_VPCI_CAP_BAR, 1), 0);
    ck_assert_uint_eq (config_read (at + VMM_VPCI_CAP_OFFSET, 4), expected[i].offset);
    ck_assert_uint_eq (config_read (at + VMM_VPCI_CAP_LENGTH, 4), expected[i].length);
    ck_assert_uint_ge (config_read (at + VMM_VPCI_CAP_LEN, 1), 16);
  }
}
END_TEST

START_TEST (reaches_bar0_through_the_window)
{
  uint64_t window = find_capability (VMM_PCI_CAP_VENDOR, VMM_VPCI_TYPE_PCI_CONFIG);
  config_write (VMM_PCI_COMMAND, 2, 0); /* works with memory off: that is what it is for */
  config_write (window + VMM_VPCI_CAP_OFFSET, 4, VMM_VPCI_NUM_QUEUES);
  config_write (window + VMM_VPCI_CAP_LENGTH, 4, 2);
  ck_assert_uint_eq (config_read (window + VMM_VPCI_CAP_MORE, 2), TOY_QUEUES);
  config_write (window + VMM_VPCI_CAP_OFFSET, 4, VMM_VPCI_DEVICE_STATUS);
  config_write (window + VMM_VPCI_CAP_LENGTH, 4, 1);
  config_write (window + VMM_VPCI_CAP_MORE, 1, 1);
  ck_assert_uint_eq (driver.device->status, 1);
  ck_assert_uint_eq (config_read (window + VMM_VPCI_CAP_MORE, 1), 1);
  /* Nowhere: another BAR, odd lengths and offsets, past the end. */
  config_write (window + VMM_VPCI_CAP_BAR, 1, 1);
  config_write (window + VMM_VPCI_CAP_MORE, 1, 0);
  config_write (window + VMM_VPCI_CAP_BAR, 1, 0);
  config_write (window + VMM_VPCI_CAP_LENGTH, 4, 3);
  config_write (window + VMM_VPCI_CAP_MORE, 4, 0);
  config_write (window + VMM_VPCI_CAP_LENGTH, 4, 4);
  config_write (window + VMM_VPCI_CAP_OFFSET, 4, VMM_VPCI_DEVICE_STATUS + 1);
  config_write (window + VMM_VPCI_CAP_MORE, 4, 0);
  config_write (window + VMM_VPCI_CAP_OFFSET, 4, 0xfffffffc);
  config_write (window + VMM_VPCI_CAP_MORE, 4, 0);
  config_read (window + VMM_VPCI_CAP_MORE, 4);
  ck_assert_uint_eq (driver.device->status, 1);
}
END_TEST

START_TEST (has_natural_widths)
{
  registers_start (&guest, 0);
  for (unsigned len = 1; len <= 8; len *= 2)
    for (uint64_t offset = 0; offset + len <= 0x38; offset++) {
      unsigned width = offset < 0x10 ? 4 : offset == 0x14 || offset == 0x15 ? 1 : offset < 0x20 ? 2 : 4;
      bool good = (len == width && offset % len == 0) || (len == 8 && offset >= 0x20 && offset % 8 == 0);
      if (good)
        continue;
      ck_assert_uint_eq (registers_read (&guest, offset, len), 0);
      registers_write (&guest, offset, len, 0);
    }
  ck_assert_uint_eq (registers_status (&guest), 15);
  registers_select (&guest, 2);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_QUEUE_DESC, 8), driver.queues[2].desc);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_QUEUE_DESC, 4), driver.queues[2].desc);
  ck_assert_uint_eq (registers_read (&guest, VMM_VPCI_QUEUE_NOTIFY_OFF, 2), 2);
  ck_assert_uint_eq (registers_read (&guest, 0x38, 4), 0);
}
END_TEST

static Suite *
suite (void)
{
  Suite *s = suite_create ("vmm/virtio/pci");
  TCase *c = tcase_create ("all");
  tcase_set_timeout (c, 60);
  tcase_add_checked_fixture (c, set_up, tear_down);
  tcase_add_test (c, shows_a_bridge_and_a_function);
  tcase_add_test (c, masks_configuration);
  tcase_add_test (c, fills_the_bus);
  tcase_add_test (c, is_sized_and_moved);
  tcase_add_test (c, answers_nowhere_else);
  tcase_add_test (c, two_do_not_share_a_place);
  tcase_add_test (c, routes_vectors);
  tcase_add_test (c, keeps_masked_ones_pending);
  tcase_add_test (c, bounds_the_table);
  tcase_add_test (c, refuses_vectors_that_are_not_there);
  tcase_add_test (c, shows_isr);
  tcase_add_test (c, describes_its_structures);
  tcase_add_test (c, reaches_bar0_through_the_window);
  tcase_add_test (c, has_natural_widths);
  suite_add_tcase (s, c);
  return s;
}

int
main (void)
{
  SRunner *runner = srunner_create (suite ());
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
