/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every typed call: the method and the request that arrive in the guest, and what the caller gets from an honest reply. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "guest.h"
#include "proto/health.pb-c.h"

#define OK(call)                                                                                                       \
  do {                                                                                                                 \
    kata_error *err = NULL;                                                                                            \
    int r_ = call;                                                                                                     \
    ck_assert_msg (r_ == 0 && err == NULL, "%d: %s", r_, err != NULL ? kata_error_get_message (err) : "");             \
  } while (0)

START_TEST (health)
{
  struct guest guest;
  Grpc__HealthCheckResponse serving = GRPC__HEALTH_CHECK_RESPONSE__INIT;
  Grpc__VersionCheckResponse version = GRPC__VERSION_CHECK_RESPONSE__INIT;
  g_autofree char *text = NULL;
  guest_open (&guest);
  serving.has_status = 1;
  serving.status = GRPC__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
  guest_message (&guest, &serving);
  OK (kata_agent__check (guest.agent, 1000, &err));
  ck_assert_str_eq (guest.method, "Check");
  version.agent_version = (char *) "3.2.0";
  guest_message (&guest, &version);
  OK (kata_agent__version (guest.agent, &text, 1000, &err));
  ck_assert_str_eq (text, "3.2.0");
  guest_close (&guest);
}
END_TEST

START_TEST (sandbox_and_guest)
{
  struct guest guest;
  guest_open (&guest);
  Grpc__CreateSandboxRequest create = GRPC__CREATE_SANDBOX_REQUEST__INIT, *created;
  create.hostname = (char *) "h";
  create.sandbox_id = (char *) "s1";
  OK (kata_agent__create_sandbox (guest.agent, &create, 1000, &err));
  created = guest_request (&guest, "CreateSandbox", &grpc__create_sandbox_request__descriptor);
  ck_assert_str_eq (created->sandbox_id, "s1");
  kata_agent__message_free (created);
  OK (kata_agent__destroy_sandbox (guest.agent, 1000, &err));
  ck_assert_str_eq (guest.method, "DestroySandbox");

  OK (kata_agent__set_datetime (guest.agent, 1700000000, 5, KATA_TIMEOUT_DEFAULT, &err));
  Grpc__SetGuestDateTimeRequest *date =
      guest_request (&guest, "SetGuestDateTime", &grpc__set_guest_date_time_request__descriptor);
  ck_assert_int_eq (date->sec, 1700000000);
  ck_assert_int_eq (date->usec, 5);
  kata_agent__message_free (date);
  OK (kata_agent__reseed (guest.agent, "seed", 4, KATA_TIMEOUT_NONE, &err));
  Grpc__ReseedRandomDevRequest *seed =
      guest_request (&guest, "ReseedRandomDev", &grpc__reseed_random_dev_request__descriptor);
  ck_assert_mem_eq (seed->data.data, "seed", 4);
  kata_agent__message_free (seed);
  OK (kata_agent__online_cpu_mem (guest.agent, 4, true, 1000, &err));
  Grpc__OnlineCPUMemRequest *online = guest_request (&guest, "OnlineCPUMem", &grpc__online_cpumem_request__descriptor);
  ck_assert_uint_eq (online->nb_cpus, 4);
  ck_assert (online->cpu_only);
  kata_agent__message_free (online);

  Grpc__Metrics metrics = GRPC__METRICS__INIT;
  g_autofree char *text = NULL;
  metrics.metrics = (char *) "a 1\nb\t2\n\x1b[2J";
  guest_message (&guest, &metrics);
  OK (kata_agent__metrics (guest.agent, &text, 1000, &err));
  ck_assert_str_eq (text, "a 1\nb\t2\n?[2J");
  guest_close (&guest);
}
END_TEST

START_TEST (details)
{
  struct guest guest;
  struct kata_agent_details details;
  char *handlers[] = { (char *) "blk", (char *) "9p" };
  Grpc__AgentDetails agent = GRPC__AGENT_DETAILS__INIT;
  Grpc__GuestDetailsResponse reply = GRPC__GUEST_DETAILS_RESPONSE__INIT;
  agent.version = (char *) "1.0";
  agent.has_init_daemon = agent.init_daemon = 1;
  agent.n_storage_handlers = 2;
  agent.storage_handlers = handlers;
  reply.agent_details = &agent;
  reply.has_mem_block_size_bytes = 1;
  reply.mem_block_size_bytes = 128 << 20;
  guest_open (&guest);
  guest_message (&guest, &reply);
  OK (kata_agent__guest_details (guest.agent, &details, 1000, &err));
  ck_assert_str_eq (details.version, "1.0");
  ck_assert_str_eq (details.storage_handlers[1], "9p");
  ck_assert_ptr_null (details.storage_handlers[2]);
  ck_assert_ptr_null (details.extra_features[0]);
  ck_assert (details.init_daemon && !details.supports_seccomp);
  ck_assert_uint_eq (details.mem_block_bytes, 128 << 20);
  kata_agent_details__clear (&details);
  guest_close (&guest);
}
END_TEST

START_TEST (containers)
{
  struct guest guest;
  guest_open (&guest);
  Grpc__CreateContainerRequest create = GRPC__CREATE_CONTAINER_REQUEST__INIT;
  create.container_id = (char *) "c1";
  OK (kata_agent__create_container (guest.agent, &create, 1000, &err));
  ck_assert_str_eq (guest.method, "CreateContainer");
  OK (kata_agent__start_container (guest.agent, "c1", 1000, &err));
  Grpc__StartContainerRequest *start =
      guest_request (&guest, "StartContainer", &grpc__start_container_request__descriptor);
  ck_assert_str_eq (start->container_id, "c1");
  kata_agent__message_free (start);
  OK (kata_agent__pause_container (guest.agent, "c1", 1000, &err));
  ck_assert_str_eq (guest.method, "PauseContainer");
  OK (kata_agent__resume_container (guest.agent, "c1", 1000, &err));
  ck_assert_str_eq (guest.method, "ResumeContainer");
  OK (kata_agent__remove_container (guest.agent, "c1", 7, 1000, &err));
  Grpc__RemoveContainerRequest *remove =
      guest_request (&guest, "RemoveContainer", &grpc__remove_container_request__descriptor);
  ck_assert_uint_eq (remove->timeout, 7);
  kata_agent__message_free (remove);
  Grpc__LinuxPids pids = GRPC__LINUX_PIDS__INIT;
  Grpc__LinuxResources resources = GRPC__LINUX_RESOURCES__INIT;
  pids.has_limit = 1;
  pids.limit = 9;
  resources.pids = &pids;
  OK (kata_agent__update_container (guest.agent, "c1", &resources, 1000, &err));
  Grpc__UpdateContainerRequest *update =
      guest_request (&guest, "UpdateContainer", &grpc__update_container_request__descriptor);
  ck_assert_int_eq (update->resources->pids->limit, 9);
  kata_agent__message_free (update);
  guest_close (&guest);
}
END_TEST

START_TEST (statistics)
{
  struct guest guest;
  struct kata_agent_stats stats;
  Grpc__StatsContainerResponse reply = GRPC__STATS_CONTAINER_RESPONSE__INIT;
  Grpc__CgroupStats cgroup = GRPC__CGROUP_STATS__INIT;
  Grpc__CpuStats cpu = GRPC__CPU_STATS__INIT;
  Grpc__CpuUsage usage = GRPC__CPU_USAGE__INIT;
  Grpc__MemoryStats memory = GRPC__MEMORY_STATS__INIT;
  Grpc__MemoryData data = GRPC__MEMORY_DATA__INIT;
  Grpc__BlkioStats blkio = GRPC__BLKIO_STATS__INIT;
  Grpc__BlkioStatsEntry entries[3];
  Grpc__NetworkStats networks[2];
  Grpc__BlkioStatsEntry *entry_list[3];
  Grpc__NetworkStats *network_list[2];
  for (int i = 0; i < 3; i++) {
    grpc__blkio_stats_entry__init (&entries[i]);
    entries[i].op = (char *) (i == 1 ? "Write" : "Read");
    entries[i].has_value = 1;
    entries[i].value = i == 2 ? UINT64_MAX - 5 : 10;
    entry_list[i] = &entries[i];
  }
  for (int i = 0; i < 2; i++) {
    grpc__network_stats__init (&networks[i]);
    networks[i].name = (char *) (i == 0 ? "lo" : "eth0");
    networks[i].has_rx_bytes = 1;
    networks[i].rx_bytes = 77;
    network_list[i] = &networks[i];
  }
  usage.has_total_usage = 1;
  usage.total_usage = 123;
  cpu.cpu_usage = &usage;
  data.has_usage = data.has_limit = 1;
  data.usage = 4096;
  data.limit = 0x7ffffffffffff000;
  memory.usage = &data;
  blkio.n_io_service_bytes_recursive = 3;
  blkio.io_service_bytes_recursive = entry_list;
  cgroup.cpu_stats = &cpu;
  cgroup.memory_stats = &memory;
  cgroup.blkio_stats = &blkio;
  reply.cgroup_stats = &cgroup;
  reply.n_network_stats = 2;
  reply.network_stats = network_list;
  guest_open (&guest);
  guest_message (&guest, &reply);
  OK (kata_agent__stats (guest.agent, "c1", &stats, 1000, &err));
  ck_assert_uint_eq (stats.cpu_total_ns, 123);
  ck_assert_uint_eq (stats.memory_bytes, 4096);
  ck_assert (stats.memory_limit_bytes == UINT64_MAX && stats.pids_limit == UINT64_MAX);
  ck_assert (stats.read_bytes == UINT64_MAX); /* saturated */
  ck_assert_uint_eq (stats.write_bytes, 10);
  ck_assert_uint_eq (stats.rx_bytes, 77);
  guest_bytes (&guest, NULL, 0);
  OK (kata_agent__stats (guest.agent, "c1", &stats, 1000, &err));
  ck_assert_uint_eq (stats.cpu_total_ns, 0);
  guest_close (&guest);
}
END_TEST

static void
waited (void *user, int status, const kata_error *error)
{
  ck_assert_ptr_null (error);
  g_atomic_int_set ((int *) user, status);
}

START_TEST (processes)
{
  struct guest guest;
  int status = -1;
  guest_open (&guest);
  Grpc__Process process = GRPC__PROCESS__INIT;
  process.cwd = (char *) "/";
  OK (kata_agent__exec (guest.agent, "c1", "e1", &process, 1000, &err));
  Grpc__ExecProcessRequest *exec = guest_request (&guest, "ExecProcess", &grpc__exec_process_request__descriptor);
  ck_assert_str_eq (exec->exec_id, "e1");
  ck_assert_str_eq (exec->process->cwd, "/");
  kata_agent__message_free (exec);
  OK (kata_agent__signal (guest.agent, "c1", NULL, 15, 1000, &err));
  Grpc__SignalProcessRequest *sig = guest_request (&guest, "SignalProcess", &grpc__signal_process_request__descriptor);
  ck_assert_uint_eq (sig->signal, 15);
  ck_assert_str_eq (sig->exec_id, "");
  kata_agent__message_free (sig);
  Grpc__WaitProcessResponse reply = GRPC__WAIT_PROCESS_RESPONSE__INIT;
  reply.has_status = 1;
  reply.status = 137;
  guest_message (&guest, &reply);
  OK (kata_agent__wait (guest.agent, "c1", "e1", &status, 1000, &err));
  ck_assert_int_eq (status, 137);
  status = -1;
  OK (kata_agent__wait_start (guest.agent, NULL, "c1", "e1", waited, &status, &err));
  for (int i = 0; i < 5000 && g_atomic_int_get (&status) != 137; i++)
    g_usleep (1000);
  ck_assert_int_eq (g_atomic_int_get (&status), 137);
  guest_close (&guest);
}
END_TEST

static void
got_data (void *user, GBytes *data, const kata_error *error)
{
  ck_assert_ptr_null (error);
  g_atomic_int_set ((int *) user, (int) g_bytes_get_size (data));
}

START_TEST (streams)
{
  struct guest guest;
  g_autoptr (GBytes) out = NULL;
  size_t written = 0;
  int got = -1;
  guest_open (&guest);
  Grpc__ReadStreamResponse reply = GRPC__READ_STREAM_RESPONSE__INIT;
  reply.has_data = 1;
  reply.data = (ProtobufCBinaryData){ 3, (uint8_t *) "abc" };
  guest_message (&guest, &reply);
  OK (kata_agent__read_stdout (guest.agent, "c1", "", 100, 1000, &out, &err));
  ck_assert_uint_eq (g_bytes_get_size (out), 3);
  Grpc__ReadStreamRequest *read = guest_request (&guest, "ReadStdout", &grpc__read_stream_request__descriptor);
  ck_assert_uint_eq (read->len, 100);
  kata_agent__message_free (read);
  g_clear_pointer (&out, g_bytes_unref);
  OK (kata_agent__read_stderr (guest.agent, "c1", "", UINT32_MAX, 1000, &out, &err));
  read = guest_request (&guest, "ReadStderr", &grpc__read_stream_request__descriptor);
  ck_assert_uint_eq (read->len, 1 << 20);
  kata_agent__message_free (read);
  OK (kata_agent__read_start (guest.agent, NULL, "c1", "", false, 100, got_data, &got, &err));
  for (int i = 0; i < 5000 && g_atomic_int_get (&got) != 3; i++)
    g_usleep (1000);
  ck_assert_int_eq (g_atomic_int_get (&got), 3);
  Grpc__WriteStreamResponse wrote = GRPC__WRITE_STREAM_RESPONSE__INIT;
  wrote.has_len = 1;
  wrote.len = 2;
  guest_message (&guest, &wrote);
  OK (kata_agent__write_stdin (guest.agent, "c1", "", "hey", 3, &written, 1000, &err));
  ck_assert_uint_eq (written, 2);
  unsigned before = guest.requests->len;
  OK (kata_agent__write_stdin (guest.agent, "c1", "", "", 0, &written, 1000, &err));
  ck_assert_uint_eq (guest.requests->len, before); /* would have closed the stream */
  OK (kata_agent__close_stdin (guest.agent, "c1", "", 1000, &err));
  ck_assert_str_eq (guest.method, "CloseStdin");
  OK (kata_agent__winsize (guest.agent, "c1", "", 24, 80, 1000, &err));
  Grpc__TtyWinResizeRequest *size = guest_request (&guest, "TtyWinResize", &grpc__tty_win_resize_request__descriptor);
  ck_assert (size->row == 24 && size->column == 80);
  kata_agent__message_free (size);
  guest_close (&guest);
}
END_TEST

START_TEST (network)
{
  struct guest guest;
  guest_open (&guest);
  Types__Interface interface = TYPES__INTERFACE__INIT, *interface_list[] = { &interface };
  Types__Route route = TYPES__ROUTE__INIT, *route_list[] = { &route };
  Grpc__Interfaces interfaces = GRPC__INTERFACES__INIT, *interfaces_out;
  Grpc__Routes routes = GRPC__ROUTES__INIT, *routes_out;
  Grpc__ARPNeighbors neighbors = GRPC__ARPNEIGHBORS__INIT;
  interface.name = (char *) "eth0";
  route.dest = (char *) "10.0.0.0/8";
  interfaces.n_interfaces = 1;
  interfaces.interfaces = interface_list;
  routes.n_routes = 1;
  routes.routes = route_list;
  OK (kata_agent__update_interface (guest.agent, &interface, 1000, &err));
  Grpc__UpdateInterfaceRequest *ui =
      guest_request (&guest, "UpdateInterface", &grpc__update_interface_request__descriptor);
  ck_assert_str_eq (ui->interface->name, "eth0");
  kata_agent__message_free (ui);
  OK (kata_agent__update_routes (guest.agent, &routes, 1000, &err));
  Grpc__UpdateRoutesRequest *ur = guest_request (&guest, "UpdateRoutes", &grpc__update_routes_request__descriptor);
  ck_assert_str_eq (ur->routes->routes[0]->dest, "10.0.0.0/8");
  kata_agent__message_free (ur);
  OK (kata_agent__add_arp_neighbors (guest.agent, &neighbors, 1000, &err));
  ck_assert_str_eq (guest.method, "AddARPNeighbors");
  guest_message (&guest, &interfaces);
  OK (kata_agent__list_interfaces (guest.agent, &interfaces_out, 1000, &err));
  ck_assert_str_eq (interfaces_out->interfaces[0]->name, "eth0");
  kata_agent__message_free (interfaces_out);
  guest_message (&guest, &routes);
  OK (kata_agent__list_routes (guest.agent, &routes_out, 1000, &err));
  ck_assert_str_eq (routes_out->routes[0]->dest, "10.0.0.0/8");
  kata_agent__message_free (routes_out);
  guest_close (&guest);
}
END_TEST

START_TEST (files)
{
  struct guest guest;
  size_t size = (2 << 20) + 12345;
  g_autofree uint8_t *data = g_malloc (size);
  int fd = memfd_create ("file", MFD_CLOEXEC);
  for (size_t i = 0; i < size; i++)
    data[i] = (uint8_t) (i * 13 + i / 4099);
  ck_assert_int_eq (write (fd, data, size), (ssize_t) size);
  guest_open (&guest);
  struct kata_agent_file file = {
    .path = "/run/x", .mode = S_IFREG | 0640, .dir_mode = 0755, .uid = 5, .gid = 6, .fd = fd
  };
  OK (kata_agent__copy_file (guest.agent, &file, 10000, &err));
  ck_assert_uint_eq (guest.requests->len, 3);
  size_t at = 0;
  for (guint i = 0; i < 3; i++) {
    GByteArray *bytes = g_ptr_array_index (guest.requests, i);
    Grpc__CopyFileRequest *request = grpc__copy_file_request__unpack (NULL, bytes->len, bytes->data);
    ck_assert_int_eq (request->offset, (int64_t) at);
    ck_assert_int_eq (request->file_size, (int64_t) size);
    ck_assert_uint_eq (request->file_mode, S_IFREG | 0640);
    ck_assert_mem_eq (request->data.data, data + at, request->data.len);
    at += request->data.len;
    kata_agent__message_free (request);
  }
  ck_assert_uint_eq (at, size);
  close (fd);
  file = (struct kata_agent_file){ .path = "/run/l", .mode = S_IFLNK | 0777, .fd = -1, .data = "target", .len = 6 };
  OK (kata_agent__copy_file (guest.agent, &file, 10000, &err));
  Grpc__CopyFileRequest *link = guest_request (&guest, "CopyFile", &grpc__copy_file_request__descriptor);
  ck_assert_mem_eq (link->data.data, "target", 6);
  kata_agent__message_free (link);
  file = (struct kata_agent_file){ .path = "/run/d", .mode = S_IFDIR | 0755, .fd = -1 };
  OK (kata_agent__copy_file (guest.agent, &file, 10000, &err));
  file = (struct kata_agent_file){ .path = "/run/empty", .mode = S_IFREG | 0644, .fd = -1 };
  OK (kata_agent__copy_file (guest.agent, &file, 10000, &err));
  ck_assert_uint_eq (guest.requests->len, 6);
  kata_error *err = NULL;
  file.mode = S_IFCHR | 0644;
  expect_error (kata_agent__copy_file (guest.agent, &file, 10000, &err), &err, KATA_E_INVALID, "no file");
  guest_close (&guest);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("agent/calls");
  TCase *tc = tcase_create ("calls");
  tcase_set_timeout (tc, 30);
  tcase_add_test (tc, health);
  tcase_add_test (tc, sandbox_and_guest);
  tcase_add_test (tc, details);
  tcase_add_test (tc, containers);
  tcase_add_test (tc, statistics);
  tcase_add_test (tc, processes);
  tcase_add_test (tc, streams);
  tcase_add_test (tc, network);
  tcase_add_test (tc, files);
  suite_add_tcase (suite, tc);
  return run_suite (suite);
}
