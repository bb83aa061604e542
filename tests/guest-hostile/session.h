/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session: one boot of the hostile guest from its machine to its end, with all that the host looks at meanwhile. */
#ifndef HOSTILE_SESSION_H
#define HOSTILE_SESSION_H

#include "bench.h"
#include "results.h"

#if defined(__SANITIZE_ADDRESS__)
#define GROWTH_KIB (64 * 1024) /* freed memory is kept for a while */
#else
#define GROWTH_KIB (5 * 1024)
#endif

/* One machine: what its guest is told to do and how it has to end. */
struct boot {
  const char *name;
  const char *cases; /* to do; or, with @end, those that the end counts for */
  const char *end;   /* a way to end, without cases */
  const char *more;  /* for the command line */
  uint64_t mib;
  unsigned cpus, times;
  bool rest;                   /* the guest rests in the end and is stopped; otherwise it ends by itself */
  long stop_after_ms;          /* stopped while it is busy */
  bool serial_full;            /* nobody reads what it says */
  enum vmm_exit_reason wanted; /* VMM_EXIT_RUNNING: power-off, or stopped with @rest and @stop_after_ms */
};

struct run {
  const char *guest, *only, *cases, *more, *helper;
  bool transports[2], table, verbose;
  unsigned long tsc_khz;
  long slow; /* how many times longer a second may be here */
  int kvm_fd, guest_fd;
  struct results results;
};

extern const char *const transport_names[2];
void session_run (struct run *run, const struct boot *boot, int transport);
/** A machine's description without devices. */
struct vmm_machine_config session_machine (const struct run *run, int transport, const char *cmdline);

/* host-cases.c: what needs no guest: kernel images (27), a disk that another machine has (28). */
void host_cases (struct run *run, int transport);

#endif
