/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* helper: the host's half of what lib/vmm/helper/main.c does. */
#include "backend/builtin/helper.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/userns.h"
#include "vmm/confine/layer.h"
#include "vmm/control.h"

static bool
waived (const struct vmm_description *d, enum vmm_layer layer)
{
  return (d->waived >> layer & 1) != 0;
}

/* What only the host's side knows: who is who. */
static void
introduce (struct vmm_description *d, kata_child_userns *userns, const kata_builtin_helper *helper)
{
  bool change = geteuid () == 0 && helper->uid != 0;
  userns->uid = change ? helper->uid : geteuid ();
  userns->gid = change ? helper->gid : getegid ();
  userns->map_caller = change;
  d->host_userns = kata_userns__own ();
  if (waived (d, VMM_LAYER_USERNS)) {
    d->control_uid = geteuid ();
    d->uid = change ? helper->uid : 0;
    d->gid = change ? helper->gid : 0;
  } else
    d->control_uid = change ? 1 : 0;
}

/* The process, holding its end of the start socket and everything that the description names. */
static int
spawn (kata_child *out, const kata_builtin_helper *helper, const struct vmm_description *d,
       const kata_child_userns *userns, const struct vmm_describe_fd *named, size_t n, int start_fd, kata_error **err)
{
  const char *const argv[] = { "kata-vmm", NULL };
  kata_child_fd fds[VMM_DESCRIBE_FDS_MAX + 1] = { { start_fd, VMM_DESCRIBE_START_FD } };
  kata_child_options options = KATA_CHILD_OPTIONS_INIT;
  for (size_t i = 0; i < n; i++)
    fds[i + 1] = (kata_child_fd){ named[i].fd, named[i].target };
  options.program = helper->program;
  options.argv = argv;
  options.stderr_fd = helper->stderr_fd;
  options.fds = fds;
  options.n_fds = n + 1;
  options.userns = waived (d, VMM_LAYER_USERNS) ? NULL : userns;
  options.new_pidns = !waived (d, VMM_LAYER_PIDNS);
  options.record = helper->record;
  options.record_data = helper->record_data;
  kata_error *error = NULL;
  int code = kata_child__spawn (out, &options, &error);
  if (code == 0)
    return 0;
  if (code == KATA_E_HOST && kata_error_get_key (error) == NULL)
    return kata_error__wrap (err, error, VMM_LAYER_KEY,
                             "jail, layers userns and pidns (allow them on the host, or waive them: " VMM_LAYER_KEY
                             " = [\"userns\", \"pidns\"])");
  return kata_error__propagate (err, error);
}

/* It died without a word: how? */
static int
explain (kata_child *child, kata_error *error, const kata_builtin_helper *helper, kata_error **err)
{
  kata_exit_status status;
  kata_pidfd__wait (child->pidfd, kata_deadline__within (helper->deadline_us, 1000), NULL);
  kata_pidfd__reap (child->pidfd, &status);
  g_autofree char *text = kata_exit_status__text (&status);
  return kata_error__wrap (err, error, helper->program, "%s: %s", helper->program, text);
}

int
kata_builtin_helper__start (kata_child *out, const kata_builtin_helper *helper, kata_error **err)
{
  g_autofree struct vmm_description *d = g_memdup2 (helper->description, sizeof *d);
  struct vmm_describe_fd named[VMM_DESCRIBE_FDS_MAX];
  kata_child_userns userns;
  size_t n;
  int pair[2];
  introduce (d, &userns, helper);
  char *text;
  int code = vmm_describe__write (&text, named, &n, d, err);
  if (code < 0)
    return code;
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    code = kata_error__errno (err, KATA_E_IO, NULL, errno, "start kata-vmm: make a socket pair");
    free (text);
    return code;
  }
  kata_auto_fd int ours = pair[0], theirs = pair[1];
  /* It waits in the socket until somebody reads. */
  code = vmm_start__send (ours, text, err);
  free (text);
  kata_child child = { .pidfd = -1 };
  if (code == 0)
    code = spawn (&child, helper, d, &userns, named, n, theirs, err);
  if (code < 0)
    return code;
  kata_fd__closep (&theirs);
  kata_error *error = NULL;
  code = vmm_start__wait (ours, helper->deadline_us, &error);
  if (code == 0) {
    *out = child;
    return 0;
  }
  code = code == KATA_E_VMM ? explain (&child, error, helper, err) : kata_error__propagate (err, error);
  kata_child__discard (&child);
  return code;
}
