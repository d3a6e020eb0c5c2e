/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A PKCS#11 module that is SoftHSM until it is told otherwise: the file
 * $HOSTILE has lines "FUNCTION ACTION [NUMBER]", read at each call:
 *
 *	C_Sign rv 0x30		returns that
 *	C_Sign once 0x30	returns that, and the file is empty
 *	C_Sign length 99999	says that its output has so many bytes
 *	C_Sign block		never returns
 *	C_Sign abort		ends the process
 *	C_Sign zero		returns CKR_OK and has done nothing
 *
 * Each C_Login that reaches it is a line in $HOSTILE.logins, each call that
 * finds an order one in $HOSTILE.told.  C_Login_again is a C_Login for one
 * signature, by a key that wants the PIN each time.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

enum action { WELL, RV, ONCE, LENGTH, BLOCK, ABORT, ZERO };

struct order {
	enum action	 action;
	unsigned long	 number;
};

/* A module has no other place than these for its functions. */
static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST ours;

static struct order
order_for(const char *function)
{
	static const char *const names[] = { "well", "rv", "once", "length",
	    "block", "abort", "zero" };
	const char *path = getenv("HOSTILE");
	struct order o = { WELL, 0 };
	char line[128], name[64], what[32];
	FILE *f = path != NULL ? fopen(path, "r") : NULL;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		unsigned long number = 0;

		if (sscanf(line, "%63s %31s %li", name, what,
		    (long *)&number) < 2 || strcmp(name, function) != 0)
			continue;
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (strcmp(what, names[i]) == 0)
				o = (struct order){ (enum action)i, number };
	}
	if (f != NULL)
		fclose(f);
	return o;
}

/* A line more in the file that is beside $HOSTILE. */
static void
write_down(const char *suffix, const char *what)
{
	const char *path = getenv("HOSTILE");
	char name[4096];
	FILE *f;

	if (path == NULL)
		return;
	snprintf(name, sizeof(name), "%s.%s", path, suffix);
	if ((f = fopen(name, "a")) == NULL)
		return;
	fprintf(f, "%s\n", what);
	fclose(f);
}

/* True: o->number is the answer, and all there is to it. */
static int
is_told(const char *function, struct order *o)
{
	*o = order_for(function);
	if (o->action != WELL)
		write_down("told", function);
	switch (o->action) {
	case ONCE:
		if (truncate(getenv("HOSTILE"), 0) != 0)
			abort();
		return 1;
	case RV:
		return 1;
	case ZERO:
		o->number = CKR_OK;
		return 1;
	case BLOCK:
		for (;;)
			pause();
	case ABORT:
		abort();
	case WELL:
	case LENGTH:
		break;
	}
	return 0;
}

static void
lie(const struct order *o, CK_ULONG *n)
{
	if (o->action == LENGTH)
		*n = o->number;
}

/* A function that has no length to lie about. */
#define PLAIN(name, params, args)				\
static CK_RV							\
name##_ params							\
{								\
	struct order told;					\
								\
	return is_told(#name, &told) ? told.number :		\
	    real->name args;					\
}

/* One that has. */
#define LYING(name, params, args, n)				\
static CK_RV							\
name##_ params							\
{								\
	struct order told;					\
	CK_RV rv;						\
								\
	if (is_told(#name, &told))				\
		return told.number;				\
	rv = real->name args;					\
	lie(&told, n);						\
	return rv;						\
}

LYING(C_GetSlotList, (unsigned char present, CK_SLOT_ID *ids, CK_ULONG *n),
    (present, ids, n), n)
LYING(C_FindObjects, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *o, CK_ULONG max,
    CK_ULONG *n), (s, o, max, n), n)
LYING(C_GetAttributeValue, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o,
    CK_ATTRIBUTE *a, CK_ULONG count), (s, o, a, count), &a->ulValueLen)

PLAIN(C_GetSlotInfo, (CK_SLOT_ID id, CK_SLOT_INFO *info), (id, info))
PLAIN(C_OpenSession, (CK_SLOT_ID id, CK_FLAGS flags, void *app,
    CK_NOTIFY notify, CK_SESSION_HANDLE *s), (id, flags, app, notify, s))
PLAIN(C_CloseSession, (CK_SESSION_HANDLE s), (s))
PLAIN(C_GetSessionInfo, (CK_SESSION_HANDLE s, CK_SESSION_INFO *info),
    (s, info))
PLAIN(C_Logout, (CK_SESSION_HANDLE s), (s))
PLAIN(C_FindObjectsInit, (CK_SESSION_HANDLE s, CK_ATTRIBUTE *a, CK_ULONG n),
    (s, a, n))
PLAIN(C_FindObjectsFinal, (CK_SESSION_HANDLE s), (s))
PLAIN(C_SignInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m,
    CK_OBJECT_HANDLE key), (s, m, key))
PLAIN(C_Initialize, (void *args), (args))
PLAIN(C_Finalize, (void *reserved), (reserved))
PLAIN(C_GenerateKeyPair, (CK_SESSION_HANDLE s, CK_MECHANISM *m,
    CK_ATTRIBUTE *a, CK_ULONG n, CK_ATTRIBUTE *b, CK_ULONG k,
    CK_OBJECT_HANDLE *public, CK_OBJECT_HANDLE *private),
    (s, m, a, n, b, k, public, private))
PLAIN(C_SetAttributeValue, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o,
    CK_ATTRIBUTE *a, CK_ULONG n), (s, o, a, n))
PLAIN(C_DestroyObject, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o), (s, o))

/* One that fails has ended what C_SignInit began; "zero" has not. */
static CK_RV
C_Sign_(CK_SESSION_HANDLE s, unsigned char *data, CK_ULONG len,
    unsigned char *sig, CK_ULONG *n)
{
	unsigned char unseen[4096];
	CK_ULONG size = sizeof(unseen);
	struct order o;
	CK_RV rv;

	if (is_told("C_Sign", &o)) {
		if (o.number != CKR_OK)
			(void)real->C_Sign(s, data, len, unseen, &size);
		return o.number;
	}
	rv = real->C_Sign(s, data, len, sig, n);
	lie(&o, n);
	return rv;
}

/* A length is that of flags which the token has, too. */
static CK_RV
C_GetTokenInfo_(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
	struct order o;
	CK_RV rv;

	if (is_told("C_GetTokenInfo", &o))
		return o.number;
	rv = real->C_GetTokenInfo(id, info);
	info->flags |= o.action == LENGTH ? o.number : 0;
	return rv;
}

/* Without a PIN, a person types $HOSTILE_PIN at the reader. */
static CK_RV
C_Login_(CK_SESSION_HANDLE s, CK_USER_TYPE user, unsigned char *pin,
    CK_ULONG n)
{
	const char *what = user == CKU_CONTEXT_SPECIFIC ? "C_Login_again" :
	    "C_Login";
	char *typed = getenv("HOSTILE_PIN");
	struct order o;

	write_down("logins", pin != NULL ? what : "C_Login at the pad");
	if (is_told(what, &o))
		return o.number;
	if (pin == NULL && typed != NULL) {
		pin = (unsigned char *)typed;
		n = strlen(typed);
	}
	return real->C_Login(s, user, pin, n);
}

static CK_RV
C_WaitForSlotEvent_(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
	struct order o;

	(void)flags;
	(void)slot;
	(void)reserved;
	return is_told("C_WaitForSlotEvent", &o) ? o.number :
	    CKR_FUNCTION_NOT_SUPPORTED;
}

static void
take_over(void)
{
	ours = *real;
	ours.C_Initialize = C_Initialize_;
	ours.C_Finalize = C_Finalize_;
	ours.C_GetSlotList = C_GetSlotList_;
	ours.C_GetSlotInfo = C_GetSlotInfo_;
	ours.C_GetTokenInfo = C_GetTokenInfo_;
	ours.C_WaitForSlotEvent = C_WaitForSlotEvent_;
	ours.C_OpenSession = C_OpenSession_;
	ours.C_CloseSession = C_CloseSession_;
	ours.C_GetSessionInfo = C_GetSessionInfo_;
	ours.C_Login = C_Login_;
	ours.C_Logout = C_Logout_;
	ours.C_FindObjectsInit = C_FindObjectsInit_;
	ours.C_FindObjects = C_FindObjects_;
	ours.C_FindObjectsFinal = C_FindObjectsFinal_;
	ours.C_GetAttributeValue = C_GetAttributeValue_;
	ours.C_SignInit = C_SignInit_;
	ours.C_Sign = C_Sign_;
	ours.C_GenerateKeyPair = C_GenerateKeyPair_;
	ours.C_SetAttributeValue = C_SetAttributeValue_;
	ours.C_DestroyObject = C_DestroyObject_;
}

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	const char *path = getenv("HOSTILE_REAL");
	CK_C_GetFunctionList get;
	void *so;
	CK_RV rv;

	if (path == NULL || (so = dlopen(path, RTLD_NOW)) == NULL)
		return CKR_GENERAL_ERROR;
	*(void **)&get = dlsym(so, "C_GetFunctionList");
	if (get == NULL)
		return CKR_GENERAL_ERROR;
	if ((rv = get(&real)) != CKR_OK)
		return rv;
	take_over();
	*list = &ours;
	return CKR_OK;
}
