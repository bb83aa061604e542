/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hooks: one program at a time, with the environment that it was given, killed when its time is over. */
#include "hooks/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kata/kata.h>

#include "members.h"

#define HOOKS_MAX 1024

static const char *const kinds[] = { "prestart", "createRuntime", "createContainer", "poststart", "poststop" };

/* @annotations is borrowed. */
static char *
state_text (const hooks_container *of, JsonObject *annotations, const char *status)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  const char *const texts[] = { "ociVersion", OCI_SPEC_VERSION, "id",     of->id,     "status",  status,
                                "bundle",     of->bundle,       "rootfs", of->rootfs, "created", of->created };
  json_builder_begin_object (builder);
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i += 2) {
    if (!texts[i + 1])
      continue;
    json_builder_set_member_name (builder, texts[i]);
    json_builder_add_string_value (builder, texts[i + 1]);
  }
  json_builder_set_member_name (builder, "pid");
  json_builder_add_int_value (builder, strcmp (status, "stopped") == 0 ? 0 : of->pid);
  json_builder_set_member_name (builder, "owner");
  json_builder_add_string_value (builder, "");
  if (annotations) {
    JsonNode *node = json_node_init_object (json_node_alloc (), annotations);
    json_builder_set_member_name (builder, "annotations");
    json_builder_add_value (builder, node);
  }
  json_builder_end_object (builder);
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  JsonNode *root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  char *text = json_generator_to_data (generator, NULL);
  json_node_unref (root);
  return text;
}

char *
hooks_state (const hooks_container *container, const char *status)
{
  g_autoptr (JsonParser) parser = NULL;
  return state_text (container, members_parse (container->annotations ? container->annotations : "{}", &parser),
                     status);
}

static char **
strings (JsonObject *object, const char *name)
{
  JsonArray *array = members_array (object, name);
  guint n = array ? json_array_get_length (array) : 0;
  char **list = g_new0 (char *, n + 1);
  for (guint i = 0; i < n; i++)
    list[i] = g_strdup (json_array_get_string_element (array, i));
  return list;
}

/* What a program with threads and a life of its own has set for itself is not for the hook. */
static void
be_plain (void)
{
  sigset_t none;
  sigemptyset (&none);
  for (int signum = 1; signum < NSIG; signum++)
    signal (signum, SIG_DFL);
  sigprocmask (SIG_SETMASK, &none, NULL);
  setpgid (0, 0);                             /* its children are killed with it when its time is over */
  prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* the caller's thread waits for it */
}

static pid_t
start (const char *path, char **argv, char **env, int input, int errors)
{
  pid_t pid = fork ();
  if (pid != 0)
    return pid;
  be_plain ();
  if (dup2 (input, 0) < 0 || dup2 (errors, 1) < 0 || dup2 (errors, 2) < 0)
    _exit (126);
  syscall (SYS_close_range, 3, ~0U, 0);
  execve (path, argv, env);
  _exit (127);
}

/* Until it ends or its time is over. Its status, or -1 when it was killed. */
static int
wait_for (pid_t pid, int64_t timeout_s)
{
  int status = 0, pidfd = (int) syscall (SYS_pidfd_open, pid, 0);
  struct pollfd polled = { .fd = pidfd, .events = POLLIN };
  int late = 0;
  if (timeout_s > 0 && pidfd >= 0) {
    int n;
    while ((n = poll (&polled, 1, (int) MIN (timeout_s, G_MAXINT / 1000) * 1000)) < 0 && errno == EINTR)
      ;
    late = n == 0;
  }
  if (late && kill (-pid, SIGKILL) != 0)
    kill (pid, SIGKILL); /* not yet in a group of its own */
  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    ;
  if (pidfd >= 0)
    close (pidfd);
  return late ? -1 : status;
}

/* A file without a name that holds @text, to be read from its beginning. */
static int
text_file (const char *text)
{
  int fd = (int) syscall (SYS_memfd_create, "kata-hook", 1u /* MFD_CLOEXEC */);
  if (fd >= 0 && text && (write (fd, text, strlen (text)) < 0 || lseek (fd, 0, SEEK_SET) < 0)) {
    close (fd);
    fd = -1;
  }
  return fd;
}

static char *
last_words (int fd)
{
  char text[1025] = { 0 };
  off_t end = lseek (fd, 0, SEEK_END);
  ssize_t n = pread (fd, text, sizeof text - 1, MAX (end - (off_t) sizeof text + 1, 0));
  char *plain = g_utf8_make_valid (n > 0 ? text : "", -1);
  for (char *c = plain; *c; c++)
    if (g_ascii_iscntrl (*c))
      *c = ' ';
  return g_strstrip (plain);
}

static int
run_one (JsonObject *hook, const char *state, char **why)
{
  const char *path = members_string (hook, "path");
  g_auto (GStrv) argv = strings (hook, "args");
  g_auto (GStrv) env = strings (hook, "env");
  char *alone[] = { (char *) path, NULL };
  int input = text_file (state), errors = text_file (NULL), status = -1;
  pid_t pid = path && input >= 0 && errors >= 0 ? start (path, argv[0] ? argv : alone, env, input, errors) : -1;
  if (pid > 0)
    status = wait_for (pid, members_int (hook, "timeout", 0));
  if (status != 0) {
    g_autofree char *words = errors >= 0 ? last_words (errors) : g_strdup ("");
    if (pid < 0)
      *why = g_strdup_printf ("\"%s\" was not started", path ? path : "");
    else if (status < 0)
      *why = g_strdup_printf ("\"%s\" ran out of its time", path);
    else
      *why = g_strdup_printf ("\"%s\": exit status %d: %s", path,
                              WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status), words);
  }
  if (input >= 0)
    close (input);
  if (errors >= 0)
    close (errors);
  return status == 0 ? 0 : -1;
}

static JsonArray *
list_of (JsonObject *config, const char *kind)
{
  JsonNode *node = config ? json_object_get_member (config, "hooks") : NULL;
  return node && JSON_NODE_HOLDS_OBJECT (node) ? members_array (json_node_get_object (node), kind) : NULL;
}

int
hooks_any (const char *text)
{
  g_autoptr (JsonParser) parser = NULL;
  JsonObject *config = text ? members_parse (text, &parser) : NULL;
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++) {
    JsonArray *list = list_of (config, kinds[i]);
    if (list && json_array_get_length (list) > 0)
      return 1;
  }
  return 0;
}

static char *
state_with (const hooks_container *container, JsonObject *config, const char *status)
{
  JsonNode *node = json_object_get_member (config, "annotations");
  if (container->annotations || !node || !JSON_NODE_HOLDS_OBJECT (node))
    return hooks_state (container, status);
  return state_text (container, json_node_get_object (node), status);
}

int
hooks_run (const char *text, const hooks_container *container, const char *kind, const char *status, char **why)
{
  g_autoptr (JsonParser) parser = NULL;
  JsonObject *config = text ? members_parse (text, &parser) : NULL;
  JsonArray *list = list_of (config, kind);
  guint n = list ? json_array_get_length (list) : 0;
  g_autofree char *state = n > 0 ? state_with (container, config, status) : NULL;
  for (guint i = 0; i < MIN (n, HOOKS_MAX); i++) {
    g_autofree char *reason = NULL;
    JsonNode *hook = json_array_get_element (list, i);
    if (run_one (JSON_NODE_HOLDS_OBJECT (hook) ? json_node_get_object (hook) : NULL, state, &reason) == 0)
      continue;
    if (!*why)
      *why = g_strdup_printf ("hook %s[%u] %s", kind, i, reason);
    /* As the specification says: after the start a failure is a warning, and the other hooks run. */
    if (!g_str_has_prefix (kind, "post"))
      break;
  }
  return *why ? -1 : 0;
}
