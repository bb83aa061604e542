/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plain: the VMM of the example backend: takes the kernel's command line and disks ("read" or "write", a file), serves the agent of a null guest on
   ./vsock.sock; it has no control. */
#include <stdio.h>
#include <unistd.h>

#include "machine.h"
#include "server.h"

int
main (int argc, char **argv)
{
  bool good = argc % 2 == 0;
  for (int i = 2; good && i < argc; i += 2)
    good = access (argv[i + 1], g_str_equal (argv[i], "write") ? R_OK | W_OK : R_OK) == 0;
  int fd = good ? fake_listen ("vsock.sock") : -1;
  if (fd < 0 || fake_machine_start (argv[1], fd) == NULL)
    return fprintf (stderr, "no socket, a disk that cannot be read, or the guest does not start\n") < 0 ? 1 : 2;
  for (;;)
    pause (); /* it ends with the guest */
}
