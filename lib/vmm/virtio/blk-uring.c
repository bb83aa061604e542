/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk-uring: the engine over io_uring. Its ring is bound to the disk's one descriptor and five operations: what it cannot do, nobody who
 * breaks into this process can do with it. */
#include "vmm/virtio/blk-engine.h"

#include <errno.h>
#include <linux/falloc.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "base/raise.h"

/* Larger ones go to the kernel's workers at once: data that is in the page cache would be copied within the submit, under the device lock. */
#define INLINE_MAX  (64 * 1024)
#define WORKERS_MAX 8 /* of the loop's thread, for all its disks together */

struct ring {
  struct vmm_disk base;
  struct io_uring uring;
  struct vmm_disk *side; /* a thread for what a ring cannot ask of a block device; NULL for files */
};

static void
ring_prepare (struct io_uring_sqe *sqe, const struct vmm_disk_io *io)
{
  switch (io->op) {
  case VMM_DISK_READ:
    io_uring_prep_readv (sqe, 0, io->iov, io->n_iov, io->offset);
    break;
  case VMM_DISK_WRITE:
    io_uring_prep_writev2 (sqe, 0, io->iov, io->n_iov, io->offset, io->durable ? RWF_DSYNC : 0);
    break;
  case VMM_DISK_FLUSH:
    io_uring_prep_fsync (sqe, 0, IORING_FSYNC_DATASYNC);
    break;
  case VMM_DISK_PUNCH:
  case VMM_DISK_ZERO:
    io_uring_prep_fallocate (
        sqe, 0, (io->op == VMM_DISK_PUNCH ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE) | FALLOC_FL_KEEP_SIZE,
        (off_t) io->offset, (off_t) io->len);
    break;
  }
}

static void
ring_submit (struct vmm_disk *disk, struct vmm_disk_io *io)
{
  struct ring *ring = (struct ring *) disk;

  if (ring->side != NULL && (io->op == VMM_DISK_PUNCH || io->op == VMM_DISK_ZERO)) {
    vmm_disk__submit (ring->side, io);
    return;
  }
  /* As many entries as operations may be in flight: never NULL. */
  struct io_uring_sqe *sqe = io_uring_get_sqe (&ring->uring);
  ring_prepare (sqe, io);
  sqe->flags |= IOSQE_FIXED_FILE;
  if ((io->op == VMM_DISK_READ || io->op == VMM_DISK_WRITE) && io->len > INLINE_MAX)
    sqe->flags |= IOSQE_ASYNC;
  io_uring_sqe_set_data (sqe, io);
}

static void
ring_commit (struct vmm_disk *disk)
{
  struct ring *ring = (struct ring *) disk;

  if (ring->side != NULL)
    vmm_disk__commit (ring->side);
  if (io_uring_sq_ready (&ring->uring) == 0)
    return;
  int rc;
  do
    rc = io_uring_submit (&ring->uring);
  while (rc == -EINTR);
  /* Out of memory for a moment: the entries stay in the ring, and our own event brings us back. */
  if (io_uring_sq_ready (&ring->uring) > 0)
    vmm_disk__again (disk);
}

static struct vmm_disk_io *
ring_reap (struct vmm_disk *disk)
{
  struct ring *ring = (struct ring *) disk;
  struct io_uring_cqe *cqe = NULL;
  unsigned head, found = 0;

  /* Only the shared memory is looked at: no system call. */
  io_uring_for_each_cqe (&ring->uring, head, cqe)
  {
    found = 1;
    break;
  }
  if (found == 0)
    return ring->side != NULL ? vmm_disk__reap (ring->side) : NULL;
  struct vmm_disk_io *io = io_uring_cqe_get_data (cqe);
  io->result = cqe->res;
  io_uring_cq_advance (&ring->uring, 1);
  return io;
}

static void
ring_cancel (struct vmm_disk *disk)
{
  struct ring *ring = (struct ring *) disk;
  if (ring->side != NULL)
    vmm_disk__cancel (ring->side);
}

static void
ring_wait (struct vmm_disk *disk)
{
  struct ring *ring = (struct ring *) disk;

  if (ring->side != NULL && ring->side->in_flight == ring->base.in_flight)
    vmm_disk__wait (ring->side);
  else
    io_uring_submit_and_wait (&ring->uring, 1); /* a signal ends it early: the caller looks, and waits again */
}

static void
ring_close (struct vmm_disk *disk)
{
  struct ring *ring = (struct ring *) disk;

  vmm_disk__close (ring->side);
  io_uring_queue_exit (&ring->uring);
  kata_fd__close (ring->base.event_fd);
  free (ring);
}

/* What the kernel calls register: one file, the event, which operations are allowed. Afterwards nothing can be registered any more. */
static int
ring_bind (struct ring *ring, const struct vmm_disk_config *config, const char **what)
{
  static const uint8_t allowed[] = { IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC, IORING_OP_FALLOCATE };
  struct io_uring_restriction restrictions[sizeof allowed + 2];
  unsigned workers[2] = { WORKERS_MAX, WORKERS_MAX }, n = 0;
  int fd = config->fd, rc;

  memset (restrictions, 0, sizeof restrictions);
  for (; n < sizeof allowed; n++) {
    restrictions[n].opcode = IORING_RESTRICTION_SQE_OP;
    restrictions[n].sqe_op = allowed[n];
  }
  restrictions[n].opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED;
  restrictions[n++].sqe_flags = IOSQE_FIXED_FILE;
  restrictions[n].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
  restrictions[n++].sqe_flags = IOSQE_ASYNC;

  *what = "IORING_REGISTER_FILES";
  if ((rc = io_uring_register_files (&ring->uring, &fd, 1)) < 0)
    return rc;
  *what = "IORING_REGISTER_EVENTFD";
  if ((rc = io_uring_register_eventfd (&ring->uring, ring->base.event_fd)) < 0)
    return rc;
  /* Since Linux 5.15; before, the kernel's own limits hold. */
  io_uring_register_iowq_max_workers (&ring->uring, workers);
  *what = "IORING_REGISTER_RESTRICTIONS";
  if ((rc = io_uring_register_restrictions (&ring->uring, restrictions, n)) < 0)
    return rc;
  *what = "IORING_REGISTER_ENABLE_RINGS";
  return io_uring_enable_rings (&ring->uring);
}

static const struct vmm_disk_ops ring_ops = { .submit = ring_submit,
                                              .commit = ring_commit,
                                              .reap = ring_reap,
                                              .cancel = ring_cancel,
                                              .wait = ring_wait,
                                              .close = ring_close };

static int
ring_side (struct ring *ring, const struct vmm_disk_config *config, kata_error **err)
{
  if (!config->device)
    return 0;
  struct vmm_disk_config side = *config;
  side.n_threads = 1;
  return vmm_disk__open_threads (&ring->side, &side, ring->base.event_fd, err);
}

int
vmm_disk__open_uring (struct vmm_disk **out, const struct vmm_disk_config *config, kata_error **err)
{
  struct ring *ring = calloc (1, sizeof *ring);
  if (ring == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "disk: no memory for its ring");
  ring->base.ops = &ring_ops;

  const char *what = "io_uring_setup";
  int rc = io_uring_queue_init (config->depth, &ring->uring, IORING_SETUP_R_DISABLED);
  if (rc < 0) {
    free (ring);
    return kata_error__errno (err, KATA_E_UNSUPPORTED, NULL, rc == -ENOMEM ? ENOBUFS : -rc, "disk: %s", what);
  }
  ring->base.event_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (ring->base.event_fd < 0)
    rc = kata_error__errno (err, KATA_E_IO, NULL, errno, "disk: eventfd");
  else if ((rc = ring_bind (ring, config, &what)) < 0)
    rc = kata_error__errno (err, KATA_E_UNSUPPORTED, NULL, rc == -ENOMEM ? ENOBUFS : -rc, "disk: %s", what);
  else
    rc = ring_side (ring, config, err);
  if (rc != 0) {
    ring_close (&ring->base);
    return rc;
  }
  *out = &ring->base;
  return 0;
}
