/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-helper: the real kata-vmm with bare guests: what it looks like from outside, its control socket, its ends, layers waived, its creator's death. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/builtin/helper.h"
#include "bare.h"
#include "base/error.h"
#include "base/fd.h"
#include "residue.h"
#include "vmm/confine/layer.h"
#include "vmm/control.h"

/* 32-bit code. */
static const uint8_t forever[] = { 0xeb, 0xfe };
static const uint8_t sleeps[] = { 0xf4, 0xeb, 0xfd };                                    /* hlt; jmp */
static const uint8_t power_off[] = { 0xc6, 0x05, 0x00, 0x00, 0x00, 0xfe, 0x34, 0xf4 };   /* movb $0x34, 0xfe000000 */
static const uint8_t reset[] = { 0xc6, 0x05, 0x02, 0x00, 0x00, 0xfe, 0x42, 0xeb, 0xfe }; /* movb $0x42, 0xfe000002 */
static const uint8_t fault[] = { 0x0f, 0x0b };                                           /* ud2 */
static const uint8_t talks[] = { 0xba, 0xf8, 0x03, 0, 0, 0xb0, 'x', 0xee, 0xeb, 0xfd };  /* out of 'x', over and over */

struct stage {
  struct bare bare; /* its config alone */
  struct vmm_description description;
  char dir[64], control[96], log[96];
  kata_child child;
};

static int64_t
soon (int ms)
{
  return kata_deadline__within (INT64_MAX, ms);
}

static void
stage_open (struct stage *s, const void *code, size_t len)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  bare_init (&s->bare, code, len);
  vmm_description__init (&s->description);
  struct vmm_description *d = &s->description;
  d->machine = s->bare.config;
  strcpy (s->dir, "/tmp/kata-test-helper-XXXXXX");
  ck_assert_ptr_nonnull (mkdtemp (s->dir));
  chmod (s->dir, 0755);
  snprintf (s->control, sizeof s->control, "%s/control", s->dir);
  snprintf (s->log, sizeof s->log, "%s/log", s->dir);
  strcpy (address.sun_path, s->control);
  d->control_fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  ck_assert_int_eq (bind (d->control_fd, (struct sockaddr *) &address, sizeof address), 0);
  chmod (s->control, 0666); /* so that it is kata-vmm's own look at its peer that counts */
  ck_assert_int_eq (listen (d->control_fd, 8), 0);
  d->log_fd = open (s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  d->log_limit = 4096;
  d->oom_score = 321;
  s->child.pidfd = -1;
}

static int
stage_try (struct stage *s, uint32_t uid, kata_error **err)
{
  kata_builtin_helper helper = { .program = getenv ("KATA_VMM"),
                                 .description = &s->description,
                                 .uid = uid,
                                 .gid = uid,
                                 .stderr_fd = 2,
                                 .deadline_us = soon (20000) };
  return kata_builtin_helper__start (&s->child, &helper, err);
}

static void
stage_start (struct stage *s)
{
  g_autoptr (kata_error) error = NULL;
  int code = stage_try (s, 65534, &error);
  ck_assert_msg (code == 0, "%s", kata_error_get_message (error));
}

static void
stage_close (struct stage *s)
{
  kata_child__discard (&s->child);
  close (s->description.control_fd);
  close (s->description.log_fd);
  close (s->bare.config.kvm_fd);
  close (s->bare.config.kernel_fd);
  close (s->bare.config.serial_fd);
  close (s->bare.serial);
  unlink (s->control);
  unlink (s->log);
  ck_assert_int_eq (rmdir (s->dir), 0);
}

/* Its end: exit status, and the last line of its log says the same. */
static void
stage_expect (struct stage *s, enum vmm_end expected)
{
  kata_exit_status status;
  char log[8192], text[VMM_END_LINE_MAX];
  enum vmm_end end;
  ck_assert_int_eq (kata_pidfd__wait (s->child.pidfd, soon (20000), NULL), 0);
  kata_pidfd__reap (s->child.pidfd, &status);
  g_autofree char *how = kata_exit_status__text (&status);
  ck_assert_msg (status.known && status.signal == 0 && status.code == (int) expected, "%s", how);
  int fd = open (s->log, O_RDONLY | O_CLOEXEC);
  ssize_t n = read (fd, log, sizeof log);
  close (fd);
  ck_assert_int_gt (n, 0);
  ck_assert (vmm_end__find (log, (size_t) n, &end, text));
  ck_assert_int_eq (end, expected);
}

static int
call (const struct stage *s, struct vmm_control_reply *reply, enum vmm_control_op op, uint64_t arg)
{
  kata_auto_fd int fd = -1;
  int code = vmm_control__connect (&fd, AT_FDCWD, s->control, soon (10000), NULL);
  return code < 0 ? code : vmm_control__call (fd, reply, op, arg, soon (20000), NULL);
}

/* ---- what it looks like ---- */

static char *
proc_text (int64_t pid, const char *file)
{
  g_autofree char *path = g_strdup_printf ("/proc/%lld/%s", (long long) pid, file);
  char *text = NULL;
  ck_assert_msg (g_file_get_contents (path, &text, NULL, NULL), "%s", path);
  return text;
}

static void
expect_line (const char *text, const char *line)
{
  ck_assert_msg (strstr (text, line) != NULL, "no \"%s\" in\n%s", line, text);
}

static void
expect_task (int64_t pid, const char *task)
{
  g_autofree char *file = g_strdup_printf ("task/%s/status", task);
  g_autofree char *status = proc_text (pid, file);
  expect_line (status, "\nNoNewPrivs:\t1\n");
  expect_line (status, "\nSeccomp:\t2\n");
  expect_line (status, "\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:"
                       "\t0000000000000000\nCapAmb:\t0000000000000000\n");
  if (getuid () == 0)
    expect_line (status, "\nUid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\n");
  /* Building, then its own; the loop's thread has both as well. */
  expect_line (status, "\nSeccomp_filters:\t2\n");
}

static size_t
expect_tasks (int64_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%lld/task", (long long) pid);
  DIR *dir = opendir (path);
  ck_assert_ptr_nonnull (dir);
  size_t n = 0;
  for (struct dirent *e; (e = readdir (dir)) != NULL;)
    if (e->d_name[0] != '.') {
      expect_task (pid, e->d_name);
      n++;
    }
  closedir (dir);
  return n;
}

static void
expect_namespaces (int64_t pid)
{
  static const char *const names[] = { "user", "pid", "mnt", "net", "ipc", "uts" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *theirs = g_strdup_printf ("/proc/%lld/ns/%s", (long long) pid, names[i]);
    g_autofree char *ours = g_strdup_printf ("/proc/self/ns/%s", names[i]);
    struct stat a, b;
    ck_assert_msg (stat (theirs, &a) == 0 && stat (ours, &b) == 0 && a.st_ino != b.st_ino, "%s", names[i]);
  }
}

static void
expect_empty_root (int64_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%lld/root/", (long long) pid);
  struct statvfs vfs;
  ck_assert_int_eq (statvfs (path, &vfs), 0);
  ck_assert ((vfs.f_flag & ST_RDONLY) != 0);
  DIR *dir = opendir (path);
  ck_assert_ptr_nonnull (dir);
  for (struct dirent *e; (e = readdir (dir)) != NULL;)
    ck_assert_msg (e->d_name[0] == '.', "%s in its root", e->d_name);
  closedir (dir);
  g_autofree char *mounts = proc_text (pid, "mounts");
  ck_assert_msg (g_str_has_prefix (mounts, "none / tmpfs ro,nosuid,nodev,noexec,"), "%s", mounts);
  ck_assert_ptr_eq (strchr (mounts, '\n') + 1, mounts + strlen (mounts)); /* no other */
}

/* Nothing but /dev/null, what it was given, and the kernel's own objects. */
static void
expect_descriptors (int64_t pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%lld/fd", (long long) pid);
  DIR *dir = opendir (path);
  ck_assert_ptr_nonnull (dir);
  for (struct dirent *e; (e = readdir (dir)) != NULL;) {
    char target[4096];
    ssize_t n = readlinkat (dirfd (dir), e->d_name, target, sizeof target - 1);
    if (n < 0)
      continue;
    target[n] = '\0';
    int fd = atoi (e->d_name);
    bool known = g_str_has_prefix (target, "anon_inode:") || g_str_has_prefix (target, "socket:") ||
                 g_str_has_prefix (target, "pipe:") || g_str_has_prefix (target, "/memfd:") ||
                 g_str_has_suffix (target, "/log") || strcmp (target, "/dev/kvm") == 0 ||
                 strstr (target, "(deleted)") != NULL || (fd <= 1 && strcmp (target, "/dev/null") == 0) || fd == 2;
    ck_assert_msg (known, "descriptor %d is %s", fd, target);
  }
  closedir (dir);
}

START_TEST (from_outside)
{
  struct stage s;
  stage_open (&s, sleeps, sizeof sleeps);
  s.description.machine.vcpus = 2;
  stage_start (&s);
  int64_t pid = s.child.identity.pid;
  ck_assert_int_eq (call (&s, NULL, VMM_CONTROL_STATUS, 0), 0); /* by now every thread is confined */
  /* Two vCPUs and the loop; KVM adds a worker of its own (kvm-nx-lpage-recovery) on some hosts. */
  ck_assert_uint_ge (expect_tasks (pid), 3);
  expect_namespaces (pid);
  expect_empty_root (pid);
  expect_descriptors (pid);
  g_autofree char *limits = proc_text (pid, "limits");
  expect_line (limits, "Max core file size        0                    0 ");
  expect_line (limits, "Max open files            4096                 4096 ");
  g_autofree char *score = proc_text (pid, "oom_score_adj");
  ck_assert_str_eq (score, "321\n");
  g_autofree char *status = proc_text (pid, "status");
  expect_line (status, "\t1\n"); /* NSpid */
  ck_assert_int_eq (call (&s, NULL, VMM_CONTROL_STOP, 0), 0);
  stage_expect (&s, VMM_END_STOPPED);
  stage_close (&s);
}
END_TEST

/* ---- what it does ---- */

START_TEST (controlled)
{
  struct stage s;
  struct vmm_control_reply reply, again;
  stage_open (&s, talks, sizeof talks);
  stage_start (&s);
  ck_assert_int_eq (call (&s, &reply, VMM_CONTROL_PAUSE, 0), 0);
  ck_assert_uint_eq (reply.state, VMM_CONTROL_PAUSED);
  ck_assert_int_eq (call (&s, &reply, VMM_CONTROL_STATS, 0), 0);
  bare_nap (100);
  ck_assert_int_eq (call (&s, &again, VMM_CONTROL_STATS, 0), 0);
  ck_assert_uint_eq (reply.exits, again.exits);
  ck_assert_int_eq (call (&s, &reply, VMM_CONTROL_RESUME, 0), 0);
  ck_assert_uint_eq (reply.state, VMM_CONTROL_RUNNING);
  for (int i = 0; i < 100 && again.exits_pio <= reply.exits_pio; i++) {
    bare_nap (20);
    ck_assert_int_eq (call (&s, &again, VMM_CONTROL_STATS, 0), 0);
  }
  ck_assert_uint_gt (again.exits_pio, 0);
  ck_assert_int_gt (again.first_run_ns, 0);
  ck_assert_int_eq (call (&s, NULL, VMM_CONTROL_POWER, 0), 0);
  ck_assert_int_eq (call (&s, NULL, VMM_CONTROL_BALLOON, 1), KATA_E_UNSUPPORTED);
  /* Stopped while paused. */
  ck_assert_int_eq (call (&s, NULL, VMM_CONTROL_PAUSE, 0), 0);
  ck_assert_int_eq (call (&s, NULL, VMM_CONTROL_STOP, 0), 0);
  stage_expect (&s, VMM_END_STOPPED);
  ck_assert_int_eq (call (&s, NULL, VMM_CONTROL_STATUS, 0), KATA_E_TIMEOUT); /* our listening end is still there */
  stage_close (&s);
}
END_TEST

static const struct {
  const uint8_t *code;
  size_t len;
  enum vmm_end end;
} ends[] = {
  { power_off, sizeof power_off, VMM_END_POWEROFF },
  { reset, sizeof reset, VMM_END_RESET },
  { fault, sizeof fault, VMM_END_TRIPLE_FAULT },
};

START_TEST (ends_in_order)
{
  struct stage s;
  stage_open (&s, ends[_i].code, ends[_i].len);
  stage_start (&s);
  stage_expect (&s, ends[_i].end);
  stage_close (&s);
}
END_TEST

START_TEST (wrong_descriptions)
{
  struct stage s;
  g_autoptr (kata_error) error = NULL;
  stage_open (&s, forever, sizeof forever);
  int kernel = s.description.machine.kernel_fd;
  s.description.machine.kernel_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  ck_assert_int_eq (stage_try (&s, 65534, &error), KATA_E_GUEST);
  ck_assert_str_eq (kata_error_get_key (error), "kernel");
  close (s.description.machine.kernel_fd);
  s.description.machine.kernel_fd = kernel;
  g_clear_pointer (&error, kata_error_unref);
  s.description.machine.kvm_fd = kernel;
  ck_assert_int_lt (stage_try (&s, 65534, &error), 0);
  s.description.machine.kvm_fd = s.bare.config.kvm_fd;
  g_clear_pointer (&error, kata_error_unref);
  s.description.machine.memory = (UINT64_C (64) << 20) + 1;
  ck_assert_int_eq (stage_try (&s, 65534, &error), KATA_E_INVALID);
  ck_assert_int_eq (s.child.pidfd, -1);
  stage_close (&s);
}
END_TEST

/* Each layer waived alone, and all at once: it runs. */
START_TEST (waived)
{
  struct stage s;
  stage_open (&s, power_off, sizeof power_off);
  s.description.waived = _i == VMM_LAYER_COUNT ? (1u << VMM_LAYER_COUNT) - 1 : 1u << _i;
  if (getuid () != 0 && _i == VMM_LAYER_USERNS)
    s.description.waived =
        (1u << VMM_LAYER_CAPABILITIES) - 1; /* without privileges and without it, there are no others */
  stage_start (&s);
  stage_expect (&s, VMM_END_POWEROFF);
  stage_close (&s);
}
END_TEST

START_TEST (missing_layers)
{
  struct stage s;
  g_autoptr (kata_error) error = NULL;
  stage_open (&s, forever, sizeof forever);
  if (getuid () == 0) {
    ck_assert_int_eq (stage_try (&s, 0, &error), KATA_E_HOST);
    ck_assert_str_eq (kata_error_get_key (error), VMM_LAYER_KEY);
    ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), VMM_LAYER_KEY " = [\"identity\"]"));
    g_clear_pointer (&error, kata_error_unref);
  } else {
    s.description.waived = 1u << VMM_LAYER_USERNS | 1u << VMM_LAYER_PIDNS;
    ck_assert_int_eq (stage_try (&s, 0, &error), KATA_E_HOST);
    ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), VMM_LAYER_KEY " = [\"mountns\"]"));
  }
  stage_close (&s);
}
END_TEST

/* Whoever is neither the creator nor root is not answered, even where the socket's mode lets him in. */
START_TEST (stranger)
{
  struct stage s;
  if (getuid () != 0)
    return;
  stage_open (&s, forever, sizeof forever);
  stage_start (&s);
  static const uid_t others[] = { 1000, 65534 };
  for (size_t i = 0; i < G_N_ELEMENTS (others); i++) {
    int status;
    pid_t pid = fork ();
    if (pid == 0) {
      if (setresgid (others[i], others[i], others[i]) < 0 || setresuid (others[i], others[i], others[i]) < 0)
        _exit (99);
      _exit (call (&s, NULL, VMM_CONTROL_STOP, 0) == KATA_E_VMM ? 0 : 1);
    }
    ck_assert_int_eq (waitpid (pid, &status, 0), pid);
    ck_assert_int_eq (status, 0);
  }
  ck_assert_int_eq (call (&s, NULL, VMM_CONTROL_STOP, 0), 0);
  stage_expect (&s, VMM_END_STOPPED);
  stage_close (&s);
}
END_TEST

/* The creator is killed; another process finds the machine alive, speaks to it, and reads how it ended from the log. */
START_TEST (creator_dies)
{
  struct stage s;
  int pipes[2];
  char log[4096], text[VMM_END_LINE_MAX];
  enum vmm_end end;
  ck_assert_int_eq (pipe2 (pipes, O_CLOEXEC), 0);
  ck_assert_int_eq (prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  stage_open (&s, sleeps, sizeof sleeps);
  pid_t creator = fork ();
  if (creator == 0) {
    if (stage_try (&s, 65534, NULL) < 0 || write (pipes[1], &s.child.identity, sizeof s.child.identity) < 0)
      _exit (1);
    raise (SIGKILL);
  }
  ck_assert_int_eq (read (pipes[0], &s.child.identity, sizeof s.child.identity), (int) sizeof s.child.identity);
  ck_assert_int_eq (waitpid (creator, NULL, 0), creator);
  ck_assert_int_eq (kata_pidfd__open (&s.child.pidfd, &s.child.identity, NULL), 0);
  ck_assert_int_eq (call (&s, NULL, VMM_CONTROL_STATUS, 0), 0);
  ck_assert (!kata_pidfd__ended (s.child.pidfd));
  ck_assert_int_eq (call (&s, NULL, VMM_CONTROL_STOP, 0), 0);
  ck_assert_int_eq (kata_pidfd__wait (s.child.pidfd, soon (20000), NULL), 0);
  int fd = open (s.log, O_RDONLY | O_CLOEXEC);
  ssize_t n = read (fd, log, sizeof log);
  close (fd);
  ck_assert_int_gt (n, 0);
  ck_assert (vmm_end__find (log, (size_t) n, &end, text));
  ck_assert_int_eq (end, VMM_END_STOPPED);
  close (pipes[0]);
  close (pipes[1]);
  stage_close (&s);
}
END_TEST

/* No creator, no description: it ends by itself, and says nothing to nobody. */
START_TEST (nobody_speaks)
{
  const char *const argv[] = { "kata-vmm", NULL };
  kata_child_options options = KATA_CHILD_OPTIONS_INIT;
  kata_child child;
  kata_exit_status status;
  int pair[2];
  ck_assert_int_eq (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
  kata_child_fd fd = { pair[1], VMM_DESCRIBE_START_FD };
  options.program = getenv ("KATA_VMM");
  options.argv = argv;
  options.fds = &fd;
  options.n_fds = 1;
  ck_assert_int_eq (kata_child__spawn (&child, &options, NULL), 0);
  close (pair[0]);
  close (pair[1]);
  ck_assert_int_eq (kata_pidfd__wait (child.pidfd, soon (10000), NULL), 0);
  kata_pidfd__reap (child.pidfd, &status);
  ck_assert_int_eq (status.code, VMM_END_LOST);
  close (child.pidfd);
}
END_TEST

int
main (int argc, char **argv)
{
  TCase *tc = tcase_create ("helper");
  Suite *suite = suite_create ("vmm/helper");
  bare_need_kvm ();
  /* kata-vmm outlives a test that fails: it comes to us. */
  prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  g_autofree char *program = g_canonicalize_filename (argc > 1 ? argv[1] : "kata-vmm", NULL);
  setenv ("KATA_VMM", program, 1);
  tcase_set_timeout (tc, 120);
  tcase_add_test (tc, from_outside);
  tcase_add_test (tc, controlled);
  tcase_add_loop_test (tc, ends_in_order, 0, (int) G_N_ELEMENTS (ends));
  tcase_add_test (tc, wrong_descriptions);
  tcase_add_loop_test (tc, waived, 0, VMM_LAYER_COUNT + 1);
  tcase_add_test (tc, missing_layers);
  tcase_add_test (tc, stranger);
  tcase_add_test (tc, creator_dies);
  tcase_add_test (tc, nobody_speaks);
  suite_add_tcase (suite, tc);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  residue_end_children ();
  return failed != 0;
}
