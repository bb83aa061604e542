/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* build: what the files that make a plan share; not for other layers. */
#ifndef KATA_PLAN_BUILD_H
#define KATA_PLAN_BUILD_H

#include "config/config.h"
#include "plan/plan.h"

struct kata_plan_build {
  kata_plan *plan;
  kata_arena *arena; /* the plan's */
  const struct kata_plan_input *in;
  const struct kata_hypervisor_config *hv;
  const struct kata_agent_config *agent;
  const struct kata_runtime_config *runtime;
  bool foreign_guest; /* not the guest that the manifest describes */
  GPtrArray *warnings;
};

/* Steps, in their order; each returns 0 or a negative kata_error_code. */
int kata_plan__size (struct kata_plan_build *b, kata_error **err);
int kata_plan__arch (struct kata_plan_build *b, kata_error **err); /* called by boot */
int kata_plan__growth (struct kata_plan_build *b, kata_error **err);
int kata_plan__boot (struct kata_plan_build *b, kata_error **err);
int kata_plan__cmdline (struct kata_plan_build *b, kata_error **err);
int kata_plan__image (struct kata_plan_build *b, kata_error **err);
int kata_plan__host_devices (struct kata_plan_build *b, kata_error **err);
int kata_plan__disks (struct kata_plan_build *b, kata_error **err);
int kata_plan__share (struct kata_plan_build *b, kata_error **err);
int kata_plan__packs (struct kata_plan_build *b, kata_error **err);
int kata_plan__ports (struct kata_plan_build *b, kata_error **err);
int kata_plan__channel (struct kata_plan_build *b, kata_error **err);
int kata_plan__guest (struct kata_plan_build *b, kata_error **err);
int kata_plan__network (struct kata_plan_build *b, kata_error **err);
int kata_plan__confidential (struct kata_plan_build *b, kata_error **err); /* called by qemu, as is numa */
int kata_plan__numa (struct kata_plan_build *b, kata_error **err);
int kata_plan__qemu (struct kata_plan_build *b, kata_error **err);

int kata_plan__vhost_user (struct kata_plan_build *b, kata_error **err);
int kata_plan__cgroup (struct kata_plan_build *b, kata_error **err);

void kata_plan__warn (struct kata_plan_build *b, const char *format, ...) G_GNUC_PRINTF (2, 3);
bool kata_plan__has (const struct kata_plan_build *b, int capability);
/* Why the backend lacks @capability. */
const char *kata_plan__reason (const struct kata_plan_build *b, int capability);
/* Does this hypervisor do something with the key, or does the configuration say of it that it passes it over? True for other people's. */
bool kata_plan__acts (const struct kata_plan_build *b, const char *key);
/* "hypervisor.qemu.accel", in the arena. */
const char *kata_plan__key (struct kata_plan_build *b, const char *key);
/* A copy in the arena; NULL gives "". */
const char *kata_plan__text (struct kata_plan_build *b, const char *text);

/* Bits, as Kata counts bandwidth, in bytes; a limit stays one. */
uint64_t kata_plan__bytes_of (int64_t bits);

#define KATA_PATH_MAX 4096u
/**
 * A path that goes into a VMM's options: absolute, no "..", no control characters, no comma (the options' separator). "" passes
 * when @code is KATA_E_CONFIG (= not set).
 */
int kata_plan__check_path (const char *key, const char *path, int code, kata_error **err);
/* Absolute, without ".." and control characters; the container's side and sources of binds. */
bool kata_plan__path_is_clean (const char *path);
/* No control character. */
bool kata_plan__is_printable (const char *text);

/* What the JSON of both kinds of plans has. */
struct kata_json_writer;
void kata_plan__write_storages (struct kata_json_writer *w, const struct kata_storage *storages, size_t n);
/* Moves the texts of @warnings to a list in @arena; NULL for none. */
char **kata_plan__take_warnings (kata_arena *arena, const GPtrArray *warnings);

#endif
