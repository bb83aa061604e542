/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dan: member by member; what it does not know it passes over, as Kata does. */
#include "sandbox/dan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "backend/device.h"
#include "base/fd.h"
#include "base/json.h"
#include "host/beneath.h"

#define MTU_DEFAULT    1500u
#define MTU_MIN        68
#define MTU_MAX        65535
#define QUEUE_SIZE_MAX 1024u

/* What is read of one device. */
struct reading {
  struct kata_json_reader *r;
  kata_arena *arena;
  const char *device;
  struct kata_net *net;
};

static size_t
count (const kata_json *array)
{
  return array != NULL ? array->n : 0;
}

/* "10.0.0.2/24" into an address without a prefix, and its family; a prefix of its own is the whole address. */
static const char *
address_of (const struct reading *in, const kata_json *value, bool *ipv6, uint32_t *prefix)
{
  const char *text = kata_json__string (in->r, value);
  struct in6_addr raw;
  if (text == NULL)
    return "";
  g_auto (GStrv) parts = g_strsplit (text, "/", 2);
  *ipv6 = strchr (text, ':') != NULL;
  guint64 bits = *ipv6 ? 128 : 32;
  bool ok = parts[0] != NULL && inet_pton (*ipv6 ? AF_INET6 : AF_INET, parts[0], &raw) == 1;
  if (ok && parts[1] != NULL)
    ok = g_ascii_string_to_unsigned (parts[1], 10, 0, bits, &bits, NULL);
  if (!ok) {
    kata_json__fail (in->r, value, "\"%.80s\" is no address", text);
    return "";
  }
  *prefix = (uint32_t) bits;
  return kata_arena__strdup (in->arena, parts[0]);
}

/* Of an absent member: "". */
static const char *
optional_address (const struct reading *in, const kata_json *object, const char *name, bool *ipv6, uint32_t *prefix)
{
  const kata_json *value = kata_json__get (object, name);
  if (value == NULL || (value->type == KATA_JSON_STRING && value->text[0] == '\0'))
    return "";
  return address_of (in, value, ipv6, prefix);
}

static void
read_interface (const struct reading *in, struct kata_net_interface *out, const kata_json *object)
{
  const kata_json *addresses = kata_json__get_array (in->r, object, "ip_addresses");
  const kata_json *mtu = kata_json__get (object, "mtu");
  out->mtu = mtu != NULL ? (uint32_t) kata_json__i64 (in->r, mtu, MTU_MIN, MTU_MAX) : MTU_DEFAULT;
  out->flags = kata_json__get_u32 (in->r, object, "flags") & IFF_NOARP;
  if (count (addresses) > KATA_NET_ADDRESSES_MAX) {
    kata_json__fail (in->r, addresses, "more than %u addresses", KATA_NET_ADDRESSES_MAX);
    return;
  }
  out->addresses = kata_arena__new0 (in->arena, struct kata_net_address, count (addresses) + 1);
  for (const kata_json *at = addresses != NULL ? addresses->first : NULL; at != NULL; at = at->next) {
    struct kata_net_address *address = &out->addresses[out->n_addresses++];
    address->address = address_of (in, at, &address->ipv6, &address->prefix);
  }
}

static void
read_route (const struct reading *in, const kata_json *object)
{
  struct kata_net_route *route = &in->net->routes[in->net->n_routes++];
  bool ipv6[3] = { false };
  uint32_t prefix = 0, whole = 0;
  *route = (struct kata_net_route){ .dest = "", .device = in->device };
  if (!kata_json__is (in->r, object, KATA_JSON_OBJECT))
    return;
  const char *dest = optional_address (in, object, "dest", &ipv6[0], &prefix);
  route->gateway = optional_address (in, object, "gateway", &ipv6[1], &whole);
  route->source = optional_address (in, object, "source", &ipv6[2], &whole);
  route->scope = kata_json__get_u32 (in->r, object, "scope");
  route->flags = kata_json__get_u32 (in->r, object, "flags");
  route->ipv6 = ipv6[0] || ipv6[1] || ipv6[2];
  /* The guest is told one family, of all of them. */
  if ((dest[0] != '\0' && ipv6[0] != route->ipv6) || (route->gateway[0] != '\0' && ipv6[1] != route->ipv6) ||
      (route->source[0] != '\0' && ipv6[2] != route->ipv6))
    kata_json__fail (in->r, object, "its addresses are of IPv4 and of IPv6");
  if (prefix != 0) /* 0.0.0.0/0 is the default route, which has no destination */
    route->dest = kata_arena__printf (in->arena, "%s/%u", dest, prefix);
}

static void
read_neighbor (const struct reading *in, const kata_json *object)
{
  struct kata_net_neighbor *neighbor = &in->net->neighbors[in->net->n_neighbors++];
  uint32_t prefix = 0;
  *neighbor = (struct kata_net_neighbor){ .address = "", .device = in->device, .mac = "" };
  if (!kata_json__is (in->r, object, KATA_JSON_OBJECT))
    return;
  neighbor->address = optional_address (in, object, "ip_address", &neighbor->ipv6, &prefix);
  neighbor->mac = kata_json__get_string_required (in->r, object, "hardware_addr");
  neighbor->state = kata_json__get_u32 (in->r, object, "state");
  neighbor->flags = kata_json__get_u32 (in->r, object, "flags");
  if (neighbor->address[0] == '\0')
    kata_json__missing (in->r, object, "ip_address");
  else if (!kata_device__mac_ok (neighbor->mac))
    kata_json__fail (in->r, object, "its hardware_addr is no Ethernet address");
}

static void
read_info (const struct reading *in, struct kata_net_interface *interface, const kata_json *info)
{
  struct kata_net *net = in->net;
  const kata_json *routes = kata_json__get_array (in->r, info, "routes");
  const kata_json *neighbors = kata_json__get_array (in->r, info, "neighbors");
  read_interface (in, interface, kata_json__get_object (in->r, info, "interface"));
  if (count (routes) + net->n_routes > KATA_NET_ROUTES_MAX ||
      count (neighbors) + net->n_neighbors > KATA_NET_NEIGHBORS_MAX) {
    kata_json__fail (in->r, info, "more than %u routes or %u neighbours", KATA_NET_ROUTES_MAX, KATA_NET_NEIGHBORS_MAX);
    return;
  }
  for (const kata_json *at = routes != NULL ? routes->first : NULL; at != NULL; at = at->next)
    read_route (in, at);
  for (const kata_json *at = neighbors != NULL ? neighbors->first : NULL; at != NULL; at = at->next)
    read_neighbor (in, at);
}

static bool
name_ok (const char *name)
{
  return name[0] != '\0' && strlen (name) < IFNAMSIZ && strcmp (name, ".") != 0 && strcmp (name, "..") != 0 &&
         strpbrk (name, "/ \t\n,:%") == NULL && g_str_is_ascii (name);
}

/* The machine's side. */
static void
read_device (struct kata_json_reader *r, kata_vm_nic *nic, const kata_json *object)
{
  const kata_json *device = kata_json__get_object (r, object, "device");
  const char *type = kata_json__get_string_required (r, device, "type");
  if (device == NULL)
    kata_json__missing (r, object, "device");
  if (r->result != 0)
    return;
  if (strcmp (type, "vhost-user") != 0) {
    r->code = KATA_E_UNSUPPORTED;
    kata_json__fail (r, device,
                     "devices of type \"%.40s\" are not supported, only \"vhost-user\"; a tap is found in the "
                     "pod's network namespace: give that as the network",
                     type);
    return;
  }
  uint32_t n = kata_json__get_u32 (r, device, "queue_num"), size = kata_json__get_u32 (r, device, "queue_size");
  *nic = (kata_vm_nic){ .size = sizeof *nic,
                        .kind = KATA_NIC_VHOST_USER,
                        .name = kata_json__get_string_required (r, object, "name"),
                        .device = "",
                        .mac = kata_json__get_string_required (r, object, "guest_mac"),
                        .queues = MAX (n, 1),
                        .socket = kata_json__get_string_required (r, device, "path"),
                        .queue_size = size };
  if (r->result != 0)
    return;
  if (!name_ok (nic->name))
    kata_json__fail (r, object, "its name \"%.40s\" is none for an interface", nic->name);
  else if (!kata_device__mac_ok (nic->mac))
    kata_json__fail (r, object, "its guest_mac \"%.40s\" is no Ethernet address", nic->mac);
  else if (nic->queues > KATA_NIC_QUEUES_MAX || size > QUEUE_SIZE_MAX || (size & (size - 1)) != 0)
    kata_json__fail (r, device, "queue_num is more than %d, or queue_size no power of two up to %u",
                     KATA_NIC_QUEUES_MAX, QUEUE_SIZE_MAX);
  else if (nic->socket[0] != '/')
    kata_json__fail (r, device, "path is not absolute");
}

static bool
twice (const struct kata_dan *dan, const kata_vm_nic *nic)
{
  for (size_t i = 0; i < dan->n_nics; i++)
    if (strcmp (dan->nics[i].name, nic->name) == 0 || g_ascii_strcasecmp (dan->nics[i].mac, nic->mac) == 0)
      return true;
  return false;
}

static void
read_devices (struct kata_dan *dan, struct kata_json_reader *r, const kata_json *devices)
{
  kata_vm_nic *nics = kata_arena__new0 (r->arena, kata_vm_nic, devices->n + 1);
  struct kata_net *net = &dan->net;
  net->interfaces = kata_arena__new0 (r->arena, struct kata_net_interface, devices->n + 1);
  net->routes = kata_arena__new0 (r->arena, struct kata_net_route, KATA_NET_ROUTES_MAX);
  net->neighbors = kata_arena__new0 (r->arena, struct kata_net_neighbor, KATA_NET_NEIGHBORS_MAX);
  dan->nics = nics;
  for (const kata_json *at = devices->first; at != NULL && r->result == 0; at = at->next) {
    struct kata_net_interface *interface = &net->interfaces[net->n_interfaces++];
    kata_vm_nic *nic = &nics[dan->n_nics];
    if (!kata_json__is (r, at, KATA_JSON_OBJECT))
      return;
    read_device (r, nic, at);
    if (r->result == 0 && twice (dan, nic))
      kata_json__fail (r, at, "its name or guest_mac is another device's too");
    if (r->result != 0)
      return;
    *interface = (struct kata_net_interface){ .name = nic->name, .kind = "vhost-user", .mac = nic->mac };
    const struct reading in = { r, r->arena, nic->name, net };
    read_info (&in, interface, kata_json__get_object (r, at, "network_info"));
    nic->mtu = interface->mtu;
    dan->n_nics++;
  }
}

int
kata_dan__parse (struct kata_dan *out, kata_arena *arena, const char *text, size_t len, kata_error **err)
{
  const kata_json *root = NULL;
  struct kata_dan dan = { 0 };
  int r = kata_json__parse (&root, arena, text, len, NULL, KATA_E_INVALID, err);
  if (r != 0)
    return r;
  struct kata_json_reader reader = { .arena = arena, .code = KATA_E_INVALID, .err = err, .strings_max = 4096 };
  const kata_json *devices =
      kata_json__is (&reader, root, KATA_JSON_OBJECT) ? kata_json__get_array (&reader, root, "devices") : NULL;
  if (reader.result == 0 && count (devices) == 0)
    kata_json__missing (&reader, root, "devices");
  if (reader.result == 0 && devices->n > KATA_DAN_DEVICES_MAX)
    return kata_error__set (err, KATA_E_LIMIT, "devices", "devices: %u; a guest can have %u", devices->n,
                            KATA_DAN_DEVICES_MAX);
  if (reader.result == 0)
    read_devices (&dan, &reader, devices);
  if (reader.result == 0)
    *out = dan;
  return reader.result;
}

int
kata_dan__read (struct kata_dan *out, kata_arena *arena, const char *path, kata_error **err)
{
  g_autofree char *folder = g_path_get_dirname (path), *name = g_path_get_basename (path), *text = NULL;
  size_t length = 0;
  kata_error *cause = NULL;
  kata_auto_fd int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int r = fd < 0 ? -errno : kata_beneath__read (fd, name, KATA_DAN_BYTES_MAX, &text, &length);
  if (r == -EFBIG)
    return kata_error__set (err, KATA_E_LIMIT, path, "network: \"%s\" is larger than %zu bytes", path,
                            KATA_DAN_BYTES_MAX);
  if (r != 0)
    return kata_error__errno (err,
                              r == -ENOENT || r == -ENOTDIR ? KATA_E_NOT_FOUND
                              : r == -EACCES                ? KATA_E_PERMISSION
                                                            : KATA_E_IO,
                              path, -r, "network: read \"%s\"", path);
  r = kata_dan__parse (out, arena, text, length, &cause);
  return r == 0 ? 0 : kata_error__wrap (err, cause, path, "network: \"%s\"", path);
}

char *
kata_dan__choose (const char *folder, const char *id, const char *network)
{
  if (folder[0] == '\0' || (network != NULL && network[0] != '/' && strcmp (network, "new") != 0))
    return NULL;
  g_autofree char *name = g_strconcat (id, ".json", NULL), *path = g_build_filename (folder, name, NULL);
  if (faccessat (AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && (errno == ENOENT || errno == ENOTDIR))
    return NULL;
  return g_strconcat ("dan:", path, NULL);
}
