/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* logger: a thread of its own starts the program and waits for it, since what ends the program with the shim goes by the thread that made it. */
#include "logger.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "options.h"
#include "say.h"

#define ARGUMENTS_MAX 64u
#define URI_MAX       4096u
#define READY_MS      10000
#define END_MS        5000 /* after the end of its input, for what it still has to write */
#define TERM_MS       2000

/* What containerd's loggers read and write. */
enum { OUT_FD = 3, ERR_FD = 4, READY_FD = 5 };

struct logger {
  gatomicrefcount refs;
  char *program;
  char **argv, **envp;
  int theirs[3]; /* OUT_FD and on, until it is started */
  int finish_fd; /* readable: no more output comes */
  int done_fd;   /* readable: it has ended */
  GMutex lock;
  GCond changed;
  gboolean tried;
  int error; /* 0 = started */
};

gboolean
logger_is_meant (const char *uri)
{
  return g_str_has_prefix (uri, "binary://") || g_str_has_prefix (uri, "binary-v2://");
}

static void
close_if (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}

static void
release (logger *logger)
{
  if (!g_atomic_ref_count_dec (&logger->refs))
    return;
  for (int i = 0; i < 3; i++)
    close_if (&logger->theirs[i]);
  close_if (&logger->finish_fd);
  close_if (&logger->done_fd);
  g_mutex_clear (&logger->lock);
  g_cond_clear (&logger->changed);
  g_strfreev (logger->argv);
  g_strfreev (logger->envp);
  g_free (logger->program);
  g_free (logger);
}

static char *
decode (const char *text)
{
  g_autofree char *plain = g_strdelimit (g_strdup (text), "+", ' ');
  return g_uri_unescape_string (plain, NULL);
}

/* "?key=value&key" are the words "key", "value", "key", ""; of a key that comes again, the first counts. */
static gboolean
read_words (GPtrArray *words, const char *query)
{
  g_auto (GStrv) pairs = g_strsplit (query, "&", -1);
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  for (char **pair = pairs; *pair; pair++) {
    char *equals = strchr (*pair, '=');
    if (!**pair)
      continue;
    if (equals)
      *equals = 0;
    g_autofree char *key = decode (*pair);
    g_autofree char *value = decode (equals ? equals + 1 : "");
    if (!key || !value || words->len > ARGUMENTS_MAX)
      return FALSE;
    if (g_hash_table_contains (known, key))
      continue;
    g_hash_table_add (known, key);
    g_ptr_array_add (words, g_steal_pointer (&key));
    g_ptr_array_add (words, g_steal_pointer (&value));
  }
  return TRUE;
}

static gboolean
read_uri (logger *logger, const char *uri)
{
  g_autofree char *path = NULL, *query = NULL;
  if (strlen (uri) > URI_MAX ||
      !g_uri_split (uri, G_URI_FLAGS_ENCODED_QUERY, NULL, NULL, NULL, NULL, &path, &query, NULL, NULL) ||
      !options_is_path (path))
    return FALSE;
  GPtrArray *words = g_ptr_array_new ();
  g_ptr_array_add (words, g_strdup (path));
  gboolean good = read_words (words, query ? query : "");
  g_ptr_array_add (words, NULL);
  logger->argv = (char **) g_ptr_array_free (words, FALSE);
  logger->program = g_steal_pointer (&path);
  return good;
}

static G_GNUC_NORETURN void
become (const logger *logger, int failed)
{
  sigset_t none;
  int moved[3], high = fcntl (failed, F_DUPFD_CLOEXEC, 10);
  sigemptyset (&none);
  for (int signum = 1; signum < NSIG; signum++)
    signal (signum, SIG_DFL);
  sigprocmask (SIG_SETMASK, &none, NULL);
  prctl (PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  for (int i = 0; i < 3; i++)
    moved[i] = fcntl (logger->theirs[i], F_DUPFD_CLOEXEC, 10);
  int nothing = open ("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < OUT_FD; fd++)
    dup2 (nothing, fd);
  for (int i = 0; i < 3; i++)
    dup2 (moved[i], OUT_FD + i);
  execve (logger->program, logger->argv, logger->envp);
  int error = errno;
  (void) !write (high, &error, sizeof error);
  _exit (127);
}

/* A process number, or -errno. Nothing to read means that the program runs. */
static pid_t
spawn (logger *logger)
{
  int failed[2], error = 0;
  if (pipe2 (failed, O_CLOEXEC) != 0)
    return -errno;
  pid_t pid = fork ();
  if (pid == 0)
    become (logger, failed[1]);
  if (pid < 0)
    error = errno;
  close (failed[1]);
  if (pid > 0 && read (failed[0], &error, sizeof error) == (ssize_t) sizeof error)
    waitpid (pid, NULL, 0);
  close (failed[0]);
  return error != 0 ? -error : pid;
}

static gboolean
wait_end (int pidfd, int finish_fd, int timeout_ms)
{
  struct pollfd fds[] = { { pidfd, POLLIN, 0 }, { finish_fd, POLLIN, 0 } };
  while (poll (fds, finish_fd >= 0 ? 2 : 1, timeout_ms) < 0 && errno == EINTR)
    ;
  return fds[0].revents != 0;
}

static void
see_out (logger *logger, pid_t pid)
{
  int pidfd = pidfd_open (pid, 0), status = 0;
  if (pidfd < 0 || wait_end (pidfd, logger->finish_fd, -1) || wait_end (pidfd, -1, END_MS)) {
    /* It has ended, or nobody could tell. */
  } else if (kill (pid, SIGTERM) == 0 && !wait_end (pidfd, -1, TERM_MS)) {
    say ("logger \"%s\" does not end; it is killed", logger->program);
    kill (pid, SIGKILL);
  }
  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;
  if (status != 0)
    say ("logger \"%s\": %s %d", logger->program, WIFEXITED (status) ? "exit status" : "signal",
         WIFEXITED (status) ? WEXITSTATUS (status) : WTERMSIG (status));
  close_if (&pidfd);
}

static gpointer
run (gpointer data)
{
  logger *logger = data;
  uint64_t one = 1;
  pid_t pid = spawn (logger);
  g_mutex_lock (&logger->lock);
  logger->tried = TRUE;
  logger->error = pid < 0 ? -pid : 0;
  for (int i = 0; i < 3; i++)
    close_if (&logger->theirs[i]);
  g_cond_broadcast (&logger->changed);
  g_mutex_unlock (&logger->lock);
  if (pid > 0)
    see_out (logger, pid);
  (void) !write (logger->done_fd, &one, sizeof one);
  release (logger);
  return NULL;
}

/* 0, or -errno. */
static int
await_ready (logger *logger, const char *uri, int ready)
{
  struct pollfd fds[] = { { ready, POLLIN, 0 } };
  char byte;
  g_mutex_lock (&logger->lock);
  while (!logger->tried)
    g_cond_wait (&logger->changed, &logger->lock);
  int error = logger->error;
  g_mutex_unlock (&logger->lock);
  if (error != 0)
    return -error;
  int n;
  while ((n = poll (fds, 1, READY_MS)) < 0 && errno == EINTR)
    ;
  if (n == 0)
    return -ETIMEDOUT;
  /* The first version may just close it; from the second on that is how one that failed is told. */
  return read (ready, &byte, 1) == 1 || g_str_has_prefix (uri, "binary://") ? 0 : -EPROTO;
}

static int
make_pipes (logger *logger, int ours[3])
{
  for (int i = 0; i < 3; i++) {
    int ends[2];
    if (pipe2 (ends, O_CLOEXEC) != 0)
      return -errno;
    int read_end = ends[0], write_end = ends[1];
    ours[i] = i < 2 ? write_end : read_end;
    logger->theirs[i] = i < 2 ? read_end : write_end;
    if (i < 2)
      fcntl (write_end, F_SETFL, O_NONBLOCK);
  }
  logger->finish_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  logger->done_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  return logger->finish_fd < 0 || logger->done_fd < 0 ? -EMFILE : 0;
}

static int
bring_up (logger *logger, const char *uri, int ours[3])
{
  int r = read_uri (logger, uri) ? make_pipes (logger, ours) : -EINVAL;
  if (r != 0)
    return r;
  g_atomic_ref_count_inc (&logger->refs);
  g_thread_unref (g_thread_new ("logger", run, logger));
  return await_ready (logger, uri, ours[2]);
}

int
logger_start (logger **out, const char *uri, const char *const names[2], int outputs[2], char **error)
{
  logger *logger = g_new0 (struct logger, 1);
  int ours[3] = { -1, -1, -1 };
  g_atomic_ref_count_init (&logger->refs);
  g_mutex_init (&logger->lock);
  g_cond_init (&logger->changed);
  logger->finish_fd = logger->done_fd = logger->theirs[0] = logger->theirs[1] = logger->theirs[2] = -1;
  logger->envp = g_new0 (char *, 3);
  logger->envp[0] = g_strdup_printf ("CONTAINER_ID=%s", names[0]);
  logger->envp[1] = g_strdup_printf ("CONTAINER_NAMESPACE=%s", names[1]);
  int r = bring_up (logger, uri, ours);
  close_if (&ours[2]);
  if (r == 0) {
    *out = logger;
    outputs[0] = ours[0];
    outputs[1] = ours[1];
    return 0;
  }
  *error = g_strdup_printf ("logger \"%.200s\": %s", uri,
                            r == -ETIMEDOUT ? "it does not say within 10 s that it is ready (by closing descriptor 5)"
                            : r == -EPROTO  ? "it closed descriptor 5 without saying that it is ready"
                            : r == -EINVAL  ? "it is no absolute path with at most 64 arguments"
                                            : g_strerror (-r));
  close_if (&ours[0]);
  close_if (&ours[1]);
  logger_finish (logger);
  return r;
}

void
logger_finish (logger *logger)
{
  uint64_t one = 1;
  if (!logger)
    return;
  if (logger->finish_fd >= 0 && logger->done_fd >= 0 && logger->tried) {
    struct pollfd fds[] = { { logger->done_fd, POLLIN, 0 } };
    (void) !write (logger->finish_fd, &one, sizeof one);
    while (poll (fds, 1, END_MS + 2 * TERM_MS) < 0 && errno == EINTR)
      ;
  }
  release (logger);
}
