/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-vhost: disks that another program serves, over a fake that is asked where they are: how they come, go and fail; what they carry is real/vhost's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fixture.h"

#define STORE    "enable_vhost_user_store = true\n" /* makes the guest's memory one that can be shared */
#define FEATURES (UINT64_C (1) << 32 | UINT64_C (1) << 30)
#define CONFIG   (UINT64_C (1) << 9)

/* ---- a server that says what it can, and no more ---- */

static int listener = -1;

struct client {
  int fd;
  GThread *thread;
};

static void *
answer (void *data)
{
  int fd = ((struct client *) data)->fd;
  uint32_t question[3];
  while (recv (fd, question, sizeof question, MSG_WAITALL) == sizeof question) {
    uint64_t value = question[0] == 1 ? FEATURES : CONFIG;
    uint32_t message[5] = { question[0], 5, 8 };
    memcpy (message + 3, &value, sizeof value);
    (void) !send (fd, message, sizeof message, MSG_NOSIGNAL);
  }
  return NULL;
}

/* Until the listener is shut: then all clients are. */
static void *
serve (void *data)
{
  g_autoptr (GPtrArray) clients = g_ptr_array_new_with_free_func (g_free);
  for (int fd; (fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
    struct client *client = g_new (struct client, 1);
    client->fd = fd;
    client->thread = g_thread_new ("client", answer, client);
    g_ptr_array_add (clients, client);
  }
  for (guint i = 0; i < clients->len; i++) {
    const struct client *client = g_ptr_array_index (clients, i);
    shutdown (client->fd, SHUT_RDWR);
    g_thread_join (client->thread);
    close (client->fd);
  }
  return data;
}

static char *
socket_path (const struct life *where)
{
  return g_build_filename (where->dir, "served", NULL);
}

static GThread *
serve_begin (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *path = socket_path (life);
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (bind (listener, (struct sockaddr *) &address, sizeof address), 0);
  ck_assert_int_eq (listen (listener, 16), 0);
  return g_thread_new ("server", serve, NULL);
}

static void
serve_end (GThread *thread)
{
  g_autofree char *path = socket_path (life);
  shutdown (listener, SHUT_RDWR);
  g_thread_join (thread);
  close (listener);
  unlink (path);
}

/* ---- what is done with it ---- */

static kata_sandbox *
running (void)
{
  life_configure (life, STORE);
  kata_runtime_unref (runtime);
  runtime = life_runtime (life);
  return life_sandbox (runtime, "s");
}

static int
add (kata_sandbox *sandbox, const struct life *where, kata_error **err)
{
  g_autofree char *path = socket_path (where);
  const kata_disk disk = { sizeof disk, "data", path, KATA_DISK_VHOST_USER };
  return kata_sandbox_add_disk (sandbox, &disk, LIFE_MS, err);
}

static int
take_out (kata_sandbox *sandbox, kata_error **err)
{
  return kata_sandbox_remove_disk (sandbox, "data", LIFE_MS, err);
}

static int
container_on (kata_container **out, kata_sandbox *sandbox, kata_error **err)
{
  const char *const args[] = { "sleep", "100", NULL };
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  options.id = "c";
  options.args = args;
  options.rootfs_disk = "data";
  return kata_container_create (out, sandbox, &options, LIFE_MS, err);
}

static void
refused (int result, int code, const char *text, kata_error **error)
{
  ck_assert_msg (result == code, "%d: %s", result, kata_error_get_message (*error));
  ck_assert_msg (strstr (kata_error_get_message (*error), text) != NULL, "%s", kata_error_get_message (*error));
  kata_error_unrefp (error);
}

static void
end (kata_sandbox *sandbox)
{
  kata_error *error = NULL;
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
}

static void
has_a_container (kata_sandbox *sandbox)
{
  kata_error *error = NULL;
  kata_container *container = NULL;
  ck_ok (container_on (&container, sandbox, &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_ok (kata_container_delete (container, KATA_DELETE_FORCE, LIFE_MS, &error), error);
  kata_container_unref (container);
}

START_TEST (comes_and_goes)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = running ();
  kata_container *container = NULL;
  refused (add (sandbox, life, &error), KATA_E_NOT_FOUND, "start the vhost-user server first", &error);
  GThread *server = serve_begin ();
  for (int i = 0; i < 3; i++) {
    ck_ok (add (sandbox, life, &error), error);
    refused (add (sandbox, life, &error), KATA_E_EXISTS, "data", &error);
    has_a_container (sandbox);
    ck_ok (container_on (&container, sandbox, &error), error);
    refused (take_out (sandbox, &error), KATA_E_BUSY, "container \"c\"", &error);
    ck_ok (kata_container_delete (container, KATA_DELETE_FORCE, LIFE_MS, &error), error);
    kata_container_unrefp (&container);
    ck_ok (take_out (sandbox, &error), error);
    refused (take_out (sandbox, &error), KATA_E_NOT_FOUND, "data", &error);
  }
  ck_ok (add (sandbox, life, &error), error);
  serve_end (server);
  ck_ok (take_out (sandbox, &error), error); /* which its server has left before */
  end (sandbox);
}
END_TEST

START_TEST (from_the_start)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = NULL;
  GThread *server = serve_begin ();
  g_autofree char *path = socket_path (life);
  const kata_disk disk = { sizeof disk, "data", path, KATA_DISK_VHOST_USER };
  const kata_disk *const disks[] = { &disk, NULL };
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.id = "s";
  options.disks = disks;
  ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  has_a_container (sandbox);
  refused (take_out (sandbox, &error), KATA_E_UNSUPPORTED, "data", &error);
  end (sandbox);
  serve_end (server);
}
END_TEST

/* Kata's dan_conf: a folder of files that describe network devices with servers, by sandbox. */
START_TEST (network_by_folder)
{
  kata_error *error = NULL;
  g_autofree char *file = g_build_filename (life->dir, "s.json", NULL), *path = socket_path (life);
  g_autofree char *settings = g_strdup_printf ("[runtime]\ndan_conf = \"%s\"\n", life->dir);
  g_autofree char *text =
      g_strdup_printf ("{\"devices\":[{\"name\":\"eth0\",\"guest_mac\":\"02:00:00:00:00:01\",\"device\":{\"type\":"
                       "\"vhost-user\",\"path\":\"%s\"}}]}",
                       path);
  ck_assert (g_file_set_contents (file, text, -1, NULL));
  life_configure (life, settings);
  kata_runtime_unref (runtime);
  runtime = life_runtime (life);
  kata_sandbox *sandbox = fixture_sandbox ();
  refused (kata_sandbox_start (sandbox, LIFE_MS, &error), KATA_E_NOT_FOUND, "start the vhost-user server first",
           &error);
  GThread *server = serve_begin ();
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  char *json = NULL;
  ck_assert_int_eq (kata_sandbox_inspect (&json, sandbox, NULL), 0);
  ck_assert_msg (strstr (json, file) != NULL && strstr (json, "02:00:00:00:00:01") != NULL, "%s", json);
  kata_free (json);
  end (sandbox);
  sandbox = life_sandbox (runtime, "other"); /* which has no file */
  end (sandbox);
  serve_end (server);
  unlink (file);
}
END_TEST

/* No directory is shared either, so that the guest's memory is its own. */
START_TEST (memory_is_its_own)
{
  kata_error *error = NULL;
  GThread *server = serve_begin ();
  life_configure (life, "shared_fs = \"none\"\n");
  kata_runtime_unref (runtime);
  runtime = life_runtime (life);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  refused (add (sandbox, life, &error), KATA_E_UNSUPPORTED, "enable_vhost_user_store", &error);
  end (sandbox);
  serve_end (server);
}
END_TEST

/* What says where it is says what cannot be, or nothing. */
START_TEST (no_place)
{
  static const char *const hows[] = { "none", "alone", "text", "far", "large", "number" };
  kata_error *error = NULL;
  kata_container *container = NULL;
  fixture_misbehave ("bdf", hows[_i]);
  GThread *server = serve_begin ();
  kata_sandbox *sandbox = running ();
  ck_ok (add (sandbox, life, &error), error);
  refused (container_on (&container, sandbox, &error), KATA_E_PROTOCOL, "where on its PCI bus", &error);
  ck_ok (take_out (sandbox, &error), error);
  end (sandbox);
  serve_end (server);
}
END_TEST

static int
call_add (void *sandbox, kata_error **err)
{
  return add (sandbox, life, err);
}

static int
call_take_out (void *sandbox, kata_error **err)
{
  return take_out (sandbox, err);
}

static void
after_add (void *sandbox, const char *point)
{
  kata_error *error = NULL;
  if (point != NULL)
    ck_ok (add (sandbox, life, &error), error);
  has_a_container (sandbox);
  ck_ok (take_out (sandbox, &error), error);
}

/* It may be done, and told late. */
static void
after_take_out (void *sandbox, const char *point)
{
  kata_error *error = NULL;
  int r = point != NULL ? take_out (sandbox, &error) : 0;
  ck_assert_msg (r == 0 || r == KATA_E_NOT_FOUND, "after \"%s\": %s", point, kata_error_get_message (error));
  kata_error_unrefp (&error);
  ck_ok (add (sandbox, life, &error), error);
}

START_TEST (every_point_fails)
{
  kata_error *error = NULL;
  GThread *server = serve_begin ();
  kata_sandbox *sandbox = running ();
  const struct fixture_call coming = { call_add, after_add, sandbox },
                            going = { call_take_out, after_take_out, sandbox };
  int points = fixture_fail_each (&coming);
  ck_ok (add (sandbox, life, &error), error);
  points += fixture_fail_each (&going);
  printf ("vhost: %d points of coming and going, each failed once, the next call mended it\n", points);
  ck_assert_int_ge (points, 8);
  end (sandbox);
  serve_end (server);
}
END_TEST

/* In the child: argv[3] is the point. */
static int
live (char **argv)
{
  struct life *mine = life_open (argv[2]);
  struct life_fault fault = { .at = atoi (argv[3]) };
  kata_runtime *child = NULL;
  kata_sandbox *sandbox = NULL;
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.id = "s";
  if (life_runtime_new (&child, mine, NULL) != 0 || kata_sandbox_create (&sandbox, child, &options, NULL) != 0 ||
      kata_sandbox_start (sandbox, LIFE_MS, NULL) != 0)
    return 3;
  life_fault (child, &fault);
  int r = add (sandbox, mine, NULL);
  if (r == 0)
    r = take_out (sandbox, NULL);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (child);
  life_close (mine);
  return r != 0;
}

static void
mend (const char *point)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = NULL;
  ck_ok (kata_sandbox_open (&sandbox, runtime, "s", &error), error);
  if (kata_sandbox_get_state (sandbox) == KATA_STATE_RUNNING) {
    int r = add (sandbox, life, &error);
    ck_assert_msg (r == 0 || r == KATA_E_EXISTS, "after SIGKILL at %s: %s", point, kata_error_get_message (error));
    kata_error_unrefp (&error);
    ck_ok (take_out (sandbox, &error), error);
  }
  kata_sandbox_unref (sandbox);
}

START_TEST (killed_at_every_point)
{
  GThread *server = serve_begin ();
  life_configure (life, STORE);
  kata_runtime_unref (runtime);
  runtime = life_runtime (life);
  int points = fixture_kill_each ("test-vhost", 0, mend);
  printf ("vhost: SIGKILL at each of %d points, mended and recovered\n", points);
  ck_assert_int_ge (points, 8);
  serve_end (server);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "vhost", 120, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, comes_and_goes);
  tcase_add_test (tcase, from_the_start);
  tcase_add_test (tcase, memory_is_its_own);
  tcase_add_loop_test (tcase, no_place, 0, 6);
  tcase_add_test (tcase, network_by_folder);
  tcase_add_test (tcase, every_point_fails);
  tcase_add_test (tcase, killed_at_every_point);
  return suite;
}

int
main (int argc, char **argv)
{
  return argc >= 4 && strcmp (argv[1], "live") == 0 ? live (argv) : bed_run (make);
}
