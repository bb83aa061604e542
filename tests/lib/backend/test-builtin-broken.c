/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-builtin-broken: programs that are not kata-vmm or fail as it could, and a true one with bad input: a typed error, in time, nothing left. */
#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "backend/capability.h"
#include "base/error.h"
#include "broken.h"

static const char *kata_vmm;

static void
bed_open (struct broken *b, const char *text)
{
  broken_open (b, "builtin", text);
  b->plan.accel = KATA_ACCEL_KVM;
  b->plan.agent_kind = KATA_AGENT_HYBRID;
  b->plan.agent_port = 1024;
}

START_TEST (scripts)
{
  static const struct {
    const char *text;
    int code;
    const char *message;
  } cases[] = {
    { "echo 'no such machine' >&2; exit 1", KATA_E_VMM, "no such machine" },
    /* a true fault: pid 1 of a namespace does not take signals of its own */
    { "exec python3 -c 'import ctypes; ctypes.string_at(0)'", KATA_E_VMM, "killed by signal 11" },
    { "exec sleep 60", KATA_E_TIMEOUT, "kata-vmm" },
    { "exec python3 -c 'import socket,time; s=socket.socket(fileno=3); s.send(b\"220 ftp ready\"); time.sleep(60)'",
      KATA_E_PROTOCOL, "kata-vmm" },
    { "exec python3 -c 'import socket,time; s=socket.socket(fileno=3); s.send(b\"x\"*60000); time.sleep(60)'",
      KATA_E_PROTOCOL, "kata-vmm" },
    { "rm -f control.sock; exec 3>&-; exec sleep 60", KATA_E_VMM, "kata-vmm" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    struct broken b;
    bed_open (&b, cases[i].text);
    broken_launch (&b, cases[i].code, cases[i].message);
    broken_close (&b);
  }
}
END_TEST

START_TEST (missing)
{
  struct broken b;
  bed_open (&b, "exit 1");
  b.plan.hypervisor_path = "/opt/kata-vmm";
  broken_launch (&b, KATA_E_HOST, "hypervisor.builtin.path: \"/opt/kata-vmm\": No such file or directory");
  b.plan.hypervisor_path = b.program;
  b.plan.kernel = "/nonexistent/vmlinuz";
  broken_launch (&b, KATA_E_GUEST, "hypervisor.builtin.kernel: \"/nonexistent/vmlinuz\"");
  b.plan.kernel = b.tools;
  broken_launch (&b, KATA_E_GUEST, "is not a file");
  b.plan.kernel = b.kernel;
  b.plan.initrd = "/dev/null";
  broken_launch (&b, KATA_E_GUEST, "hypervisor.builtin.initrd");
  b.plan.initrd = b.kernel;
  b.plan.share_kind = KATA_SHARE_VIRTIOFS;
  b.plan.share_tag = "t";
  b.plan.virtiofsd_path = "/opt/virtiofsd";
  broken_launch (&b, KATA_E_HOST, "hypervisor.builtin.virtio_fs_daemon: \"/opt/virtiofsd\": No such file");
  broken_close (&b);
}
END_TEST

/* Both ways to run it say what is wrong with the kernel before anything of the guest's runs. */
START_TEST (bad_kernel)
{
  for (int isolation = KATA_ISOLATION_PROCESS; isolation <= KATA_ISOLATION_THREAD; isolation++) {
    struct broken b;
    bed_open (&b, "exit 1");
    b.plan.isolation = isolation;
    b.plan.hypervisor_path = kata_vmm;
    broken_launch (&b, KATA_E_GUEST, "kernel");
    broken_close (&b);
  }
}
END_TEST

int
main (int argc, char **argv)
{
  char path[PATH_MAX];
  kata_vmm = argc > 1 && realpath (argv[1], path) != NULL ? path : "";
  if (access ("/dev/kvm", R_OK | W_OK) != 0) {
    printf ("SKIP: no /dev/kvm to open\n");
    return 77;
  }
  Suite *suite = suite_create ("backend/builtin-broken");
  TCase *tcase = tcase_create ("broken");
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, scripts);
  tcase_add_test (tcase, missing);
  if (kata_vmm[0] != '\0')
    tcase_add_test (tcase, bad_kernel);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? 0 : 1;
}
