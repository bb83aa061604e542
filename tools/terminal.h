/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* terminal: raw mode of the user's terminal and its way back, also when katactl crashes; its size. */
#ifndef KATACTL_TERMINAL_H
#define KATACTL_TERMINAL_H

#include <stdint.h>

/** Put the terminal of standard input into raw mode. Returns 0, or -1 with errno when it is none. Restored at exit or on a crash. */
int terminal_raw (void);
/** Undo terminal_raw(); harmless otherwise and when called again. */
void terminal_restore (void);
/** Rows and columns of the terminal of standard input or output; 0, 0 when there is none. */
void terminal_size (uint32_t *rows, uint32_t *columns);

#endif
