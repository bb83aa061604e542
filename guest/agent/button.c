/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* button: hears of the power button over the kernel's ACPI netlink family, and then ends containers and guest; needs no input device. */
#include "button.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "container.h"
#include "mem.h"
#include "modules.h"
#include "netlink.h"
#include "power.h"
#include "thread.h"

#define MODULES_LIST "/etc/kata-modules.d/power-button"
#define FAMILY       "acpi_event"
#define GROUP        "acpi_mc_group"
/* Attribute and report as in the kernel's drivers/acpi/event.c; no header of its interface has them. */
#define ATTR_EVENT     1
#define CLASS_SIZE     20
#define EVENT_SIZE     (CLASS_SIZE + 15 + 1 + 2 * sizeof (uint32_t)) /* class, bus id, padding, type, data */
#define EVENTS_MAX     4096
#define TERMINATE_MS   5000
#define GENL_BODY_SIZE GENL_HDRLEN

/* The first is a device of its own, the second a bit of the fixed hardware. */
static const char *const buttons[] = { "/sys/bus/acpi/devices/PNP0C0C:00", "/sys/bus/acpi/devices/LNXPWRBN:00" };

static int
has_button (void)
{
  for (size_t i = 0; i < sizeof buttons / sizeof buttons[0]; i++)
    if (access (buttons[i], F_OK) == 0)
      return 1;
  return 0;
}

static int
is_group (const struct rtattr *name)
{
  return name && RTA_PAYLOAD (name) == sizeof GROUP && memcmp (RTA_DATA (name), GROUP, sizeof GROUP) == 0;
}

/* The answer to "which family is acpi_event": finds the number of its multicast group. */
static int
take_family (void *user, const void *body, size_t len)
{
  const struct rtattr *table[NETLINK_ATTRS_MAX], *group[NETLINK_ATTRS_MAX];
  netlink_attributes (table, body, len, GENL_BODY_SIZE);
  const struct rtattr *groups = table[CTRL_ATTR_MCAST_GROUPS];
  if (!groups)
    return 0;
  const struct rtattr *at = RTA_DATA (groups);
  size_t left = RTA_PAYLOAD (groups);
  for (; RTA_OK (at, left); at = RTA_NEXT (at, left)) {
    netlink_attributes (group, RTA_DATA (at), RTA_PAYLOAD (at), 0);
    if (is_group (group[CTRL_ATTR_MCAST_GRP_NAME]))
      *(uint32_t *) user = netlink_u32 (group[CTRL_ATTR_MCAST_GRP_ID], 0);
  }
  return 0;
}

/* A socket that hears the kernel's ACPI events, or -errno. */
static int
subscribe (void)
{
  static const struct genlmsghdr get_family = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
  struct sockaddr_nl address = { .nl_family = AF_NETLINK };
  struct netlink_message message;
  uint32_t group = 0;
  netlink_begin (&message, GENL_ID_CTRL, 0, &get_family, sizeof get_family);
  netlink_put (&message, CTRL_ATTR_FAMILY_NAME, FAMILY, sizeof FAMILY);
  int result = netlink_ask_generic (&message, GENL_ID_CTRL, take_family, &group);
  if (result < 0)
    return result;
  if (group == 0)
    return -ENOENT;
  auto_fd int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) < 0 ||
      setsockopt (fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
    return -errno;
  return fd_steal (&fd);
}

int
button_is_power (const void *event, size_t len)
{
  static const char class[] = "button/power";
  return len >= EVENT_SIZE && memcmp (event, class, sizeof class) == 0;
}

static int
tells_of_button (const char *bytes, size_t len)
{
  const struct rtattr *table[NETLINK_ATTRS_MAX];
  const struct nlmsghdr *header = (const struct nlmsghdr *) bytes;
  for (; NLMSG_OK (header, len); header = NLMSG_NEXT (header, len)) {
    netlink_attributes (table, NLMSG_DATA (header), header->nlmsg_len - NLMSG_HDRLEN, GENL_BODY_SIZE);
    const struct rtattr *event = table[ATTR_EVENT];
    if (event && button_is_power (RTA_DATA (event), RTA_PAYLOAD (event)))
      return 1;
  }
  return 0;
}

/* The same end as DestroySandbox has, but the containers are asked first: nobody else will. */
static void
end_guest (struct agent *agent)
{
  if (atomic_exchange (&agent->ending, 1))
    return; /* the agent's own way is under way */
  log_info (&agent->log, "power button pressed");
  containers_terminate (agent, TERMINATE_MS);
  sandbox_destroy (agent);
  power_off (agent);
}

static void *
run (void *data)
{
  struct agent *agent = data;
  _Alignas(8) char bytes[EVENTS_MAX];
  auto_fd int fd = subscribe ();
  if (fd < 0) {
    log_warn (&agent->log, "no power button: %s", strerror (-fd));
    return NULL;
  }
  /* The module last: what it reports from now on is heard. */
  if (access (MODULES_LIST, F_OK) == 0)
    modules_load_list (&agent->log, MODULES_LIST);
  for (;;) {
    ssize_t n = recv (fd, bytes, sizeof bytes, 0);
    if (n > 0 && tells_of_button (bytes, (size_t) n))
      end_guest (agent);
    if (n < 0 && errno != EINTR && errno != ENOBUFS)
      return NULL;
  }
}

void
button_start (struct agent *agent)
{
  if (has_button () && thread_start (run, agent) < 0)
    log_warn (&agent->log, "no power button: no thread");
}
