/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernel: for which architecture a kernel image is, by its header; it checks nothing else of it. */
#ifndef KATA_BACKEND_QEMU_KERNEL_H
#define KATA_BACKEND_QEMU_KERNEL_H

#include <stddef.h>

#include <kata/error.h>

/** How much of the file's start has all that is looked at. */
#define KATA_QEMU_KERNEL_HEAD 0x10010u

/** As uname has it; NULL = the header does not say (a compressed image of any architecture, for one). Pure. */
const char *kata_qemu__kernel_arch (const void *head, size_t len);
/** KATA_E_GUEST with hypervisor.qemu.kernel: the file is a kernel for another architecture than @arch. One that cannot be read passes. */
int kata_qemu__check_kernel (const char *path, const char *arch, kata_error **err);

#endif
