/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_DRAFT_H
#define CA_DRAFT_H

#include "base/err.h"
#include "ca/form.h"
#include "ca/policy.h"
#include "ssh/cert.h"

/*
 * A certificate before there is one: what it is to say, apart from whose key
 * it is about and which CA signs it; from there to its bytes, which are those
 * that ssh-keygen writes of the same, and back from a certificate.  Whether
 * it is wise to sign them is for ca_form_check() and ca_policy_check().
 */
#define CA_DRAFT_MAX		45000	/* of a body; keytext reads the whole */
#define CA_DRAFT_OPTIONS	256	/* of either list */

struct ca_draft_option {
	char	*name;
	uint8_t	*value;		/* NULL: a flag, which has none */
	size_t	 n;
};

/* By their names as strcmp(3) has them, each there once. */
struct ca_draft_options {
	struct ca_draft_option *v;
	size_t		 n;
};

struct ca_draft {
	enum cert_type	 type;
	uint64_t	 serial;
	char		*key_id;	/* NULL: an empty one */
	struct ca_list	 principals;
	uint64_t	 valid_after;
	uint64_t	 valid_before;
	struct ca_draft_options critical;
	struct ca_draft_options extensions;
	uint8_t		 nonce[CA_NONCE_MAX];
	size_t		 n_nonce;
};

/*
 * All of it is the draft's own.  Begin with { .type = ... }, or as ca/wish.h
 * does, or with a certificate; clear it in the end, whatever failed.
 */
void	 ca_draft_clear(struct ca_draft *d);

/* These copy what they are given. */
int	 ca_draft_set_key_id(struct ca_draft *d, const char *text,
	    struct err *e) MUST_CHECK;
int	 ca_draft_add_principal(struct ca_draft *d, struct span name,
	    struct err *e) MUST_CHECK;

/*
 * In its place in the list; value NULL: a flag.  What is there already is
 * there; ERR_USAGE when it is there with another value.
 */
int	 ca_draft_add_option(struct ca_draft_options *o, struct span name,
	    const struct span *value, struct err *e) MUST_CHECK;

/* NULL: there is none of that name. */
const struct ca_draft_option *ca_draft_find_option(
	    const struct ca_draft_options *o, const char *name);
void	 ca_draft_remove_option(struct ca_draft_options *o, const char *name);

/* 32 fresh random bytes. */
int	 ca_draft_nonce(struct ca_draft *d, struct err *e) MUST_CHECK;

/*
 * Append the body that the CA signs: subject and ca are plain blobs, of any
 * type that cert_parse() knows.  It parses, or nothing is appended: ERR_LIMIT
 * when it is too large, and the errors of the parser.
 */
int	 ca_draft_put_tbs(const struct ca_draft *d, struct span subject,
	    struct span ca, struct wire_w *out, struct err *e) MUST_CHECK;

/*
 * Append the whole certificate, of a body and the blob of its signature,
 * which the caller has verified.  keytext_openssh() makes the line of a
 * -cert.pub file from it.
 */
int	 ca_draft_assemble(struct span tbs, struct span signature,
	    struct wire_w *out, struct err *e) MUST_CHECK;

/*
 * Everything that the certificate says, with its serial number, times and
 * nonce, for the caller to change.  *d is empty before.  ERR_FORMAT: it says
 * something that no draft can; ERR_LIMIT: too much of it.
 */
int	 ca_draft_from_cert(const struct cert *c, struct ca_draft *d,
	    struct err *e) MUST_CHECK;

#endif
