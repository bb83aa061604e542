/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* blk-request: one request of the guest's to its disk, from the chain to the operations that it takes; knows neither queue nor engine. */
#include "vmm/virtio/blk-request.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define UNMAP     1u
#define TRIES_MAX 16 /* of operations that the host said to try again */

struct header {
  uint32_t type, reserved;
  uint64_t sector;
};

/* virtio 1.2, 5.2.6: struct virtio_blk_discard_write_zeroes; one a request (max_discard_seg). */
struct range {
  uint64_t sector;
  uint32_t sectors, flags;
};

/* Does [sector, sector + len / 512) lie on the disk? Nothing else is ever touched. */
static bool
request_within (const struct vmm_blk_rules *rules, uint64_t sector, uint64_t len)
{
  return sector <= rules->sectors && len / VMM_BLK_SECTOR <= rules->sectors - sector;
}

static enum vmm_blk_verdict
request_parse_data (struct vmm_blk_request *request, const struct vmm_chain *chain, uint64_t sector,
                    const struct vmm_blk_rules *rules)
{
  bool in = request->type == VMM_BLK_T_IN;
  uint32_t len = in ? chain->write_len - 1 : chain->read_len - VMM_BLK_HEADER;

  if (!in && rules->readonly)
    return VMM_BLK_IOERR;
  if (len % VMM_BLK_SECTOR != 0 || !request_within (rules, sector, len))
    return VMM_BLK_IOERR;
  if (len == 0)
    return VMM_BLK_OK;
  size_t n = vmm_chain__pieces (chain, in, in ? 0 : VMM_BLK_HEADER, len, request->iov, VMM_BLK_SEGMENTS_MAX);
  if (n == 0)
    return VMM_BLK_IOERR; /* more pieces than seg_max */
  request->length = in ? len : 0;
  request->cost = len;
  request->io.op = in ? VMM_DISK_READ : VMM_DISK_WRITE;
  request->io.durable = !in && !rules->flush; /* 5.2.6.2: without FLUSH what was written is stable */
  request->io.offset = sector * VMM_BLK_SECTOR;
  request->io.len = len;
  request->io.iov = request->iov;
  request->io.n_iov = (unsigned) n;
  return VMM_BLK_SUBMIT;
}

static enum vmm_blk_verdict
request_parse_flush (struct vmm_blk_request *request, const struct vmm_chain *chain, const struct vmm_blk_rules *rules)
{
  if (!rules->flush)
    return VMM_BLK_UNSUPP;
  if (chain->read_len != VMM_BLK_HEADER || chain->write_len != 1)
    return VMM_BLK_IOERR;
  if (rules->readonly)
    return VMM_BLK_OK;
  request->io.op = VMM_DISK_FLUSH;
  return VMM_BLK_SUBMIT;
}

static enum vmm_blk_verdict
request_parse_id (struct vmm_blk_request *request, const struct vmm_chain *chain, const struct vmm_blk_rules *rules)
{
  if (chain->write_len - 1 < VMM_BLK_ID)
    return VMM_BLK_IOERR;
  vmm_chain__write (chain, 0, rules->id, VMM_BLK_ID);
  request->length = VMM_BLK_ID;
  return VMM_BLK_OK;
}

/* How to make zeroes: a hole where one may be, else the file system's way; request__ended() knows what to do when it has none. */
static void
request_zero (struct vmm_blk_request *request, enum vmm_disk_op op)
{
  request->io.op = op;
  request->io.offset = request->zero_from;
  request->io.len = request->zero_len;
}

static enum vmm_blk_verdict
request_parse_range (struct vmm_blk_request *request, const struct vmm_chain *chain, const struct vmm_blk_rules *rules)
{
  bool zeroes = request->type == VMM_BLK_T_WRITE_ZEROES;
  struct range range;

  if (rules->readonly)
    return VMM_BLK_IOERR;
  if (zeroes ? !rules->write_zeroes : !rules->discard)
    return VMM_BLK_UNSUPP;
  if (chain->read_len != VMM_BLK_HEADER + sizeof range ||
      vmm_chain__read (chain, VMM_BLK_HEADER, &range, sizeof range) != sizeof range)
    return VMM_BLK_IOERR;
  uint64_t sector = le64toh (range.sector), len = (uint64_t) le32toh (range.sectors) * VMM_BLK_SECTOR;
  uint32_t flags = le32toh (range.flags);
  if ((flags & ~(zeroes ? UNMAP : 0u)) != 0)
    return VMM_BLK_UNSUPP;
  if (!request_within (rules, sector, len) ||
      len / VMM_BLK_SECTOR > (zeroes ? VMM_BLK_ZEROES_MAX : VMM_BLK_DISCARD_MAX))
    return VMM_BLK_IOERR;
  if (len == 0)
    return VMM_BLK_OK;
  request->zero_from = sector * VMM_BLK_SECTOR;
  request->zero_len = len;
  request->cost = zeroes ? len : 0;
  /* A device that discards need not read as zero afterwards. */
  request_zero (request, zeroes && (rules->device || (flags & UNMAP) == 0) ? VMM_DISK_ZERO : VMM_DISK_PUNCH);
  return VMM_BLK_SUBMIT;
}

enum vmm_blk_verdict
vmm_blk_request__parse (struct vmm_blk_request *request, const struct vmm_chain *chain,
                        const struct vmm_blk_rules *rules)
{
  struct iovec status;
  struct header header;

  if (chain->write_len == 0 || vmm_chain__pieces (chain, true, chain->write_len - 1, 1, &status, 1) != 1 ||
      vmm_chain__read (chain, 0, &header, sizeof header) != sizeof header)
    return VMM_BLK_MALFORMED;
  memset (&request->io, 0, sizeof request->io);
  request->head = chain->head;
  request->status = status.iov_base;
  request->type = le32toh (header.type);
  request->length = 0;
  request->cost = 0;
  request->tries = 0;

  switch (request->type) {
  case VMM_BLK_T_IN:
  case VMM_BLK_T_OUT:
    return request_parse_data (request, chain, le64toh (header.sector), rules);
  case VMM_BLK_T_FLUSH:
    return request_parse_flush (request, chain, rules);
  case VMM_BLK_T_GET_ID:
    return request_parse_id (request, chain, rules);
  case VMM_BLK_T_DISCARD:
  case VMM_BLK_T_WRITE_ZEROES:
    return request_parse_range (request, chain, rules);
  default:
    return VMM_BLK_UNSUPP;
  }
}

/* A transfer ended short: what is left, from where it stopped. */
static void
request_advance (struct vmm_disk_io *io, uint64_t done)
{
  io->offset += done;
  io->len -= done;
  while (done > 0 && done >= io->iov->iov_len) {
    done -= io->iov->iov_len;
    io->iov++;
    io->n_iov--;
  }
  if (done > 0) {
    io->iov->iov_base = (uint8_t *) io->iov->iov_base + done;
    io->iov->iov_len -= done;
  }
}

/* The last way to make zeroes: write them. */
static enum vmm_blk_verdict
request_write_zeroes (struct vmm_blk_request *request, const struct vmm_blk_rules *rules)
{
  uint64_t left = request->zero_len;
  unsigned n = 0;

  for (; left > 0; n++) {
    size_t len = left < VMM_BLK_ZEROES_PIECE ? (size_t) left : VMM_BLK_ZEROES_PIECE;
    request->iov[n] = (struct iovec){ .iov_base = (void *) (uintptr_t) rules->zeroes, .iov_len = len };
    left -= len;
  }
  request_zero (request, VMM_DISK_WRITE);
  request->io.durable = !rules->flush;
  request->io.iov = request->iov;
  request->io.n_iov = n;
  return VMM_BLK_SUBMIT;
}

static enum vmm_blk_verdict
request_range_ended (struct vmm_blk_request *request, const struct vmm_blk_rules *rules)
{
  int64_t result = request->io.result;
  bool cannot = result == -EOPNOTSUPP || result == -EINVAL || result == -ENOSYS || result == -ENOTTY;

  if (result >= 0) {
    if (rules->flush || request->type == VMM_BLK_T_DISCARD)
      return VMM_BLK_OK;
    request->io.op = VMM_DISK_FLUSH; /* stable, as a write would be */
    return VMM_BLK_SUBMIT;
  }
  if (!cannot)
    return VMM_BLK_IOERR;
  if (request->type == VMM_BLK_T_DISCARD)
    return VMM_BLK_OK; /* a hint that the host cannot take */
  if (request->io.op == VMM_DISK_PUNCH) {
    request_zero (request, VMM_DISK_ZERO);
    return VMM_BLK_SUBMIT;
  }
  return request_write_zeroes (request, rules);
}

enum vmm_blk_verdict
vmm_blk_request__ended (struct vmm_blk_request *request, const struct vmm_blk_rules *rules)
{
  struct vmm_disk_io *io = &request->io;

  if ((io->result == -EINTR || io->result == -EAGAIN) && request->tries++ < TRIES_MAX)
    return VMM_BLK_SUBMIT;
  switch (io->op) {
  case VMM_DISK_READ:
  case VMM_DISK_WRITE:
    /* 0 is the end of a file that was cut off under us. */
    if (io->result <= 0 || (uint64_t) io->result > io->len)
      return VMM_BLK_IOERR;
    if ((uint64_t) io->result == io->len)
      return VMM_BLK_OK;
    request_advance (io, (uint64_t) io->result);
    return VMM_BLK_SUBMIT;
  case VMM_DISK_FLUSH:
    return io->result == 0 ? VMM_BLK_OK : VMM_BLK_IOERR;
  case VMM_DISK_PUNCH:
  case VMM_DISK_ZERO:
    return request_range_ended (request, rules);
  }
  return VMM_BLK_IOERR;
}

uint32_t
vmm_blk_request__answer (struct vmm_blk_request *request, enum vmm_blk_verdict verdict)
{
  *request->status = verdict == VMM_BLK_OK       ? VMM_BLK_S_OK
                     : verdict == VMM_BLK_UNSUPP ? VMM_BLK_S_UNSUPP
                                                 : VMM_BLK_S_IOERR;
  return verdict == VMM_BLK_OK ? request->length + 1 : 1;
}
