/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of the user "nobody", for tests with NEED_NOBODY. Failures end the test. */
#ifndef SELFTESTS_LIB_NOBODY_H
#define SELFTESTS_LIB_NOBODY_H

/** become_nobody() - this process gives up root for good. */
void become_nobody(void);

/** as_nobody() - run @body in a process of nobody's and wait for its end. */
void as_nobody(void (*body)(void *arg), void *arg);

#endif
