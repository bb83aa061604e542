/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state-network: which fields of a sandbox's network are in state.json. */
#include "sandbox/state-table.h"

#include "sandbox/state.h"

static const struct kata_field address_fields[] = { KATA_FIELD (BOOL, struct kata_net_address, ipv6),
                                                    KATA_FIELD (STRING, struct kata_net_address, address),
                                                    KATA_FIELD (U32, struct kata_net_address, prefix),
                                                    { 0 } };
static const struct kata_record address_record = { sizeof (struct kata_net_address), address_fields, NULL };

static const struct kata_field interface_fields[] = { KATA_FIELD (U32, struct kata_net_interface, index),
                                                      KATA_FIELD (STRING, struct kata_net_interface, name),
                                                      KATA_FIELD (STRING, struct kata_net_interface, kind),
                                                      KATA_FIELD (STRING, struct kata_net_interface, mac),
                                                      KATA_FIELD (U32, struct kata_net_interface, mtu),
                                                      KATA_FIELD (U32, struct kata_net_interface, flags),
                                                      { .name = "addresses",
                                                        .type = KATA_FIELD_STRUCTS,
                                                        .offset = offsetof (struct kata_net_interface, addresses),
                                                        .count = offsetof (struct kata_net_interface, n_addresses),
                                                        .of = &address_record },
                                                      { 0 } };
static const struct kata_record interface_record = { sizeof (struct kata_net_interface), interface_fields, NULL };

static const struct kata_field route_fields[] = { KATA_FIELD (BOOL, struct kata_net_route, ipv6),
                                                  KATA_FIELD (STRING, struct kata_net_route, dest),
                                                  KATA_FIELD (STRING, struct kata_net_route, gateway),
                                                  KATA_FIELD (STRING, struct kata_net_route, device),
                                                  KATA_FIELD (STRING, struct kata_net_route, source),
                                                  KATA_FIELD (U32, struct kata_net_route, scope),
                                                  KATA_FIELD (U32, struct kata_net_route, flags),
                                                  KATA_FIELD (U32, struct kata_net_route, mtu),
                                                  { 0 } };
static const struct kata_record route_record = { sizeof (struct kata_net_route), route_fields, NULL };

static const struct kata_field neighbor_fields[] = { KATA_FIELD (BOOL, struct kata_net_neighbor, ipv6),
                                                     KATA_FIELD (STRING, struct kata_net_neighbor, address),
                                                     KATA_FIELD (STRING, struct kata_net_neighbor, device),
                                                     KATA_FIELD (STRING, struct kata_net_neighbor, mac),
                                                     KATA_FIELD (U32, struct kata_net_neighbor, state),
                                                     KATA_FIELD (U32, struct kata_net_neighbor, flags),
                                                     { 0 } };
static const struct kata_record neighbor_record = { sizeof (struct kata_net_neighbor), neighbor_fields, NULL };

#define LIST(member, record)                                                                                           \
  {                                                                                                                    \
    .name = #member, .type = KATA_FIELD_STRUCTS, .offset = offsetof (struct kata_net, member),                         \
    .count = offsetof (struct kata_net, n_##member), .of = &record                                                     \
  }

static const struct kata_field network_fields[] = {
  LIST (interfaces, interface_record), LIST (routes, route_record), LIST (neighbors, neighbor_record), { 0 }
};
const struct kata_record kata_state__network_record = { sizeof (struct kata_net), network_fields, NULL };

static void
prepare_nic (void *data)
{
  ((kata_vm_nic *) data)->size = sizeof (kata_vm_nic);
}

static const struct kata_field nic_fields[] = { KATA_FIELD (I32, kata_vm_nic, kind),
                                                KATA_FIELD (STRING, kata_vm_nic, name),
                                                KATA_FIELD (STRING, kata_vm_nic, device),
                                                KATA_FIELD (STRING, kata_vm_nic, mac),
                                                KATA_FIELD (U32, kata_vm_nic, mtu),
                                                KATA_FIELD (U32, kata_vm_nic, queues),
                                                KATA_FIELD (I32, kata_vm_nic, vhost),
                                                KATA_FIELD (U32, kata_vm_nic, port),
                                                KATA_FIELD (STRING, kata_vm_nic, socket),
                                                KATA_FIELD (U64, kata_vm_nic, queue_size),
                                                { 0 } };
const struct kata_record kata_state__nic_record = { sizeof (kata_vm_nic), nic_fields, prepare_nic };

static const struct kata_field plan_fields[] = { KATA_FIELD (I32, struct kata_network_plan, mode),
                                                 KATA_FIELD (STRING, struct kata_network_plan, path),
                                                 KATA_FIELD (I32, struct kata_network_plan, model),
                                                 KATA_FIELD (U32, struct kata_network_plan, queues),
                                                 KATA_FIELD (BOOL, struct kata_network_plan, vhost),
                                                 KATA_FIELD (BOOL, struct kata_network_plan, by_name),
                                                 { 0 } };
const struct kata_record kata_state__network_plan_record = { sizeof (struct kata_network_plan), plan_fields, NULL };
