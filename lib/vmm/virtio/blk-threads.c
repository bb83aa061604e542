/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk-threads: the engine where io_uring is not allowed: a few threads that make the plain system calls; they never take the device lock. */
#include "vmm/virtio/blk-engine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/raise.h"

#define STACK_SIZE (128 * 1024)

struct list {
  struct vmm_disk_io *head, *tail;
};

struct pool {
  struct vmm_disk base;
  int fd;
  bool device, own_event;
  const struct vmm_env *env;

  struct list staged; /* submitted, not committed: the device lock's */
  pthread_mutex_t lock;
  pthread_cond_t work, ended, born;
  /* Under the lock: */
  struct list pending, done;
  bool stop;
  unsigned n_confined;
  int confine_rc;
  kata_error *confine_error;

  unsigned n_threads;
  pthread_t threads[VMM_DISK_THREADS_MAX];
};

static void
list_append (struct list *list, struct vmm_disk_io *io)
{
  io->next = NULL;
  if (list->head == NULL)
    list->head = io;
  else
    list->tail->next = io;
  list->tail = io;
}

static struct vmm_disk_io *
list_take (struct list *list)
{
  struct vmm_disk_io *io = list->head;
  if (io != NULL)
    list->head = io->next;
  return io;
}

/* @from's items go to the end of @to. */
static void
list_move (struct list *to, struct list *from)
{
  if (from->head == NULL)
    return;
  if (to->head == NULL)
    to->head = from->head;
  else
    to->tail->next = from->head;
  to->tail = from->tail;
  from->head = NULL;
}

static int
pool_range (const struct pool *pool, const struct vmm_disk_io *io)
{
  bool punch = io->op == VMM_DISK_PUNCH;

  if (pool->device) {
    uint64_t range[2] = { io->offset, io->len };
    return ioctl (pool->fd, punch ? BLKDISCARD : BLKZEROOUT, range);
  }
  return fallocate (pool->fd, (punch ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE) | FALLOC_FL_KEEP_SIZE,
                    (off_t) io->offset, (off_t) io->len);
}

static int64_t
pool_execute (const struct pool *pool, const struct vmm_disk_io *io)
{
  ssize_t n = -1;

  switch (io->op) {
  case VMM_DISK_READ:
    n = preadv (pool->fd, io->iov, (int) io->n_iov, (off_t) io->offset);
    break;
  case VMM_DISK_WRITE:
    n = pwritev (pool->fd, io->iov, (int) io->n_iov, (off_t) io->offset);
    if (n >= 0 && io->durable && fdatasync (pool->fd) != 0)
      n = -1;
    break;
  case VMM_DISK_FLUSH:
    n = fdatasync (pool->fd);
    break;
  case VMM_DISK_PUNCH:
  case VMM_DISK_ZERO:
    n = pool_range (pool, io);
    break;
  }
  return n < 0 ? -errno : n;
}

/* The thread's first act; false when it may not go on. */
static bool
pool_confine (struct pool *pool)
{
  kata_error *error = NULL;
  int rc = pool->env != NULL && pool->env->confine != NULL ? pool->env->confine (pool->env->ctx, &error) : 0;

  pthread_mutex_lock (&pool->lock);
  pool->n_confined++;
  if (rc != 0 && pool->confine_rc == 0) {
    pool->confine_rc = rc;
    pool->confine_error = error;
    error = NULL;
  }
  pthread_cond_signal (&pool->born);
  pthread_mutex_unlock (&pool->lock);
  kata_error_unref (error);
  return rc == 0;
}

static void *
pool_thread (void *data)
{
  struct pool *pool = data;
  if (!pool_confine (pool))
    return NULL;

  pthread_mutex_lock (&pool->lock);
  for (;;) {
    struct vmm_disk_io *io = list_take (&pool->pending);
    if (io != NULL) {
      pthread_mutex_unlock (&pool->lock);
      io->result = pool_execute (pool, io);
      pthread_mutex_lock (&pool->lock);
      bool first = pool->done.head == NULL;
      list_append (&pool->done, io);
      if (first) {
        vmm_disk__again (&pool->base);
        pthread_cond_signal (&pool->ended);
      }
    } else if (pool->stop) {
      break;
    } else {
      pthread_cond_wait (&pool->work, &pool->lock);
    }
  }
  pthread_mutex_unlock (&pool->lock);
  return NULL;
}

static void
pool_submit (struct vmm_disk *disk, struct vmm_disk_io *io)
{
  struct pool *pool = (struct pool *) disk;
  list_append (&pool->staged, io);
}

static void
pool_commit (struct vmm_disk *disk)
{
  struct pool *pool = (struct pool *) disk;
  if (pool->staged.head == NULL)
    return;
  bool many = pool->staged.head != pool->staged.tail;

  pthread_mutex_lock (&pool->lock);
  list_move (&pool->pending, &pool->staged);
  pthread_mutex_unlock (&pool->lock);
  if (many)
    pthread_cond_broadcast (&pool->work);
  else
    pthread_cond_signal (&pool->work);
}

static struct vmm_disk_io *
pool_reap (struct vmm_disk *disk)
{
  struct pool *pool = (struct pool *) disk;

  pthread_mutex_lock (&pool->lock);
  struct vmm_disk_io *io = list_take (&pool->done);
  pthread_mutex_unlock (&pool->lock);
  return io;
}

static void
pool_cancel (struct vmm_disk *disk)
{
  struct pool *pool = (struct pool *) disk;

  pthread_mutex_lock (&pool->lock);
  list_move (&pool->pending, &pool->staged);
  for (struct vmm_disk_io *io = pool->pending.head; io != NULL; io = io->next)
    io->result = -ECANCELED;
  list_move (&pool->done, &pool->pending);
  bool any = pool->done.head != NULL;
  pthread_mutex_unlock (&pool->lock);
  if (any)
    vmm_disk__again (disk);
}

static void
pool_wait (struct vmm_disk *disk)
{
  struct pool *pool = (struct pool *) disk;

  pthread_mutex_lock (&pool->lock);
  while (pool->done.head == NULL)
    pthread_cond_wait (&pool->ended, &pool->lock);
  pthread_mutex_unlock (&pool->lock);
}

static void
pool_close (struct vmm_disk *disk)
{
  struct pool *pool = (struct pool *) disk;

  pthread_mutex_lock (&pool->lock);
  pool->stop = true;
  pthread_mutex_unlock (&pool->lock);
  pthread_cond_broadcast (&pool->work);
  for (unsigned i = 0; i < pool->n_threads; i++)
    pthread_join (pool->threads[i], NULL);
  pthread_cond_destroy (&pool->work);
  pthread_cond_destroy (&pool->ended);
  pthread_cond_destroy (&pool->born);
  pthread_mutex_destroy (&pool->lock);
  if (pool->own_event)
    kata_fd__close (pool->base.event_fd);
  kata_error_unref (pool->confine_error);
  free (pool);
}

/* All signals blocked: they belong to the program that we are in. */
static int
pool_start (struct pool *pool, unsigned n, kata_error **err)
{
  sigset_t all, before;
  pthread_attr_t attr;
  int rc = 0;

  pthread_attr_init (&attr);
  pthread_attr_setstacksize (&attr, STACK_SIZE);
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  while (rc == 0 && pool->n_threads < n) {
    rc = pthread_create (&pool->threads[pool->n_threads], &attr, pool_thread, pool);
    if (rc == 0)
      pool->n_threads++;
  }
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  pthread_attr_destroy (&attr);
  if (rc != 0)
    return kata_error__errno (err, KATA_E_IO, NULL, rc, "disk: cannot start a thread");

  pthread_mutex_lock (&pool->lock);
  while (pool->n_confined < n)
    pthread_cond_wait (&pool->born, &pool->lock);
  rc = pool->confine_rc;
  kata_error *error = pool->confine_error;
  pool->confine_error = NULL;
  pthread_mutex_unlock (&pool->lock);
  return rc == 0 ? 0 : kata_error__wrap (err, error, NULL, "disk: a thread cannot confine itself");
}

static const struct vmm_disk_ops pool_ops = { .submit = pool_submit,
                                              .commit = pool_commit,
                                              .reap = pool_reap,
                                              .cancel = pool_cancel,
                                              .wait = pool_wait,
                                              .close = pool_close };

int
vmm_disk__open_threads (struct vmm_disk **out, const struct vmm_disk_config *config, int event_fd, kata_error **err)
{
  struct pool *pool = calloc (1, sizeof *pool);
  if (pool == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "disk: no memory for its threads");

  pool->base.ops = &pool_ops;
  pool->fd = config->fd;
  pool->device = config->device;
  pool->env = config->env;
  pool->own_event = event_fd < 0;
  pool->base.event_fd = event_fd >= 0 ? event_fd : eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  pthread_mutex_init (&pool->lock, NULL);
  pthread_cond_init (&pool->work, NULL);
  pthread_cond_init (&pool->ended, NULL);
  pthread_cond_init (&pool->born, NULL);
  int rc = pool->base.event_fd < 0 ? kata_error__errno (err, KATA_E_IO, NULL, errno, "disk: eventfd")
                                   : pool_start (pool, config->n_threads, err);
  if (rc != 0) {
    pool_close (&pool->base);
    return rc;
  }
  *out = &pool->base;
  return 0;
}
