/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-network: a sandbox in a pod's network namespace, over the null backend: what it makes there, at every failure and every kill, is gone afterwards. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "bed.h"
#include "host/netns.h"
#include "life.h"
#include "residue.h"

#define NO_TAPS "SKIP: network: needs ip, tc and /dev/net/tun\n"

static struct life *life;
static int pod = -1;
static char *pod_path;

/* ---- the pod ---- */

struct command {
  const char *line;
  char *output;
};

static int
run_command (void *data, kata_error **err)
{
  struct command *command = data;
  GString *text = g_string_new (NULL);
  char buffer[4096];
  FILE *pipe = popen (command->line, "re");
  for (size_t n; pipe != NULL && (n = fread (buffer, 1, sizeof buffer, pipe)) > 0;)
    g_string_append_len (text, buffer, (gssize) n);
  ck_assert_msg (pipe != NULL && pclose (pipe) == 0, "failed: %s\n%s", command->line, text->str);
  command->output = g_string_free (text, FALSE);
  return 0;
}

static char *
in (int ns, const char *line)
{
  struct command command = { .line = line };
  ck_assert_int_eq (kata_netns__run (ns, run_command, &command, NULL), 0);
  return command.output;
}

/* What there is of links, qdiscs and filters. */
static char *
look (void)
{
  return in (pod, "ip -o link | cut -d: -f2; tc qdisc show; tc filter show dev eth0 ingress 2>/dev/null || true");
}

static void
setup (void)
{
  life = life_new ();
  pod_path = g_build_filename (life->dir, "pod", NULL);
  ck_assert_int_eq (kata_netns__new (&pod, NULL), 0);
  g_autofree char *from = g_strdup_printf ("/proc/self/fd/%d", pod);
  ck_assert (g_file_set_contents (pod_path, "", 0, NULL));
  ck_assert_int_eq (mount (from, pod_path, NULL, MS_BIND, NULL), 0);
  g_free (in (pod,
              "ip link set lo up; ip link add eth0 type veth peer name p0; ip link set p0 up; ip link set eth0 up; ip "
              "addr add 10.5.0.2/24 dev eth0; ip route add default via 10.5.0.1; sleep 0.1"));
  kata_runtime_unref (life_runtime (life));
}

static void
teardown (void)
{
  ck_assert_int_eq (umount2 (pod_path, MNT_DETACH), 0);
  close (pod);
  g_free (pod_path);
  life_free (life);
}

static int
create (kata_sandbox **out, kata_runtime *runtime, const char *network, kata_error **err)
{
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.id = "s";
  options.network = network;
  return kata_sandbox_create (out, runtime, &options, err);
}

static bool
inspected (kata_sandbox *sandbox, const char *text)
{
  char *json = NULL;
  ck_assert_int_eq (kata_sandbox_inspect (&json, sandbox, NULL), 0);
  bool found = strstr (json, text) != NULL;
  kata_free (json);
  return found;
}

/* ---- tests ---- */

START_TEST (joined_and_left)
{
  kata_error *error = NULL;
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = NULL;
  g_autofree char *before = look ();
  ck_ok (create (&sandbox, runtime, pod_path, &error), error);
  ck_ok (kata_sandbox_refresh_network (sandbox, LIFE_MS, &error), error);
  g_autofree char *created = look ();
  ck_assert_str_eq (created, before);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  g_autofree char *started = look ();
  ck_assert_msg (strstr (started, "qdisc ingress ffff: dev eth0") != NULL, "%s", started);
  ck_assert (inspected (sandbox, "\"device\":\"tap0_kata\""));
  ck_assert (inspected (sandbox, "10.5.0.2"));
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  g_autofree char *after = look ();
  ck_assert_str_eq (after, before);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}
END_TEST

/* Each point of the start fails once; then it goes. */
START_TEST (every_point_fails)
{
  g_autofree char *before = look ();
  int n = 1;
  for (bool struck = true; struck; n++) {
    struct life_fault fault = { .at = n, .code = KATA_E_NO_MEMORY };
    kata_error *error = NULL;
    kata_runtime *runtime = life_runtime (life);
    kata_sandbox *sandbox = NULL;
    ck_ok (create (&sandbox, runtime, pod_path, &error), error);
    life_fault (runtime, &fault);
    int r = kata_sandbox_start (sandbox, LIFE_MS, &error);
    struck = fault.name[0] != '\0';
    ck_assert_msg (!struck || r == KATA_E_NO_MEMORY, "\"%s\" was not noticed", fault.name);
    if (r != 0) {
      g_autofree char *after = look ();
      ck_assert_msg (strcmp (before, after) == 0, "after a failure at \"%s\":\n%s", fault.name, after);
      kata_error_unrefp (&error);
      fault.at = 0;
      ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
    }
    ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
    g_autofree char *after = look ();
    ck_assert_str_eq (after, before);
    kata_sandbox_unref (sandbox);
    kata_runtime_unref (runtime);
  }
  printf ("network: %d points of the start, each failed once, nothing left in the pod's namespace\n", n - 2);
  ck_assert_int_ge (n, 15);
}
END_TEST

/* In the child: argv[3] is the point, argv[4] the namespace. */
static int
live (char **argv)
{
  struct life *mine = life_open (argv[2]);
  struct life_fault fault = { .at = atoi (argv[3]) };
  kata_runtime *runtime = NULL;
  kata_sandbox *sandbox = NULL;
  if (life_runtime_new (&runtime, mine, NULL) != 0 || create (&sandbox, runtime, argv[4], NULL) != 0)
    return 3;
  life_fault (runtime, &fault);
  int r = kata_sandbox_start (sandbox, LIFE_MS, NULL);
  if (r == 0)
    r = kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, NULL);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
  life_close (mine);
  return r != 0;
}

START_TEST (killed_at_every_point)
{
  g_autofree char *before = look ();
  int n = 1;
  for (bool killed = true; killed; n++) {
    g_autofree char *number = g_strdup_printf ("%d", n);
    const char *const args[] = { "test-network", "live", life->dir, number, pod_path, NULL };
    int status = bed_wait (bed_spawn (args), LIFE_MS);
    killed = WIFSIGNALED (status);
    ck_assert_msg (killed || (WIFEXITED (status) && WEXITSTATUS (status) == 0), "status %d", status);
    life_clear (life, "s", n % 2 == 0);
    g_autofree char *after = look ();
    ck_assert_msg (strcmp (before, after) == 0, "after SIGKILL at point %d:\n%s", n, after);
  }
  printf ("network: SIGKILL at each of %d points, recovered, nothing left in the pod's namespace\n", n - 2);
  ck_assert_int_ge (n, 15);
}
END_TEST

START_TEST (namespace_of_its_own)
{
  kata_error *error = NULL;
  g_autofree char *before = residue_take (life->dir, RESIDUE_ISOLATED);
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = NULL;
  int fd = -1;
  g_autofree char *path = g_build_filename (life->state_dir, "s", "netns", NULL);
  ck_ok (create (&sandbox, runtime, "new", &error), error);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  ck_ok (kata_sandbox_refresh_network (sandbox, LIFE_MS, &error), error);
  ck_ok (kata_netns__open (&fd, path, &error), error);
  g_free (in (fd, "ip link add eth7 type veth peer name p7; ip addr add 10.6.0.2/24 dev eth7"));
  ck_ok (kata_sandbox_refresh_network (sandbox, LIFE_MS, &error), error);
  ck_assert (inspected (sandbox, "\"name\":\"eth7\""));
  ck_assert (inspected (sandbox, "10.6.0.2/24"));
  close (fd);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
  g_autofree char *after = residue_compare (before, life->dir, RESIDUE_ISOLATED);
  ck_assert_msg (after == NULL, "left behind:\n%s", after);
}
END_TEST

START_TEST (filled_later)
{
  kata_error *error = NULL;
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = NULL;
  ck_ok (create (&sandbox, runtime, pod_path, &error), error);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  g_free (in (pod, "ip addr add 10.5.0.77/24 dev eth0; ip route add 10.9.0.0/16 via 10.5.0.1"));
  ck_assert (!inspected (sandbox, "10.5.0.77"));
  ck_ok (kata_sandbox_refresh_network (sandbox, LIFE_MS, &error), error);
  ck_assert (inspected (sandbox, "10.5.0.77"));
  ck_assert (inspected (sandbox, "10.9.0.0/16"));
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}
END_TEST

/* ---- interfaces that come and go while the guest runs ---- */

#define COME                                                                                                           \
  "ip link add eth1 type veth peer name p1; ip link set p1 up; ip link set eth1 up; ip addr add 10.7.0.2/24 dev eth1"

START_TEST (come_and_gone)
{
  kata_error *error = NULL;
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = NULL;
  ck_ok (create (&sandbox, runtime, pod_path, &error), error);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  for (int i = 0; i < 3; i++) {
    g_free (in (pod, COME));
    ck_ok (kata_sandbox_refresh_network (sandbox, LIFE_MS, &error), error);
    ck_ok (kata_sandbox_refresh_network (sandbox, LIFE_MS, &error), error);
    g_autofree char *added = look ();
    ck_assert_msg (strstr (added, "qdisc ingress ffff: dev eth1") != NULL, "%s", added);
    ck_assert (inspected (sandbox, "10.7.0.2"));
    /* Once it stays in the namespace without an address, which is no interface of a guest's. */
    g_free (in (pod, i == 2 ? "ip addr flush dev eth1" : "ip link del eth1"));
    ck_ok (kata_sandbox_refresh_network (sandbox, LIFE_MS, &error), error);
    ck_assert (!inspected (sandbox, "eth1"));
    g_autofree char *after = look ();
    ck_assert_msg (strstr (after, "ingress ffff: dev eth1") == NULL, "%s", after);
  }
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}
END_TEST

START_TEST (more_than_ports)
{
  kata_error *error = NULL;
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = NULL;
  ck_ok (create (&sandbox, runtime, pod_path, &error), error);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  g_free (in (pod, "for i in 1 2 3; do ip link add eth$i type veth peer name p$i; ip addr add 10.8.$i.2/24 dev eth$i; "
                   "done"));
  ck_assert_int_eq (kata_sandbox_refresh_network (sandbox, LIFE_MS, &error), KATA_E_LIMIT);
  ck_assert (strstr (kata_error_get_message (error), "ports") != NULL);
  kata_error_unrefp (&error);
  ck_assert_int_eq (inspected (sandbox, "10.8.1.2") + inspected (sandbox, "10.8.2.2") + inspected (sandbox, "10.8.3.2"),
                    2);
  g_free (in (pod, "ip link del eth2"));
  ck_ok (kata_sandbox_refresh_network (sandbox, LIFE_MS, &error), error);
  ck_assert (inspected (sandbox, "10.8.1.2") && inspected (sandbox, "10.8.3.2") && !inspected (sandbox, "10.8.2.2"));
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}
END_TEST

/* Each point of a refresh that adds fails once, and of one that removes; the next one mends it. */
START_TEST (every_point_of_a_refresh_fails)
{
  kata_error *error = NULL;
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = NULL;
  struct life_fault fault = { 0 }; /* the runtime keeps it */
  int points = 0;
  ck_ok (create (&sandbox, runtime, pod_path, &error), error);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  bool struck = true;
  for (int n = 1; struck; n++) {
    struck = false;
    for (int remove = 0; remove < 2; remove++) {
      fault = (struct life_fault){ .at = n, .code = KATA_E_NO_MEMORY };
      g_free (in (pod, remove ? "ip link del eth1" : COME));
      life_fault (runtime, &fault);
      int r = kata_sandbox_refresh_network (sandbox, LIFE_MS, &error);
      struck = struck || fault.name[0] != '\0';
      points += fault.name[0] != '\0';
      ck_assert_msg (r == 0 || r == KATA_E_NO_MEMORY, "at \"%s\": %d", fault.name, r);
      kata_error_unrefp (&error);
      fault.at = 0;
      ck_ok (kata_sandbox_refresh_network (sandbox, LIFE_MS, &error), error);
      ck_assert_msg (inspected (sandbox, "10.7.0.2") == !remove, "after \"%s\"", fault.name);
      g_autofree char *after = look ();
      ck_assert_msg ((strstr (after, "ingress ffff: dev eth1") != NULL) == !remove, "after \"%s\": %s", fault.name,
                     after);
    }
  }
  printf ("network: %d points of a refresh, each failed once, the next one mended it\n", points);
  ck_assert_int_ge (points, 10);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}
END_TEST

/* Two virtual machines cannot take the place of one interface; and the first keeps it. */
START_TEST (taken_already)
{
  kata_error *error = NULL;
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = NULL, *second = NULL;
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.id = "second";
  options.network = pod_path;
  ck_ok (create (&sandbox, runtime, pod_path, &error), error);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  g_autofree char *before = look ();
  ck_ok (kata_sandbox_create (&second, runtime, &options, &error), error);
  ck_assert_int_eq (kata_sandbox_start (second, LIFE_MS, &error), KATA_E_BUSY);
  kata_error_unrefp (&error);
  g_autofree char *after = look ();
  ck_assert_str_eq (after, before);
  ck_ok (kata_sandbox_delete (second, KATA_DELETE_FORCE, &error), error);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (second);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}
END_TEST

/* Starts the other sandbox between this one's look at the first interface and what it makes there. */
struct overtaking {
  kata_sandbox *other;
  int result;
  char *made;
};

static int
overtake (void *data, const char *name)
{
  struct overtaking *overtaking = data;
  if (overtaking->other != NULL && g_str_has_prefix (name, "journal:qdisc:")) {
    overtaking->result = kata_sandbox_start (g_steal_pointer (&overtaking->other), LIFE_MS, NULL);
    overtaking->made = look ();
  }
  return 0;
}

START_TEST (taken_meanwhile)
{
  kata_error *error = NULL;
  kata_runtime *runtime = life_runtime (life), *another = life_runtime (life);
  kata_sandbox *sandbox = NULL, *second = NULL;
  kata_sandbox_options options = KATA_SANDBOX_OPTIONS_INIT;
  options.id = "second";
  options.network = pod_path;
  g_autofree char *before = look ();
  ck_ok (create (&sandbox, runtime, pod_path, &error), error);
  ck_ok (kata_sandbox_create (&second, another, &options, &error), error);
  struct overtaking overtaking = { sandbox, -1, NULL };
  another->fault = (struct kata_fault){ overtake, &overtaking };
  ck_assert_int_eq (kata_sandbox_start (second, LIFE_MS, &error), KATA_E_BUSY);
  kata_error_unrefp (&error);
  ck_assert_int_eq (overtaking.result, 0);
  g_autofree char *made = overtaking.made, *failed = look ();
  ck_assert_msg (strstr (made, "qdisc ingress ffff: dev eth0") != NULL, "%s", made);
  ck_assert_str_eq (failed, made);
  ck_ok (kata_sandbox_delete (second, KATA_DELETE_FORCE, &error), error);
  g_autofree char *still = look ();
  ck_assert_str_eq (still, made);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  g_autofree char *after = look ();
  ck_assert_str_eq (after, before);
  kata_sandbox_unref (second);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (another);
  kata_runtime_unref (runtime);
}
END_TEST

/* The engine removed the pod's namespace first. */
START_TEST (namespace_gone)
{
  kata_error *error = NULL;
  kata_runtime *runtime = life_runtime (life);
  kata_sandbox *sandbox = NULL;
  ck_ok (create (&sandbox, runtime, pod_path, &error), error);
  ck_ok (kata_sandbox_start (sandbox, LIFE_MS, &error), error);
  g_autofree char *moved = g_strconcat (pod_path, "-moved", NULL);
  ck_assert (g_file_set_contents (moved, "", 0, NULL));
  ck_assert_int_eq (mount (pod_path, moved, NULL, MS_MOVE, NULL), 0);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  ck_assert_int_eq (mount (moved, pod_path, NULL, MS_MOVE, NULL), 0);
  kata_sandbox_unref (sandbox);
  ck_assert_int_eq (create (&sandbox, runtime, "/nowhere/at/all", &error), 0);
  ck_assert_int_eq (kata_sandbox_start (sandbox, LIFE_MS, &error), KATA_E_NOT_FOUND);
  kata_error_unrefp (&error);
  ck_ok (kata_sandbox_delete (sandbox, KATA_DELETE_FORCE, &error), error);
  kata_sandbox_unref (sandbox);
  kata_runtime_unref (runtime);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "network", 120, setup, teardown);
  tcase_add_test (tcase, joined_and_left);
  tcase_add_test (tcase, every_point_fails);
  tcase_add_test (tcase, killed_at_every_point);
  tcase_add_test (tcase, filled_later);
  const char *fake = g_getenv ("KATA_TESTS_FAKE");
  if (fake == NULL || g_str_has_prefix (fake, "clh:")) { /* the other adapters add no device later */
    tcase_add_test (tcase, namespace_of_its_own);
    tcase_add_test (tcase, come_and_gone);
    tcase_add_test (tcase, more_than_ports);
    tcase_add_test (tcase, every_point_of_a_refresh_fails);
  }
  tcase_add_test (tcase, taken_already);
  tcase_add_test (tcase, taken_meanwhile);
  tcase_add_test (tcase, namespace_gone);
  return suite;
}

int
main (int argc, char **argv)
{
  if (argc >= 5 && strcmp (argv[1], "live") == 0)
    return live (argv);
  if (access ("/dev/net/tun", R_OK | W_OK) != 0 || system ("ip -V >/dev/null 2>&1 && tc -V >/dev/null 2>&1") != 0) {
    printf (NO_TAPS);
    return 77;
  }
  return bed_run (make);
}
