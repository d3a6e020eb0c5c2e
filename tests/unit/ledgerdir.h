/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_LEDGERDIR_H
#define UNIT_LEDGERDIR_H

#include "ca/ledger.h"
#include "tests/unit/data.h"
#include "tests/unit/hostkey.h"

/*
 * A directory with a ledger in it, two CAs, and what somebody with sqlite3
 * and cp does to it behind the ledger's back.
 */
struct ledgerdir {
	char		*dir;
	char		 path[80], head[80], wal[80];	/* of its files */
	struct hostkey	 ca, other;		/* Ed25519 */
	struct ledger	*l;			/* NULL: it is closed */
	struct err	 e;			/* of the last call */
};

int		 ledgerdir_set_up(void **state);
int		 ledgerdir_tear_down(void **state);

#define LEDGERDIR_TEST(f) \
	cmocka_unit_test_setup_teardown(f, ledgerdir_set_up, \
	    ledgerdir_tear_down)

/* Close it and open it anew; the first one must succeed. */
void		 ledgerdir_reopen(struct ledgerdir *p);
int		 ledgerdir_try_open(struct ledgerdir *p,
		    enum ledger_mode mode);
void		 ledgerdir_close(struct ledgerdir *p);

/* What a certificate says; what is 0 or NULL is as certbody_make() has it. */
struct ledgercert {
	uint64_t	 serial;	/* this one is as it stands here */
	const char	*key_id, *principals, *subject, *nonce;
	uint64_t	 before;
	const struct hostkey *ca;	/* NULL: p->ca */
};

struct data	 ledgerdir_certify(const struct ledgerdir *p,
		    const struct ledgercert *c);

/* ledger_add_certificate(); rule NULL: none. */
int		 ledgerdir_add_to(struct ledgerdir *p, struct ledger *l,
		    const struct ledgercert *c,
		    const struct ledger_rule *rule);

/* The same with p->l, and it must succeed. */
void		 ledgerdir_add(struct ledgerdir *p,
		    const struct ledgercert *c);
void		 ledgerdir_add_serials(struct ledgerdir *p, uint64_t from,
		    uint64_t to);

/* Serial numbers that p->l gives out. */
uint64_t	 ledgerdir_take(struct ledgerdir *p, uint64_t n);

/* Of p->ca: revoke this one; a checkpoint of the end. */
void		 ledgerdir_revoke(struct ledgerdir *p, uint64_t serial);
void		 ledgerdir_checkpoint(struct ledgerdir *p);

/* An SSHSIG in binary. */
struct data	 ledgerdir_sshsig(const struct hostkey *k, const char *ns,
		    const char *text);

/* ledger_resume() */
int		 ledgerdir_resume(struct ledgerdir *p);

/* ledger_verify() has nothing to say; the number of certificates. */
uint64_t	 ledgerdir_verify(struct ledgerdir *p);

/* Another program's doing: SQL; a file's copy, made or put in its place. */
void		 ledgerdir_sql(struct ledgerdir *p, const char *sql);
uint64_t	 ledgerdir_ask(struct ledgerdir *p, const char *sql);
void		 ledgerdir_copy(const char *from, const char *to);

/* fn in a process of its own, with p->l closed; its result, 0 to 127. */
int		 ledgerdir_fork(struct ledgerdir *p,
		    int (*fn)(struct ledgerdir *p, void *arg), void *arg);

/* Two of them at once, with 0 and 1. */
void		 ledgerdir_fork_two(struct ledgerdir *p,
		    int (*fn)(struct ledgerdir *p, int i));

#endif
