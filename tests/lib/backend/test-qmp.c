/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-qmp: the QMP client against servers that are well-behaved, silent, broken or hostile. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "backend/external.h"
#include "backend/qemu/hotplug.h"
#include "backend/qmp.h"
#include "base/error.h"
#include "host/pidfd.h"

#define GREETING "{\"QMP\":{\"version\":{},\"capabilities\":[]}}\r\n"

/* A server that follows a script: sends a text, waits for a line, sends the next. "%s" in a text becomes the request's id. */
struct script {
  int fd;
  const char *const *texts;
};

static bool
read_line (int fd, char *line, size_t size)
{
  size_t n = 0;
  while (n < size - 1 && read (fd, line + n, 1) == 1)
    if (line[n++] == '\n') {
      line[n] = '\0';
      return true;
    }
  return false;
}

static void
send_text (int fd, const char *text, const char *id)
{
  g_autoptr (GString) out = g_string_new (text);
  g_string_replace (out, "%s", id, 0);
  for (size_t done = 0; done < out->len;) {
    ssize_t n = send (fd, out->str + done, out->len - done, MSG_NOSIGNAL);
    if (n <= 0)
      return;
    done += (size_t) n;
  }
}

static void *
serve (void *data)
{
  struct script *s = data;
  char line[4096], id[64] = "";
  for (size_t i = 0; s->texts[i] != NULL; i++) {
    send_text (s->fd, s->texts[i], id);
    if (!read_line (s->fd, line, sizeof line))
      break;
    const char *p = strstr (line, "\"id\":\"");
    ck_assert_ptr_nonnull (p);
    sscanf (p + 6, "%63[^\"]", id);
  }
  close (s->fd);
  return NULL;
}

struct talk {
  struct script script;
  GThread *thread;
  int fd;
};

static void
talk_begin (struct talk *t, const char *const *texts)
{
  int pair[2];
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  t->script = (struct script){ pair[0], texts };
  t->fd = pair[1];
  t->thread = g_thread_new ("server", serve, &t->script);
}

static int64_t
in_ms (int64_t ms)
{
  return kata_deadline__within (INT64_MAX, ms);
}

/* Opens and runs one command; returns the result code of the first that fails. */
static int
attempt (const char *const *texts, const char **message)
{
  static char text[8192];
  struct talk t;
  kata_qmp *qmp = NULL;
  g_autoptr (kata_error) error = NULL;
  talk_begin (&t, texts);
  int code = kata_qmp__new (&qmp, t.fd, in_ms (400), &error);
  if (code == 0)
    code = kata_qmp__execute (qmp, "stop", NULL, NULL, in_ms (400), &error);
  kata_qmp__close (qmp);
  g_thread_join (t.thread);
  g_strlcpy (text, kata_error_get_message (error), sizeof text);
  if (message != NULL)
    *message = text;
  ck_assert_int_eq (code < 0, error != NULL);
  return code;
}

START_TEST (good)
{
  static const char *const texts[] = {
    GREETING, "{\"return\":{},\"id\":\"%s\"}\r\n",
    "{\"event\":\"STOP\"}\r\n\r\n{\"return\":{},\"id\":\"old\"}\n{\"return\":{\"a\":7},\"id\":\"%s\"}\n", NULL
  };
  struct talk t;
  kata_qmp *qmp;
  JsonNode *result = NULL;
  talk_begin (&t, texts);
  ck_assert_int_eq (kata_qmp__new (&qmp, t.fd, in_ms (2000), NULL), 0);
  ck_assert_int_eq (kata_qmp__execute (qmp, "stop", "{\"x\":1}", &result, in_ms (2000), NULL), 0);
  ck_assert_int_eq (json_object_get_int_member (json_node_get_object (result), "a"), 7);
  g_autofree char *event = kata_qmp__next_event (qmp);
  ck_assert_str_eq (event, "STOP");
  ck_assert_ptr_null (kata_qmp__next_event (qmp));
  json_node_unref (result);
  kata_qmp__close (qmp);
  g_thread_join (t.thread);
}
END_TEST

/* The first answer may lack its id, as StratoVirt's does; a later one may not. */
START_TEST (first_without_id)
{
  static const char *const texts[] = { GREETING, "{\"return\":{}}\n", "{\"return\":{},\"id\":\"%s\"}\n", NULL };
  static const char *const bad[] = { GREETING, "{\"return\":{}}\n", "{\"return\":{}}\n", NULL };
  const char *message;
  ck_assert_int_eq (attempt (texts, &message), 0);
  ck_assert_int_eq (attempt (bad, &message), KATA_E_TIMEOUT);
}
END_TEST

START_TEST (refuses)
{
  static const char *const texts[] = {
    GREETING, "{\"return\":{},\"id\":\"%s\"}\n",
    "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no \\u001b[2J way\"},\"id\":\"%s\"}\n", NULL
  };
  const char *message;
  ck_assert_int_eq (attempt (texts, &message), KATA_E_VMM);
  ck_assert_ptr_nonnull (strstr (message, "QMP stop: no \\x1b[2J way"));
}
END_TEST

START_TEST (broken)
{
  static const struct {
    const char *const texts[4];
    int code;
  } cases[] = {
    { { "" }, KATA_E_TIMEOUT },                                         /* silence */
    { { "SSH-2.0-OpenSSH\r\n" }, KATA_E_PROTOCOL },                     /* another protocol */
    { { "\xff\xfe\n" }, KATA_E_PROTOCOL },                              /* not UTF-8 */
    { { "{\"QMP\":{}" }, KATA_E_TIMEOUT },                              /* half a line */
    { { "[1,2]\n" }, KATA_E_PROTOCOL },                                 /* not an object */
    { { "{\"event\":\"X\"}\n" }, KATA_E_PROTOCOL },                     /* no greeting */
    { { GREETING, "{}\n" }, KATA_E_PROTOCOL },                          /* neither answer nor event */
    { { GREETING, "{\"error\":7,\"id\":\"%s\"}\n" }, KATA_E_PROTOCOL }, /* refused without a reason */
    { { GREETING, "{\"return\":{},\"id\":\"other\"}\n" }, KATA_E_TIMEOUT },
    { { GREETING, "{\"return\":{},\"id\":7}\n" }, KATA_E_TIMEOUT },
    { { GREETING, NULL }, KATA_E_VMM }, /* closes */
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    int code = attempt (cases[i].texts, NULL);
    ck_assert_msg (code == cases[i].code, "case %zu: %d", i, code);
  }
}
END_TEST

START_TEST (too_long)
{
  g_autofree char *line = g_malloc (KATA_QMP_LINE_MAX + 10000);
  memset (line, 'x', KATA_QMP_LINE_MAX + 9999);
  line[KATA_QMP_LINE_MAX + 9999] = '\0';
  const char *const texts[] = { line, NULL };
  const char *message;
  ck_assert_int_eq (attempt (texts, &message), KATA_E_PROTOCOL);
  ck_assert_ptr_nonnull (strstr (message, "longer than"));
}
END_TEST

START_TEST (too_deep)
{
  g_autoptr (GString) line = g_string_new ("{\"a\":\"[[[[[\\\"[\",\"QMP\":");
  for (int i = 0; i < 100000; i++)
    g_string_append_c (line, '[');
  g_string_append_c (line, '\n');
  const char *const texts[] = { line->str, NULL };
  const char *message;
  ck_assert_int_eq (attempt (texts, &message), KATA_E_PROTOCOL);
  ck_assert_ptr_nonnull (strstr (message, "deeper"));
}
END_TEST

START_TEST (event_flood)
{
  g_autoptr (GString) text = g_string_new (NULL);
  for (int i = 0; i < 1000; i++)
    g_string_append_printf (text, "{\"event\":\"E%d\"}\n", i);
  g_string_append (text, "{\"return\":{},\"id\":\"%s\"}\n");
  const char *const texts[] = { GREETING, text->str, NULL };
  struct talk t;
  kata_qmp *qmp;
  talk_begin (&t, texts);
  ck_assert_int_eq (kata_qmp__new (&qmp, t.fd, in_ms (2000), NULL), 0);
  int kept = 0;
  for (char *event; (event = kata_qmp__next_event (qmp)) != NULL; kept++)
    g_free (event);
  ck_assert_int_eq (kept, KATA_QMP_EVENTS_MAX);
  kata_qmp__close (qmp);
  g_thread_join (t.thread);
}
END_TEST

static bool
has_unread (int fd)
{
  int n = 0;
  ck_assert_int_eq (ioctl (fd, FIONREAD, &n), 0);
  return n > 0;
}

/* One that never stops talking, faster than it is listened to: once the deadline is over, not all that came is read before that counts. */
START_TEST (endless_events)
{
  static const char hello[] = GREETING "{\"return\":{}}\n";
  g_autoptr (GString) events = g_string_new (NULL);
  int pair[2];
  kata_qmp *qmp = NULL;
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  send_text (pair[0], hello, "");
  ck_assert_int_eq (kata_qmp__new (&qmp, pair[1], in_ms (10000), NULL), 0);
  while (events->len < 32768)
    g_string_append (events, "{\"event\":\"E\"}\n");
  send_text (pair[0], events->str, "");
  ck_assert_int_eq (kata_qmp__wait_event (qmp, "OTHER", in_ms (0), NULL), KATA_E_TIMEOUT);
  ck_assert (has_unread (pair[1]));
  ck_assert_int_eq (kata_qmp__execute (qmp, "stop", NULL, NULL, in_ms (0), NULL), KATA_E_TIMEOUT);
  ck_assert (has_unread (pair[1]));
  kata_qmp__close (qmp);
  close (pair[0]);
}
END_TEST

/* All is there to be read before the second command, whose time is over: its answer is taken, but nothing is listened to before it. */
static int
ask_late (const char *before, bool event)
{
  int pair[2];
  kata_qmp *qmp = NULL;
  g_autoptr (GString) text = g_string_new (GREETING "{\"return\":{}}\n");
  while (before[0] != '\0' && text->len < 20000)
    g_string_append (text, before);
  g_string_append_printf (text, event ? "{\"event\":\"STOP\"}\n" : "{\"return\":{},\"id\":\"kata-%d-2\"}\n",
                          (int) getpid ());
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  ck_assert_int_eq (send (pair[0], text->str, text->len, MSG_NOSIGNAL | MSG_DONTWAIT), (int) text->len);
  ck_assert_int_eq (kata_qmp__new (&qmp, pair[1], in_ms (20000), NULL), 0);
  g_autoptr (kata_error) error = NULL;
  int code = event ? kata_qmp__wait_event (qmp, "STOP", in_ms (-1), &error)
                   : kata_qmp__execute (qmp, "stop", NULL, NULL, in_ms (-1), &error);
  ck_assert_int_eq (code < 0, error != NULL);
  kata_qmp__close (qmp);
  close (pair[0]);
  return code;
}

/* Who always has something to say, and never an answer, is listened to no longer than a silent one. */
START_TEST (endless)
{
  static const char *const texts[] = { "{\"event\":\"E\"}\n", "{\"return\":{},\"id\":\"other\"}\n", "\n" };
  for (int event = 0; event < 2; event++) {
    ck_assert_int_eq (ask_late ("", event), 0);
    for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
      ck_assert_int_eq (ask_late (texts[i], event), KATA_E_TIMEOUT);
  }
}
END_TEST

/* The socket's file: absent, a link, a plain file; and the lock that another process holds. */
#define OK    "{\"return\":{},\"id\":\"%s\"}\n"
#define THERE "{\"return\":[],\"id\":\"%s\"}\n"
#define NONE  "{\"error\":{\"class\":\"DeviceNotFound\",\"desc\":\"none\"},\"id\":\"%s\"}\n"
#define EVENT "{\"event\":\"DEVICE_DELETED\"}\n"

static int
release (const char *const *texts, const char **message)
{
  static char text[1024];
  struct talk t;
  kata_qmp *qmp = NULL;
  g_autoptr (kata_error) error = NULL;
  talk_begin (&t, texts);
  ck_assert_int_eq (kata_qmp__new (&qmp, t.fd, in_ms (400), NULL), 0);
  int code = kata_qemu__release (qmp, "host-late1", "host device", "nvme", 1000, in_ms (1500), &error);
  kata_qmp__close (qmp);
  g_thread_join (t.thread);
  g_strlcpy (text, kata_error_get_message (error), sizeof text);
  *message = text;
  return code;
}

/* device_del, by a QEMU that is well or that somebody else has in hand: only its word that there is no such device says so. */
START_TEST (releases)
{
  static const struct {
    const char *const texts[8];
    int code;
    const char *message;
  } rows[] = {
    { { GREETING, OK, NONE, NULL }, 0, "" },
    { { GREETING, OK, THERE, EVENT OK, NONE, NULL }, 0, "" },
    { { GREETING, OK, THERE, OK EVENT, NONE, NULL }, 0, "" },
    { { GREETING, OK, THERE, NONE EVENT, NONE, NULL }, 0, "" }, /* an earlier request is under way */
    { { GREETING, OK, NULL }, KATA_E_VMM, "closed the connection" },
    { { GREETING, OK, "junk\n", NULL }, KATA_E_PROTOCOL, "not a JSON object" },
    { { GREETING, OK, THERE, NULL }, KATA_E_VMM, "closed the connection" },
    { { GREETING, OK, THERE, "[]\n", NULL }, KATA_E_PROTOCOL, "not a JSON object" },
    { { GREETING, OK, THERE, OK "junk\n", NULL }, KATA_E_PROTOCOL, "not a JSON object" },
    { { GREETING, OK, THERE, EVENT OK, NULL }, KATA_E_VMM, "closed the connection" },
    { { GREETING, OK, THERE, "{\"error\":7,\"id\":\"%s\"}\n", NULL }, KATA_E_PROTOCOL, "refused without a reason" },
    { { GREETING, OK, THERE, OK, THERE, OK, THERE, NULL }, KATA_E_TIMEOUT, "did not let go of it in time" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    const char *message;
    int code = release (rows[i].texts, &message);
    ck_assert_msg (code == rows[i].code && strstr (message, rows[i].message) != NULL, "row %zu: %d %s", i, code,
                   message);
  }
}
END_TEST

START_TEST (socket_file)
{
  kata_qmp *qmp = NULL;
  g_autofree char *dir = g_dir_make_tmp ("kata-qmp-XXXXXX", NULL);
  int dir_fd, listener;
  ck_assert_int_eq (kata_external__open_dir (&dir_fd, dir, NULL), 0);
  ck_assert_int_eq (kata_qmp__open (&qmp, dir_fd, -1, in_ms (50), NULL), KATA_E_TIMEOUT);
  ck_assert_int_eq (symlinkat ("/dev/null", dir_fd, "qmp.sock"), 0);
  ck_assert_int_eq (kata_qmp__open (&qmp, dir_fd, -1, in_ms (50), NULL), KATA_E_PERMISSION);
  ck_assert_int_eq (unlinkat (dir_fd, "qmp.sock", 0), 0);
  ck_assert_int_eq (kata_external__listen (&listener, dir_fd, "qmp.sock", SOCK_STREAM, NULL), 0);
  ck_assert_int_eq (kata_qmp__open (&qmp, dir_fd, -1, in_ms (50), NULL), KATA_E_TIMEOUT);
  int lock = openat (dir_fd, "qmp.lock", O_RDWR | O_CLOEXEC);
  ck_assert_int_eq (flock (lock, LOCK_EX | LOCK_NB), 0);
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (kata_qmp__open (&qmp, dir_fd, -1, in_ms (50), &error), KATA_E_TIMEOUT);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "another process"));
  close (lock);
  close (listener);
  ck_assert_int_eq (unlinkat (dir_fd, "qmp.sock", 0) | unlinkat (dir_fd, "qmp.lock", 0), 0);
  close (dir_fd);
  ck_assert_int_eq (g_rmdir (dir), 0);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("qmp");
  Suite *suite = suite_create ("backend/qmp");
  tcase_set_timeout (tc, 30);
  tcase_add_test (tc, good);
  tcase_add_test (tc, first_without_id);
  tcase_add_test (tc, refuses);
  tcase_add_test (tc, broken);
  tcase_add_test (tc, too_long);
  tcase_add_test (tc, too_deep);
  tcase_add_test (tc, event_flood);
  tcase_add_test (tc, endless_events);
  tcase_add_test (tc, endless);
  tcase_add_test (tc, releases);
  tcase_add_test (tc, socket_file);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
