/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keys-agent: the keys of [agent.kata]. */
#include "config/config.h"
#include "config/keys.h"
#include "config/row.h"

#define SECTION struct kata_agent_config

/* clang-format off: a row is a line */
const struct kata_key kata_keys_agent[] = {
  USED (enable_debug, BOOL, ANN, "false", "the agent logs more"),
  KNOWN (log_level, STRING, 0, "the agent's log level"),
  KNOWN (enable_tracing, BOOL, ANN, "the agent sends trace spans"),
  USED (debug_console_enabled, BOOL, ANN, "false", "a shell on the guest's debug console"),
  USED (kernel_modules, STRINGS, ANN, "[]", "modules to load in the guest: \"name param=value …\""),
  USED (dial_timeout, INT, ANN, "60", "seconds to wait until the guest's agent answers", .min = 1, .max = 3600),
  KNOWN (dial_timeout_ms, INT, 0, "pause between connect tries of runtime-rs"),
  KNOWN (reconnect_timeout_ms, INT, 0, "connect budget of runtime-rs"),
  KNOWN (cdh_api_timeout, INT, ANN, "confidential data hub"),
  KNOWN (cdh_api_timeout_ms, INT, ANN, "confidential data hub"),
  KNOWN (launch_process_timeout, INT, 0, "guest components"),
  USED (create_container_timeout, INT, ANN, "0", "seconds CreateContainer may take; 0 = the runtime's key", .min = 0,
        .max = 86400),
  USED (container_pipe_size, INT, ANN, "0", "bytes of a container's stdio pipes; 0 = the guest kernel's default",
        .min = 0, .max = 1048576),
  KNOWN (visible_cdi_devices, BOOL, 0, "CDI devices by environment"),
  KNOWN (server_port, INT, 0, "vsock port of the agent"),
  KNOWN (log_port, INT, 0, "vsock port of its log"),
  KNOWN (health_check_request_timeout_ms, INT, 0, "health checks of runtime-rs"),
  KNOWN (policy, STRING, ANN, "agent policy"),
  { .name = NULL },
};
/* clang-format on */
