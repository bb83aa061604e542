/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clh-net: a table of a few. */
#include "clh-net.h"

#include <fcntl.h>
#include <unistd.h>

#include "clh-events.h"

static struct clh_nic *
find (struct clh_net *net, const char *id)
{
  for (size_t i = 0; i < CLH_NICS; i++)
    if (g_strcmp0 (net->nics[i].id, id) == 0)
      return &net->nics[i];
  return NULL;
}

char *
clh_net_add (struct clh_net *net, const struct fake_request *request, JsonObject *config)
{
  const char *id = json_object_get_string_member_with_default (config, "id", "");
  gint64 queues = json_object_get_int_member_with_default (config, "num_queues", 2);
  if (queues != 2 * (gint64) request->n_fds)
    return g_strdup_printf ("%d queues and %zu descriptors", (int) queues, request->n_fds);
  if (id[0] == '\0' || find (net, id) != NULL)
    return g_strdup_printf ("a second device '%s'", id);
  struct clh_nic *nic = find (net, NULL);
  if (nic == NULL)
    return g_strdup ("too many devices");
  *nic = (struct clh_nic){ .id = g_strdup (id), .n_fds = request->n_fds };
  for (size_t i = 0; i < request->n_fds; i++)
    nic->fds[i] = fcntl (request->fds[i], F_DUPFD_CLOEXEC, 3);
  return NULL;
}

char *
clh_disk_add (struct clh_net *net, JsonObject *config)
{
  const char *id = json_object_get_string_member_with_default (config, "id", "");
  bool readonly = json_object_get_boolean_member_with_default (config, "readonly", FALSE);
  if (id[0] == '\0' || find (net, id) != NULL)
    return g_strdup_printf ("a second device '%s'", id);
  struct clh_nic *disk = find (net, NULL);
  int fd = open (json_object_get_string_member_with_default (config, "path", ""),
                 (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  if (disk == NULL || fd < 0 || lseek (fd, 0, SEEK_END) <= 0)
    return g_strdup ("too many devices, or no file");
  if (g_strcmp0 (json_object_get_string_member_with_default (config, "image_type", ""), "Raw") != 0)
    return g_strdup ("the format of a disk is not guessed");
  *disk = (struct clh_nic){ .id = g_strdup (id), .n_fds = 1, .disk = true, .fds = { fd } };
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

char *
clh_net_info (const struct clh_net *net, const char *config_more, const char *info_more)
{
  g_autoptr (GString) nics = g_string_new (NULL);
  g_autoptr (GString) disks = g_string_new (NULL);
  g_autoptr (GString) tree = g_string_new (NULL);
  for (const struct clh_nic *nic = net->nics; nic < net->nics + CLH_NICS; nic++) {
    GString *config = nic->disk ? disks : nics;
    if (nic->id == NULL)
      continue;
    if (!nic->asked)
      g_string_append_printf (config, "%s{\"id\":\"%s\"}", config->len > 0 ? "," : "", nic->id);
    g_string_append_printf (tree, "%s\"%s\":{\"id\":\"%s\"}", tree->len > 0 ? "," : "", nic->id, nic->id);
  }
  return g_strdup_printf ("{\"config\":{%s\"net\":[%s],\"disks\":[%s]},%s\"state\":\"Running\",\"device_tree\":{%s}}",
                          config_more, nics->str, disks->str, info_more, tree->str);
}
