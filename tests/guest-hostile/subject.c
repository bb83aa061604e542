/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* subject: starts the machine on a thread of its own or as a process, so that the test can watch it. */
#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/builtin/helper.h"
#include "base/error.h"
#include "bench.h"
#include "host/pidfd.h"
#include "vmm/control.h"

#define NOBODY 65534

/* ---- in this process ---- */

static void *
run (void *data)
{
  struct subject *subject = data;
  pthread_setname_np (pthread_self (), "vmm-loop");
  vmm_machine__run (subject->machine, &subject->exit, NULL);
  subject->over = true;
  return NULL;
}

static int
start_here (struct subject *subject, const struct vmm_machine_config *config, kata_error **err)
{
  subject->pid = getpid ();
  int result = vmm_machine__new (&subject->machine, config, err);
  if (result == 0 && pthread_create (&subject->thread, NULL, run, subject) != 0)
    die ("no thread for the machine");
  return result;
}

/* ---- in the jail ---- */

static void
note_end (struct subject *subject, const kata_exit_status *status)
{
  static const struct {
    enum vmm_end end;
    enum vmm_exit_reason reason;
  } ends[] = {
    { VMM_END_POWEROFF, VMM_EXIT_POWEROFF },
    { VMM_END_RESET, VMM_EXIT_RESET },
    { VMM_END_TRIPLE_FAULT, VMM_EXIT_TRIPLE_FAULT },
    { VMM_END_STOPPED, VMM_EXIT_STOPPED },
    { VMM_END_KVM, VMM_EXIT_KVM },
    { VMM_END_CONFINE, VMM_EXIT_CONFINE },
  };
  snprintf (subject->exit.text, sizeof subject->exit.text, "kata-vmm: signal %d, status %d", status->signal,
            status->code);
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
    if (status->signal == 0 && status->code == (int) ends[i].end) {
      subject->exit.reason = ends[i].reason;
      snprintf (subject->exit.text, sizeof subject->exit.text, "kata-vmm: %s", vmm_end__name (status->code));
    }
}

static void *
wait_for_helper (void *data)
{
  struct subject *subject = data;
  kata_exit_status status;
  kata_pidfd__wait (subject->child.pidfd, INT64_MAX, NULL);
  kata_pidfd__reap (subject->child.pidfd, &status);
  note_end (subject, &status);
  subject->over = true;
  return NULL;
}

static int
listen_at (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  memcpy (address.sun_path, path, strlen (path) + 1);
  int fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) < 0 || listen (fd, 8) < 0)
    die ("%s: %s", path, strerror (errno));
  return fd;
}

static int
start_helper (struct subject *subject, const struct vmm_machine_config *config, kata_error **err)
{
  struct vmm_description description;
  vmm_description__init (&description);
  description.machine = *config;
  description.control_fd = listen_at (subject->control);
  kata_builtin_helper helper = { .program = subject->helper,
                                 .description = &description,
                                 .uid = NOBODY,
                                 .gid = NOBODY,
                                 .stderr_fd = -1,
                                 .deadline_us = kata_deadline__within (INT64_MAX, 60000) };
  int result = kata_builtin_helper__start (&subject->child, &helper, err);
  close (description.control_fd);
  if (result < 0) {
    unlink (subject->control);
    return result;
  }
  subject->pid = (pid_t) subject->child.identity.pid;
  if (pthread_create (&subject->thread, NULL, wait_for_helper, subject) != 0)
    die ("no thread for the machine");
  return 0;
}

static void
stop_helper (struct subject *subject)
{
  int fd = -1;
  int64_t deadline = kata_deadline__within (INT64_MAX, 5000);
  if (vmm_control__connect (&fd, AT_FDCWD, subject->control, deadline, NULL) == 0) {
    vmm_control__call (fd, NULL, VMM_CONTROL_STOP, 0, deadline, NULL);
    close (fd);
  }
  /* One that does not hear is ended, and then it has not ended as it should. */
  for (unsigned i = 0; i < 500 && !subject->over; i++)
    bench_nap (10);
  if (!subject->over)
    kata_pidfd__signal (subject->child.pidfd, 9, NULL);
}

/* ---- both ---- */

int
subject_start (struct subject *subject, const struct vmm_machine_config *config, const char *helper, const char *folder,
               kata_error **err)
{
  *subject = (struct subject){ .helper = helper };
  snprintf (subject->control, sizeof subject->control, "%s/control", folder);
  return helper != NULL ? start_helper (subject, config, err) : start_here (subject, config, err);
}

void
subject_stop (struct subject *subject)
{
  if (subject->helper != NULL)
    stop_helper (subject);
  else
    vmm_machine__stop (subject->machine);
}

void
subject_wait (struct subject *subject)
{
  pthread_join (subject->thread, NULL);
}

void
subject_free (struct subject *subject)
{
  if (subject->helper != NULL) {
    close (subject->child.pidfd);
    unlink (subject->control);
  } else
    vmm_machine__free (subject->machine);
}
