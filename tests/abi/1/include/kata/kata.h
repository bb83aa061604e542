/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kata: the whole public interface of libkata for programs that run containers. */
#ifndef KATA_KATA_H
#define KATA_KATA_H

#include <kata/common.h>
#include <kata/container.h>
#include <kata/error.h>
#include <kata/hypervisor.h>
#include <kata/placement.h>
#include <kata/process.h>
#include <kata/runtime.h>
#include <kata/sandbox.h>

#endif
