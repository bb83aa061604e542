/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rt: the hostile guest's runtime; it trusts the machine it is on, for now. */
#include "rt.h"

#include <stdarg.h>

#include "vmm/dev/power.h"
#include "vmm/layout.h"

#define LAPIC_ICR_LOW  (VMM_LAYOUT_LAPIC + 0x300)
#define LAPIC_ICR_HIGH (VMM_LAYOUT_LAPIC + 0x310)
#define TRAMPOLINE     0x8000u

extern uint32_t boot_info, other_stack;
extern uint64_t page_pointers[512];
extern uint64_t idt[512];
extern const uint64_t vectors[32];
extern const uint8_t trampoline[], trampoline_end[];
extern uint8_t image_end[];

void first_cpu (void);
void other_cpu (void);
void on_exception (uint64_t vector, uint64_t code, uint64_t at);

uint64_t ram_low_end, ram_high_base, ram_high_end;
static uint64_t next_free;
static uint64_t tsc_per_ms;
static char command_line[VMM_CMDLINE_MAX]; /* a copy: a balloon that is told nonsense takes low pages away */

/* ---- what the compiler wants ---- */

void *
memset (void *to, int byte, size_t n)
{
  void *at = to;
  __asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(byte) : "memory");
  return to;
}

void *
memcpy (void *to, const void *from, size_t n)
{
  void *at = to;
  __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n)::"memory");
  return to;
}

int
memcmp (const void *a, const void *b, size_t n)
{
  const uint8_t *x = a, *y = b;
  for (size_t i = 0; i < n; i++)
    if (x[i] != y[i])
      return x[i] < y[i] ? -1 : 1;
  return 0;
}

/* ---- words ---- */

static void
say_number (uint64_t value, unsigned base)
{
  char text[24];
  unsigned n = 0;
  do
    text[n++] = "0123456789abcdef"[value % base];
  while ((value /= base) != 0);
  while (n > 0)
    out8 (VMM_PORT_SERIAL, (uint8_t) text[--n]);
}

void
say (const char *format, ...)
{
  va_list args;
  va_start (args, format);
  for (; *format != '\0'; format++) {
    if (*format != '%') {
      out8 (VMM_PORT_SERIAL, (uint8_t) *format);
      continue;
    }
    bool wide = format[1] == 'l';
    format += wide ? 2 : 1;
    if (*format == 's') {
      for (const char *text = va_arg (args, const char *); *text != '\0'; text++)
        out8 (VMM_PORT_SERIAL, (uint8_t) *text);
    } else if (*format == 'c')
      out8 (VMM_PORT_SERIAL, (uint8_t) va_arg (args, int));
    else
      say_number (wide ? va_arg (args, uint64_t) : va_arg (args, uint32_t), *format == 'x' ? 16 : 10);
  }
  va_end (args);
}

/* ---- the command line ---- */

const char *
option_text (const char *key)
{
  for (const char *at = command_line; *at != '\0';) {
    size_t n = 0;
    while (key[n] != '\0' && at[n] == key[n])
      n++;
    if (key[n] == '\0' && at[n] == '=')
      return at + n + 1;
    while (*at != '\0' && *at != ' ')
      at++;
    while (*at == ' ')
      at++;
  }
  return NULL;
}

uint64_t
option (const char *key, uint64_t otherwise)
{
  const char *text = option_text (key);
  uint64_t value = 0;
  if (text == NULL)
    return otherwise;
  for (; *text >= '0' && *text <= '9'; text++)
    value = value * 10 + (uint64_t) (*text - '0');
  return value;
}

/* ---- memory ---- */

void *
take (size_t bytes, size_t align)
{
  next_free = (next_free + align - 1) & ~(uint64_t) (align - 1);
  void *found = (void *) next_free;
  next_free += bytes;
  if (next_free > ram_low_end) {
    say ("BAD out of memory\n");
    power_off ();
  }
  memset (found, 0, bytes);
  return found;
}

void
map_gigabyte (uint64_t address)
{
  uint64_t which = address >> 30;
  if (page_pointers[which] != 0)
    return;
  uint64_t *directory = take (4096, 4096);
  for (uint64_t i = 0; i < 512; i++)
    directory[i] = (which << 30 | i << 21) | 0x83;
  page_pointers[which] = (uint64_t) directory | 3;
}

/* The memory map of Xen's start information: address, size, type, reserved. */
static void
find_memory (void)
{
  uint64_t at = get64 (boot_info + 40ull);
  for (uint32_t n = get32 (boot_info + 48ull); n > 0; n--, at += 24) {
    uint64_t base = get64 (at), end = base + get64 (at + 8);
    if (get32 (at + 16) != 1)
      continue;
    if (base < UINT64_C (0x100000000) && end > ram_low_end)
      ram_low_end = end;
    if (base >= UINT64_C (0x100000000)) {
      ram_high_base = base;
      ram_high_end = end;
    }
  }
}

/* ---- time ---- */

uint64_t
now_us (void)
{
  return tsc () * 1000 / tsc_per_ms;
}

void
wait_us (uint64_t us)
{
  uint64_t end = now_us () + us;
  while (now_us () < end)
    relax ();
}

uint32_t
random32 (void)
{
  static uint64_t state = 88172645463325252ull;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t) (state >> 16);
}

/* ---- ends ---- */

void
power_off (void)
{
  set8 (VMM_LAYOUT_POWER + VMM_POWER_SLEEP_CONTROL, VMM_POWER_SLEEP_ENABLE | VMM_POWER_S5_TYPE << 2);
  rest ();
}

void
rest (void)
{
  for (;;)
    __asm__ volatile("cli; hlt");
}

void
on_exception (uint64_t vector, uint64_t code, uint64_t at)
{
  uint64_t where;
  __asm__ volatile("mov %%cr2, %0" : "=r"(where));
  say ("\nBAD exception %lu code 0x%lx at 0x%lx cr2 0x%lx\n", vector, code, at, where);
  power_off ();
}

/* ---- the other CPU ---- */

static struct {
  volatile bool there, busy, stop;
  job_fn volatile job;
  void *ctx;
} other;

void
other_cpu (void)
{
  other.there = true;
  for (;;) {
    if (other.busy) {
      other.job (&other.stop, other.ctx);
      barrier ();
      other.busy = false;
    }
    relax ();
  }
}

static bool
wake_other (void)
{
  static bool tried;
  if (tried)
    return other.there;
  tried = true;
  memcpy ((void *) (uint64_t) TRAMPOLINE, trampoline, (size_t) (trampoline_end - trampoline));
  other_stack = (uint32_t) (uint64_t) take (16384, 16) + 16384;
  set32 (LAPIC_ICR_HIGH, 1u << 24);
  set32 (LAPIC_ICR_LOW, 0x4500); /* INIT */
  wait_us (1000);
  for (int i = 0; i < 2 && !other.there; i++) {
    set32 (LAPIC_ICR_HIGH, 1u << 24);
    set32 (LAPIC_ICR_LOW, 0x4600 | TRAMPOLINE >> 12);
    for (uint64_t end = now_us () + 500000; !other.there && now_us () < end;)
      relax ();
  }
  return other.there;
}

bool
start_other (job_fn job, void *ctx)
{
  if (option ("cpus", 1) < 2 || !wake_other ())
    return false;
  other.job = job;
  other.ctx = ctx;
  other.stop = false;
  barrier ();
  other.busy = true;
  return true;
}

void
stop_other (void)
{
  other.stop = true;
  while (other.busy)
    relax ();
}

/* ---- the beginning ---- */

void
first_cpu (void)
{
  for (unsigned i = 0; i < 32; i++) {
    idt[2 * i] = (vectors[i] & 0xffff) | 8ull << 16 | 0x8e00ull << 32 | (vectors[i] >> 16 & 0xffff) << 48;
    idt[2 * i + 1] = vectors[i] >> 32;
  }
  memcpy (command_line, (const void *) get64 (boot_info + 24ull), sizeof command_line - 1);
  tsc_per_ms = option ("tsc", 2000000);
  next_free = (uint64_t) image_end;
  find_memory ();
  run_all ();
  power_off ();
}
