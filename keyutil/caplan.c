/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "keyutil/ask.h"
#include "keyutil/caplan.h"
#include "keyutil/names.h"
#include "keyutil/out.h"
#include "pin/tty.h"

#define TRIES		3

static int
set_type(struct caplan *p, const char *text, struct err *e)
{
	if (strcmp(text, "user") == 0)
		p->type = CERT_USER;
	else if (strcmp(text, "host") == 0)
		p->type = CERT_HOST;
	else
		return err_set(e, ERR_USAGE, 0, "for user or host "
		    "certificates: \"%.32s\"", text);
	return 0;
}

/* In a CA block, a "!" and a port are of no name (base/glob.h). */
static int
check_principals(enum cert_type type, const char *list, struct err *e)
{
	int r;

	r = type == CERT_HOST ? names_check_hosts(list, e) :
	    names_check_patterns(list, e);
	if (r != 0)
		return r;
	if (list[strcspn(list, "![]")] != '\0')
		return err_set(e, ERR_USAGE, 0, "principals have no \"%c\": "
		    "they are names, or patterns with * and ?",
		    list[strcspn(list, "![]")]);
	return 0;
}

static int
set_principals(struct caplan *p, const char *text, struct err *e)
{
	int r;

	if ((r = check_principals(p->type, text, e)) != 0)
		return r;
	snprintf(p->principals, sizeof(p->principals), "%s", text);
	return 0;
}

static int
set_max_validity(struct caplan *p, const char *text, struct err *e)
{
	unsigned int seconds;
	int r;

	if (strlen(text) >= sizeof(p->max_validity))
		return err_set(e, ERR_USAGE, 0, "no time is that long");
	if ((r = conf_time(text, &seconds, e)) != 0)
		return r;
	if (seconds == 0)
		return err_set(e, ERR_USAGE, 0, "a certificate has to be "
		    "valid for some time");
	snprintf(p->max_validity, sizeof(p->max_validity), "%s", text);
	return 0;
}

int
caplan_parse(struct caplan *p, const struct caplan_options *o, struct err *e)
{
	int r;

	*p = (struct caplan){ 0 };
	if (o->type != NULL && (r = set_type(p, o->type, e)) != 0)
		return err_wrap(e, "--for");
	if (o->principals != NULL &&
	    (r = set_principals(p, o->principals, e)) != 0)
		return err_wrap(e, "--principals");
	if (o->max_validity != NULL &&
	    (r = set_max_validity(p, o->max_validity, e)) != 0)
		return err_wrap(e, "--max-validity");
	return 0;
}

bool
caplan_is_whole(const struct caplan *p)
{
	return p->type != 0 && p->principals[0] != '\0' &&
	    p->max_validity[0] != '\0';
}

static int
no_terminal(const struct caplan *p, struct err *e)
{
	return err_set(e, ERR_USAGE, 0, "there is no terminal to ask at; "
	    "give%s%s%s", p->type == 0 ? " --for user|host" : "",
	    p->principals[0] == '\0' ? " --principals LIST" : "",
	    p->max_validity[0] == '\0' ? " --max-validity TIME" : "");
}

/* by_default: what an empty answer means; NULL: nothing. */
static int
ask(struct caplan *p, const char *question, const char *by_default,
    int (*set)(struct caplan *, const char *, struct err *), struct err *e)
{
	char answer[SECRET_MAX + 1], prompt[200];
	int r;

	snprintf(prompt, sizeof(prompt), "%s%s%s%s ", question,
	    by_default != NULL ? " [" : "", by_default != NULL ? by_default :
	    "", by_default != NULL ? "]" : "");
	for (int i = 0; i < TRIES; i++) {
		if ((r = ask_line(prompt, answer, sizeof(answer), e)) == 0 &&
		    (r = set(p, answer[0] == '\0' && by_default != NULL ?
		    by_default : answer, e)) == 0)
			return 0;
		if (r != ERR_USAGE && r != ERR_FORMAT && r != ERR_LIMIT)
			return r;
		out_warn("%s", e->msg);
	}
	return err_set(e, ERR_CANCELLED, 0, "nothing was changed");
}

int
caplan_ask(struct caplan *p, struct err *e)
{
	bool host;
	int r;

	if (caplan_is_whole(p))
		return 0;
	if (!pin_tty_usable())
		return no_terminal(p, e);
	if (p->type == 0 && (r = ask(p, "Certificates for users or for hosts, "
	    "user or host?", "user", set_type, e)) != 0)
		return r;
	host = p->type == CERT_HOST;
	if (p->principals[0] != '\0' &&
	    (r = check_principals(p->type, p->principals, e)) != 0)
		return err_wrap(e, "--principals");
	if (p->principals[0] == '\0' && (r = ask(p, host ?
	    "For which host names, separated by commas, with * and ?:" :
	    "For which user names, separated by commas, with * and ?:", NULL,
	    set_principals, e)) != 0)
		return r;
	if (p->max_validity[0] != '\0')
		return 0;
	return ask(p, "Valid for how long at most, such as 90m, 12h or 52w?",
	    host ? "26w" : "12h", set_max_validity, e);
}
