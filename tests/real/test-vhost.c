/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-vhost: disks that another program serves (QEMU's storage daemon, by vhost-user-blk), from the start, later, by a node of Kata's store, and what
   becomes of a guest whose server dies. Arguments: HYPERVISOR CONFIG. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "image.h"

#define NODE_MINOR 7

static char *daemon_path;
static char *place; /* of the store and the configuration */

struct server {
  pid_t pid;
  char *socket, *image;
};

static void
serve (struct server *server, const char *name, const char *socket, bool writable)
{
  server->image = real_image (name);
  server->socket = g_strdup (socket);
  g_autofree char *file = g_strdup_printf ("driver=file,filename=%s,node-name=n", server->image);
  g_autofree char *export = g_strdup_printf (
      "type=vhost-user-blk,id=e,addr.type=unix,addr.path=%s,node-name=n,writable=%s", socket, writable ? "on" : "off");
  const char *const argv[] = { daemon_path, "--blockdev", file, "--export", export, NULL };
  server->pid = fork ();
  if (server->pid == 0) {
    execv (daemon_path, (char *const *) argv);
    _exit (127);
  }
  for (int i = 0; i < 1000 && access (socket, F_OK) != 0; i++)
    g_usleep (10000);
  ck_assert_int_eq (access (socket, F_OK), 0);
}

static void
end (struct server *server, int signal)
{
  int status;
  ck_assert_int_eq (kill (server->pid, signal), 0);
  ck_assert_int_eq (waitpid (server->pid, &status, 0), server->pid);
  unlink (server->socket);
  g_free (server->socket);
  g_free (server->image);
}

static void
finish (kata_sandbox *sandbox)
{
  kata_error *error = NULL;
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
}

static void
refused (kata_sandbox *sandbox, const kata_disk *disk, int code, const char *text)
{
  kata_error *error = NULL;
  ck_assert_int_eq (kata_sandbox_add_disk (sandbox, disk, LIFE_MS, &error), code);
  ck_assert_msg (strstr (kata_error_get_message (error), text) != NULL, "%s", kata_error_get_message (error));
  kata_error_unref (error);
}

/* Beside an ordinary disk, and with one that cannot be written. */
START_TEST (from_the_start)
{
  struct server one, two;
  kata_error *error = NULL;
  kata_sandbox *sandbox = NULL;
  g_autofree char *first = g_build_filename (life->dir, "one", NULL),
                  *second = g_build_filename (life->dir, "two", NULL);
  g_autofree char *image = real_image ("plain");
  serve (&one, "image", first, true);
  serve (&two, "other", second, false);
  const kata_disk a = { sizeof a, "served", one.socket, KATA_DISK_VHOST_USER };
  const kata_disk b = { sizeof b, "plain", image, 0 };
  const kata_disk c = { sizeof c, "fixed", two.socket, KATA_DISK_VHOST_USER | KATA_DISK_READONLY };
  const kata_disk *const disks[] = { &a, &b, &c, NULL };
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.id = "s";
  options.disks = disks;
  ck_ok (kata_sandbox_create (&sandbox, runtime, &options, &error), error);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  g_autofree char *said = real_run_on (sandbox, "served", "cat /mark; echo changed >/mark; sync");
  ck_assert_str_eq (said, "from the disk\n");
  g_autofree char *plain = real_run_on (sandbox, "plain", "cat /mark"),
                  *again = real_run_on (sandbox, "served", "cat /mark");
  ck_assert_str_eq (plain, "from the disk\n");
  ck_assert_str_eq (again, "changed\n");
  g_autofree char *fixed = real_run_on (sandbox, "fixed", "cat /mark; echo x 2>/dev/null >/mark || echo refused");
  ck_assert_str_eq (fixed, "from the disk\nrefused\n");
  finish (sandbox);
  end (&one, SIGTERM);
  end (&two, SIGTERM);
}
END_TEST

/* By the store's node, under another name, as a container engine gives it. */
START_TEST (comes_and_goes)
{
  struct server server;
  kata_error *error = NULL;
  g_autofree char *node = g_build_filename (place, "block", "devices", "data", NULL);
  g_autofree char *alias = g_build_filename (life->dir, "node", NULL);
  g_autofree char *socket = g_build_filename (place, "block", "sockets", "data", NULL);
  if (mknod (node, S_IFBLK | 0600, makedev (241, NODE_MINOR)) != 0 ||
      mknod (alias, S_IFBLK | 0600, makedev (241, NODE_MINOR)) != 0)
    ck_abort_msg ("make a node: %s", g_strerror (errno));
  serve (&server, "image", socket, true);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  const kata_disk disk = { sizeof disk, "data", alias, 0 };
  const kata_disk readonly = { sizeof readonly, "data", socket, KATA_DISK_VHOST_USER | KATA_DISK_READONLY };
  refused (sandbox, &readonly, KATA_E_INVALID, "takes writes");
  for (int round = 0; round < 2; round++) {
    ck_ok (kata_sandbox_add_disk (sandbox, &disk, LIFE_MS, &error), error);
    refused (sandbox, &disk, KATA_E_EXISTS, "already");
    g_autofree char *said = real_run_on (sandbox, "data", "cat /mark; echo changed >/mark");
    ck_assert_str_eq (said, round == 0 ? "from the disk\n" : "changed\n");
    ck_ok (kata_sandbox_remove_disk (sandbox, "data", LIFE_MS, &error), error);
  }
  finish (sandbox);
  end (&server, SIGTERM);
  const kata_disk gone = { sizeof gone, "data", alias, 0 };
  sandbox = life_sandbox (runtime, "t");
  refused (sandbox, &gone, KATA_E_NOT_FOUND, "start the vhost-user server first");
  finish (sandbox);
}
END_TEST

static void
run_alive (kata_sandbox *sandbox)
{
  kata_error *error = NULL;
  kata_container *container = NULL;
  kata_process *process = NULL;
  ck_ok (life_container (&container, sandbox, life, "alive", "echo alive", &error), error);
  ck_ok (kata_container_start (container, LIFE_MS, &error), error);
  ck_ok (kata_container_get_process (&process, container, &error), error);
  GString *said = life_read_all (process, KATA_STDOUT);
  ck_assert_str_eq (said->str, "alive\n");
  g_string_free (said, TRUE);
  kata_process_unref (process);
  kata_container_unref (container);
}

static void
add (kata_sandbox *sandbox, const char *id, const char *path, uint32_t flags)
{
  kata_error *error = NULL;
  const kata_disk disk = { sizeof disk, id, path, flags };
  ck_ok (kata_sandbox_add_disk (sandbox, &disk, LIFE_MS, &error), error);
}

/*
 * The guest goes on without the disk, runs containers on others that come after it, lets go of it, and ends as it is told to. _i = 1: no container has had
 * the disk before, so that the guest's agent does not know that it is a server's.
 */
START_TEST (server_dies)
{
  struct server server, other;
  kata_error *error = NULL;
  g_autofree char *socket = g_build_filename (life->dir, "one", NULL);
  g_autofree char *second = g_build_filename (life->dir, "two", NULL);
  g_autofree char *image = real_image ("plain");
  serve (&server, "image", socket, true);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  add (sandbox, "data", server.socket, KATA_DISK_VHOST_USER);
  if (_i == 0) {
    g_autofree char *before = real_run_on (sandbox, "data", "cat /mark");
    ck_assert_str_eq (before, "from the disk\n");
  } else {
    run_alive (sandbox); /* by then the guest has the disk */
  }
  end (&server, SIGKILL);
  if (_i == 0)
    run_alive (sandbox);
  add (sandbox, "plain", image, 0);
  g_autofree char *plain = real_run_on (sandbox, "plain", "cat /mark");
  ck_assert_str_eq (plain, "from the disk\n");
  serve (&other, "other", second, true);
  add (sandbox, "served", other.socket, KATA_DISK_VHOST_USER);
  g_autofree char *served = real_run_on (sandbox, "served", "cat /mark");
  ck_assert_str_eq (served, "from the disk\n");
  if (_i == 0)
    ck_ok (kata_sandbox_remove_disk (sandbox, "data", LIFE_MS, &error), error);
  ck_ok (kata_sandbox_remove_disk (sandbox, "plain", LIFE_MS, &error), error);
  finish (sandbox);
  end (&other, SIGTERM);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "vhost", LIFE_MS / 1000 * 2, fixture_setup, fixture_teardown);
  tcase_add_test (tcase, from_the_start);
  tcase_add_test (tcase, comes_and_goes);
  tcase_add_loop_test (tcase, server_dies, 0, 2);
  return suite;
}

/* The configuration with the store in it. */
static char *
configure (const char *hypervisor, const char *config)
{
  g_autofree char *text = NULL, *table = g_strdup_printf ("[hypervisor.%s]\n", hypervisor);
  g_autofree char *devices = g_build_filename (place, "block", "devices", NULL);
  g_autofree char *sockets = g_build_filename (place, "block", "sockets", NULL);
  char *path = g_build_filename (place, "configuration.toml", NULL);
  if (!g_file_get_contents (config, &text, NULL, NULL) || g_mkdir_with_parents (devices, 0755) != 0 ||
      g_mkdir_with_parents (sockets, 0755) != 0)
    return path;
  g_auto (GStrv) parts = g_strsplit (text, table, 2);
  g_autofree char *ours = g_strdup_printf ("%s%senable_vhost_user_store = true\nvhost_user_store_path = \"%s\"\n%s",
                                           parts[0], table, place, parts[1] != NULL ? parts[1] : "");
  g_file_set_contents (path, ours, -1, NULL);
  return path;
}

int
main (int argc, char **argv)
{
  char dir[] = "/tmp/kata-vhost-XXXXXX";
  daemon_path = g_find_program_in_path ("qemu-storage-daemon");
  if (daemon_path == NULL || argc != 3) {
    puts (argc != 3 ? "SKIP: which hypervisor, which configuration?"
                    : "SKIP: qemu-storage-daemon is not installed (package qemu-system-common)");
    return 77;
  }
  if (!real_image_possible ())
    return 77;
  place = mkdtemp (dir);
  if (place == NULL)
    return 1;
  g_autofree char *config = configure (argv[1], argv[2]), *why = life_over (argv[1], config);
  int status = 77;
  if (why != NULL)
    printf ("SKIP: %s\n", why);
  else
    status = bed_run (make);
  g_autofree char *line = g_strdup_printf ("rm -rf '%s'", place);
  return system (line) == 0 ? status : 1;
}
