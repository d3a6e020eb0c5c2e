/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "win.h"

#include <bcrypt.h>
#include <dpapi.h>
#include <sddl.h>
#define SECURITY_WIN32
#include <security.h>

#define SID_MAX		200
#define USER_BYTES	512

/* Of the user that runs this process; LocalFree() it. */
static char *
sid_of_user(void)
{
	union {
		TOKEN_USER	 user;
		char		 room[USER_BYTES];
	} u;
	char *text = NULL;
	HANDLE token;
	DWORD n;

	if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
		return NULL;
	if (GetTokenInformation(token, TokenUser, &u, sizeof(u), &n) &&
	    !ConvertSidToStringSidA(u.user.User.Sid, &text))
		text = NULL;
	CloseHandle(token);
	return text;
}

PSECURITY_DESCRIPTOR
win_rights(void)
{
	char text[2 * SID_MAX + 32], *sid = sid_of_user();
	PSECURITY_DESCRIPTOR d = NULL;

	if (sid != NULL && relay_rights(text, sizeof(text), sid) &&
	    !ConvertStringSecurityDescriptorToSecurityDescriptorA(text,
	    SDDL_REVISION_1, &d, NULL))
		d = NULL;
	LocalFree(sid);
	return d;
}

static bool
sha256(uint8_t *in, ULONG n, uint8_t digest[32])
{
	BCRYPT_ALG_HANDLE alg;
	bool ok;

	if (BCryptOpenAlgorithmProvider(&alg, BCRYPT_SHA256_ALGORITHM, NULL,
	    0) != 0)
		return false;
	ok = BCryptHash(alg, NULL, 0, in, n, digest, 32) == 0;
	BCryptCloseAlgorithmProvider(alg, 0);
	return ok;
}

/* PuTTY asks a domain first, where the case and even the name may differ. */
static bool
user_name(char *out, DWORD size)
{
	ULONG n = size;

	if (GetUserNameExA(NameUserPrincipal, out, &n)) {
		relay_cut_realm(out);
		return true;
	}
	return GetUserNameA(out, &size);
}

/* PuTTY hashes a string of SSH: its length in four bytes, and then itself. */
bool
win_pageant_name(char *out, size_t size)
{
	uint8_t in[4 + RELAY_PAGEANT_BLOCK] = { 0, 0, 0, RELAY_PAGEANT_BLOCK };
	uint8_t digest[32];
	char user[USER_BYTES];

	relay_pageant_block(in + 4);
	return user_name(user, sizeof(user)) &&
	    CryptProtectMemory(in + 4, RELAY_PAGEANT_BLOCK,
	    CRYPTPROTECTMEMORY_CROSS_PROCESS) &&
	    sha256(in, sizeof(in), digest) &&
	    relay_pageant_name(out, size, user, digest);
}
