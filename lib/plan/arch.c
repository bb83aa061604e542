/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* arch: for which architecture the guest is: that of the program that the configuration names, else of the guest image, else the host's. */
#include <string.h>

#include "plan/build.h"

/* By its name, as all distributions have it: "/usr/bin/qemu-system-aarch64"; Kata's builds of it have more words behind: "-snp-experimental". */
static const char *
of_program (struct kata_plan_build *b, const char *path)
{
  static const char prefix[] = "qemu-system-";
  const char *slash = strrchr (path, '/');
  const char *name = slash != NULL ? slash + 1 : path;
  if (!g_str_has_prefix (name, prefix))
    return NULL;
  name += sizeof prefix - 1;
  char *arch = kata_arena__strdup (b->arena, name);
  arch[strcspn (arch, "-")] = '\0';
  return strcmp (arch, "ppc64") == 0 ? "ppc64le" : arch;
}

/* The other way round. */
static const char *
program_of (const char *arch)
{
  return strcmp (arch, "ppc64le") == 0 ? "ppc64" : arch;
}

int
kata_plan__arch (struct kata_plan_build *b, kata_error **err)
{
  const char *host = b->in->host.arch != NULL ? b->in->host.arch : "";
  const char *image = b->foreign_guest ? NULL : b->in->guest.arch;
  bool qemu = strcmp (b->in->hypervisor, "qemu") == 0;
  const char *program = qemu ? of_program (b, b->hv->path) : NULL;
  const char *arch = program != NULL ? program : image != NULL ? image : host;
  const char *key = kata_plan__key (b, "kernel");

  b->plan->vm.arch = kata_plan__text (b, arch);
  /* A probe looks at the program; what is wrong with the guest is said when one is asked for. Null's guest is a thread. */
  if (b->in->caps == NULL || strcmp (b->in->hypervisor, "null") == 0)
    return 0;
  if (program != NULL && image != NULL && strcmp (program, image) != 0)
    return kata_error__set (err, KATA_E_CONFIG, key,
                            "%s: this guest image is for %s, but %s names a program for %s; set path to "
                            "qemu-system-%s, or kernel and initrd to an image for %s",
                            key, image, kata_plan__key (b, "path"), program, program_of (image), program);
  if (!qemu && host[0] != '\0' && strcmp (arch, host) != 0)
    return kata_error__set (err, KATA_E_UNSUPPORTED, key,
                            "%s: this guest image is for %s; hypervisor %s runs guests of the host's architecture (%s) "
                            "only; use qemu",
                            key, arch, b->in->hypervisor, host);
  return 0;
}
