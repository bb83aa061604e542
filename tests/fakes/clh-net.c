/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clh-net: a table of a few. */
#include "clh-net.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clh-events.h"

#define FIRST_SLOT 5 /* before it are those that each machine has */
#define PCI        "_virtio-pci-"

static struct clh_nic *
find (struct clh_net *net, const char *id)
{
  for (size_t i = 0; i < CLH_NICS; i++)
    if (g_strcmp0 (net->nics[i].id, id) == 0)
      return &net->nics[i];
  return NULL;
}

/* What a server and its device say to each other is not played. */
static char *
open_server (int *fd, JsonObject *config, bool shared)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  if (json_object_has_member (config, "path"))
    return g_strdup ("Disk path and vhost socket both provided");
  if (!shared)
    return g_strdup ("Using vhost-user requires using shared memory or huge pages");
  if (!json_object_has_member (config, "vhost_socket"))
    return g_strdup ("No socket provided when using vhost-user");
  g_strlcpy (address.sun_path, json_object_get_string_member (config, "vhost_socket"), sizeof address.sun_path);
  *fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return connect (*fd, (struct sockaddr *) &address, sizeof address) == 0 ? NULL : g_strdup ("no server listens");
}

char *
clh_net_add (struct clh_net *net, const struct fake_request *request, JsonObject *config, bool shared)
{
  const char *id = json_object_get_string_member_with_default (config, "id", "");
  gint64 queues = json_object_get_int_member_with_default (config, "num_queues", 2);
  bool served = json_object_get_boolean_member_with_default (config, "vhost_user", FALSE);
  if (served ? request->n_fds != 0 : queues != 2 * (gint64) request->n_fds)
    return g_strdup_printf ("%d queues and %zu descriptors", (int) queues, request->n_fds);
  if (id[0] == '\0' || find (net, id) != NULL)
    return g_strdup_printf ("a second device '%s'", id);
  struct clh_nic *nic = find (net, NULL);
  if (nic == NULL)
    return g_strdup ("too many devices");
  int fd = -1;
  char *why = served ? open_server (&fd, config, shared) : NULL;
  if (why != NULL) {
    close (fd);
    return why;
  }
  *nic = (struct clh_nic){ .id = g_strdup (id), .n_fds = request->n_fds, .section = "net" };
  for (size_t i = 0; i < request->n_fds; i++)
    nic->fds[i] = fcntl (request->fds[i], F_DUPFD_CLOEXEC, 3);
  if (served)
    nic->fds[nic->n_fds++] = fd;
  return NULL;
}

static char *
open_file (int *fd, JsonObject *config)
{
  bool readonly = json_object_get_boolean_member_with_default (config, "readonly", FALSE);
  struct stat st;
  if (g_strcmp0 (json_object_get_string_member_with_default (config, "image_type", ""), "Raw") != 0)
    return g_strdup ("the format of a disk is not guessed");
  *fd = open (json_object_get_string_member_with_default (config, "path", ""),
              (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  if (*fd < 0 || fstat (*fd, &st) != 0)
    return g_strdup ("no file");
  return S_ISBLK (st.st_mode) || st.st_size > 0 ? NULL
                                                : g_strdup ("an empty file"); /* of devices a test has what there is */
}

char *
clh_disk_add (struct clh_net *net, JsonObject *config, bool shared)
{
  const char *id = json_object_get_string_member_with_default (config, "id", "");
  bool served = json_object_get_boolean_member_with_default (config, "vhost_user", FALSE);
  if (id[0] == '\0' || find (net, id) != NULL)
    return g_strdup_printf ("a second device '%s'", id);
  struct clh_nic *disk = find (net, NULL);
  int fd = -1;
  if (disk == NULL)
    return g_strdup ("too many devices");
  char *why = served ? open_server (&fd, config, shared) : open_file (&fd, config);
  if (why != NULL)
    close (fd);
  else
    *disk = (struct clh_nic){ .id = g_strdup (id), .n_fds = 1, .section = "disks", .fds = { fd } };
  return why;
}

char *
clh_device_add (struct clh_net *net, JsonObject *config)
{
  static const char folder[] = "/sys/bus/pci/devices/";
  const char *id = json_object_get_string_member_with_default (config, "id", "");
  const char *path = json_object_get_string_member_with_default (config, "path", "");
  struct clh_nic *device = find (net, NULL);
  if (id[0] == '\0' || find (net, id) != NULL)
    return g_strdup_printf ("a second device '%s'", id);
  if (!g_str_has_prefix (path, folder) || strchr (path + strlen (folder), '/') != NULL)
    return g_strdup_printf ("no device of the host's: '%s'", path);
  if (device == NULL)
    return g_strdup ("too many devices");
  *device = (struct clh_nic){ .id = g_strdup (id), .section = "devices" };
  return NULL;
}

char *
clh_net_bdf (const struct clh_net *net, const char *id)
{
  for (size_t i = 0; i < CLH_NICS; i++)
    if (g_strcmp0 (net->nics[i].id, id) == 0)
      return g_strdup_printf ("0000:00:%02x.0", (unsigned) (FIRST_SLOT + i));
  return NULL;
}

char *
clh_net_ask (struct clh_net *net, const char *id)
{
  struct clh_nic *nic = id[0] != '\0' ? find (net, id) : NULL;
  if (nic == NULL || nic->asked)
    return g_strdup_printf ("no device '%s'", id);
  nic->asked = true;
  return NULL;
}

void
clh_net_eject (struct clh_net *net, const struct fake_fault *fault)
{
  bool eject = fault->action != NULL && g_str_equal (fault->action, "eject");
  if (eject && g_str_equal (fault->how, "hang"))
    return;
  for (struct clh_nic *nic = net->nics; nic < net->nics + CLH_NICS; nic++) {
    if (nic->id == NULL || !nic->asked)
      continue;
    for (size_t i = 0; i < nic->n_fds; i++)
      close (nic->fds[i]);
    if (!eject)
      clh_event ("vm", "device-removed", "id", nic->id);
    g_free (nic->id);
    *nic = (struct clh_nic){ 0 };
  }
}

/* What vm.info says: as in vmm/src/device_tree.rs the device and its PCI function are two nodes, and the latter has the address. */
static void
add_nodes (GString *tree, const struct clh_net *net, const char *id, const struct fake_fault *fault)
{
  static const char *const lies[][3] = { { "none", "null", "null" },
                                         { "alone", "null", "\"0000:00:05.0\"" },
                                         { "text", "\"" PCI "%s\"", "\"0000:00:zz.0\"" },
                                         { "far", "\"" PCI "%s\"", "\"0001:00:05.0\"" },
                                         { "large", "\"" PCI "%s\"", "\"0000:00:25.0\"" },
                                         { "number", "7", "5" } };
  g_autofree char *bdf = clh_net_bdf (net, id);
  g_autofree char *parent = g_strdup_printf ("\"" PCI "%s\"", id), *place = g_strdup_printf ("\"%s\"", bdf);
  for (size_t i = 0; fault->action != NULL && g_str_equal (fault->action, "bdf") && i < G_N_ELEMENTS (lies); i++)
    if (g_str_equal (fault->how, lies[i][0])) {
      if (strchr (lies[i][1], '%') == NULL) {
        g_free (parent);
        parent = g_strdup (lies[i][1]);
      }
      g_free (place);
      place = g_strdup (lies[i][2]);
    }
  g_string_append_printf (tree, "%s\"%s\":{\"id\":\"%s\",\"parent\":%s,\"children\":[],\"pci_bdf\":null},",
                          tree->len > 0 ? "," : "", id, id, parent);
  g_string_append_printf (tree,
                          "\"" PCI "%s\":{\"id\":\"" PCI "%s\",\"parent\":null,\"children\":[\"%s\"],\"pci_bdf\":%s}",
                          id, id, id, place);
}

char *
clh_net_info (const struct clh_net *net, const char *config_more, const char *info_more, const struct fake_fault *fault)
{
  static const char *const sections[] = { "net", "disks", "devices" };
  g_autoptr (GString) lists = g_string_new (NULL);
  g_autoptr (GString) tree = g_string_new (NULL);
  for (size_t s = 0; s < G_N_ELEMENTS (sections); s++) {
    const char *comma = "";
    g_string_append_printf (lists, "%s\"%s\":[", s > 0 ? "," : "", sections[s]);
    for (const struct clh_nic *nic = net->nics; nic < net->nics + CLH_NICS; nic++)
      if (nic->id != NULL && !nic->asked && g_str_equal (nic->section, sections[s])) {
        g_string_append_printf (lists, "%s{\"id\":\"%s\"}", comma, nic->id);
        comma = ",";
      }
    g_string_append_c (lists, ']');
  }
  for (const struct clh_nic *nic = net->nics; nic < net->nics + CLH_NICS; nic++)
    if (nic->id != NULL)
      add_nodes (tree, net, nic->id, fault);
  bool told = fault->action == NULL || !g_str_equal (fault->action, "device_tree"); /* else as before it boots */
  return g_strdup_printf ("{\"config\":{%s%s},%s\"state\":\"Running\",\"device_tree\":%s%s%s}", config_more, lists->str,
                          info_more, told ? "{" : "null", told ? tree->str : "", told ? "}" : "");
}
