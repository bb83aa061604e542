/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* subject: starts the machine on a thread of its own, so that the test can watch it. */
#include "subject.h"

#include <unistd.h>

#include "bench.h"

static void *
run (void *data)
{
  struct subject *subject = data;
  pthread_setname_np (pthread_self (), "vmm-loop");
  vmm_machine__run (subject->machine, &subject->exit, NULL);
  subject->over = true;
  return NULL;
}

int
subject_start (struct subject *subject, const struct vmm_machine_config *config, const char *helper, kata_error **err)
{
  *subject = (struct subject){ .pid = getpid () };
  int result = vmm_machine__new (&subject->machine, config, err);
  if (result == 0 && pthread_create (&subject->thread, NULL, run, subject) != 0)
    die ("no thread for the machine");
  return result;
}

void
subject_stop (struct subject *subject)
{
  vmm_machine__stop (subject->machine);
}

void
subject_wait (struct subject *subject)
{
  pthread_join (subject->thread, NULL);
}

void
subject_free (struct subject *subject)
{
  vmm_machine__free (subject->machine);
}
