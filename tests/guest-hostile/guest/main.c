/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main: which cases are asked for (cases=1,2,… on the command line, or end=NAME), and the end. */
#include "cases.h"

static const struct {
  unsigned number;
  void (*run) (unsigned number);
} cases[] = {
  { 1, case_chains },      { 2, case_chains },  { 3, case_chains },   { 4, case_chains },
  { 5, case_chains },      { 6, case_edges },   { 7, case_chains },   { 8, case_empty },
  { 9, case_chains },      { 9, case_wrap },    { 10, case_chains },  { 11, case_race },
  { 12, case_setup },      { 13, case_setup },  { 14, case_setup },   { 15, case_status },
  { 16, case_features },   { 17, case_access }, { 18, case_selects }, { 19, case_storm },
  { 20, case_in_flight },  { 21, case_blk },    { 22, case_net },     { 23, case_vsock },
  { 24, case_vsock_host }, { 25, case_floods }, { 26, case_board },   { 28, case_disk_faults },
};

static void
run_case (unsigned number)
{
  for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
    if (cases[i].number == number)
      cases[i].run (number);
}

static void
say_devices (void)
{
  say ("devices:");
  for (unsigned i = 0; i < n_vdevs; i++)
    say (" %s/%u", vdev_name (&vdevs[i]), vdevs[i].n_queues);
  say ("\n");
}

void
run_all (void)
{
  if (option_text ("end") != NULL)
    end_machine (option_text ("end"));
  vdev_find_all ();
  kinds_start ();
  say_devices ();
  const char *list = option_text ("cases");
  while (list != NULL && *list >= '0' && *list <= '9') {
    unsigned number = 0;
    for (; *list >= '0' && *list <= '9'; list++)
      number = number * 10 + (unsigned) (*list - '0');
    run_case (number);
    if (*list == ',')
      list++;
  }
  say ("done\n");
  /* Nothing is asked of anybody from here: the host sees whether it has peace. */
  if (option ("rest", 0) != 0)
    rest ();
}
