/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* methods: the Task service's methods, each with a decoded request; service.c calls them, by the table. */
#ifndef SHIM_METHODS_H
#define SHIM_METHODS_H

#include "messages/task.pb-c.h"
#include "service.h"

int32_t method_create (service *service, const void *request, answer *answer);
int32_t method_exec (service *service, const void *request, answer *answer);
int32_t method_start (service *service, const void *request, answer *answer);
int32_t method_delete (service *service, const void *request, answer *answer);
int32_t method_shutdown (service *service, const void *request, answer *answer);
int32_t method_kill (service *service, const void *request, answer *answer);
int32_t method_pause (service *service, const void *request, answer *answer);
int32_t method_resume (service *service, const void *request, answer *answer);
int32_t method_update (service *service, const void *request, answer *answer);
int32_t method_resize_pty (service *service, const void *request, answer *answer);
int32_t method_close_io (service *service, const void *request, answer *answer);
int32_t method_checkpoint (service *service, const void *request, answer *answer);
int32_t method_state (service *service, const void *request, answer *answer);
int32_t method_pids (service *service, const void *request, answer *answer);
int32_t method_wait (service *service, const void *request, answer *answer);
int32_t method_stats (service *service, const void *request, answer *answer);
int32_t method_connect (service *service, const void *request, answer *answer);

#endif
