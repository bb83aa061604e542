/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* drive-agent: puts a live agent through its methods; guest.py starts the guest around it. Usage: drive-agent ADDRESS ROOTFS [STEP…] */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "client.h"

static int failures; /* of this test program, which is one sequence of steps */

#define EXPECT(client, condition)                                                                                      \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      printf ("%s:%d: not so: %s (last call: %d \"%s\")\n", __func__, __LINE__, #condition, (client)->code,            \
              (client)->message);                                                                                      \
      failures++;                                                                                                      \
    }                                                                                                                  \
  } while (0)

struct test {
  struct client client;
  const char *address, *rootfs;
};

static double
now (void)
{
  struct timespec time;
  clock_gettime (CLOCK_MONOTONIC, &time);
  return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static void
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

static void
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

static void
step_run (struct test *test)
{
  struct client *c = &test->client;
  char out[256], err[256];
  struct client_container container = { "c1", test->rootfs, "echo out; hostname; echo err >&2; exit 7", 0, 0, 1 };
  double start = now ();
  EXPECT (c, client_create (c, &container) == 0);
  EXPECT (c, client_create (c, &container) == TTRPC_ALREADY_EXISTS);
  EXPECT (c, client_start (c, "c1") == 0);
  EXPECT (c, client_read_all (c, "c1", "", 0, out, sizeof out) > 0);
  printf ("create to end of output: %.2f s\n", now () - start);
  EXPECT (c, client_read_all (c, "c1", "", 1, err, sizeof err) == 4);
  EXPECT (c, strncmp (out, "out\n", 4) == 0);
  EXPECT (c, strcmp (err, "err\n") == 0);
  EXPECT (c, client_wait (c, "c1", "", 60000) == 7);
  EXPECT (c, client_wait (c, "c1", "", 60000) == 7);
  EXPECT (c, client_remove (c, "c1") == 0);
  EXPECT (c, client_remove (c, "c1") == TTRPC_INTERNAL);
}

static void
step_exec (struct test *test)
{
  struct client *c = &test->client;
  char text[256];
  struct client_container container = { "c2", test->rootfs, "sleep 100000", 0, 0, 1 };
  EXPECT (c, client_create (c, &container) == 0);
  EXPECT (c, client_exec (c, "c2", "early", "true", 0) == TTRPC_FAILED_PRECONDITION);
  EXPECT (c, client_start (c, "c2") == 0);
  EXPECT (c, client_exec (c, "c2", "e1", "cat; exit 3", 0) == 0);
  EXPECT (c, client_exec (c, "c2", "e1", "true", 0) == TTRPC_ALREADY_EXISTS);
  EXPECT (c, client_write (c, "c2", "e1", "hello\n", 6) == 0);
  EXPECT (c, client_read (c, "c2", "e1", 0, text, sizeof text, 30000) == 6);
  EXPECT (c, client_write (c, "c2", "e1", "", 0) == 0);
  EXPECT (c, client_read_all (c, "c2", "e1", 0, text, sizeof text) == 0);
  EXPECT (c, client_wait (c, "c2", "e1", 60000) == 3);
  EXPECT (c, client_read_all (c, "c2", "e1", 1, text, sizeof text) == 0);
  EXPECT (c,
          client_wait (c, "c2", "e1", 60000) == -1 && c->code == TTRPC_NOT_FOUND); /* waited and drained: forgotten */
  EXPECT (c, client_exec (c, "c2", "e2", "no-such-program-at-all", 0) == 0);
  EXPECT (c, client_wait (c, "c2", "e2", 60000) == 127);
}

static void
step_bulk (struct test *test)
{
  struct client *c = &test->client;
  char text[64];
  double start = now ();
  EXPECT (c, client_exec (c, "c2", "bulk", "dd if=/dev/zero bs=1M count=50 2>/dev/null", 0) == 0);
  long n = client_read_all (c, "c2", "bulk", 0, text, sizeof text);
  EXPECT (c, n == 50 << 20);
  printf ("50 MiB of output: %.2f s\n", now () - start);
  EXPECT (c, client_wait (c, "c2", "bulk", 60000) == 0);
  /* A grandchild that keeps the pipe open must not keep the reader. */
  start = now ();
  EXPECT (c, client_exec (c, "c2", "daemon", "sleep 1000 & echo started", 0) == 0);
  EXPECT (c, client_read_all (c, "c2", "daemon", 0, text, sizeof text) == 8);
  EXPECT (c, now () - start < 5);
}

static void
step_cancel (struct test *test)
{
  struct client *c = &test->client;
  struct client other;
  char text[64] = "";
  EXPECT (c, client_exec (c, "c2", "slow", "read x; echo got $x; read y", 0) == 0);
  EXPECT (c, client_read (c, "c2", "slow", 0, text, sizeof text, 300) == -1);
  EXPECT (c, client_write (c, "c2", "slow", "a\n", 2) == 0);
  EXPECT (c, client_read (c, "c2", "slow", 0, text, sizeof text, 30000) == 6);
  EXPECT (c, strncmp (text, "got a\n", 6) == 0);
  if (strncmp (test->address, "unix:", 5) == 0) {
    EXPECT (c, client_connect (&other, test->address, 1000) == 0);
    EXPECT (c, client_wait (&other, "c2", "slow", 300) == -1);
    client_close (&other);
  }
  EXPECT (c, client_signal (c, "c2", "slow", 9) == 0);
  EXPECT (c, client_wait (c, "c2", "slow", 60000) == 137);
}

static void
step_terminal (struct test *test)
{
  struct client *c = &test->client;
  char text[512] = "";
  EXPECT (c, client_exec (c, "c2", "tty", "read x; stty size; read y; echo \"<$y>\"; cat; exit 5", 1) == 0);
  EXPECT (c, client_resize (c, "c2", "tty", 33, 77) == 0);
  EXPECT (c, client_write (c, "c2", "tty", "go\nagain\n", 9) == 0);
  EXPECT (c, client_write (c, "c2", "tty", "", 0) == 0); /* the end-of-file character */
  EXPECT (c, client_read_all (c, "c2", "tty", 0, text, sizeof text) > 0);
  EXPECT (c, strstr (text, "33 77") != NULL);
  EXPECT (c, strstr (text, "<again>") != NULL);
  EXPECT (c, client_wait (c, "c2", "tty", 60000) == 5);
  EXPECT (c, client_resize (c, "c2", "", 1, 1) == TTRPC_UNAVAILABLE);
}

static void
step_stats (struct test *test)
{
  struct client *c = &test->client;
  Grpc__StatsContainerRequest request = GRPC__STATS_CONTAINER_REQUEST__INIT;
  request.container_id = (char *) "c2";
  Grpc__StatsContainerResponse *stats = (Grpc__StatsContainerResponse *) client_call (
      c, "AgentService/StatsContainer", &request.base, &grpc__stats_container_response__descriptor, 30000);
  EXPECT (c, stats && stats->cgroup_stats->memory_stats->usage->usage > 0);
  EXPECT (c, stats && stats->cgroup_stats->cpu_stats->cpu_usage->total_usage > 0);
  EXPECT (c, stats && stats->cgroup_stats->pids_stats->current > 0);
  if (stats)
    protobuf_c_message_free_unpacked (&stats->base, NULL);
}

static void
step_pause (struct test *test)
{
  struct client *c = &test->client;
  Grpc__PauseContainerRequest request = GRPC__PAUSE_CONTAINER_REQUEST__INIT;
  char text[64];
  request.container_id = (char *) "c2";
  EXPECT (c, client_exec (c, "c2", "tick", "while :; do echo tick; sleep 0.1; done", 0) == 0);
  EXPECT (c, client_read (c, "c2", "tick", 0, text, sizeof text, 10000) > 0);
  EXPECT (c, client_simple (c, "AgentService/PauseContainer", &request.base) == 0);
  EXPECT (c, client_exec (c, "c2", "paused", "true", 0) == TTRPC_FAILED_PRECONDITION);
  while (client_read (c, "c2", "tick", 0, text, sizeof text, 700) > 0)
    ; /* what was written before */
  EXPECT (c, client_read (c, "c2", "tick", 0, text, sizeof text, 700) == -1);
  EXPECT (c, client_simple (c, "AgentService/ResumeContainer", &request.base) == 0);
  EXPECT (c, client_read (c, "c2", "tick", 0, text, sizeof text, 10000) > 0);
  EXPECT (c, client_signal (c, "c2", "tick", 15) == 0);
  EXPECT (c, client_wait (c, "c2", "tick", 60000) == 143);
}

static void
step_update (struct test *test)
{
  struct client *c = &test->client;
  Grpc__UpdateContainerRequest request = GRPC__UPDATE_CONTAINER_REQUEST__INIT;
  Grpc__LinuxResources resources = GRPC__LINUX_RESOURCES__INIT;
  Grpc__LinuxMemory memory = GRPC__LINUX_MEMORY__INIT;
  Grpc__StatsContainerRequest ask = GRPC__STATS_CONTAINER_REQUEST__INIT;
  memory.has_limit = 1;
  memory.limit = 48 << 20;
  resources.memory = &memory;
  request.container_id = ask.container_id = (char *) "c2";
  request.resources = &resources;
  EXPECT (c, client_simple (c, "AgentService/UpdateContainer", &request.base) == 0);
  Grpc__StatsContainerResponse *stats = (Grpc__StatsContainerResponse *) client_call (
      c, "AgentService/StatsContainer", &ask.base, &grpc__stats_container_response__descriptor, 30000);
  EXPECT (c, stats && stats->cgroup_stats->memory_stats->usage->limit == 48 << 20);
  if (stats)
    protobuf_c_message_free_unpacked (&stats->base, NULL);
}

static void
step_oom (struct test *test)
{
  struct client *c = &test->client;
  Grpc__GetOOMEventRequest request = GRPC__GET_OOMEVENT_REQUEST__INIT;
  struct client_container container = { "hungry", test->rootfs, "dd if=/dev/zero of=/dev/null bs=100M count=1",
                                        0,        24 << 20,     1 };
  EXPECT (c, client_create (c, &container) == 0);
  EXPECT (c, client_start (c, "hungry") == 0);
  Grpc__OOMEvent *event =
      (Grpc__OOMEvent *) client_call (c, "AgentService/GetOOMEvent", &request.base, &grpc__oomevent__descriptor, 30000);
  EXPECT (c, event && strcmp (event->container_id, "hungry") == 0);
  EXPECT (c, client_wait (c, "hungry", "", 30000) == 137);
  EXPECT (c, client_remove (c, "hungry") == 0);
  if (event)
    protobuf_c_message_free_unpacked (&event->base, NULL);
}

/* Runs a container whose root is a storage; returns its output. */
static void
run_on_storage (struct test *test, Grpc__Storage *storage, const char *rootfs, const char *script, char *out,
                size_t size)
{
  struct client *c = &test->client;
  struct client_container container = { "stored", rootfs, script, 0, 0, 1, &storage, 1 };
  EXPECT (c, client_create (c, &container) == 0);
  EXPECT (c, client_start (c, "stored") == 0);
  EXPECT (c, client_read_all (c, "stored", "", 0, out, size) >= 0);
  EXPECT (c, client_wait (c, "stored", "", 60000) == 0);
  EXPECT (c, client_remove (c, "stored") == 0);
}

static void
step_share (struct test *test)
{
  Grpc__Storage storage = GRPC__STORAGE__INIT;
  char out[256] = "";
  storage.driver = (char *) "virtio-fs";
  storage.source = (char *) "kataShared";
  storage.fstype = (char *) "virtiofs";
  storage.mount_point = (char *) "/run/kata-containers/shared/containers/";
  run_on_storage (test, &storage, "/run/kata-containers/shared/containers/rootfs",
                  "cat /hello; echo from the guest > /answer", out, sizeof out);
  EXPECT (&test->client, strcmp (out, "from the host\n") == 0);
}

static void
step_disk (struct test *test)
{
  Grpc__Storage storage = GRPC__STORAGE__INIT;
  char out[256] = "";
  storage.driver = (char *) "blk";
  storage.source = (char *) "1e";
  storage.fstype = (char *) "ext4";
  storage.mount_point = (char *) "/run/kata-containers/disk";
  run_on_storage (test, &storage, "/run/kata-containers/disk", "cat /hello", out, sizeof out);
  EXPECT (&test->client, strcmp (out, "from the host\n") == 0);
  storage.source = (char *) "1f/1f";
  struct client_container container = { "nodisk", "/run/kata-containers/disk", "true", 0, 0, 1, NULL, 1 };
  Grpc__Storage *storages[] = { &storage };
  container.storages = storages;
  EXPECT (&test->client, client_create (&test->client, &container) == TTRPC_NOT_FOUND);
}

/* Also shows that the kernel gets the module it asks for. */
static void
step_overlay (struct test *test)
{
  struct client *c = &test->client;
  Grpc__Storage storage = GRPC__STORAGE__INIT;
  char out[256] = "";
  char lower[300];
  char *options[] = { lower, (char *) "upperdir=/run/kata-containers/ov/upper",
                      (char *) "workdir=/run/kata-containers/ov/work" };
  char *directories[] = {
    (char *) "io.katacontainers.volume.overlayfs.create_directory=/run/kata-containers/ov/upper",
    (char *) "io.katacontainers.volume.overlayfs.create_directory=/run/kata-containers/ov/work",
  };
  snprintf (lower, sizeof lower, "lowerdir=%s", test->rootfs);
  storage.driver = (char *) "overlayfs";
  storage.mount_point = (char *) "/run/kata-containers/stored/rootfs";
  storage.n_options = 3;
  storage.options = options;
  storage.n_driver_options = 2;
  storage.driver_options = directories;
  run_on_storage (test, &storage, storage.mount_point, "echo new > /file; cat /file", out, sizeof out);
  EXPECT (c, strcmp (out, "new\n") == 0);
  storage.driver = (char *) "no-such-driver";
  struct client_container container = { "bad", test->rootfs, "true", 0, 0, 1, NULL, 1 };
  Grpc__Storage *storages[] = { &storage };
  container.storages = storages;
  EXPECT (c, client_create (c, &container) == TTRPC_UNIMPLEMENTED);
  static const char *const places[] = { "/etc", "/run/kata-containers/../../etc", "run/kata-containers/x",
                                        "/run/kata-containers/", "" };
  storage.driver = (char *) "overlayfs";
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    storage.mount_point = (char *) places[i];
    EXPECT (c, client_create (c, &container) == TTRPC_INVALID_ARGUMENT);
  }
}

struct worker {
  struct test *test;
  int number, bad;
};

static void *
worker_run (void *data)
{
  struct worker *worker = data;
  struct client client = { .ttrpc = worker->test->client.ttrpc };
  char id[32], script[64], out[64], want[64];
  for (int i = 0; i < 4; i++) {
    snprintf (id, sizeof id, "w%d-%d", worker->number, i);
    snprintf (script, sizeof script, "echo %s; exit %d", id, worker->number + i);
    snprintf (want, sizeof want, "%s\n", id);
    if (client_exec (&client, "c2", id, script, 0) || client_read_all (&client, "c2", id, 0, out, sizeof out) < 0 ||
        strcmp (out, want) || client_wait (&client, "c2", id, 60000) != worker->number + i) {
      printf ("worker %s: %d \"%s\" output \"%s\"\n", id, client.code, client.message, out);
      worker->bad = 1;
    }
  }
  return NULL;
}

static void
step_parallel (struct test *test)
{
  struct worker workers[6];
  pthread_t threads[6];
  char out[128];
  struct client *c = &test->client;
  for (int i = 0; i < 6; i++) {
    workers[i] = (struct worker){ test, i, 0 };
    pthread_create (&threads[i], NULL, worker_run, &workers[i]);
  }
  for (int i = 0; i < 6; i++) {
    pthread_join (threads[i], NULL);
    EXPECT (c, !workers[i].bad);
  }
  /* Nothing of the agent's is open in a container: 0, 1, 2 and the directory itself. */
  EXPECT (c, client_exec (c, "c2", "files", "exec ls /proc/self/fd", 0) == 0);
  EXPECT (c, client_read_all (c, "c2", "files", 0, out, sizeof out) == 8);
  EXPECT (c, strcmp (out, "0\n1\n2\n3\n") == 0);
  EXPECT (c, client_exec (c, "c2", "missing", "true", 0) == 0);
}

/* A host process dies in the middle of a read: its data goes to the next one. */
static void
step_reconnect (struct test *test)
{
  struct client *c = &test->client;
  char out[64];
  if (strncmp (test->address, "serial:", 7) != 0)
    return;
  EXPECT (c, client_exec (c, "c2", "kept", "echo before; sleep 1; echo after; sleep 1", 0) == 0);
  client_close (c);
  EXPECT (c, client_connect (c, test->address, 10000) == 0);
  EXPECT (c, client_read_all (c, "c2", "kept", 0, out, sizeof out) == 13);
  EXPECT (c, client_wait (c, "c2", "kept", 60000) == 0);
}

static void
step_stop (struct test *test)
{
  struct client *c = &test->client;
  /* The first process of its namespace, without a handler for TERM. */
  EXPECT (c, client_signal (c, "c2", "", 15) == 0);
  EXPECT (c, client_wait (c, "c2", "", 30000) == 137);
  EXPECT (c, client_remove (c, "c2") == 0);
}

static void
step_copy (struct test *test)
{
  struct client *c = &test->client;
  char text[64];
  EXPECT (c, client_copy (c, "/run/kata-containers/shared/containers/a/b/file", "content", S_IFREG | 0644) == 0);
  EXPECT (c, client_copy (c, "/run/kata-containers/shared/containers/a/link", "/etc", S_IFLNK | 0777) == 0);
  EXPECT (c, client_copy (c, "/run/kata-containers/shared/containers/a/link/x", "evil", S_IFREG | 0644) != 0);
  EXPECT (c, client_copy (c, "/run/kata-containers/shared/containers/../x", "evil", S_IFREG | 0644) ==
                 TTRPC_INVALID_ARGUMENT);
  EXPECT (c, client_copy (c, "/run/x", "evil", S_IFREG | 0644) == TTRPC_INVALID_ARGUMENT);
  EXPECT (c,
          client_copy (c, "/run/kata-containers/shared/containers/n", "x", S_IFBLK | 0644) == TTRPC_INVALID_ARGUMENT);
  EXPECT (c, client_copy (c, "/run/kata-containers/shared/containers/a/b/file", "changed", S_IFREG | 0644) == 0);
  (void) text;
}

static void
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
  container.rootfs = test->rootfs;
  container.script = "true";
  EXPECT (c, client_create (c, &container) == 0); /* the failures have left the name free */
  EXPECT (c, client_remove (c, "h1") == 0);
  EXPECT (c, client_signal (c, "nobody", "", 9) == TTRPC_INVALID_ARGUMENT);
}

static void
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
    EXPECT (c, result && result->n_routes == 2);
    if (result)
      protobuf_c_message_free_unpacked (&result->base, NULL);
  } else {
    printf ("no network card to configure\n");
  }
  if (list)
    protobuf_c_message_free_unpacked (&list->base, NULL);
}

static void
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

static void
step_many (struct test *test)
{
  struct client *c = &test->client;
  char id[32], text[64];
  double start = now ();
  for (int i = 0; i < 10; i++) {
    struct client_container container = { id, test->rootfs, "echo $$", 0, 0, 1 };
    snprintf (id, sizeof id, "many%d", i);
    double times[5] = { now () };
    EXPECT (c, client_create (c, &container) == 0);
    times[1] = now ();
    EXPECT (c, client_start (c, id) == 0);
    times[2] = now ();
    EXPECT (c, client_read_all (c, id, "", 0, text, sizeof text) == 2);
    EXPECT (c, client_wait (c, id, "", 60000) == 0);
    times[3] = now ();
    EXPECT (c, client_remove (c, id) == 0);
    times[4] = now ();
    if (i == 9)
      printf ("the last: create %.2f, start %.2f, output and end %.2f, remove %.2f s\n", times[1] - times[0],
              times[2] - times[1], times[3] - times[2], times[4] - times[3]);
  }
  printf ("10 containers one after the other: %.2f s\n", now () - start);
}

static void
step_end (struct test *test)
{
  struct client *c = &test->client;
  Grpc__DestroySandboxRequest request = GRPC__DESTROY_SANDBOX_REQUEST__INIT;
  struct client_container container = { "left", test->rootfs, "sleep 100000", 0, 0, 1 };
  EXPECT (c, client_create (c, &container) == 0);
  EXPECT (c, client_start (c, "left") == 0);
  EXPECT (c, client_simple (c, "AgentService/DestroySandbox", &request.base) == 0);
}

static const struct {
  const char *name;
  void (*run) (struct test *test);
} steps[] = {
  { "health", step_health },     { "guest", step_guest },
  { "sandbox", step_sandbox },   { "network", step_network },
  { "run", step_run },           { "exec", step_exec },
  { "bulk", step_bulk },         { "cancel", step_cancel },
  { "terminal", step_terminal }, { "stats", step_stats },
  { "pause", step_pause },       { "update", step_update },
  { "parallel", step_parallel }, { "reconnect", step_reconnect },
  { "oom", step_oom },           { "stop", step_stop },
  { "copy", step_copy },         { "hostile", step_hostile },
  { "overlay", step_overlay },   { "share", step_share },
  { "disk", step_disk },         { "many", step_many },
  { "end", step_end },
};

static int
wanted (int argc, char **argv, const char *name)
{
  for (int i = 3; i < argc; i++)
    if (strcmp (argv[i], name) == 0)
      return 1;
  return argc == 3;
}

int
main (int argc, char **argv)
{
  struct test test = { .address = argv[1], .rootfs = argc > 2 ? argv[2] : NULL };
  double start = now ();
  setvbuf (stdout, NULL, _IOLBF, 0);
  for (size_t i = 0; argc == 2 && i < sizeof steps / sizeof steps[0]; i++)
    printf ("%s\n", steps[i].name);
  if (argc == 2)
    return 0; /* --list */
  if (argc < 3 || client_connect (&test.client, argv[1], 60000) < 0) {
    printf ("cannot connect to the agent: %s\n", test.client.message);
    return 1;
  }
  printf ("connected after %.2f s\n", now () - start);
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
    if (wanted (argc, argv, steps[i].name)) {
      int before = failures;
      start = now ();
      steps[i].run (&test);
      printf ("%-9s %s %.2f s\n", steps[i].name, failures == before ? "ok" : "FAILED", now () - start);
    }
  client_close (&test.client);
  printf ("%d failures\n", failures);
  return failures ? 1 : 0;
}
