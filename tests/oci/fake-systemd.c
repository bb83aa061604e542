/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fake-systemd: of systemd's bus interface what makes a transient scope; notes the calls in FILE. fake-systemd FILE done|failed|refuse. */
#include <stdio.h>
#include <string.h>

#include <gio/gio.h>

static const char interface_text[] =
    "<node><interface name='org.freedesktop.systemd1.Manager'><method name='Subscribe'/>"
    "<method name='StartTransientUnit'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='a(sv)' direction='in'/><arg type='a(sa(sv))' direction='in'/><arg type='o' direction='out'/></method>"
    "<signal name='JobRemoved'><arg type='u'/><arg type='o'/><arg type='s'/><arg "
    "type='s'/></signal></interface></node>";

static const char *file, *result;

static void
take_call (GDBusConnection *bus, const char *sender, const char *object, const char *interface, const char *method,
           GVariant *arguments, GDBusMethodInvocation *invocation, gpointer data)
{
  FILE *out = fopen (file, "a");
  g_autofree char *text = g_variant_print (arguments, FALSE);
  fprintf (out, "%s %s\n", method, text);
  fclose (out);
  if (strcmp (method, "Subscribe") == 0) {
    g_dbus_method_invocation_return_value (invocation, NULL);
    return;
  }
  if (strcmp (result, "refuse") == 0) {
    g_dbus_method_invocation_return_dbus_error (invocation, "org.freedesktop.systemd1.UnitExists",
                                                "it is there already");
    return;
  }
  /* The signal first: a client must not miss it. */
  const char *unit;
  g_variant_get_child (arguments, 0, "&s", &unit);
  g_dbus_connection_emit_signal (bus, NULL, object, interface, "JobRemoved",
                                 g_variant_new ("(uoss)", 7u, "/org/freedesktop/systemd1/job/7", unit, result), NULL);
  g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", "/org/freedesktop/systemd1/job/7"));
}

static void
take_name (GDBusConnection *bus, const char *name, gpointer data)
{
  puts ("ready");
  fflush (stdout);
}

int
main (int argc, char **argv)
{
  static const GDBusInterfaceVTable table = { .method_call = take_call };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GDBusNodeInfo) node = g_dbus_node_info_new_for_xml (interface_text, NULL);
  if (argc != 3 || !node)
    return 2;
  file = argv[1];
  result = argv[2];
  GDBusConnection *bus = g_bus_get_sync (G_BUS_TYPE_SYSTEM, NULL, NULL);
  if (!bus || g_dbus_connection_register_object (bus, "/org/freedesktop/systemd1", node->interfaces[0], &table, NULL,
                                                 NULL, NULL) == 0)
    return 1;
  g_bus_own_name_on_connection (bus, "org.freedesktop.systemd1", G_BUS_NAME_OWNER_FLAGS_NONE, take_name, NULL, NULL,
                                NULL);
  g_main_loop_run (loop);
  return 0;
}
