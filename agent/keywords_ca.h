/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_KEYWORDS_CA_H
#define AGENT_KEYWORDS_CA_H

#include "agent/options.h"
#include "base/conf.h"

/*
 * The keywords of CA blocks, for the table in keywords.c.  Lists go on when
 * they are said again; all else is said once.
 */
int	 keywords_asker_program(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_asker_user(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_ca(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_certificate_types(struct options *o,
	    const struct conf_line *l, struct err *e);
int	 keywords_critical_options(struct options *o,
	    const struct conf_line *l, struct err *e);
int	 keywords_deny_principals(struct options *o,
	    const struct conf_line *l, struct err *e);
int	 keywords_earliest_start(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_extensions(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_key_id(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_latest_start(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_max_rate(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_max_validity(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_observe(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_principals(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_require_options(struct options *o,
	    const struct conf_line *l, struct err *e);
int	 keywords_require_serial(struct options *o, const struct conf_line *l,
	    struct err *e);
int	 keywords_subject_keys(struct options *o, const struct conf_line *l,
	    struct err *e);

/*
 * ERR_USAGE when there is a CA block of this name and a Key block of the
 * same name with another Use than ca.
 */
int	 keywords_ca_fits(const struct options *o, const char *name,
	    struct err *e) MUST_CHECK;

#endif
