/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clh-net: the network devices of the Cloud Hypervisor that is none: their names and descriptors, which move no frames. */
#ifndef KATA_TESTS_FAKES_CLH_NET_H
#define KATA_TESTS_FAKES_CLH_NET_H

#include <json-glib/json-glib.h>

#include "server.h"

#define CLH_NICS 16

struct clh_nic {
  char *id; /* NULL = the place is free */
  int fds[FAKE_FDS_MAX];
  size_t n_fds;
  bool asked;          /* to go */
  const char *section; /* of the configuration */
};

struct clh_net {
  struct clh_nic nics[CLH_NICS];
};

/** With the request's descriptors, which it takes over, or connected to a server. NULL, or why not; g_free(). @shared: the guest's memory. */
char *clh_net_add (struct clh_net *net, const struct fake_request *request, JsonObject *config, bool shared);
/** A disk, whose file must be one that can be opened, or whose server one that can be connected to. Likewise. */
char *clh_disk_add (struct clh_net *net, JsonObject *config, bool shared);
/** A device of the host, by its folder in sysfs, which is not looked at. Likewise. */
char *clh_device_add (struct clh_net *net, JsonObject *config);
/** Where a device is on the PCI bus; g_free(). */
char *clh_net_bdf (const struct clh_net *net, const char *id);
/** The guest is asked to let go of a device, which must be there. Likewise. */
char *clh_net_ask (struct clh_net *net, const char *id);
/** It does so; with the fault "eject:hang" it does not, with "eject:silent" no event tells. */
void clh_net_eject (struct clh_net *net, const struct fake_fault *fault);
/** A VmInfo, in which @config and @info stand besides: members with a comma behind each; g_free(). With the fault "bdf:HOW" places are no places. */
char *clh_net_info (const struct clh_net *net, const char *config, const char *info, const struct fake_fault *fault);

#endif
