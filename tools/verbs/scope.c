/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scope: by GDBus, which is in every process here already, since json-glib needs libgio. */
#include "verbs/scope.h"

#include <string.h>
#include <unistd.h>

#include <gio/gio.h>

#define NAME      "org.freedesktop.systemd1"
#define PATH      "/org/freedesktop/systemd1"
#define INTERFACE NAME ".Manager"
#define ANSWER_MS 10000

/* What the signal tells, and what is waited for. */
struct job {
  char *path;   /* NULL: the answer is not here yet */
  char *result; /* NULL: it goes on */
  GHashTable *ended;
  int late;
};

static void
take_removed (GDBusConnection *bus, const char *sender, const char *object, const char *interface, const char *signal,
              GVariant *values, gpointer data)
{
  struct job *job = data;
  const char *path, *unit, *result;
  if (!g_variant_is_of_type (values, G_VARIANT_TYPE ("(uoss)")))
    return;
  g_variant_get (values, "(u&o&s&s)", NULL, &path, &unit, &result);
  if (g_hash_table_size (job->ended) < 1024)
    g_hash_table_insert (job->ended, g_strdup (path), g_strdup (result));
}

static gboolean
take_time (gpointer data)
{
  ((struct job *) data)->late = 1;
  return G_SOURCE_REMOVE;
}

static GVariant *
call (GDBusConnection *bus, const char *method, GVariant *arguments, GError **error)
{
  return g_dbus_connection_call_sync (bus, NAME, PATH, INTERFACE, method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE,
                                      ANSWER_MS, NULL, error);
}

static GVariant *
describe (const char *unit, const char *slice, int64_t pid, const char *description)
{
  GVariantBuilder properties;
  guint32 pids[] = { (guint32) pid };
  g_variant_builder_init (&properties, G_VARIANT_TYPE ("a(sv)"));
  g_variant_builder_add (&properties, "(sv)", "Description", g_variant_new_string (description));
  g_variant_builder_add (&properties, "(sv)", "Slice", g_variant_new_string (slice));
  g_variant_builder_add (&properties, "(sv)", "PIDs",
                         g_variant_new_fixed_array (G_VARIANT_TYPE_UINT32, pids, 1, sizeof pids[0]));
  g_variant_builder_add (&properties, "(sv)", "Delegate", g_variant_new_boolean (TRUE));
  g_variant_builder_add (&properties, "(sv)", "DefaultDependencies", g_variant_new_boolean (FALSE));
  g_variant_builder_add (&properties, "(sv)", "CollectMode", g_variant_new_string ("inactive-or-failed"));
  return g_variant_new ("(ssa(sv)a(sa(sv)))", unit, "fail", &properties, NULL);
}

/* The scope is there when its job is done; the signal may come before the answer that names the job. */
static int
await (GMainContext *context, struct job *job, char **why)
{
  GSource *timer = g_timeout_source_new (ANSWER_MS);
  const char *result = NULL;
  g_source_set_callback (timer, take_time, job, NULL);
  g_source_attach (timer, context);
  while (!job->late && (result = g_hash_table_lookup (job->ended, job->path)) == NULL)
    g_main_context_iteration (context, TRUE);
  g_source_destroy (timer);
  g_source_unref (timer);
  if (result && strcmp (result, "done") == 0)
    return 0;
  *why = result ? g_strdup_printf ("its job ended as \"%.40s\"", result) : g_strdup ("its job does not end");
  return -1;
}

static int
start (GDBusConnection *bus, GMainContext *context, GVariant *request, char **why)
{
  g_autoptr (GHashTable) ended = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GError) error = NULL;
  struct job job = { .ended = ended };
  g_autoptr (GVariant) arguments = g_variant_ref_sink (request);
  guint id = g_dbus_connection_signal_subscribe (bus, NAME, INTERFACE, "JobRemoved", PATH, NULL,
                                                 G_DBUS_SIGNAL_FLAGS_NONE, take_removed, &job, NULL);
  g_autoptr (GVariant) subscribed = call (bus, "Subscribe", NULL, &error);
  g_autoptr (GVariant) answer = subscribed ? call (bus, "StartTransientUnit", arguments, &error) : NULL;
  int rc = -1;
  if (answer && g_variant_is_of_type (answer, G_VARIANT_TYPE ("(o)"))) {
    g_variant_get (answer, "(o)", &job.path);
    rc = await (context, &job, why);
  } else {
    *why = g_strdup (error ? error->message : "it answers otherwise than expected");
  }
  g_dbus_connection_signal_unsubscribe (bus, id);
  g_free (job.path);
  return rc;
}

/* Signals of this connection come to a context of ours. */
static int
ask (const char *address, GVariant *request, char **why)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GError) error = NULL;
  g_main_context_push_thread_default (context);
  GDBusConnection *bus = g_dbus_connection_new_for_address_sync (
      address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL,
      NULL, &error);
  int rc = -1;
  if (bus) {
    rc = start (bus, context, request, why);
    g_dbus_connection_close_sync (bus, NULL, NULL);
    g_object_unref (bus);
  } else {
    *why = g_strdup (error->message);
    g_variant_unref (g_variant_ref_sink (request));
  }
  g_main_context_pop_thread_default (context);
  return rc;
}

int
scope_enter (const char *written, int64_t pid, const char *description, char **why)
{
  g_auto (GStrv) parts = g_strsplit (written, ":", 4);
  /* A bus that is named is meant; a user's own systemd is another one, which is not asked. */
  if (geteuid () != 0 || g_strv_length (parts) != 3 || g_str_has_suffix (parts[2], ".slice") ||
      (access ("/run/systemd/system", F_OK) != 0 && !g_getenv ("DBUS_SYSTEM_BUS_ADDRESS")))
    return 1;
  g_autofree char *address = g_dbus_address_get_for_bus_sync (G_BUS_TYPE_SYSTEM, NULL, NULL);
  if (!address)
    return 1;
  g_autofree char *unit = g_strdup_printf ("%s%s%s.scope", parts[1], *parts[1] ? "-" : "", parts[2]);
  g_autofree char *said = NULL;
  if (ask (address, describe (unit, *parts[0] ? parts[0] : "system.slice", pid, description), &said) == 0)
    return 0;
  *why = g_strdup_printf ("systemd did not make the scope \"%s\": %s", unit, said);
  return -1;
}
