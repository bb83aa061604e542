/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-field-numbers: every message of Kata's protocol has the fields, numbers and wire kinds of its original; not what they mean. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/agent.pb-c.h"
#include "proto/csi.pb-c.h"
#include "proto/health.pb-c.h"
#include "proto/types.pb-c.h"

/* "name=number" and the kind: s string, b bytes, v varint, m message (maps too); * repeated. In the order of the numbers. */
struct row {
  const ProtobufCMessageDescriptor *message;
  const char *fields;
};

static const struct row rows[] = {
  { &grpc__create_container_request__descriptor,
    "container_id=1s exec_id=2s string_user=3m devices=4m* storages=5m* OCI=6m sandbox_pidns=7v shared_mounts=8m* "
    "stdin_port=9v stdout_port=10v stderr_port=11v" },
  { &grpc__start_container_request__descriptor, "container_id=1s" },
  { &grpc__remove_container_request__descriptor, "container_id=1s timeout=2v" },
  { &grpc__exec_process_request__descriptor,
    "container_id=1s exec_id=2s string_user=3m process=4m stdin_port=5v stdout_port=6v stderr_port=7v" },
  { &grpc__signal_process_request__descriptor, "container_id=1s exec_id=2s signal=3v" },
  { &grpc__wait_process_request__descriptor, "container_id=1s exec_id=2s" },
  { &grpc__wait_process_response__descriptor, "status=1v" },
  { &grpc__update_container_request__descriptor, "container_id=1s resources=2m" },
  { &grpc__stats_container_request__descriptor, "container_id=1s" },
  { &grpc__pause_container_request__descriptor, "container_id=1s" },
  { &grpc__resume_container_request__descriptor, "container_id=1s" },
  { &grpc__cpu_usage__descriptor, "total_usage=1v percpu_usage=2v* usage_in_kernelmode=3v usage_in_usermode=4v" },
  { &grpc__throttling_data__descriptor, "periods=1v throttled_periods=2v throttled_time=3v" },
  { &grpc__cpu_stats__descriptor, "cpu_usage=1m throttling_data=2m" },
  { &grpc__pids_stats__descriptor, "current=1v limit=2v" },
  { &grpc__memory_data__descriptor, "usage=1v max_usage=2v failcnt=3v limit=4v" },
  { &grpc__memory_stats__descriptor, "cache=1v usage=2m swap_usage=3m kernel_usage=4m use_hierarchy=5v stats=6m*" },
  { &grpc__blkio_stats_entry__descriptor, "major=1v minor=2v op=3s value=4v" },
  { &grpc__blkio_stats__descriptor,
    "io_service_bytes_recursive=1m* io_serviced_recursive=2m* io_queued_recursive=3m* io_service_time_recursive=4m* "
    "io_wait_time_recursive=5m* io_merged_recursive=6m* io_time_recursive=7m* sectors_recursive=8m*" },
  { &grpc__hugetlb_stats__descriptor, "usage=1v max_usage=2v failcnt=3v" },
  { &grpc__cgroup_stats__descriptor, "cpu_stats=1m memory_stats=2m pids_stats=3m blkio_stats=4m hugetlb_stats=5m*" },
  { &grpc__network_stats__descriptor, "name=1s rx_bytes=2v rx_packets=3v rx_errors=4v rx_dropped=5v tx_bytes=6v "
                                      "tx_packets=7v tx_errors=8v tx_dropped=9v" },
  { &grpc__stats_container_response__descriptor, "cgroup_stats=1m network_stats=2m*" },
  { &grpc__write_stream_request__descriptor, "container_id=1s exec_id=2s data=3b" },
  { &grpc__write_stream_response__descriptor, "len=1v" },
  { &grpc__read_stream_request__descriptor, "container_id=1s exec_id=2s len=3v" },
  { &grpc__read_stream_response__descriptor, "data=1b" },
  { &grpc__close_stdin_request__descriptor, "container_id=1s exec_id=2s" },
  { &grpc__tty_win_resize_request__descriptor, "container_id=1s exec_id=2s row=3v column=4v" },
  { &grpc__kernel_module__descriptor, "name=1s parameters=2s*" },
  { &grpc__create_sandbox_request__descriptor,
    "hostname=1s dns=2s* storages=3m* sandbox_pidns=4v sandbox_id=5s guest_hook_path=6s kernel_modules=7m*" },
  { &grpc__destroy_sandbox_request__descriptor, "" },
  { &grpc__remove_stale_virtiofs_share_mounts_request__descriptor, "" },
  { &grpc__interfaces__descriptor, "Interfaces=1m*" },
  { &grpc__routes__descriptor, "Routes=1m*" },
  { &grpc__update_interface_request__descriptor, "interface=1m" },
  { &grpc__update_routes_request__descriptor, "routes=1m" },
  { &grpc__update_ephemeral_mounts_request__descriptor, "storages=1m*" },
  { &grpc__list_interfaces_request__descriptor, "" },
  { &grpc__list_routes_request__descriptor, "" },
  { &grpc__arpneighbors__descriptor, "ARPNeighbors=1m*" },
  { &grpc__add_arpneighbors_request__descriptor, "neighbors=1m" },
  { &grpc__get_iptables_request__descriptor, "is_ipv6=1v" },
  { &grpc__get_iptables_response__descriptor, "data=1b" },
  { &grpc__set_iptables_request__descriptor, "is_ipv6=1v data=2b" },
  { &grpc__set_iptables_response__descriptor, "data=1b" },
  { &grpc__online_cpumem_request__descriptor, "wait=1v nb_cpus=2v cpu_only=3v" },
  { &grpc__reseed_random_dev_request__descriptor, "data=2b" },
  { &grpc__agent_details__descriptor,
    "version=1s init_daemon=2v device_handlers=3s* storage_handlers=4s* supports_seccomp=5v extra_features=6s*" },
  { &grpc__guest_details_request__descriptor, "mem_block_size=1v mem_hotplug_probe=2v" },
  { &grpc__guest_details_response__descriptor,
    "mem_block_size_bytes=1v agent_details=2m support_mem_hotplug_probe=3v" },
  { &grpc__mem_hotplug_by_probe_request__descriptor, "memHotplugProbeAddr=1v*" },
  { &grpc__set_guest_date_time_request__descriptor, "Sec=1v Usec=2v" },
  { &grpc__fsgroup__descriptor, "group_id=2v group_change_policy=3v" },
  { &grpc__shared_mount__descriptor, "name=1s src_ctr=2s src_path=3s dst_ctr=4s dst_path=5s" },
  { &grpc__storage__descriptor,
    "driver=1s driver_options=2s* source=3s fstype=4s options=5s* mount_point=6s fs_group=7m shared=8v" },
  { &grpc__device__descriptor, "id=1s type=2s vm_path=3s container_path=4s options=5s*" },
  { &grpc__string_user__descriptor, "uid=1s gid=2s additionalGids=3s*" },
  { &grpc__copy_file_request__descriptor,
    "path=1s file_size=2v file_mode=3v dir_mode=4v uid=5v gid=6v offset=7v data=8b" },
  { &grpc__get_oomevent_request__descriptor, "" },
  { &grpc__oomevent__descriptor, "container_id=1s" },
  { &grpc__add_swap_request__descriptor, "PCIPath=1v*" },
  { &grpc__add_swap_path_request__descriptor, "path=1s" },
  { &grpc__get_metrics_request__descriptor, "" },
  { &grpc__metrics__descriptor, "metrics=1s" },
  { &grpc__volume_stats_request__descriptor, "volume_guest_path=1s" },
  { &grpc__resize_volume_request__descriptor, "volume_guest_path=1s size=2v" },
  { &grpc__set_policy_request__descriptor, "policy=1s" },
  { &grpc__get_diagnostic_data_request__descriptor, "log_type=1s container_id=2s" },
  { &grpc__get_diagnostic_data_response__descriptor, "data=1s" },
  { &grpc__mem_agent_memcg_config__descriptor,
    "disabled=1v swap=2v swappiness_max=3v period_secs=4v period_psi_percent_limit=5v eviction_psi_percent_limit=6v "
    "eviction_run_aging_count_min=7v" },
  { &grpc__mem_agent_compact_config__descriptor,
    "disabled=1v period_secs=2v period_psi_percent_limit=3v compact_psi_percent_limit=4v compact_sec_max=5v "
    "compact_order=6v compact_threshold=7v compact_force_times=8v" },
  { &types__ipaddress__descriptor, "family=1v address=2s mask=3s" },
  { &types__interface__descriptor,
    "device=1s name=2s IPAddresses=3m* mtu=4v hwAddr=5s devicePath=6s type=7s raw_flags=8v" },
  { &types__route__descriptor, "dest=1s gateway=2s device=3s source=4s scope=5v family=6v flags=7v mtu=8v" },
  { &types__arpneighbor__descriptor, "toIPAddress=1m device=2s lladdr=3s state=4v flags=5v" },
  { &grpc__spec__descriptor,
    "Version=1s Process=2m Root=3m Hostname=4s Mounts=5m* Hooks=6m Annotations=7m* Linux=8m Solaris=9m Windows=10m" },
  { &grpc__process__descriptor, "Terminal=1v ConsoleSize=2m User=3m Args=4s* Env=5s* Cwd=6s Capabilities=7m "
                                "Rlimits=8m* NoNewPrivileges=9v ApparmorProfile=10s OOMScoreAdj=11v SelinuxLabel=12s" },
  { &grpc__box__descriptor, "Height=1v Width=2v" },
  { &grpc__user__descriptor, "UID=1v GID=2v AdditionalGids=3v* Username=4s" },
  { &grpc__linux_capabilities__descriptor, "Bounding=1s* Effective=2s* Inheritable=3s* Permitted=4s* Ambient=5s*" },
  { &grpc__posixrlimit__descriptor, "Type=1s Hard=2v Soft=3v" },
  { &grpc__mount__descriptor, "destination=1s source=2s type=3s options=4s*" },
  { &grpc__root__descriptor, "Path=1s Readonly=2v" },
  { &grpc__hooks__descriptor,
    "Prestart=1m* Poststart=2m* Poststop=3m* CreateRuntime=4m* CreateContainer=5m* StartContainer=6m*" },
  { &grpc__hook__descriptor, "Path=1s Args=2s* Env=3s* Timeout=4v" },
  { &grpc__linux__descriptor,
    "UIDMappings=1m* GIDMappings=2m* Sysctl=3m* Resources=4m CgroupsPath=5s Namespaces=6m* Devices=7m* Seccomp=8m "
    "RootfsPropagation=9s MaskedPaths=10s* ReadonlyPaths=11s* MountLabel=12s IntelRdt=13m" },
  { &grpc__windows__descriptor, "dummy=1s" },
  { &grpc__solaris__descriptor, "dummy=1s" },
  { &grpc__linux_idmapping__descriptor, "HostID=1v ContainerID=2v Size=3v" },
  { &grpc__linux_namespace__descriptor, "Type=1s Path=2s" },
  { &grpc__linux_device__descriptor, "Path=1s Type=2s Major=3v Minor=4v FileMode=5v UID=6v GID=7v" },
  { &grpc__linux_resources__descriptor,
    "Devices=1m* Memory=2m CPU=3m Pids=4m BlockIO=5m HugepageLimits=6m* Network=7m" },
  { &grpc__linux_memory__descriptor,
    "Limit=1v Reservation=2v Swap=3v Kernel=4v KernelTCP=5v Swappiness=6v DisableOOMKiller=7v" },
  { &grpc__linux_cpu__descriptor, "Shares=1v Quota=2v Period=3v RealtimeRuntime=4v RealtimePeriod=5v Cpus=6s Mems=7s" },
  { &grpc__linux_weight_device__descriptor, "Major=1v Minor=2v Weight=3v LeafWeight=4v" },
  { &grpc__linux_throttle_device__descriptor, "Major=1v Minor=2v Rate=3v" },
  { &grpc__linux_block_io__descriptor,
    "Weight=1v LeafWeight=2v WeightDevice=3m* ThrottleReadBpsDevice=4m* ThrottleWriteBpsDevice=5m* "
    "ThrottleReadIOPSDevice=6m* ThrottleWriteIOPSDevice=7m*" },
  { &grpc__linux_pids__descriptor, "Limit=1v" },
  { &grpc__linux_device_cgroup__descriptor, "Allow=1v Type=2s Major=3v Minor=4v Access=5s" },
  { &grpc__linux_network__descriptor, "ClassID=1v Priorities=2m*" },
  { &grpc__linux_hugepage_limit__descriptor, "Pagesize=1s Limit=2v" },
  { &grpc__linux_interface_priority__descriptor, "Name=1s Priority=2v" },
  { &grpc__linux_seccomp__descriptor, "DefaultAction=1s Architectures=2s* Flags=3s* Syscalls=4m*" },
  { &grpc__linux_seccomp_arg__descriptor, "Index=1v Value=2v ValueTwo=3v Op=4s" },
  { &grpc__linux_syscall__descriptor, "Names=1s* Action=2s errnoret=3v Args=4m*" },
  { &grpc__linux_intel_rdt__descriptor, "L3CacheSchema=1s" },
  { &grpc__volume_stats_response__descriptor, "usage=1m* volume_condition=2m" },
  { &grpc__volume_usage__descriptor, "available=1v total=2v used=3v unit=4v" },
  { &grpc__volume_condition__descriptor, "abnormal=1v message=2s" },
  { &grpc__check_request__descriptor, "service=1s" },
  { &grpc__health_check_response__descriptor, "status=1v" },
  { &grpc__version_check_response__descriptor, "grpc_version=1s agent_version=2s" },
};

static char
kind_of (const ProtobufCFieldDescriptor *field)
{
  switch (field->type) {
  case PROTOBUF_C_TYPE_STRING:
    return 's';
  case PROTOBUF_C_TYPE_BYTES:
    return 'b';
  case PROTOBUF_C_TYPE_MESSAGE:
    return 'm';
  case PROTOBUF_C_TYPE_ENUM:
  case PROTOBUF_C_TYPE_BOOL:
  case PROTOBUF_C_TYPE_INT32:
  case PROTOBUF_C_TYPE_INT64:
  case PROTOBUF_C_TYPE_UINT32:
  case PROTOBUF_C_TYPE_UINT64:
    return 'v';
  default:
    return '?'; /* fixed and zigzag encodings are not in the protocol */
  }
}

START_TEST (fields_are_the_originals)
{
  const struct row *row = &rows[_i];
  char text[2048] = "";
  for (unsigned i = 0; i < row->message->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &row->message->fields[i];
    size_t used = strlen (text);
    snprintf (text + used, sizeof text - used, "%s%s=%u%c%s", used ? " " : "", field->name, field->id, kind_of (field),
              field->label == PROTOBUF_C_LABEL_REPEATED ? "*" : "");
  }
  ck_assert_msg (strcmp (text, row->fields) == 0, "%s\n has  %s\n not %s", row->message->name, text, row->fields);
}
END_TEST

/* What proto3 packs must go out packed: peers accept both, but the bytes are meant to be the same. */
START_TEST (numbers_are_packed)
{
  Grpc__User user = GRPC__USER__INIT;
  uint32_t gids[] = { 1, 2, 3 };
  uint8_t out[16];
  user.n_additionalgids = 3;
  user.additionalgids = gids;
  ck_assert_uint_eq (grpc__user__pack (&user, out), 5);
  ck_assert_mem_eq (out, "\x1a\x03\x01\x02\x03", 5);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("proto/field-numbers");
  TCase *tcase = tcase_create ("all");
  tcase_add_loop_test (tcase, fields_are_the_originals, 0, sizeof rows / sizeof rows[0]);
  tcase_add_test (tcase, numbers_are_packed);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_set_fork_status (runner, CK_NOFORK);
  srunner_run_all (runner, CK_ENV);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
