/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plain: the VMM of the example backend: takes the kernel's command line, serves the agent of a null guest on ./vsock.sock; it has no control. */
#include <stdio.h>
#include <unistd.h>

#include "machine.h"
#include "server.h"

int
main (int argc, char **argv)
{
  int fd = argc == 2 ? fake_listen ("vsock.sock") : -1;
  if (fd < 0 || fake_machine_start (argv[1], fd) == NULL)
    return fprintf (stderr, "no socket, or the guest does not start\n") < 0 ? 1 : 2;
  for (;;)
    pause (); /* it ends with the guest */
}
