/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-qemu-guest: real guests under QEMU (TCG where there is no KVM): launch, connect, pause, attach, stop. Figures on standard output. */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include <ttrpc/ttrpc.h>

#include "backend/call.h"
#include "backend/capability.h"
#include "base/error.h"
#include "host/kvm.h"
#include "journal.h"
#include "proto/agent.pb-c.h"
#include "proto/health.pb-c.h"
#include "residue.h"

#define CMDLINE                                                                                                        \
  "reboot=t panic=-1 quiet rcupdate.rcu_expedited=1 cryptomgr.notests random.trust_cpu=on no_timer_check "             \
  "tsc=reliable "                                                                                                      \
  "noreplace-smp pci=lastbus=0"

struct bed {
  char *dir, *share, *kernel, *initrd;
  kata_registry *registry;
  const kata_backend_entry *qemu;
  struct test_journal *journal;
  kata_vm_plan plan;
  kata_backend_env env;
  kata_vm *vm;
};

static char *guest_dir;

static void
bed_open (struct bed *b)
{
  char reason[200];
  memset (b, 0, sizeof *b);
  b->dir = g_dir_make_tmp ("kata-qemu-XXXXXX", NULL);
  b->share = g_dir_make_tmp ("kata-share-XXXXXX", NULL);
  b->kernel = g_build_filename (guest_dir, "vmlinuz", NULL);
  b->initrd = g_build_filename (guest_dir, "kata-containers-initrd.img", NULL);
  b->journal = test_journal_new ();
  ck_assert_int_eq (kata_registry__new (&b->registry, NULL), 0);
  ck_assert_int_eq (kata_registry__find (&b->qemu, b->registry, "qemu", NULL), 0);
  b->plan = (kata_vm_plan){ .size = sizeof b->plan,
                            .id = "test",
                            .dir = b->dir,
                            .hypervisor_path = getenv ("KATA_TEST_QEMU"),
                            .machine_type = "q35",
                            .cpu_features = getenv ("KATA_TEST_CPU_FEATURES"),
                            .machine_accelerators = getenv ("KATA_TEST_MACHINE"),
                            .accel = kata_kvm__usable (NULL, reason, sizeof reason) ? KATA_ACCEL_KVM : KATA_ACCEL_TCG,
                            .vcpus = 1,
                            .max_vcpus = 1,
                            .memory_mib = 256,
                            .kernel = b->kernel,
                            .initrd = b->initrd,
                            .cmdline = getenv ("KATA_TEST_CMDLINE") ? getenv ("KATA_TEST_CMDLINE") : CMDLINE,
                            .share_dir = b->share,
                            .share_tag = "kataShared",
                            .agent_kind = KATA_AGENT_SERIAL,
                            .agent_serial_ports = 2,
                            .entropy_source = "/dev/urandom" };
  b->env = (kata_backend_env){ .size = sizeof b->env,
                               .deadline_us = kata_deadline__within (INT64_MAX, 60000),
                               .journal = b->journal,
                               .record = test_journal_record };
}

static void
bed_close (struct bed *b)
{
  kata_vm__free (b->vm);
  ck_assert_uint_eq (test_journal_alive (b->journal), 0);
  ck_assert_int_eq (test_journal_replay (b->journal, b->dir), 0);
  ck_assert_int_eq (rmdir (b->share), 0);
  kata_registry__free (b->registry);
  g_free (b->dir);
  g_free (b->share);
  g_free (b->kernel);
  g_free (b->initrd);
}

static void
show_console (const struct bed *b)
{
  g_autofree char *path = g_build_filename (b->dir, "console.log", NULL);
  g_autofree char *text = NULL;
  if (g_file_get_contents (path, &text, NULL, NULL))
    fprintf (stderr, "---- console\n%s\n----\n", text);
}

static ttrpc_client *
agent (struct bed *b)
{
  kata_stream stream;
  ttrpc_client *client = NULL;
  g_autoptr (kata_error) error = NULL;
  int code = kata_vm__connect (b->vm, &stream, &b->env, &error);
  if (code < 0)
    show_console (b);
  ck_assert_msg (code == 0, "%s", kata_error_get_message (error));
  struct ttrpc_io io = { stream.ctx, stream.read, stream.write, stream.shutdown, stream.close };
  ck_assert_int_eq (ttrpc_client_new (&client, &io), 0);
  return client;
}

static void
check_health (ttrpc_client *client)
{
  struct ttrpc_reply reply;
  ttrpc_client_call (client, "grpc.Health", "Check", "", 0, 20000, &reply);
  ck_assert_msg (reply.code == 0, "%s", reply.message != NULL ? reply.message : "");
  Grpc__HealthCheckResponse *answer = grpc__health_check_response__unpack (NULL, reply.payload_len, reply.payload);
  ck_assert_ptr_nonnull (answer);
  ck_assert_int_eq (answer->status, GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
  grpc__health_check_response__free_unpacked (answer, NULL);
  ttrpc_reply_clear (&reply);
}

/* CPU time of the VMM so far: steadier than wall time on a busy machine. */
static int
cpu_ms (kata_vm *vm)
{
  int64_t pids[2];
  g_autofree char *text = NULL;
  unsigned long user = 0, system = 0;
  if (kata_vm__pids (vm, pids, 2) == 0)
    return 0;
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int) pids[0]);
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  sscanf (strrchr (text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  return (int) ((user + system) * 1000 / (unsigned long) sysconf (_SC_CLK_TCK));
}

/* The agent mounts the share, so the devices and the server behind it work. */
static void
mount_share (struct bed *b)
{
  Grpc__Storage storage = GRPC__STORAGE__INIT, *storages[] = { &storage };
  Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;
  struct ttrpc_reply reply;
  storage.driver = (char *) "virtio-fs";
  storage.source = (char *) "kataShared";
  storage.fstype = (char *) "virtiofs";
  storage.mount_point = (char *) "/run/kata-containers/shared/containers";
  request.sandbox_id = (char *) "test";
  request.hostname = (char *) "test";
  request.storages = storages;
  request.n_storages = 1;
  g_autofree uint8_t *data = g_malloc (grpc__create_sandbox_request__get_packed_size (&request));
  size_t len = grpc__create_sandbox_request__pack (&request, data);
  ttrpc_client *client = agent (b);
  ttrpc_client_call (client, "grpc.AgentService", "CreateSandbox", data, len, 30000, &reply);
  ck_assert_msg (reply.code == 0, "%s", reply.message != NULL ? reply.message : "");
  ttrpc_reply_clear (&reply);
  ttrpc_client_free (client);
}

static void
boot (struct bed *b, const char *what)
{
  g_autoptr (kata_error) error = NULL;
  int64_t begun = kata_deadline__now ();
  int code = kata_vm__launch (&b->vm, b->qemu, &b->plan, &b->env, &error);
  ck_assert_msg (code == 0, "%s", kata_error_get_message (error));
  int64_t launched = kata_deadline__now ();
  ttrpc_client *client = agent (b);
  int64_t connected = kata_deadline__now ();
  int cpu = cpu_ms (b->vm);
  check_health (client);
  int64_t answered = kata_deadline__now ();
  ttrpc_client_free (client);
  printf ("%-28s QMP after %4d ms, agent connected after %5d ms, Health.Check answered after %5d ms, %5d ms of CPU\n",
          what, (int) ((launched - begun) / 1000), (int) ((connected - begun) / 1000),
          (int) ((answered - begun) / 1000), cpu);
  fflush (stdout);
}

static void
stop (struct bed *b)
{
  g_autoptr (kata_error) error = NULL;
  struct pollfd poller = { .fd = kata_vm__exit_fd (b->vm), .events = POLLIN };
  int64_t begun = kata_deadline__now ();
  int code = kata_vm__stop (b->vm, 0, &b->env, &error);
  ck_assert_msg (code == 0, "%s", kata_error_get_message (error));
  ck_assert_int_lt (kata_deadline__now () - begun, 3000000);
  ck_assert_int_eq (poll (&poller, 1, 0), 1);
}

/* Every process whose command line names the share: virtiofsd has one more inside its namespace. */
static int
serving (const struct bed *b)
{
  int n = 0;
  GDir *proc = g_dir_open ("/proc", 0, NULL);
  for (const char *name; (name = g_dir_read_name (proc)) != NULL;) {
    g_autofree char *path = g_build_filename ("/proc", name, "cmdline", NULL);
    g_autofree char *text = NULL;
    size_t len = 0;
    if (g_ascii_isdigit (name[0]) && g_file_get_contents (path, &text, &len, NULL))
      n += memmem (text, len, b->share, strlen (b->share)) != NULL;
  }
  g_dir_close (proc);
  return n;
}

/* What a guest prints cannot fill the disk. */
static void
check_log_limit (kata_vm *vm)
{
  int64_t pids[4];
  g_autofree char *text = NULL;
  ck_assert_uint_gt (kata_vm__pids (vm, pids, 4), 0);
  g_autofree char *path = g_strdup_printf ("/proc/%d/limits", (int) pids[0]);
  ck_assert (g_file_get_contents (path, &text, NULL, NULL));
  ck_assert_ptr_nonnull (strstr (text, "Max file size             4194304"));
}

static bool
has (struct bed *b, int capability)
{
  kata_capabilities caps;
  ck_assert_int_eq (kata_backend__probe (b->qemu, &b->plan, &caps, NULL), 0);
  if (!kata_capabilities__has (&caps, capability))
    printf ("SKIP: %s: %s\n", kata_capability_name (capability), caps.reason[capability]);
  return kata_capabilities__has (&caps, capability);
}

START_TEST (q35)
{
  struct bed b;
  bed_open (&b);
  boot (&b, "q35, virtio-serial");
  stop (&b);
  bed_close (&b);
}
END_TEST

START_TEST (microvm)
{
  struct bed b;
  bed_open (&b);
  b.plan.machine_type = "microvm";
  boot (&b, "microvm, virtio-serial");
  stop (&b);
  bed_close (&b);
}
END_TEST

START_TEST (virtiofs)
{
  static const char *const machines[] = { "q35", "microvm" };
  int64_t pids[4];
  for (int i = 0; i < 2; i++) {
    struct bed b;
    bed_open (&b);
    b.plan.machine_type = machines[i];
    b.plan.share_kind = KATA_SHARE_VIRTIOFS;
    if (has (&b, KATA_CAP_FS_SHARE_VIRTIOFS)) {
      boot (&b, i == 0 ? "q35, virtio-fs" : "microvm, virtio-fs");
      ck_assert_uint_eq (kata_vm__pids (b.vm, pids, 4), 2);
      mount_share (&b);
      ck_assert_int_eq (serving (&b), 2);
      check_log_limit (b.vm);
      stop (&b);
      ck_assert_int_eq (serving (&b), 0);
    }
    bed_close (&b);
  }
}
END_TEST

START_TEST (vsock)
{
  struct bed b;
  bed_open (&b);
  b.plan.agent_kind = KATA_AGENT_VSOCK;
  b.plan.agent_port = 1024;
  if (has (&b, KATA_CAP_VSOCK_VHOST)) {
    boot (&b, "q35, vsock");
    stop (&b);
  }
  bed_close (&b);
}
END_TEST

/* Disks by their serial numbers, one of them read-only; the guest with 9p. */
START_TEST (disks_and_9p)
{
  struct bed b;
  bed_open (&b);
  g_autofree char *path = g_build_filename (b.dir, "disk,with=comma.raw", NULL);
  ck_assert (g_file_set_contents (path, "x", 1, NULL));
  ck_assert_int_eq (truncate (path, 1 << 20), 0);
  kata_vm_disk one = { sizeof one, "one", path, 1 }, two = { sizeof two, "two", path, 1 };
  const kata_vm_disk *const disks[] = { &one, &two, NULL };
  b.plan.disks = disks;
  b.plan.share_kind = KATA_SHARE_9P;
  b.plan.block_aio = 2;
  b.plan.memory_reporting = 1;
  boot (&b, "q35, 9p, two disks, balloon");
  stop (&b);
  unlink (path);
  bed_close (&b);
}
END_TEST

/* Another handle, as another process would have it: all that the first one can do; two connections at once; pause and resume. */
START_TEST (attach)
{
  struct bed b;
  kata_vm *other = NULL;
  kata_stream stream;
  g_autofree char *saved = NULL;
  bed_open (&b);
  boot (&b, "q35, for a second handle");
  ck_assert_int_eq (kata_vm__save (b.vm, &saved, NULL), 0);
  g_autoptr (kata_error) error = NULL;
  ck_assert_msg (kata_vm__attach (&other, b.qemu, &b.plan, saved, &b.env, &error) == 0, "%s",
                 kata_error_get_message (error));
  ttrpc_client *first = agent (&b);
  kata_vm *mine = b.vm;
  b.vm = other;
  ttrpc_client *second = agent (&b);
  check_health (second);
  check_health (first);
  /* Both ports are taken: the third waits, then says so. */
  kata_backend_env brief = b.env;
  brief.deadline_us = kata_deadline__within (INT64_MAX, 200);
  ck_assert_int_eq (kata_vm__connect (other, &stream, &brief, NULL), KATA_E_BUSY);
  ck_assert_int_eq (kata_vm__pause (other, &b.env, NULL), 0);
  ck_assert_int_eq (kata_vm__pause (other, &b.env, NULL), KATA_E_STATE);
  struct ttrpc_reply reply;
  ttrpc_client_call (first, "grpc.Health", "Check", "", 0, 300, &reply);
  ck_assert_int_eq (reply.code, TTRPC_DEADLINE_EXCEEDED);
  ttrpc_reply_clear (&reply);
  ck_assert_int_eq (kata_vm__resume (mine, &b.env, NULL), KATA_E_STATE); /* it never paused it */
  ck_assert_int_eq (kata_vm__resume (other, &b.env, NULL), 0);
  check_health (first);
  ttrpc_client_free (first);
  ttrpc_client_free (second);
  /* A port's next user starts afresh. */
  ttrpc_client *third = agent (&b);
  check_health (third);
  ttrpc_client_free (third);
  stop (&b);
  kata_vm__free (other);
  b.vm = mine;
  g_autofree char *why = kata_vm__why (mine);
  ck_assert_msg (strcmp (why, "qemu ended") == 0, "%s", why); /* the other handle took the exit status */
  /* Attached to when it is gone. */
  ck_assert_int_eq (kata_vm__attach (&other, b.qemu, &b.plan, saved, &b.env, NULL), 0);
  struct pollfd poller = { .fd = kata_vm__exit_fd (other), .events = POLLIN };
  ck_assert_int_eq (poll (&poller, 1, 0), 1);
  ck_assert_int_eq (kata_vm__connect (other, &stream, &b.env, NULL), KATA_E_VMM);
  ck_assert_int_eq (kata_vm__stop (other, 0, &b.env, NULL), 0);
  kata_vm__free (other);
  bed_close (&b);
}
END_TEST

/* The guest dies early: the error says so, with the kernel's words, well before the deadline. */
START_TEST (panic)
{
  struct bed b;
  kata_stream stream;
  bed_open (&b);
  b.plan.cmdline = "panic=-1 reboot=t quiet rdinit=/nonexistent root=/dev/none";
  g_autoptr (kata_error) error = NULL;
  ck_assert_msg (kata_vm__launch (&b.vm, b.qemu, &b.plan, &b.env, &error) == 0, "%s", kata_error_get_message (error));
  ck_assert_int_eq (kata_vm__connect (b.vm, &stream, &b.env, &error), KATA_E_GUEST);
  ck_assert_msg (strstr (kata_error_get_message (error), "Kernel panic") != NULL, "%s", kata_error_get_message (error));
  printf ("panic: %s\n", kata_error_get_message (error));
  stop (&b);
  bed_close (&b);
}
END_TEST

START_TEST (killed)
{
  struct bed b;
  kata_stream stream;
  int64_t pids[2];
  bed_open (&b);
  boot (&b, "q35, killed later");
  ck_assert_uint_eq (kata_vm__pids (b.vm, pids, 2), 1);
  kill ((pid_t) pids[0], SIGKILL);
  g_autoptr (kata_error) error = NULL;
  struct pollfd poller = { .fd = kata_vm__exit_fd (b.vm), .events = POLLIN };
  ck_assert_int_eq (poll (&poller, 1, 5000), 1);
  ck_assert_int_eq (kata_vm__connect (b.vm, &stream, &b.env, &error), KATA_E_VMM);
  ck_assert_msg (strstr (kata_error_get_message (error), "killed by signal 9") != NULL, "%s",
                 kata_error_get_message (error));
  stop (&b);
  bed_close (&b);
}
END_TEST

int
main (int argc, char **argv)
{
  prctl (PR_SET_CHILD_SUBREAPER, 1);
  const char *chosen = getenv ("KATA_TEST_GUEST");
  guest_dir = g_strdup (chosen != NULL ? chosen : argc > 1 ? argv[1] : "");
  g_autofree char *kernel = g_build_filename (guest_dir, "vmlinuz", NULL);
  g_autofree char *initrd = g_build_filename (guest_dir, "kata-containers-initrd.img", NULL);
  if (access (kernel, R_OK) != 0 || access (initrd, R_OK) != 0) {
    printf ("SKIP: no guest image in %s; build it first\n", guest_dir);
    return 77;
  }
  struct {
    const char *name;
    const TTest *test;
  } tests[] = { { "q35", q35 },         { "microvm", microvm }, { "virtiofs", virtiofs }, { "vsock", vsock },
                { "9p", disks_and_9p }, { "attach", attach },   { "panic", panic },       { "killed", killed } };
  Suite *suite = suite_create ("backend/qemu-guest");
  for (size_t i = 0; i < G_N_ELEMENTS (tests); i++) {
    TCase *tc = tcase_create (tests[i].name);
    tcase_set_timeout (tc, 120);
    tcase_add_test (tc, tests[i].test);
    suite_add_tcase (suite, tc);
  }
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  residue_end_children ();
  g_free (guest_dir);
  return failed != 0;
}
