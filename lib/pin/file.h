/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PIN_FILE_H
#define PIN_FILE_H

#include "base/err.h"
#include "base/secret.h"

/*
 * A PIN from the first line of a file that belongs to the user or root and
 * that nobody else can read or write; else ERR_DENIED, saying what to do.
 */
int	 pin_file_read(const char *path, struct secret *out, struct err *e)
	    MUST_CHECK;

#endif
