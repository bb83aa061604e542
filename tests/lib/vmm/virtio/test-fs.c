/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-fs: virtio-fs and the vhost-user front end against a server of our own that notes what it is told, and can misbehave. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "driver.h"

#include "vmm/vhost/user.h"
#include "vmm/vhost/wire.h"
#include "vmm/virtio/fs.h"

#define MIB (UINT64_C (1) << 20)
#define FEATURES                                                                                                       \
  (VMM_VIRTIO_F_VERSION_1 | VMM_VIRTIO_F_INDIRECT | VMM_VIRTIO_F_EVENT_IDX | VMM_VHOST_F_PROTOCOL_FEATURES)
#define RINGS 2

enum manner { POLITE, NO_FEATURES, WRONG_REPLY, HANGS_UP, WRONG_RING };

/* What the server was told; read by the test once the server has answered or ended. */
struct server {
  pthread_t thread;
  int fd;
  enum manner manner;
  uint64_t features;
  struct vmm_vhost_memory memory;
  ino_t memory_inode;
  unsigned memory_fds;
  struct {
    uint32_t size, base, enabled;
    struct vmm_vhost_addr addr;
    int kick, call;
  } rings[RINGS];
};

static void
reply (struct server *s, uint32_t request, const void *body, uint32_t size)
{
  struct vmm_vhost_message m = { { request, VMM_VHOST_VERSION | VMM_VHOST_REPLY, size }, { 0 } };
  if (s->manner == WRONG_REPLY)
    m.header.size = 0xffffffff;
  memcpy (&m.body, body, size);
  ck_assert_int_gt (send (s->fd, &m, sizeof m.header + size, MSG_NOSIGNAL), 0);
}

/* One message with its descriptor; false at the end. */
static bool
receive (struct server *s, struct vmm_vhost_message *m, int *fd)
{
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE (sizeof (int) * 8)];
  } control;
  struct iovec iov = { m, sizeof m->header };
  struct msghdr msg = {
    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control
  };
  *fd = -1;
  if (recvmsg (s->fd, &msg, MSG_CMSG_CLOEXEC) != sizeof m->header)
    return false;
  struct cmsghdr *c = CMSG_FIRSTHDR (&msg);
  if (c != NULL) {
    unsigned n = (unsigned) ((c->cmsg_len - CMSG_LEN (0)) / sizeof (int));
    int fds[8];
    memcpy (fds, CMSG_DATA (c), n * sizeof (int));
    *fd = fds[0];
    if (m->header.request == VMM_VHOST_SET_MEM_TABLE)
      s->memory_fds = n;
    for (unsigned i = 1; i < n; i++)
      close (fds[i]);
  }
  ck_assert_uint_le (m->header.size, sizeof m->body);
  return m->header.size == 0 || recv (s->fd, &m->body, m->header.size, MSG_WAITALL) == (ssize_t) m->header.size;
}

static void
keep_fd (int *slot, int fd)
{
  if (*slot >= 0)
    close (*slot);
  *slot = fd;
}

static void
note (struct server *s, const struct vmm_vhost_message *m, int fd)
{
  unsigned ring = (unsigned) (m->body.u64 & 0xff);
  struct stat st;
  switch (m->header.request) {
  case VMM_VHOST_SET_FEATURES:
    s->features = m->body.u64;
    break;
  case VMM_VHOST_SET_MEM_TABLE:
    s->memory = m->body.memory;
    ck_assert_int_eq (fstat (fd, &st), 0);
    s->memory_inode = st.st_ino;
    close (fd);
    break;
  case VMM_VHOST_SET_VRING_NUM:
    s->rings[m->body.state.index].size = m->body.state.num;
    break;
  case VMM_VHOST_SET_VRING_BASE:
    s->rings[m->body.state.index].base = m->body.state.num;
    break;
  case VMM_VHOST_SET_VRING_ADDR:
    s->rings[m->body.addr.index].addr = m->body.addr;
    break;
  case VMM_VHOST_SET_VRING_KICK:
    keep_fd (&s->rings[ring].kick, fd);
    break;
  case VMM_VHOST_SET_VRING_CALL:
    keep_fd (&s->rings[ring].call, fd);
    break;
  case VMM_VHOST_SET_VRING_ENABLE:
    s->rings[m->body.state.index].enabled = m->body.state.num;
    break;
  default:
    ck_assert_int_eq (fd, -1);
  }
}

static void
answer (struct server *s, const struct vmm_vhost_message *m)
{
  uint64_t features = s->manner == NO_FEATURES ? VMM_VHOST_F_PROTOCOL_FEATURES : FEATURES, none = 0;
  struct vmm_vhost_state state = m->body.state;
  switch (m->header.request) {
  case VMM_VHOST_GET_FEATURES:
    reply (s, m->header.request, &features, sizeof features);
    break;
  case VMM_VHOST_GET_PROTOCOL_FEATURES:
    reply (s, m->header.request, &none, sizeof none);
    break;
  case VMM_VHOST_GET_VRING_BASE:
    s->rings[state.index].enabled = 0;
    state = (struct vmm_vhost_state){ s->manner == WRONG_RING ? 7 : state.index, 5 };
    reply (s, m->header.request, &state, sizeof state);
    break;
  }
}

static void *
serve (void *data)
{
  struct server *s = data;
  struct vmm_vhost_message m = { 0 };
  int fd;
  while (receive (s, &m, &fd)) {
    if (s->manner == HANGS_UP && m.header.request == VMM_VHOST_GET_VRING_BASE)
      break;
    note (s, &m, fd);
    answer (s, &m);
  }
  shutdown (s->fd, SHUT_RDWR);
  return NULL;
}

static struct driver d;
static struct server s;
static int ours = -1;

static void
begin (enum manner manner)
{
  int pair[2];
  driver_open (&d, 64 * MIB);
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  ours = pair[0];
  s = (struct server){ .fd = pair[1],
                       .manner = manner,
                       .rings = { { .kick = -1, .call = -1 }, { .kick = -1, .call = -1 } } };
  ck_assert_int_eq (pthread_create (&s.thread, NULL, serve, &s), 0);
}

static int
make_device (kata_error **err)
{
  struct vmm_fs_config config = { .tag = "share", .socket_fd = ours, .queue_size = 64 };
  int code = driver_device (&d, &vmm_virtio_fs_ops, &config, err);
  close (ours); /* the device has its own */
  return code;
}

static void
finish (void)
{
  driver_close (&d);
  pthread_join (s.thread, NULL);
  close (s.fd);
  for (unsigned i = 0; i < RINGS; i++) {
    keep_fd (&s.rings[i].kick, -1);
    keep_fd (&s.rings[i].call, -1);
  }
}

/* The server's thread has handled all that was sent: a question is answered in order. */
static void
settle (void)
{
  struct pollfd poller = { .fd = s.fd, .events = POLLIN };
  for (int i = 0; i < 500 && poll (&poller, 1, 0) != 0; i++)
    usleep (2000);
  usleep (20000);
}

START_TEST (hands_over)
{
  begin (POLITE);
  ck_assert_int_eq (make_device (NULL), 0);
  driver_start (&d, VMM_VIRTIO_F_EVENT_IDX);
  settle ();
  struct stat st;
  ck_assert_int_eq (fstat (d.memory->fd, &st), 0);
  ck_assert_uint_eq (s.features, VMM_VIRTIO_F_VERSION_1 | VMM_VIRTIO_F_EVENT_IDX | VMM_VHOST_F_PROTOCOL_FEATURES);
  ck_assert_uint_eq (s.memory.n_regions, 1);
  ck_assert_uint_eq (s.memory_fds, 1);
  ck_assert_uint_eq (s.memory_inode, st.st_ino);
  ck_assert_uint_eq (s.memory.regions[0].guest_address, 0);
  ck_assert_uint_eq (s.memory.regions[0].user_address, 0); /* not where our memory is */
  ck_assert_uint_eq (s.memory.regions[0].size, 64 * MIB);
  for (unsigned i = 0; i < RINGS; i++) {
    ck_assert_uint_eq (s.rings[i].size, 64);
    ck_assert_uint_eq (s.rings[i].base, 0);
    ck_assert_uint_eq (s.rings[i].enabled, 1);
    ck_assert_uint_eq (s.rings[i].addr.descriptor, d.device->queues[i].desc);
    ck_assert_uint_eq (s.rings[i].addr.available, d.device->queues[i].avail);
    ck_assert_uint_eq (s.rings[i].addr.used, d.device->queues[i].used);
    ck_assert_int_ge (s.rings[i].kick, 0);
    ck_assert_int_ge (s.rings[i].call, 0);
  }
  driver_kick (&d, 1);
  ck_assert_uint_ge (driver_take (s.rings[1].kick), 1);
  finish ();
}
END_TEST

START_TEST (pauses_where_it_stopped)
{
  begin (POLITE);
  ck_assert_int_eq (make_device (NULL), 0);
  driver_start (&d, 0);
  vmm_virtio__pause (d.device);
  settle ();
  ck_assert_uint_eq (s.rings[0].enabled + s.rings[1].enabled, 0);
  vmm_virtio__unpause (d.device);
  settle ();
  ck_assert_uint_eq (s.rings[1].enabled, 1);
  ck_assert_uint_eq (s.rings[1].base, 5);
  driver_reset (&d);
  ck_assert_uint_eq (s.rings[0].enabled + s.rings[1].enabled, 0); /* taken back before reset returns */
  driver_start (&d, 0);
  settle ();
  ck_assert_uint_eq (s.rings[1].base, 0);
  finish ();
}
END_TEST

START_TEST (config_space)
{
  char tag[37] = "";
  uint32_t queues = 0;
  begin (POLITE);
  ck_assert_int_eq (make_device (NULL), 0);
  for (unsigned i = 0; i < 40; i += 4) {
    uint64_t value = 0;
    vmm_virtio__config (d.device, i, 4, &value, false);
    memcpy (i < 36 ? (void *) (tag + i) : &queues, &value, 4);
  }
  ck_assert_str_eq (tag, "share");
  ck_assert_uint_eq (queues, 1);
  finish ();
}
END_TEST

static void
refuses (enum manner manner, int expected)
{
  kata_error *error = NULL;
  begin (manner);
  ck_assert_int_eq (make_device (&error), expected);
  ck_assert_int_eq (kata_error_get_code (error), expected);
  kata_error_unref (error);
  finish ();
}

START_TEST (refuses_servers)
{
  refuses (NO_FEATURES, KATA_E_UNSUPPORTED);
  refuses (WRONG_REPLY, KATA_E_PROTOCOL);
}
END_TEST

START_TEST (server_lost)
{
  begin (HANGS_UP);
  ck_assert_int_eq (make_device (NULL), 0);
  driver_start (&d, 0);
  settle ();
  shutdown (s.fd, SHUT_RDWR);
  driver_run_for (&d, 20);
  ck_assert (driver_needs_reset (&d));
  ck_assert_int_eq (d.fake->wish, VMM_WISH_SERVER); /* the machine ends */
  driver_reset (&d);
  driver_start (&d, 0); /* the guest tries again: there is nobody */
  ck_assert (driver_needs_reset (&d));
  finish ();
}
END_TEST

static void
fails_to_give_back (enum manner manner)
{
  begin (manner);
  ck_assert_int_eq (make_device (NULL), 0);
  driver_start (&d, 0);
  vmm_virtio__pause (d.device);
  vmm_virtio__unpause (d.device);
  ck_assert (driver_needs_reset (&d));
  finish ();
}

START_TEST (server_breaks_rules)
{
  fails_to_give_back (HANGS_UP);
  fails_to_give_back (WRONG_RING);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/virtio/fs");
  TCase *tcase = tcase_create ("fs");
  tcase_set_timeout (tcase, 30);
  tcase_add_test (tcase, hands_over);
  tcase_add_test (tcase, pauses_where_it_stopped);
  tcase_add_test (tcase, config_space);
  tcase_add_test (tcase, refuses_servers);
  tcase_add_test (tcase, server_lost);
  tcase_add_test (tcase, server_breaks_rules);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
