/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* containerd-shim-libkata-v2: the program that containerd runs for the runtime type io.containerd.libkata.v2; dispatch, -v and -info. */
#include <stdio.h>
#include <unistd.h>

#include <kata/kata.h>

#include "messages/start.pb-c.h"
#include "say.h"
#include "verbs.h"

#define RUNTIME_NAME "io.containerd.libkata.v2"

int
verb_info (options *options)
{
  Shim__RuntimeInfo info = SHIM__RUNTIME_INFO__INIT;
  Shim__RuntimeVersion version = SHIM__RUNTIME_VERSION__INIT;
  uint8_t data[256];
  version.version = (char *) kata_version ();
  info.name = (char *) RUNTIME_NAME;
  info.version = &version;
  size_t length = shim__runtime_info__pack (&info, data);
  return write (STDOUT_FILENO, data, length) == (ssize_t) length ? 0 : 1;
}

static int
verb_version (void)
{
  printf ("containerd-shim-libkata-v2:\n  Version: %s\n", kata_version ());
  return 0;
}

int
main (int argc, char **argv)
{
  static options options;
  g_autofree char *error = NULL;
  if (!options_parse (&options, argc, argv, &error)) {
    say_failure ("containerd-shim-libkata-v2: %s", error);
    return 1;
  }
  switch (options.action) {
  case ACTION_VERSION:
    return verb_version ();
  case ACTION_INFO:
    return verb_info (&options);
  case ACTION_START:
    return verb_start (&options);
  case ACTION_DELETE:
    return verb_delete (&options);
  default:
    return verb_serve (&options);
  }
}
