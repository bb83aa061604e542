/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-vhost-user: servers that answer as they should, wrongly, late or never; sockets that are none; and Kata's store of them. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "base/error.h"
#include "base/fd.h"
#include "host/pidfd.h"
#include "host/vhost-user.h"

#define GOOD (UINT64_C (1) << 32 | UINT64_C (1) << 30)

static char *dir, *path;

static void
setup (void)
{
  char template[] = "/tmp/kata-vhost-XXXXXX";
  dir = g_strdup (mkdtemp (template));
  path = g_build_filename (dir, "s", NULL);
}

static void
teardown (void)
{
  g_autofree char *line = g_strdup_printf ("rm -rf '%s'", dir);
  ck_assert_int_eq (system (line), 0);
  g_free (dir);
  g_free (path);
}

/* What a server does with one connection. */
struct script {
  uint64_t features, protocol;
  enum { ANSWER, SILENT, CLOSE, HALF, BYTES, WRONG_REQUEST, WRONG_VERSION, NO_REPLY_FLAG, WRONG_SIZE } how;
};
struct server {
  struct script script;
  int fd;
  GThread *thread;
};

static void
answer (int fd, const struct script *script, const uint32_t question[3])
{
  uint64_t value = question[0] == 1 ? script->features : script->protocol;
  uint32_t m[5] = { question[0], 5, 8 };
  memcpy (m + 3, &value, sizeof value);
  if (script->how == WRONG_REQUEST)
    m[0]++;
  if (script->how == WRONG_VERSION)
    m[1] = 6;
  if (script->how == NO_REPLY_FLAG)
    m[1] = 1;
  if (script->how == WRONG_SIZE)
    m[2] = UINT32_MAX;
  if (script->how == BYTES)
    for (size_t i = 0; i < sizeof m; i++) {
      g_usleep (500);
      ck_assert_int_eq (send (fd, (char *) m + i, 1, MSG_NOSIGNAL), 1);
    }
  else
    (void) !send (fd, m, script->how == HALF ? 13 : sizeof m, MSG_NOSIGNAL);
}

static void *
serve (void *data)
{
  struct server *server = data;
  kata_auto_fd int fd = accept (server->fd, NULL, NULL);
  uint32_t question[3];
  while (fd >= 0 && server->script.how != CLOSE &&
         recv (fd, question, sizeof question, MSG_WAITALL) == sizeof question) {
    ck_assert_uint_eq (question[1], 1);
    ck_assert_uint_eq (question[2], 0);
    if (server->script.how != SILENT)
      answer (fd, &server->script, question);
    if (server->script.how == HALF)
      break;
  }
  return NULL;
}

static void
start (struct server *server, const struct script *script)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  server->script = *script;
  server->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (bind (server->fd, (struct sockaddr *) &address, sizeof address), 0);
  ck_assert_int_eq (listen (server->fd, 1), 0);
  server->thread = g_thread_new ("server", serve, server);
}

static void
stop (struct server *server)
{
  shutdown (server->fd, SHUT_RDWR);
  g_thread_join (server->thread);
  close (server->fd);
  unlink (path);
}

static void
check (const char *socket, bool block, bool readonly, int code, const char *text)
{
  const struct kata_vhost_user wanted = { "disk \"data\"", socket, block, readonly };
  g_autoptr (kata_error) error = NULL;
  int64_t begun = kata_deadline__now ();
  int got = kata_vhost_user__check (&wanted, kata_deadline__within (INT64_MAX, 300), &error);
  ck_assert_int_lt (kata_deadline__now () - begun, 3000000);
  ck_assert_msg (got == code, "%d, not %d: %s", got, code, kata_error_get_message (error));
  if (code != 0)
    ck_assert_msg (strstr (kata_error_get_message (error), text) != NULL &&
                       g_str_has_prefix (kata_error_get_message (error), "disk \"data\": "),
                   "%s", kata_error_get_message (error));
}

START_TEST (servers)
{
  static const struct {
    struct script script;
    bool block, readonly;
    int code;
    const char *text;
  } cases[] = {
    { { GOOD, 1 << 9, ANSWER }, true, false, 0, NULL },
    { { GOOD, 1 << 9, BYTES }, true, false, 0, NULL },
    { { GOOD | 1 << 5, 1 << 9, ANSWER }, true, true, 0, NULL },
    { { GOOD | 1 << 5, 1 << 9, ANSWER },
      true,
      false,
      KATA_E_INVALID,
      "takes no writes; add the disk as a read-only one" },
    { { GOOD, 1 << 9, ANSWER }, true, true, KATA_E_INVALID, "takes writes, and only it can refuse them" },
    { { GOOD, 0, ANSWER }, true, false, KATA_E_UNSUPPORTED, "no server of a disk" },
    { { UINT64_C (1) << 32, 1 << 9, ANSWER }, true, false, KATA_E_UNSUPPORTED, "no server of a disk" },
    { { GOOD, 0, ANSWER }, false, false, 0, NULL },
    { { 1 << 30, 0, ANSWER }, false, false, KATA_E_UNSUPPORTED, "before virtio 1" },
    { { GOOD, 0, SILENT }, false, false, KATA_E_TIMEOUT, "does not answer in time" },
    { { GOOD, 0, CLOSE }, false, false, KATA_E_PROTOCOL, "closed the connection" },
    { { GOOD, 0, HALF }, false, false, KATA_E_PROTOCOL, "closed the connection" },
    { { GOOD, 0, WRONG_REQUEST }, false, false, KATA_E_PROTOCOL, "answers request 1 with 2" },
    { { GOOD, 0, WRONG_VERSION }, false, false, KATA_E_PROTOCOL, "does not speak vhost-user" },
    { { GOOD, 0, NO_REPLY_FLAG }, false, false, KATA_E_PROTOCOL, "does not speak vhost-user" },
    { { GOOD, 0, WRONG_SIZE }, false, false, KATA_E_PROTOCOL, "4294967295 bytes" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct server server;
    start (&server, &cases[i].script);
    check (path, cases[i].block, cases[i].readonly, cases[i].code, cases[i].text);
    stop (&server);
  }
}
END_TEST

START_TEST (sockets)
{
  const struct script script = { GOOD, 0, ANSWER };
  struct server server;
  g_autofree char *link = g_build_filename (dir, "link", NULL), *file = g_build_filename (dir, "file", NULL);
  g_autofree char *name = g_strnfill (120, 'x'), *longer = g_build_filename (dir, name, NULL);
  check (path, false, false, KATA_E_NOT_FOUND, "start the vhost-user server first");
  start (&server, &script);
  ck_assert_int_eq (symlink (path, link), 0);
  ck_assert (g_file_set_contents (file, "", -1, NULL));
  check (link, false, false, KATA_E_INVALID, "is a symbolic link");
  check (file, false, false, KATA_E_INVALID, "is not a socket");
  check (dir, false, false, KATA_E_INVALID, "is not a socket");
  check (longer, false, false, KATA_E_LIMIT, "longer than the 107 bytes");
  check (path, false, false, 0, NULL);
  /* A full backlog: it listens, and takes nobody. */
  int fds[8], n = 0;
  for (; n < 8; n++) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    g_strlcpy (address.sun_path, path, sizeof address.sun_path);
    fds[n] = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect (fds[n], (struct sockaddr *) &address, sizeof address) != 0)
      break;
  }
  ck_assert_int_lt (n, 8);
  check (path, false, false, KATA_E_TIMEOUT, "takes no connection in time");
  for (; n >= 0; n--)
    close (fds[n]);
  g_thread_join (server.thread);
  close (server.fd);
  /* A socket that its server has left behind. */
  check (path, false, false, KATA_E_NOT_FOUND, "nobody listens");
}
END_TEST

START_TEST (store)
{
  g_autofree char *nodes = g_build_filename (dir, "block", "devices", NULL),
                  *node = g_build_filename (nodes, "vol", NULL);
  g_autofree char *scsi = g_build_filename (nodes, "scsi", NULL), *link = g_build_filename (nodes, "link", NULL);
  g_autofree char *wanted = g_build_filename (dir, "block", "sockets", "vol", NULL), *found = NULL;
  g_autoptr (kata_error) error = NULL;
  dev_t device = 0;
  ck_assert_int_eq (kata_vhost_store__socket (&found, dir, makedev (241, 5), "disk", &error), KATA_E_NOT_FOUND);
  kata_error_unrefp (&error);
  ck_assert_int_eq (g_mkdir_with_parents (nodes, 0755), 0);
  ck_assert_int_eq (kata_vhost_store__look (node, &device), KATA_VHOST_STORE_NONE);
  if (mknod (node, S_IFBLK | 0600, makedev (241, 5)) != 0)
    return; /* no right to make one: what was tried is right */
  ck_assert_int_eq (mknod (scsi, S_IFBLK | 0600, makedev (242, 6)), 0);
  ck_assert_int_eq (symlink ("scsi", link), 0);
  ck_assert_int_eq (kata_vhost_store__look (node, &device), KATA_VHOST_STORE_BLK);
  ck_assert (device == makedev (241, 5));
  ck_assert_int_eq (kata_vhost_store__socket (&found, dir, device, "disk", NULL), 0);
  ck_assert_str_eq (found, wanted);
  ck_assert_int_eq (kata_vhost_store__look (link, &device), KATA_VHOST_STORE_SCSI);
  ck_assert_int_eq (kata_vhost_store__look ("/dev/null", &device), KATA_VHOST_STORE_NONE);
  ck_assert_int_eq (kata_vhost_store__look (dir, &device), KATA_VHOST_STORE_NONE);
  g_clear_pointer (&found, g_free);
  ck_assert_int_eq (kata_vhost_store__socket (&found, dir, makedev (241, 6), "disk", &error), KATA_E_NOT_FOUND);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "241:6"));
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vhost-user");
  TCase *tc = tcase_create ("check");
  tcase_set_timeout (tc, 60);
  tcase_add_checked_fixture (tc, setup, teardown);
  tcase_add_test (tc, servers);
  tcase_add_test (tc, sockets);
  tcase_add_test (tc, store);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
