/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <wchar.h>

#include "win.h"

/*
 * hsm-wsl-relay.exe: named pipes of Windows, for its own ssh and for what
 * looks for Pageant, to the hsm-ssh-agent in WSL by its CygwinSocket.
 */
#define PIPE_NAME	"\\\\.\\pipe\\hsm-ssh-agent"
#define NAME_MAX_LEN	300

static const char usage[] =
    "usage: hsm-wsl-relay.exe [--pipe NAME] [--pageant] SOCKET-FILE\n"
    "\n"
    "Serves the agent whose CygwinSocket is SOCKET-FILE at the named pipe\n"
    "NAME, \\\\.\\pipe\\hsm-ssh-agent if none is given, and with --pageant\n"
    "also where PuTTY looks for Pageant, for this user alone.  For ssh of\n"
    "Windows put \"IdentityAgent //./pipe/hsm-ssh-agent\" into .ssh\\config.\n";

struct options {
	char		 name[NAME_MAX_LEN];
	bool		 pageant;
	const wchar_t	*file;
};

/* A pipe's name is ASCII, and of this machine. */
static bool
take_name(struct options *o, const wchar_t *text)
{
	size_t n = 0;

	for (; text[n] != L'\0'; n++) {
		if (n + 1 >= sizeof(o->name) || text[n] < L' ' ||
		    text[n] > L'~')
			return false;
		o->name[n] = text[n] == L'/' ? '\\' : (char)text[n];
	}
	o->name[n] = '\0';
	return strncmp(o->name, "\\\\.\\pipe\\", 9) == 0 && n > 9;
}

static bool
parse(struct options *o, int argc, wchar_t **argv)
{
	snprintf(o->name, sizeof(o->name), "%s", PIPE_NAME);
	for (int i = 1; i < argc; i++) {
		if (wcscmp(argv[i], L"--pageant") == 0) {
			o->pageant = true;
		} else if (wcscmp(argv[i], L"--pipe") == 0) {
			if (++i == argc || !take_name(o, argv[i]))
				return false;
		} else if (argv[i][0] == L'-' || o->file != NULL) {
			return false;
		} else {
			o->file = argv[i];
		}
	}
	return o->file != NULL;
}

static DWORD WINAPI
serve(void *arg)
{
	const struct win_pipe *p = arg;
	const DWORD why = win_serve(p);

	fprintf(stderr, "hsm-wsl-relay: %s: %s (error %lu)\n", p->name,
	    why == ERROR_ACCESS_DENIED ? "another program has this pipe" :
	    "the pipe cannot be made", (unsigned long)why);
	return why;
}

int
wmain(int argc, wchar_t **argv)
{
	struct options o = { .file = NULL };
	struct win_pipe pipe, pageant;
	char name[NAME_MAX_LEN];
	WSADATA wsa;

	if (!parse(&o, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	pipe = (struct win_pipe){ .name = o.name, .file = o.file,
	    .rights = win_rights() };
	if (pipe.rights == NULL || WSAStartup(MAKEWORD(2, 2), &wsa) != 0) {
		fputs("hsm-wsl-relay: Windows does not say who this is, or "
		    "has no network\n", stderr);
		return 1;
	}
	if (o.pageant) {
		pageant = pipe;
		pageant.name = name;
		if (!win_pageant_name(name, sizeof(name)) ||
		    CreateThread(NULL, 0, serve, &pageant, 0, NULL) == NULL) {
			fputs("hsm-wsl-relay: no pipe of Pageant's\n", stderr);
			return 1;
		}
	}
	fprintf(stderr, "hsm-wsl-relay: serving %s%s%s\n", o.name,
	    o.pageant ? " and " : "", o.pageant ? name : "");
	serve(&pipe);
	return 1;
}
