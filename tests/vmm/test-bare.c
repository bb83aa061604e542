/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bare guests: how a machine starts, is talked to and ends, whatever its guest does; a few instructions each, on any /dev/kvm. */
#include "bare.h"

#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/raise.h"

/* 32-bit code. */
#define SAY(c)        0xba, 0xf8, 0x03, 0, 0, 0xb0, (c), 0xee        /* mov $0x3f8, %edx; mov $c, %al; out %al, %dx */
#define POWER_OFF     0xc6, 0x05, 0x00, 0x00, 0x00, 0xfe, 0x34, 0xf4 /* movb $0x34, 0xfe000000; hlt */
#define STORE32(a, v) 0xc7, 0x05, BYTES (a), BYTES (v)               /* movl $v, a */
#define BYTES(v)      (v) & 0xff, (v) >> 8 & 0xff, (v) >> 16 & 0xff, (v) >> 24 & 0xff
#define FOREVER       0xeb, 0xfe /* jmp . */
#define CODE(...)     static const uint8_t code[] = { __VA_ARGS__ }
#define RUN(said)     bare_run (code, sizeof code, (said), sizeof (said))

static char said[8192];

START_TEST (says_and_switches_off)
{
  CODE (SAY ('H'), SAY ('i'), POWER_OFF);
  ck_assert_int_eq (RUN (said), VMM_EXIT_POWEROFF);
  ck_assert_str_eq (said, "Hi");
}
END_TEST

START_TEST (starts_as_pvh_says)
{
  /* cmpl $0x336ec578, (%ebx); jne 1f; say; 1: off */
  CODE (0x81, 0x3b, 0x78, 0xc5, 0x6e, 0x33, 0x75, 0x08, SAY ('P'), POWER_OFF);
  ck_assert_int_eq (RUN (said), VMM_EXIT_POWEROFF);
  ck_assert_str_eq (said, "P");
}
END_TEST

START_TEST (reset_register)
{
  CODE (0xc6, 0x05, 0x02, 0x00, 0x00, 0xfe, 0x42, FOREVER);
  ck_assert_int_eq (RUN (said), VMM_EXIT_RESET);
}
END_TEST

START_TEST (reset_by_keyboard)
{
  CODE (0xb0, 0xfe, 0xe6, 0x64, FOREVER);
  ck_assert_int_eq (RUN (said), VMM_EXIT_RESET);
}
END_TEST

START_TEST (triple_fault)
{
  CODE (0x0f, 0x0b); /* ud2, and no table of handlers */
  ck_assert_int_eq (RUN (said), VMM_EXIT_TRIPLE_FAULT);
}
END_TEST

START_TEST (code_where_nothing_is)
{
  CODE (0xb8, 0x00, 0x00, 0x00, 0xc8, 0xff, 0xe0); /* mov $0xc8000000, %eax; jmp *%eax */
  enum vmm_exit_reason reason = RUN (said);
  ck_assert_msg (reason == VMM_EXIT_KVM || reason == VMM_EXIT_TRIPLE_FAULT, "reason %d", (int) reason);
}
END_TEST

START_TEST (nobody_answers)
{
  CODE (0xa1, 0x00, 0x00, 0x00, 0xc8,                               /* mov 0xc8000000, %eax */
        0x40, 0x75, 0x2b,                                           /* inc %eax; jnz far */
        0xa1, 0xfe, 0x0f, 0x00, 0xc8, 0x40, 0x75, 0x23,             /* across a page */
        0x66, 0xa1, 0x00, 0x00, 0x00, 0xc8, 0x66, 0x40, 0x75, 0x19, /* 16 bits */
        0xba, 0x34, 0x12, 0x00, 0x00, 0xed, 0x40, 0x75, 0x10,       /* in %dx, %eax */
        0xef, 0xc6, 0x05, 0x00, 0x00, 0x00, 0xc8, 0x01,             /* out; movb */
        SAY ('Y'), POWER_OFF);
  ck_assert_int_eq (RUN (said), VMM_EXIT_POWEROFF);
  ck_assert_str_eq (said, "Y");
}
END_TEST

/* mov $0x1000000, %esi; mov $5000, %ecx; mov $0x3f8, %edx; cld; rep outsb */
START_TEST (string_output)
{
  CODE (0xbe, 0x00, 0x00, 0x00, 0x01, 0xb9, 0x88, 0x13, 0x00, 0x00, 0xba, 0xf8, 0x03, 0x00, 0x00, 0xfc, 0xf3, 0x6e,
        POWER_OFF);
  ck_assert_int_eq (RUN (said), VMM_EXIT_POWEROFF);
  uint8_t *bytes = (uint8_t *) said;
  ck_assert_uint_eq (bytes[0x10], 0xbe);
  ck_assert_uint_eq (bytes[0x0], 0xf4);
}
END_TEST

/* mov $0x1400000, %edi; mov $9000, %ecx; mov $0x1234, %edx; cld; rep insl: 36,000 bytes of ones; then cmpl $-1, of the last */
START_TEST (string_input)
{
  CODE (0xbf, 0x00, 0x00, 0x40, 0x01, 0xb9, 0x28, 0x23, 0x00, 0x00, 0xba, 0x34, 0x12, 0x00, 0x00, 0xfc, 0xf3, 0x6d,
        0x83, 0x7f, 0xfc, 0xff, 0x75, 0x08, SAY ('Y'), POWER_OFF);
  ck_assert_int_eq (RUN (said), VMM_EXIT_POWEROFF);
  ck_assert_str_eq (said, "Y");
}
END_TEST

/* ---- guests that do not end by themselves ---- */

static const uint8_t endless[][16] = {
  { 0xfa, 0xf4, 0xeb, 0xfd },                   /* cli; hlt */
  { FOREVER },                                  /* spins */
  { 0xba, 0x34, 0x12, 0, 0, 0xee, 0xeb, 0xfd }, /* ports */
  { 0xa3, 0x50, 0x00, 0x00, 0xd0, 0xeb, 0xf9 }, /* a device's registers, written */
  { 0xa1, 0x00, 0x00, 0x00, 0xd0, 0xeb, 0xf9 }, /* and read */
  { 0xba, 0xf8, 0x03, 0, 0, 0xee, 0xeb, 0xfd }, /* a flood on the serial port */
};

START_TEST (stops_at_once)
{
  for (unsigned vcpus = 1; vcpus <= 4; vcpus += 3) {
    struct bare bare;
    bare_init (&bare, endless[_i], sizeof endless[_i]);
    bare.config.rng = true; /* at 0xd0000000 */
    bare.config.vcpus = vcpus;
    bare_make (&bare);
    bare_start (&bare);
    bare_nap (50);
    int64_t before = vmm_loop__now ();
    vmm_machine__stop (bare.machine);
    ck_assert_int_eq (bare_finish (&bare, said, sizeof said), VMM_EXIT_STOPPED);
    ck_assert_int_lt (vmm_loop__now () - before, 1000000000);
  }
}
END_TEST

/* incl 0x1400000; jmp back */
static const uint8_t counting[] = { 0xff, 0x05, 0x00, 0x00, 0x40, 0x01, 0xeb, 0xf8 };

static uint32_t
count (struct bare *bare)
{
  uint32_t value = 0;
  ck_assert (vmm_memory__read (&bare->machine->memory, 0x1400000, &value, sizeof value));
  return value;
}

static void
wait_for_more (struct bare *bare, uint32_t than)
{
  for (int i = 0; i < 10000 && count (bare) == than; i++)
    bare_nap (1);
  ck_assert_uint_ne (count (bare), than);
}

static void
pause_machine (struct bare *bare, bool pause)
{
  vmm_machine__lock (bare->machine);
  ck_assert_int_eq (pause ? vmm_machine__pause (bare->machine, NULL) : vmm_machine__resume (bare->machine, NULL), 0);
  vmm_machine__unlock (bare->machine);
}

START_TEST (pauses)
{
  struct bare bare;
  bare_init (&bare, counting, sizeof counting);
  bare.config.vcpus = 2;
  bare_make (&bare);
  bare_start (&bare);
  wait_for_more (&bare, 0);
  for (int i = 0; i < 20; i++) {
    pause_machine (&bare, true);
    pause_machine (&bare, true); /* is paused already */
    uint32_t before = count (&bare);
    bare_nap (5);
    ck_assert_uint_eq (count (&bare), before);
    pause_machine (&bare, false);
    wait_for_more (&bare, before);
  }
  for (int i = 0; i < 300; i++) {
    pause_machine (&bare, true);
    pause_machine (&bare, false);
  }
  uint32_t before = count (&bare);
  wait_for_more (&bare, before);
  pause_machine (&bare, true);
  vmm_machine__stop (bare.machine); /* also while paused */
  ck_assert_int_eq (bare_finish (&bare, said, sizeof said), VMM_EXIT_STOPPED);
}
END_TEST

/* Trampoline at 0x30000, in real mode: mov $'A', %al; mov $0x3f8, %dx; out; hlt. INIT and SIPI to all others. */
START_TEST (other_vcpus_start)
{
  CODE (STORE32 (0x30000, 0xf8ba41b0u), STORE32 (0x30004, 0x00f4ee03u), /* b0 41 ba f8 03 ee f4 */
        STORE32 (0xfee00300u, 0x000c4500u), STORE32 (0xfee00300u, 0x000c4630u), 0xf4, FOREVER);
  struct bare bare;
  bare_init (&bare, code, sizeof code);
  bare.config.vcpus = 4;
  bare_make (&bare);
  bare_start (&bare);
  ck_assert_uint_eq (bare_listen (&bare, said, 3), 3);
  ck_assert_int_eq (memcmp (said, "AAA", 3), 0);
  vmm_machine__stop (bare.machine);
  ck_assert_int_eq (bare_finish (&bare, said, sizeof said), VMM_EXIT_STOPPED);
}
END_TEST

START_TEST (stopped_before_it_ran)
{
  CODE (SAY ('H'), FOREVER);
  struct bare bare;
  bare_init (&bare, code, sizeof code);
  bare_make (&bare);
  vmm_machine__stop (bare.machine);
  bare_start (&bare);
  ck_assert_int_eq (bare_finish (&bare, said, sizeof said), VMM_EXIT_STOPPED);
  ck_assert_str_eq (said, "");
}
END_TEST

/* ---- confinement ---- */

struct confinement {
  unsigned vcpus, loops, fail_at;
  pthread_mutex_t lock;
};

static int
confine (void *ctx, enum vmm_thread thread, kata_error **err)
{
  struct confinement *confinement = ctx;
  pthread_mutex_lock (&confinement->lock);
  confinement->vcpus += thread == VMM_THREAD_VCPU;
  confinement->loops += thread == VMM_THREAD_LOOP;
  bool fail = confinement->vcpus + confinement->loops == confinement->fail_at;
  pthread_mutex_unlock (&confinement->lock);
  return fail ? kata_error__set (err, KATA_E_PERMISSION, NULL, "no confinement") : 0;
}

START_TEST (nothing_runs_unconfined)
{
  CODE (SAY ('H'), POWER_OFF);
  /* None fails, a vCPU's thread, the loop's. */
  static const unsigned fail_at[] = { 0, 2, 4 };
  struct confinement confinement = { .fail_at = fail_at[_i], .lock = PTHREAD_MUTEX_INITIALIZER };
  struct bare bare;
  bare_init (&bare, code, sizeof code);
  bare.config.vcpus = 3;
  bare.config.confine = confine;
  bare.config.ctx = &confinement;
  bare_make (&bare);
  bare_start (&bare);
  enum vmm_exit_reason reason = bare_finish (&bare, said, sizeof said);
  ck_assert_int_eq (reason, _i == 0 ? VMM_EXIT_POWEROFF : VMM_EXIT_CONFINE);
  ck_assert_int_eq (bare.result, _i == 0 ? 0 : KATA_E_PERMISSION);
  ck_assert_uint_eq (confinement.vcpus, 3);
  ck_assert_uint_eq (confinement.loops, _i != 1);
  ck_assert_str_eq (said, _i == 0 ? "H" : "");
}
END_TEST

/* ---- nothing is left ---- */

static unsigned
count_entries (const char *path)
{
  unsigned n = 0;
  DIR *folder = opendir (path);
  ck_assert_ptr_nonnull (folder);
  while (readdir (folder) != NULL)
    n++;
  closedir (folder);
  return n;
}

START_TEST (nothing_is_left)
{
  CODE (SAY ('H'), POWER_OFF);
  ck_assert_int_eq (RUN (said), VMM_EXIT_POWEROFF);
  unsigned fds = count_entries ("/proc/self/fd"), maps = count_entries ("/proc/self/task");
  for (int i = 0; i < 20; i++)
    ck_assert_int_eq (RUN (said), VMM_EXIT_POWEROFF);
  ck_assert_uint_eq (count_entries ("/proc/self/fd"), fds);
  ck_assert_uint_eq (count_entries ("/proc/self/task"), maps);
}
END_TEST

START_TEST (several_at_once)
{
  enum { N = 8 };
  struct bare bares[N];
  for (int i = 0; i < N; i++) {
    bare_init (&bares[i], counting, sizeof counting);
    bare_make (&bares[i]);
    bare_start (&bares[i]);
  }
  for (int i = 0; i < N; i++)
    wait_for_more (&bares[i], 0);
  for (int i = 0; i < N; i++) {
    vmm_machine__stop (bares[i].machine);
    ck_assert_int_eq (bare_finish (&bares[i], said, sizeof said), VMM_EXIT_STOPPED);
  }
}
END_TEST

START_TEST (wrong_descriptions)
{
  CODE (FOREVER);
  struct bare bare;
  bare_init (&bare, code, sizeof code);
  struct vmm_machine *machine = NULL;
  struct vmm_machine_config config = bare.config;
  config.vcpus = _i == 0 ? 0 : _i == 1 ? VMM_VCPUS_MAX + 1 : 1;
  config.memory = _i == 2 ? 12345 : config.memory;
  config.size = _i == 3 ? 1 : config.size;
  config.kernel_fd = _i == 4 ? -1 : config.kernel_fd;
  config.kvm_fd = _i == 5 ? bare.serial : config.kvm_fd;
  config.transport = _i == 6 ? (enum vmm_transport) 9 : config.transport;
  config.n_disks = _i == 7 ? VMM_DISKS_MAX + 1 : 0;
  kata_auto_error kata_error *error = NULL;
  ck_assert_int_eq (vmm_machine__new (&machine, &config, &error), _i == 5 ? KATA_E_HOST : KATA_E_INVALID);
  ck_assert_ptr_nonnull (error);
  ck_assert_ptr_null (machine);
}
END_TEST

int
main (void)
{
  bare_need_kvm ();
  Suite *suite = suite_create ("vmm/bare");
  TCase *tcase = tcase_create ("bare");
  tcase_set_timeout (tcase, 60);
  tcase_add_test (tcase, says_and_switches_off);
  tcase_add_test (tcase, starts_as_pvh_says);
  tcase_add_test (tcase, reset_register);
  tcase_add_test (tcase, reset_by_keyboard);
  tcase_add_test (tcase, triple_fault);
  tcase_add_test (tcase, code_where_nothing_is);
  tcase_add_test (tcase, nobody_answers);
  tcase_add_test (tcase, string_output);
  tcase_add_test (tcase, string_input);
  tcase_add_loop_test (tcase, stops_at_once, 0, sizeof endless / sizeof *endless);
  tcase_add_test (tcase, pauses);
  tcase_add_test (tcase, other_vcpus_start);
  tcase_add_test (tcase, stopped_before_it_ran);
  tcase_add_loop_test (tcase, nothing_runs_unconfined, 0, 3);
  tcase_add_test (tcase, nothing_is_left);
  tcase_add_test (tcase, several_at_once);
  tcase_add_loop_test (tcase, wrong_descriptions, 0, 8);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
