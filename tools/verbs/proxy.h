/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* proxy: what the proxy process and the keeper say to each other over their socket pair; packets, no negotiation. */
#ifndef KATACTL_VERBS_PROXY_H
#define KATACTL_VERBS_PROXY_H

#include <stdint.h>

/* Proxy to keeper. */
#define PROXY_SIGNAL 'S' /* value = number */
#define PROXY_RESIZE 'W' /* rows, columns */
/* Keeper to proxy. */
#define PROXY_EXIT 'X' /* value = exit status, 0–255 */

/* A missing answer (the keeper is gone) ends the proxy like a process that was killed. */
#define PROXY_LOST 137

/* One packet, both ways; host byte order, the two ends are the same machine. */
struct proxy_packet {
  uint8_t type, value;
  uint16_t rows, columns;
};

/* argv[1] is the path of the root directory. Descriptors in the proxy, by number; one that is not needed is /dev/null. */
#define PROXY_CONTROL_FD 3 /* the socket pair */
#define PROXY_SETUP_FD   4 /* to its creator: 'U' = "write my user map", answer 'u'; 'R' = ready; closed then */
#define PROXY_ROOTFS_FD  5 /* the container's root directory */
#define PROXY_TTY_FD     6 /* the terminal's inner end */

#endif
