/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session: runs one boot, hears the guest, watches the machine, ends it, and finds the faults. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crowd.h"
#include "subject.h"
#include "watch.h"

#define SILENCE_MS 120000 /* a guest that says nothing for so long hangs, or its machine does */
#define WORK_MS    1000   /* of a thread of ours, without the guest getting on */
#define STOP_MS    1000
#define QUIET_MS   500

const char *const transport_names[2] = { "mmio", "pci" };

struct session {
  struct run *run;
  const struct boot *boot;
  int transport;
  int serial[2]; /* where the guest's words come out, and go in */
  struct bench bench;
  struct crowd crowd;
  struct subject subject;
  struct watch watch;
  char line[512];
  size_t line_len;
  bool done;
  long last_word_ms, start_ms;
  char fault[256];
};

static void
fault (struct session *s, const char *text)
{
  if (s->fault[0] == '\0' && *text != '\0')
    snprintf (s->fault, sizeof s->fault, "%.250s", text);
}

/* ---- what the guest says ---- */

static void
take_line (struct session *s)
{
  s->line[s->line_len] = '\0';
  s->line_len = 0;
  const char *text = s->line;
  if (s->run->verbose || strncmp (text, "BAD", 3) == 0)
    printf ("# %s %s: %s\n", s->boot->name, transport_names[s->transport], text);
  if (strncmp (text, "devices:", 8) == 0)
    watch_progress (&s->watch, true);
  else if (strncmp (text, "BAD exception", 13) == 0 || strncmp (text, "BAD out", 7) == 0)
    fault (s, text);
  else if (strcmp (text, "done") == 0)
    s->done = true;
  else if (strcmp (text, "shrink") == 0)
    bench_shrink (&s->bench, true);
  else if (strcmp (text, "grow") == 0)
    bench_shrink (&s->bench, false);
  else if (strcmp (text, "frames") == 0)
    crowd_send_frames (&s->crowd);
  else if (strcmp (text, "no frames") == 0)
    crowd_stop_frames (&s->crowd);
  else if (strcmp (text, "host24") == 0)
    crowd_talk_nonsense (&s->crowd);
  else
    results_line (&s->run->results, s->transport, text);
}

static void
hear (struct session *s)
{
  char bytes[4096];
  ssize_t n;
  while (!s->boot->serial_full && (n = read (s->serial[0], bytes, sizeof bytes)) > 0) {
    s->last_word_ms = bench_now_ms ();
    watch_progress (&s->watch, false);
    for (ssize_t i = 0; i < n; i++)
      if (bytes[i] == '\n')
        take_line (s);
      else if (s->line_len + 1 < sizeof s->line && (s->line_len > 0 || bytes[i] != '.')) /* dots: it is at work */
        s->line[s->line_len++] = bytes[i];
  }
}

/* Until the guest is done or the machine over, it is time to stop, or something is wrong. */
static void
watch_guest (struct session *s)
{
  char text[128];
  long stop_after = s->boot->stop_after_ms;
  s->start_ms = s->last_word_ms = bench_now_ms ();
  while (!s->done && !s->subject.over && s->fault[0] == '\0' &&
         (stop_after == 0 || bench_now_ms () < s->start_ms + stop_after)) {
    struct pollfd entry = { .fd = s->serial[0], .events = s->boot->serial_full ? 0 : POLLIN };
    poll (&entry, 1, 50);
    hear (s);
    long worked = watch_look (&s->watch);
    /* Where the guest is not heard, nobody knows whether it gets on. */
    if (worked > WORK_MS && stop_after == 0 && !s->boot->serial_full) {
      snprintf (text, sizeof text, "thread %s worked for %ld ms and the guest did not get on", s->watch.worst_name,
                worked);
      fault (s, text);
    }
    if (bench_now_ms () - s->last_word_ms > SILENCE_MS)
      fault (s, "the guest has said nothing for two minutes: something hangs");
  }
  hear (s);
}

/* ---- the end ---- */

static void
check_quiet (struct session *s)
{
  char text[160];
  bench_nap (50); /* what the host's programs left is put away */
  watch_progress (&s->watch, false);
  bench_nap (QUIET_MS);
  long worked = watch_look (&s->watch);
  if (worked <= QUIET_MS / 5)
    return;
  snprintf (text, sizeof text, "with the guest at rest, thread %s works: %ld ms of %d", s->watch.worst_name, worked,
            QUIET_MS);
  fault (s, text);
}

static void
stop_and_end (struct session *s)
{
  char text[160];
  const struct boot *boot = s->boot;
  bool stop = boot->rest || boot->stop_after_ms > 0 || s->fault[0] != '\0';
  long start = bench_now_ms ();
  if (stop)
    subject_stop (&s->subject);
  subject_wait (&s->subject);
  long took = bench_now_ms () - start;
  if (stop && took > STOP_MS * s->run->slow) {
    snprintf (text, sizeof text, "stop took %ld ms", took);
    fault (s, text);
  }
  enum vmm_exit_reason wanted = boot->wanted != VMM_EXIT_RUNNING        ? boot->wanted
                                : boot->rest || boot->stop_after_ms > 0 ? VMM_EXIT_STOPPED
                                                                        : VMM_EXIT_POWEROFF;
  if (s->subject.exit.reason != wanted) {
    snprintf (text, sizeof text, "it ended otherwise: %.120s", s->subject.exit.text);
    fault (s, text);
  }
  long grown = s->watch.peak_kib - s->watch.base_kib;
  if (grown > GROWTH_KIB) {
    snprintf (text, sizeof text, "memory grew by %ld KiB", grown);
    fault (s, text);
  }
  printf ("# %s %s: memory %+ld KiB, a thread at most %ld ms without progress, stop %ld ms, in all %ld ms; end: %s\n",
          boot->name, transport_names[s->transport], grown, s->watch.worst_ms, stop ? took : 0,
          bench_now_ms () - s->start_ms, s->subject.exit.text);
}

/* What the host found wrong counts against each case of the boot: nobody knows which it was. */
static void
blame (struct session *s)
{
  const struct boot *boot = s->boot;
  const char *cases = s->run->cases != NULL && boot->end == NULL ? s->run->cases : boot->cases;
  for (const char *at = cases; *at != '\0';) {
    char *end;
    unsigned number = (unsigned) strtoul (at, &end, 10);
    if (number > 0 && number < CASES_MAX && (boot->end != NULL || boot->stop_after_ms > 0 || s->fault[0] != '\0'))
      results_host (&s->run->results, number, s->transport, boot->name, "EXIT", s->fault);
    at = *end == ',' ? end + 1 : end + strlen (end);
  }
}

/* ---- the beginning ---- */

struct vmm_machine_config
session_machine (const struct run *run, int transport, const char *cmdline)
{
  return (struct vmm_machine_config){ .size = sizeof (struct vmm_machine_config),
                                      .kvm_fd = run->kvm_fd,
                                      .vcpus = 1,
                                      .memory = UINT64_C (64) << 20,
                                      .kernel_fd = run->guest_fd,
                                      .initrd_fd = -1,
                                      .cmdline = cmdline,
                                      .transport = (enum vmm_transport) transport,
                                      .serial_fd = -1 };
}

static void
start (struct session *s)
{
  struct run *run = s->run;
  const struct boot *boot = s->boot;
  char cmdline[512];
  kata_error *error = NULL;
  if (pipe2 (s->serial, O_CLOEXEC | O_NONBLOCK) < 0)
    die ("pipe: %s", strerror (errno));
  char block[4096] = { 0 };
  while (boot->serial_full && write (s->serial[1], block, sizeof block) > 0)
    continue;
  snprintf (cmdline, sizeof cmdline, "tsc=%lu slow=%ld cpus=%u rest=%d deaf=1 %s%s %s %s", run->tsc_khz, run->slow,
            boot->cpus, boot->rest, boot->end != NULL ? "end=" : "cases=",
            boot->end != NULL    ? boot->end
            : run->cases != NULL ? run->cases
                                 : boot->cases,
            boot->more != NULL ? boot->more : "", run->more != NULL ? run->more : "");
  struct vmm_machine_config config = session_machine (run, s->transport, cmdline);
  config.vcpus = boot->cpus;
  config.memory = boot->mib << 20;
  config.serial_fd = s->serial[1];
  bench_describe (&s->bench, &config);
  if (subject_start (&s->subject, &config, run->helper, s->bench.folder, &error) < 0)
    die ("%s: %s", boot->name, kata_error_get_message (error));
  watch_begin (&s->watch, s->subject.pid, (pid_t) syscall (SYS_gettid));
  crowd_init (&s->crowd, s->bench.folder, s->bench.tap >= 0 ? s->bench.tap_name : "");
  if (boot->end == NULL)
    crowd_listen (&s->crowd);
}

static void
run_once (struct run *run, const struct boot *boot, int transport)
{
  static struct session s;
  s = (struct session){ .run = run, .boot = boot, .transport = transport };
  bench_open (&s.bench);
  size_t before = watch_descriptors (getpid ());
  start (&s);
  watch_guest (&s);
  crowd_end (&s.crowd);
  if (s.crowd.fault[0] != '\0')
    results_host (&run->results, 24, transport, "host", "REJECT", s.crowd.fault);
  else if (s.crowd.talked)
    results_host (&run->results, 24, transport, "host", "REJECT", "");
  if (!s.done && boot->end == NULL && boot->stop_after_ms == 0)
    fault (&s, "the machine ended before the guest was done");
  if (boot->rest && !s.subject.over && s.fault[0] == '\0')
    check_quiet (&s);
  stop_and_end (&s);
  subject_free (&s.subject);
  close (s.serial[0]);
  close (s.serial[1]);
  if (watch_descriptors (getpid ()) != before)
    fault (&s, "descriptors are left open");
  fault (&s, bench_fault (&s.bench));
  bench_close (&s.bench);
  blame (&s);
  fflush (stdout);
}

void
session_run (struct run *run, const struct boot *boot, int transport)
{
  for (unsigned i = 0; i < (boot->times > 0 ? boot->times : 1); i++)
    run_once (run, boot, transport);
}
