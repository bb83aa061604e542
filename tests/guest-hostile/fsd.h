/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fsd: stands in for virtiofsd as far as vhost-user goes: takes rings and memory, gives rings back, never looks into them. */
#ifndef HOSTILE_FSD_H
#define HOSTILE_FSD_H

#include <pthread.h>

struct fsd {
  int theirs; /* for the machine */
  int ours;
  pthread_t thread;
};

void fsd_start (struct fsd *fsd);
void fsd_end (struct fsd *fsd);

#endif
