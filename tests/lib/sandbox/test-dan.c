/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-dan: files that describe network devices, as Kata's documentation has them, and wrong ones. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "base/error.h"
#include "sandbox/dan.h"

#define DEVICE "\"device\":{\"type\":\"vhost-user\",\"path\":\"/run/s\"}"
#define HEAD   "{\"devices\":[{\"name\":\"eth0\",\"guest_mac\":\"02:00:00:00:00:01\","

static const char whole[] =
    "{\"netns\":\"/run/netns/"
    "x\",\"devices\":[{\"name\":\"eth0\",\"guest_mac\":\"02:00:00:00:00:01\",\"device\":{\"type\":"
    "\"vhost-user\",\"path\":\"/run/"
    "s\",\"queue_num\":2,\"queue_size\":512},\"network_info\":{\"interface\":{\"ip_addresses\":"
    "[\"10.1.0.2/24\",\"fd00::2/"
    "64\"],\"mtu\":1400,\"ntype\":\"tuntap\",\"flags\":0},\"routes\":[{\"dest\":\"172.18.0.0/16\","
    "\"source\":\"10.1.0.2\",\"gateway\":\"10.1.0.1\",\"scope\":0,\"flags\":0},{\"dest\":\"0.0.0.0/0\",\"gateway\":"
    "\"10.1.0.1\"},{\"gateway\":\"fd00::1\"}],\"neighbors\":[{\"ip_address\":\"10.1.0.3/"
    "24\",\"device\":\"\",\"state\":128,"
    "\"flags\":0,\"hardware_addr\":\"02:00:00:00:00:03\"}]}},{\"name\":\"eth1\",\"guest_mac\":\"02:00:00:00:00:02\","
    "\"device\":{\"type\":\"vhost-user\",\"path\":\"/run/t\"}}]}";

/* Kata's dan_conf: a folder of them by sandbox. */
START_TEST (chosen)
{
  char folder[] = "/tmp/kata-dan-XXXXXX";
  ck_assert_ptr_nonnull (mkdtemp (folder));
  g_autofree char *file = g_build_filename (folder, "s.json", NULL), *wanted = g_strconcat ("dan:", file, NULL);
  g_autofree char *link = g_build_filename (folder, "l.json", NULL);
  ck_assert (g_file_set_contents (file, whole, -1, NULL));
  ck_assert_int_eq (symlink ("/nowhere", link), 0);
  static const struct {
    const char *id, *network;
    bool chosen;
  } cases[] = { { "s", NULL, true },    { "s", "/run/netns/x", true }, { "s", "new", true },     { "s", "none", false },
                { "s", "user", false }, { "s", "dan:/x", false },      { "other", NULL, false }, { "l", NULL, true } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *got = kata_dan__choose (folder, cases[i].id, cases[i].network);
    ck_assert_msg ((got != NULL) == cases[i].chosen, "%s, %s: %s", cases[i].id, cases[i].network, got);
    if (got != NULL && strcmp (cases[i].id, "s") == 0)
      ck_assert_str_eq (got, wanted);
  }
  ck_assert_ptr_null (kata_dan__choose ("", "s", NULL));
  ck_assert_ptr_null (kata_dan__choose (file, "s", NULL)); /* no folder */
  unlink (link);
  unlink (file);
  ck_assert_int_eq (rmdir (folder), 0);
}
END_TEST

START_TEST (reads)
{
  g_autoptr (kata_arena) arena = kata_arena__new ();
  kata_error *error = NULL;
  struct kata_dan dan;
  ck_assert_msg (kata_dan__parse (&dan, arena, whole, strlen (whole), &error) == 0, "%s",
                 kata_error_get_message (error));
  ck_assert_uint_eq (dan.n_nics, 2);
  ck_assert_int_eq (dan.nics[0].kind, KATA_NIC_VHOST_USER);
  ck_assert_str_eq (dan.nics[0].socket, "/run/s");
  ck_assert_uint_eq (dan.nics[0].queues, 2);
  ck_assert_uint_eq (dan.nics[0].queue_size, 512);
  ck_assert_uint_eq (dan.nics[0].mtu, 1400);
  ck_assert_uint_eq (dan.nics[1].queues, 1);
  ck_assert_uint_eq (dan.nics[1].mtu, 1500);
  ck_assert_uint_eq (dan.net.n_interfaces, 2);
  ck_assert_str_eq (dan.net.interfaces[0].addresses[1].address, "fd00::2");
  ck_assert_uint_eq (dan.net.interfaces[0].addresses[1].prefix, 64);
  ck_assert (dan.net.interfaces[0].addresses[1].ipv6 && !dan.net.interfaces[0].addresses[0].ipv6);
  ck_assert_uint_eq (dan.net.n_routes, 3);
  ck_assert_str_eq (dan.net.routes[0].dest, "172.18.0.0/16");
  ck_assert_str_eq (dan.net.routes[0].device, "eth0");
  ck_assert_str_eq (dan.net.routes[1].dest, "");
  ck_assert (dan.net.routes[2].ipv6);
  ck_assert_uint_eq (dan.net.n_neighbors, 1);
  ck_assert_str_eq (dan.net.neighbors[0].address, "10.1.0.3");
}
END_TEST

START_TEST (refuses)
{
  static const struct {
    const char *text;
    int code;
    const char *word;
  } cases[] = {
    { "", KATA_E_INVALID, "" },
    { "[]", KATA_E_INVALID, "$" },
    { "{}", KATA_E_INVALID, "devices" },
    { "{\"devices\":[]}", KATA_E_INVALID, "devices" },
    { "{\"devices\":[1]}", KATA_E_INVALID, "$.devices[0]" },
    { "{\"devices\":[{},{},{},{},{},{},{},{},{}]}", KATA_E_LIMIT, "9" },
    { "{\"devices\":[{}]}", KATA_E_INVALID, "device" },
    { HEAD "\"device\":{\"type\":\"host-tap\",\"tap_name\":\"t\"}}]}", KATA_E_UNSUPPORTED, "host-tap" },
    { HEAD "\"device\":{\"type\":\"vhost-user\"}}]}", KATA_E_INVALID, "path" },
    { HEAD "\"device\":{\"type\":\"vhost-user\",\"path\":\"s\"}}]}", KATA_E_INVALID, "not absolute" },
    { HEAD "\"device\":{\"type\":\"vhost-user\",\"path\":\"/s\",\"queue_num\":17}}]}", KATA_E_INVALID, "queue_num" },
    { HEAD "\"device\":{\"type\":\"vhost-user\",\"path\":\"/s\",\"queue_size\":3}}]}", KATA_E_INVALID, "queue_size" },
    { HEAD "\"device\":{\"type\":\"vhost-user\",\"path\":\"/s\",\"queue_num\":-1}}]}", KATA_E_INVALID, "queue_num" },
    { "{\"devices\":[{\"name\":\"e/0\",\"guest_mac\":\"02:00:00:00:00:01\"," DEVICE "}]}", KATA_E_INVALID, "e/0" },
    { "{\"devices\":[{\"name\":\"e,x=y\",\"guest_mac\":\"02:00:00:00:00:01\"," DEVICE "}]}", KATA_E_INVALID, "e,x=y" },
    { "{\"devices\":[{\"name\":\"sixteen-letters-\",\"guest_mac\":\"02:00:00:00:00:01\"," DEVICE "}]}", KATA_E_INVALID,
      "sixteen" },
    { "{\"devices\":[{\"name\":\"e\",\"guest_mac\":\"02:00:00:00:00:01,x\"," DEVICE "}]}", KATA_E_INVALID,
      "guest_mac" },
    { HEAD DEVICE "},{\"name\":\"eth0\",\"guest_mac\":\"02:00:00:00:00:02\"," DEVICE "}]}", KATA_E_INVALID, "another" },
    { HEAD DEVICE "},{\"name\":\"eth1\",\"guest_mac\":\"02:00:00:00:00:01\"," DEVICE "}]}", KATA_E_INVALID, "another" },
    { HEAD DEVICE ",\"network_info\":{\"interface\":{\"ip_addresses\":[\"10.1.0.2/33\"]}}}]}", KATA_E_INVALID,
      "10.1.0.2/33" },
    { HEAD DEVICE ",\"network_info\":{\"interface\":{\"ip_addresses\":[\"ten\"]}}}]}", KATA_E_INVALID, "ten" },
    { HEAD DEVICE ",\"network_info\":{\"interface\":{\"ip_addresses\":[7]}}}]}", KATA_E_INVALID, "ip_addresses[0]" },
    { HEAD DEVICE ",\"network_info\":{\"interface\":{\"mtu\":67}}}]}", KATA_E_INVALID, "mtu" },
    { HEAD DEVICE ",\"network_info\":{\"routes\":[7]}}]}", KATA_E_INVALID, "routes[0]" },
    { HEAD DEVICE ",\"network_info\":{\"routes\":[{\"gateway\":\"x\"}]}}]}", KATA_E_INVALID, "gateway" },
    { HEAD DEVICE ",\"network_info\":{\"routes\":[{\"dest\":\"10.2.0.0/16\",\"gateway\":\"fd00::1\"}]}}]}",
      KATA_E_INVALID, "IPv4 and of IPv6" },
    { HEAD DEVICE ",\"network_info\":{\"routes\":[{\"dest\":\"::/0\",\"gateway\":\"10.1.0.1\"}]}}]}", KATA_E_INVALID,
      "IPv4 and of IPv6" },
    { HEAD DEVICE ",\"network_info\":{\"routes\":[{\"gateway\":\"fd00::1\",\"source\":\"10.1.0.2\"}]}}]}",
      KATA_E_INVALID, "IPv4 and of IPv6" },
    { HEAD DEVICE ",\"network_info\":{\"neighbors\":[{\"ip_address\":\"10.0.0.1\",\"hardware_addr\":\"x\"}]}}]}",
      KATA_E_INVALID, "hardware_addr" },
    { HEAD DEVICE ",\"network_info\":{\"neighbors\":[{\"hardware_addr\":\"02:00:00:00:00:02\"}]}}]}", KATA_E_INVALID,
      "ip_address" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (kata_arena) arena = kata_arena__new ();
    g_autoptr (kata_error) error = NULL;
    struct kata_dan dan;
    int code = kata_dan__parse (&dan, arena, cases[i].text, strlen (cases[i].text), &error);
    ck_assert_msg (code == cases[i].code && strstr (kata_error_get_message (error), cases[i].word) != NULL, "%s: %d %s",
                   cases[i].text, code, kata_error_get_message (error));
  }
}
END_TEST

/* Each beginning of a good one, and each with a byte changed: a mistake or none, never more than that. */
START_TEST (mangled)
{
  size_t len = strlen (whole);
  for (size_t i = 0; i < len; i++) {
    g_autoptr (kata_arena) arena = kata_arena__new ();
    g_autofree char *text = g_strdup (whole);
    struct kata_dan dan;
    ck_assert_int_lt (kata_dan__parse (&dan, arena, whole, i, NULL), 0);
    text[i] ^= 0x11;
    kata_dan__parse (&dan, arena, text, len, NULL);
  }
}
END_TEST

START_TEST (files)
{
  char dir[] = "/tmp/kata-dan-XXXXXX";
  ck_assert_ptr_nonnull (mkdtemp (dir));
  g_autoptr (kata_arena) arena = kata_arena__new ();
  g_autofree char *path = g_build_filename (dir, "s.json", NULL), *link = g_build_filename (dir, "link", NULL);
  g_autofree char *large = g_strnfill (KATA_DAN_BYTES_MAX + 1, ' ');
  struct kata_dan dan;
  ck_assert_int_eq (kata_dan__read (&dan, arena, path, NULL), KATA_E_NOT_FOUND);
  ck_assert (g_file_set_contents (path, whole, -1, NULL));
  ck_assert_int_eq (symlink (path, link), 0);
  ck_assert_int_eq (kata_dan__read (&dan, arena, path, NULL), 0);
  ck_assert_int_eq (kata_dan__read (&dan, arena, link, NULL), KATA_E_IO);
  ck_assert_int_eq (kata_dan__read (&dan, arena, dir, NULL), KATA_E_IO);
  unlink (link);
  ck_assert_int_eq (mkfifo (link, 0600), 0);
  ck_assert_int_eq (kata_dan__read (&dan, arena, link, NULL), KATA_E_IO);
  ck_assert (g_file_set_contents (path, large, -1, NULL));
  ck_assert_int_eq (kata_dan__read (&dan, arena, path, NULL), KATA_E_LIMIT);
  unlink (path);
  unlink (link);
  rmdir (dir);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("dan");
  TCase *tc = tcase_create ("dan");
  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, reads);
  tcase_add_test (tc, chosen);
  tcase_add_test (tc, refuses);
  tcase_add_test (tc, mangled);
  tcase_add_test (tc, files);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
