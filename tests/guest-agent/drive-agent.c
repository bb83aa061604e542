/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* drive-agent: puts a live agent through its methods; guest.py starts the guest around it. Usage: drive-agent ADDRESS ROOTFS [STEP…] */
#include <string.h>

#include "drive.h"

static const struct {
  const char *name;
  void (*run) (struct test *test);
} steps[] = {
  { "health", step_health },     { "guest", step_guest },
  { "sandbox", step_sandbox },   { "network", step_network },
  { "run", step_run },           { "exec", step_exec },
  { "bulk", step_bulk },         { "cancel", step_cancel },
  { "terminal", step_terminal }, { "stats", step_stats },
  { "pause", step_pause },       { "update", step_update },
  { "parallel", step_parallel }, { "reconnect", step_reconnect },
  { "oom", step_oom },           { "pids", step_pids },
  { "frozen", step_frozen },     { "stop", step_stop },
  { "copy", step_copy },         { "hostile", step_hostile },
  { "overlay", step_overlay },   { "share", step_share },
  { "disk", step_disk },         { "many", step_many },
  { "end", step_end },
};

static int
wanted (int argc, char **argv, const char *name)
{
  for (int i = 3; i < argc; i++)
    if (strcmp (argv[i], name) == 0)
      return 1;
  return argc == 3;
}

int
main (int argc, char **argv)
{
  struct test test = { .address = argv[1], .rootfs = argc > 2 ? argv[2] : NULL };
  double start = now ();
  setvbuf (stdout, NULL, _IOLBF, 0);
  for (size_t i = 0; argc == 2 && i < sizeof steps / sizeof steps[0]; i++)
    printf ("%s\n", steps[i].name);
  if (argc == 2)
    return 0; /* --list */
  if (argc < 3 || client_connect (&test.client, argv[1], 60000) < 0) {
    printf ("cannot connect to the agent: %s\n", test.client.message);
    return 1;
  }
  printf ("connected after %.2f s\n", now () - start);
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
    if (wanted (argc, argv, steps[i].name)) {
      int before = test.failures;
      start = now ();
      steps[i].run (&test);
      printf ("%-9s %s %.2f s\n", steps[i].name, test.failures == before ? "ok" : "FAILED", now () - start);
    }
  client_close (&test.client);
  printf ("%d failures\n", test.failures);
  return test.failures ? 1 : 0;
}
