/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PIN_WAY_H
#define PIN_WAY_H

#include <limits.h>

#include "pin/pin.h"

/* By which way a person can be asked: the rules of pin/pin.h. */
enum pin_way_kind {
	PIN_WAY_NONE,
	PIN_WAY_TERMINAL,
	PIN_WAY_ASKPASS,
	PIN_WAY_PINENTRY,
};

struct pin_way {
	enum pin_way_kind	 kind;
	char			 program[PATH_MAX];	/* of the last two */
	bool			 there;	/* it can be started */
};

void	 pin_way_choose(const struct pin_asker *how, struct pin_way *w);

#endif
