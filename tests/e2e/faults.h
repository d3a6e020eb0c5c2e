/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef E2E_FAULTS_H
#define E2E_FAULTS_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

#include "tests/e2e/crowd.h"
#include "tests/e2e/other.h"
#include "tests/e2e/vctl.h"

/*
 * What happens to a token in real life, as things to do to a virtual one.
 * The matrix and the soak share them.
 */
#define SCENE_PIN_MAX	17


/* Where it happens. */
struct scene {
	struct vctl	 hsm;
	char		 reader[64];
	const char	*dir;		/* with "pin" and "prompts" in it */
	char		 pin_file[16];	/* "pin.1" for the second token */
	char		 comment[16];	/* of a key on it: "ec", "ec-1" */
	pid_t		 agent, harness;
	struct other	 other;
	char		 pin[SCENE_PIN_MAX];
	struct crowd	*crowd;		/* is served while a fault lasts */
};

/*
 * A fault lasts from begin() to end(); clients may ask in between.  One that
 * has a plan hits the Nth card command from when it is planned.
 */
struct fault_kind {
	const char	*name;
	const char	*plan;		/* what "fail N" of vhsm takes */
	bool		 on_command;	/* shows only in a card command */
	bool		 at_rest;	/* never while the agent uses it */
	bool		 away;		/* so long that it is not expected */
	unsigned int	 tries;		/* that it may cost: a changed PIN */
	void		(*begin)(struct scene *s);
	void		(*end)(struct scene *s);
};

extern const struct fault_kind fault_kinds[];
extern const size_t fault_kinds_n;

const struct fault_kind *fault_named(const char *name);

/* The token N in the reader that with-vhsm gives it, from environment. */
void	 scene_open(struct scene *s, unsigned int token, pid_t agent);
void	 scene_close(struct scene *s);

/* Card 1 of that token's reader is another token, with another PIN. */
void	 scene_add_card(struct scene *s);

/* How often the agent has asked for a PIN. */
unsigned int scene_prompts(const struct scene *s);

/* Another program sends the card a command, and goes. */
bool	 scene_visit(struct scene *s, enum other_act act);

/* What the agent said lately in $AGENT_LOG, but for its successes. */
void	 scene_show_log(void);

#endif
