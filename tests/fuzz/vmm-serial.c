/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: a guest's accesses to serial port, clock and power registers, three bytes each: where, how wide, what. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake.h"
#include "vmm/dev/platform.h"
#include "vmm/layout.h"

#define LIMIT 300

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool good, const char *what)
{
  if (!good) {
    fprintf (stderr, "%s\n", what);
    abort ();
  }
}

static void
access_one (struct fake *fake, const uint8_t *step)
{
  unsigned len = 1U << (step[1] & 3);
  struct vmm_bus *bus = fake->env.pio;
  uint64_t at = VMM_PORT_SERIAL + (step[0] & 7), end = VMM_PORT_SERIAL + 8;

  if ((step[0] & 0xe0) == 0x80) {
    at = VMM_PORT_RTC + (step[0] & 1);
    end = VMM_PORT_RTC + 2;
  } else if ((step[0] & 0xe0) == 0xa0) {
    bus = fake->env.mmio;
    at = VMM_LAYOUT_POWER + (step[0] & 15);
    end = VMM_LAYOUT_POWER + VMM_LAYOUT_POWER_SIZE;
  } else if ((step[0] & 0xe0) == 0xc0) {
    at = 0x64;
    end = 0x65;
  }
  while (at + len > end)
    len /= 2;
  if ((step[1] & 0x80) != 0)
    fake_write (bus, at, len, step[2] * UINT64_C (0x0101010101010101));
  else
    check (len == 8 || fake_read (bus, at, len) >> (8 * len) == 0, "more bits than were asked for");
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const struct vmm_device_ops *const all[] = { &vmm_serial_ops, &vmm_rtc_ops, &vmm_power_ops };
  struct fake *fake = fake_new (VMM_RAM_MIN);
  int fd = memfd_create ("serial", MFD_CLOEXEC);
  const struct vmm_serial_config config = { .fd = fd, .limit = LIMIT };
  void *devices[3];

  for (size_t i = 0; i < 3; i++) {
    devices[i] = calloc (1, all[i]->instance_size);
    check (devices[i] != NULL && all[i]->realize (devices[i], &fake->env, &config, NULL) == 0, "realize");
  }
  for (size_t i = 0; i + 3 <= size; i += 3)
    access_one (fake, data + i);
  for (size_t i = 0; i < 3; i++) {
    all[i]->unrealize (devices[i]);
    free (devices[i]);
  }
  check (lseek (fd, 0, SEEK_END) <= LIMIT, "more than the limit was kept");
  close (fd);
  fake_free (fake);
  return 0;
}
