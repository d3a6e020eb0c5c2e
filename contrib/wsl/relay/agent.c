/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "win.h"

#define CONNECT_MS	10000		/* the agent lets in who is quick */

/* The file is read each time: the agent may have been started again. */
static bool
read_file(const wchar_t *file, char text[RELAY_FILE_MAX])
{
	DWORD n = 0;
	HANDLE h;
	BOOL ok;

	h = CreateFileW(file, GENERIC_READ, FILE_SHARE_READ |
	    FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
	    FILE_ATTRIBUTE_NORMAL, NULL);
	if (h == INVALID_HANDLE_VALUE)
		return false;
	ok = ReadFile(h, text, RELAY_FILE_MAX - 1, &n, NULL);
	CloseHandle(h);
	text[ok ? n : 0] = '\0';
	return ok && n > 0;
}

bool
win_send(SOCKET s, const uint8_t *p, size_t n)
{
	while (n > 0) {
		const int sent = send(s, (const char *)p, (int)n, 0);

		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

bool
win_receive(SOCKET s, uint8_t *p, size_t n)
{
	while (n > 0) {
		const int got = recv(s, (char *)p, (int)n, 0);

		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

static bool
shake(SOCKET s, const struct relay_address *a, uint32_t pid)
{
	uint8_t nonce[RELAY_NONCE], creds[RELAY_CREDS];

	relay_creds(creds, pid);
	return win_send(s, a->nonce, sizeof(a->nonce)) &&
	    win_receive(s, nonce, sizeof(nonce)) &&
	    memcmp(nonce, a->nonce, sizeof(nonce)) == 0 &&
	    win_send(s, creds, sizeof(creds)) &&
	    win_receive(s, creds, sizeof(creds));
}

static void
set_patience(SOCKET s, DWORD ms)
{
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (const char *)&ms, sizeof(ms));
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, (const char *)&ms, sizeof(ms));
}

SOCKET
win_connect(const wchar_t *file, uint32_t pid, const char **why)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	char text[RELAY_FILE_MAX];
	struct relay_address a;
	const BOOL yes = TRUE;
	SOCKET s;

	*why = "the agent's socket file cannot be read: is the agent running?";
	if (!read_file(file, text))
		return INVALID_SOCKET;
	*why = "the file is not that of a Cygwin socket";
	if (!relay_parse_file(text, &a))
		return INVALID_SOCKET;
	*why = "nobody listens on the port in the socket file: is the agent "
	    "running, and WSL reachable on localhost?";
	s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
	if (s == INVALID_SOCKET)
		return s;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(a.port);
	set_patience(s, CONNECT_MS);
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (const char *)&yes,
	    sizeof(yes));
	if (connect(s, (const struct sockaddr *)&sin, sizeof(sin)) == 0) {
		*why = "who listens there is not the agent of the file";
		if (shake(s, &a, pid)) {
			set_patience(s, 0);
			return s;
		}
	}
	closesocket(s);
	return INVALID_SOCKET;
}
