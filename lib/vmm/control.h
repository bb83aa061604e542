/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* control: what is said to kata-vmm over sockets, before a machine runs and while it does, and how it says that it ended. */
#ifndef KATA_VMM_CONTROL_H
#define KATA_VMM_CONTROL_H

#include <sys/types.h>

#include "vmm/loop.h"
#include "vmm/machine.h"

/*
 * All on the wire is little-endian and of fixed size, the size first; one message is one packet of a SOCK_SEQPACKET unix socket.
 *
 * Start socket (VMM_DESCRIBE_START_FD, a socket pair): creator -> kata-vmm: the description's text (describe.h), one packet; kata-vmm -> creator:
 * one vmm_start_reply, when the machine is built and jailed, or why it is not. Then both close it.
 *
 * Control socket (listening, in the description): any number of requests, each answered by one reply, in order.
 */
#define VMM_CONTROL_VERSION 1

struct vmm_start_reply {
  uint32_t size, version;
  int32_t code;            /* 0, or an enum kata_error_code */
  char key[64], text[448]; /* NUL-terminated */
};

enum vmm_control_op {
  VMM_CONTROL_STATUS = 1,
  VMM_CONTROL_PAUSE, /* answered once no vCPU runs */
  VMM_CONTROL_RESUME,
  VMM_CONTROL_POWER, /* the button: the guest is asked to shut down */
  VMM_CONTROL_STOP,  /* at once */
  VMM_CONTROL_STATS,
  VMM_CONTROL_BALLOON, /* arg = pages of 4 KiB */
  VMM_CONTROL_WATCH,   /* the connection stays open, silent, until the machine ends */
};

struct vmm_control_request {
  uint32_t size, op;
  uint64_t arg;
};

enum vmm_control_state { VMM_CONTROL_RUNNING = 1, VMM_CONTROL_PAUSED };

struct vmm_control_reply {
  uint32_t size;
  int32_t code; /* 0, or an enum kata_error_code with text */
  uint32_t state, version;
  uint64_t exits, exits_mmio, exits_pio; /* STATS: struct vmm_stats */
  int64_t first_run_ns;
  uint64_t balloon_pages;
  char text[128];
};

/** Connections at once; further ones wait in the backlog. */
#define VMM_CONTROL_CLIENTS_MAX 32
/** Of these, how many may only watch. */
#define VMM_CONTROL_WATCHERS_MAX 24
/** A client that says nothing for so long is sent away. */
#define VMM_CONTROL_IDLE_MS 5000

/* ---- in kata-vmm ---- */

/** What requests do; all with the device lock held. */
struct vmm_control_ops {
  int (*pause) (void *ctx, kata_error **err);
  int (*resume) (void *ctx, kata_error **err);
  void (*press_power) (void *ctx);
  void (*stop) (void *ctx);
  int (*balloon) (void *ctx, uint64_t pages, kata_error **err);
  void (*stats) (void *ctx, struct vmm_stats *out);
};

/** With a struct vmm_machine as their ctx. */
extern const struct vmm_control_ops vmm_control_machine_ops;

struct vmm_control_config {
  struct vmm_loop *loop;
  int listen_fd; /* the caller's, open as long as the server; made non-blocking */
  uid_t uid;     /* whose connections are answered, as SO_PEERCRED shows it here; others are closed */
  bool root_too; /* uid 0 as well: outside a user namespace of our own */
  const struct vmm_control_ops *ops;
  void *ctx;
};

struct vmm_control;
/** Device lock held, as for vmm_control__free(). */
int vmm_control__serve (struct vmm_control **out, const struct vmm_control_config *config, kata_error **err);
void vmm_control__free (struct vmm_control *control); /* NULL-safe */

/** Reads the description's text from the start socket into @text (VMM_DESCRIBE_MAX + 1 bytes) and its length. KATA_E_CANCELLED: the creator is gone. */
int vmm_start__receive (int fd, char *text, size_t *len, kata_error **err);
/** @error NULL = ready. A creator that is gone is no failure: the machine goes on. */
void vmm_start__answer (int fd, const kata_error *error);

/* ---- on the host's side; deadlines are µs of CLOCK_MONOTONIC, INT64_MAX = none ---- */

/** Sends a description. */
int vmm_start__send (int fd, const char *text, kata_error **err);
/** 0 when the machine is ready; kata-vmm's own error otherwise; KATA_E_VMM when it died without a word, KATA_E_TIMEOUT. */
int vmm_start__wait (int fd, int64_t deadline_us, kata_error **err);

/** Connects to the control socket @name below @dir_fd (AT_FDCWD: a path of at most 107 bytes). KATA_E_VMM when nobody listens any more. */
int vmm_control__connect (int *out, int dir_fd, const char *name, int64_t deadline_us, kata_error **err);
/** One request and its reply; @reply is nullable. The VMM's own error on failure, KATA_E_VMM when it ended meanwhile, KATA_E_TIMEOUT. */
int vmm_control__call (int fd, struct vmm_control_reply *reply, enum vmm_control_op op, uint64_t arg,
                       int64_t deadline_us, kata_error **err);

/* ---- how it ended ---- */

/** Exit status of kata-vmm. Others (and signals) are a crash; SIGSYS is seccomp's. */
enum vmm_end {
  VMM_END_POWEROFF = 0,
  VMM_END_RESET = 64,
  VMM_END_TRIPLE_FAULT,
  VMM_END_STOPPED,
  VMM_END_KVM,
  VMM_END_CONFINE, /* a thread could not confine itself; no guest code has run on it */
  VMM_END_START,   /* it never ran: the start socket said why */
  VMM_END_LOST,    /* the creator went away before it sent a description */
  VMM_END_SERVER,  /* virtiofsd is gone */
};

enum vmm_end vmm_end__of (enum vmm_exit_reason reason);
/** "poweroff", "reset", "triple-fault", …; NULL for a status that is none of ours. */
const char *vmm_end__name (int status);

/** The last line on the log descriptor: "kata-vmm ended: <name>: <text>\n". Returns its length. */
#define VMM_END_LINE_MAX 320
size_t vmm_end__line (char line[VMM_END_LINE_MAX], enum vmm_end end, const char *text);
/** Finds the last such line in a log's tail; false when there is none. For a re-attached machine, whose exit status is not ours to wait for. */
bool vmm_end__find (const char *log, size_t len, enum vmm_end *end, char text[VMM_END_LINE_MAX]);

#endif
