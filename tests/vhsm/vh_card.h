/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_VH_CARD_H
#define VHSM_VH_CARD_H

#include "tests/vhsm/vh_apdu.h"
#include "tests/vhsm/vh_buf.h"
#include "tests/vhsm/vh_habit.h"
#include "tests/vhsm/vh_store.h"
#include "tests/vhsm/vhsm.h"

/*
 * The inside of a card: what survives without power (st) and what does not
 * (session).  A handler gets a well-formed command of a selected card,
 * appends its answer to out and returns the status word; what it changes in
 * st is written by its caller before anyone sees the answer.
 */
enum vh_sw {
	SW_OK			= 0x9000,
	SW_MORE			= 0x6100,	/* | bytes there are */
	SW_EOF			= 0x6282,
	SW_TRIES		= 0x63c0,	/* | tries left */
	SW_MEMORY		= 0x6581,
	SW_LENGTH		= 0x6700,
	SW_SECURITY		= 0x6982,
	SW_BLOCKED		= 0x6983,
	SW_INVALIDATED		= 0x6984,
	SW_CONDITIONS		= 0x6985,
	SW_DATA			= 0x6a80,
	SW_NOT_SUPPORTED	= 0x6a81,
	SW_NOT_FOUND		= 0x6a82,
	SW_SPACE		= 0x6a84,
	SW_P1P2			= 0x6a86,
	SW_REFERENCE		= 0x6a88,
	SW_LE			= 0x6c00,	/* | bytes there are */
	SW_INS			= 0x6d00,
	SW_CLA			= 0x6e00,
	SW_INTERNAL		= 0x6f00,
};

/* Options of INITIALIZE, tag 80. */
enum vh_option {
	VH_OPTION_RRC		= 0x0001,
	VH_OPTION_TRANSPORT	= 0x0002,
	VH_OPTION_RRC_ONLY	= 0x0020,	/* may not set a new PIN */
};

struct vh_session {
	bool		 selected;
	bool		 other;		/* another applet is */
	bool		 user, so;	/* logged in */
	uint16_t	 current;	/* EF, 0: none */
};

struct vhsm {
	struct vhsm_options	 opt;		/* strings not kept */
	struct vh_store		 st;
	struct vh_session	 session;
	bool			 quirk[VHSM_QUIRKS];
	struct vhsm_pins	 pins;
	struct vh_held		 held;
	uint8_t			 atr[33];	/* not the firmware's */
	size_t			 atr_n;		/* 0: the firmware's */
	uint16_t		 pka_sw;	/* of the PIN; 0: no PKA */
	uint8_t			 other_spent;	/* tries of the other PIN */
};

typedef uint16_t vh_handler(struct vhsm *v, const struct vh_apdu *a,
    struct vh_buf *out);

/* vh_file.c */
vh_handler	 vh_file_select, vh_file_enumerate, vh_file_read,
		 vh_file_update, vh_file_delete;

/* vh_profile.c: what firmwares differ in */
size_t		 vh_profile_command_max(const struct vhsm *v);
uint16_t	 vh_profile_used_up(const struct vhsm *v);
uint16_t	 vh_profile_not_allowed(const struct vhsm *v);
/* Some compute 2F03 from what is written there: append that; else false. */
bool		 vh_profile_put_info(const struct vhsm *v, struct span info,
		    struct vh_buf *out);

/* vh_other.c: a second applet, for which a successful SELECT is one too many */
bool		 vh_other_is_aid(const struct vhsm *v, struct span aid);
vh_handler	 vh_other_select, vh_other_run;

/* vh_pin.c */
vh_handler	 vh_pin_verify, vh_pin_change, vh_pin_reset, vh_pin_pka;

/* Try the SO-PIN: SW_OK, or what the counter then says. */
uint16_t	 vh_pin_try_so(struct vhsm *v, struct span pin);
bool		 vh_pin_is_user_size(size_t n);

/* vh_init.c */
vh_handler	 vh_init_device, vh_init_dkek;

/* vh_gen.c */
vh_handler	 vh_gen_pair, vh_gen_secret;

/* vh_use.c */
vh_handler	 vh_use_sign, vh_use_decipher;

/* vh_wrap.c */
vh_handler	 vh_wrap_key, vh_wrap_unwrap;

#endif
