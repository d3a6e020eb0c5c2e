/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/policy.h"
#include "ca/ledger.h"
#include "ssh/agentmsg.h"

int
policy_use(const struct uses *use, const struct uses *forwarded,
    const struct uses *relayed, const struct request *req, struct err *e)
{
	const char *why = req->kind == REQUEST_UNKNOWN ?
	    "nobody knows what this data is, and " : "";
	char word[80];

	if (req->kind == REQUEST_SSHSIG && span_is(req->ns,
	    LEDGER_CHECKPOINT_NS))
		return err_set(e, ERR_DENIED, 0, "checkpoints of the ledger "
		    "are signed for the agent itself, and for nobody else");
	uses_word(req, word, sizeof(word));
	if (!uses_permit(use, req) && req->kind == REQUEST_TEST)
		return err_set(e, ERR_DENIED, 0, "the key is not for "
		    "anything; see Use in hsm-ssh-agent.conf(5)");
	if (!uses_permit(use, req))
		return err_set(e, ERR_DENIED, 0, "%sthe key is not for "
		    "\"%s\"; see Use in hsm-ssh-agent.conf(5)", why, word);
	if (forwarded != NULL && !uses_permit_afar(forwarded, req))
		return err_set(e, ERR_DENIED, 0, "%sover a forwarded "
		    "connection the key is not for \"%s\"; see ForwardedUse "
		    "in hsm-ssh-agent.conf(5)", why, word);
	if (relayed != NULL && !uses_permit(relayed, req))
		return err_set(e, ERR_DENIED, 0, "%sfor a relayed client the "
		    "key is not for \"%s\"; see RelayedUse in "
		    "hsm-ssh-agent.conf(5)", why, word);
	return 0;
}

/* The algorithm itself, or that of a certificate of such a key. */
static bool
names(const struct request *req, enum sig_alg alg)
{
	static const char of_cert[] = "-cert-v01@openssh.com";
	const size_t tail = sizeof(of_cert) - 1;
	struct span a = req->algorithm;

	if (a.n > tail && memcmp(a.p + a.n - tail, of_cert, tail) == 0)
		a.n -= tail;
	return span_is(a, sig_alg_name(alg));
}

static int
without_flags(bool allow_sha1, const struct request *req, enum sig_alg *alg,
    struct err *e)
{
	if (names(req, SIG_RSA_SHA256) || names(req, SIG_RSA_SHA512))
		*alg = names(req, SIG_RSA_SHA256) ? SIG_RSA_SHA256 :
		    SIG_RSA_SHA512;
	else if (allow_sha1 && req->kind != REQUEST_CERT)
		*alg = SIG_RSA_SHA1;
	else if (req->algorithm.n == 0)
		*alg = SIG_RSA_SHA256;
	else
		return err_set(e, ERR_DENIED, 0,
		    "the client asked for an RSA signature with SHA-1 "
		    "(ssh-rsa), which is not safe; use a newer client or an "
		    "EC key, or allow it with --allow-sha1");
	return 0;
}

int
policy_algorithm(bool allow_sha1, enum key_type key, uint32_t flags,
    const struct request *req, enum sig_alg *alg, struct err *e)
{
	const uint32_t known = SIGN_FLAG_RSA_SHA256 | SIGN_FLAG_RSA_SHA512;

	if ((flags & ~known) != 0)
		return err_set(e, ERR_DENIED, 0,
		    "the client asked with unknown signature flags 0x%x",
		    flags);
	if (key != KEY_RSA)
		*alg = sig_alg_for(key);
	else if ((flags & SIGN_FLAG_RSA_SHA256) != 0)
		*alg = SIG_RSA_SHA256;		/* both: as OpenSSH */
	else if ((flags & SIGN_FLAG_RSA_SHA512) != 0)
		*alg = SIG_RSA_SHA512;
	else
		return without_flags(allow_sha1, req, alg, e);
	return 0;
}
