/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <winsock2.h>
#include <windows.h>

#include <aclapi.h>
#include <sddl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/*
 * A program of Windows at a named pipe, for tests/e2e/relay.sh:
 *	pipe-client PIPE list	how many keys the agent there has, asked twice
 *	pipe-client PIPE two	the same over two connections that are both open
 *	pipe-client PIPE raw	what is no message of the protocol: hung up on
 *	pipe-client PIPE squat	whether another can make a pipe of that name
 *	pipe-client PIPE rights	who may use it
 */
#define PATIENCE_MS	10000
#define REPLY_MAX	65536

static HANDLE
open_pipe(const char *name)
{
	HANDLE h;

	for (;;) {
		h = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL,
		    OPEN_EXISTING, SECURITY_SQOS_PRESENT |
		    SECURITY_IDENTIFICATION, NULL);
		if (h != INVALID_HANDLE_VALUE ||
		    GetLastError() != ERROR_PIPE_BUSY ||
		    !WaitNamedPipeA(name, PATIENCE_MS))
			return h;
	}
}

static int
take(HANDLE h, uint8_t *p, DWORD n)
{
	DWORD got;

	for (; n > 0; p += got, n -= got)
		if (!ReadFile(h, p, n, &got, NULL) || got == 0)
			return 0;
	return 1;
}

/* The number of keys, or -1. */
static long
list(HANDLE h)
{
	static const uint8_t ask[] = { 0, 0, 0, 1, 11 };
	static uint8_t reply[REPLY_MAX];
	DWORD n;

	if (!WriteFile(h, ask, sizeof(ask), &n, NULL) || !take(h, reply, 4))
		return -1;
	n = (DWORD)reply[0] << 24 | (DWORD)reply[1] << 16 |
	    (DWORD)reply[2] << 8 | reply[3];
	if (n < 5 || n > sizeof(reply) || !take(h, reply, n) ||
	    reply[0] != 12)
		return -1;
	return (long)((DWORD)reply[1] << 24 | (DWORD)reply[2] << 16 |
	    (DWORD)reply[3] << 8 | reply[4]);
}

static int
print_keys(HANDLE h)
{
	const long n = list(h);

	if (n < 0)
		return 1;
	printf("%ld keys\n", n);
	return 0;
}

static int
squat(const char *name)
{
	HANDLE h = CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX |
	    FILE_FLAG_FIRST_PIPE_INSTANCE, PIPE_TYPE_BYTE, 1, 0, 0, 0, NULL);

	printf("%s\n", h == INVALID_HANDLE_VALUE ? "refused" : "made");
	return h == INVALID_HANDLE_VALUE;
}

static int
rights(HANDLE h)
{
	PSECURITY_DESCRIPTOR d = NULL;
	char *text = NULL;

	if (GetSecurityInfo(h, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION |
	    DACL_SECURITY_INFORMATION, NULL, NULL, NULL, NULL, &d) != 0 ||
	    !ConvertSecurityDescriptorToStringSecurityDescriptorA(d,
	    SDDL_REVISION_1, OWNER_SECURITY_INFORMATION |
	    DACL_SECURITY_INFORMATION, &text, NULL))
		return 1;
	printf("%s\n", text);
	return 0;
}

int
main(int argc, char **argv)
{
	HANDLE h, other;
	uint8_t c;
	DWORD n;

	if (argc != 3)
		return 2;
	if (strcmp(argv[2], "squat") == 0)
		return squat(argv[1]);
	if ((h = open_pipe(argv[1])) == INVALID_HANDLE_VALUE) {
		printf("error %lu\n", (unsigned long)GetLastError());
		return 1;
	}
	if (strcmp(argv[2], "rights") == 0)
		return rights(h);
	if (strcmp(argv[2], "raw") == 0) {
		if (!WriteFile(h, "\377\377\377\377", 4, &n, NULL) ||
		    take(h, &c, 1))
			return 1;
		puts("hung up");
		return 0;
	}
	if (strcmp(argv[2], "two") == 0) {
		if ((other = open_pipe(argv[1])) == INVALID_HANDLE_VALUE)
			return 1;
		return print_keys(other) || print_keys(h) ||
		    print_keys(other);
	}
	return print_keys(h) || print_keys(h);
}
