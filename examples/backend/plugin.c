/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin: a hypervisor backend of a third party, against the public headers alone: docs/backends.md goes through it. Its VMM is any program that takes
   the kernel's command line and serves the agent on ./vsock.sock by the CONNECT protocol. */
#include <kata/sys/backend.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SOCKET "vsock.sock"

struct vm {
  pid_t pid;
  int pidfd, dir_fd;
  uint32_t port;
};

static int64_t
now_us (void)
{
  struct timespec now;
  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Field 22 of its stat: with it a pid that was reused is never taken for ours. 0 = it is gone. */
static uint64_t
start_time (pid_t pid)
{
  char path[64], text[1024] = "";
  snprintf (path, sizeof path, "/proc/%d/stat", (int) pid);
  FILE *file = fopen (path, "re");
  size_t n = file != NULL ? fread (text, 1, sizeof text - 1, file) : 0;
  if (file != NULL)
    fclose (file);
  char *at = n > 0 ? strrchr (text, ')') : NULL;
  for (int field = 2; at != NULL && field < 22; field++)
    at = strchr (at + 1, ' ');
  return at != NULL ? strtoull (at, NULL, 10) : 0;
}

static void
plugin_detach (void *handle)
{
  struct vm *vm = handle;
  waitid (P_PIDFD, (id_t) vm->pidfd, &(siginfo_t){ 0 }, WEXITED | WNOHANG);
  close (vm->pidfd);
  close (vm->dir_fd);
  free (vm);
}

static int
plugin_probe (const kata_vm_plan *plan, kata_capabilities *caps, kata_error **err)
{
  static const int have[] = { KATA_CAP_RUN, KATA_CAP_KVM, KATA_CAP_VSOCK_HYBRID, KATA_CAP_PAUSE,
                              KATA_CAP_FS_SHARE_VIRTIOFS };
  if (plan->hypervisor_path == NULL || access (plan->hypervisor_path, X_OK) != 0) {
    snprintf (caps->reason[KATA_CAP_RUN], sizeof caps->reason[0], "hypervisor.example.path: no program; set the key");
    return 0;
  }
  for (size_t i = 0; i < sizeof have / sizeof have[0]; i++)
    caps->have |= UINT64_C (1) << have[i];
  snprintf (caps->path, sizeof caps->path, "%s", plan->hypervisor_path);
  caps->max_vcpus = 1;
  caps->max_memory_mib = 1 << 20;
  return 0;
}

/* What will be there on the host is written to the journal first. The child waits for that, and ends if we do. */
static int
spawn (struct vm *vm, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  char path[4096], go = 1;
  int hold[2];
  kata_undo file = { .size = sizeof file, .kind = KATA_UNDO_FILE, .role = "example", .path = path };
  kata_undo process = { .size = sizeof process, .kind = KATA_UNDO_PROCESS, .role = "example" };
  snprintf (path, sizeof path, "%s/" SOCKET, plan->dir);
  int code = env->record (env->journal, &file, err);
  if (code < 0 || pipe2 (hold, O_CLOEXEC) != 0)
    return code < 0 ? code : KATA_E_IO;
  if ((vm->pid = fork ()) == 0) {
    close (hold[1]);
    if (read (hold[0], &go, 1) == 1 && fchdir (vm->dir_fd) == 0)
      execl (plan->hypervisor_path, plan->hypervisor_path, plan->cmdline, (char *) NULL);
    _exit (127);
  }
  close (hold[0]);
  vm->pidfd = vm->pid > 0 ? pidfd_open (vm->pid, 0) : -1;
  process.pid = vm->pid;
  process.start_time = vm->pid > 0 ? start_time (vm->pid) : 0;
  code = vm->pidfd >= 0 ? env->record (env->journal, &process, err) : KATA_E_IO;
  if (code == 0 && write (hold[1], &go, 1) != 1)
    code = KATA_E_IO;
  close (hold[1]);
  return code;
}

static int
plugin_launch (void **out, const kata_vm_plan *plan, const kata_backend_env *env, kata_error **err)
{
  struct vm *vm = calloc (1, sizeof *vm);
  if (vm == NULL)
    return KATA_E_NO_MEMORY;
  *vm = (struct vm){ .pidfd = -1,
                     .port = plan->agent_port,
                     .dir_fd = open (plan->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
  int code = vm->dir_fd >= 0 ? spawn (vm, plan, env, err) : KATA_E_IO;
  if (code == 0)
    *out = vm;
  else
    plugin_detach (vm); /* a process that was recorded is ended by the journal */
  return code;
}

static int
plugin_save (void *handle, char **json, kata_error **err)
{
  struct vm *vm = handle;
  return asprintf (json, "{\"pid\":%d,\"start\":%llu}", (int) vm->pid, (unsigned long long) start_time (vm->pid)) > 0
             ? 0
             : KATA_E_NO_MEMORY;
}

static int
plugin_attach (void **out, const kata_vm_plan *plan, const char *saved, const kata_backend_env *env, kata_error **err)
{
  int pid = 0;
  unsigned long long start = 0;
  if (sscanf (saved, "{\"pid\":%d,\"start\":%llu}", &pid, &start) != 2 || pid <= 0)
    return KATA_E_CORRUPT;
  struct vm *vm = calloc (1, sizeof *vm);
  if (vm == NULL)
    return KATA_E_NO_MEMORY;
  *vm = (struct vm){ pid, pidfd_open (pid, 0), open (plan->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), plan->agent_port };
  if (vm->pidfd < 0 || start_time (pid) != start) {
    close (vm->pidfd);
    vm->pidfd = open ("/dev/null", O_RDONLY | O_CLOEXEC); /* it has ended: a descriptor that polls readable says so */
  }
  *out = vm;
  return 0;
}

static bool
ended_within (const struct vm *vm, int ms)
{
  struct pollfd poller = { .fd = vm->pidfd, .events = POLLIN };
  return poll (&poller, 1, ms) > 0;
}

/* ---- the way to the agent ---- */

static int64_t
stream_read (void *ctx, void *buf, size_t len)
{
  return recv (*(int *) ctx, buf, len, 0);
}

static int64_t
stream_write (void *ctx, const void *buf, size_t len)
{
  return send (*(int *) ctx, buf, len, MSG_NOSIGNAL);
}

static void
stream_shutdown (void *ctx)
{
  shutdown (*(int *) ctx, SHUT_RDWR);
}

static void
stream_close (void *ctx)
{
  close (*(int *) ctx);
  free (ctx);
}

/* "CONNECT port", "OK number": a descriptor, or -1 while nobody answers so. */
static int
dial (const struct vm *vm)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  char line[32], c = 0;
  int n = snprintf (line, sizeof line, "CONNECT %u\n", vm->port), fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SOCKET, vm->dir_fd);
  bool good = fd >= 0 && connect (fd, (struct sockaddr *) &address, sizeof address) == 0 &&
              send (fd, line, (size_t) n, MSG_NOSIGNAL) == n && recv (fd, line, 2, MSG_WAITALL) == 2 &&
              memcmp (line, "OK", 2) == 0;
  while (good && c != '\n')
    good = recv (fd, &c, 1, 0) == 1;
  if (good)
    return fd;
  close (fd);
  return -1;
}

static int
plugin_connect (void *handle, kata_stream *out, const kata_backend_env *env, kata_error **err)
{
  int fd, *ctx = malloc (sizeof *ctx);
  while (ctx != NULL && (fd = dial (handle)) < 0) {
    int code = ended_within (handle, 10) ? KATA_E_VMM : now_us () > env->deadline_us ? KATA_E_TIMEOUT : 0;
    if (code < 0) {
      free (ctx);
      return code;
    }
  }
  if (ctx == NULL)
    return KATA_E_NO_MEMORY;
  *ctx = fd;
  *out = (kata_stream){ ctx, stream_read, stream_write, stream_shutdown, stream_close };
  return 0;
}

/* ---- control ---- */

static int
plugin_pause (void *handle, const kata_backend_env *env, kata_error **err)
{
  return pidfd_send_signal (((struct vm *) handle)->pidfd, SIGSTOP, NULL, 0) == 0 ? 0 : KATA_E_VMM;
}

static int
plugin_resume (void *handle, const kata_backend_env *env, kata_error **err)
{
  return pidfd_send_signal (((struct vm *) handle)->pidfd, SIGCONT, NULL, 0) == 0 ? 0 : KATA_E_VMM;
}

static int
plugin_stop (void *handle, int64_t grace_ms, const kata_backend_env *env, kata_error **err)
{
  struct vm *vm = handle;
  if (!ended_within (vm, grace_ms > 5000 ? 5000 : (int) grace_ms))
    pidfd_send_signal (vm->pidfd, SIGKILL, NULL, 0);
  return ended_within (vm, 5000) ? 0 : KATA_E_TIMEOUT;
}

static int
plugin_exit_fd (void *handle)
{
  return ((struct vm *) handle)->pidfd;
}

static size_t
plugin_pids (void *handle, int64_t *pids, size_t max)
{
  for (size_t i = 0; i < 2 && i < max; i++)
    pids[i] = i == 0 ? ((struct vm *) handle)->pid : 0;
  return max > 0 ? 1 : 0;
}

/* The one name that the library looks for in the .so. */
KATA_API const kata_backend kata_backend_plugin = {
  .size = sizeof kata_backend_plugin,
  .abi = KATA_BACKEND_ABI,
  .name = "example",
  .probe = plugin_probe,
  .launch = plugin_launch,
  .save = plugin_save,
  .attach = plugin_attach,
  .connect = plugin_connect,
  .pause = plugin_pause,
  .resume = plugin_resume,
  .stop = plugin_stop,
  .exit_fd = plugin_exit_fd,
  .pids = plugin_pids,
  .detach = plugin_detach,
};
