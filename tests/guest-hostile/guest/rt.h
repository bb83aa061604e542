/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rt: what the hostile guest has for an operating system: ports, memory, time, words on the serial line, a second CPU. */
#ifndef HOSTILE_RT_H
#define HOSTILE_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memset (void *to, int byte, size_t n);
void *memcpy (void *to, const void *from, size_t n);
int memcmp (const void *a, const void *b, size_t n);

static inline void
out8 (uint16_t port, uint8_t value)
{
  __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}
static inline uint8_t
in8 (uint16_t port)
{
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline uint64_t
tsc (void)
{
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t) high << 32 | low;
}
static inline void
relax (void)
{
  __asm__ volatile("pause" ::: "memory");
}
static inline void
barrier (void)
{
  __asm__ volatile("mfence" ::: "memory");
}

/* One access of just this width at an address. */
static inline uint8_t
get8 (uint64_t at)
{
  return *(volatile uint8_t *) at;
}
static inline uint16_t
get16 (uint64_t at)
{
  return *(volatile uint16_t *) at;
}
static inline uint32_t
get32 (uint64_t at)
{
  return *(volatile uint32_t *) at;
}
static inline uint64_t
get64 (uint64_t at)
{
  return *(volatile uint64_t *) at;
}
static inline void
set8 (uint64_t at, uint8_t value)
{
  *(volatile uint8_t *) at = value;
}
static inline void
set16 (uint64_t at, uint16_t value)
{
  *(volatile uint16_t *) at = value;
}
static inline void
set32 (uint64_t at, uint32_t value)
{
  *(volatile uint32_t *) at = value;
}
static inline void
set64 (uint64_t at, uint64_t value)
{
  *(volatile uint64_t *) at = value;
}

/* ---- words; %s %u %d %x %c, each of them also with l for 64 bits ---- */
void say (const char *format, ...);

/* ---- the command line: key=value words ---- */
const char *option_text (const char *key); /* up to a blank; NULL when it is not there */
uint64_t option (const char *key, uint64_t otherwise);

/* ---- memory; nothing is given back ---- */
extern uint64_t ram_low_end, ram_high_base, ram_high_end; /* ram_high_*: 0 without RAM above the hole */
void *take (size_t bytes, size_t align);
/** Make the gigabyte with @address accessible. */
void map_gigabyte (uint64_t address);
/** Take away the page tables' entry for 2 MiB: an access there is an exception from then on. */

/* ---- time; the host tells how fast the TSC is ---- */
uint64_t now_us (void);
void wait_us (uint64_t us);

/* ---- the other CPU runs @job, which returns when *stop is set ---- */
typedef void (*job_fn) (volatile bool *stop, void *ctx);
bool start_other (job_fn job, void *ctx); /* false: there is none */
void stop_other (void);

void __attribute__ ((noreturn)) power_off (void);
void __attribute__ ((noreturn)) rest (void); /* HLT with interrupts off */

uint32_t random32 (void);

void runtime_start (void);
void run_all (void); /* main.c */

#endif
