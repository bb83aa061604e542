/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run: boots the hostile guest with its cases, watches the machine from the host, and judges both. guest-hostile --help has the options. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/kvm.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#include "bench.h"
#include "results.h"
#include "subject.h"
#include "watch.h"

#define SILENCE_MS 120000 /* a guest that says nothing for so long hangs, or its machine does */
#define WORK_MS    1000   /* of a thread of ours, without the guest getting on */
#define STOP_MS    1000
#define QUIET_MS   500
#if defined(__SANITIZE_ADDRESS__)
#define GROWTH_KIB (64 * 1024) /* freed memory is kept for a while */
#else
#define GROWTH_KIB (5 * 1024)
#endif

static const char usage[] =
    "guest-hostile --guest FILE [--transport mmio|pci] [--only NAME] [--cases 1,2,…] [--table] [--verbose]\n"
    "Runs the hostile guest on lib/vmm; TAP, one line for each case and transport.\n";

/* One machine: what it is told to do and how it has to end. */
struct boot {
  const char *name, *cases;
  uint64_t mib;
  unsigned cpus;
  bool rest; /* the guest is at rest in the end and the machine is stopped; otherwise it switches itself off */
};

static const struct boot boots[] = {
  { .name = "rings", .cases = "1,2,3,4,5,7,9,10", .mib = 64, .cpus = 1, .rest = true },
};

struct run {
  const char *guest, *only, *cases;
  bool transports[2], table, verbose;
  unsigned long tsc_khz;
  int kvm_fd, guest_fd;
  struct results results;
};

/* One boot while it runs. */
struct session {
  struct run *run;
  const struct boot *boot;
  int transport;
  int serial; /* where the guest's words come out */
  struct subject subject;
  struct watch watch;
  char line[512];
  size_t line_len;
  unsigned number; /* the case it is at, as far as it said */
  bool started, done;
  long last_word_ms;
  char fault[256];
};

static void
fault (struct session *s, const char *text)
{
  if (s->fault[0] == '\0')
    snprintf (s->fault, sizeof s->fault, "%.200s", text);
}

static void
take_line (struct session *s)
{
  s->line[s->line_len] = '\0';
  const char *text = s->line;
  while (*text == '.')
    text++;
  if (s->run->verbose || strncmp (text, "BAD", 3) == 0)
    printf ("# %s %s: %s\n", s->boot->name, s->transport == VMM_TRANSPORT_PCI ? "pci" : "mmio", text);
  if (strncmp (text, "devices:", 8) == 0) {
    s->started = true;
    watch_progress (&s->watch, true);
  } else if (strncmp (text, "BAD exception", 13) == 0 || strncmp (text, "BAD out", 7) == 0)
    fault (s, text);
  else if (strcmp (text, "done") == 0)
    s->done = true;
  else
    results_line (&s->run->results, s->transport, text);
  s->line_len = 0;
}

static void
hear (struct session *s)
{
  char bytes[4096];
  ssize_t n;
  while ((n = read (s->serial, bytes, sizeof bytes)) > 0) {
    s->last_word_ms = bench_now_ms ();
    watch_progress (&s->watch, false);
    for (ssize_t i = 0; i < n; i++)
      if (bytes[i] == '\n')
        take_line (s);
      else if (s->line_len + 1 < sizeof s->line)
        s->line[s->line_len++] = bytes[i];
  }
}

/* Until the guest is done or the machine over, or something is wrong. */
static void
watch_guest (struct session *s)
{
  char text[128];
  s->last_word_ms = bench_now_ms ();
  while (!s->done && !s->subject.over && s->fault[0] == '\0') {
    struct pollfd entry = { .fd = s->serial, .events = POLLIN };
    poll (&entry, 1, 100);
    hear (s);
    long worked = watch_look (&s->watch);
    if (worked > WORK_MS) {
      snprintf (text, sizeof text, "thread %s worked for %ld ms and the guest did not get on", s->watch.worst_name,
                worked);
      fault (s, text);
    }
    if (bench_now_ms () - s->last_word_ms > SILENCE_MS)
      fault (s, "the guest has said nothing for two minutes: something hangs");
  }
  hear (s);
}

static void
check_end (struct session *s)
{
  char text[200];
  if (!s->done && s->fault[0] == '\0')
    fault (s, "the machine ended before the guest was done");
  if (s->boot->rest && !s->subject.over) {
    watch_progress (&s->watch, false);
    bench_nap (QUIET_MS);
    long worked = watch_look (&s->watch);
    if (worked > QUIET_MS / 5) {
      snprintf (text, sizeof text, "with the guest at rest, thread %s works: %ld ms of %d", s->watch.worst_name, worked,
                QUIET_MS);
      fault (s, text);
    }
  }
  long start = bench_now_ms ();
  if (s->boot->rest || s->fault[0] != '\0')
    subject_stop (&s->subject);
  subject_end (&s->subject);
  long took = bench_now_ms () - start;
  if (took > STOP_MS && (s->boot->rest || s->fault[0] != '\0')) {
    snprintf (text, sizeof text, "stop took %ld ms", took);
    fault (s, text);
  }
  enum vmm_exit_reason wanted = s->boot->rest ? VMM_EXIT_STOPPED : VMM_EXIT_POWEROFF;
  if (s->subject.exit.reason != wanted && s->fault[0] == '\0') {
    snprintf (text, sizeof text, "it ended otherwise: %.150s", s->subject.exit.text);
    fault (s, text);
  }
  long grown = s->watch.peak_kib - s->watch.base_kib;
  if (grown > GROWTH_KIB) {
    snprintf (text, sizeof text, "memory grew by %ld KiB", grown);
    fault (s, text);
  }
  printf ("# %s %s: memory +%ld KiB, busiest thread %ld ms without progress, stop %ld ms, end: %s\n", s->boot->name,
          s->transport == VMM_TRANSPORT_PCI ? "pci" : "mmio", grown, s->watch.worst_ms, took, s->subject.exit.text);
}

/* What the host found wrong counts against each case of the boot: nobody knows which it was. */
static void
blame (struct session *s)
{
  for (const char *at = s->run->cases != NULL ? s->run->cases : s->boot->cases; *at != '\0';) {
    char *end;
    unsigned number = (unsigned) strtoul (at, &end, 10);
    if (number > 0 && number < CASES_MAX)
      results_host (&s->run->results, number, s->transport, "host", "REJECT", s->fault);
    at = *end == ',' ? end + 1 : end + strlen (end);
  }
}

static void
run_boot (struct run *run, const struct boot *boot, int transport)
{
  struct session s = { .run = run, .boot = boot, .transport = transport };
  struct bench bench;
  char cmdline[256];
  int serial[2];
  kata_error *error = NULL;
  bench_open (&bench);
  size_t before = watch_descriptors (getpid ());
  if (pipe2 (serial, O_CLOEXEC | O_NONBLOCK) < 0)
    die ("pipe: %s", strerror (errno));
  s.serial = serial[0];
  snprintf (cmdline, sizeof cmdline, "tsc=%lu cpus=%u rest=%d cases=%s", run->tsc_khz, boot->cpus, boot->rest,
            run->cases != NULL ? run->cases : boot->cases);
  struct vmm_machine_config config = { .size = sizeof config,
                                       .kvm_fd = run->kvm_fd,
                                       .vcpus = boot->cpus,
                                       .memory = boot->mib << 20,
                                       .kernel_fd = run->guest_fd,
                                       .initrd_fd = -1,
                                       .cmdline = cmdline,
                                       .transport = (enum vmm_transport) transport,
                                       .serial_fd = serial[1] };
  bench_describe (&bench, &config);
  if (subject_start (&s.subject, &config, &error) < 0)
    die ("%s: %s", boot->name, kata_error_get_message (error));
  watch_begin (&s.watch, s.subject.pid, (pid_t) syscall (SYS_gettid));
  watch_guest (&s);
  check_end (&s);
  close (serial[0]);
  close (serial[1]);
  if (watch_descriptors (getpid ()) != before)
    fault (&s, "descriptors are left open");
  if (*bench_fault (&bench) != '\0')
    fault (&s, bench_fault (&bench));
  bench_close (&bench);
  blame (&s);
  fflush (stdout);
}

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

static void
parse (struct run *run, int argc, char **argv)
{
  static const struct option options[] = { { "guest", 1, NULL, 'g' },
                                           { "transport", 1, NULL, 't' },
                                           { "only", 1, NULL, 'o' },
                                           { "cases", 1, NULL, 'c' },
                                           { "table", 0, NULL, 'T' },
                                           { "verbose", 0, NULL, 'v' },
                                           { 0 } };
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
  run.tsc_khz = measure_tsc ();
  for (size_t i = 0; i < sizeof boots / sizeof boots[0]; i++)
    for (int transport = 0; transport < 2; transport++)
      if (run.transports[transport] && (run.only == NULL || strcmp (run.only, boots[i].name) == 0))
        run_boot (&run, &boots[i], transport);
  unsigned bad = results_tap (&run.results);
  if (run.table)
    results_table (&run.results);
  close (run.kvm_fd);
  close (run.guest_fd);
  return bad > 0 ? 1 : 0;
}
