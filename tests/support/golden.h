/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* golden: what a test made, compared with a file in tests/golden that a person has read. */
#ifndef KATA_TEST_GOLDEN_H
#define KATA_TEST_GOLDEN_H

/**
 * @text is what @file holds, in the folder that KATA_TEST_GOLDEN_DIR names (meson sets it). With KATA_GOLDEN_UPDATE set the file is written anew:
 * read the difference before you commit it.
 */
void golden_compare (const char *file, const char *text);

#endif
