/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef E2E_TIMES_H
#define E2E_TIMES_H

#include <stddef.h>

/* How long answers took, in microseconds of the monotonic clock. */
long	 times_now(void);

/* Print "p50 N p99 N max N"; sorts them. */
void	 times_print(long *took, size_t n);

#endif
