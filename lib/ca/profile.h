/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_PROFILE_H
#define CA_PROFILE_H

#include "base/conf.h"
#include "ca/policy.h"

/*
 * A Profile block of hsm-ssh-agent.conf(5): what hsm-keyutil writes into a
 * certificate unless it is told otherwise.  It allows nothing; the policy of
 * the CA judges what comes of it.
 */
struct ca_profile {
	char		*name;
	unsigned int	 line;		/* where it begins */
	char		*ca;		/* name of the key; NULL: not said */
	enum cert_type	 type;		/* CERT_USER: also if not said */
	struct ca_list	 principals;	/* none: not said */
	uint64_t	 validity;	/* s; 0: not said */
	bool		 extensions_said;
	struct ca_list	 extensions;	/* said, and none: none at all */
	char		*force_command;	/* NULL: not said, as the next two */
	char		*source_address;
	char		*key_id;	/* with {user} and the like in it */
	bool		 verify_required;
	unsigned int	 said;		/* for profile.c */
};

/* The line that begins it.  Clear *p in any case. */
int	 ca_profile_begin(struct ca_profile *p, const struct conf_line *l,
	    struct err *e) MUST_CHECK;
void	 ca_profile_clear(struct ca_profile *p);

/* Is this one of the keywords that ca_profile_line() takes? */
bool	 ca_profile_knows(const char *keyword);

/* One line inside of it.  ERR_USAGE: what it says is wrong. */
int	 ca_profile_line(struct ca_profile *p, const struct conf_line *l,
	    struct err *e) MUST_CHECK;

/* When all was read: ERR_USAGE where its lines do not go together. */
int	 ca_profile_check(const struct ca_profile *p, struct err *e)
	    MUST_CHECK;

#endif
