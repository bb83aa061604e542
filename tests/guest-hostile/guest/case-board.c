/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* case-board: case 26: ports and registers of the board, those that are there and those that are not; and the ways in which a machine ends. */
#include "cases.h"

#include "vmm/dev/power.h"
#include "vmm/layout.h"

#define I8042       0x64
#define I8042_RESET 0xfe

static inline void
out16 (uint16_t port, uint16_t value)
{
  __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}
static inline void
out32 (uint16_t port, uint32_t value)
{
  __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port));
}
static inline uint16_t
in16 (uint16_t port)
{
  uint16_t value;
  __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline uint32_t
in32 (uint16_t port)
{
  uint32_t value;
  __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

/* Ours that do something: our own words, and the way out. The kernel's: interrupt controllers and the timer. */
static bool
is_known (uint32_t port)
{
  return (port >= VMM_PORT_SERIAL - 3 && port < VMM_PORT_SERIAL + 8) || (port >= 0x60 && port <= 0x64) ||
         (port >= 0x1d && port <= 0x22) || (port >= 0x9d && port <= 0xa2) || (port >= 0x3d && port <= 0x43) ||
         (port >= 0x4cd && port <= 0x4d2);
}

static void
try_port (uint16_t port)
{
  uint8_t byte = in8 (port);
  bool nobody = port != VMM_PORT_RTC && port != VMM_PORT_RTC + 1;
  (void) in16 (port);
  (void) in32 (port);
  out8 (port, 0xff);
  out16 (port, 0xffff);
  out32 (port, 0xffffffff);
  report_check ("a port of nobody reads as ones", !nobody || byte == 0xff, MAY_IGNORE);
}

static void
ports (void)
{
  uint8_t bytes[64];
  for (uint32_t port = 0; port < 0x500; port += 3)
    if (!is_known (port))
      try_port ((uint16_t) port);
  for (uint32_t port = 0x500; port < 0xfff0; port += 251)
    try_port ((uint16_t) port);
  try_port (0xcf8);
  try_port (0xcfc);
  try_port (0xffff - 3);
  void *at = bytes;
  uint64_t n = sizeof bytes;
  __asm__ volatile("rep insb" : "+D"(at), "+c"(n) : "d"(0x500) : "memory");
  at = bytes;
  n = sizeof bytes / 4;
  __asm__ volatile("rep insl" : "+D"(at), "+c"(n) : "d"(VMM_PORT_RTC) : "memory");
  const void *from = bytes;
  n = sizeof bytes;
  __asm__ volatile("rep outsb" : "+S"(from), "+c"(n) : "d"(0x80) : "memory");
  report ("series", MAY_IGNORE, MAY_IGNORE);
}

static void
clock_and_keyboard (void)
{
  for (unsigned index = 0; index < 256; index++) {
    out8 (VMM_PORT_RTC, (uint8_t) index);
    (void) in8 (VMM_PORT_RTC + 1);
    out8 (VMM_PORT_RTC + 1, 0xff);
    report ("clock", MAY_IGNORE, MAY_IGNORE);
  }
  for (unsigned command = 0; command < 256; command++)
    if (command != I8042_RESET) {
      out8 (I8042, (uint8_t) command);
      out8 (0x60, (uint8_t) command);
      report ("keyboard", MAY_IGNORE, MAY_IGNORE);
    }
}

/* All registers of the port but the data, in all values; then as it was. */
static void
serial (void)
{
  for (uint16_t reg = 1; reg < 8; reg++)
    for (unsigned value = 0; value < 256; value += 15) {
      out8 ((uint16_t) (VMM_PORT_SERIAL + reg), (uint8_t) value);
      (void) in8 ((uint16_t) (VMM_PORT_SERIAL + reg));
      (void) in32 (VMM_PORT_SERIAL + reg);
    }
  out8 (VMM_PORT_SERIAL + 3, 3);
  out8 (VMM_PORT_SERIAL + 4, 0);
  out8 (VMM_PORT_SERIAL + 1, 0);
  report ("serial", MAY_IGNORE, MAY_IGNORE);
}

static void
power (void)
{
  for (uint64_t at = 0; at < 64; at++) {
    (void) get8 (VMM_LAYOUT_POWER + at);
    (void) get32 (VMM_LAYOUT_POWER + at);
    (void) get64 (VMM_LAYOUT_POWER + at);
    set8 (VMM_LAYOUT_POWER + at, 0x11);
    if (at >= 4)
      set64 (VMM_LAYOUT_POWER + at, UINT64_MAX);
    report ("power", MAY_IGNORE, MAY_IGNORE);
  }
  /* Every sleep but the one that is offered. */
  for (unsigned type = 0; type < 8; type++)
    if (type != VMM_POWER_S5_TYPE)
      set8 (VMM_LAYOUT_POWER + VMM_POWER_SLEEP_CONTROL, (uint8_t) (VMM_POWER_SLEEP_ENABLE | type << 2));
  (void) get64 (VMM_LAYOUT_POWER + VMM_LAYOUT_POWER_SIZE - 4);
}

/* Where nothing is: the hole, above RAM, above all. */
static void
nowhere (void)
{
  static const uint64_t places[] = { 0xc8000000, 0xd0040000, 0xe0200000, 0xf0000000, 0xfe001000, 0xfed00000 };
  for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
    report_check ("nobody's memory reads as ones", get32 (places[i]) == 0xffffffff, MAY_IGNORE);
    set64 (places[i], 0);
  }
  map_gigabyte (UINT64_C (0x7000000000));
  report_check ("nobody's memory reads as ones", get64 (UINT64_C (0x7000000000)) == UINT64_MAX, MAY_IGNORE);
  set64 (UINT64_C (0x7000000000), 1);
}

void
case_board (unsigned number)
{
  report_begin (number, "ports");
  ports ();
  report_end ();
  report_begin (number, "clock, keyboard, serial, power");
  clock_and_keyboard ();
  serial ();
  power ();
  report_end ();
  report_begin (number, "nobody's memory");
  nowhere ();
  if (n_vdevs > 0)
    report_wrong ("after all of it", revive (&vdevs[0]));
  report_end ();
}

/* ---- ends ---- */

static void
triple_fault (void)
{
  static const struct {
    uint16_t limit;
    uint64_t base;
  } __attribute__ ((packed)) none = { 0 };
  __asm__ volatile("lidt %0; ud2" ::"m"(none));
}

static bool
is (const char *name, const char *word)
{
  while (*word != '\0' && *name == *word) {
    name++;
    word++;
  }
  return *word == '\0' && (*name == '\0' || *name == ' ');
}

/* More than anybody keeps, to a reader who is not there. */
static void
flood_serial (void)
{
  for (unsigned i = 0; i < option ("bytes", 16384); i++)
    out8 (VMM_PORT_SERIAL, i % 64 == 63 ? '\n' : 'x');
  power_off ();
}

void
end_machine (const char *name)
{
  if (is (name, "triple"))
    triple_fault ();
  else if (is (name, "halt"))
    rest ();
  else if (is (name, "reset"))
    out8 (I8042, I8042_RESET);
  else if (is (name, "power-reset"))
    set8 (VMM_LAYOUT_POWER + VMM_POWER_RESET, VMM_POWER_RESET_VALUE);
  else if (is (name, "fetch"))
    ((void (*) (void)) VMM_LAYOUT_VIRTIO_MMIO) ();
  else if (is (name, "serial"))
    flood_serial ();
  else if (is (name, "spin"))
    for (;;)
      relax ();
  else if (is (name, "ports"))
    for (;;)
      out8 (0x500, 0);
  else
    power_off ();
  rest ();
}
