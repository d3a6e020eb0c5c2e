/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_POLICY_H
#define CA_POLICY_H

#include <sys/types.h>

#include <time.h>

#include "base/err.h"
#include "ssh/cert.h"

/*
 * What one CA may sign, and for whom: plain data, which a configuration
 * fills in, and the judge of it, who is pure.  It is about the body of a
 * certificate, the very bytes that are to be signed, so nothing that a
 * client says of it elsewhere counts.
 */
struct ca_list {
	char		**v;
	size_t		 n;
};

/* The types of subject keys, by their names in OpenSSH. */
enum ca_subject {
	CA_SUBJECT_RSA = 1,
	CA_SUBJECT_P256 = 2,
	CA_SUBJECT_P384 = 4,
	CA_SUBJECT_P521 = 8,
	CA_SUBJECT_ED25519 = 16,
	CA_SUBJECT_ECDSA_SK = 32,
	CA_SUBJECT_ED25519_SK = 64,
};

#define CA_RATE_MAX	10000
#define CA_NO_LIMIT	UINT64_MAX
#define CA_APPROVALS_MAX 16

struct ca_policy {
	unsigned int	 types;		/* bits of 1 << enum cert_type */

	/* Patterns (base/glob.h), each name by itself. */
	struct ca_list	 principals;	/* allowed; none: all */
	struct ca_list	 denied;	/* goes before what is allowed */
	struct ca_list	 key_ids;	/* none: all */

	/* Seconds; CA_NO_LIMIT: any. */
	uint64_t	 max_validity;	/* to come, once it has begun */
	uint64_t	 latest_start;	/* from now */
	uint64_t	 earliest_start; /* before now */

	unsigned int	 subjects;	/* of enum ca_subject; 0: all */
	unsigned int	 rsa_bits;	/* at least */

	/* Patterns of names of options. */
	struct ca_list	 extensions;	/* may be there; none: none may */
	struct ca_list	 critical;	/* the same */
	struct ca_list	 required;	/* names of critical ones */

	bool		 serial;	/* must not be 0 */
	size_t		 rate;		/* so many; 0: any number, */
	int64_t		 per;		/* in so many s */

	/* Who may ask; none: all who may use the agent. */
	uid_t		*users;
	size_t		 n_users;
	struct ca_list	 programs;	/* whole paths */

	/*
	 * For the caller, too: so many of these others have to approve of a
	 * request.  Fingerprints (SHA256:...), each once.
	 */
	size_t		 approvals;	/* 0: none are asked for */
	struct ca_list	 approvers;
	struct ca_list	 requesters;	/* none: anybody */

	/* For the caller: what is refused here is told of, and signed. */
	bool		 observe;
};

/*
 * What holds until something else is said: user certificates of at most a
 * year, which begin at most a day before or after now, and have none but the
 * extensions that ssh-keygen gives by itself; any critical option.
 */
int	 ca_policy_default(struct ca_policy *p, struct err *e) MUST_CHECK;
void	 ca_policy_clear(struct ca_policy *p);

/* The list has a copy of the text. */
int	 ca_list_add(struct ca_list *l, const char *text, struct err *e)
	    MUST_CHECK;
bool	 ca_list_has(const struct ca_list *l, const char *text);
void	 ca_list_clear(struct ca_list *l);

/*
 * "rsa", "ecdsa-p256", "ed25519-sk", ... as one of enum ca_subject; "ecdsa"
 * as three.  0: no such name.
 */
unsigned int	 ca_subject_of(const char *name);

/* Who wants it. */
struct ca_request {
	uid_t		 uid;
	const char	*program;	/* its path; "": not known */
};

/*
 * ERR_DENIED, with a sentence that says what of the certificate stands
 * against it.  ca_form_check() comes first; p NULL: there is nothing else.
 * The rate is for the ledger (ca/ledger.h), and `observe` for the caller.
 */
int	 ca_policy_check(const struct ca_policy *p, const struct cert *c,
	    const struct ca_request *who, time_t now, struct err *e)
	    MUST_CHECK;

#endif
