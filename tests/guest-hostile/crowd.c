/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* crowd: each member is a thread with plain blocking sockets and time limits. */
#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"
#include "watch.h"

#define DEADLINE_MS 15000 /* the machine closes after two seconds; the host may be slow */
#define IDLERS      1000

void
crowd_init (struct crowd *crowd, const char *folder, const char *card)
{
  memset (crowd, 0, sizeof *crowd);
  snprintf (crowd->path, sizeof crowd->path, "%s/vsock", folder);
  crowd->card = card;
}

static int
connect_to (const struct crowd *crowd)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  memcpy (address.sun_path, crowd->path, sizeof crowd->path);
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && connect (fd, (struct sockaddr *) &address, sizeof address) < 0) {
    close (fd);
    return -1;
  }
  return fd;
}

static void
begin (struct crowd *crowd, struct crowd_member *member, void *(*run) (void *) )
{
  if (!member->there && pthread_create (&member->thread, NULL, run, crowd) != 0)
    die ("no thread");
  if (!member->there)
    pthread_setname_np (member->thread, WATCH_NOT_THESE);
  member->there = true;
}

/* ---- takes connections, reads nothing ---- */

/* One message with a descriptor in it; false at the end. */
static bool
take_descriptor (struct crowd *crowd, int fd)
{
  char text[64];
  union {
    char bytes[CMSG_SPACE (sizeof (int))];
    struct cmsghdr align;
  } control;
  struct iovec iov = { text, sizeof text };
  struct msghdr message = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
  };
  ssize_t n = recvmsg (fd, &message, MSG_CMSG_CLOEXEC);
  struct cmsghdr *rights = n > 0 ? CMSG_FIRSTHDR (&message) : NULL;
  if (rights != NULL && rights->cmsg_type == SCM_RIGHTS) {
    int got;
    memcpy (&got, CMSG_DATA (rights), sizeof got);
    if (crowd->n_deaf < CROWD_DEAF_MAX)
      crowd->deaf_fds[crowd->n_deaf++] = got;
    else
      close (got);
  }
  return n > 0;
}

static void *
run_deaf (void *data)
{
  struct crowd *crowd = data;
  static const char line[] = "LISTEN 5000\n";
  int fd = connect_to (crowd);
  if (fd < 0 || send (fd, line, sizeof line - 1, MSG_NOSIGNAL) < 0)
    return NULL;
  struct pollfd entry = { .fd = fd, .events = POLLIN };
  while (!crowd->stop)
    if (poll (&entry, 1, 50) > 0 && !take_descriptor (crowd, fd))
      break;
  close (fd);
  return NULL;
}

void
crowd_listen (struct crowd *crowd)
{
  begin (crowd, &crowd->deaf, run_deaf);
}

/* ---- nonsense ---- */

static void
complain (struct crowd *crowd, const char *what)
{
  if (crowd->fault[0] == '\0')
    snprintf (crowd->fault, sizeof crowd->fault, "%s", what);
}

/* Says @text; the machine has to close, and not with OK. */
static void
expect_closed (struct crowd *crowd, int fd, const char *what, const void *text, size_t len)
{
  char reply[64];
  long end = bench_now_ms () + DEADLINE_MS;
  bool closed = false;
  if (fd < 0) {
    complain (crowd, "cannot connect any more");
    return;
  }
  if (len > 0 && send (fd, text, len, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != EAGAIN)
    closed = true;
  while (!closed && bench_now_ms () < end) {
    struct pollfd entry = { .fd = fd, .events = POLLIN };
    if (poll (&entry, 1, 100) <= 0)
      continue;
    ssize_t n = recv (fd, reply, sizeof reply, 0);
    closed = n == 0 || (n < 0 && errno != EAGAIN);
    if (n >= 2 && memcmp (reply, "OK", 2) == 0)
      complain (crowd, what);
  }
  if (!closed)
    complain (crowd, what);
  close (fd);
}

static void
say_lines (struct crowd *crowd)
{
  static const char *const lines[] = {
    "CONNECT 0\n",
    "CONNECT -1\n",
    "CONNECT 4294967295\n",
    "CONNECT 4294967296\n",
    "CONNECT  7\n",
    "CONNECT 7 8\n",
    "CONNECT\n",
    "CONNECT 0x7\n",
    "connect 7\n",
    "LISTEN 0\n",
    "LISTEN -1\n",
    "\n",
    "CONNECT 18446744073709551623\n",
    "CONNECT +7\n",
    "GET / HTTP/1.1\r\n",
    "CONNECT 00000000000000000000000000000000000000000007\n",
  };
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
    expect_closed (crowd, connect_to (crowd), lines[i], lines[i], strlen (lines[i]));
  expect_closed (crowd, connect_to (crowd), "a NUL in a line was taken", "CONNECT 7\0\n", 11);
  expect_closed (crowd, connect_to (crowd), "half a line is not ended by a deadline", "CONNECT 7", 9);
  expect_closed (crowd, connect_to (crowd), "silence is not ended by a deadline", "", 0);
}

static void
say_junk (struct crowd *crowd)
{
  static char junk[1 << 20];
  memset (junk, 'x', sizeof junk);
  expect_closed (crowd, connect_to (crowd), "a mebibyte of junk is not refused", junk, sizeof junk);
}

static void
sit_idle (struct crowd *crowd)
{
  static int fds[IDLERS];
  for (size_t i = 0; i < IDLERS; i++)
    fds[i] = connect_to (crowd);
  bench_nap (500);
  for (size_t i = 0; i < IDLERS; i++)
    if (fds[i] >= 0)
      close (fds[i]);
  expect_closed (crowd, connect_to (crowd), "after many idle programs none is served", "CONNECT 0\n", 10);
}

static void *
run_nonsense (void *data)
{
  struct crowd *crowd = data;
  say_lines (crowd);
  say_junk (crowd);
  sit_idle (crowd);
  crowd->talked = true;
  return NULL;
}

void
crowd_talk_nonsense (struct crowd *crowd)
{
  begin (crowd, &crowd->nonsense, run_nonsense);
}

/* ---- frames ---- */

static void *
run_frames (void *data)
{
  struct crowd *crowd = data;
  unsigned char frame[1000];
  struct sockaddr_ll to = { .sll_family = AF_PACKET,
                            .sll_ifindex = (int) if_nametoindex (crowd->card),
                            .sll_halen = 6 };
  int fd = socket (AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons (0x88b5));
  memset (frame, 0xff, 6);
  memset (frame + 6, 2, sizeof frame - 6);
  frame[12] = 0x88;
  frame[13] = 0xb5;
  for (unsigned n = 0; fd >= 0 && !crowd->stop && !crowd->no_frames; n++) {
    sendto (fd, frame, n % 2 != 0 ? 60 : sizeof frame, 0, (struct sockaddr *) &to, sizeof to);
    bench_nap (2);
  }
  if (fd >= 0)
    close (fd);
  return NULL;
}

void
crowd_send_frames (struct crowd *crowd)
{
  if (crowd->card[0] != '\0')
    begin (crowd, &crowd->frames, run_frames);
}

void
crowd_stop_frames (struct crowd *crowd)
{
  crowd->no_frames = true;
}

void
crowd_end (struct crowd *crowd)
{
  struct crowd_member *members[] = { &crowd->nonsense, &crowd->frames, &crowd->deaf };
  crowd->stop = true;
  for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
    if (members[i]->there)
      pthread_join (members[i]->thread, NULL);
    members[i]->there = false;
  }
  for (size_t i = 0; i < crowd->n_deaf; i++)
    close (crowd->deaf_fds[i]);
  crowd->n_deaf = 0;
}
