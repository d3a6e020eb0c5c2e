/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RELAY_WIN_H
#define RELAY_WIN_H

#include <winsock2.h>
#include <windows.h>

#include "core.h"

/*
 * The parts that are Windows': the agent behind its socket's file, pipes for
 * one user, and what goes between them.
 */

/*
 * Connect to the agent whose socket's file this is, for a client with this
 * pid.  INVALID_SOCKET: *why says why not.
 */
SOCKET	 win_connect(const wchar_t *file, uint32_t pid, const char **why);

/* All of n bytes, or false. */
bool	 win_send(SOCKET s, const uint8_t *p, size_t n);
bool	 win_receive(SOCKET s, uint8_t *p, size_t n);

/*
 * Who this is, as rights to a pipe; free by LocalFree().  NULL: Windows does
 * not say.
 */
PSECURITY_DESCRIPTOR win_rights(void);

/* The name of Pageant's pipe for this user; false: Windows does not say. */
bool	 win_pageant_name(char *out, size_t size);

/*
 * Take clients at this pipe for ever.  Returns, with the reason of Windows,
 * when the pipe cannot be made, as when somebody else has its name.
 */
struct win_pipe {
	const char	*name;
	const wchar_t	*file;		/* of the agent's socket */
	PSECURITY_DESCRIPTOR rights;
};

DWORD	 win_serve(const struct win_pipe *p);

#endif
