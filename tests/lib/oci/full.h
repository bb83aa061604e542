/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A config.json in which every member that the library reads is present. */
#ifndef TESTS_OCI_FULL_H
#define TESTS_OCI_FULL_H

static const char full_spec[] =
    "{\"ociVersion\":\"1.2.0\",\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":24,\"width\":80},"
    "\"user\":{\"uid\":1,\"gid\":2,\"umask\":18,\"additionalGids\":[3,4],\"username\":\"u\"},"
    "\"args\":[\"sh\",\"-c\",\"\"],\"env\":[\"A=b\",\"PATH=/bin\"],\"cwd\":\"/\","
    "\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"],\"inheritable\":[],"
    "\"permitted\":[\"CAP_KILL\"],\"ambient\":[\"CAP_KILL\"]},"
    "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":18446744073709551615,\"soft\":1024}],"
    "\"noNewPrivileges\":true,\"apparmorProfile\":\"p\",\"oomScoreAdj\":-10,\"selinuxLabel\":\"l\"},"
    "\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"h\",\"domainname\":\"d\","
    "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"nosuid\"],"
    "\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}],"
    "\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]}],"
    "\"hooks\":{\"prestart\":[{\"path\":\"/p\",\"args\":[\"p\"],\"env\":[\"A=b\"],\"timeout\":5}],"
    "\"createRuntime\":[{\"path\":\"/p\"}],\"createContainer\":[{\"path\":\"/p\"}],"
    "\"startContainer\":[{\"path\":\"/p\"}],\"poststart\":[{\"path\":\"/p\"}],\"poststop\":[{\"path\":\"/p\"}]},"
    "\"annotations\":{\"a\":\"b\"},"
    "\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
    "\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"},"
    "\"resources\":{\"devices\":[{\"allow\":false,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rwm\"}],"
    "\"memory\":{\"limit\":1,\"reservation\":1,\"swap\":-1,\"kernel\":1,\"kernelTCP\":1,\"swappiness\":60,"
    "\"disableOOMKiller\":false,\"useHierarchy\":true,\"checkBeforeUpdate\":true},"
    "\"cpu\":{\"shares\":1024,\"quota\":-1,\"burst\":1,\"period\":100000,\"realtimeRuntime\":1,"
    "\"realtimePeriod\":1,\"idle\":1,\"cpus\":\"0-1\",\"mems\":\"0\"},\"pids\":{\"limit\":100},"
    "\"blockIO\":{\"weight\":10,\"leafWeight\":10,\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":500,"
    "\"leafWeight\":300}],\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":600}],"
    "\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":600}],"
    "\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":600}],"
    "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":600}]},"
    "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":9223372036854771712}],"
    "\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"eth0\",\"priority\":500}]},"
    "\"rdma\":{},\"unified\":{\"memory.high\":\"1\"}},"
    "\"cgroupsPath\":\"/c\",\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/var/run/n\"}],"
    "\"devices\":[{\"path\":\"/dev/fuse\",\"type\":\"c\",\"major\":10,\"minor\":229,\"fileMode\":438,\"uid\":0,"
    "\"gid\":0}],\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1,"
    "\"architectures\":[\"SCMP_ARCH_X86\"],\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],\"listenerPath\":\"/l\","
    "\"listenerMetadata\":\"m\",\"syscalls\":[{\"names\":[\"getcwd\"],\"action\":\"SCMP_ACT_ERRNO\","
    "\"errnoRet\":1,\"args\":[{\"index\":0,\"value\":18446744073709551615,\"valueTwo\":1,"
    "\"op\":\"SCMP_CMP_EQ\"}]}]},\"rootfsPropagation\":\"slave\",\"maskedPaths\":[\"/proc/kcore\"],"
    "\"readonlyPaths\":[\"/proc/sys\"],\"mountLabel\":\"ml\","
    "\"intelRdt\":{\"closID\":\"g\",\"l3CacheSchema\":\"L3:0=7f0\",\"memBwSchema\":\"MB:0=20\","
    "\"enableMonitoring\":true},\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"f\"]},"
    "\"timeOffsets\":{\"monotonic\":{\"secs\":1,\"nanosecs\":2}}}}";

#endif
