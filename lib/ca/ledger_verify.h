/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_LEDGER_VERIFY_H
#define CA_LEDGER_VERIFY_H

#include "ca/ledger.h"

/*
 * Whether a ledger is whole: each entry has the hash of the one before it,
 * the certificates in it were signed by their CAs, the checkpoints by their
 * keys, the columns that queries go by say what the entries say, and it is
 * not behind its head.
 */
struct ledger_sums {
	uint64_t	 certificates, revocations, checkpoints, resumptions;
	uint64_t	 signed_until;	/* seq that a checkpoint vouches for */
	char		 signed_by[64];	/* fingerprint of that key */
	struct ledger_head head;	/* the end of it */
};

/*
 * One thing that is wrong, said of the entry: "it was changed".  seq 0: of
 * the ledger as a whole.
 */
typedef void ledger_fault_fn(void *arg, uint64_t seq, const char *fault);

/*
 * 0 when nothing is wrong; ERR_FORMAT when something is: fn was told of
 * each, LEDGER_FAULTS_MAX at most.
 */
#define LEDGER_FAULTS_MAX	100

int	 ledger_verify(struct ledger *l, struct ledger_sums *sums,
	    ledger_fault_fn *fn, void *arg, struct err *e) MUST_CHECK;

#endif
