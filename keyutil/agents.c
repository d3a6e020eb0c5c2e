/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/paths.h"
#include "keyutil/agents.h"
#include "ssh/agentmsg.h"
#include "ssh/keytext.h"

static void
note(struct agent *a, const char *text)
{
	keytext_clean(a->note, sizeof(a->note), span_cstr(text));
}

/*
 * Ask the agent at `path`, which is taken over; ERR_NOTFOUND and
 * ERR_UNSUPPORTED mean to look elsewhere.
 */
static int
try(struct agent *a, char *path, struct err *e)
{
	int r;

	if (path == NULL)
		return err_set(e, ERR_NOMEM, 0, "agent");
	wire_free(&a->answer);
	if (!wire_write(&a->answer, AGENT_MAX_MSG)) {
		free(path);
		return err_set(e, ERR_NOMEM, 0, "agent");
	}
	if ((r = agentstatus_ask(path, &a->answer, &a->status, e)) != 0) {
		free(path);
		return r;
	}
	a->found = true;
	a->socket = path;
	return 0;
}

static void
try_default(struct agent *a, int (*path_of)(char **, struct err *))
{
	struct err e;
	char *path;
	int r;

	if (a->found || path_of(&path, &e) != 0)
		return;
	r = try(a, path, &e);
	/* Somebody is there and in trouble: that is worth telling. */
	if (r != 0 && r != ERR_NOTFOUND && r != ERR_UNSUPPORTED)
		note(a, e.msg);
}

int
agents_find(struct agent *a, struct err *e)
{
	const char *set = getenv("SSH_AUTH_SOCK");
	int r;

	*a = (struct agent){ 0 };
	if (!wire_write(&a->answer, AGENT_MAX_MSG))
		return err_set(e, ERR_NOMEM, 0, "agent");
	if (set == NULL || set[0] == '\0') {
		note(a, "not running; SSH_AUTH_SOCK is not set");
	} else {
		r = try(a, strdup(set), e);
		if (r == ERR_UNSUPPORTED)
			note(a, "not running; SSH_AUTH_SOCK leads to another "
			    "agent, or to a locked one");
		else if (r == ERR_NOTFOUND)
			note(a, "not running; nobody listens at "
			    "SSH_AUTH_SOCK");
		else if (r != 0)
			note(a, e->msg);
	}
	a->in_use = a->found;
	try_default(a, paths_runtime_socket);
	try_default(a, paths_home_socket);
	return 0;
}

void
agents_free(struct agent *a)
{
	agentstatus_free(&a->status);
	wire_free(&a->answer);
	free(a->socket);
	*a = (struct agent){ 0 };
}
