/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-vhost: disks that another program serves, over a fake that is asked where they are: how they come, go and fail; what they carry is real/vhost's. */
#include <stdio.h>
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
socket_path (void)
{
  return g_build_filename (life->dir, "served", NULL);
}

static GThread *
serve_begin (void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *path = socket_path ();
  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (bind (listener, (struct sockaddr *) &address, sizeof address), 0);
  ck_assert_int_eq (listen (listener, 16), 0);
  return g_thread_new ("server", serve, NULL);
}

static void
serve_end (GThread *thread)
{
  g_autofree char *path = socket_path ();
  shutdown (listener, SHUT_RDWR);
  g_thread_join (thread);
  close (listener);
  unlink (path);
}

/* ---- what is done with it ---- */

static kata_sandbox *
running (void)
{
  fixture_configure (STORE);
  return life_sandbox (runtime, "s");
}

static int
add (kata_sandbox *sandbox, kata_error **err)
{
  g_autofree char *path = socket_path ();
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
  fixture_refused (add (sandbox, &error), KATA_E_NOT_FOUND, "start the vhost-user server first", &error);
  GThread *server = serve_begin ();
  for (int i = 0; i < 3; i++) {
    ck_ok (add (sandbox, &error), error);
    fixture_refused (add (sandbox, &error), KATA_E_EXISTS, "data", &error);
    has_a_container (sandbox);
    ck_ok (container_on (&container, sandbox, &error), error);
    fixture_refused (take_out (sandbox, &error), KATA_E_BUSY, "container \"c\"", &error);
    ck_ok (kata_container_delete (container, KATA_DELETE_FORCE, LIFE_MS, &error), error);
    kata_container_unrefp (&container);
    ck_ok (take_out (sandbox, &error), error);
    fixture_refused (take_out (sandbox, &error), KATA_E_NOT_FOUND, "data", &error);
  }
  ck_ok (add (sandbox, &error), error);
  serve_end (server);
  ck_ok (take_out (sandbox, &error), error); /* which its server has left before */
  fixture_end (sandbox);
}
END_TEST

START_TEST (from_the_start)
{
  kata_error *error = NULL;
  kata_sandbox *sandbox = NULL;
  GThread *server = serve_begin ();
  g_autofree char *path = socket_path ();
  const kata_disk disk = { sizeof disk, "data", path, KATA_DISK_VHOST_USER };
  const kata_disk *const disks[] = { &disk, NULL };
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.id = "s";
  options.disks = disks;
  ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  has_a_container (sandbox);
  fixture_refused (take_out (sandbox, &error), KATA_E_UNSUPPORTED, "data", &error);
  fixture_end (sandbox);
  serve_end (server);
}
END_TEST

/* Kata's dan_conf: a folder of files that describe network devices with servers, by sandbox. */
START_TEST (network_by_folder)
{
  kata_error *error = NULL;
  g_autofree char *file = g_build_filename (life->dir, "s.json", NULL), *path = socket_path ();
  g_autofree char *settings = g_strdup_printf ("[runtime]\ndan_conf = \"%s\"\n", life->dir);
  g_autofree char *text =
      g_strdup_printf ("{\"devices\":[{\"name\":\"eth0\",\"guest_mac\":\"02:00:00:00:00:01\",\"device\":{\"type\":"
                       "\"vhost-user\",\"path\":\"%s\"}}]}",
                       path);
  ck_assert (g_file_set_contents (file, text, -1, NULL));
  fixture_configure (settings);
  kata_sandbox *sandbox = fixture_sandbox ();
  fixture_refused (kata_sandbox_start (sandbox, LIFE_MS, &error), KATA_E_NOT_FOUND, "start the vhost-user server first",
                   &error);
  GThread *server = serve_begin ();
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  char *json = NULL;
  ck_assert_int_eq (kata_sandbox_inspect (&json, sandbox, NULL), 0);
  ck_assert_msg (strstr (json, file) != NULL && strstr (json, "02:00:00:00:00:01") != NULL, "%s", json);
  kata_free (json);
  fixture_end (sandbox);
  sandbox = life_sandbox (runtime, "other"); /* which has no file */
  fixture_end (sandbox);
  serve_end (server);
  unlink (file);
}
END_TEST

/* No directory is shared either, so that the guest's memory is its own. */
START_TEST (memory_is_its_own)
{
  kata_error *error = NULL;
  GThread *server = serve_begin ();
  fixture_configure ("shared_fs = \"none\"\n");
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  fixture_refused (add (sandbox, &error), KATA_E_UNSUPPORTED, "enable_vhost_user_store", &error);
  fixture_end (sandbox);
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
  ck_ok (add (sandbox, &error), error);
  fixture_refused (container_on (&container, sandbox, &error), KATA_E_PROTOCOL, "where on its PCI bus", &error);
  ck_ok (take_out (sandbox, &error), error);
  fixture_end (sandbox);
  serve_end (server);
}
END_TEST

/* A container has it, which needs more than that it is written down. */
static void
see (kata_sandbox *sandbox, bool there, const char *point)
{
  char *json = NULL;
  ck_assert_int_eq (kata_sandbox_inspect (&json, sandbox, NULL), 0);
  ck_assert_msg ((strstr (json, "\"id\": \"data\"") != NULL) == there, "after \"%s\": %s", point, json);
  kata_free (json);
  if (there)
    has_a_container (sandbox);
}

static const struct fixture_thing disk_of_theirs = { add, take_out, see };

START_TEST (every_point_fails)
{
  GThread *server = serve_begin ();
  kata_sandbox *sandbox = running ();
  int points = fixture_thing_fail_each (&disk_of_theirs, sandbox);
  printf ("vhost: %d points of coming and going, each failed once, the next call mended it\n", points);
  ck_assert_int_ge (points, 8);
  fixture_end (sandbox);
  serve_end (server);
}
END_TEST

/* In the child. */
static int
live_go (kata_sandbox **sandbox)
{
  return fixture_thing_go (&disk_of_theirs, *sandbox);
}

static void
mend (const char *point)
{
  fixture_thing_mend (&disk_of_theirs, point);
}

START_TEST (killed_at_every_point)
{
  GThread *server = serve_begin ();
  fixture_configure (STORE);
  int points = fixture_kill_each ("test-vhost", NULL, 0, mend);
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
  return argc >= 4 && strcmp (argv[1], "live") == 0 ? fixture_live (argv, fixture_live_running, live_go)
                                                    : bed_run (make);
}
