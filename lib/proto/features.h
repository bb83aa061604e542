/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* features: what our agent says of itself in AgentDetails.extra_features, where Kata's agent has words of its own. */
#ifndef KATA_PROTO_FEATURES_H
#define KATA_PROTO_FEATURES_H

/* Followed by a decimal number: milliseconds from the agent's first instruction to listening. */
#define KATA_FEATURE_START_MS "agent-start-ms="

#endif
