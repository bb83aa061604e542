/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-network-message: a pod's network in the agent's words, field by field. */
#include <check.h>
#include <net/if.h>
#include <stdlib.h>

#include "agent/network-message.h"
#include "proto/types.pb-c.h"

START_TEST (all)
{
  struct kata_net_address addresses[] = { { false, "10.0.0.2", 24 }, { true, "fd00::2", 64 } };
  struct kata_net_interface interface = { .name = "eth0",
                                          .kind = "ipvlan",
                                          .mac = "02:00:00:00:00:01",
                                          .mtu = 1450,
                                          .flags = IFF_NOARP | IFF_UP,
                                          .addresses = addresses,
                                          .n_addresses = 2 };
  struct kata_net_route route = {
    .ipv6 = true, .dest = "", .gateway = "fd00::1", .device = "eth0", .source = "", .mtu = 9
  };
  struct kata_net_neighbor neighbor = {
    .address = "10.0.0.1", .device = "eth0", .mac = "02:00:00:00:00:09", .state = 128
  };
  const struct kata_net net = { .routes = &route, .n_routes = 1, .neighbors = &neighbor, .n_neighbors = 1 };
  g_autoptr (kata_arena) arena = kata_arena__new ();

  Types__Interface *i = kata_network_message__interface (arena, &interface);
  ck_assert_str_eq (i->name, "eth0");
  ck_assert_str_eq (i->device, "eth0");
  ck_assert_str_eq (i->hwaddr, "02:00:00:00:00:01");
  ck_assert_uint_eq (i->mtu, 1450);
  ck_assert_uint_eq (i->raw_flags, IFF_NOARP);
  ck_assert_uint_eq (i->n_ipaddresses, 2);
  ck_assert_str_eq (i->ipaddresses[0]->mask, "24");
  ck_assert_int_eq (i->ipaddresses[1]->family, TYPES__IPFAMILY__v6);
  ck_assert_str_eq (i->ipaddresses[1]->address, "fd00::2");

  Grpc__Routes *r = kata_network_message__routes (arena, &net);
  ck_assert_uint_eq (r->n_routes, 1);
  ck_assert_str_eq (r->routes[0]->dest, "");
  ck_assert_str_eq (r->routes[0]->gateway, "fd00::1");
  ck_assert_int_eq (r->routes[0]->family, TYPES__IPFAMILY__v6);
  ck_assert_uint_eq (r->routes[0]->mtu, 9);

  Grpc__ARPNeighbors *n = kata_network_message__neighbors (arena, &net);
  ck_assert_uint_eq (n->n_arpneighbors, 1);
  ck_assert_str_eq (n->arpneighbors[0]->toipaddress->address, "10.0.0.1");
  ck_assert_str_eq (n->arpneighbors[0]->lladdr, "02:00:00:00:00:09");
  ck_assert_int_eq (n->arpneighbors[0]->state, 128);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("agent/network-message");
  TCase *tcase = tcase_create ("messages");
  tcase_add_test (tcase, all);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
