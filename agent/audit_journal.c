/* SPDX-License-Identifier: GPL-3.0-or-later */
#define SD_JOURNAL_SUPPRESS_LOCATION	/* where it was called is no news */

#include <sys/uio.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "agent/audit_journal.h"

/* libsystemd's: it says nothing when nobody is there. */
#define SOCKET		"/run/systemd/journal/socket"

/* "journalctl MESSAGE_ID=..." finds the audit log. */
#define MESSAGE_ID	"MESSAGE_ID=dd7dfac806634d4f95ee5e0f06e53548"

int
audit_journal_check(struct err *e)
{
	if (access(SOCKET, W_OK) == 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR)
		return err_set(e, ERR_NOTFOUND, 0,
		    "no journal is running here; name a file");
	return err_sys(e, "%s", SOCKET);
}

int
audit_journal_send(char *const *fields, size_t n, struct err *e)
{
	char id[] = MESSAGE_ID;
	struct iovec *v;
	int r;

	if ((r = audit_journal_check(e)) != 0)
		return r;
	if ((v = calloc(n + 1, sizeof(*v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "no memory");
	for (size_t i = 0; i < n; i++)
		v[i] = (struct iovec){ fields[i], strlen(fields[i]) };
	v[n] = (struct iovec){ id, strlen(id) };
	errno = -sd_journal_sendv(v, (int)n + 1);
	r = errno == 0 ? 0 : err_sys(e, "the journal");
	free(v);
	return r;
}
