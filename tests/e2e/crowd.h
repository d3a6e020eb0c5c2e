/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef E2E_CROWD_H
#define E2E_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ssh/sig.h"
#include "tests/harness/sshsig.h"

/*
 * Clients of the agent at $SSH_AUTH_SOCK, many at a time, from one thread.
 * Each may have some requests under way; every signature is verified with
 * the public key that was asked for.  An answer is never waited for without
 * a bound: what did not come is counted as lost, and its client starts anew
 * with another connection.
 */
#define CROWD_MAX	16
#define CROWD_PENDING	4
#define CROWD_BLOB	1024
#define CROWD_DATA	SSHSIG_BYTES

struct crowd_key {
	char		 comment[64];
	uint8_t		 blob[CROWD_BLOB];
	size_t		 n;
	enum sig_alg	 alg;
	uint32_t	 flags;
};

/* What became of the requests since crowd_forget(). */
struct crowd_tally {
	unsigned int	 sent, answered;	/* lists and signatures */
	unsigned int	 lists, listed;		/* answers; keys in the last */
	unsigned int	 signatures;		/* good ones */
	unsigned int	 refused;
	unsigned int	 wrong;			/* does not verify */
	unsigned int	 lost;			/* no answer, or a hang-up */
	unsigned int	 given_up;		/* crowd_leave() */
	long		 slowest_ms;
};

struct crowd_request {
	const struct crowd_key *key;		/* NULL: a list */
	uint8_t		 data[CROWD_DATA];
	long		 since_ms;
};

struct crowd_member {
	int		 fd;
	struct crowd_request pending[CROWD_PENDING];
	size_t		 n_pending;
	uint8_t		 buf[65536];
	size_t		 n;
};

struct crowd {
	struct crowd_member m[CROWD_MAX];
	size_t		 n;
	struct crowd_tally tally;
	uint32_t	 serial;	/* makes what is signed different */
};

long	 crowd_now_ms(void);

/* Connect that many.  false: nobody listens there any more. */
bool	 crowd_gather(struct crowd *c, size_t n);
void	 crowd_dismiss(struct crowd *c);
void	 crowd_forget(struct crowd *c);		/* the tally */

void	 crowd_list(struct crowd *c, size_t who);
void	 crowd_sign(struct crowd *c, size_t who,
	    const struct crowd_key *k);

/* Hang up, whatever is under way, and come back. */
void	 crowd_leave(struct crowd *c, size_t who);

/*
 * Take answers until none is missing, or for that long.  crowd_wait() then
 * gives up those that are missing, crowd_let() goes on hoping.
 */
bool	 crowd_let(struct crowd *c, long ms);
void	 crowd_let_one(struct crowd *c, long ms);	/* or some at once */
bool	 crowd_wait(struct crowd *c, long ms);

/* One signature over a connection of its own; `c` has no members. */
bool	 crowd_sign_once(struct crowd *c, const struct crowd_key *k,
	    long ms);

/* The key with that comment, by asking for the list; false: not listed. */
bool	 crowd_find(const char *comment, struct crowd_key *k);

#endif
