/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state-table: the table behind state.json; only state.c uses it. */
#ifndef KATA_SANDBOX_STATE_TABLE_H
#define KATA_SANDBOX_STATE_TABLE_H

#include "sandbox/record.h"

extern const struct kata_record kata_state__record;
/* state-network.c */
extern const struct kata_record kata_state__network_record, kata_state__nic_record, kata_state__network_plan_record;

#endif
