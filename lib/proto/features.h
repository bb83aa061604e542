/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* features: words of our own in places where Kata's protocol leaves them open. */
#ifndef KATA_PROTO_FEATURES_H
#define KATA_PROTO_FEATURES_H

/* AgentDetails.extra_features. Followed by a decimal number: milliseconds from the agent's first instruction to listening. */
#define KATA_FEATURE_START_MS "agent-start-ms="

/* Interface.type in UpdateInterface: its device goes or has gone; without an address it is to be down. Kata's agent only drops the addresses. */
#define KATA_INTERFACE_RETIRED "retired"

#endif
