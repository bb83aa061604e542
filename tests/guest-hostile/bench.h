/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench: the files, sockets and cards of a machine for the hostile guest, and whether they are as they were afterwards. */
#ifndef HOSTILE_BENCH_H
#define HOSTILE_BENCH_H

#include "fsd.h"
#include "vmm/machine.h"

#define BENCH_DISK    (1u << 20)
#define BENCH_SCRATCH (BENCH_DISK / 2) /* from here on the guest may write to its first disk */
#define BENCH_PMEM    (2u << 20)

struct bench {
  char folder[64];
  int folder_fd;
  int disks[2], pmem[2], listener, console[2], tap;
  char tap_name[16];
  struct fsd fsd;
};

void die (const char *format, ...) __attribute__ ((noreturn, format (printf, 1, 2)));
long bench_now_ms (void);
void bench_nap (long ms);

void bench_open (struct bench *bench);
/** Devices of all kinds into @config; what the host cannot give is left out. */
void bench_describe (struct bench *bench, struct vmm_machine_config *config);
/** The first disk's file loses three quarters, and gets them again. */
void bench_shrink (struct bench *bench, bool shrink);
/** "" or what of the host's files is not as it was. */
const char *bench_fault (struct bench *bench);
void bench_close (struct bench *bench);

#endif
