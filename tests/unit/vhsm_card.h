/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_VHSM_CARD_H
#define UNIT_VHSM_CARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/vhsm/vhsm.h"

/*
 * A virtual card on the bench of a unit test: commands in hex, answers and
 * status words held against what they must be.
 */
#define SELECT	"00A404000BE82B0601040181C31F020100"
#define VERIFY	"0020008106363438323139"
#define WRONG	"0020008106303030303030"
#define SO_HEX	"3537363231383830"
#define PIN_HEX	"363438323139"
#define SHARE1	"01010101010101010101010101010101" \
	"01010101010101010101010101010101"
#define SHARE2	"02020202020202020202020202020202" \
	"02020202020202020202020202020202"

struct test {
	struct vhsm	*v;
	struct vhsm_options opt;
	uint8_t		 rsp[VHSM_RSP_MAX];
	size_t		 n;		/* bytes before the status word */
	char		 dir[64], path[80];
};

unsigned	 card_send(struct test *t, struct span cmd);
/* Send hex digits; the status word. */
unsigned	 card_send_hex(struct test *t, const char *hex);
/* header (4 bytes in hex), data, an extended Le of 0000 */
unsigned	 card_send_data(struct test *t, const char *header,
		    struct span data);
struct span	 card_answer(const struct test *t);
void		 card_expect(const struct test *t, const char *hex);

void		 card_open(struct test *t);
void		 card_ready(struct test *t);	/* initialised, selected */
uint8_t		 card_make_key(struct test *t, const char *type);
void		 card_use_file(struct test *t);
void		 card_reopen(struct test *t);

int		 card_setup(void **state);
int		 card_teardown(void **state);

#define EXPECT(t, hex, sw) assert_int_equal(card_send_hex(t, hex), sw)
#define T(name) cmocka_unit_test_setup_teardown(name, card_setup, \
    card_teardown)

#endif
