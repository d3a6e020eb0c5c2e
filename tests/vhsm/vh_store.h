/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_VH_STORE_H
#define VHSM_VH_STORE_H

#include <openssl/evp.h>

#include "base/err.h"
#include "base/span.h"

/*
 * What the card keeps without power, and its one file on disk.  Objects
 * stay in the order of their making, keys (CCxx) and files alike.  The file
 * is only ever replaced as a whole, so killing the program at any moment
 * leaves the state before or after a command and nothing between.
 */
#define VH_ALGS_MAX	16
#define VH_SPACE	((size_t)1 << 20)	/* bytes in all objects */
#define VH_FILE_MAX	((size_t)32767)

enum {
	VH_FID_DEVCERT	= 0x2f02,
	VH_FID_LABEL	= 0x2f03,
	VH_FID_STAGING	= 0x2f10,
	VH_FID_DEVKEY	= 0xcc00,
	VH_FID_KEY	= 0xcc00,	/* | key reference */
	VH_FID_PRKD	= 0xc400,
	VH_FID_CERT	= 0xce00,
};

struct vh_key {
	EVP_PKEY	*pkey;		/* NULL: AES, the object's bytes */
	bool		 counted;
	uint32_t	 uses;		/* left, if counted */
	uint8_t		 algs[VH_ALGS_MAX];
	uint8_t		 algs_n;	/* 0: all */
};

struct vh_object {
	uint16_t	 fid;
	uint8_t		*p;		/* of a key: PKCS#8, or AES key */
	size_t		 n;
	struct vh_key	*key;		/* NULL: a file */
};

struct vh_pin {
	uint8_t		 value[16];
	uint8_t		 n;		/* 0: never set */
	uint8_t		 tries, max;
};

struct vh_dkek {
	bool		 on;
	uint8_t		 shares, missing;
	uint8_t		 key[32];
};

struct vh_store {
	char		*path;		/* NULL: memory only */
	bool		 dirty;
	char		 serial[12];
	uint16_t	 options;
	bool		 transport;	/* PIN must be changed first */
	struct vh_pin	 user, so;
	struct vh_dkek	 dkek;
	struct vh_object *obj;
	size_t		 obj_n, used;
};

/* Read the file at st->path; ERR_NOTFOUND if there is none. */
int	 vh_store_load(struct vh_store *st, struct err *e) MUST_CHECK;
int	 vh_store_save(struct vh_store *st, struct err *e) MUST_CHECK;
void	 vh_store_free(struct vh_store *st);

struct vh_object *vh_store_find(const struct vh_store *st, uint16_t fid);

/*
 * Give fid this content, new or replaced.  key, if not NULL, belongs to the
 * store when this returns true.  False: no room, nothing changed.
 */
bool	 vh_store_put(struct vh_store *st, uint16_t fid, struct span content,
	    struct vh_key *key);
bool	 vh_store_delete(struct vh_store *st, uint16_t fid);

/* Drop all objects but the device's own key and certificate. */
void	 vh_store_wipe(struct vh_store *st);

void	 vh_store_free_key(struct vh_key *key);

#endif
