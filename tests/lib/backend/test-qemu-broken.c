/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-qemu-broken: programs that are not QEMU or fail as QEMU could: a typed error that says so, in time, and nothing left. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "backend/call.h"
#include "backend/capability.h"
#include "backend/external.h"
#include "backend/qemu/kernel.h"
#include "backend/qemu/vm.h"
#include "backend/virtiofsd.h"
#include "base/error.h"
#include "broken.h"

#define VERSION "case \"$1\" in --version) echo 'QEMU emulator version 7.2.0'; exit 0;; esac; "

static void
bed_open (struct broken *b, const char *text)
{
  broken_open (b, "qemu", text);
  b->plan.accel = KATA_ACCEL_TCG;
  b->plan.agent_kind = KATA_AGENT_SERIAL;
  b->plan.agent_serial_ports = 1;
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
    { VERSION "ln -s /dev/null qmp.sock; exec sleep 60", KATA_E_PERMISSION, "not a socket" },
    { "echo 'GNU bash, version 5.2'", KATA_E_HOST, "is no QEMU" },
    { "echo 'QEMU emulator version 4.2.1'", KATA_E_HOST, "is version 4.2" },
    { "exit 3", KATA_E_HOST, "exit status 3" },
    { "kill -SEGV $$", KATA_E_HOST, "killed by signal 11" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct broken b;
    bed_open (&b, cases[i].text);
    broken_launch (&b, cases[i].code, cases[i].message);
    broken_close (&b);
  }
}
END_TEST

/* One that listens and says nothing. It listens before it starts, since that may take longer than there is time. */
START_TEST (silent)
{
  struct broken b;
  int dir_fd, listener;
  bed_open (&b, VERSION "exec sleep 60");
  ck_assert_int_eq (kata_external__open_dir (&dir_fd, b.dir, NULL), 0);
  ck_assert_int_eq (kata_external__listen (&listener, dir_fd, "qmp.sock", SOCK_STREAM, NULL), 0);
  broken_launch (&b, KATA_E_TIMEOUT, "no answer in time");
  close (listener);
  close (dir_fd);
  broken_close (&b);
}
END_TEST

START_TEST (missing)
{
  struct broken b;
  kata_capabilities caps;
  bed_open (&b, VERSION "exit 1");
  b.plan.hypervisor_path = "/opt/q";
  broken_launch (&b, KATA_E_HOST,
                 "hypervisor.qemu.path: \"/opt/q\": No such file or directory; install qemu-system-x86");
  ck_assert_int_eq (kata_backend__probe (b.backend, &b.plan, &caps, NULL), 0);
  ck_assert (!kata_capabilities__has (&caps, KATA_CAP_RUN));
  ck_assert_ptr_nonnull (strstr (caps.reason[KATA_CAP_RUN], "/opt/q"));
  b.plan.hypervisor_path = b.tools;
  broken_launch (&b, KATA_E_HOST, "not an executable file");
  b.plan.hypervisor_path = "qemu";
  broken_launch (&b, KATA_E_CONFIG, "not an absolute path");
  b.plan.hypervisor_path = b.program;
  b.plan.kernel = "/nonexistent/vmlinuz";
  broken_launch (&b, KATA_E_GUEST, "hypervisor.qemu.kernel: \"/nonexistent/vmlinuz\"");
  b.plan.kernel = b.tools;
  broken_launch (&b, KATA_E_GUEST, "is not a file");
  b.plan.kernel = b.kernel;
  b.plan.initrd = "/dev/null";
  broken_launch (&b, KATA_E_GUEST, "hypervisor.qemu.initrd");
  broken_close (&b);
}
END_TEST

START_TEST (virtiofsd)
{
  struct broken b;
  bed_open (&b, VERSION "while [ ! -e \"${0%/*}/told\" ]; do sleep 0.1; done; sleep 1; exit 1");
  b.plan.share_kind = KATA_SHARE_VIRTIOFS;
  b.plan.virtiofsd_path = "/opt/virtiofsd";
  broken_launch (&b, KATA_E_HOST, "hypervisor.qemu.virtio_fs_daemon: \"/opt/virtiofsd\": No such file");
  g_autofree char *other = broken_script (&b, "v1", "echo something else");
  b.plan.virtiofsd_path = other;
  broken_launch (&b, KATA_E_HOST, "is no virtiofsd");
  /* It starts, says why it cannot go on, and ends: that is in the error though QEMU is what we wait for. */
  g_autofree char *dies =
      broken_script (&b, "v2",
                     "case \"$1\" in --version) echo virtiofsd 1.13.0;; *) echo 'unshare: not permitted' >&2; touch "
                     "\"${0%/*}/told\"; exit 4;; esac");
  b.plan.virtiofsd_path = dies;
  broken_launch (&b, KATA_E_VMM, "virtiofsd: exit status 4: unshare: not permitted");
  broken_close (&b);
}
END_TEST

/* --version that never ends: the probe gives up; here with a deadline of our own, as its five seconds are long for a test. */
START_TEST (hanging_version)
{
  struct broken b;
  g_autofree char *text = NULL;
  bed_open (&b, "exec sleep 60");
  g_autoptr (kata_error) error = NULL;
  ck_assert_int_eq (
      kata_external__output (&text, b.program, "--version", kata_deadline__within (INT64_MAX, 200), &error),
      KATA_E_TIMEOUT);
  broken_close (&b);
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
  struct broken b;
  bed_open (&b, VERSION "touch /tmp/kata-test-must-not-exist; exit 1");
  b.env.record = full;
  broken_launch (&b, KATA_E_IO, "the journal is full");
  ck_assert_int_eq (access ("/tmp/kata-test-must-not-exist", F_OK), -1);
  broken_close (&b);
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
  struct broken b;
  bed_open (&b, VERSION "exit 1");
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    kata_vm *vm = NULL;
    ck_assert_int_eq (kata_vm__attach (&vm, b.backend, &b.plan, bad[i], &b.env, NULL), KATA_E_CORRUPT);
  }
  broken_close (&b);
}
END_TEST

/* The program that is named is one that there is. */
START_TEST (kernel_of_another_machine)
{
  g_autofree char *path = NULL;
  g_autoptr (kata_error) error = NULL;
  close (g_file_open_tmp ("kata-kernel-XXXXXX", &path, NULL));
  ck_assert (g_file_set_contents (path, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\25\0", 20, NULL));
  ck_assert_int_eq (kata_qemu__check_kernel (path, "x86_64", &error), KATA_E_GUEST);
  ck_assert_int_eq (unlink (path), 0);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "set path to qemu-system-ppc64 or"));
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
  tcase_add_test (tc, silent);
  tcase_add_test (tc, missing);
  tcase_add_test (tc, virtiofsd);
  tcase_add_test (tc, hanging_version);
  tcase_add_test (tc, journal_full);
  tcase_add_test (tc, saved_text);
  tcase_add_test (tc, kernel_of_another_machine);
  tcase_add_test (tc, helpers);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
