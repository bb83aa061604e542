/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run: boots the hostile guest with its cases over both transports and judges what guest and host found. guest-hostile --help has the options. */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <x86intrin.h>

#include "session.h"

static const char usage[] = "guest-hostile --guest FILE [options]\n"
                            "  --transport mmio|pci  --only BOOT,…  --cases 1,2,…  --more WORDS   some of it\n"
                            "  --helper FILE         in kata-vmm, jailed, instead of in this process\n"
                            "  --table               the table of README.md\n"
                            "  --verbose             what the guest says\n"
                            "Runs the hostile guest on lib/vmm; TAP, one line for each case and transport.\n";

#define ENDS(name_, end_, ...)                                                                                         \
  {                                                                                                                    \
    .name = name_, .cases = "26", .end = end_, .mib = 32, .cpus = 1, __VA_ARGS__                                       \
  }

static const struct boot boots[] = {
  { .name = "rings", .cases = "1,2,3,4,5,6,7,8,9,10", .mib = 64, .cpus = 1, .rest = true },
  { .name = "registers", .cases = "12,13,14,15,16,17,18", .mib = 64, .cpus = 1, .rest = true },
  { .name = "race", .cases = "11,19", .mib = 64, .cpus = 2, .rest = true },
  { .name = "devices", .cases = "20,21,22,23,24,25,28", .mib = 64, .cpus = 1, .rest = true },
  /* The hole between 3 and 4 GiB has RAM on both sides. */
  { .name = "hole", .cases = "6", .mib = 3136, .cpus = 1, .rest = true },
  { .name = "board", .cases = "26", .mib = 64, .cpus = 1 },
  { .name = "stop in a storm", .cases = "19", .more = "storm=600000", .mib = 64, .cpus = 2, .stop_after_ms = 3000 },
  ENDS ("triple fault", "triple", .wanted = VMM_EXIT_TRIPLE_FAULT),
  ENDS ("reboot in a loop", "reset", .times = 5, .wanted = VMM_EXIT_RESET),
  ENDS ("reset register", "power-reset", .wanted = VMM_EXIT_RESET),
  ENDS ("code in registers", "fetch", .wanted = VMM_EXIT_KVM),
  ENDS ("halted for ever", "halt", .stop_after_ms = 1000),
  ENDS ("in a circle", "spin", .stop_after_ms = 1000),
  ENDS ("ports for ever", "ports", .stop_after_ms = 1000),
  { .name = "serial flood, full pipe", .cases = "25", .end = "serial", .mib = 32, .cpus = 1, .serial_full = true },
};

/* ---- options ---- */

static unsigned long
measure_tsc (void)
{
  long start = bench_now_ms ();
  while (bench_now_ms () == start)
    continue;
  uint64_t begin = __rdtsc ();
  start = bench_now_ms ();
  while (bench_now_ms () < start + 50)
    continue;
  return (unsigned long) ((__rdtsc () - begin) / 50);
}

/* An emulated host (tests/bed) on a busy machine: its seconds are long. Processor time is not measured by them, and not eased. */
static long
how_slow (void)
{
  unsigned a, b = 0, c = 0, d = 0;
  char name[13] = "";
  __cpuid (0x40000000, a, b, c, d);
  memcpy (name, &b, 4);
  memcpy (name + 4, &c, 4);
  memcpy (name + 8, &d, 4);
  return strcmp (name, "TCGTCGTCGTCG") == 0 ? 5 : 1;
}

static void
parse (struct run *run, int argc, char **argv)
{
  static const struct option options[] = {
    { "guest", 1, NULL, 'g' }, { "transport", 1, NULL, 't' }, { "only", 1, NULL, 'o' },
    { "cases", 1, NULL, 'c' }, { "table", 0, NULL, 'T' },     { "verbose", 0, NULL, 'v' },
    { "more", 1, NULL, 'm' },  { "helper", 1, NULL, 'h' },    { 0 }
  };
  run->transports[0] = run->transports[1] = true;
  for (int option; (option = getopt_long (argc, argv, "", options, NULL)) >= 0;)
    switch (option) {
    case 'g':
      run->guest = optarg;
      break;
    case 't':
      run->transports[0] = strcmp (optarg, "mmio") == 0;
      run->transports[1] = strcmp (optarg, "pci") == 0;
      break;
    case 'o':
      run->only = optarg;
      break;
    case 'c':
      run->cases = optarg;
      break;
    case 'm':
      run->more = optarg;
      break;
    case 'h':
      run->helper = optarg;
      break;
    case 'T':
      run->table = true;
      break;
    case 'v':
      run->verbose = true;
      break;
    default:
      fputs (usage, stderr);
      exit (2);
    }
  if (run->guest == NULL) {
    fputs (usage, stderr);
    exit (2);
  }
}

/* Is @name one of the words of --only? */
static bool
wanted (const struct run *run, const char *name)
{
  const char *found = run->only != NULL ? strstr (run->only, name) : name;
  return found != NULL;
}

int
main (int argc, char **argv)
{
  static struct run run;
  parse (&run, argc, argv);
  setvbuf (stdout, NULL, _IOLBF, 0);
  run.kvm_fd = open ("/dev/kvm", O_RDWR | O_CLOEXEC);
  run.guest_fd = open (run.guest, O_RDONLY | O_CLOEXEC);
  if (run.guest_fd < 0)
    die ("%s: %s", run.guest, strerror (errno));
  if (run.kvm_fd < 0) {
    printf ("1..0 # SKIP: /dev/kvm: %s\n", strerror (errno));
    return 77;
  }
  /* The card is in a network of our own; a host that does not give one has no card. */
  if (unshare (CLONE_NEWNET) < 0)
    printf ("# no network namespace (%s): without a card\n", strerror (errno));
  struct rlimit files;
  getrlimit (RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit (RLIMIT_NOFILE, &files);
  run.tsc_khz = measure_tsc ();
  run.slow = how_slow ();
  for (size_t i = 0; i < sizeof boots / sizeof boots[0]; i++)
    for (int transport = 0; transport < 2; transport++)
      if (run.transports[transport] && wanted (&run, boots[i].name))
        session_run (&run, &boots[i], transport);
  for (int transport = 0; transport < 2; transport++)
    if (run.transports[transport] && wanted (&run, "host") && run.helper == NULL)
      host_cases (&run, transport);
  unsigned bad = results_tap (&run.results);
  if (run.table)
    results_table (&run.results);
  close (run.kvm_fd);
  close (run.guest_fd);
  return bad > 0 ? 1 : 0;
}
