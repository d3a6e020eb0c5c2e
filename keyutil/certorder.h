/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CERTORDER_H
#define KEYUTIL_CERTORDER_H

#include <sys/stat.h>

#include "ca/draft.h"
#include "keyutil/casigner.h"

/*
 * Certificates that a command is asked for: from where each was asked for to
 * the file that it goes to.  Everything that can be known to be wrong with
 * any of them is told before the first is signed.
 */
#define CERTORDERS_MAX	100000

enum certorder_state {
	CERTORDER_OPEN,
	CERTORDER_THERE,		/* already, as it should be */
	CERTORDER_DONE,
};

/* All of it is its own; { 0 } is an empty one. */
struct certorder {
	char		*from;		/* "users.csv, line 7", for people */
	uint8_t		*subject;	/* plain blob */
	size_t		 subject_n;
	char		*comment;	/* of the key, clean */
	char		*file;		/* NULL: standard output */
	char		*key_id;	/* template (keyid.h); NULL: the draft
					 * has the key id itself */
	bool		 numbered;	/* the draft has its serial number */
	bool		 fixed;		/* and its nonce: others have signed
					 * that this is what they want */
	struct ca_draft	 draft;
	bool		 replaces;	/* *was, which is at `file` */
	struct stat	 was;
	enum certorder_state state;
};

struct certorders {
	struct certorder *v;
	size_t		 n, room;
	bool		 goes_on;	/* from where one was cut off */
};

void	 certorder_clear(struct certorder *o);

/* A plain blob that is known to be one. */
int	 certorder_copy_subject(struct certorder *o, struct span blob,
	    struct err *e) MUST_CHECK;

/* The key that a certificate is about. */
int	 certorder_take_subject(struct certorder *o, const struct cert *c,
	    struct err *e) MUST_CHECK;

/* The key in a line of a .pub file. */
int	 certorder_set_subject(struct certorder *o, const char *line,
	    struct err *e) MUST_CHECK;

/*
 * The certificate in a -cert.pub file, lent from *blob, which is to be freed
 * in any case; *comment is the caller's, NULL: it is not wanted.
 */
int	 certorder_read_cert(const char *file, struct wire_w *blob,
	    struct cert *c, char **comment, struct err *e) MUST_CHECK;

/* *o is taken over when it succeeds. */
int	 certorders_add(struct certorders *l, struct certorder *o,
	    struct err *e) MUST_CHECK;
void	 certorders_free(struct certorders *l);

/*
 * Look at the files: each is to be no other's, and what is there already a
 * certificate of the same key.  With goes_on, one by this CA that says the
 * same and is still valid is CERTORDER_THERE.
 */
int	 certorders_look(struct certorders *l, struct span ca, struct err *e)
	    MUST_CHECK;

/*
 * Number, judge and sign all that are open, write each to its file, and tell
 * of it on standard output.
 */
int	 certorders_sign(struct certorders *l, struct casigner *s,
	    struct err *e) MUST_CHECK;

#endif
