/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tsc: how fast the host's time stamp counter runs, which is what a TCG guest reads. */
#include "backend/qemu/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The kernel derives bogomips from the counter's known frequency: two of them a cycle pair, so kHz = bogomips × 500. Only where the counter runs
 * at one speed; 0 = not known.
 */
uint32_t
kata_qemu__tsc_khz (const char *cpuinfo)
{
  char line[16384];
  double mips = 0;
  bool constant = false;
  FILE *file = fopen (cpuinfo, "re");
  while (file != NULL && fgets (line, sizeof line, file) != NULL && line[0] != '\n') {
    const char *value = strchr (line, ':');
    if (value != NULL && strncmp (line, "flags", 5) == 0)
      constant = strstr (value, " constant_tsc") != NULL && strstr (value, " nonstop_tsc") != NULL;
    if (value != NULL && strncmp (line, "bogomips", 8) == 0)
      mips = g_ascii_strtod (value + 1, NULL);
  }
  if (file != NULL)
    fclose (file);
  return constant && mips >= 200 && mips <= 40000 ? (uint32_t) (mips * 500) : 0;
}
