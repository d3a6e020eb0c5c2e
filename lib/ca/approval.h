/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_APPROVAL_H
#define CA_APPROVAL_H

#include "ca/approval_request.h"
#include "ca/policy.h"

/*
 * The rule that a certificate takes more than one person: one asks for it,
 * others approve, and each signs the same file (ca/approval_request.h) with
 *
 *	ssh-keygen -Y sign -n NAMESPACE -f KEY FILE
 *
 * Keys stand for people: who has two of them is two.  Pure: it decides from
 * the bytes alone.  So it says yes to the same request again: that the nonce
 * was not signed before is for the caller to see.
 */
#define APPROVAL_NS_REQUEST	"certificate-request@hsm-ssh-agent"
#define APPROVAL_NS_APPROVE	"certificate-approval@hsm-ssh-agent"
#define APPROVAL_MAX		CA_APPROVALS_MAX /* approvals of one request */
#define APPROVAL_NAME_MAX	64	/* a fingerprint, with NUL */

/* Keys by their fingerprints, "SHA256:...", in full. */
struct approval_rule {
	size_t		 needed;	/* approvals; 0: a request is enough */
	struct ca_list	 requesters;	/* who may ask; none: anybody */
	struct ca_list	 approvers;	/* none: nobody */
};

/* What came with the wish to have a certificate signed. */
struct approval_papers {
	struct span	 request;	/* the file, */
	struct span	 signature;	/* and who asks */
	const struct span *approvals;
	size_t		 n;
};

/* Whose signatures counted, for the log. */
struct approval_names {
	char		 requester[APPROVAL_NAME_MAX];
	char		 approver[APPROVAL_MAX][APPROVAL_NAME_MAX];
	size_t		 n;
};

/* What the CA's block says of it; lent from *p. */
struct approval_rule approval_rule_of(const struct ca_policy *p);

/*
 * May this body be signed?  0: it is the one asked for, but for its serial
 * number; the request is signed by one who may ask; and rule->needed who may
 * approve have signed it, with different keys, none of them the requester's
 * or the certificate's own.  A certificate of a key stands for that key.
 *
 * ERR_DENIED, with the reason; when approvals are missing, with the reason
 * why any of those that are there does not count.  ERR_FORMAT,
 * ERR_UNSUPPORTED or ERR_LIMIT: the request or its signature cannot be read,
 * or there are more than APPROVAL_MAX approvals.  ERR_NOMEM.  *who is filled
 * as far as it came.  `c` is from cert_parse_tbs().
 */
int	 approval_check(const struct approval_rule *rule,
	    const struct cert *c, const struct approval_papers *papers,
	    struct approval_names *who, struct err *e) MUST_CHECK;

/*
 * 0: the body is the request's in all but the serial number; ERR_DENIED
 * names the first part that is not.
 */
int	 approval_matches(const struct cert *request, const struct cert *c,
	    struct err *e) MUST_CHECK;

/*
 * A signature of the request within one of the two namespaces: 0, and *name
 * is the fingerprint of its key.  Else *name is that as far as it could be
 * read, or "".  The errors are those of sshsig_parse() and sshsig_verify().
 */
int	 approval_signer(struct span signature, const char *ns,
	    struct span request, char name[APPROVAL_NAME_MAX], struct err *e)
	    MUST_CHECK;

/* "asked for by ..., approved by ... ...", for the ledger; cut at len. */
void	 approval_describe(const struct approval_names *who, char *buf,
	    size_t len);

#endif
