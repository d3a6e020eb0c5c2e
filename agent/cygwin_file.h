/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CYGWIN_FILE_H
#define AGENT_CYGWIN_FILE_H

#include "agent/cygwin_shake.h"
#include "base/err.h"

/*
 * The file by which Cygwin's programs find a socket: a TCP port of this
 * machine and the nonce that opens it.  Whoever can read it can use the agent,
 * so it is for its owner alone; where a file system of Windows does not keep
 * modes, that is for the directory to see to.
 */
#define CYGWIN_FILE_MAX	64		/* bytes of its text, with NUL */

struct cygwin_file {
	char	*path;			/* NULL: there is none */
	char	 text[CYGWIN_FILE_MAX];
};

/* Its text, and what that says; false: no agent wrote this. */
void	 cygwin_file_format(char out[static CYGWIN_FILE_MAX], uint16_t port,
	    const uint8_t nonce[static CYGWIN_NONCE_BYTES]);
bool	 cygwin_file_parse(const char *text, uint16_t *port,
	    uint8_t nonce[static CYGWIN_NONCE_BYTES]);

/*
 * Write it, at once or not at all, in place of one that was left there.
 * Anything else that is there stays: ERR_DENIED.  So does that of an agent
 * that runs, which is asked and has two seconds to answer.
 */
int	 cygwin_file_write(struct cygwin_file *f, const char *path,
	    uint16_t port, const uint8_t nonce[static CYGWIN_NONCE_BYTES],
	    struct err *e) MUST_CHECK;

/* Take it away, unless it is another's by now. */
void	 cygwin_file_remove(struct cygwin_file *f);

#endif
