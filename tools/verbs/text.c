/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text: features and spec: texts that depend on nothing here. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "verbs/args.h"

static const char features[] =
    "{\n"
    "  \"ociVersionMin\": \"1.0.0\",\n"
    "  \"ociVersionMax\": \"1.2.0\",\n"
    "  \"hooks\": [\"prestart\", \"createRuntime\", \"createContainer\", \"poststart\", \"poststop\"],\n"
    "  \"mountOptions\": [\"bind\", \"rbind\", \"ro\", \"rw\", \"noexec\", \"exec\", \"nosuid\", \"suid\", \"nodev\", "
    "\"dev\", "
    "\"noatime\", \"relatime\", \"private\", \"rprivate\"],\n"
    "  \"linux\": {\n"
    "    \"namespaces\": [\"cgroup\", \"ipc\", \"mount\", \"network\", \"pid\", \"uts\"],\n"
    "    \"cgroup\": {\"v1\": true, \"v2\": true, \"systemd\": false, \"systemdUser\": false},\n"
    "    \"seccomp\": {\"enabled\": true},\n"
    "    \"apparmor\": {\"enabled\": false},\n"
    "    \"selinux\": {\"enabled\": false},\n"
    "    \"mountExtensions\": {\"idmap\": {\"enabled\": false}},\n"
    "    \"intelRdt\": {\"enabled\": false}\n"
    "  },\n"
    "  \"annotations\": {\"io.katacontainers.libkata.version\": \"" KATACTL_VERSION "\"}\n"
    "}\n";

static const char spec_head[] =
    "{\n"
    "  \"ociVersion\": \"" OCI_SPEC_VERSION "\",\n"
    "  \"process\": {\n"
    "    \"terminal\": true,\n"
    "    \"user\": {\"uid\": 0, \"gid\": 0},\n"
    "    \"args\": [\"sh\"],\n"
    "    \"env\": [\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\", \"TERM=xterm\"],\n"
    "    \"cwd\": \"/\",\n"
    "    \"capabilities\": {\n"
    "      \"bounding\": [\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"],\n"
    "      \"effective\": [\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"],\n"
    "      \"permitted\": [\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"]\n"
    "    },\n"
    "    \"rlimits\": [{\"type\": \"RLIMIT_NOFILE\", \"hard\": 1024, \"soft\": 1024}],\n"
    "    \"noNewPrivileges\": true\n"
    "  },\n"
    "  \"root\": {\"path\": \"rootfs\", \"readonly\": true},\n"
    "  \"hostname\": \"kata\",\n";

static const char spec_tail[] =
    "  \"mounts\": [\n"
    "    {\"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\"},\n"
    "    {\"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\", \"options\": [\"nosuid\", "
    "\"strictatime\", \"mode=755\", \"size=65536k\"]},\n"
    "    {\"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\", \"options\": [\"nosuid\", "
    "\"noexec\", \"newinstance\", "
    "\"ptmxmode=0666\", \"mode=0620\", \"gid=5\"]},\n"
    "    {\"destination\": \"/dev/shm\", \"type\": \"tmpfs\", \"source\": \"shm\", \"options\": [\"nosuid\", "
    "\"noexec\", \"nodev\", \"mode=1777\", "
    "\"size=65536k\"]},\n"
    "    {\"destination\": \"/dev/mqueue\", \"type\": \"mqueue\", \"source\": \"mqueue\", \"options\": [\"nosuid\", "
    "\"noexec\", \"nodev\"]},\n"
    "    {\"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\", \"options\": [\"nosuid\", \"noexec\", "
    "\"nodev\", \"ro\"]}\n"
    "  ],\n"
    "  \"linux\": {\n"
    "    \"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"network\"}, {\"type\": \"ipc\"}, {\"type\": \"uts\"}, "
    "{\"type\": \"mount\"}, "
    "{\"type\": \"cgroup\"}],\n"
    "    \"maskedPaths\": [\"/proc/acpi\", \"/proc/kcore\", \"/proc/keys\", \"/proc/timer_list\", \"/sys/firmware\"],\n"
    "    \"readonlyPaths\": [\"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\", \"/proc/sysrq-trigger\"]\n"
    "  }\n"
    "}\n";

int
oci_features (oci *oci, int argc, char **argv)
{
  const arg_row rows[] = { { NULL, 0, 0, NULL } };
  if (args_parse_words (oci, rows, argc, argv, 0, 0) < 0)
    return OCI_FAILED;
  fputs (features, stdout);
  return OCI_OK;
}

int
oci_spec (oci *oci, int argc, char **argv)
{
  const char *bundle = ".";
  const arg_row rows[] = { { "bundle", 'b', ARG_TEXT, &bundle },
                           { "rootless", 0, ARG_FLAG, NULL },
                           { NULL, 0, 0, NULL } };
  if (args_parse_words (oci, rows, argc, argv, 0, 0) < 0)
    return OCI_FAILED;
  g_autofree char *path = g_build_filename (bundle, "config.json", NULL);
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0)
    return oci_fail (oci, OCI_FAILED, "cannot make \"%s\": %s", path, g_strerror (errno));
  int ok = write (fd, spec_head, sizeof spec_head - 1) == (ssize_t) sizeof spec_head - 1 &&
           write (fd, spec_tail, sizeof spec_tail - 1) == (ssize_t) sizeof spec_tail - 1;
  close (fd);
  return ok ? OCI_OK : oci_fail (oci, OCI_FAILED, "cannot write \"%s\"", path);
}
