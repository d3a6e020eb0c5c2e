/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_AGENTMSG_H
#define SSH_AGENTMSG_H

/*
 * Numbers and names of the agent protocol (RFC 9987 sec. 5 and 6), and of
 * the extensions that are ours.  The agent and its clients share them.
 */
#define AGENT_MAX_MSG	(256 * 1024)	/* OpenSSH's limit, both ways */

enum agent_msg {
	MSG_FAILURE = 5,
	MSG_SUCCESS = 6,
	MSG_REQUEST_IDENTITIES = 11,
	MSG_IDENTITIES_ANSWER = 12,
	MSG_SIGN_REQUEST = 13,
	MSG_SIGN_RESPONSE = 14,
	MSG_ADD_IDENTITY = 17,
	MSG_REMOVE_IDENTITY = 18,
	MSG_REMOVE_ALL_IDENTITIES = 19,
	MSG_ADD_SMARTCARD_KEY = 20,
	MSG_REMOVE_SMARTCARD_KEY = 21,
	MSG_LOCK = 22,
	MSG_UNLOCK = 23,
	MSG_ADD_ID_CONSTRAINED = 25,
	MSG_ADD_SMARTCARD_KEY_CONSTRAINED = 26,
	MSG_EXTENSION = 27,
	MSG_EXTENSION_FAILURE = 28,
	MSG_EXTENSION_RESPONSE = 29,
};

enum agent_sign_flag {
	SIGN_FLAG_RSA_SHA256 = 2,
	SIGN_FLAG_RSA_SHA512 = 4,
};

#define AGENT_EXT_QUERY		"query"
#define AGENT_EXT_SESSION_BIND	"session-bind@openssh.com"

/*
 * What the agent holds and what it refused lately.  No request data; the
 * response, after its name:
 *
 *	string	version of the agent
 *	uint32	process id
 *	uint32	number of tokens; for each
 *		string	reader name
 *		string	serial number ("" while it is being opened)
 *		string	label
 *		string	state: "opening", "locked", "unlocked", "failed"
 *		uint32	keys offered to clients
 *		string	last trouble with it, in words, or ""
 *	uint32	number of refusals, oldest first; for each
 *		uint64	time, seconds since the epoch
 *		string	code, a word: err_name() in base/err.c
 *		string	what was refused and why
 *	uint32	number of certificates for keys that may be on a token (as
 *		many as fit); for each
 *		string	path ("" when it came with ssh-add -s)
 *		string	fingerprint of the key ("" when it is bad)
 *		string	comment of the key ("" when it is not plugged in)
 *		string	state: "offered", "expired", "not yet valid", "bad"
 *		string	what it says, or what is wrong with it
 *		uint64	valid after, seconds since the epoch
 *		uint64	valid before, 2^64-1: forever
 *
 * The certificates are missing from older versions' answers.
 * Later versions may append fields: readers stop where they know no more.
 */
#define AGENT_EXT_STATUS	"status@hsm-ssh-agent"

/*
 * Give out serial numbers of a CA, for certificates that will be signed:
 *
 *	string	blob of the CA's key
 *	uint64	how many
 *
 * The response, after its name: uint64, the first of them.
 */
#define AGENT_EXT_SERIALS	"serials@hsm-ssh-agent"

/*
 * What others have signed to approve of a certificate (ca/approval.h), for
 * the sign request that follows within minutes, on any connection:
 *
 *	string	the request, a text
 *	string	SSHSIG of who asks
 *	uint32	number of approvals; for each
 *		string	SSHSIG of who approves
 *
 * The answer is SSH_AGENT_SUCCESS; whether they are enough is only said when
 * the certificate is to be signed.
 */
#define AGENT_EXT_APPROVALS	"approvals@hsm-ssh-agent"

#endif
