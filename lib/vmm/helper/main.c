/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kata-vmm: one machine in one jailed process. It reads what to be from descriptor 3, shuts itself in, builds the machine and runs it. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/raise.h"
#include "vmm/confine/jail.h"
#include "vmm/confine/seccomp.h"
#include "vmm/control.h"
#include "vmm/describe.h"

/* Room for a serial log without a limit of its own. */
#define FILE_SIZE_MIN (UINT64_C (1) << 30)
#define FILES_MAX     4096

struct helper {
  struct vmm_description description;
  struct vmm_filters *filters; /* NULL = layer waived */
  struct vmm_machine *machine;
  struct vmm_control *control;
  atomic_uint_least64_t logged;
};

static bool
waived (const struct helper *h, enum vmm_layer layer)
{
  return (h->description.waived >> layer & 1) != 0;
}

static int
log_fd (const struct helper *h)
{
  return h->description.log_fd >= 0 ? h->description.log_fd : STDERR_FILENO;
}

/* Debug messages may be a guest's doing: no more of them than the description allows. */
static void
log_message (void *ctx, const char *device, const char *message)
{
  struct helper *h = ctx;
  char line[320];
  int len = snprintf (line, sizeof line, "%s: %s\n", device, message);
  if (len < 0)
    return;
  if ((size_t) len >= sizeof line) {
    len = sizeof line - 1;
    line[len - 1] = '\n';
  }
  if (atomic_fetch_add (&h->logged, (uint64_t) len) + (uint64_t) len > h->description.log_limit)
    return;
  ssize_t ignored = write (log_fd (h), line, (size_t) len);
  (void) ignored;
}

static int
end_with (const struct helper *h, enum vmm_end end, const char *text)
{
  char line[VMM_END_LINE_MAX];
  ssize_t ignored = write (log_fd (h), line, vmm_end__line (line, end, text));
  (void) ignored;
  return end;
}

/* ---- the steps ---- */

static int
read_description (struct helper *h, kata_error **err)
{
  size_t len;
  char *text = malloc (VMM_DESCRIBE_MAX + 1);
  if (text == NULL)
    return kata_error__set (err, KATA_E_NO_MEMORY, NULL, "no memory for the description");
  int code = vmm_start__receive (VMM_DESCRIBE_START_FD, text, &len, err);
  if (code == 0)
    code = vmm_describe__parse (&h->description, text, len, err);
  free (text);
  return code;
}

/* The largest file that something of ours may have to write or to grow: guest RAM is a file, too. */
static uint64_t
largest_file (const struct vmm_description *d, const int *fds, size_t n)
{
  uint64_t size = d->machine.memory > FILE_SIZE_MIN ? d->machine.memory : FILE_SIZE_MIN;
  const uint64_t limits[] = { d->machine.serial_limit, d->machine.console.limit, d->log_limit };
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
    size = limits[i] > size ? limits[i] : size;
  for (size_t i = 0; i < n; i++) {
    struct stat st;
    if (fstat (fds[i], &st) == 0 && S_ISREG (st.st_mode) && (uint64_t) st.st_size > size)
      size = (uint64_t) st.st_size;
  }
  return size;
}

static int
enter_jail (struct helper *h, kata_error **err)
{
  const struct vmm_description *d = &h->description;
  int fds[VMM_DESCRIBE_FDS_MAX];
  size_t n = vmm_describe__fds (d, fds);
  uint64_t threads = d->machine.vcpus + 64;
  for (size_t i = 0; i < n; i++)
    if (fcntl (fds[i], F_GETFD) < 0)
      return kata_error__errno (err, KATA_E_INVALID, NULL, errno, "descriptor %d of the description", fds[i]);
  int code = vmm_jail__close_others (VMM_DESCRIBE_FD_FIRST, fds, n, err);
  if (code < 0)
    return code;
  for (size_t i = 0; i < d->machine.n_disks; i++)
    threads += d->machine.disks[i].queues;
  const struct vmm_jail jail = {
    .waived = d->waived,
    .host_userns = d->host_userns,
    .uid = d->uid,
    .gid = d->gid,
    .oom_score = d->oom_score,
    .file_size = largest_file (d, fds, n),
    .files = FILES_MAX,
    .threads = threads,
  };
  return vmm_jail__enter (&jail, err);
}

static int
confine_thread (void *ctx, enum vmm_thread thread, kata_error **err)
{
  return vmm_filters__install (((struct helper *) ctx)->filters, thread, err);
}

/* Before anything of the guest's is looked at: the kernel image, first of all. */
static int
filter_building (struct helper *h, kata_error **err)
{
  if (waived (h, VMM_LAYER_SECCOMP))
    return 0;
  int code = vmm_filters__new (&h->filters, false, err);
  return code < 0 ? code : vmm_filters__install (h->filters, VMM_RULES_BUILD, err);
}

static int
build_machine (struct helper *h, kata_error **err)
{
  struct vmm_machine_config *config = &h->description.machine;
  config->confine = h->filters != NULL ? confine_thread : NULL;
  config->log = h->description.log_limit > 0 ? log_message : NULL;
  config->ctx = h;
  int code = vmm_machine__new (&h->machine, config, err);
  if (code < 0 || h->description.control_fd < 0)
    return code;
  const struct vmm_control_config control = {
    .loop = vmm_machine__loop (h->machine),
    .listen_fd = h->description.control_fd,
    .uid = h->description.control_uid,
    .root_too = waived (h, VMM_LAYER_USERNS),
    .ops = &vmm_control_machine_ops,
    .ctx = h->machine,
  };
  vmm_machine__lock (h->machine);
  code = vmm_control__serve (&h->control, &control, err);
  vmm_machine__unlock (h->machine);
  return code;
}

static int
start (struct helper *h, kata_error **err)
{
  int code = read_description (h, err);
  if (code == 0)
    code = enter_jail (h, err);
  if (code == 0)
    code = filter_building (h, err);
  return code == 0 ? build_machine (h, err) : code;
}

static int
run (struct helper *h)
{
  struct vmm_exit how = { 0 };
  kata_auto_error kata_error *error = NULL;
  int code = vmm_machine__run (h->machine, &how, &error);
  const char *text = how.text[0] != '\0' ? how.text : code < 0 ? kata_error_get_message (error) : "no more is known";
  return end_with (h, vmm_end__of (how.reason), text);
}

int
main (void)
{
  struct helper h = { 0 };
  kata_auto_error kata_error *error = NULL;
  /* One heap for all threads: the device lock keeps them apart anyway, and a heap per thread costs memory and system calls. */
  mallopt (M_ARENA_MAX, 1);
  prctl (PR_SET_NAME, "kata-vmm"); /* started by a descriptor, it bears a number for its name */
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
  vmm_description__init (&h.description);
  int code = start (&h, &error);
  vmm_start__answer (VMM_DESCRIBE_START_FD, error);
  close (VMM_DESCRIBE_START_FD);
  if (code < 0)
    return end_with (&h, code == KATA_E_CANCELLED ? VMM_END_LOST : VMM_END_START, kata_error_get_message (error));
  return run (&h); /* what is left is the kernel's to take back: nothing of the guest's work is ours to flush */
}
