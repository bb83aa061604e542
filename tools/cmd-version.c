/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-version: `katactl version` and `katactl help`. */
#include <stdio.h>

#include "options.h"
#include "output.h"

int
cmd_version (ctl *ctl, int argc, char **argv)
{
  const option_row rows[] = { { 0, NULL, 0, NULL, NULL, NULL } };
  g_autoptr (GPtrArray) arguments = g_ptr_array_new ();
  int rc = options_parse_arguments (ctl, rows, arguments, argc, argv, 0, 0);
  if (rc >= 0)
    return rc;
  if (!ctl->json) {
    printf ("katactl %s (libkata %s)\n", KATACTL_VERSION, kata_version ());
    return CTL_OK;
  }
  JsonBuilder *builder = json_builder_new ();
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "katactl");
  json_builder_add_string_value (builder, KATACTL_VERSION);
  json_builder_set_member_name (builder, "libkata");
  json_builder_add_string_value (builder, kata_version ());
  json_builder_end_object (builder);
  return output_json_builder (builder);
}

static int
help_all (void)
{
  printf ("Usage: katactl [OPTIONS] COMMAND [ARGUMENTS]\n\n"
          "Run containers, each in a virtual machine of its own.\n\nCommands:\n");
  for (const command *c = ctl_commands; c->name; c++)
    if (!c->hidden)
      printf ("  %-12s %s\n", c->name, c->summary);
  printf ("\nOptions of every command:\n"
          "      --config FILE            configuration.toml to use instead of the search path\n"
          "      --state-dir DIR          where sandboxes are recorded\n"
          "      --hypervisor NAME        backend to use\n"
          "      --backend-library FILE   a .so with a backend, trusted as katactl is; repeatable\n"
          "      --log-level LEVEL        error, warning (default), info or debug\n"
          "      --json                   print JSON; errors are JSON on stderr\n"
          "  -h, --help                   show the help of a command\n"
          "\nExamples:\n"
          "  katactl check                                  # can this host do it, and what to do if not\n"
          "  katactl run --rootfs DIR -- uname -a           # one command in a virtual machine\n"
          "  katactl run -d --name web --rootfs DIR -- CMD  # in the background\n"
          "  katactl help run                               # the options of one command\n");
  return CTL_OK;
}

int
cmd_help (ctl *ctl, int argc, char **argv)
{
  char word[] = "--help", *help_argv[] = { NULL, word, NULL };
  const command *about = argc > 1 && argv[1][0] != '-' ? ctl_find_command (argv[1]) : NULL;
  if (argc < 2 || argv[1][0] == '-')
    return help_all ();
  if (!about)
    return output_usage (ctl, "there is no command \"%s\"", argv[1]);
  ctl->command = about;
  help_argv[0] = (char *) about->name;
  return g_str_equal (about->name, "help") ? help_all () : about->run (ctl, 2, help_argv);
}
