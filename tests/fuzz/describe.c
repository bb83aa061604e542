/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* describe: what is accepted as a machine's description can be written again and means the same. */
#include <stdlib.h>
#include <string.h>

#include "vmm/describe.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static struct vmm_description d, again;
  char *text, *second;
  int fds[VMM_DESCRIBE_FDS_MAX];
  if (vmm_describe__parse (&d, (const char *) data, size, NULL) < 0)
    return 0;
  if (vmm_describe__fds (&d, fds) > VMM_DESCRIBE_FDS_MAX || vmm_describe__write (&text, NULL, NULL, &d, NULL) < 0)
    abort ();
  if (vmm_describe__parse (&again, text, strlen (text), NULL) < 0 ||
      vmm_describe__write (&second, NULL, NULL, &again, NULL) < 0 || strcmp (text, second) != 0)
    abort ();
  free (text);
  free (second);
  return 0;
}
