/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-tables: the tables as they lie in RAM, read as a guest does; and, where it is installed, what iasl thinks of them. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/acpi/acpi.h"
#include "vmm/dev/power.h"
#include "vmm/irq.h"
#include "vmm/layout.h"

#define RAM (UINT64_C (32) << 20)

static struct vmm_acpi_virtio nodes[200];

struct found {
  uint8_t *bytes;
  uint32_t len;
  vmm_gpa at;
};

static struct vmm_memory
tables (const struct vmm_acpi_config *config)
{
  struct vmm_memory memory;
  vmm_gpa rsdp = 0;
  kata_error *error = NULL;

  ck_assert_int_eq (vmm_memory__open (&memory, RAM, 0, &error), 0);
  ck_assert_msg (vmm_acpi__write (config, &memory, &rsdp, &error) == 0, "%s", kata_error_get_message (error));
  ck_assert_uint_eq (rsdp, VMM_LAYOUT_ACPI);
  return memory;
}

static struct vmm_acpi_config
full (unsigned vcpus, size_t n_virtio)
{
  for (size_t i = 0; i < n_virtio; i++)
    nodes[i] = (struct vmm_acpi_virtio){ VMM_LAYOUT_VIRTIO_MMIO + i * VMM_LAYOUT_VIRTIO_STRIDE, 5 + (uint32_t) i % 19 };
  return (struct vmm_acpi_config){ .vcpus = vcpus,
                                   .virtio = nodes,
                                   .n_virtio = n_virtio,
                                   .serial = true,
                                   .rtc = true,
                                   .pci = true,
                                   .high_base = VMM_LAYOUT_HIGH_MIN };
}

static uint64_t
get (const uint8_t *at, size_t len)
{
  uint64_t value = 0;
  memcpy (&value, at, len);
  return value;
}

static void
assert_sum (const uint8_t *bytes, size_t len)
{
  uint8_t sum = 0;
  for (size_t i = 0; i < len; i++)
    sum = (uint8_t) (sum + bytes[i]);
  ck_assert_uint_eq (sum, 0);
}

/* A table at @at: its length and sum are right, and it lies in the reserved area. */
static struct found
table_at (const struct vmm_memory *memory, vmm_gpa at, const char *signature)
{
  uint8_t header[36];
  struct found found = { .at = at };

  ck_assert (vmm_memory__read (memory, at, header, sizeof header));
  ck_assert_msg (memcmp (header, signature, 4) == 0, "%.4s is not %s", (char *) header, signature);
  found.len = (uint32_t) get (header + 4, 4);
  ck_assert_uint_eq (at % 16, 0);
  ck_assert_uint_ge (at, VMM_LAYOUT_ACPI);
  ck_assert_uint_le (at + found.len, VMM_LAYOUT_ACPI_END);
  found.bytes = malloc (found.len);
  ck_assert_ptr_nonnull (found.bytes);
  ck_assert (vmm_memory__read (memory, at, found.bytes, found.len));
  assert_sum (found.bytes, found.len);
  return found;
}

static struct found
xsdt_of (const struct vmm_memory *memory)
{
  uint8_t rsdp[36];

  ck_assert (vmm_memory__read (memory, VMM_LAYOUT_ACPI, rsdp, sizeof rsdp));
  ck_assert_mem_eq (rsdp, "RSD PTR ", 8);
  assert_sum (rsdp, 20);
  assert_sum (rsdp, 36);
  ck_assert_uint_eq (rsdp[15], 2);
  return table_at (memory, get (rsdp + 24, 8), "XSDT");
}

/* The table of that name; bytes NULL when there is none. */
static struct found
find (const struct vmm_memory *memory, const char *signature)
{
  struct found xsdt = xsdt_of (memory), found = { 0 };

  for (uint32_t i = 36; i < xsdt.len; i += 8) {
    uint8_t name[4];
    vmm_gpa at = get (xsdt.bytes + i, 8);
    ck_assert (vmm_memory__read (memory, at, name, 4));
    if (memcmp (name, signature, 4) == 0)
      found = table_at (memory, at, signature);
  }
  free (xsdt.bytes);
  return found;
}

START_TEST (fadt)
{
  struct vmm_acpi_config config = full (1, 3);
  struct vmm_memory memory = tables (&config);
  struct found facp = find (&memory, "FACP");

  ck_assert_uint_eq (facp.len, 276);
  ck_assert_uint_eq (facp.bytes[8], 6);
  uint32_t flags = (uint32_t) get (facp.bytes + 112, 4);
  ck_assert_uint_eq (flags & (1u << 20 | 1u << 10), 1u << 20 | 1u << 10);
  ck_assert_uint_eq (get (facp.bytes + 109, 2) & 2, 0); /* no 8042 */
  ck_assert_uint_eq (get (facp.bytes + 116 + 4, 8), VMM_LAYOUT_POWER + VMM_POWER_RESET);
  ck_assert_uint_eq (facp.bytes[128], VMM_POWER_RESET_VALUE);
  ck_assert_uint_eq (get (facp.bytes + 244 + 4, 8), VMM_LAYOUT_POWER + VMM_POWER_SLEEP_CONTROL);
  ck_assert_uint_eq (get (facp.bytes + 256 + 4, 8), VMM_LAYOUT_POWER + VMM_POWER_SLEEP_STATUS);
  ck_assert_uint_eq (get (facp.bytes + 40, 4), get (facp.bytes + 140, 8));
  struct found dsdt = table_at (&memory, get (facp.bytes + 140, 8), "DSDT");
  free (dsdt.bytes);
  free (facp.bytes);
  vmm_memory__close (&memory);
}
END_TEST

START_TEST (madt)
{
  struct vmm_acpi_config config = full ((unsigned) _i, 0);
  struct vmm_memory memory = tables (&config);
  struct found apic = find (&memory, "APIC");
  unsigned cpus = 0, ioapics = 0;

  ck_assert_uint_eq (get (apic.bytes + 36, 4), VMM_LAYOUT_LAPIC);
  for (uint32_t at = 44; at < apic.len; at += apic.bytes[at + 1]) {
    ck_assert_uint_ge (apic.bytes[at + 1], 2);
    if (apic.bytes[at] == 0) {
      ck_assert_uint_eq (apic.bytes[at + 3], cpus);
      ck_assert_uint_eq (get (apic.bytes + at + 4, 4), 1);
      cpus++;
    } else if (apic.bytes[at] == 1) {
      ck_assert_uint_eq (get (apic.bytes + at + 4, 4), VMM_LAYOUT_IOAPIC);
      ioapics++;
    }
  }
  ck_assert_uint_eq (cpus, (unsigned) _i);
  ck_assert_uint_eq (ioapics, 1);
  free (apic.bytes);
  vmm_memory__close (&memory);
}
END_TEST

START_TEST (mcfg)
{
  struct vmm_acpi_config config = full (2, 0);
  struct vmm_memory memory = tables (&config);
  struct found found = find (&memory, "MCFG");

  ck_assert_uint_eq (found.len, 60);
  ck_assert_uint_eq (get (found.bytes + 44, 8), VMM_LAYOUT_ECAM);
  ck_assert_uint_eq (found.bytes[54], 0);
  ck_assert_uint_eq (found.bytes[55], 0);
  free (found.bytes);
  vmm_memory__close (&memory);
  config.pci = false;
  memory = tables (&config);
  ck_assert_ptr_null (find (&memory, "MCFG").bytes);
  vmm_memory__close (&memory);
}
END_TEST

/* One device of a kind too many must be refused, not cut. */
START_TEST (limits)
{
  static struct vmm_acpi_virtio many[0x1001];
  struct vmm_acpi_config config = full (0, 0);
  struct vmm_memory memory;
  vmm_gpa rsdp = 7;
  kata_error *error = NULL;

  ck_assert_int_eq (vmm_memory__open (&memory, RAM, 0, NULL), 0);
  ck_assert_int_eq (vmm_acpi__write (&config, &memory, &rsdp, &error), KATA_E_LIMIT);
  kata_error_unrefp (&error);
  config = full (1, 0);
  config.virtio = many;
  config.n_virtio = 0x1000; /* each has a name, but not all fit */
  ck_assert_int_eq (vmm_acpi__write (&config, &memory, &rsdp, &error), KATA_E_LIMIT);
  kata_error_unrefp (&error);
  config.n_virtio = 0x1001;
  ck_assert_int_eq (vmm_acpi__write (&config, &memory, &rsdp, NULL), KATA_E_LIMIT);
  ck_assert_uint_eq (rsdp, 7);
  vmm_memory__close (&memory);
}
END_TEST

/* ---- iasl ---- */

static void
dump (const char *folder, const char *name, struct found table)
{
  char path[256];

  snprintf (path, sizeof path, "%s/%s.dat", folder, name);
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  ck_assert_int_ge (fd, 0);
  ck_assert_int_eq (write (fd, table.bytes, table.len), (ssize_t) table.len);
  close (fd);
  free (table.bytes);
}

/* What a shell command in @folder says, cut at @max. */
static int
run (const char *folder, const char *command, char *output, size_t max)
{
  char line[1024];

  snprintf (line, sizeof line, "cd '%s' && { %s; } 2>&1", folder, command);
  FILE *pipe = popen (line, "r");
  ck_assert_ptr_nonnull (pipe);
  size_t len = fread (output, 1, max - 1, pipe);
  output[len] = '\0';
  while (fgetc (pipe) != EOF)
    ;
  return pclose (pipe);
}

/* acpiexec runs the methods as a guest would: both answers of _OSC, and the event's method; no exception in any. */
static void
execute (const char *folder, bool pci)
{
#define OSC(first)                                                                                                     \
  "\\_SB.PCI0._OSC (" first " 4D DB 33 F7 1F 1C 40 96 57 74 41 C0 3D D7 66) 1 3 (00 00 00 00 1F 00 00 00 1F 00 00 00)"
  char output[8192];
  const char *command = pci ? "acpiexec -b 'evaluate \\_SB.GED._EVT 9; evaluate " OSC ("5B") "; evaluate " OSC (
                                  "00") "' DSDT.dat </dev/null"
                            : "acpiexec -b 'evaluate \\_SB.GED._EVT 9' DSDT.dat </dev/null";

  ck_assert_msg (run (folder, command, output, sizeof output) == 0, "%s", output);
  ck_assert_msg (strstr (output, "AE_") == NULL && strstr (output, "xception") == NULL, "%s", output);
  if (pci) {
    ck_assert_msg (strstr (output, "00 00 00 00 1F 00 00 00 1F 00 00 00") != NULL, "%s", output);
    ck_assert_msg (strstr (output, "04 00 00 00 1F 00 00 00 1F 00 00 00") != NULL, "%s", output);
  }
}

/* Every table is taken apart without complaint, and the DSDT's source compiles again without a single remark that matters. */
static void
judge (const struct vmm_acpi_config *config)
{
  static const char *const names[] = { "FACP", "APIC", "MCFG", "XSDT", "DSDT" };
  char folder[] = "/tmp/kata-acpi-XXXXXX", output[8192], command[256];
  struct vmm_memory memory = tables (config);

  ck_assert_ptr_nonnull (mkdtemp (folder));
  struct found facp = find (&memory, "FACP");
  dump (folder, "DSDT", table_at (&memory, get (facp.bytes + 140, 8), "DSDT"));
  dump (folder, "FACP", facp);
  dump (folder, "APIC", find (&memory, "APIC"));
  dump (folder, "XSDT", xsdt_of (&memory));
  if (config->pci)
    dump (folder, "MCFG", find (&memory, "MCFG"));
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (!config->pci && strcmp (names[i], "MCFG") == 0)
      continue;
    snprintf (command, sizeof command, "iasl -d %s.dat", names[i]);
    ck_assert_msg (run (folder, command, output, sizeof output) == 0, "%s: %s", names[i], output);
    ck_assert_msg (strstr (output, "rror") == NULL && strstr (output, "arning") == NULL, "%s: %s", names[i], output);
    snprintf (command, sizeof command, "! grep -n 'Invalid\\|Unknown\\|rror' %s.dsl", names[i]);
    ck_assert_msg (run (folder, command, output, sizeof output) == 0, "%s: %s", names[i], output);
  }
  ck_assert_msg (run (folder, "iasl -oa -p again DSDT.dsl", output, sizeof output) == 0, "%s", output);
  ck_assert_msg (strstr (output, " 0 Errors, 0 Warnings") != NULL, "%s", output);
  ck_assert_msg (run (folder, "tail -c +37 DSDT.dat >a && tail -c +37 again.aml | cmp a", output, sizeof output) == 0,
                 "compiles to other bytes: %s", output);
  execute (folder, config->pci);
  vmm_memory__close (&memory);
  snprintf (command, sizeof command, "rm -r '%s'", folder);
  ck_assert_int_eq (run ("/tmp", command, output, sizeof output), 0);
}

START_TEST (iasl)
{
  struct vmm_acpi_config config = full (32, 200);
  judge (&config);
  config = full (1, 1);
  config.pci = config.serial = config.rtc = false;
  judge (&config);
}
END_TEST

int
main (int argc, char **argv)
{
  bool with_iasl = argc > 1 && strcmp (argv[1], "iasl") == 0;
  Suite *suite = suite_create ("vmm/acpi");
  TCase *all = tcase_create ("all");

  if (with_iasl && system ("command -v iasl acpiexec >/dev/null") != 0) {
    puts ("SKIP: iasl is not installed; apt-get install acpica-tools");
    return 77;
  }
  tcase_set_timeout (all, 50);
  if (with_iasl)
    tcase_add_test (all, iasl);
  else {
    tcase_add_test (all, fadt);
    tcase_add_loop_test (all, madt, 1, 33);
    tcase_add_test (all, mcfg);
    tcase_add_test (all, limits);
  }
  suite_add_tcase (suite, all);
  SRunner *runner = srunner_create (suite);
  srunner_run_all (runner, CK_NORMAL);
  int failed = srunner_ntests_failed (runner);
  srunner_free (runner);
  return failed != 0;
}
