/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-net-flow: what makes frames one flow, and how long a flow keeps its queue. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/virtio/net-flow.h"

#define MS INT64_C (1000000)

struct frame {
  uint8_t bytes[VMM_NET_FLOW_HEADERS];
  size_t len;
};

static void
put (struct frame *frame, const void *bytes, size_t len)
{
  memcpy (frame->bytes + frame->len, bytes, len);
  frame->len += len;
}

static struct frame
ipv4 (int tags, uint16_t fragment, uint8_t proto, uint16_t port)
{
  struct frame frame = { { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 }, 12 };
  const uint8_t packet[20] = {
    0x45, 0, 0, 60, 1, 2, (uint8_t) (fragment >> 8), (uint8_t) fragment, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
  };
  const uint8_t ports[4] = { (uint8_t) (port >> 8), (uint8_t) port, 0, 80 };
  for (int i = 0; i < tags; i++)
    put (&frame, "\x81\x00\x00\x05", 4);
  put (&frame, "\x08\x00", 2);
  put (&frame, packet, sizeof packet);
  put (&frame, ports, sizeof ports);
  return frame;
}

static struct frame
ipv6 (uint8_t next, uint16_t port)
{
  struct frame frame = { { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd }, 14 };
  uint8_t packet[44] = { 0x60, 0, 0, 0, 0, 20, next, 64, 0xfd };
  packet[40] = (uint8_t) (port >> 8);
  packet[41] = (uint8_t) port;
  put (&frame, packet, sizeof packet);
  return frame;
}

static uint32_t
hash_of (struct frame frame)
{
  uint32_t hash = 0;
  ck_assert (vmm_net_flow__hash (&hash, frame.bytes, frame.len));
  return hash;
}

START_TEST (connections_are_told_apart)
{
  ck_assert_uint_eq (hash_of (ipv4 (0, 0, 6, 1000)), hash_of (ipv4 (0, 0, 6, 1000)));
  ck_assert_uint_ne (hash_of (ipv4 (0, 0, 6, 1000)), hash_of (ipv4 (0, 0, 6, 1001)));
  ck_assert_uint_ne (hash_of (ipv4 (0, 0, 6, 1000)), hash_of (ipv4 (0, 0, 17, 1000)));
  ck_assert_uint_eq (hash_of (ipv4 (0, 0x4000, 6, 1000)), hash_of (ipv4 (0, 0, 6, 1000)));
  ck_assert_uint_eq (hash_of (ipv4 (2, 0, 6, 1000)), hash_of (ipv4 (0, 0, 6, 1000)));
  ck_assert_uint_ne (hash_of (ipv6 (6, 1000)), hash_of (ipv6 (6, 1001)));
}
END_TEST

START_TEST (what_has_no_ports_goes_by_addresses)
{
  ck_assert_uint_eq (hash_of (ipv4 (0, 0x2000, 6, 1000)), hash_of (ipv4 (0, 0x0010, 6, 1001)));
  ck_assert_uint_eq (hash_of (ipv4 (0, 0, 1, 1000)), hash_of (ipv4 (0, 0, 1, 1001)));
  ck_assert_uint_eq (hash_of (ipv6 (44, 1000)), hash_of (ipv6 (44, 1001)));
}
END_TEST

/* Every length of every frame: no read behind the end (the sanitizers look), and no flow below the addresses. */
START_TEST (short_frames_are_none)
{
  const struct frame frames[] = { ipv4 (0, 0, 6, 1000), ipv4 (2, 0, 6, 1000), ipv6 (6, 1000) };
  const size_t least[] = { 34, 42, 54 };
  for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++)
    for (size_t len = 0; len <= frames[i].len; len++) {
      uint8_t *copy = malloc (len ? len : 1);
      uint32_t hash;
      memcpy (copy, frames[i].bytes, len);
      ck_assert_int_eq (vmm_net_flow__hash (&hash, copy, len), len >= least[i]);
      free (copy);
    }
  struct frame other = ipv4 (3, 0, 6, 1000);
  uint32_t hash;
  ck_assert (!vmm_net_flow__hash (&hash, other.bytes, other.len)); /* one tag too many */
  other = ipv4 (0, 0, 6, 1000);
  other.bytes[14] = 0x44; /* a header shorter than the least */
  ck_assert (!vmm_net_flow__hash (&hash, other.bytes, other.len));
  other.bytes[13] = 6; /* ARP */
  ck_assert (!vmm_net_flow__hash (&hash, other.bytes, other.len));
}
END_TEST

START_TEST (a_busy_flow_stays)
{
  static struct vmm_net_flows flows;
  int64_t now = 1;
  ck_assert_uint_eq (vmm_net_flow__pair (&flows, 7, 1, 2, now), 1);
  for (int i = 0; i < 50; i++) {
    now += 2999 * MS;
    ck_assert_uint_eq (vmm_net_flow__pair (&flows, 7, 0, 2, now), 1);
  }
  ck_assert_uint_eq (vmm_net_flow__pair (&flows, 8, 0, 2, now), 0);
  now += 3000 * MS;
  ck_assert_uint_eq (vmm_net_flow__pair (&flows, 7, 0, 2, now), 0);
}
END_TEST

START_TEST (a_pair_that_is_not_used_any_more_is_left)
{
  static struct vmm_net_flows flows;
  ck_assert_uint_eq (vmm_net_flow__pair (&flows, 7, 3, 4, 1), 3);
  ck_assert_uint_eq (vmm_net_flow__pair (&flows, 7, 1, 2, 2), 1);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("vmm/virtio/net-flow");
  TCase *tcase = tcase_create ("net-flow");
  tcase_add_test (tcase, connections_are_told_apart);
  tcase_add_test (tcase, what_has_no_ports_goes_by_addresses);
  tcase_add_test (tcase, short_frames_are_none);
  tcase_add_test (tcase, a_busy_flow_stays);
  tcase_add_test (tcase, a_pair_that_is_not_used_any_more_is_left);
  suite_add_tcase (suite, tcase);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
