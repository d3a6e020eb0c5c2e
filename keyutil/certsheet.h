/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CERTSHEET_H
#define KEYUTIL_CERTSHEET_H

#include "keyutil/certwish.h"
#include "keyutil/keyscan.h"

/*
 * Orders for many certificates: the rows of a table (keyutil/csv.h), or the
 * hosts of an ssh-keyscan.  All that is wrong with any of them is told, with
 * its line, before the error is returned.
 */

/*
 * From a table with a line of names above: file or key, principals, key_id,
 * validity, serial, options, output; "-": standard input.  What a row does
 * not say is as in *w.
 */
int	 certsheet_read(const char *file, const struct certwish *w,
	    struct certorders *l, struct err *e) MUST_CHECK;

/*
 * From what ssh-keyscan printed, the keys that are pinned; each goes to
 * DIR/HOST-ssh_host_TYPE_key-cert.pub.  A host without a pin, and one that
 * has another key than its pin says, are errors.
 */
int	 certsheet_scan(const char *file, struct hostpins *pins,
	    const char *dir, const struct certwish *w, struct certorders *l,
	    struct err *e) MUST_CHECK;

#endif
