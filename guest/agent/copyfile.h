/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* copyfile: receives files from the host, piece by piece, below the shared directory. */
#ifndef AGENT_COPYFILE_H
#define AGENT_COPYFILE_H

#include "proto/agent.pb-c.h"

#include "fault.h"

/** 0 or -1 with @fault set. */
int copyfile_receive (const Grpc__CopyFileRequest *request, struct fault *fault);

#endif
