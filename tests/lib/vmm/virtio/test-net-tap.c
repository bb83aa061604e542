/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network card over a true tap, in a network namespace of its own; as root. Frames are test-net.c's, with packet sockets. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net-guest.h"

#define TYPE 0x88b5 /* for experiments */

static struct card card;

static int
make_tap (int flags)
{
  struct ifreq request = { .ifr_name = "t0", .ifr_flags = (short) flags };
  int fd = open ("/dev/net/tun", O_RDWR | O_CLOEXEC);
  int control = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  ck_assert_msg (ioctl (fd, TUNSETIFF, &request) == 0, "tap: %s", strerror (errno));
  request.ifr_flags = IFF_UP;
  ck_assert_int_eq (ioctl (control, SIOCSIFFLAGS, &request), 0);
  close (control);
  return fd;
}

static int
make_device (const int *fds, unsigned pairs, kata_error **err)
{
  struct vmm_net_config config = { .pairs = pairs, .mac = { 2, 0, 0, 0, 0, 7 } };
  int code;

  for (unsigned i = 0; i < pairs; i++)
    config.tap_fds[i] = fds[i];
  memset (&card, 0, sizeof card);
  driver_open (&card.driver, VMM_RAM_MIN);
  code = driver_device (&card.driver, &vmm_virtio_net_ops, &config, err);
  if (code < 0) {
    driver_close (&card.driver);
    return code;
  }
  card.net = card.driver.device->self;
  card.wires[0] = socket (AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons (TYPE));
  struct sockaddr_ll address = { .sll_family = AF_PACKET,
                                 .sll_protocol = htons (TYPE),
                                 .sll_ifindex = (int) if_nametoindex ("t0") };
  ck_assert_int_eq (bind (card.wires[0], (struct sockaddr *) &address, sizeof address), 0);
  return 0;
}

static void
frame_to (uint8_t *frame, size_t len)
{
  memset (frame, 0x5a, len);
  memset (frame, 0xff, 6);
  memset (frame + 6, 2, 6);
  frame[12] = TYPE >> 8;
  frame[13] = TYPE & 0xff;
}

static void
sends (size_t len, const uint8_t *header)
{
  static uint8_t frame[70000], got[70000];
  struct driver_buffer buffer = { .addr = card.tx, .len = (uint32_t) (VMM_NET_HEADER + len) };

  frame_to (frame, len);
  driver_set (&card.driver, card.tx, header, VMM_NET_HEADER);
  driver_set (&card.driver, card.tx + VMM_NET_HEADER, frame, len);
  driver_request (&card.driver, 1, &buffer, 1);
  ck_assert_int_eq (recv (card.wires[0], got, sizeof got, 0), (ssize_t) len);
  ck_assert_mem_eq (got, frame, len);
}

/* The host says things of its own on a fresh link: those are passed over. */
static void
receives (size_t len)
{
  static uint8_t frame[2000], got[2000 + VMM_NET_HEADER];
  uint16_t head;
  uint32_t n = 0;

  frame_to (frame, len);
  ck_assert_int_eq (send (card.wires[0], frame, len, 0), (ssize_t) len);
  for (;;) {
    card_run (&card);
    ck_assert_msg (driver_used (&card.driver, 0, &head, &n), "no frame");
    driver_get (&card.driver, card.rx_of[head], got, n);
    if (got[VMM_NET_HEADER + 12] == TYPE >> 8 && got[VMM_NET_HEADER + 13] == (TYPE & 0xff))
      break;
  }
  ck_assert_uint_eq (n, VMM_NET_HEADER + len);
  ck_assert_uint_eq (got[10], 1);
  ck_assert_mem_eq (got + VMM_NET_HEADER, frame, len);
}

static void
delete_link (void)
{
  struct {
    struct nlmsghdr header;
    struct ifinfomsg info;
  } request = { .header = { .nlmsg_len = sizeof request, .nlmsg_type = RTM_DELLINK, .nlmsg_flags = NLM_F_REQUEST },
                .info = { .ifi_index = (int) if_nametoindex ("t0") } };
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

  ck_assert_int_eq (send (fd, &request, sizeof request, 0), sizeof request);
  close (fd);
  for (int i = 0; i < 100 && if_nametoindex ("t0") != 0; i++)
    usleep (10000);
}

START_TEST (carries_frames)
{
  static const uint8_t plain[VMM_NET_HEADER], checksum[VMM_NET_HEADER] = { 1, 0, 0, 0, 0, 0, 14, 0, 2, 0 };
  int fd = make_tap (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
  kata_error *error = NULL;

  ck_assert_msg (make_device (&fd, 1, &error) == 0, "%s", error ? kata_error_get_message (error) : "");
  close (fd);
  card_begin (&card, CARD_FEATURES, 64, 2048);
  sends (60, plain);
  sends (1514, plain);
  receives (60);
  receives (1514);
  /* A checksum to fill in is passed on with the frame, and filled in where it leaves the host's memory: here it is only taken. */
  struct driver_buffer buffer = { .addr = card.tx, .len = VMM_NET_HEADER + 100 };
  driver_set (&card.driver, card.tx, checksum, sizeof checksum);
  driver_request (&card.driver, 1, &buffer, 1);
  sends (60, plain);
  card_close (&card);
}
END_TEST

START_TEST (survives_the_taps_end)
{
  static const uint8_t plain[VMM_NET_HEADER];
  int fd = make_tap (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
  struct driver_buffer buffer;
  uint64_t status = 1;

  ck_assert_int_eq (make_device (&fd, 1, NULL), 0);
  card_begin (&card, CARD_FEATURES, 64, 2048);
  sends (60, plain);
  delete_link ();
  card_run (&card);
  buffer = (struct driver_buffer){ .addr = card.tx, .len = VMM_NET_HEADER + 60 };
  driver_request (&card.driver, 1, &buffer, 1);
  card_run (&card); /* would not return if it span */
  vmm_virtio__config (card.driver.device, 6, 1, &status, false);
  ck_assert_uint_eq (status, 0);
  ck_assert (!driver_needs_reset (&card.driver));
  card_close (&card);
  close (fd);
}
END_TEST

START_TEST (wants_the_right_kind)
{
  /* Packet information cannot be told: TUNGETIFF answers IFF_NOFILTER in the same bit. */
  static const int flags[] = { IFF_TAP | IFF_NO_PI, IFF_TUN | IFF_NO_PI | IFF_VNET_HDR,
                               IFF_TAP | IFF_NO_PI | IFF_VNET_HDR /* and two queues wanted */ };
  int fd = make_tap (flags[_i]), fds[2] = { fd, fd };
  kata_error *error = NULL;

  ck_assert_int_eq (make_device (fds, _i == 2 ? 2 : 1, &error), KATA_E_INVALID);
  ck_assert_ptr_nonnull (strstr (kata_error_get_message (error), "t0"));
  kata_error_unrefp (&error);
  close (fd);
}
END_TEST

int
main (void)
{
  if (geteuid () != 0 || access ("/dev/net/tun", R_OK | W_OK) < 0 || unshare (CLONE_NEWNET) < 0) {
    printf ("SKIP: needs root, /dev/net/tun and network namespaces\n");
    return 77;
  }
  Suite *s = suite_create ("vmm/virtio/net-tap");
  TCase *c = tcase_create ("tap");
  tcase_set_timeout (c, 30);
  tcase_add_test (c, carries_frames);
  tcase_add_test (c, survives_the_taps_end);
  tcase_add_loop_test (c, wants_the_right_kind, 0, 3);
  suite_add_tcase (s, c);
  SRunner *runner = srunner_create (s);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
