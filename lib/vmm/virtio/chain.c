/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chain: bytes of one request, to and from its pieces; the queue made it and checked that they are RAM. */
#include <string.h>

#include "vmm/virtio/queue.h"

static size_t
minimum (size_t a, size_t b)
{
  return a < b ? a : b;
}

size_t
vmm_chain__pieces (const struct vmm_chain *chain, bool writable, size_t offset, size_t len, struct iovec *out,
                   size_t max)
{
  const struct iovec *iov = chain->iov + (writable ? chain->n_read : 0);
  size_t count = writable ? chain->n_write : chain->n_read, n = 0;
  size_t total = writable ? chain->write_len : chain->read_len;
  if (offset > total || len > total - offset)
    return 0;
  for (size_t i = 0; i < count && len > 0; i++) {
    if (offset >= iov[i].iov_len) {
      offset -= iov[i].iov_len;
      continue;
    }
    if (n == max)
      return 0;
    size_t part = minimum (len, iov[i].iov_len - offset);
    out[n].iov_base = (uint8_t *) iov[i].iov_base + offset;
    out[n++].iov_len = part;
    len -= part;
    offset = 0;
  }
  return n;
}

size_t
vmm_chain__read (const struct vmm_chain *chain, size_t offset, void *to, size_t len)
{
  size_t done = 0;
  for (size_t i = 0; i < chain->n_read && done < len; i++) {
    const struct iovec *iov = &chain->iov[i];
    if (offset >= iov->iov_len) {
      offset -= iov->iov_len;
      continue;
    }
    size_t part = minimum (len - done, iov->iov_len - offset);
    memcpy ((uint8_t *) to + done, (const uint8_t *) iov->iov_base + offset, part);
    done += part;
    offset = 0;
  }
  return done;
}

size_t
vmm_chain__write (const struct vmm_chain *chain, size_t offset, const void *from, size_t len)
{
  size_t done = 0;
  for (size_t i = 0; i < chain->n_write && done < len; i++) {
    const struct iovec *iov = &chain->iov[chain->n_read + i];
    if (offset >= iov->iov_len) {
      offset -= iov->iov_len;
      continue;
    }
    size_t part = minimum (len - done, iov->iov_len - offset);
    memcpy ((uint8_t *) iov->iov_base + offset, (const uint8_t *) from + done, part);
    done += part;
    offset = 0;
  }
  return done;
}
