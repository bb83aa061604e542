/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* drive-sandbox: the steps about the pod, its network, and what must be refused. */
#include "drive.h"

#include <stdlib.h>
#include <string.h>

void
step_health (struct test *test)
{
  struct client *c = &test->client;
  Grpc__CheckRequest request = GRPC__CHECK_REQUEST__INIT;
  Grpc__HealthCheckResponse *health = (Grpc__HealthCheckResponse *) client_call (
      c, "Health/Check", &request.base, &grpc__health_check_response__descriptor, 30000);
  EXPECT (c, health && health->status == GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
  Grpc__VersionCheckResponse *version = (Grpc__VersionCheckResponse *) client_call (
      c, "Health/Version", &request.base, &grpc__version_check_response__descriptor, 30000);
  EXPECT (c, version && strcmp (version->agent_version, KATA_VERSION) == 0);
  EXPECT (c, client_simple (c, "AgentService/SetPolicy", &request.base) == TTRPC_UNIMPLEMENTED);
  if (health)
    protobuf_c_message_free_unpacked (&health->base, NULL);
  if (version)
    protobuf_c_message_free_unpacked (&version->base, NULL);
}

void
step_sandbox (struct test *test)
{
  struct client *c = &test->client;
  Grpc__CreateSandboxRequest request = GRPC__CREATE_SANDBOX_REQUEST__INIT;
  Grpc__Storage shm = GRPC__STORAGE__INIT, *storages[] = { &shm };
  char *dns[] = { (char *) "192.0.2.53" };
  char *options[] = { (char *) "noexec", (char *) "nosuid", (char *) "mode=1777", (char *) "size=1048576" };
  shm.driver = (char *) "ephemeral";
  shm.source = shm.fstype = (char *) "tmpfs";
  shm.mount_point = (char *) "/run/kata-containers/sandbox/shm";
  shm.n_options = 4;
  shm.options = options;
  request.hostname = (char *) "podhost";
  request.sandbox_id = (char *) "sb1";
  request.n_dns = 1;
  request.dns = dns;
  request.n_storages = 1;
  request.storages = storages;
  EXPECT (c, client_simple (c, "AgentService/CreateSandbox", &request.base) == 0);
  EXPECT (c, client_simple (c, "AgentService/CreateSandbox", &request.base) == TTRPC_ALREADY_EXISTS);
}

void
step_hostile (struct test *test)
{
  struct client *c = &test->client;
  static const char *const ids[] = { "", ".", "..", "a/b", "-x", "a b", "a\nb", "shared", "sandbox" };
  char *long_id = malloc (301);
  memset (long_id, 'a', 300);
  long_id[300] = 0;
  struct client_container container = { long_id, test->rootfs, "true", 0, 0, 1 };
  EXPECT (c, client_create (c, &container) == TTRPC_INVALID_ARGUMENT);
  free (long_id);
  for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
    container.id = ids[i];
    EXPECT (c, client_create (c, &container) == TTRPC_INVALID_ARGUMENT);
  }
  static const char *const roots[] = { "",           "/", "relative", "/../etc", "/rootfs/../rootfs", "/nowhere/at/all",
                                       "/etc/passwd" };
  container.id = "h1";
  for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
    container.rootfs = roots[i];
    EXPECT (c, client_create (c, &container) != 0);
  }
  /* A directory without the program: crun's own words come back. */
  container.rootfs = "/run/kata-containers/sandbox";
  EXPECT (c, client_create (c, &container) == TTRPC_INTERNAL && strstr (c->message, "crun create: ") != NULL);
  printf ("a missing program: %s\n", c->message);
  container.rootfs = test->rootfs;
  container.script = "true";
  EXPECT (c, client_create (c, &container) == 0); /* the failures have left the name free */
  EXPECT (c, client_remove (c, "h1") == 0);
  EXPECT (c, client_signal (c, "nobody", "", 9) == TTRPC_INVALID_ARGUMENT);
}

/* The kernel adds routes of IPv6 by itself, a moment after the link is up: how many there are is a matter of time. */
static int
count_ipv4 (const Grpc__Routes *routes)
{
  int n = 0;
  for (size_t i = 0; routes && i < routes->n_routes; i++)
    n += !strchr (routes->routes[i]->dest, ':') && !strchr (routes->routes[i]->gateway, ':');
  return n;
}

void
step_network (struct test *test)
{
  struct client *c = &test->client;
  Grpc__ListInterfacesRequest request = GRPC__LIST_INTERFACES_REQUEST__INIT;
  Grpc__Interfaces *list = (Grpc__Interfaces *) client_call (c, "AgentService/ListInterfaces", &request.base,
                                                             &grpc__interfaces__descriptor, 30000);
  EXPECT (c, list && list->n_interfaces >= 1);
  Types__Interface *nic = NULL;
  for (size_t i = 0; list && i < list->n_interfaces; i++)
    if (strcmp (list->interfaces[i]->hwaddr, "02:00:00:00:00:01") == 0)
      nic = list->interfaces[i];
  if (nic) {
    Grpc__UpdateInterfaceRequest update = GRPC__UPDATE_INTERFACE_REQUEST__INIT;
    Types__Interface wanted = TYPES__INTERFACE__INIT;
    Types__IPAddress address = TYPES__IPADDRESS__INIT, *addresses[] = { &address };
    Grpc__UpdateRoutesRequest routes = GRPC__UPDATE_ROUTES_REQUEST__INIT;
    Grpc__Routes table = GRPC__ROUTES__INIT;
    Types__Route route = TYPES__ROUTE__INIT, *rows[] = { &route };
    address.address = (char *) "10.0.2.15";
    address.mask = (char *) "24";
    wanted.name = wanted.device = (char *) "net7";
    wanted.hwaddr = (char *) "02:00:00:00:00:01";
    wanted.has_mtu = 1;
    wanted.mtu = 1400;
    wanted.n_ipaddresses = 1;
    wanted.ipaddresses = addresses;
    update.interface = &wanted;
    EXPECT (c, client_simple (c, "AgentService/UpdateInterface", &update.base) == 0);
    route.gateway = (char *) "10.0.2.2";
    route.device = (char *) "net7";
    table.n_routes = 1;
    table.routes = rows;
    routes.routes = &table;
    Grpc__Routes *result =
        (Grpc__Routes *) client_call (c, "AgentService/UpdateRoutes", &routes.base, &grpc__routes__descriptor, 30000);
    EXPECT (c, count_ipv4 (result) == 2);
    if (result)
      protobuf_c_message_free_unpacked (&result->base, NULL);
  } else {
    printf ("no network card to configure\n");
  }
  if (list)
    protobuf_c_message_free_unpacked (&list->base, NULL);
}

void
step_guest (struct test *test)
{
  struct client *c = &test->client;
  Grpc__GetMetricsRequest request = GRPC__GET_METRICS_REQUEST__INIT;
  Grpc__OnlineCPUMemRequest online = GRPC__ONLINE_CPUMEM_REQUEST__INIT;
  Grpc__ReseedRandomDevRequest seed = GRPC__RESEED_RANDOM_DEV_REQUEST__INIT;
  Grpc__Metrics *metrics =
      (Grpc__Metrics *) client_call (c, "AgentService/GetMetrics", &request.base, &grpc__metrics__descriptor, 30000);
  EXPECT (c, metrics && strstr (metrics->metrics, "kata_guest_meminfo{item=\"MemTotal\"}"));
  for (char *line = metrics ? strtok (metrics->metrics, "\n") : NULL; line; line = strtok (NULL, "\n"))
    if (strstr (line, "MemTotal") || strstr (line, "MemAvailable") || strstr (line, "MemFree") ||
        (strstr (line, "resident") && line[0] != '#'))
      printf ("%s\n", line);
  EXPECT (c, client_simple (c, "AgentService/OnlineCPUMem", &online.base) == 0);
  EXPECT (c, client_simple (c, "AgentService/ReseedRandomDev", &seed.base) == TTRPC_INVALID_ARGUMENT);
  seed.has_data = 1;
  seed.data.data = (uint8_t *) "0123456789abcdef";
  seed.data.len = 16;
  EXPECT (c, client_simple (c, "AgentService/ReseedRandomDev", &seed.base) == 0);
  if (metrics)
    protobuf_c_message_free_unpacked (&metrics->base, NULL);
}

void
step_end (struct test *test)
{
  struct client *c = &test->client;
  Grpc__DestroySandboxRequest request = GRPC__DESTROY_SANDBOX_REQUEST__INIT;
  struct client_container container = { "left", test->rootfs, "sleep 100000", 0, 0, 1 };
  EXPECT (c, client_create (c, &container) == 0);
  EXPECT (c, client_start (c, "left") == 0);
  EXPECT (c, client_simple (c, "AgentService/DestroySandbox", &request.base) == 0);
}
