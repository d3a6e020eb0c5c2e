/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_CONFIGURED_H
#define UNIT_CONFIGURED_H

#include "agent/settings.h"

/* The settings that a configuration of this text makes; NULL: none. */
struct settings	*configured(const char *text);

#endif
