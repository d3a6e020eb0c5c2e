/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/policy.h"
#include "ssh/agentmsg.h"

static bool
names(const struct request *req, enum sig_alg alg)
{
	return span_is(req->algorithm, sig_alg_name(alg));
}

static int
without_flags(const struct policy *p, const struct request *req,
    enum sig_alg *alg, struct err *e)
{
	if (names(req, SIG_RSA_SHA256) || names(req, SIG_RSA_SHA512))
		*alg = names(req, SIG_RSA_SHA256) ? SIG_RSA_SHA256 :
		    SIG_RSA_SHA512;
	else if (p->allow_sha1)
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
policy_algorithm(const struct policy *p, enum key_type key, uint32_t flags,
    const struct request *req, enum sig_alg *alg, struct err *e)
{
	const uint32_t known = SIGN_FLAG_RSA_SHA256 | SIGN_FLAG_RSA_SHA512;

	if ((flags & ~known) != 0)
		return err_set(e, ERR_DENIED, 0,
		    "the client asked with unknown signature flags 0x%x",
		    flags);
	switch (key) {
	case KEY_P256:
		*alg = SIG_ECDSA_P256;
		return 0;
	case KEY_P384:
		*alg = SIG_ECDSA_P384;
		return 0;
	case KEY_P521:
		*alg = SIG_ECDSA_P521;
		return 0;
	case KEY_RSA:
		break;
	}
	if ((flags & SIGN_FLAG_RSA_SHA256) != 0)
		*alg = SIG_RSA_SHA256;		/* both: as OpenSSH */
	else if ((flags & SIGN_FLAG_RSA_SHA512) != 0)
		*alg = SIG_RSA_SHA512;
	else
		return without_flags(p, req, alg, e);
	return 0;
}
