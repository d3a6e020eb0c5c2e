/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_OPTIONS_H
#define AGENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/log.h"
#include "base/span.h"

/*
 * What the command line and the configuration file ask for.  The command
 * line wins; see hsm-ssh-agent(1) and hsm-ssh-agent.conf(5), which a test
 * holds against the tables in options.c.
 */
struct token_options {
	char	*name;			/* serial number or label */
	char	*pin_file;
};

enum shell_kind {
	SHELL_GUESS,
	SHELL_SH,
	SHELL_CSH,
};

struct options {
	char		*socket;	/* NULL: the default one */
	char		*config;	/* NULL: the default ones, if there */
	char		*token;		/* the global PIN is for it, or NULL */
	char		*pin_file;
	int		 pin_fd;	/* -1: none */
	char		*providers;	/* -P, or NULL */
	unsigned int	 lifetime;	/* of an unlock, s; 0: no end */
	bool		 lifetime_set;
	enum shell_kind	 shell;
	enum log_level	 log_level;
	bool		 foreground;	/* -d or -D */
	bool		 debug;		/* -d */
	bool		 kill_agent;
	bool		 unlock;
	bool		 allow_sha1;
	bool		 help, version;
	char		**command;	/* argv of COMMAND, or NULL */
	struct token_options *tokens;
	size_t		 n_tokens;
};

/* Reads the configuration file too.  Free *o in any case. */
int	 options_parse(struct options *o, int argc, char **argv,
	    struct err *e) MUST_CHECK;
void	 options_free(struct options *o);

/* Only the configuration text, onto what *o has already. */
int	 options_conf(struct options *o, struct span text, const char *file,
	    struct err *e) MUST_CHECK;

extern const char options_usage[];

#endif
