/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_SIGNEDBY_H
#define UNIT_SIGNEDBY_H

#include "ca/approval.h"
#include "tests/unit/certbody.h"
#include "tests/unit/hostkey.h"

/* Requests for certificates, and what people sign of them. */

/* The text that asks for this body, whose serial number is not looked at. */
struct data	 signedby_request(const struct certbody *b);

/* A signature of it for APPROVAL_NS_REQUEST or another purpose. */
struct data	 signedby(const struct hostkey *k, const char *ns,
		    struct span request);

/* The body of AGENT_EXT_APPROVALS. */
struct data	 signedby_papers(struct span request, struct span signature,
		    const struct data *approvals, size_t n);

/* Fingerprint of the key, for a configuration. */
struct signedby_name {
	char		 s[APPROVAL_NAME_MAX];
};

struct signedby_name signedby_name(const struct hostkey *k);

#endif
