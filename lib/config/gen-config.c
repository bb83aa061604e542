/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gen-config: a build-time program that writes the key table as configuration.toml or as docs/configuration.md. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "config/keys.h"

/* Which [hypervisor.NAME] the default file shows in full. */
#define SHOWN_HYPERVISOR "qemu"

static const char *
type_name (const struct kata_key *key)
{
  static const char *const names[] = { "boolean", "integer", "number", "string", "list of strings", "table" };
  return (key->flags & (KATA_KEY_PATH | KATA_KEY_GUEST_PATH)) != 0 ? "path" : names[key->type];
}

/* What is allowed beyond the type: " from 1 to 240", ": a, b or c". */
static void
print_allowed (const struct kata_key *key, const char *quote)
{
  for (size_t i = 0; key->oneof != NULL && key->oneof[i] != NULL; i++)
    printf ("%s%s%s%s", i == 0 ? ": " : ", ", quote, key->oneof[i], quote);
  if (key->min != 0 || key->max != 0)
    printf (" from %.15g to %.15g", key->min, key->max);
  if ((key->flags & KATA_KEY_POWER2) != 0)
    printf (", a power of two");
}

static void
toml_key (const struct kata_key *key, bool of_hypervisor)
{
  if (key->offset == KATA_KEY_UNUSED)
    return;
  printf ("# %s\n# %s", key->doc, type_name (key));
  print_allowed (key, "");
  if (of_hypervisor && !kata_keys__acts (SHOWN_HYPERVISOR, key)) {
    printf ("; for");
    for (size_t n = 0; kata_keys__acting (key, n) != NULL; n++)
      printf ("%s %s", n == 0 ? "" : ",", kata_keys__acting (key, n));
  }
  if ((key->flags & KATA_KEY_OURS) != 0)
    printf ("; libkata's own key");
  printf ("\n%s%s = %s\n\n", (key->flags & KATA_KEY_SHOWN) != 0 ? "" : "#", key->name, key->fallback);
}

static void
print_toml (void)
{
  static const struct {
    enum kata_key_section section;
    const char *heading;
  } tables[] = { { KATA_KEY_HYPERVISOR, "hypervisor." SHOWN_HYPERVISOR },
                 { KATA_KEY_AGENT, "agent.kata" },
                 { KATA_KEY_RUNTIME, "runtime" } };
  printf ("# libkata's configuration, made from the key table of its sources. Keys directly behind a # are at the "
          "default shown.\n"
          "# Kata's own configuration files, of its Go and its Rust runtime, are read as well. Files in config.d/ "
          "beside this one\n"
          "# are read after it, in the order of their names. docs/configuration.md lists every key.\n");
  printf (
      "\n# The built-in microVMM takes the same keys as below; this table being here lets libkata choose between the "
      "two.\n[hypervisor.builtin]\n");
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    printf ("\n[%s]\n\n", tables[i].heading);
    for (const struct kata_key *key = kata_keys__of (tables[i].section); key->name != NULL; key++)
      toml_key (key, tables[i].section == KATA_KEY_HYPERVISOR);
  }
}

/* A table cell: no line of it may end the table. */
static void
print_cell (const char *text)
{
  for (; *text != '\0'; text++)
    if (*text == '|')
      printf ("\\|");
    else
      putchar (*text);
}

/* Who does something with a key of a hypervisor's table. */
static void
print_acting (const struct kata_key *key)
{
  const char *name;
  for (size_t n = 0; (name = kata_keys__acting (key, n)) != NULL; n++)
    printf ("%s%s", n == 0 ? "" : ", ", name);
  printf (" | ");
}

static void
markdown_key (const struct kata_key *key, enum kata_key_section section)
{
  printf ("| `%s`", key->name);
  if (key->alias != NULL)
    printf (", `%s`", key->alias);
  printf (" | %s", type_name (key));
  print_allowed (key, "`");
  if (key->fallback != NULL) {
    printf (" | `");
    print_cell (key->fallback);
    printf ("` | ");
  } else {
    printf (" | | ");
  }
  printf ("%s | %s | ",
          (key->flags & KATA_KEY_OURS) != 0 ? "libkata's own"
          : key->offset == KATA_KEY_UNUSED  ? "known"
                                            : "acted on",
          (key->flags & KATA_KEY_ANNOTATION) != 0 ? "if listed" : "never");
  if (section == KATA_KEY_HYPERVISOR && key->offset == KATA_KEY_UNUSED)
    printf ("none | ");
  else if (section == KATA_KEY_HYPERVISOR)
    print_acting (key);
  print_cell (key->doc);
  printf (" |\n");
}

static void
print_markdown (void)
{
  printf (
      "<!-- Made by lib/config/gen-config.c from the key table; a test fails when it is stale. Write it anew with: "
      "ninja -C build configuration-md -->\n"
      "# Configuration\n\n"
      "libkata reads Kata's configuration dialect (TOML), with the key names of its Go and its Rust runtime. The first "
      "of these files counts:\n"
      "the one that the caller names; `/etc/kata-containers/configuration.toml`; "
      "`/etc/kata-containers/runtime-rs/configuration.toml`;\n"
      "`defaults/kata-containers/configuration.toml` in the data directory libkata was installed to; "
      "`/usr/share/defaults/kata-containers/configuration.toml`;\n"
      "`/usr/share/defaults/kata-containers/runtime-rs/configuration.toml`; "
      "`/opt/kata/share/defaults/kata-containers/runtime-rs/configuration.toml`.\n"
      "Without any, the defaults below hold. After it come the regular files of `config.d/` beside the file (where its "
      "symlinks end), in the order\n"
      "of their names; a key in a later file replaces the same key of an earlier one, tables are merged.\n\n"
      "- A wrong type or value is an error with file, line, key and what is allowed.\n"
      "- An unknown key is a warning with the nearest known one.\n"
      "- \"known\" keys are Kata's; libkata does not act on them yet, and a warning names each that is set.\n"
      "- A hypervisor that is not in a key's column \"acts or refuses\" passes the key over; a warning names the key. "
      "Of a "
      "table for a hypervisor that\n"
      "  libkata lacks (dragonball, openvmm, remote) a warning names every key.\n"
      "- `[hypervisor.firecracker]` is `[hypervisor.fc]`, `[hypervisor.cloud-hypervisor]` is `[hypervisor.clh]`.\n\n"
      "## Annotations\n\n"
      "A sandbox may bring `io.katacontainers.config.hypervisor.KEY`, `….runtime.KEY` and `….agent.KEY` for the keys "
      "marked \"if listed\", when\n"
      "`enable_annotations` of the hypervisor's table lists `KEY`, `runtime.KEY` or `agent.KEY` letter by letter (no "
      "patterns, nothing is free\n"
      "without being listed). A path must also match one of the patterns in its `valid_…` list, where `*` and `?` do "
      "not match a slash; without\n"
      "such a list no annotation sets it. Arguments for helper programs are never set by annotation. Lists are written "
      "with semicolons.\n"
      "One annotation that is refused refuses the sandbox.\n");
  for (int section = 0; section < KATA_KEY_SECTIONS; section++) {
    bool by = section == KATA_KEY_HYPERVISOR;
    printf ("\n## [%s]\n\n| key | type | default | state | by annotation |%s meaning |\n|---|---|---|---|---|%s---|\n",
            kata_keys__heading ((enum kata_key_section) section), by ? " acts or refuses |" : "", by ? "---|" : "");
    for (const struct kata_key *key = kata_keys__of ((enum kata_key_section) section); key->name != NULL; key++)
      markdown_key (key, (enum kata_key_section) section);
  }
}

int
main (int argc, char **argv)
{
  if (argc == 2 && strcmp (argv[1], "toml") == 0)
    print_toml ();
  else if (argc == 2 && strcmp (argv[1], "markdown") == 0)
    print_markdown ();
  else {
    fprintf (stderr, "usage: %s toml|markdown\n", argv[0]);
    return 2;
  }
  return fflush (stdout) == 0 ? 0 : 1;
}
