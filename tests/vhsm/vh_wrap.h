/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_VH_WRAP_H
#define VHSM_VH_WRAP_H

#include "tests/vhsm/vh_store.h"

/* Key check value of a whole DKEK: the start of its SHA-256. */
bool	 vh_wrap_kcv(const struct vh_dkek *d, uint8_t kcv[8]);

#endif
