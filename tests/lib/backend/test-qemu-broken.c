/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-qemu-broken: programs that are not QEMU or fail as QEMU could: a typed error that says so, in time, and nothing left. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "backend/call.h"
#include "backend/capability.h"
#include "backend/external.h"
#include "backend/qemu/vm.h"
#include "backend/virtiofsd.h"
#include "base/error.h"
#include "journal.h"

#define VERSION "case \"$1\" in --version) echo 'QEMU emulator version 7.2.0'; exit 0;; esac; "

struct bed {
  char *dir, *tools, *program, *kernel;
  struct test_journal *journal;
  kata_registry *registry;
  const kata_backend_entry *qemu;
  kata_vm_plan plan;
  kata_backend_env env;
};

static char *
script (const struct bed *b, const char *name, const char *text)
{
  char *path = g_build_filename (b->tools, name, NULL);
  g_autofree char *whole = g_strconcat ("#!/bin/sh\n", text, "\n", NULL);
  ck_assert (g_file_set_contents (path, whole, -1, NULL));
  ck_assert_int_eq (chmod (path, 0755), 0);
  return path;
}

static void
bed_open (struct bed *b, const char *text)
{
  memset (b, 0, sizeof *b);
  b->dir = g_dir_make_tmp ("kata-broken-XXXXXX", NULL);
  b->tools = g_dir_make_tmp ("kata-tools-XXXXXX", NULL);
  b->program = script (b, "qemu", text);
  b->kernel = script (b, "kernel", "");
  b->journal = test_journal_new ();
  ck_assert_int_eq (kata_registry__new (&b->registry, NULL), 0);
  ck_assert_int_eq (kata_registry__find (&b->qemu, b->registry, "qemu", NULL), 0);
  b->plan = (kata_vm_plan){ .size = sizeof b->plan,
                            .id = "broken",
                            .dir = b->dir,
                            .hypervisor_path = b->program,
                            .accel = KATA_ACCEL_TCG,
                            .vcpus = 1,
                            .memory_mib = 128,
                            .kernel = b->kernel,
                            .initrd = b->kernel,
                            .cmdline = "",
                            .share_dir = b->tools,
                            .agent_kind = KATA_AGENT_SERIAL,
                            .agent_serial_ports = 1 };
  b->env = (kata_backend_env){ .size = sizeof b->env,
                               .deadline_us = kata_deadline__within (INT64_MAX, 700),
                               .journal = b->journal,
                               .record = test_journal_record };
}

static void
bed_close (struct bed *b)
{
  ck_assert_uint_eq (test_journal_alive (b->journal), 0);
  ck_assert_int_eq (test_journal_replay (b->journal, b->dir), 0);
  GDir *dir = g_dir_open (b->tools, 0, NULL);
  for (const char *name; (name = g_dir_read_name (dir)) != NULL;) {
    g_autofree char *path = g_build_filename (b->tools, name, NULL);
    g_unlink (path);
  }
  g_dir_close (dir);
  ck_assert_int_eq (g_rmdir (b->tools), 0);
  kata_registry__free (b->registry);
  g_free (b->dir);
  g_free (b->tools);
  g_free (b->program);
  g_free (b->kernel);
}

static void
launch_fails (struct bed *b, int code, const char *text)
{
  kata_vm *vm = NULL;
  g_autoptr (kata_error) error = NULL;
  int64_t begun = kata_deadline__now ();
  int got = kata_vm__launch (&vm, b->qemu, &b->plan, &b->env, &error);
  ck_assert_ptr_null (vm);
  ck_assert_msg (got == code && strstr (kata_error_get_message (error), text) != NULL, "%d: %s", got,
                 kata_error_get_message (error));
  ck_assert_int_lt (kata_deadline__now () - begun, 3000000);
}

START_TEST (scripts)
{
  static const struct {
    const char *text;
    int code;
    const char *message;
  } cases[] = {
    { VERSION "echo 'no such machine' >&2; exit 1", KATA_E_VMM, "exit status 1; it said: no such machine" },
    { VERSION "kill -SEGV $$", KATA_E_VMM, "killed by signal 11" },
    { VERSION "exec sleep 60", KATA_E_TIMEOUT, "nobody listens there in time" },
    { VERSION "exec python3 -c 'import socket,time;s=socket.socket(socket.AF_UNIX);s.bind(\"qmp.sock\");s.listen();"
              "c=s.accept()[0];c.sendall(b\"220 ftp ready\\n\");time.sleep(60)'",
      KATA_E_PROTOCOL, "220 ftp ready" },
    { VERSION "exec python3 -c 'import socket,time;s=socket.socket(socket.AF_UNIX);s.bind(\"qmp.sock\");s.listen();"
              "time.sleep(60)'",
      KATA_E_TIMEOUT, "no answer in time" },
    { VERSION "ln -s /dev/null qmp.sock; exec sleep 60", KATA_E_PERMISSION, "not a socket" },
    { "echo 'GNU bash, version 5.2'", KATA_E_HOST, "is no QEMU" },
    { "echo 'QEMU emulator version 4.2.1'", KATA_E_HOST, "is version 4.2" },
    { "exit 3", KATA_E_HOST, "exit status 3" },
    { "kill -SEGV $$", KATA_E_HOST, "killed by signal 11" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct bed b;
    bed_open (&b, cases[i].text);
    if (i == 3 || i == 4)
      b.env.deadline_us = kata_deadline__within (INT64_MAX, 2000); /* python starts slowly */
    launch_fails (&b, cases[i].code, cases[i].message);
    bed_close (&b);
  }
}
END_TEST

START_TEST (missing)
{
  struct bed b;
  kata_capabilities caps;
  bed_open (&b, VERSION "exit 1");
  b.plan.hypervisor_path = "/opt/q";
  launch_fails (&b, KATA_E_HOST,
                "hypervisor.qemu.path: \"/opt/q\": No such file or directory; install qemu-system-x86");
  ck_assert_int_eq (kata_backend__probe (b.qemu, &b.plan, &caps, NULL), 0);
  ck_assert (!kata_capabilities__has (&caps, KATA_CAP_RUN));
  ck_assert_ptr_nonnull (strstr (caps.reason[KATA_CAP_RUN], "/opt/q"));
  b.plan.hypervisor_path = b.tools;
  launch_fails (&b, KATA_E_HOST, "not an executable file");
  b.plan.hypervisor_path = "qemu";
  launch_fails (&b, KATA_E_CONFIG, "not an absolute path");
  b.plan.hypervisor_path = b.program;
  b.plan.kernel = "/nonexistent/vmlinuz";
  launch_fails (&b, KATA_E_GUEST, "hypervisor.qemu.kernel: \"/nonexistent/vmlinuz\"");
  b.plan.kernel = b.tools;
  launch_fails (&b, KATA_E_GUEST, "is not a file");
  b.plan.kernel = b.kernel;
  b.plan.initrd = "/dev/null";
  launch_fails (&b, KATA_E_GUEST, "hypervisor.qemu.initrd");
  bed_close (&b);
}
END_TEST

START_TEST (virtiofsd)
{
  struct bed b;
  bed_open (&b, VERSION "exec sleep 60");
  b.plan.share_kind = KATA_SHARE_VIRTIOFS;
  b.plan.virtiofsd_path = "/opt/virtiofsd";
  launch_fails (&b, KATA_E_HOST, "virtio_fs_daemon: \"/opt/virtiofsd\": No such file");
  g_autofree char *other = script (&b, "v1", "echo something else");
  b.plan.virtiofsd_path = other;
  launch_fails (&b, KATA_E_HOST, "is no virtiofsd");
  /* It starts, says why it cannot go on, and ends: that is in the error though QEMU is what we wait for. */
  g_autofree char *dies =
      script (&b, "v2",
              "case \"$1\" in --version) echo virtiofsd 1.13.0;; *) echo 'unshare: not permitted' >&2; exit 4;; esac");
  b.plan.virtiofsd_path = dies;
  launch_fails (&b, KATA_E_TIMEOUT, "virtiofsd: exit status 4: unshare: not permitted");
  bed_close (&b);
}
END_TEST

/* --version that never ends: the probe gives up; here with a deadline of our own, as its five seconds are long for a test. */
START_TEST (hanging_version)
{
  struct bed b;
  g_autofree char *text = NULL;
  bed_open (&b, "exec sleep 60");
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (
      kata_external__output (&text, b.program, "--version", kata_deadline__within (INT64_MAX, 200), &error),
      KATA_E_TIMEOUT);
  bed_close (&b);
}
END_TEST

/* A journal that cannot be written: nothing is started. */
static int
full (void *journal, const kata_undo *undo, kata_error **err)
{
  return kata_error__set (err, KATA_E_IO, NULL, "the journal is full");
}

START_TEST (journal_full)
{
  struct bed b;
  bed_open (&b, VERSION "touch /tmp/kata-test-must-not-exist; exit 1");
  b.env.record = full;
  launch_fails (&b, KATA_E_IO, "the journal is full");
  ck_assert_int_eq (access ("/tmp/kata-test-must-not-exist", F_OK), -1);
  bed_close (&b);
}
END_TEST

START_TEST (saved_text)
{
  static const char *const bad[] = {
    "",
    "{",
    "[]",
    "{}",
    "{\"version\":2}",
    "{\"version\":1,\"qemu\":[0,0],\"virtiofsd\":[0,0],\"agent\":2,\"cid\":0,\"port\":0,\"serial_ports\":1}",
    "{\"version\":1,\"qemu\":[5],\"virtiofsd\":[0,0],\"agent\":2,\"cid\":0,\"port\":0,\"serial_ports\":1}",
    "{\"version\":1,\"qemu\":[5,\"x\"],\"virtiofsd\":[0,0],\"agent\":2,\"cid\":0,\"port\":0,\"serial_ports\":1}",
    "{\"version\":1,\"qemu\":[5,1],\"virtiofsd\":[0,0],\"agent\":9,\"cid\":0,\"port\":0,\"serial_ports\":1}",
    "{\"version\":1,\"qemu\":[5,1],\"virtiofsd\":[0,0],\"agent\":2,\"cid\":0,\"port\":0,\"serial_ports\":99}"
  };
  struct bed b;
  bed_open (&b, VERSION "exit 1");
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    kata_vm *vm = NULL;
    ck_assert_int_eq (kata_vm__attach (&vm, b.qemu, &b.plan, bad[i], &b.env, NULL), KATA_E_CORRUPT);
  }
  bed_close (&b);
}
END_TEST

START_TEST (helpers)
{
  unsigned v[3];
  ck_assert (kata_external__parse_version ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg)", v));
  ck_assert (v[0] == 7 && v[1] == 2 && v[2] == 22);
  ck_assert (kata_external__parse_version ("v10.1", v));
  ck_assert (v[0] == 10 && v[1] == 1 && v[2] == 0);
  ck_assert (!kata_external__parse_version ("7 dwarfs", v));
  ck_assert (!kata_external__parse_version ("", v));
  char path[] = "/tmp/kata-test-cpuinfo-XXXXXX";
  int fd = mkstemp (path);
  static const char text[] = "flags\t\t: fpu constant_tsc nonstop_tsc\nbogomips\t: 4890.84\n\n";
  ck_assert_int_eq (write (fd, text, sizeof text - 1), (int) sizeof text - 1);
  close (fd);
  ck_assert_uint_eq (kata_qemu__tsc_khz (path), 2445420);
  unlink (path);
  ck_assert_uint_eq (kata_qemu__tsc_khz (path), 0);
}
END_TEST

int
main (void)
{
  TCase *tc = tcase_create ("broken");
  Suite *suite = suite_create ("backend/qemu-broken");
  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, scripts);
  tcase_add_test (tc, missing);
  tcase_add_test (tc, virtiofsd);
  tcase_add_test (tc, hanging_version);
  tcase_add_test (tc, journal_full);
  tcase_add_test (tc, saved_text);
  tcase_add_test (tc, helpers);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
