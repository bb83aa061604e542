/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-logs: `katactl logs`: what a detached container wrote, each stream to ours. */
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "logfile.h"
#include "options.h"
#include "output.h"
#include "record.h"
#include "resolve.h"
#include "supervise.h"

#define LOOK_MS 1000 /* also without a change, to see that the supervisor is gone */

/* Wait until the directory changes. inotify is only there to wait less: without it we look once a second. */
static void
wait_for_change (int watch)
{
  char events[4096];
  struct pollfd polled = { .fd = watch, .events = POLLIN };
  if (poll (&polled, 1, LOOK_MS) > 0)
    while (read (watch, events, sizeof events) > 0)
      ;
}

static int
follow (ctl *ctl, const char *id, const char *directory, log_reader *reader, log_print_options *options)
{
  int watch = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  if (watch >= 0 && inotify_add_watch (watch, directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE) < 0) {
    close (watch);
    watch = -1;
  }
  options->tail = UINT32_MAX;
  int rc = CTL_OK;
  for (;;) {
    /* Asked first: what is printed after its end is all there is. */
    int lives = record_is_supervised (ctl, id);
    if (log_reader_print (reader, options) < 0) {
      rc = CTL_SIGNAL_BASE + 13;
      break;
    }
    if (!lives)
      break;
    wait_for_change (watch);
  }
  if (watch >= 0)
    close (watch);
  return rc;
}

int
cmd_logs (ctl *ctl, int argc, char **argv)
{
  log_print_options options = { .tail = UINT32_MAX };
  int follows = 0;
  const option_row rows[] = {
    { 'f', "follow", OPTION_FLAG, &follows, NULL, "go on until the container ends" },
    { 'n', "tail", OPTION_COUNT, &options.tail, "N", "only the last N lines" },
    { 0, "timestamps", OPTION_FLAG, &options.timestamps, NULL, "with the time in front of each line" },
    { 0, NULL, 0, NULL, NULL, NULL },
  };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  record_status status;
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 1, 1);
  if (rc >= 0)
    return rc;
  g_autofree char *id = resolve_id (ctl, arguments->pdata[0]);
  if (!id)
    return CTL_FAILED;
  record_read (ctl, id, &status);
  int exists = status.exists;
  record_status_clear (&status);
  g_autofree char *directory = record_directory (ctl, id);
  g_autofree char *path = g_build_filename (directory, "log", NULL);
  if (!exists || (access (path, F_OK) < 0 && !record_is_supervised (ctl, id)))
    return output_fail (ctl, CTL_FAILED, "no output of \"%s\" was kept; only 'katactl run -d' keeps it", id);
  supervise_ensure (ctl, id);
  log_reader *reader = log_reader_open (directory);
  rc = log_reader_print (reader, &options) < 0 ? CTL_SIGNAL_BASE + 13 : CTL_OK;
  if (rc == CTL_OK && follows)
    rc = follow (ctl, id, directory, reader, &options);
  log_reader_close (reader);
  return rc;
}
