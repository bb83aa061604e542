/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process-json: the "process" object of a config.json, which is also what `crun exec --process` reads. */
#ifndef AGENT_PROCESS_JSON_H
#define AGENT_PROCESS_JSON_H

#include "proto/oci.pb-c.h"

#include "fault.h"
#include "json-file.h"

#define PROCESS_ARGS_MAX 65536

/** 0 or -1 with @fault set. */
int process_json (struct kata_json_writer *json, const char *key, const Grpc__Process *process, struct fault *fault);

#endif
