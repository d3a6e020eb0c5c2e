/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_VERDICT_H
#define KEYUTIL_VERDICT_H

#include <stdbool.h>

#include "ca/explain.h"
#include "keyutil/sshdconf.h"
#include "keyutil/trustfile.h"

/*
 * The question that a person asks of a certificate, would this server let
 * that user in with it, and the files that the answer goes by.
 */
struct verdict_question {
	const char	*user, *host;		/* all: NULL, not said */
	const char	*from;			/* an address */
	const char	*at;			/* a time */
	const char	*sshd;			/* files */
	const char	*ca, *revoked, *principals, *known_hosts;
};

struct verdict {
	struct verdict_question q;
	uint64_t	 at;
	struct sshdconf	 sshd;
	struct explain_file trusted, revoked, mapped, cas_of_hosts;
	struct trustfile cas, names, host_cas;
	char		 ca_fault[200], mapped_fault[200], revoked_fault[200];
	struct span	 known_hosts, revoked_text;	/* the files */
	char		 host[256];		/* in small letters */
	char		 mapped_path[1024];
	bool		 needs_user;	/* to know what the file is */
};

/* Is there a question at all? */
bool	 verdict_is_asked(const struct verdict_question *q);

/*
 * Read what was named.  A file of the command line has to be there; one that
 * only the settings name need not, as they may be those of another machine.
 * verdict_free() it in any case.
 */
int	 verdict_load(struct verdict *v, const struct verdict_question *q,
	    struct err *e) MUST_CHECK;
void	 verdict_free(struct verdict *v);

/* What the certificate is shown as: to an sshd, or by a host. */
enum cert_type	 verdict_as(const struct verdict *v, const struct cert *c);

int	 verdict_of(const struct verdict *v, const struct cert *c,
	    struct explain *out, struct err *e) MUST_CHECK;

#endif
