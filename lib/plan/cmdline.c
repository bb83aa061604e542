/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmdline: the guest kernel's command line: ours, then the configuration's as it is there; a name in that replaces ours. */
#include <string.h>

#include "plan/build.h"

/* What every kernel since 2.6 takes on x86. */
#define CMDLINE_MAX 2048u
#define WORDS_MAX   256u

/* The length of a word's name: up to '=', or all of it. */
static size_t
name_length (const char *word)
{
  return strcspn (word, "=");
}

/* Drops of the first @n words those that @word replaces. "console" may be there many times. How many are left of them. */
static guint
drop_replaced (GPtrArray *words, guint n, const char *word)
{
  size_t len = name_length (word);
  if (len == strlen ("console") && strncmp (word, "console", len) == 0)
    return n;
  for (guint i = n; i > 0; i--) {
    const char *old = g_ptr_array_index (words, i - 1);
    if (name_length (old) == len && strncmp (old, word, len) == 0) {
      g_ptr_array_remove_index (words, i - 1);
      n--;
    }
  }
  return n;
}

/* They replace what was there before, but not one another: a name may be there many times, and a quoted value has spaces. */
static void
add_words (GPtrArray *words, const char *text)
{
  g_auto (GStrv) split = g_strsplit (text, " ", -1);
  guint before = words->len;
  for (char **word = split; *word != NULL; word++) {
    if (**word == '\0')
      continue;
    before = drop_replaced (words, before, *word);
    g_ptr_array_add (words, g_strdup (*word));
  }
}

/* "quiet" and "debug" have no value to replace. */
static void
add_base (struct kata_plan_build *b, GPtrArray *words)
{
  add_words (words, "reboot=t panic=-1 net.ifnames=0 rcupdate.rcu_expedited=1 cryptomgr.notests random.trust_cpu=on");
  if (g_strcmp0 (b->plan->vm.arch, "x86_64") == 0)
    add_words (words, "no_timer_check tsc=reliable noreplace-smp pci=lastbus=0");
  /* Whenever it comes: by the agent alone, what a busy guest finds late would stay unused. */
  if (b->plan->vm.max_memory_mib > b->plan->vm.memory_mib)
    add_words (words, "memhp_default_state=online");
  add_words (words, b->hv->enable_debug ? "debug" : "quiet");
  if (b->in->guest.cmdline != NULL && !b->foreign_guest)
    add_words (words, b->in->guest.cmdline);
}

static void
add_agent (struct kata_plan_build *b, GPtrArray *words)
{
  /* Kata's own agent takes one of these for cgroup v2; libkata's always has v2. */
  if (b->foreign_guest)
    add_words (words, "cgroup_no_v1=all systemd.unified_cgroup_hierarchy=1");
  if (b->agent->enable_debug)
    add_words (words, "agent.log=debug");
  if (b->agent->debug_console_enabled)
    add_words (words, "agent.debug_console agent.debug_console_vport=1026");
  if (b->agent->container_pipe_size > 0) {
    g_autofree char *word =
        g_strdup_printf ("agent.container_pipe_size=%" G_GINT64_FORMAT, b->agent->container_pipe_size);
    add_words (words, word);
  }
}

int
kata_plan__cmdline (struct kata_plan_build *b, kata_error **err)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);
  const char *key = kata_plan__key (b, "kernel_params");

  if (strnlen (b->hv->kernel_params, CMDLINE_MAX) >= CMDLINE_MAX)
    return kata_error__set (err, KATA_E_LIMIT, key, "%s: has more than %u bytes", key, CMDLINE_MAX - 1);
  if (!kata_plan__is_printable (b->hv->kernel_params))
    return kata_error__set (err, KATA_E_CONFIG, key, "%s: has a control character", key);
  add_base (b, words);
  add_agent (b, words);
  add_words (words, b->hv->kernel_params);
  if (words->len > WORDS_MAX)
    return kata_error__set (err, KATA_E_LIMIT, key, "%s: more than %u parameters", key, WORDS_MAX);
  g_ptr_array_add (words, NULL);
  g_autofree char *line = g_strjoinv (" ", (char **) words->pdata);
  /* The backend adds a little: console=, root=. */
  if (strlen (line) > CMDLINE_MAX - 128)
    return kata_error__set (err, KATA_E_LIMIT, key, "%s: the kernel's command line gets longer than %u bytes", key,
                            CMDLINE_MAX - 128);
  b->plan->vm.cmdline = kata_arena__strdup (b->arena, line);
  return 0;
}
