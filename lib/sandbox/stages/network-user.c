/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* network-user: passt, which takes a guest's Ethernet frames over a socket and makes connections of the host's out of them, without any right. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "backend/external.h"
#include "base/fd.h"
#include "host/child.h"
#include "sandbox/stage.h"

#define PASST_FD  3
#define PASST_LOG "passt.log"
/* passt's own default: TCP over a socket is fastest in large pieces. */
#define MTU 65520u

static int
spawn (struct kata_operation *op, const char *program, int fd, kata_error **err)
{
  /* Nothing from outside reaches the guest, and by the gateway's address the guest does not reach the host's loopback. */
  static const char *const arguments[] = { "passt",
                                           "--foreground",
                                           "--quiet",
                                           "--fd",
                                           "3",
                                           "--ipv4-only",
                                           "--address",
                                           KATA_NETWORK_USER_ADDRESS,
                                           "--netmask",
                                           G_STRINGIFY (KATA_NETWORK_USER_PREFIX),
                                           "--gateway",
                                           KATA_NETWORK_USER_GATEWAY,
                                           "--dns-forward",
                                           KATA_NETWORK_USER_DNS,
                                           "--no-map-gw",
                                           "--tcp-ports",
                                           "none",
                                           "--udp-ports",
                                           "none",
                                           "--stderr",
                                           NULL };
  kata_backend_env env = kata_stage__env (op);
  struct kata_external_record record = { "passt", &env };
  const kata_child_fd fds[] = { { fd, PASST_FD } };
  kata_child_options options = KATA_CHILD_OPTIONS_INIT;
  kata_exit_status status;
  kata_auto_fd int log = -1;
  kata_child child;
  int r = kata_external__log_file (&log, op->sandbox->dirfd, op->sandbox->dir, PASST_LOG, &env, err);
  if (r != 0)
    return r;
  options.program = program;
  options.argv = arguments;
  options.stdout_fd = options.stderr_fd = log;
  options.fds = fds;
  options.n_fds = G_N_ELEMENTS (fds);
  options.record = kata_external__record_process;
  options.record_data = &record;
  r = kata_child__spawn (&child, &options, err);
  if (r != 0)
    return r;
  /* Wrong surroundings show within milliseconds; it ends by itself when the machine does. */
  if (kata_pidfd__wait (child.pidfd, kata_deadline__within (op->deadline_us, 100), NULL) == 0) {
    kata_pidfd__reap (child.pidfd, &status);
    g_autofree char *how = kata_exit_status__text (&status);
    g_autofree char *said = kata_external__tail (op->sandbox->dirfd, PASST_LOG, 512);
    r = kata_error__set (err, KATA_E_HOST, "network", "network: passt ended at once: %s: %s", how, said);
  }
  kata_fd__close (child.pidfd);
  return r;
}

/* Locally administered, of one guest. */
static const char *
random_mac (kata_arena *arena)
{
  uint8_t b[5] = { 0 };
  (void) !getrandom (b, sizeof b, 0);
  return kata_arena__printf (arena, "02:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4]);
}

/* What a namespace's scan would have found. */
static void
describe (struct kata_operation *op)
{
  kata_arena *arena = op->state->arena;
  struct kata_net *net = &op->state->network;
  struct kata_net_interface *interface = kata_arena__new0 (arena, struct kata_net_interface, 1);
  struct kata_net_address *address = kata_arena__new0 (arena, struct kata_net_address, 1);
  struct kata_net_route *route = kata_arena__new0 (arena, struct kata_net_route, 1);
  *address = (struct kata_net_address){ .address = KATA_NETWORK_USER_ADDRESS, .prefix = KATA_NETWORK_USER_PREFIX };
  *interface = (struct kata_net_interface){
    .name = "eth0", .kind = "passt", .mac = random_mac (arena), .mtu = MTU, .addresses = address, .n_addresses = 1
  };
  *route = (struct kata_net_route){ .dest = "", .gateway = KATA_NETWORK_USER_GATEWAY, .device = "eth0", .source = "" };
  *net = (struct kata_net){ .interfaces = interface, .n_interfaces = 1, .routes = route, .n_routes = 1 };
}

int
kata_stage__user_network (struct kata_operation *op, kata_error **err)
{
  static const char *const names[] = { "passt", NULL };
  g_autofree char *program = NULL;
  int pair[2];
  int r = kata_external__find (&program, NULL, "network", names, "install the package passt", err);
  if (r != 0)
    return r;
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return kata_error__errno (err, KATA_E_IO, "network", errno, "network: make a socket pair");
  kata_auto_fd int ours = pair[0], theirs = pair[1];
  r = spawn (op, program, theirs, err);
  if (r != 0)
    return r;
  describe (op);
  const struct kata_net_interface *interface = &op->state->network.interfaces[0];
  const kata_vm_nic nic = { .size = sizeof nic,
                            .kind = KATA_NIC_STREAM,
                            .name = interface->name,
                            .device = "",
                            .mac = interface->mac,
                            .mtu = MTU,
                            .queues = 1 };
  kata_stage__add_nic (op, &nic);
  kata_operation__add_nic_fd (op, false, kata_fd__steal (&ours));
  return kata_operation__fault (op, "network:joined", err);
}
