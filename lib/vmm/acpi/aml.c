/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aml: the encoder of terms and names; resource descriptors are in resource.c. */
#include "vmm/acpi/aml.h"

#include <string.h>

#define OP_NAME     0x08
#define OP_STRING   0x0d
#define OP_SCOPE    0x10
#define OP_BUFFER   0x11
#define OP_PACKAGE  0x12
#define OP_METHOD   0x14
#define OP_IF       0xa0
#define OP_ELSE     0xa1
#define OP_EXTENDED 0x5b /* and then one of: */
#define OP_REGION   0x80
#define OP_FIELD    0x81
#define OP_DEVICE   0x82

#define PREFIX_BYTE       0x0a
#define PREFIX_WORD       0x0b
#define PREFIX_DWORD      0x0c
#define PREFIX_QWORD      0x0e
#define PREFIX_DUAL_NAME  0x2e
#define PREFIX_MULTI_NAME 0x2f

#define METHOD_SERIALIZED 0x08
#define REGION_MEMORY     0x00
#define FIELD_BYTE_ACCESS 0x01
#define FIELD_ZEROS       0x40 /* bits around a field are written as zeros: no read before a write */

void
vmm_aml__bytes (struct vmm_aml *aml, const void *bytes, size_t len)
{
  if (aml->full || len > aml->max - aml->len) {
    aml->full = true;
    return;
  }
  memcpy (aml->data + aml->len, bytes, len);
  aml->len += len;
}

void
vmm_aml__u8 (struct vmm_aml *aml, uint8_t value)
{
  vmm_aml__bytes (aml, &value, 1);
}

void
vmm_aml__u16 (struct vmm_aml *aml, uint16_t value)
{
  vmm_aml__u8 (aml, (uint8_t) value);
  vmm_aml__u8 (aml, (uint8_t) (value >> 8));
}

void
vmm_aml__u32 (struct vmm_aml *aml, uint32_t value)
{
  vmm_aml__u16 (aml, (uint16_t) value);
  vmm_aml__u16 (aml, (uint16_t) (value >> 16));
}

void
vmm_aml__u64 (struct vmm_aml *aml, uint64_t value)
{
  vmm_aml__u32 (aml, (uint32_t) value);
  vmm_aml__u32 (aml, (uint32_t) (value >> 32));
}

/* Bytes put in at @at, what stands there moves up. */
static void
insert (struct vmm_aml *aml, size_t at, const uint8_t *bytes, size_t len)
{
  if (aml->full || len > aml->max - aml->len) {
    aml->full = true;
    return;
  }
  memmove (aml->data + at + len, aml->data + at, aml->len - at);
  memcpy (aml->data + at, bytes, len);
  aml->len += len;
}

void
vmm_aml__path (struct vmm_aml *aml, const char *path)
{
  uint8_t segments = 1;

  if (*path == '\\') {
    vmm_aml__u8 (aml, '\\');
    path++;
  }
  for (const char *p = path; *p != '\0'; p++)
    segments = (uint8_t) (segments + (*p == '.'));
  if (segments == 2)
    vmm_aml__u8 (aml, PREFIX_DUAL_NAME);
  else if (segments > 2) {
    vmm_aml__u8 (aml, PREFIX_MULTI_NAME);
    vmm_aml__u8 (aml, segments);
  }
  for (; segments > 0; segments--) {
    char segment[4] = { '_', '_', '_', '_' };
    for (size_t i = 0; *path != '\0' && *path != '.'; path++)
      if (i < sizeof segment)
        segment[i++] = *path;
    vmm_aml__bytes (aml, segment, sizeof segment);
    path += *path == '.';
  }
}

void
vmm_aml__integer (struct vmm_aml *aml, uint64_t value)
{
  if (value <= 1)
    vmm_aml__u8 (aml, value == 0 ? VMM_AML_ZERO : VMM_AML_ONE);
  else if (value <= UINT8_MAX) {
    vmm_aml__u8 (aml, PREFIX_BYTE);
    vmm_aml__u8 (aml, (uint8_t) value);
  } else if (value <= UINT16_MAX) {
    vmm_aml__u8 (aml, PREFIX_WORD);
    vmm_aml__u16 (aml, (uint16_t) value);
  } else if (value <= UINT32_MAX) {
    vmm_aml__u8 (aml, PREFIX_DWORD);
    vmm_aml__u32 (aml, (uint32_t) value);
  } else {
    vmm_aml__u8 (aml, PREFIX_QWORD);
    vmm_aml__u64 (aml, value);
  }
}

void
vmm_aml__string (struct vmm_aml *aml, const char *text)
{
  vmm_aml__u8 (aml, OP_STRING);
  vmm_aml__bytes (aml, text, strlen (text) + 1);
}

static uint32_t
hex_digit (char c)
{
  return c <= '9' ? (uint32_t) (c - '0') : (uint32_t) (c - 'A' + 10);
}

void
vmm_aml__eisa_id (struct vmm_aml *aml, const char *id)
{
  uint32_t letters =
      ((uint32_t) (id[0] - '@') & 31) << 10 | ((uint32_t) (id[1] - '@') & 31) << 5 | ((uint32_t) (id[2] - '@') & 31);

  vmm_aml__u8 (aml, PREFIX_DWORD);
  vmm_aml__u8 (aml, (uint8_t) (letters >> 8));
  vmm_aml__u8 (aml, (uint8_t) letters);
  vmm_aml__u8 (aml, (uint8_t) (hex_digit (id[3]) << 4 | hex_digit (id[4])));
  vmm_aml__u8 (aml, (uint8_t) (hex_digit (id[5]) << 4 | hex_digit (id[6])));
}

size_t
vmm_aml__scope (struct vmm_aml *aml, const char *path)
{
  vmm_aml__u8 (aml, OP_SCOPE);
  size_t mark = aml->len;
  vmm_aml__path (aml, path);
  return mark;
}

size_t
vmm_aml__device (struct vmm_aml *aml, const char *name)
{
  vmm_aml__u8 (aml, OP_EXTENDED);
  vmm_aml__u8 (aml, OP_DEVICE);
  size_t mark = aml->len;
  vmm_aml__path (aml, name);
  return mark;
}

size_t
vmm_aml__method (struct vmm_aml *aml, const char *name, unsigned args)
{
  vmm_aml__u8 (aml, OP_METHOD);
  size_t mark = aml->len;
  vmm_aml__path (aml, name);
  vmm_aml__u8 (aml, (uint8_t) ((args & 7) | METHOD_SERIALIZED));
  return mark;
}

size_t
vmm_aml__package (struct vmm_aml *aml, uint8_t elements)
{
  vmm_aml__u8 (aml, OP_PACKAGE);
  size_t mark = aml->len;
  vmm_aml__u8 (aml, elements);
  return mark;
}

size_t
vmm_aml__if (struct vmm_aml *aml)
{
  vmm_aml__u8 (aml, OP_IF);
  return aml->len;
}

size_t
vmm_aml__else (struct vmm_aml *aml)
{
  vmm_aml__u8 (aml, OP_ELSE);
  return aml->len;
}

size_t
vmm_aml__field (struct vmm_aml *aml, const char *region)
{
  vmm_aml__u8 (aml, OP_EXTENDED);
  vmm_aml__u8 (aml, OP_FIELD);
  size_t mark = aml->len;
  vmm_aml__path (aml, region);
  vmm_aml__u8 (aml, FIELD_BYTE_ACCESS | FIELD_ZEROS);
  return mark;
}

/* PkgLength (20.2.4): the length counts its own bytes too, so it may grow by what it takes to write it down. */
void
vmm_aml__close (struct vmm_aml *aml, size_t mark)
{
  uint8_t bytes[4];
  size_t body = aml->len - mark, n = 1;

  while (n < 4 && (n == 1 ? body + n > 63 : body + n >= (size_t) 1 << (8 * n - 4)))
    n++;
  size_t length = body + n;
  if (n == 1)
    bytes[0] = (uint8_t) length;
  else {
    bytes[0] = (uint8_t) ((n - 1) << 6 | (length & 15));
    for (size_t i = 1; i < n; i++)
      bytes[i] = (uint8_t) (length >> (8 * i - 4));
  }
  insert (aml, mark, bytes, n);
}

void
vmm_aml__field_unit (struct vmm_aml *aml, const char *name, unsigned bits)
{
  if (name == NULL)
    vmm_aml__u8 (aml, 0);
  else
    vmm_aml__path (aml, name);
  /* A PkgLength again, but one that counts bits and not itself; all of ours are below 64. */
  vmm_aml__u8 (aml, (uint8_t) (bits & 63));
}

void
vmm_aml__memory_region (struct vmm_aml *aml, const char *name, uint64_t base, uint64_t len)
{
  vmm_aml__u8 (aml, OP_EXTENDED);
  vmm_aml__u8 (aml, OP_REGION);
  vmm_aml__path (aml, name);
  vmm_aml__u8 (aml, REGION_MEMORY);
  vmm_aml__integer (aml, base);
  vmm_aml__integer (aml, len);
}

void
vmm_aml__buffer (struct vmm_aml *aml, const void *bytes, size_t len)
{
  vmm_aml__u8 (aml, OP_BUFFER);
  size_t mark = aml->len;
  vmm_aml__integer (aml, len);
  vmm_aml__bytes (aml, bytes, len);
  vmm_aml__close (aml, mark);
}

void
vmm_aml__name (struct vmm_aml *aml, const char *name)
{
  vmm_aml__u8 (aml, OP_NAME);
  vmm_aml__path (aml, name);
}

void
vmm_aml__name_integer (struct vmm_aml *aml, const char *name, uint64_t value)
{
  vmm_aml__name (aml, name);
  vmm_aml__integer (aml, value);
}

void
vmm_aml__name_string (struct vmm_aml *aml, const char *name, const char *text)
{
  vmm_aml__name (aml, name);
  vmm_aml__string (aml, text);
}

void
vmm_aml__name_eisa_id (struct vmm_aml *aml, const char *name, const char *id)
{
  vmm_aml__name (aml, name);
  vmm_aml__eisa_id (aml, id);
}
