/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* life: create, start, state, kill, delete, pause, resume. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verbs/args.h"
#include "verbs/create.h"
#include "verbs/verbs.h"
#include "verbs/wire.h"
#include "members.h"
#include "output.h"
#include "units.h"

static const arg_row no_rows[] = { { NULL, 0, 0, NULL } };

int
oci_create (oci *oci, int argc, char **argv)
{
  create create = { .bundle = ".", .detached = 1 };
  const arg_row rows[] = {
    { "bundle", 'b', ARG_TEXT, &create.bundle },
    { "console-socket", 0, ARG_TEXT, &create.console_socket },
    { "pid-file", 0, ARG_TEXT, &create.pid_file },
    { "preserve-fds", 0, ARG_TEXT, &create.preserve_fds },
    { "no-pivot", 0, ARG_FLAG, NULL },
    { "no-new-keyring", 0, ARG_FLAG, NULL },
    { NULL, 0, 0, NULL },
  };
  int first = args_parse_words (oci, rows, argc, argv, 1, 1);
  if (first < 0)
    return OCI_FAILED;
  create.id = argv[first];
  int rc = create_container (oci, OCI_FAILED, &create);
  create_clear (&create);
  return rc;
}

typedef int (*act_fn) (oci *oci, entry *entry);

/* "ID" and nothing else, then what is done to it. */
static int
with_entry (oci *oci, int argc, char **argv, act_fn act)
{
  entry entry = { 0 };
  int first = args_parse_words (oci, no_rows, argc, argv, 1, 1);
  if (first < 0 || entry_load (oci, argv[first], &entry) != OCI_OK)
    return OCI_FAILED;
  int rc = act (oci, &entry);
  entry_clear (&entry);
  return rc;
}

static int
start (oci *oci, entry *entry)
{
  return create_start (oci, OCI_FAILED, entry);
}

int
oci_start (oci *oci, int argc, char **argv)
{
  return with_entry (oci, argc, argv, start);
}

char *
verbs_status (oci *oci, const entry *entry)
{
  wire_message reply = { 0 };
  if (!entry_lives (entry))
    return g_strdup ("stopped");
  int rc = wire_call (oci, OCI_FAILED, entry->sandbox, wire_request ("state", entry->id), NULL, 0, &reply);
  const char *status = rc == 0 ? members_string (reply.object, "status") : NULL;
  char *copy = g_strdup (status ? status : rc < 0 ? "stopped" : "creating");
  wire_clear (&reply);
  return copy;
}

static int
state (oci *oci, entry *entry)
{
  g_autofree char *status = verbs_status (oci, entry);
  hooks_container container = entry_container (entry);
  g_autofree char *text = hooks_state (&container, status);
  puts (text);
  return OCI_OK;
}

int
oci_state (oci *oci, int argc, char **argv)
{
  return with_entry (oci, argc, argv, state);
}

int
oci_kill (oci *oci, int argc, char **argv)
{
  int all = 0;
  const arg_row rows[] = { { "all", 'a', ARG_FLAG, &all }, { NULL, 0, 0, NULL } };
  entry entry = { 0 };
  int first = args_parse_words (oci, rows, argc, argv, 1, 2);
  if (first < 0)
    return OCI_FAILED;
  const char *word = first + 1 < argc ? argv[first + 1] : "SIGTERM";
  int signum = 0;
  if (units_parse_signal (word, &signum) < 0)
    return oci_fail (oci, OCI_FAILED, "unknown signal \"%.32s\"", word);
  if (entry_load (oci, argv[first], &entry) != OCI_OK)
    return OCI_FAILED;
  JsonBuilder *request = wire_request ("kill", entry.id);
  wire_add_int (request, "signal", signum);
  wire_add_int (request, "all", all);
  int rc = wire_call (oci, OCI_FAILED, entry.sandbox, request, NULL, 0, NULL);
  if (rc < 0)
    rc = all ? OCI_OK : oci_fail (oci, OCI_FAILED, "container not running");
  entry_clear (&entry);
  return rc;
}

static int
delete_unreadable (oci *oci, const char *id, int force)
{
  if (!entry_exists (oci, id))
    return force ? OCI_OK : oci_fail (oci, OCI_FAILED, "container \"%.128s\" does not exist", id);
  entry entry = { 0 };
  if (!force)
    return entry_load (oci, id, &entry); /* says what is wrong */
  entry.id = g_strdup (id);
  entry.sandbox = g_strdup (id);
  int rc = create_remove (oci, OCI_FAILED, &entry, 1);
  entry_clear (&entry);
  return rc;
}

int
oci_delete (oci *oci, int argc, char **argv)
{
  int force = 0;
  const arg_row rows[] = { { "force", 'f', ARG_FLAG, &force }, { NULL, 0, 0, NULL } };
  int first = args_parse_words (oci, rows, argc, argv, 1, 1);
  if (first < 0)
    return OCI_FAILED;
  entry entry = { 0 };
  if (!entry_exists (oci, argv[first]) || entry_try_load (oci, argv[first], &entry) < 0)
    return delete_unreadable (oci, argv[first], force);
  int rc = create_remove (oci, OCI_FAILED, &entry, force);
  entry_clear (&entry);
  return rc;
}

static int
simple (oci *oci, entry *entry, const char *op)
{
  int rc = wire_call (oci, OCI_FAILED, entry->sandbox, wire_request (op, entry->id), NULL, 0, NULL);
  return rc < 0 ? oci_fail (oci, OCI_FAILED, "container not running") : rc;
}

static int
pause_it (oci *oci, entry *entry)
{
  return simple (oci, entry, "pause");
}

int
oci_pause (oci *oci, int argc, char **argv)
{
  return with_entry (oci, argc, argv, pause_it);
}

static int
resume_it (oci *oci, entry *entry)
{
  return simple (oci, entry, "resume");
}

int
oci_resume (oci *oci, int argc, char **argv)
{
  return with_entry (oci, argc, argv, resume_it);
}
