/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* thread: one thread for the machine's loop, which makes those of the vCPUs; reference-counted between handle and thread. */
#include "backend/builtin/thread.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/thread.h"
#include "vmm/confine/layer.h"
#include "vmm/confine/seccomp.h"
#include "vmm/control.h"

struct kata_builtin_thread {
  gatomicrefcount refs;
  GMutex lock; /* of the pointers below: the thread frees what they point to when the machine has ended */
  struct vmm_description description; /* its descriptors are ours */
  struct vmm_machine *machine;
  struct vmm_control *control;
  struct vmm_filters *filters; /* NULL: waived */
  int exit_fd;
  struct vmm_exit exit; /* once exit_fd is readable */
};

static void
close_description (struct vmm_description *description)
{
  int fds[VMM_DESCRIBE_FDS_MAX];
  size_t n = vmm_describe__fds (description, fds);
  for (size_t i = 0; i < n; i++)
    close (fds[i]);
  vmm_description__init (description);
}

static void
free_machine (struct kata_builtin_thread *thread)
{
  g_mutex_lock (&thread->lock);
  if (thread->control != NULL) {
    vmm_machine__lock (thread->machine);
    vmm_control__free (g_steal_pointer (&thread->control));
    vmm_machine__unlock (thread->machine);
  }
  vmm_machine__free (g_steal_pointer (&thread->machine));
  g_mutex_unlock (&thread->lock);
}

struct kata_builtin_thread *
kata_builtin_thread__ref (struct kata_builtin_thread *thread)
{
  g_atomic_ref_count_inc (&thread->refs);
  return thread;
}

void
kata_builtin_thread__unref (struct kata_builtin_thread *thread)
{
  if (thread == NULL || !g_atomic_ref_count_dec (&thread->refs))
    return;
  if (thread->machine != NULL)
    free_machine (thread); /* never ran */
  vmm_filters__free (thread->filters);
  close_description (&thread->description);
  kata_fd__close (thread->exit_fd);
  g_mutex_clear (&thread->lock);
  g_free (thread);
}

int
kata_builtin_thread__exit_fd (struct kata_builtin_thread *thread)
{
  return thread->exit_fd;
}

void
kata_builtin_thread__stop (struct kata_builtin_thread *thread)
{
  g_mutex_lock (&thread->lock);
  if (thread->machine != NULL)
    vmm_machine__stop (thread->machine);
  g_mutex_unlock (&thread->lock);
}

char *
kata_builtin_thread__how (struct kata_builtin_thread *thread)
{
  return g_strdup_printf ("ended: %s", thread->exit.text);
}

/* The machine's loop, confined: it can do little but serve the machine, so another thread clears up after it. */
static gpointer
loop (gpointer data)
{
  struct kata_builtin_thread *thread = data;
  g_autoptr (kata_error) error = NULL;
  if (vmm_machine__run (thread->machine, &thread->exit, &error) < 0)
    g_strlcpy (thread->exit.text, kata_error_get_message (error), sizeof thread->exit.text);
  return NULL;
}

/* The process may be out of threads, which is no reason to end it. */
static void
run (struct kata_builtin_thread *thread)
{
  g_autoptr (GError) error = NULL;
  GThread *runs = g_thread_try_new ("vmm-loop", loop, thread, &error);
  if (runs != NULL)
    g_thread_join (runs);
  else
    g_snprintf (thread->exit.text, sizeof thread->exit.text, "no thread for the machine's loop: %s", error->message);
}

static gpointer
keep (gpointer data)
{
  struct kata_builtin_thread *thread = data;
  run (thread);
  free_machine (thread);
  /* A handle may hold us for long: virtiofsd ends when its connection is closed, clients of the sockets see that nobody listens. */
  close_description (&thread->description);
  eventfd_write (thread->exit_fd, 1);
  kata_builtin_thread__unref (thread);
  return NULL;
}

static int
confine (void *ctx, enum vmm_thread kind, kata_error **err)
{
  struct kata_builtin_thread *thread = ctx;
  return thread->filters != NULL ? vmm_filters__install (thread->filters, kind, err) : 0;
}

static int
build (struct kata_builtin_thread *thread, kata_error **err)
{
  int code = 0;
  if ((thread->description.waived & (1u << VMM_LAYER_SECCOMP)) == 0)
    code = vmm_filters__new (&thread->filters, true, err);
  if (code == 0)
    code = vmm_machine__new (&thread->machine, &thread->description.machine, err);
  if (code < 0)
    return code;
  struct vmm_control_config config = { .loop = vmm_machine__loop (thread->machine),
                                       .listen_fd = thread->description.control_fd,
                                       .uid = geteuid (),
                                       .root_too = true,
                                       .ops = &vmm_control_machine_ops,
                                       .ctx = thread->machine };
  vmm_machine__lock (thread->machine);
  code = vmm_control__serve (&thread->control, &config, err);
  vmm_machine__unlock (thread->machine);
  return code;
}

static int
start_keeper (struct kata_builtin_thread *thread, kata_error **err)
{
  g_autoptr (GError) error = NULL;
  GThread *keeper = kata_thread__new ("vmm-keeper", keep, kata_builtin_thread__ref (thread), &error);
  if (keeper != NULL) {
    g_thread_unref (keeper);
    return 0;
  }
  kata_builtin_thread__unref (thread); /* that of the thread that is not */
  return kata_error__set (err, KATA_E_IO, NULL, "start the microVMM: no thread: %s", error->message);
}

int
kata_builtin_thread__start (struct kata_builtin_thread **out, const struct vmm_description *description,
                            kata_error **err)
{
  struct kata_builtin_thread *thread = g_new0 (struct kata_builtin_thread, 1);
  g_atomic_ref_count_init (&thread->refs);
  g_mutex_init (&thread->lock);
  thread->description = *description;
  g_strlcpy (thread->description.cmdline, description->machine.cmdline, sizeof thread->description.cmdline);
  thread->description.machine.cmdline = thread->description.cmdline;
  thread->description.machine.confine = confine;
  thread->description.machine.ctx = thread;
  thread->exit_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  int code = 0;
  if (thread->exit_fd < 0)
    code = kata_error__errno (err, KATA_E_IO, NULL, errno, "start the microVMM: make an event descriptor");
  if (code == 0)
    code = build (thread, err);
  if (code == 0)
    code = start_keeper (thread, err);
  if (code < 0) {
    vmm_description__init (&thread->description); /* the descriptors stay the caller's */
    kata_builtin_thread__unref (thread);
    return code;
  }
  *out = thread;
  return 0;
}
