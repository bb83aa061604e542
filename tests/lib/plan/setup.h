/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every test of plans starts from: a configuration, a host, a guest, a hypervisor that can do all that is granted. */
#ifndef TESTS_PLAN_SETUP_H
#define TESTS_PLAN_SETUP_H

#include <string.h>

#include "backend/capability.h"
#include "config/load.h"
#include "plan/container.h"
#include "plan/plan.h"

struct setup {
  kata_config *config;
  kata_capabilities caps;
  kata_sandbox_options options;
  struct kata_plan_input in;
};

static inline void
setup_init (struct setup *s, const char *toml)
{
  static const int granted[] = {
    KATA_CAP_RUN,   KATA_CAP_FS_SHARE_VIRTIOFS, KATA_CAP_FS_SHARE_9P, KATA_CAP_BLOCK,
    KATA_CAP_PAUSE, KATA_CAP_AGENT_SERIAL,      KATA_CAP_NET,         KATA_CAP_NET_HOTPLUG
  };
  memset (s, 0, sizeof *s);
  if (kata_config__parse (&s->config, "test.toml", toml, strlen (toml), NULL, NULL) < 0)
    g_error ("the test's configuration is wrong: %s", toml);
  kata_capabilities__init (&s->caps);
  for (size_t i = 0; i < G_N_ELEMENTS (granted); i++)
    kata_capabilities__grant (&s->caps, granted[i]);
  kata_capabilities__lack (&s->caps, KATA_CAP_KVM, "the processor has no vmx or svm");
  kata_capabilities__lack (&s->caps, KATA_CAP_VSOCK_VHOST, "/dev/vhost-vsock: No such file or directory");
  s->options = (kata_sandbox_options) KATA_SANDBOX_OPTIONS_INIT;
  s->options.id = "box";
  s->in = (struct kata_plan_input){ .config = s->config,
                                    .hypervisor = "qemu",
                                    .caps = &s->caps,
                                    .options = &s->options,
                                    .state_dir = "/run/libkata",
                                    .host = { .n_cpus = 4, .memory_mib = 8192, .arch = "x86_64" },
                                    .guest = { .features = KATA_GUEST_ALL,
                                               .kernel = "/usr/share/libkata/vmlinuz",
                                               .initrd = "/usr/share/libkata/initrd" } };
}

static inline void
setup_clear (struct setup *s)
{
  kata_config__unref (s->config);
}

#endif
