/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "win.h"

#define BUFFER		8192
#define CLIENTS_MAX	64		/* at once, of one pipe */
#define LOOK_MS		250		/* whether the client is still there */

/* One client, for the thread that serves it. */
struct client {
	const struct win_pipe *pipe;
	HANDLE		 handle;
};

static bool
pipe_read(HANDLE h, uint8_t *p, size_t n)
{
	DWORD got;

	while (n > 0) {
		if (!ReadFile(h, p, (DWORD)n, &got, NULL) || got == 0)
			return false;
		p += got;
		n -= got;
	}
	return true;
}

static bool
pipe_write(HANDLE h, const uint8_t *p, size_t n)
{
	DWORD put;

	while (n > 0) {
		if (!WriteFile(h, p, (DWORD)n, &put, NULL))
			return false;
		p += put;
		n -= put;
	}
	return true;
}

/*
 * The agent may ask a person before it answers.  A client that goes meanwhile
 * must take its question along.
 */
static bool
wait_for_answer(SOCKET s, HANDLE h)
{
	for (;;) {
		struct timeval look = { .tv_usec = LOOK_MS * 1000 };
		fd_set set;
		int n;

		FD_ZERO(&set);
		FD_SET(s, &set);
		if ((n = select(0, &set, NULL, NULL, &look)) != 0)
			return n > 0;
		if (!PeekNamedPipe(h, NULL, 0, NULL, NULL, NULL))
			return false;
	}
}

/* A request to the agent and its answer back, whole frames both. */
static bool
carry_one(SOCKET s, HANDLE h, uint8_t *frame)
{
	uint32_t n;

	if (!pipe_read(h, frame, 4) ||
	    (n = relay_frame_length(frame)) == 0 ||
	    !pipe_read(h, frame + 4, n) || !win_send(s, frame, 4 + n) ||
	    !wait_for_answer(s, h) || !win_receive(s, frame, 4) ||
	    (n = relay_frame_length(frame)) == 0 ||
	    !win_receive(s, frame + 4, n))
		return false;
	return pipe_write(h, frame, 4 + n);
}

static DWORD WINAPI
serve_client(void *arg)
{
	struct client c = *(struct client *)arg;
	uint8_t *frame = malloc(4 + RELAY_FRAME_MAX);
	ULONG pid = 0;
	const char *why;
	SOCKET s;

	free(arg);
	GetNamedPipeClientProcessId(c.handle, &pid);
	s = win_connect(c.pipe->file, pid, &why);
	if (s == INVALID_SOCKET)
		fprintf(stderr, "hsm-wsl-relay: %s\n", why);
	while (s != INVALID_SOCKET && frame != NULL &&
	    carry_one(s, c.handle, frame))
		;
	if (frame != NULL)
		SecureZeroMemory(frame, 4 + RELAY_FRAME_MAX);
	free(frame);
	if (s != INVALID_SOCKET)
		closesocket(s);
	FlushFileBuffers(c.handle);
	DisconnectNamedPipe(c.handle);
	CloseHandle(c.handle);
	return 0;
}

/*
 * The first one must be the first of that name, or somebody else would get
 * some of the clients.
 */
static HANDLE
make_pipe(const struct win_pipe *p, bool first)
{
	SECURITY_ATTRIBUTES sa = { .nLength = sizeof(sa),
	    .lpSecurityDescriptor = p->rights };

	return CreateNamedPipeA(p->name, PIPE_ACCESS_DUPLEX |
	    (first ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0),
	    PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT |
	    PIPE_REJECT_REMOTE_CLIENTS, CLIENTS_MAX, BUFFER, BUFFER, 0, &sa);
}

static void
start_client(const struct win_pipe *p, HANDLE h)
{
	struct client *c = malloc(sizeof(*c));
	HANDLE thread = NULL;

	if (c != NULL) {
		*c = (struct client){ .pipe = p, .handle = h };
		thread = CreateThread(NULL, 0, serve_client, c, 0, NULL);
	}
	if (thread == NULL) {
		free(c);
		CloseHandle(h);
	} else {
		CloseHandle(thread);
	}
}

DWORD
win_serve(const struct win_pipe *p)
{
	HANDLE h = make_pipe(p, true), next;

	while (h != INVALID_HANDLE_VALUE) {
		if (!ConnectNamedPipe(h, NULL) &&
		    GetLastError() != ERROR_PIPE_CONNECTED) {
			DisconnectNamedPipe(h);
			continue;
		}
		/* So that there is always one that bears the name. */
		while ((next = make_pipe(p, false)) == INVALID_HANDLE_VALUE &&
		    GetLastError() == ERROR_PIPE_BUSY)
			Sleep(LOOK_MS);
		start_client(p, h);
		h = next;
	}
	return GetLastError();
}
