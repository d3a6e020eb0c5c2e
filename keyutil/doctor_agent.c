/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "keyutil/doctor.h"
#include "ssh/keytext.h"

#define START_AGENT	"eval \"$(hsm-ssh-agent)\""

/*
 * Agents that put themselves before ours, by the name of the program or by a
 * part of the socket's path: who listens need not be who opened it, and only
 * of that one Linux tells.
 */
static const struct {
	const char	*program, *path, *name, *how;
} strangers[] = {
	{ "gnome-keyring-d", "/keyring/ssh", "gnome-keyring",
	    "to be rid of it: systemctl --user mask --now gnome-keyring-daemon"
	    ".socket gnome-keyring-daemon.service" },
	{ "gcr-ssh-agent", "/gcr/ssh", "GNOME's gcr-ssh-agent",
	    "to be rid of it: systemctl --user mask --now gcr-ssh-agent.socket"
	    " gcr-ssh-agent.service" },
	{ "gpg-agent", "S.gpg-agent.ssh", "gpg-agent",
	    "to be rid of it take \"enable-ssh-support\" out of "
	    "~/.gnupg/gpg-agent.conf" },
	{ "sshd", "/tmp/ssh-", "an ssh-agent, here or where you came from",
	    NULL },
	{ "ssh-agent", "/.ssh/agent/s.", "an ssh-agent", NULL },
};

#define STRANGERS	(sizeof(strangers) / sizeof(strangers[0]))

/* Who listens at a socket. */
struct listener {
	int	 why;			/* 0, or why it is not known */
	struct ucred who;
	char	 name[64];		/* of the program, "" if not told */
};

static void
read_name(const char *root, long pid, char *name, int len)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/%ld/comm", root, pid);
	if ((f = fopen(path, "re")) == NULL)
		return;
	if (fgets(name, len, f) != NULL)
		name[strcspn(name, "\n")] = '\0';
	fclose(f);
}

static struct listener
listener_at(const char *root, const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct listener l = { .why = ENAMETOOLONG };
	socklen_t n = sizeof(l.who);
	int fd;

	if (strlen(path) >= sizeof(sa.sun_path))
		return l;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1 ||
	    connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &l.who, &n) != 0)
		l.why = errno;
	else
		l.why = 0;
	if (fd != -1)
		close(fd);
	if (l.why == 0)
		read_name(root, (long)l.who.pid, l.name, sizeof(l.name));
	return l;
}

/* The socket that IdentityAgent names; NULL for none, or SSH_AUTH_SOCK's. */
static const char *
identity_agent(const struct doctor *d, struct doctor_word *w)
{
	const char *s = d->ssh.agent;

	if (d->ssh_rc != 0 || s == NULL || strcasecmp(s, "none") == 0 ||
	    strcasecmp(s, "SSH_AUTH_SOCK") == 0)
		return NULL;
	if (s[0] == '$')
		return getenv(s + 1);
	if (strncmp(s, "~/", 2) != 0)
		return s;
	*w = doctor_home(s + 2);
	return w->s;
}

int
doctor_find_agent(struct doctor *d, struct err *e)
{
	struct agent other = { 0 };
	struct doctor_word w;
	const char *path = identity_agent(d, &w);
	int r;

	if ((r = agents_find(&d->agent, e)) != 0)
		return r;
	d->ssh_uses_us = d->agent.in_use;
	if (d->ssh_rc == 0 && d->ssh.agent != NULL &&
	    strcasecmp(d->ssh.agent, "SSH_AUTH_SOCK") != 0)
		d->ssh_uses_us = false;
	if (path == NULL || (r = agents_find_at(&other, path, e)) != 0)
		return r;
	d->ssh_uses_us = other.found;
	if (other.found && !d->agent.found) {
		agents_free(&d->agent);
		d->agent = other;
		other = (struct agent){ 0 };
	}
	agents_free(&other);
	return 0;
}

void
doctor_agent(struct doctor *d)
{
	const struct agentstatus *s = &d->agent.status;
	const bool same = span_is(s->version, PACKAGE_VERSION);

	if (!d->agent.found) {
		doctor_say(d, DOCTOR_FAIL, "hsm-ssh-agent: %s",
		    d->agent.note);
		doctor_fix(d, START_AGENT);
		return;
	}
	doctor_say(d, same ? DOCTOR_PASS : DOCTOR_WARN,
	    "hsm-ssh-agent %.*s, process %u, at %s%s", (int)s->version.n,
	    (const char *)s->version.p, s->pid, d->agent.socket, same ? "" :
	    "; it is not the version of this program, " PACKAGE_VERSION);
	if (!same)
		doctor_fix(d, "kill %u; " START_AGENT, s->pid);
}

/* What makes ssh use our agent, in this shell. */
static void
fix_environment(struct doctor *d)
{
	if (d->agent.found)
		doctor_fix(d, "export SSH_AUTH_SOCK=%s",
		    doctor_quote(d->agent.socket).s);
	else
		doctor_fix(d, START_AGENT);
}

static void
say_who(struct doctor *d, enum doctor_result r, const char *path,
    const char *program)
{
	const char *name = program[0] != '\0' ? program : "another agent";
	const char *how = NULL;

	for (size_t i = 0; i < STRANGERS; i++) {
		if (program[0] != '\0' ?
		    strcmp(program, strangers[i].program) != 0 :
		    strstr(path, strangers[i].path) == NULL)
			continue;
		name = strangers[i].name;
		how = strangers[i].how;
		break;
	}
	doctor_say(d, r, "SSH_AUTH_SOCK leads to %s, not to hsm-ssh-agent%s%s",
	    name, how != NULL ? "; " : "", how != NULL ? how : "");
}

static void
look_at_stranger(struct doctor *d, const char *path)
{
	const struct listener l = listener_at(d->root, path);
	/* An agent that has another purpose is no fault where ours is used. */
	const enum doctor_result bad = d->ssh_uses_us ? DOCTOR_PASS :
	    DOCTOR_FAIL;

	if (l.why == ENOENT || l.why == ENOTDIR)
		doctor_say(d, bad, "SSH_AUTH_SOCK names %s, which is not "
		    "there", path);
	else if (l.why == ECONNREFUSED)
		doctor_say(d, bad, "SSH_AUTH_SOCK names %s, where nobody "
		    "listens any more", path);
	else if (l.why != 0)
		doctor_say(d, bad, "SSH_AUTH_SOCK names %s, which cannot be "
		    "opened: %s", path, strerror(l.why));
	else if (l.who.uid != getuid())
		doctor_say(d, bad, "SSH_AUTH_SOCK leads to an agent of another "
		    "user (uid %u)", (unsigned int)l.who.uid);
	else
		say_who(d, bad, path, l.name);
	if (bad == DOCTOR_FAIL)
		fix_environment(d);
}

void
doctor_agent_socket(struct doctor *d)
{
	const char *path = getenv("SSH_AUTH_SOCK");

	if (d->agent.in_use) {
		doctor_say(d, DOCTOR_PASS, "SSH_AUTH_SOCK leads to "
		    "hsm-ssh-agent");
	} else if (path != NULL && path[0] != '\0') {
		look_at_stranger(d, path);
	} else if (d->ssh_uses_us) {
		doctor_say(d, DOCTOR_PASS, "SSH_AUTH_SOCK is not set, but "
		    "ssh knows the way");
	} else {
		doctor_say(d, DOCTOR_FAIL, "SSH_AUTH_SOCK is not set: ssh "
		    "finds no agent");
		fix_environment(d);
	}
}

void
doctor_agent_tokens(struct doctor *d)
{
	const struct agentstatus *s = &d->agent.status;
	char serial[64], state[32], trouble[300];

	if (!d->agent.found) {
		doctor_say(d, DOCTOR_SKIP, "no agent to ask");
		return;
	}
	for (size_t i = 0; i < s->n_tokens; i++) {
		const struct agentstatus_token *t = &s->tokens[i];
		const bool bad = span_is(t->state, "failed");

		keytext_clean(serial, sizeof(serial), t->serial.n > 0 ?
		    t->serial : t->reader);
		keytext_clean(state, sizeof(state), t->state);
		keytext_clean(trouble, sizeof(trouble), t->trouble);
		doctor_say(d, bad ? DOCTOR_FAIL : DOCTOR_PASS,
		    "the agent has %s: %s, %u key%s%s%s", serial, state,
		    t->keys, t->keys == 1 ? "" : "s",
		    bad && trouble[0] != '\0' ? "; " : "",
		    bad ? trouble : "");
	}
	if (s->n_tokens > 0)
		return;
	if (!doctor_has_token(d)) {
		doctor_say(d, DOCTOR_SKIP, "the agent has no token, and there "
		    "is none");
		return;
	}
	doctor_say(d, DOCTOR_FAIL, "the agent has no token; was it started "
	    "with another pcscd?");
	doctor_fix(d, "kill %u; " START_AGENT, s->pid);
}
