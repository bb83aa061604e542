/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qmp: lines in, lines out, the lock between processes. */
#include "backend/qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/external.h"
#include "base/error.h"
#include "base/fd.h"

#define NEGOTIATE "qmp_capabilities" /* the first command of a connection */

struct kata_qmp {
  int fd, lock_fd;
  uint32_t next_id;
  GString *buffer; /* received, not yet a whole line; at most KATA_QMP_LINE_MAX + one read */
  GQueue events;   /* of char * */
};

/* Depth is checked before parsing, because the parser recurses. */
static bool
depth_ok (const char *line, size_t len)
{
  unsigned depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < len; i++) {
    if (in_string) {
      if (line[i] == '\\')
        i++;
      else if (line[i] == '"')
        in_string = false;
    } else if (line[i] == '"') {
      in_string = true;
    } else if (line[i] == '{' || line[i] == '[') {
      if (++depth > KATA_QMP_DEPTH_MAX)
        return false;
    } else if ((line[i] == '}' || line[i] == ']') && depth > 0) {
      depth--;
    }
  }
  return true;
}

int
kata_qmp__parse (JsonNode **out, const char *line, size_t len, kata_error **err)
{
  if (len > KATA_QMP_LINE_MAX)
    return kata_error__set (err, KATA_E_PROTOCOL, NULL, "QMP: a line longer than %u bytes", KATA_QMP_LINE_MAX);
  if (!depth_ok (line, len))
    return kata_error__set (err, KATA_E_PROTOCOL, NULL, "QMP: JSON deeper than %d", KATA_QMP_DEPTH_MAX);
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) error = NULL;
  JsonNode *root = NULL;
  if (g_utf8_validate (line, (gssize) len, NULL) && json_parser_load_from_data (parser, line, (gssize) len, &error))
    root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return kata_error__set (err, KATA_E_PROTOCOL, NULL, "QMP: not a JSON object: \"%.*s\"%s", (int) MIN (len, 80), line,
                            len > 80 ? "…" : "");
  *out = json_node_ref (root);
  return 0;
}

/* Takes one line, which may be blank, out of the buffer. */
static bool
take_line (kata_qmp *qmp, GString *line)
{
  char *end = memchr (qmp->buffer->str, '\n', qmp->buffer->len);
  if (end == NULL)
    return false;
  gssize len = end - qmp->buffer->str;
  g_string_truncate (line, 0);
  g_string_append_len (line, qmp->buffer->str, len);
  g_string_erase (qmp->buffer, 0, len + 1);
  while (line->len > 0 && g_ascii_isspace (line->str[line->len - 1]))
    g_string_truncate (line, line->len - 1);
  return true;
}

/*
 * After a message, or a blank line, that was not what is waited for: is there time for another? One that has come whole still counts. A VMM that
 * talks without end is not listened to without end.
 */
static int
go_on (const kata_qmp *qmp, int64_t deadline_us, kata_error **err)
{
  if (memchr (qmp->buffer->str, '\n', qmp->buffer->len) != NULL || kata_deadline__now () < deadline_us)
    return 0;
  return kata_error__set (err, KATA_E_TIMEOUT, NULL, "QMP: no answer in time, but other messages");
}

static int
fill (kata_qmp *qmp, int64_t deadline_us, kata_error **err)
{
  char buf[4096];
  struct pollfd poller = { .fd = qmp->fd, .events = POLLIN };
  int n = poll (&poller, 1, kata_deadline__poll_ms (deadline_us));
  if (n == 0 || (n < 0 && errno == EINTR)) {
    if (kata_deadline__now () >= deadline_us)
      return kata_error__set (err, KATA_E_TIMEOUT, NULL, "QMP: no answer in time");
    return 0;
  }
  ssize_t got = recv (qmp->fd, buf, sizeof buf, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return 0;
  if (got <= 0)
    return kata_error__set (err, KATA_E_VMM, NULL, "QMP: the other end closed the connection");
  g_string_append_len (qmp->buffer, buf, got);
  return 0;
}

static int
read_message (kata_qmp *qmp, JsonNode **out, int64_t deadline_us, kata_error **err)
{
  g_autoptr (GString) line = g_string_new (NULL);
  int code = 0;
  while (code == 0 && line->len == 0) {
    if (take_line (qmp, line))
      code = line->len == 0 ? go_on (qmp, deadline_us, err) : 0;
    else if (qmp->buffer->len > KATA_QMP_LINE_MAX)
      code = kata_error__set (err, KATA_E_PROTOCOL, NULL, "QMP: a line longer than %u bytes", KATA_QMP_LINE_MAX);
    else
      code = fill (qmp, deadline_us, err);
  }
  return code < 0 ? code : kata_qmp__parse (out, line->str, line->len, err);
}

/* The first byte carries @pass_fd, unless that is -1. */
static int
write_line (kata_qmp *qmp, const char *text, int pass_fd, int64_t deadline_us, kata_error **err)
{
  size_t len = strlen (text), done = 0;
  while (done < len) {
    struct pollfd poller = { .fd = qmp->fd, .events = POLLOUT };
    int n = poll (&poller, 1, kata_deadline__poll_ms (deadline_us));
    if (n == 0 && kata_deadline__now () >= deadline_us)
      return kata_error__set (err, KATA_E_TIMEOUT, NULL, "QMP: the other end does not read");
    ssize_t put = kata_external__send (qmp->fd, text + done, len - done, &pass_fd, done == 0 && pass_fd >= 0 ? 1 : 0);
    if (put < 0 && errno != EAGAIN && errno != EINTR)
      return kata_error__set (err, KATA_E_VMM, NULL, "QMP: the other end closed the connection");
    if (put > 0)
      done += (size_t) put;
  }
  return 0;
}

static const char *
string_member (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}

static void
keep_event (kata_qmp *qmp, const char *name)
{
  if (g_queue_get_length (&qmp->events) >= KATA_QMP_EVENTS_MAX)
    g_free (g_queue_pop_head (&qmp->events));
  g_queue_push_tail (&qmp->events, g_strndup (name, 64));
}

/* What QEMU says when it refuses: {"error": {"class": …, "desc": …}}. */
static int
refused (const char *command, JsonNode *error, kata_error **err)
{
  const char *text = JSON_NODE_HOLDS_OBJECT (error) ? string_member (json_node_get_object (error), "desc") : NULL;
  if (text == NULL)
    return kata_error__set (err, KATA_E_PROTOCOL, command, "QMP %s: refused without a reason", command);
  return kata_error__set (err, KATA_E_VMM, command, "QMP %s: %s", command, text);
}

/* Reads until the answer with our id: events may come before it, and stale answers of a client that gave up. */
static int
await_reply (kata_qmp *qmp, const char *command, const char *id, JsonNode **result, int64_t deadline_us,
             kata_error **err)
{
  for (int more = 0; more == 0; more = go_on (qmp, deadline_us, err)) {
    g_autoptr (JsonNode) message = NULL;
    int code = read_message (qmp, &message, deadline_us, err);
    if (code < 0)
      return code;
    JsonObject *object = json_node_get_object (message);
    const char *event = string_member (object, "event");
    if (event != NULL) {
      keep_event (qmp, event);
      continue;
    }
    const char *for_id = string_member (object, "id");
    JsonNode *error = json_object_get_member (object, "error");
    if (error != NULL && (for_id == NULL || strcmp (for_id, id) == 0))
      return refused (command, error, err);
    JsonNode *value = json_object_get_member (object, "return");
    if (value == NULL && error == NULL)
      return kata_error__set (err, KATA_E_PROTOCOL, command, "QMP %s: neither an answer nor an event came", command);
    /* StratoVirt gives this answer, and no other, without the id. */
    bool ours = for_id != NULL ? strcmp (for_id, id) == 0
                               : !json_object_has_member (object, "id") && strcmp (command, NEGOTIATE) == 0;
    if (!ours)
      continue;
    if (result != NULL)
      *result = json_node_copy (value);
    return 0;
  }
  return KATA_E_TIMEOUT;
}

static int
execute (kata_qmp *qmp, const char *command, const char *arguments, int pass_fd, JsonNode **result, int64_t deadline_us,
         kata_error **err)
{
  g_autofree char *id = g_strdup_printf ("kata-%d-%u", (int) getpid (), ++qmp->next_id);
  g_autofree char *line =
      g_strdup_printf ("{\"execute\":\"%s\",\"id\":\"%s\"%s%s}\n", command, id,
                       arguments != NULL ? ",\"arguments\":" : "", arguments != NULL ? arguments : "");
  int code = write_line (qmp, line, pass_fd, deadline_us, err);
  return code < 0 ? code : await_reply (qmp, command, id, result, deadline_us, err);
}

int
kata_qmp__execute (kata_qmp *qmp, const char *command, const char *arguments, JsonNode **result, int64_t deadline_us,
                   kata_error **err)
{
  return execute (qmp, command, arguments, -1, result, deadline_us, err);
}

int
kata_qmp__give_fd (kata_qmp *qmp, const char *name, int fd, int64_t deadline_us, kata_error **err)
{
  g_autofree char *arguments = g_strdup_printf ("{\"fdname\":\"%s\"}", name);
  return execute (qmp, "getfd", arguments, fd, NULL, deadline_us, err);
}

int
kata_qmp__wait_event (kata_qmp *qmp, const char *name, int64_t deadline_us, kata_error **err)
{
  for (bool first = true;; first = false) {
    for (char *event; (event = g_queue_pop_head (&qmp->events)) != NULL;) {
      bool found = strcmp (event, name) == 0;
      g_free (event);
      if (found)
        return 0;
    }
    g_autoptr (JsonNode) message = NULL;
    int code = first ? 0 : go_on (qmp, deadline_us, err);
    if (code == 0)
      code = read_message (qmp, &message, deadline_us, err);
    if (code < 0)
      return code;
    const char *event = string_member (json_node_get_object (message), "event");
    if (event != NULL)
      keep_event (qmp, event);
  }
}

char *
kata_qmp__next_event (kata_qmp *qmp)
{
  return g_queue_pop_head (&qmp->events);
}

int
kata_qmp__new (kata_qmp **out, int fd, int64_t deadline_us, kata_error **err)
{
  g_autoptr (kata_qmp) qmp = g_new0 (kata_qmp, 1);
  g_autoptr (JsonNode) greeting = NULL;
  qmp->fd = fd;
  qmp->lock_fd = -1;
  qmp->buffer = g_string_new (NULL);
  g_queue_init (&qmp->events);
  int code = read_message (qmp, &greeting, deadline_us, err);
  if (code < 0)
    return code;
  if (!json_object_has_member (json_node_get_object (greeting), "QMP"))
    return kata_error__set (err, KATA_E_PROTOCOL, NULL, "QMP: what answers is not QEMU: it sent no greeting");
  code = kata_qmp__execute (qmp, NEGOTIATE, NULL, NULL, deadline_us, err);
  if (code == 0)
    *out = g_steal_pointer (&qmp);
  return code;
}

static int
take_lock (int *out, int dir_fd, int pidfd, int64_t deadline_us, kata_error **err)
{
  kata_auto_fd int fd = openat (dir_fd, "qmp.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return kata_error__errno (err, KATA_E_IO, "qmp.lock", errno, "QMP: open qmp.lock");
  while (flock (fd, LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return kata_error__errno (err, KATA_E_IO, "qmp.lock", errno, "QMP: lock qmp.lock");
    if (!kata_external__pause (pidfd, 5, deadline_us))
      return kata_error__set (err, KATA_E_TIMEOUT, "qmp.lock", "QMP: another process keeps the connection");
    if (pidfd >= 0 && kata_pidfd__ended (pidfd))
      return kata_error__set (err, KATA_E_VMM, NULL, "QMP: QEMU has ended");
  }
  *out = kata_fd__steal (&fd);
  return 0;
}

int
kata_qmp__open (kata_qmp **out, int dir_fd, int pidfd, int64_t deadline_us, kata_error **err)
{
  kata_auto_fd int lock_fd = -1;
  int fd = -1;
  kata_qmp *qmp = NULL;
  int code = take_lock (&lock_fd, dir_fd, pidfd, deadline_us, err);
  if (code == 0)
    code = kata_external__connect_wait (&fd, dir_fd, "qmp.sock", pidfd, deadline_us, err);
  if (code == 0)
    code = kata_qmp__new (&qmp, fd, deadline_us, err);
  if (code < 0)
    return code;
  qmp->lock_fd = kata_fd__steal (&lock_fd);
  *out = qmp;
  return 0;
}

void
kata_qmp__close (kata_qmp *qmp)
{
  if (qmp == NULL)
    return;
  kata_fd__close (qmp->fd);
  kata_fd__close (qmp->lock_fd);
  g_string_free (qmp->buffer, TRUE);
  g_queue_clear_full (&qmp->events, g_free);
  g_free (qmp);
}
