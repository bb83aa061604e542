/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report: what the runtime says about host and settings, as JSON. */
#ifndef KATA_API_REPORT_H
#define KATA_API_REPORT_H

#include <kata/runtime.h>

int kata_report__check (char **json, kata_runtime *runtime, kata_error **err);
int kata_report__describe (char **json, kata_runtime *runtime, kata_error **err);

#endif
