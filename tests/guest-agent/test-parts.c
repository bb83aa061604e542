/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-parts: the agent's pure parts: names and paths, JSON, options, addresses, netlink bytes; the rest runs in host.py and guest.py. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "button.h"
#include "cmdline.h"
#include "ip.h"
#include "link.h"
#include "mem.h"
#include "mounts.h"
#include "netlink.h"
#include "path.h"
#include "reaper.h"
#include "serials.h"
#include "spec-json.h"

/* struct acpi_genl_event: class[20], bus[15], a byte of padding, type, data. */
START_TEST (power_button_is_told_from_others)
{
  char event[44] = "button/power";
  ck_assert (button_is_power (event, sizeof event));
  ck_assert (!button_is_power (event, sizeof event - 1));
  ck_assert (!button_is_power (event, 0));
  strcpy (event, "button/power2");
  ck_assert (!button_is_power (event, sizeof event));
  strcpy (event, "button/sleep");
  ck_assert (!button_is_power (event, sizeof event));
}
END_TEST

START_TEST (ids_are_names)
{
  static const char *const good[] = { "a", "9", "a.b-c_D", "0123456789abcdef" };
  static const char *const bad[] = { "", ".", "..", "-a", ".a", "_a", "a/b", "a b", "a\n", "\xc3\xa9", "a\x01" };
  char text[PATH_ID_MAX + 2];
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    ck_assert_msg (path_id_is_valid (good[i]), "%s", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg (!path_id_is_valid (bad[i]), "%s", bad[i]);
  memset (text, 'x', sizeof text);
  text[PATH_ID_MAX] = 0;
  ck_assert (path_id_is_valid (text));
  text[PATH_ID_MAX] = 'x';
  text[PATH_ID_MAX + 1] = 0;
  ck_assert (!path_id_is_valid (text));
  ck_assert (!path_id_is_valid (NULL));
}
END_TEST

START_TEST (paths_are_normalised)
{
  static const char *const good[] = { "/", "/a", "/a/b/", "/a/..b/c." };
  static const char *const bad[] = { "", "a", "//", "/a//b", "/./a", "/a/..", "/../a", "/a/." };
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
    ck_assert_msg (path_is_clean (good[i]), "%s", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg (!path_is_clean (bad[i]), "%s", bad[i]);
  char *text = mem_zero (5000);
  memset (text, 'a', 4999);
  text[0] = '/';
  ck_assert (!path_is_clean (text));
  free (text);
}
END_TEST

START_TEST (no_link_is_followed)
{
  char top[] = "/dev/shm/kata-agent-XXXXXX", path[100];
  struct stat st;
  ck_assert_ptr_nonnull (mkdtemp (top));
  int base = open (top, O_PATH | O_DIRECTORY);
  ck_assert_int_eq (symlinkat ("/etc", base, "link"), 0);
  int fd = path_make_beneath (base, "a/b/c", 0755);
  ck_assert_int_ge (fd, 0);
  close (fd);
  ck_assert_int_lt (path_make_beneath (base, "link/x", 0755), 0);
  ck_assert_int_lt (path_make_beneath (base, "a/../../x", 0755), 0);
  ck_assert_int_lt (path_open_beneath (base, "link/passwd", O_RDONLY, 0), 0);
  ck_assert_int_lt (path_open_beneath (base, "../..", O_PATH, 0), 0);
  snprintf (path, sizeof path, "%s/link/passwd", top);
  ck_assert_int_lt (path_open (AT_FDCWD, path, O_RDONLY, 0), 0);
  path_remove_tree (top);
  ck_assert_int_lt (lstat (top, &st), 0);
  ck_assert_int_eq (lstat ("/etc/passwd", &st), 0);
  close (base);
}
END_TEST

static char *
config_of (const Grpc__Spec *spec, const struct spec_place *place, struct fault *fault)
{
  struct kata_json_writer json = JSON_FILE_INIT;
  char *text = NULL;
  if (spec_json_config (&json, spec, place, fault) == 0)
    text = strndup (json.text, json.length);
  kata_json_write__clear (&json);
  return text;
}

START_TEST (a_spec_becomes_json)
{
  Grpc__Spec spec = GRPC__SPEC__INIT;
  Grpc__Process process = GRPC__PROCESS__INIT;
  Grpc__Root root = GRPC__ROOT__INIT;
  Grpc__Linux linux_ = GRPC__LINUX__INIT;
  Grpc__LinuxNamespace network = GRPC__LINUX_NAMESPACE__INIT, pid = GRPC__LINUX_NAMESPACE__INIT;
  Grpc__LinuxNamespace *namespaces[] = { &network, &pid };
  Grpc__POSIXRlimit files = GRPC__POSIXRLIMIT__INIT, *limits[] = { &files };
  char *args[] = { (char *) "/bin/echo", (char *) "quote \" back \\ tab \t bell \x07 \xc3\xa9" };
  struct spec_place place = { "/containers/c", "/proc/9/ns/pid" };
  struct fault fault;
  process.n_args = 2;
  process.args = args;
  files.type = (char *) "RLIMIT_NOFILE";
  files.hard = files.soft = 7;
  process.n_rlimits = 1;
  process.rlimits = limits;
  network.type = (char *) "network";
  network.path = (char *) "/host/path";
  pid.type = (char *) "pid";
  linux_.n_namespaces = 2;
  linux_.namespaces = namespaces;
  root.readonly = 1;
  spec.process = &process;
  spec.root = &root;
  spec.linux = &linux_;
  char *text = config_of (&spec, &place, &fault);
  ck_assert_str_eq (text, "{\"ociVersion\":\"1.0.2\",\"process\":{\"terminal\":false,\"user\":{\"uid\":0,\"gid\":0},"
                          "\"args\":[\"/bin/echo\","
                          "\"quote \\\" back \\\\ tab \\u0009 bell \\u0007 "
                          "\xc3\xa9\"],\"cwd\":\"/\",\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
                          "\"hard\":7,\"soft\":7}],\"noNewPrivileges\":false},\"root\":{\"path\":\"rootfs\","
                          "\"readonly\":true},\"mounts\":[],"
                          "\"annotations\":{},\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\","
                          "\"path\":\"/proc/9/ns/pid\"}],"
                          "\"cgroupsPath\":\"/containers/c\"}}");
  free (text);
  pid.type = (char *) "user";
  network.type = (char *) "ipc";
  place.pidns_path = NULL;
  text = config_of (&spec, &place, &fault);
  ck_assert_ptr_nonnull (strstr (text, "[{\"type\":\"mount\"},{\"type\":\"user\"},{\"type\":\"ipc\"}]"));
  free (text);
  process.cwd = (char *) "relative";
  ck_assert_ptr_null (config_of (&spec, &place, &fault));
  process.cwd = NULL;
  process.n_args = 0;
  ck_assert_ptr_null (config_of (&spec, &place, &fault));
  ck_assert_int_eq (fault.code, TTRPC_INVALID_ARGUMENT);
  process.n_args = 2;
  pid.type = (char *) "nonsense";
  ck_assert_ptr_null (config_of (&spec, &place, &fault));
}
END_TEST

START_TEST (json_is_refused_when_it_is_not_what_came)
{
  char *big = malloc (JSON_FILE_MAX);
  struct kata_json_writer large = JSON_FILE_INIT, bytes = JSON_FILE_INIT;
  struct fault fault;
  memset (big, '\\', JSON_FILE_MAX);
  big[JSON_FILE_MAX - 1] = 0;
  kata_json_write__string (&large, NULL, big);
  ck_assert_uint_le (large.length, JSON_FILE_MAX);
  ck_assert_int_eq (json_file_create (&large, "/nonexistent/x", "it", &fault), -1);
  ck_assert_int_eq (fault.code, TTRPC_RESOURCE_EXHAUSTED);
  kata_json_write__string (&bytes, NULL, "caf\xe9");
  ck_assert_int_eq (json_file_create (&bytes, "/nonexistent/x", "it", &fault), -1);
  ck_assert_int_eq (fault.code, TTRPC_INVALID_ARGUMENT);
  free (big);
}
END_TEST

START_TEST (mount_words_are_sorted)
{
  struct mount_options options;
  struct fault fault;
  char *words[] = { (char *) "ro",      (char *) "nosuid", (char *) "rw", (char *) "size=1m",
                    (char *) "fsgid=7", (char *) "rslave", (char *) "x" };
  static const char *const ours[] = { "fsgid=", NULL };
  ck_assert_int_eq (mount_options_parse (&options, words, 7, ours, &fault), 0);
  ck_assert_uint_eq (options.flags, MS_NOSUID);
  ck_assert_uint_eq (options.propagation, MS_SLAVE | MS_REC);
  ck_assert_str_eq (options.data, "size=1m,x");
  ck_assert (mount_options_has (&options, "size"));
  ck_assert (mount_options_has (&options, "x"));
  ck_assert (!mount_options_has (&options, "siz"));
  char *big = mem_zero (5000);
  memset (big, 'a', 4999);
  ck_assert_int_lt (mount_options_parse (&options, &big, 1, NULL, &fault), 0);
  free (big);
}
END_TEST

START_TEST (the_command_line_is_read)
{
  struct cmdline options;
  struct log log = { LOG_LEVEL_ERROR };
  cmdline_init (&options);
  ck_assert_uint_eq (options.hotplug_timeout, 10);
  cmdline_parse (&options, &log,
                 "console=ttyS0 agent.log=debug agent.hotplug_timeout=7 agent.container_pipe_size=8192 "
                 "agent.debug_console quiet\n");
  ck_assert_int_eq (options.level, LOG_LEVEL_DEBUG);
  ck_assert_uint_eq (options.hotplug_timeout, 7);
  ck_assert_uint_eq (options.pipe_size, 8192);
  ck_assert (options.debug_console);
  cmdline_parse (
      &options, &log,
      "agent.hotplug_timeout=-1 agent.hotplug_timeout= agent.log=loud agent.debug_console=false agent.new=1 agent.");
  ck_assert_uint_eq (options.hotplug_timeout, 7);
  ck_assert_int_eq (options.level, LOG_LEVEL_DEBUG);
  ck_assert (!options.debug_console);
}
END_TEST

START_TEST (addresses_are_parsed)
{
  struct ip ip;
  uint8_t mac[6];
  static const char *const bad[] = { "",           "1.2.3",   "1.2.3.4/33", "1.2.3.4/",
                                     "1.2.3.4/-1", "::1/129", "1.2.3.4/8x", "hello" };
  ck_assert_int_eq (ip_parse (&ip, "10.1.2.3/8"), 0);
  ck_assert_int_eq (ip.family, AF_INET);
  ck_assert_int_eq (ip.prefix, 8);
  ck_assert_int_eq (ip_parse (&ip, "fe80::1"), 0);
  ck_assert_int_eq (ip.prefix, 128);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ck_assert_msg (ip_parse (&ip, bad[i]) < 0, "%s", bad[i]);
  ck_assert_int_eq (link_parse_mac ("02:00:00:00:0a:FF", mac), 0);
  ck_assert_int_eq (mac[5], 255);
  ck_assert_int_lt (link_parse_mac ("02:00:00:00:0a", mac), 0);
  ck_assert_int_lt (link_parse_mac ("02:00:00:00:0a:zz", mac), 0);
}
END_TEST

START_TEST (netlink_stays_in_its_message)
{
  struct netlink_message message;
  char body[16] = { 0 };
  const struct rtattr *table[NETLINK_ATTRS_MAX];
  netlink_begin (&message, 1, 0, body, sizeof body);
  for (int i = 0; i < 200; i++)
    netlink_put (&message, 1, body, sizeof body);
  ck_assert (message.overflow);
  ck_assert_int_eq (netlink_request (&message), -EMSGSIZE);
  /* An attribute that claims more than there is, and one with a number beyond the table. */
  struct {
    char fixed[4];
    struct rtattr a;
    uint32_t value;
    struct rtattr b;
  } wire = { "", { sizeof (struct rtattr) + 4, 3 }, 77, { 400, 5 } };
  netlink_attributes (table, &wire, sizeof wire, 4);
  ck_assert_uint_eq (netlink_u32 (table[3], 0), 77);
  ck_assert_ptr_null (table[5]);
  netlink_attributes (table, &wire, 3, 4);
  ck_assert_ptr_null (table[3]);
}
END_TEST

/* ---- disks by their numbers ---- */

static struct serials disks;
static char disks_root[64];

static void
put_disk (const char *name, const char *size, const char *serial)
{
  char *line = mem_format ("mkdir -p %s/%s && echo %s > %s/%s/size", disks_root, name, size, disks_root, name);
  char *path = mem_format ("%s/%s/serial", disks_root, name);
  ck_assert_int_eq (system (line), 0);
  if (serial) { /* without a new line, as virtio_blk has it */
    FILE *file = fopen (path, "w");
    fputs (serial, file);
    fclose (file);
  } else {
    ck_assert_int_eq (mkfifo (path, 0600), 0); /* a disk that does not answer */
  }
  free (line);
  free (path);
}

static void
drop_disk (const char *name)
{
  char *line = mem_format ("rm -r %s/%s", disks_root, name);
  ck_assert_int_eq (system (line), 0);
  free (line);
}

static void
disks_begin (void)
{
  strcpy (disks_root, "/tmp/kata-serials-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (disks_root));
  disks = (struct serials) SERIALS_INIT (disks_root);
}

static void
disks_end (void)
{
  char *line = mem_format ("rm -rf %s", disks_root);
  ck_assert_int_eq (system (line), 0);
  free (line);
}

static int
find_disk (const char *id, const char *name)
{
  char found[32] = "";
  unsigned round = serials_begin (&disks);
  int r = serials_find (&disks, round, id, name[0] ? 20000 : 300, found, sizeof found);
  ck_assert_msg (strcmp (found, name) == 0, "%s: \"%s\", not \"%s\"", id, found, name);
  return r;
}

static int
count_reading (void)
{
  int reading = 0;
  pthread_mutex_lock (&disks.lock);
  for (size_t i = 0; i < SERIALS_MAX; i++)
    reading += disks.disks[i].reading;
  pthread_mutex_unlock (&disks.lock);
  return reading;
}

/* One that does not answer is asked once, by one thread, and hides no other. */
START_TEST (a_silent_disk_hides_none)
{
  disks_begin ();
  put_disk ("vda", "0", "empty");
  put_disk ("vdb", "8", "one\n");
  ck_assert (find_disk ("one", "vdb") && !find_disk ("empty", "") && !find_disk ("none", ""));
  put_disk ("vdc", "8", NULL);
  put_disk ("vdd", "8", "two");
  for (int i = 0; i < 3; i++)
    ck_assert (find_disk ("one", "vdb") && find_disk ("two", "vdd") && !find_disk ("three", ""));
  for (int i = 0; i < 1000 && count_reading () > 1; i++)
    usleep (10000);
  ck_assert_int_eq (count_reading (), 1);
  /* It answers after all. */
  char *path = mem_format ("%s/vdc/serial", disks_root);
  int fd = open (path, O_WRONLY);
  ck_assert_int_eq (write (fd, "late", 4), 4);
  close (fd);
  unlink (path);
  put_disk ("vdc", "8", "late");
  /* The thread that has waited ends; then it is asked anew, as the agent goes on asking. */
  char found[32];
  unsigned round = serials_begin (&disks);
  int there = 0;
  for (int i = 0; i < 1000 && !there; i++) {
    there = serials_find (&disks, round, "late", 20, found, sizeof found);
    usleep (10000);
  }
  ck_assert (there && strcmp (found, "vdc") == 0);
  free (path);
  disks_end ();
}
END_TEST

/* Names come again, places are filled again with others, and what was found by its place is not asked. */
START_TEST (a_number_is_todays)
{
  disks_begin ();
  put_disk ("vda", "8", "one");
  ck_assert (find_disk ("one", "vda"));
  put_disk ("vda", "8", "two");
  ck_assert (!find_disk ("one", "") && find_disk ("two", "vda"));
  put_disk ("vdb", "8", NULL);
  serials_placed (&disks, "vdb");
  ck_assert (!find_disk ("three", ""));
  ck_assert_int_eq (count_reading (), 0);
  drop_disk ("vdb");
  put_disk ("vdx", "8", "other"); /* keeps the number of the directory from coming again at once */
  put_disk ("vdb", "8", "three");
  ck_assert (find_disk ("two", "vda"));
  disks_end ();
}
END_TEST

/* However many are silent: so many threads, and no more. */
START_TEST (silent_disks_are_bounded)
{
  disks_begin ();
  for (int i = 0; i < SERIALS_MAX + 10; i++) {
    char *name = mem_format ("vd%d", i);
    put_disk (name, "8", NULL);
    free (name);
  }
  for (int i = 0; i < 3; i++)
    ck_assert (!find_disk ("one", ""));
  ck_assert_int_eq (count_reading (), SERIALS_MAX);
  disks_end ();
}
END_TEST

/* The status of a child is never lost: not of one that ends before it is watched, not of one that is started here. */
START_TEST (every_end_is_seen)
{
  static struct reaper reaper; /* its thread outlives the test */
  struct watch early, spawned;
  int status = -1, null = open ("/dev/null", O_RDWR);
  const int stdio[3] = { null, null, null };
  char *const argv[] = { (char *) "/bin/sh", (char *) "-c", (char *) "exit 9", NULL };
  char *const missing[] = { (char *) "/no/such/program", NULL };
  reaper_init (&reaper);
  ck_assert_int_eq (reaper_start (&reaper), 0);
  uint64_t since = reaper_now (&reaper);
  pid_t pid = fork ();
  if (pid == 0)
    _exit (5);
  while (reaper_now (&reaper) == since)
    usleep (1000);
  ck_assert_int_eq (watch_init (&early), 0);
  reaper_watch (&reaper, &early, pid, since);
  ck_assert (watch_status (&reaper, &early, &status));
  ck_assert_int_eq (WEXITSTATUS (status), 5);
  reaper_forget (&reaper, &early);
  ck_assert_int_eq (watch_init (&spawned), 0);
  ck_assert_int_eq (reaper_spawn (&reaper, &spawned, argv[0], argv, stdio), 0);
  while (!watch_status (&reaper, &spawned, &status))
    usleep (1000);
  ck_assert_int_eq (WEXITSTATUS (status), 9);
  reaper_forget (&reaper, &spawned);
  /* A status from before does not belong to a later process of the same number. */
  watch_clear (&early);
  ck_assert_int_eq (watch_init (&early), 0);
  reaper_watch (&reaper, &early, pid, reaper_now (&reaper));
  ck_assert (!watch_status (&reaper, &early, NULL));
  reaper_forget (&reaper, &early);
  ck_assert_int_eq (reaper_spawn (&reaper, &early, missing[0], missing, stdio), -ENOENT);
  watch_clear (&early);
  watch_clear (&spawned);
  close (null);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("guest-agent/parts");
  TCase *tcase = tcase_create ("all");
  tcase_add_test (tcase, power_button_is_told_from_others);
  tcase_add_test (tcase, ids_are_names);
  tcase_add_test (tcase, paths_are_normalised);
  tcase_add_test (tcase, no_link_is_followed);
  tcase_add_test (tcase, a_spec_becomes_json);
  tcase_add_test (tcase, json_is_refused_when_it_is_not_what_came);
  tcase_add_test (tcase, mount_words_are_sorted);
  tcase_add_test (tcase, the_command_line_is_read);
  tcase_add_test (tcase, addresses_are_parsed);
  tcase_add_test (tcase, netlink_stays_in_its_message);
  tcase_add_test (tcase, every_end_is_seen);
  tcase_add_test (tcase, a_silent_disk_hides_none);
  tcase_add_test (tcase, a_number_is_todays);
  tcase_add_test (tcase, silent_disks_are_bounded);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
