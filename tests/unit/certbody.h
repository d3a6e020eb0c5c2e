/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_CERTBODY_H
#define UNIT_CERTBODY_H

#include "ssh/cert.h"
#include "tests/unit/data.h"

/*
 * Bodies of certificates as a client could send them, good or bad: the
 * bytes are put together here, field by field, with no help of lib/ssh/cert.
 */
#define CERTBODY_NOW	UINT64_C(1800000000)	/* of the good one */
#define CERTBODY_HOUR	UINT64_C(3600)

struct certbody {
	const char	*type;
	struct span	 nonce;
	struct data	 key;		/* the subject's fields */
	uint64_t	 serial;
	uint32_t	 kind;		/* enum cert_type */
	struct span	 key_id;
	struct span	 principals;	/* alice|bob; "": none */
	bool		 unpacked;	/* that is bytes as they are */
	uint64_t	 after, before;
	struct span	 critical;	/* see certbody_options() */
	struct span	 extensions;
	struct span	 reserved;
	struct data	 ca;		/* blob */
	struct span	 tail;		/* after it */
};

/*
 * A user certificate of an Ed25519 key, valid for an hour from CERTBODY_NOW,
 * that nobody finds fault with.  Free it, but not what was put in.
 */
void		 certbody_make(struct certbody *b);
void		 certbody_free(struct certbody *b);

/* The subject is the key in tests/data/ssh/NAME.pub. */
void		 certbody_set_subject(struct certbody *b, const char *name);

/* Of a plain blob. */
void		 certbody_set_subject_blob(struct certbody *b,
		    struct span blob);
void		 certbody_set_ca(struct certbody *b, struct span blob);

/*
 * A list of options from text: "flag;name=value;name:bytes", where a value
 * is a string inside a string, and bytes are as they are.
 */
struct data	 certbody_options(struct span text);

struct data	 certbody_bytes(const struct certbody *b);

#endif
