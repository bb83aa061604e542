/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aml: bytes of ACPI machine language and tables, appended to a buffer (ACPI 6.4, 20.2 and 6.4); an encoder, it checks no meaning. */
#ifndef KATA_VMM_ACPI_AML_H
#define KATA_VMM_ACPI_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A buffer of the caller's. What does not fit is dropped and sets @full: look once, at the end. */
struct vmm_aml {
  uint8_t *data;
  size_t len, max;
  bool full;
};

/* Opcodes that callers put down themselves with vmm_aml__u8() (20.2.5, 20.2.6). */
#define VMM_AML_ZERO   0x00
#define VMM_AML_ONE    0x01
#define VMM_AML_LOCAL0 0x60
#define VMM_AML_ARG0   0x68
#define VMM_AML_STORE  0x70
#define VMM_AML_AND    0x7b
#define VMM_AML_OR     0x7d
#define VMM_AML_NOTIFY 0x86
#define VMM_AML_DWORD  0x8a /* CreateDWordField */
#define VMM_AML_LEQUAL 0x93
#define VMM_AML_RETURN 0xa4

void vmm_aml__u8 (struct vmm_aml *aml, uint8_t value);
void vmm_aml__u16 (struct vmm_aml *aml, uint16_t value);
void vmm_aml__u32 (struct vmm_aml *aml, uint32_t value);
void vmm_aml__u64 (struct vmm_aml *aml, uint64_t value);
void vmm_aml__bytes (struct vmm_aml *aml, const void *bytes, size_t len);

/** "\_SB_.PWRB", "_UID": segments of up to 4 characters, filled up with '_'. */
void vmm_aml__path (struct vmm_aml *aml, const char *path);
void vmm_aml__integer (struct vmm_aml *aml, uint64_t value);
void vmm_aml__string (struct vmm_aml *aml, const char *text);
/** "PNP0501" as the compressed number of 6.1.5. */
void vmm_aml__eisa_id (struct vmm_aml *aml, const char *id);

/* Things that hold others: each returns a mark for vmm_aml__close(), which puts their length in front. */
size_t vmm_aml__scope (struct vmm_aml *aml, const char *path);
size_t vmm_aml__device (struct vmm_aml *aml, const char *name);
/** Serialized: the guest runs one call of it at a time. */
size_t vmm_aml__method (struct vmm_aml *aml, const char *name, unsigned args);
size_t vmm_aml__package (struct vmm_aml *aml, uint8_t elements);
size_t vmm_aml__if (struct vmm_aml *aml);
size_t vmm_aml__else (struct vmm_aml *aml);
/** Fields of @region that are read and written one byte at a time. */
size_t vmm_aml__field (struct vmm_aml *aml, const char *region);
void vmm_aml__close (struct vmm_aml *aml, size_t mark);

/** Skip @bits of a field when @name is NULL. */
void vmm_aml__field_unit (struct vmm_aml *aml, const char *name, unsigned bits);
void vmm_aml__memory_region (struct vmm_aml *aml, const char *name, uint64_t base, uint64_t len);
void vmm_aml__buffer (struct vmm_aml *aml, const void *bytes, size_t len);

/* Name (name, value) in one call. */
void vmm_aml__name (struct vmm_aml *aml, const char *name); /* the value follows */
void vmm_aml__name_integer (struct vmm_aml *aml, const char *name, uint64_t value);
void vmm_aml__name_string (struct vmm_aml *aml, const char *name, const char *text);
void vmm_aml__name_eisa_id (struct vmm_aml *aml, const char *name, const char *id);

/* Name (_CRS, ResourceTemplate () {…}): resources between the two. */
size_t vmm_aml__resources (struct vmm_aml *aml);
void vmm_aml__resources_close (struct vmm_aml *aml, size_t mark);
void vmm_aml__resource_memory32 (struct vmm_aml *aml, uint32_t base, uint32_t len);
void vmm_aml__resource_port (struct vmm_aml *aml, uint16_t base, uint8_t len);
/** Edge, active high, exclusive. */
void vmm_aml__resource_interrupt (struct vmm_aml *aml, uint32_t gsi);
/* Windows of a bridge: what it hands on to its bus. */
void vmm_aml__window_bus (struct vmm_aml *aml, uint16_t first, uint16_t last);
void vmm_aml__window_memory (struct vmm_aml *aml, uint64_t base, uint64_t len);

#endif
