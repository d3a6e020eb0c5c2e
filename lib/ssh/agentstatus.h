/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_AGENTSTATUS_H
#define SSH_AGENTSTATUS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ssh/wire.h"

/*
 * What an agent of ours tells by AGENT_EXT_STATUS (ssh/agentmsg.h), as its
 * reader sees it.  All spans borrow from the answer that was parsed, and
 * nothing in them is clean: whoever answers a socket wrote them.
 */
struct agentstatus_token {
	struct span	 reader, serial, label, state, trouble;
	uint32_t	 keys;
};

struct agentstatus_refusal {
	uint64_t	 time;
	struct span	 code, text;	/* err_name(), and a sentence */
};

struct agentstatus_cert {
	struct span	 path, fingerprint, comment;
	struct span	 state, words;	/* what it says or what is wrong */
	uint64_t	 valid_after;
	uint64_t	 valid_before;	/* UINT64_MAX: forever */
};

struct agentstatus {
	struct span			 version;
	uint32_t			 pid;
	struct agentstatus_token	*tokens;
	size_t				 n_tokens;
	struct agentstatus_refusal	*refusals;
	size_t				 n_refusals;
	struct agentstatus_cert		*certs;
	size_t				 n_certs;
};

/*
 * Parse an answer as agentclient_ask() brings it.  ERR_UNSUPPORTED: not an
 * agent of ours (or one that is locked).  Fields that a later version put
 * at the end are passed over.  On success agentstatus_free() it.
 */
int	 agentstatus_parse(struct span answer, struct agentstatus *s,
	    struct err *e) MUST_CHECK;
void	 agentstatus_free(struct agentstatus *s);

/*
 * Ask the agent at a socket.  The answer goes to *answer, empty before,
 * from which *s borrows.  Errors are those of agentclient_ask() and of the
 * parser.
 */
int	 agentstatus_ask(const char *path, struct wire_w *answer,
	    struct agentstatus *s, struct err *e) MUST_CHECK;

#endif
