/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* external-log: the logs of a virtual machine in the sandbox's directory, and what they say when something went wrong. */
#include "backend/external.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "backend/virtiofsd.h"
#include "base/error.h"
#include "base/fd.h"

#define LOG_MAX       (4u << 20)
#define LOG_MAX_DEBUG (64u << 20)
#define LOOK_MAX      (32u << 10) /* how far back a log is looked through for what went wrong */
#define CHAT_MAX      300         /* of a log in which nothing did */

int
kata_external__log_file (int *fd, int dir_fd, const char *dir, const char *name, const kata_backend_env *env,
                         kata_error **err)
{
  int code = kata_external__record_file (dir, name, env, err);
  if (code < 0)
    return code;
  int opened = openat (dir_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (opened < 0)
    return kata_error__errno (err, KATA_E_IO, name, errno, "make %s/%s", dir, name);
  *fd = opened;
  return 0;
}

char *
kata_external__tail (int dir_fd, const char *name, size_t max)
{
  kata_auto_fd int fd = openat (dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct stat st;
  if (fd < 0 || fstat (fd, &st) < 0 || !S_ISREG (st.st_mode))
    return g_strdup ("");
  g_autofree char *text = g_malloc (max + 1);
  off_t start = st.st_size > (off_t) max ? st.st_size - (off_t) max : 0;
  ssize_t n = pread (fd, text, max, start);
  if (n <= 0)
    return g_strdup ("");
  for (ssize_t i = 0; i < n; i++)
    if (text[i] == '\0')
      text[i] = ' ';
  text[n] = '\0';
  return g_strdup (g_strstrip (text));
}

/* The line of a guest's console that says its kernel panicked, without what follows; NULL if there is none; g_free(). */
static char *
panic_line (int dir_fd, const char *console)
{
  g_autofree char *text = kata_external__tail (dir_fd, console, KATA_EXTERNAL_TAIL_MAX);
  const char *panic = strstr (text, "Kernel panic");
  return panic != NULL ? g_strndup (panic, strcspn (panic, "\r\n")) : NULL;
}

int
kata_external__no_answer (int dir_fd, const char *console, kata_error **err)
{
  g_autofree char *tail = kata_external__tail (dir_fd, console, 1024);
  return kata_error__set (err, KATA_E_TIMEOUT, NULL, "the guest's agent did not answer in time%s%s",
                          tail[0] != '\0' ? "; the guest's last words: " : "; the guest printed nothing", tail);
}

/* As the loggers of Rust programs write their levels: ":INFO: ", " INFO:". */
static bool
is_chat (const char *line)
{
  static const char *const levels[] = { "INFO:", "DEBUG:", "TRACE:" };
  for (size_t i = 0; i < G_N_ELEMENTS (levels); i++) {
    const char *found = strstr (line, levels[i]);
    if (found != NULL && found > line && !g_ascii_isalnum (found[-1]))
      return true;
  }
  return false;
}

/* Its last lines that are not about what goes well; the last of all, if there are no others. */
static char *
last_words (int dir_fd, const char *name, size_t max)
{
  g_autofree char *text = kata_external__tail (dir_fd, name, LOOK_MAX);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GString *words = g_string_new (NULL);
  for (guint n = g_strv_length (lines); n > 0; n--) {
    const char *line = lines[n - 1];
    if (is_chat (line) || line[0] == '\0' || (n == 1 && strlen (text) >= LOOK_MAX)) /* the first is cut short */
      continue;
    if (words->len + strlen (line) + 1 > max)
      break;
    g_string_prepend_c (words, '\n');
    g_string_prepend (words, line);
  }
  g_strstrip (words->str);
  if (words->str[0] != '\0')
    return g_string_free (words, FALSE);
  g_string_free (words, TRUE);
  return kata_external__tail (dir_fd, name, MIN (max, CHAT_MAX));
}

char *
kata_external__why (const char *program, const char *how, int dir_fd, const struct kata_external_logs *logs,
                    const kata_exit_status *virtiofsd)
{
  GString *text = g_string_new (program);
  g_string_append_printf (text, " %s", how);
  g_autofree char *said = last_words (dir_fd, logs->vmm, logs->vmm_max);
  if (said[0] != '\0')
    g_string_append_printf (text, "; it said: %s", said);
  g_autofree char *panic = panic_line (dir_fd, logs->console);
  if (panic != NULL)
    g_string_append_printf (text, "; the guest said: %s", panic);
  if (virtiofsd->known && (virtiofsd->code != 0 || virtiofsd->signal != 0)) {
    g_autofree char *helper_how = kata_exit_status__text (virtiofsd);
    g_autofree char *tail = kata_external__tail (dir_fd, KATA_VIRTIOFSD_LOG, 1024);
    g_string_append_printf (text, "; virtiofsd: %s%s%s", helper_how, tail[0] != '\0' ? ": " : "", tail);
  }
  return g_string_free (text, FALSE);
}

int
kata_external__ended_error (const char *doing, const char *why, int dir_fd, const char *console, kata_error **err)
{
  g_autofree char *panic = panic_line (dir_fd, console);
  return kata_error__set (err, panic != NULL ? KATA_E_GUEST : KATA_E_VMM, NULL, "%s: the virtual machine ended: %s",
                          doing, why);
}

/* Up to where a guest may write in a regular file; 0 = nowhere. */
static rlim_t
written_to (const kata_vm_disk *disk)
{
  struct stat st;
  return !disk->readonly && disk->vhost_user == 0 && stat (disk->path, &st) == 0 && S_ISREG (st.st_mode)
             ? (rlim_t) st.st_size
             : 0;
}

uint64_t
kata_external__file_max (const kata_vm_plan *plan)
{
  rlim_t max = plan->debug ? LOG_MAX_DEBUG : LOG_MAX;
  for (size_t i = 0; plan->disks != NULL && plan->disks[i] != NULL; i++)
    max = MAX (max, written_to (plan->disks[i]));
  return max;
}

void
kata_external__bound_logs (int64_t pid, const kata_vm_plan *plan)
{
  rlim_t max = kata_external__file_max (plan);
  if (plan->share_kind == KATA_SHARE_9P)
    return;
  /* What it cannot exceed stays what it was: a disk that comes later raises the limit. */
  struct rlimit limit;
  if (prlimit ((pid_t) pid, RLIMIT_FSIZE, NULL, &limit) != 0)
    return;
  limit.rlim_cur = MIN (max, limit.rlim_max);
  prlimit ((pid_t) pid, RLIMIT_FSIZE, &limit, NULL);
}

int
kata_external__admit_disk (int64_t pid, const kata_vm_disk *disk, kata_error **err)
{
  rlim_t size = written_to (disk);
  struct rlimit limit;
  int r = prlimit ((pid_t) pid, RLIMIT_FSIZE, NULL, &limit);
  if (r == 0 && limit.rlim_cur >= size)
    return 0;
  limit.rlim_cur = size;
  limit.rlim_max = MAX (limit.rlim_max, size);
  if (r == 0)
    r = prlimit ((pid_t) pid, RLIMIT_FSIZE, &limit, NULL);
  if (r != 0)
    return kata_error__errno (err, errno == EPERM ? KATA_E_PERMISSION : KATA_E_HOST, disk->id, errno,
                              "disk \"%s\": raise the limit on the size of the hypervisor's files", disk->id);
  return 0;
}

int
kata_external__lift_bound (int64_t pid, struct rlimit *before, kata_error **err)
{
  struct rlimit limit;
  if (prlimit ((pid_t) pid, RLIMIT_FSIZE, NULL, before) == 0) {
    limit = (struct rlimit){ before->rlim_max, before->rlim_max };
    if (prlimit ((pid_t) pid, RLIMIT_FSIZE, &limit, NULL) == 0)
      return 0;
  }
  return kata_error__errno (err, KATA_E_PERMISSION, NULL, errno,
                            "the limit on the VMM's files cannot be lifted for the guest's memory");
}

void
kata_external__set_bound (int64_t pid, const struct rlimit *limit)
{
  prlimit ((pid_t) pid, RLIMIT_FSIZE, limit, NULL);
}
