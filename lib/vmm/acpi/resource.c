/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* resource: what a device takes of the address spaces and interrupts, as descriptors of _CRS (ACPI 6.4, 6.4.2 and 6.4.3). */
#include <string.h>

#include "vmm/acpi/aml.h"

#define TAG_PORT      0x47 /* small, 7 bytes */
#define TAG_END       0x79 /* small, 1 byte: a checksum, 0 = not used */
#define TAG_MEMORY32  0x86
#define TAG_WORD      0x88
#define TAG_DWORD     0x87
#define TAG_QWORD     0x8a
#define TAG_INTERRUPT 0x89

#define PORT_DECODE16       0x01
#define MEMORY_WRITABLE     0x01
#define INTERRUPT_CONSUMER  0x01
#define INTERRUPT_EDGE      0x02
#define SPACE_MEMORY        0
#define SPACE_BUS           2
#define SPACE_FIXED         0x0c /* both ends of the window are where they are; the bridge produces it */
#define SPACE_NOT_CACHEABLE 0x01 /* and writable */

size_t
vmm_aml__resources (struct vmm_aml *aml)
{
  vmm_aml__name (aml, "_CRS");
  vmm_aml__u8 (aml, 0x11); /* BufferOp; its length and size are put in when they are known */
  return aml->len;
}

/* The buffer's size stands before its bytes as an integer: the bytes are taken out and put back behind it. */
void
vmm_aml__resources_close (struct vmm_aml *aml, size_t mark)
{
  uint8_t bytes[512];

  vmm_aml__u8 (aml, TAG_END);
  vmm_aml__u8 (aml, 0);
  size_t len = aml->len - mark;
  if (aml->full || len > sizeof bytes) {
    aml->full = true;
    return;
  }
  memcpy (bytes, aml->data + mark, len);
  aml->len = mark;
  vmm_aml__integer (aml, len);
  vmm_aml__bytes (aml, bytes, len);
  vmm_aml__close (aml, mark);
}

void
vmm_aml__resource_memory32 (struct vmm_aml *aml, uint32_t base, uint32_t len)
{
  vmm_aml__u8 (aml, TAG_MEMORY32);
  vmm_aml__u16 (aml, 9);
  vmm_aml__u8 (aml, MEMORY_WRITABLE);
  vmm_aml__u32 (aml, base);
  vmm_aml__u32 (aml, len);
}

void
vmm_aml__resource_port (struct vmm_aml *aml, uint16_t base, uint8_t len)
{
  vmm_aml__u8 (aml, TAG_PORT);
  vmm_aml__u8 (aml, PORT_DECODE16);
  vmm_aml__u16 (aml, base);
  vmm_aml__u16 (aml, base);
  vmm_aml__u8 (aml, 1); /* alignment */
  vmm_aml__u8 (aml, len);
}

void
vmm_aml__resource_interrupt (struct vmm_aml *aml, uint32_t gsi)
{
  vmm_aml__u8 (aml, TAG_INTERRUPT);
  vmm_aml__u16 (aml, 6);
  vmm_aml__u8 (aml, INTERRUPT_CONSUMER | INTERRUPT_EDGE);
  vmm_aml__u8 (aml, 1); /* interrupts in this descriptor */
  vmm_aml__u32 (aml, gsi);
}

void
vmm_aml__window_bus (struct vmm_aml *aml, uint16_t first, uint16_t last)
{
  vmm_aml__u8 (aml, TAG_WORD);
  vmm_aml__u16 (aml, 13);
  vmm_aml__u8 (aml, SPACE_BUS);
  vmm_aml__u8 (aml, SPACE_FIXED);
  vmm_aml__u8 (aml, 0);
  vmm_aml__u16 (aml, 0); /* granularity */
  vmm_aml__u16 (aml, first);
  vmm_aml__u16 (aml, last);
  vmm_aml__u16 (aml, 0); /* translation */
  vmm_aml__u16 (aml, (uint16_t) (last - first + 1));
}

void
vmm_aml__window_memory (struct vmm_aml *aml, uint64_t base, uint64_t len)
{
  bool wide = base + len - 1 > UINT32_MAX;

  vmm_aml__u8 (aml, wide ? TAG_QWORD : TAG_DWORD);
  vmm_aml__u16 (aml, wide ? 43 : 23);
  vmm_aml__u8 (aml, SPACE_MEMORY);
  vmm_aml__u8 (aml, SPACE_FIXED);
  vmm_aml__u8 (aml, SPACE_NOT_CACHEABLE);
  const uint64_t words[] = { 0, base, base + len - 1, 0, len }; /* granularity, first, last, translation, length */
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (wide)
      vmm_aml__u64 (aml, words[i]);
    else
      vmm_aml__u32 (aml, (uint32_t) words[i]);
}
