/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* output: a line buffer in front of a descriptor that must never make a vCPU wait. */
#include "vmm/dev/output.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/raise.h"

/* How one writes to it without waiting: its open file is shared with the caller, so O_NONBLOCK is not ours to set. */
enum output_kind {
  OUTPUT_NOWHERE,
  OUTPUT_FILE,   /* never waits, but for a disk */
  OUTPUT_SOCKET, /* MSG_DONTWAIT */
  OUTPUT_PIPE,   /* has room for PIPE_BUF bytes when poll says so, and we write fewer */
  OUTPUT_TTY,    /* has room for a byte when poll says so */
};

struct vmm_output {
  const struct vmm_env *env;
  struct vmm_timer *timer;
  int fd;
  enum output_kind kind;
  bool armed;
  uint64_t left; /* of the limit */
  size_t len;
  char line[VMM_OUTPUT_LINE];
};

static int
output_kind (enum output_kind *kind, int fd, kata_error **err)
{
  struct stat st;

  *kind = OUTPUT_NOWHERE;
  if (fd < 0)
    return 0;
  if (fstat (fd, &st) != 0)
    return kata_error__errno (err, KATA_E_INVALID, "serial", errno, "serial: the descriptor for its output");
  if (S_ISSOCK (st.st_mode))
    *kind = OUTPUT_SOCKET;
  else if (S_ISFIFO (st.st_mode))
    *kind = OUTPUT_PIPE;
  else if (S_ISCHR (st.st_mode))
    *kind = OUTPUT_TTY;
  else
    *kind = OUTPUT_FILE;
  return 0;
}

/* Nobody listens any more, and nobody will: a write to a pipe without readers would raise SIGPIPE. */
static void
output_gone (struct vmm_output *output)
{
  vmm_env__log (output->env, "serial", "nobody reads the output any more: what follows is lost");
  output->kind = OUTPUT_NOWHERE;
}

static bool
output_ready (struct vmm_output *output)
{
  struct pollfd poll_fd = { .fd = output->fd, .events = POLLOUT };

  if (poll (&poll_fd, 1, 0) != 1)
    return false;
  if ((poll_fd.revents & (POLLERR | POLLNVAL)) != 0) {
    output_gone (output);
    return false;
  }
  return (poll_fd.revents & POLLOUT) != 0;
}

/* As send(), by a system call that vCPUs may make anyway. */
static ssize_t
output_send (int fd, const char *from, size_t len)
{
  struct iovec iov = { .iov_base = (char *) from, .iov_len = len };
  struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

  return sendmsg (fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* One attempt; returns how many bytes it took. EINTR and a full disk lose the rest, like a full pipe. */
static size_t
output_write (struct vmm_output *output, const char *from, size_t len)
{
  ssize_t n = -1;

  switch (output->kind) {
  case OUTPUT_NOWHERE:
    return 0;
  case OUTPUT_FILE:
    n = write (output->fd, from, len);
    break;
  case OUTPUT_SOCKET:
    n = output_send (output->fd, from, len);
    break;
  case OUTPUT_PIPE:
    n = output_ready (output) ? write (output->fd, from, len) : 0;
    break;
  case OUTPUT_TTY:
    n = output_ready (output) ? write (output->fd, from, 1) : 0;
    break;
  }
  if (n < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN || errno == EBADF))
    output_gone (output);
  return n < 0 ? 0 : (size_t) n;
}

void
vmm_output__flush (struct vmm_output *output)
{
  for (size_t at = 0; at < output->len;) {
    size_t n = output_write (output, output->line + at, output->len - at);
    if (n == 0)
      break;
    at += n;
  }
  output->len = 0;
}

static void
output_due (void *ctx)
{
  struct vmm_output *output = ctx;

  output->armed = false;
  vmm_output__flush (output);
}

/* The timer is left to run when a newline flushes: one setting of it in 10 ms, not one a line. */
void
vmm_output__put (struct vmm_output *output, uint8_t byte)
{
  if (output->kind == OUTPUT_NOWHERE || output->left == 0)
    return;
  output->left -= output->left != UINT64_MAX;
  output->line[output->len++] = (char) byte;
  if (byte == '\n' || output->len == sizeof output->line || output->left == 0)
    vmm_output__flush (output);
  else if (!output->armed) {
    output->armed = true;
    vmm_timer__arm (output->timer, VMM_OUTPUT_DELAY_NS);
  }
}

int
vmm_output__new (struct vmm_output **out, const struct vmm_env *env, int fd, uint64_t limit, kata_error **err)
{
  struct vmm_output *output = calloc (1, sizeof *output);

  if (output == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, "serial", "serial: no memory for its output");
  output->env = env;
  output->fd = fd;
  output->left = limit == 0 ? UINT64_MAX : limit;
  int result = output_kind (&output->kind, fd, err);
  if (result == 0)
    result = vmm_timer__new (&output->timer, env->loop, output_due, output, err);
  if (result < 0) {
    free (output);
    return result;
  }
  *out = output;
  return 0;
}

void
vmm_output__free (struct vmm_output *output)
{
  if (output == NULL)
    return;
  vmm_output__flush (output);
  vmm_timer__free (output->timer);
  free (output);
}
