/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crowd: programs of the host that the machine has to bear: one that takes connections and reads nothing, some that talk nonsense, one that sends frames. */
#ifndef HOSTILE_CROWD_H
#define HOSTILE_CROWD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define CROWD_DEAF_MAX 1300

struct crowd_member {
  pthread_t thread;
  bool there;
};

struct crowd {
  char path[108]; /* the machine's vsock socket */
  const char *card;
  atomic_bool stop, no_frames;
  struct crowd_member deaf, frames, nonsense;
  size_t n_deaf;
  int deaf_fds[CROWD_DEAF_MAX + 1];
  bool talked;     /* nonsense */
  char fault[200]; /* of nonsense: what the machine did not do */
};

void crowd_init (struct crowd *crowd, const char *folder, const char *card);
void crowd_listen (struct crowd *crowd);
void crowd_talk_nonsense (struct crowd *crowd);
void crowd_send_frames (struct crowd *crowd);
void crowd_stop_frames (struct crowd *crowd);
/** All have ended and closed what they had. */
void crowd_end (struct crowd *crowd);

#endif
