/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fsd: answers the three questions of the front end; a descriptor that comes along is closed. */
#include "fsd.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "vmm/vhost/wire.h"
#include "watch.h"

#define FDS_MAX 16

static bool
take (int fd, void *to, size_t len)
{
  union {
    char bytes[CMSG_SPACE (FDS_MAX * sizeof (int))];
    struct cmsghdr align;
  } control;
  for (size_t done = 0; done < len;) {
    struct iovec iov = { (char *) to + done, len - done };
    struct msghdr message = {
      .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
    };
    ssize_t n = recvmsg (fd, &message, MSG_CMSG_CLOEXEC);
    if (n <= 0)
      return false;
    done += (size_t) n;
    for (struct cmsghdr *c = CMSG_FIRSTHDR (&message); c != NULL; c = CMSG_NXTHDR (&message, c))
      for (size_t i = 0; c->cmsg_type == SCM_RIGHTS && i < (c->cmsg_len - CMSG_LEN (0)) / sizeof (int); i++) {
        int got;
        memcpy (&got, CMSG_DATA (c) + i * sizeof got, sizeof got);
        close (got);
      }
  }
  return true;
}

static void *
serve (void *data)
{
  const struct fsd *fsd = data;
  struct vmm_vhost_message m;
  while (take (fsd->ours, &m.header, sizeof m.header) && m.header.size <= sizeof m.body &&
         take (fsd->ours, &m.body, m.header.size)) {
    if (m.header.request == VMM_VHOST_GET_FEATURES)
      m.body.u64 = UINT64_MAX;
    else if (m.header.request == VMM_VHOST_GET_PROTOCOL_FEATURES)
      m.body.u64 = 0;
    else if (m.header.request == VMM_VHOST_GET_VRING_BASE)
      m.body.state.num = 0;
    else
      continue;
    m.header.flags = VMM_VHOST_VERSION | VMM_VHOST_REPLY;
    m.header.size = sizeof m.body.u64;
    if (send (fsd->ours, &m, sizeof m.header + sizeof m.body.u64, MSG_NOSIGNAL) < 0)
      break;
  }
  return NULL;
}

void
fsd_start (struct fsd *fsd)
{
  int pair[2];
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    die ("no sockets");
  fsd->theirs = pair[0];
  fsd->ours = pair[1];
  if (pthread_create (&fsd->thread, NULL, serve, fsd) != 0)
    die ("no thread");
  pthread_setname_np (fsd->thread, WATCH_NOT_THESE);
}

void
fsd_end (struct fsd *fsd)
{
  shutdown (fsd->ours, SHUT_RDWR);
  pthread_join (fsd->thread, NULL);
  close (fsd->ours);
  close (fsd->theirs);
}
