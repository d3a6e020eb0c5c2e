/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/pidfd.h>
#include <sys/wait.h>

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/notice.h"
#include "base/spawn.h"
#include "ssh/keytext.h"

#define APART_MS	1000
#define RUN_MS_MAX	10000	/* with no desktop it may wait for long */
#define TEXT_MAX	400

struct notice {
	struct loop	*loop;
	const struct log *log;
	char		*command;	/* NULL: none */
	pid_t		 pid;		/* running, or 0 */
	int		 pid_fd;
	struct watch	*watch;
	struct timer	*limit;
	int64_t		 last_ms;	/* when one was started */
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
on_ended(void *arg, short revents)
{
	struct notice *n = arg;
	int status = 0;

	(void)revents;
	if (!spawn_wait(n->pid, 0, &status))
		return;
	watch_free(n->watch);
	timer_free(n->limit);
	n->watch = NULL;
	n->limit = NULL;
	close(n->pid_fd);
	n->pid = 0;
	if (status != 0)
		log_debug(n->log, "NotifyCommand ended with status %d",
		    status);
}

static void
on_limit(void *arg)
{
	struct notice *n = arg;

	n->limit = NULL;
	kill(n->pid, SIGKILL);		/* on_ended() hears of it */
}

/* Notices may have markup, and take what begins with "-" for an option. */
static void
clean(char out[static TEXT_MAX], const char *text)
{
	keytext_clean(out, TEXT_MAX, span_cstr(text));
	for (char *p = out; *p != '\0'; p++)
		if (*p == '<' || *p == '>' || *p == '&')
			*p = '?';
	if (out[0] == '-')
		out[0] = '?';
}

/* From now on on_ended() sees to it. */
static int
follow(struct notice *n, struct err *e)
{
	if ((n->pid_fd = pidfd_open(n->pid, 0)) == -1)
		return err_sys(e, "pidfd_open");
	n->watch = loop_watch(n->loop, n->pid_fd, POLLIN, on_ended, n);
	n->limit = loop_timer(n->loop, RUN_MS_MAX, on_limit, n);
	if (n->watch != NULL && n->limit != NULL)
		return 0;
	close(n->pid_fd);
	return err_set(e, ERR_NOMEM, 0, "notice");
}

/* Leave nothing behind, at once. */
static void
stop(struct notice *n)
{
	watch_free(n->watch);
	timer_free(n->limit);
	n->watch = NULL;
	n->limit = NULL;
	kill(n->pid, SIGKILL);
	spawn_kill(n->pid);
	n->pid = 0;
}

void
notice_send(struct notice *n, const char *title, const char *text)
{
	char clean_title[TEXT_MAX], clean_text[TEXT_MAX];
	char *const argv[] = { n != NULL ? n->command : NULL, clean_title,
	    clean_text, NULL };
	struct err e;

	if (n == NULL || n->command == NULL || n->pid != 0 ||
	    (n->last_ms != 0 && now_ms() - n->last_ms < APART_MS))
		return;
	clean(clean_title, title);
	clean(clean_text, text);
	n->last_ms = now_ms();
	if (spawn_start(argv, &n->pid, &e) != 0) {
		n->pid = 0;
		log_debug(n->log, "%s", e.msg);
	} else if (follow(n, &e) != 0) {
		stop(n);
		log_debug(n->log, "%s", e.msg);
	}
}

int
notice_new(struct notice **out, struct loop *l, const struct log *log,
    const char *command, struct err *e)
{
	struct notice *n;

	int r;

	if ((n = calloc(1, sizeof(*n))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "notice");
	n->loop = l;
	n->log = log;
	if ((r = notice_set_command(n, command, e)) != 0) {
		free(n);
		return r;
	}
	*out = n;
	return 0;
}

int
notice_set_command(struct notice *n, const char *command, struct err *e)
{
	char *copy = NULL;

	if (command != NULL && (copy = strdup(command)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "notice");
	free(n->command);
	n->command = copy;
	return 0;
}

void
notice_free(struct notice *n)
{
	if (n == NULL)
		return;
	if (n->pid != 0) {
		close(n->pid_fd);
		stop(n);
	}
	free(n->command);
	free(n);
}
