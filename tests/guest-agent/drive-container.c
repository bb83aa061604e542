/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* drive-container: the steps about whole containers. */
#include "drive.h"

#include <stdlib.h>
#include <string.h>

void
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

void
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

void
step_update (struct test *test)
{
  struct client *c = &test->client;
  Grpc__UpdateContainerRequest request = GRPC__UPDATE_CONTAINER_REQUEST__INIT;
  Grpc__LinuxResources resources = GRPC__LINUX_RESOURCES__INIT;
  Grpc__LinuxMemory memory = GRPC__LINUX_MEMORY__INIT;
  Grpc__LinuxCPU cpu = GRPC__LINUX_CPU__INIT;
  Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;
  Grpc__StatsContainerRequest ask = GRPC__STATS_CONTAINER_REQUEST__INIT;
  memory.has_limit = 1;
  memory.limit = 48 << 20;
  resources.memory = &memory;
  cpu.has_quota = cpu.has_period = pids.has_limit = 1;
  cpu.quota = 90000;
  cpu.period = 100000;
  resources.cpu = &cpu;
  pids.limit = 222;
  resources.pids = &pids;
  request.container_id = ask.container_id = (char *) "c2";
  request.resources = &resources;
  EXPECT (c, client_simple (c, "AgentService/UpdateContainer", &request.base) == 0);
  Grpc__StatsContainerResponse *stats = (Grpc__StatsContainerResponse *) client_call (
      c, "AgentService/StatsContainer", &ask.base, &grpc__stats_container_response__descriptor, 30000);
  EXPECT (c, stats && stats->cgroup_stats->memory_stats->usage->limit == 48 << 20);
  EXPECT (c, stats && stats->cgroup_stats->pids_stats->limit == 222);
  if (stats)
    protobuf_c_message_free_unpacked (&stats->base, NULL);
}

void
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

/* A second container in the process namespace of the first; and one without a namespace of its own, which TERM ends by itself. */
void
step_pids (struct test *test)
{
  struct client *c = &test->client;
  char out[1024] = "";
  struct client_container peer = { .id = "peer", .rootfs = test->rootfs, .script = "ps", .pod_pids = 1 };
  struct client_container plain = { .id = "plain", .rootfs = test->rootfs, .script = "sleep 100000" };
  EXPECT (c, client_create (c, &peer) == 0);
  EXPECT (c, client_start (c, "peer") == 0);
  EXPECT (c, client_read_all (c, "peer", "", 0, out, sizeof out) > 0);
  EXPECT (c, strstr (out, "sleep 100000") != NULL);
  EXPECT (c, client_wait (c, "peer", "", 60000) == 0);
  EXPECT (c, client_remove (c, "peer") == 0);
  EXPECT (c, client_create (c, &plain) == 0);
  EXPECT (c, client_start (c, "plain") == 0);
  EXPECT (c, client_signal (c, "plain", "", 15) == 0);
  EXPECT (c, client_wait (c, "plain", "", 60000) == 143);
  EXPECT (c, client_remove (c, "plain") == 0);
}

/* A container that is paused can be removed. */
void
step_frozen (struct test *test)
{
  struct client *c = &test->client;
  Grpc__PauseContainerRequest request = GRPC__PAUSE_CONTAINER_REQUEST__INIT;
  struct client_container container = {
    .id = "frozen", .rootfs = test->rootfs, .script = "sleep 100000", .own_pids = 1
  };
  request.container_id = (char *) "frozen";
  EXPECT (c, client_create (c, &container) == 0);
  EXPECT (c, client_start (c, "frozen") == 0);
  EXPECT (c, client_simple (c, "AgentService/PauseContainer", &request.base) == 0);
  EXPECT (c, client_remove (c, "frozen") == 0);
}

void
step_stop (struct test *test)
{
  struct client *c = &test->client;
  /* The first process of its namespace, without a handler for TERM. */
  EXPECT (c, client_signal (c, "c2", "", 15) == 0);
  EXPECT (c, client_wait (c, "c2", "", 30000) == 137);
  EXPECT (c, client_remove (c, "c2") == 0);
}

void
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
