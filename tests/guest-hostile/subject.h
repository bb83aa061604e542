/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* subject: the machine under attack, in this process or in kata-vmm's jail. */
#ifndef HOSTILE_SUBJECT_H
#define HOSTILE_SUBJECT_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "host/child.h"
#include "vmm/machine.h"

struct subject {
  const char *helper; /* NULL: in this process */
  struct vmm_machine *machine;
  kata_child child;
  char control[96]; /* the helper's control socket */
  pthread_t thread; /* runs the machine, or waits for the helper */
  atomic_bool over;
  struct vmm_exit exit;
  pid_t pid; /* whose memory and time it is */
};

/** @helper: kata-vmm's path, NULL = in this process; @folder: for its socket. 0, or the library's error. */
int subject_start (struct subject *subject, const struct vmm_machine_config *config, const char *helper,
                   const char *folder, kata_error **err);
void subject_stop (struct subject *subject);
/** It is over, or will be; how it ended is in @subject->exit. */
void subject_wait (struct subject *subject);
void subject_free (struct subject *subject);

#endif
