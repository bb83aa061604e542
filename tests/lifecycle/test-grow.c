/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-grow: a machine that follows its containers' limits, over the null backend or a fake: how far, when not, and what a failure leaves. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

#define ROOM "default_vcpus = 1\ndefault_memory = 256\ndefault_maxvcpus = 4\ndefault_maxmemory = 1000\n"
#define MIB  (UINT64_C (1) << 20)

static void
setup (void)
{
  fixture_setup ();
  fixture_configure (ROOM);
}

static int
create (kata_container **out, kata_sandbox *sandbox, const char *id, uint32_t cpu_milli, uint64_t memory_mib,
        kata_error **err)
{
  const char *const args[] = { "sleep", "100", NULL };
  kata_container_options options = KATA_CONTAINER_OPTIONS_INIT;
  options.id = id;
  options.args = args;
  options.rootfs = life->rootfs;
  options.cpu_milli = cpu_milli;
  options.memory_bytes = memory_mib * MIB;
  return kata_container_create (out, sandbox, &options, LIFE_MS, err);
}

static void
sized (kata_sandbox *sandbox, uint32_t vcpus, uint64_t memory_mib)
{
  kata_error *error = NULL;
  kata_sandbox_size now = KATA_SANDBOX_SIZE_INIT;
  const char *fake = g_getenv ("KATA_TESTS_FAKE");
  if (fake != NULL && g_str_has_prefix (fake, "fc:")) /* memory only */
    vcpus = 1;
  ck_ok (kata_sandbox_resize (sandbox, &now, LIFE_MS, &error), error);
  ck_assert_msg (now.vcpus == vcpus && now.memory_mib == memory_mib, "%u vCPUs, %u MiB", (unsigned) now.vcpus,
                 (unsigned) now.memory_mib);
}

static void
drop (kata_container *container)
{
  kata_error *error = NULL;
  ck_ok (kata_container_delete (container, KATA_DELETE_FORCE, LIFE_MS, &error), error);
  kata_container_unref (container);
}

START_TEST (follows)
{
  kata_error *error = NULL;
  kata_container *a = NULL, *b = NULL, *c = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (create (&c, sandbox, "c", 0, 0, &error), error);
  sized (sandbox, 1, 256);
  ck_ok (create (&a, sandbox, "a", 1000, 128, &error), error);
  sized (sandbox, 2, 384);
  ck_ok (create (&b, sandbox, "b", 500, 100, &error), error);
  sized (sandbox, 3, 512);
  drop (b); /* what is there stays for the next */
  sized (sandbox, 3, 512);
  ck_ok (create (&b, sandbox, "b", 600, 120, &error), error);
  sized (sandbox, 3, 512);
  ck_ok (kata_container_update (a, "{\"cpu\":{\"quota\":200000,\"period\":100000},\"memory\":{\"limit\":402653184}}",
                                LIFE_MS, &error),
         error);
  sized (sandbox, 4, 768);
  ck_ok (kata_container_update (a, "{\"cpu\":{\"shares\":100}}", LIFE_MS, &error), error);
  sized (sandbox, 4, 768);
  kata_container_unref (a);
  kata_container_unref (b);
  kata_container_unref (c);
  fixture_end (sandbox);
}
END_TEST

/* More than there is room for: all that there is, and the container runs. */
START_TEST (beyond)
{
  kata_error *error = NULL;
  kata_container *a = NULL;
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (create (&a, sandbox, "a", 64000, 10000, &error), error);
  sized (sandbox, 4, 896);
  kata_container_unref (a);
  fixture_end (sandbox);
}
END_TEST

static const char *const fixed[] = {
  "default_vcpus = 1\ndefault_memory = 256\n",
  ROOM "[runtime]\nstatic_sandbox_resource_mgmt = true\n",
};

START_TEST (does_not_follow)
{
  kata_error *error = NULL;
  kata_container *a = NULL;
  fixture_configure (fixed[_i]);
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  ck_ok (create (&a, sandbox, "a", 1000, 128, &error), error);
  sized (sandbox, 1, 256);
  kata_container_unref (a);
  fixture_end (sandbox);
}
END_TEST

/* A machine that fails to grow fails the create; the next one goes on. */
START_TEST (every_point_fails)
{
  kata_error *error = NULL;
  struct life_fault fault = { 0 }; /* the runtime keeps it */
  kata_sandbox *sandbox = life_sandbox (runtime, "s");
  bool struck = true, machine = false, agent = false;
  life_fault (runtime, &fault);
  for (int n = 1; struck; n++) {
    kata_container *a = NULL;
    fault = (struct life_fault){ .at = n, .code = KATA_E_VMM };
    int r = create (&a, sandbox, "a", 1000, 100, &error);
    struck = fault.name[0] != '\0';
    machine = machine || strcmp (fault.name, "backend:resize") == 0;
    agent = agent || strcmp (fault.name, "agent:online") == 0;
    ck_assert_msg (r == (struck ? KATA_E_VMM : 0), "at \"%s\": %d", fault.name, r);
    kata_error_unrefp (&error);
    fault.at = 0;
    if (struck)
      ck_ok (create (&a, sandbox, "a", 1000, 100, &error), error);
    sized (sandbox, 2, 384);
    drop (a);
    fixture_end (sandbox);
    sandbox = life_sandbox (runtime, "s");
  }
  ck_assert (machine && agent);
  fixture_end (sandbox);
}
END_TEST

static Suite *
make (void)
{
  Suite *suite = NULL;
  TCase *tcase = bed_case (&suite, "grow", 120, setup, fixture_teardown);
  tcase_add_test (tcase, follows);
  tcase_add_test (tcase, beyond);
  tcase_add_loop_test (tcase, does_not_follow, 0, G_N_ELEMENTS (fixed));
  tcase_add_test (tcase, every_point_fails);
  return suite;
}

int
main (void)
{
  return bed_run (make);
}
