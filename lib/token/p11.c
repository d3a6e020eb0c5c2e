/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/p11-kit.h>

#include "ssh/keytext.h"
#include "token/p11inside.h"

#define SLOTS_MAX	256

struct p11_module {
	CK_FUNCTION_LIST *f;
	CK_FUNCTION_LIST **configured;	/* all by p11-kit; NULL: by path */
};

static enum err_code
code_of(CK_RV rv)
{
	switch (rv) {
	case CKR_HOST_MEMORY:
		return ERR_NOMEM;
	case CKR_DEVICE_MEMORY:
		return ERR_LIMIT;
	case CKR_DEVICE_REMOVED:
	case CKR_TOKEN_NOT_PRESENT:
	case CKR_TOKEN_NOT_RECOGNIZED:
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_SESSION_CLOSED:
	case CKR_SLOT_ID_INVALID:
	case CKR_CRYPTOKI_NOT_INITIALIZED:
	case CKR_USER_ALREADY_LOGGED_IN:	/* a new process is not */
	case CKR_OPERATION_ACTIVE:	/* of ours: it lost count */
	case CKR_OPERATION_NOT_INITIALIZED:
		return ERR_TOKEN_GONE;
	case CKR_USER_NOT_LOGGED_IN:
		return ERR_PIN_NEEDED;
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
		return ERR_PIN_WRONG;
	case CKR_PIN_LOCKED:
		return ERR_PIN_BLOCKED;
	case CKR_FUNCTION_CANCELED:
	case CKR_CANCEL:
		return ERR_CANCELLED;
	case CKR_KEY_HANDLE_INVALID:
	case CKR_OBJECT_HANDLE_INVALID:
		return ERR_STALE;
	case CKR_FUNCTION_NOT_SUPPORTED:
	case CKR_MECHANISM_INVALID:
	case CKR_CURVE_NOT_SUPPORTED:
	case CKR_KEY_SIZE_RANGE:
	case CKR_SESSION_READ_ONLY:
	case CKR_KEY_FUNCTION_NOT_PERMITTED:
	case CKR_KEY_TYPE_INCONSISTENT:
	case CKR_TOKEN_WRITE_PROTECTED:
		return ERR_UNSUPPORTED;
	}
	return ERR_TOKEN;
}

int
p11_failed(struct err *e, CK_RV rv, const char *what)
{
	return err_set(e, code_of(rv), (int)rv, "%s: %s (0x%lx)", what,
	    p11_kit_strerror(rv), rv);
}

/* PKCS#11 fills its fields up with blanks. */
static void
put_field(char *out, size_t len, const unsigned char *field, size_t n)
{
	while (n > 0 && (field[n - 1] == ' ' || field[n - 1] == '\0'))
		n--;
	keytext_clean(out, len, (struct span){ field, n });
}

/* --- modules and slots --- */

/* All of them are mapped, and one is initialised. */
static int
load_configured(struct p11_module *m, const char *name, struct err *e)
{
	if ((m->configured = p11_kit_modules_load(NULL, 0)) == NULL)
		return err_set(e, ERR_UNSUPPORTED, 0, "p11-kit has no "
		    "modules: %s", p11_kit_message());
	if ((m->f = p11_kit_module_for_name(m->configured, name)) == NULL)
		return err_set(e, ERR_NOTFOUND, 0, "p11-kit has no module "
		    "\"%s\" in its configuration (p11-kit list-modules)",
		    name);
	return 0;
}

static int
load_path(struct p11_module *m, const char *path, struct err *e)
{
	if ((m->f = p11_kit_module_load(path, 0)) == NULL)
		return err_set(e, ERR_UNSUPPORTED, 0, "%s is no PKCS#11 "
		    "module: %s", path, p11_kit_message());
	return 0;
}

static void
release(struct p11_module *m)
{
	if (m->configured != NULL)
		p11_kit_modules_release(m->configured);
	else if (m->f != NULL)
		p11_kit_module_release(m->f);
	free(m);
}

int
p11_load(struct p11_module **out, const char *module, struct err *e)
{
	struct p11_module *m;
	CK_RV rv;
	int r;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "module");
	r = module[0] == '/' ? load_path(m, module, e) :
	    load_configured(m, module, e);
	if (r == 0 && (rv = p11_kit_module_initialize(m->f)) != CKR_OK)
		r = p11_failed(e, rv, module);
	if (r != 0) {
		release(m);
		return r;
	}
	*out = m;
	return 0;
}

void
p11_unload(struct p11_module *m)
{
	if (m == NULL)
		return;
	(void)p11_kit_module_finalize(m->f);
	release(m);
}

static void
fill_slot(struct p11_module *m, struct p11_slot *s)
{
	CK_SLOT_INFO slot = { 0 };
	CK_TOKEN_INFO token = { 0 };

	if (m->f->C_GetSlotInfo(s->id, &slot) != CKR_OK)
		return;
	put_field(s->name, sizeof(s->name), slot.slotDescription,
	    sizeof(slot.slotDescription));
	if ((slot.flags & CKF_TOKEN_PRESENT) == 0 ||
	    m->f->C_GetTokenInfo(s->id, &token) != CKR_OK ||
	    (token.flags & CKF_TOKEN_INITIALIZED) == 0)
		return;
	s->present = true;
	put_field(s->label, sizeof(s->label), token.label,
	    sizeof(token.label));
	put_field(s->serial, sizeof(s->serial), token.serialNumber,
	    sizeof(token.serialNumber));
	put_field(s->model, sizeof(s->model), token.model,
	    sizeof(token.model));
	put_field(s->maker, sizeof(s->maker), token.manufacturerID,
	    sizeof(token.manufacturerID));
}

int
p11_list(struct p11_module *m, struct p11_slots *out, struct err *e)
{
	CK_SLOT_ID ids[SLOTS_MAX];
	CK_ULONG n = 0;
	CK_RV rv;

	*out = (struct p11_slots){ 0 };
	/* Some see new slots only when they are asked for their number. */
	(void)m->f->C_GetSlotList(CK_FALSE, NULL, &n);
	n = SLOTS_MAX;
	if ((rv = m->f->C_GetSlotList(CK_FALSE, ids, &n)) != CKR_OK)
		return p11_failed(e, rv, "slots");
	if (n > SLOTS_MAX)
		return err_set(e, ERR_LIMIT, 0, "%lu slots", n);
	if (n > 0 && (out->v = calloc(n, sizeof(*out->v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "slots");
	for (; out->n < n; out->n++) {
		out->v[out->n].id = ids[out->n];
		fill_slot(m, &out->v[out->n]);
	}
	return 0;
}

void
p11_slots_free(struct p11_slots *s)
{
	free(s->v);
	*s = (struct p11_slots){ 0 };
}

int
p11_wait(struct p11_module *m, struct err *e)
{
	CK_SLOT_ID slot;
	CK_RV rv;

	if (m->f->C_WaitForSlotEvent == NULL ||
	    (rv = m->f->C_WaitForSlotEvent(0, &slot, NULL)) != CKR_OK)
		return err_set(e, ERR_UNSUPPORTED, 0, "the module cannot "
		    "wait for tokens");
	return 0;
}

/* --- the token --- */

static int
get_info(struct p11_token *p, CK_TOKEN_INFO *info, struct err *e)
{
	CK_RV rv;

	*info = (CK_TOKEN_INFO){ 0 };
	if ((rv = p->f->C_GetTokenInfo(p->slot, info)) != CKR_OK)
		return p11_failed(e, rv, "token");
	return 0;
}

static int
p11_begin(struct token *t, struct err *e)
{
	CK_SESSION_INFO info;
	CK_RV rv;

	if ((rv = p11_of(t)->f->C_GetSessionInfo(p11_of(t)->session, &info)) !=
	    CKR_OK)
		return p11_failed(e, rv, "session");
	return 0;
}

static void
p11_end(struct token *t)
{
	(void)t;
}

/* Only that there are few is told, so these are the least there may be. */
static enum token_pin_state
state_of(const CK_TOKEN_INFO *info, int *tries)
{
	*tries = -1;
	if ((info->flags & CKF_USER_PIN_LOCKED) != 0)
		return TOKEN_PIN_BLOCKED;
	if ((info->flags & CKF_USER_PIN_INITIALIZED) == 0)
		return TOKEN_PIN_UNSET;
	if ((info->flags & CKF_USER_PIN_TO_BE_CHANGED) != 0)
		return TOKEN_PIN_TRANSPORT;
	*tries = (info->flags & CKF_USER_PIN_FINAL_TRY) != 0 ? 1 :
	    (info->flags & CKF_USER_PIN_COUNT_LOW) != 0 ? 2 : 3;
	return TOKEN_PIN_NEEDED;
}

static int
p11_info(struct token *t, unsigned int parts, struct token_info *i,
    struct err *e)
{
	CK_TOKEN_INFO info;
	int r;

	(void)parts;
	if ((r = get_info(p11_of(t), &info, e)) != 0)
		return r;
	*i = (struct token_info){ .known = TOKEN_INFO_ALL, .so_tries = -1,
	    .dkek_shares = -1, .dkek_missing = -1, .memory_free = -1 };
	snprintf(i->serial, sizeof(i->serial), "%s", t->serial);
	put_field(i->label, sizeof(i->label), info.label, sizeof(info.label));
	put_field(i->model, sizeof(i->model), info.model, sizeof(info.model));
	snprintf(i->firmware, sizeof(i->firmware), "%u.%u",
	    info.firmwareVersion.major, info.firmwareVersion.minor);
	i->pin = state_of(&info, &i->pin_tries);
	return 0;
}

/* No PIN is sent to another token than the one it is for. */
static int
p11_pin_state(struct token *t, enum token_pin_state *st, int *tries,
    struct err *e)
{
	char serial[sizeof(t->serial)];
	CK_TOKEN_INFO info;
	int r;

	if ((r = get_info(p11_of(t), &info, e)) != 0)
		return r;
	put_field(serial, sizeof(serial), info.serialNumber,
	    sizeof(info.serialNumber));
	if (strcmp(serial, t->serial) != 0)
		return err_set(e, ERR_TOKEN_GONE, 0, "another token is in the "
		    "slot now");
	*st = state_of(&info, tries);
	return 0;
}

CK_RV
p11_log_in_as(struct p11_token *p, CK_USER_TYPE who, const struct secret *pin)
{
	return p->f->C_Login(p->session, who, pin == NULL ? NULL :
	    p11_unconst(secret_bytes(pin)),
	    pin == NULL ? 0 : secret_len(pin));
}

bool
p11_in_doubt(CK_RV rv)
{
	switch (rv) {
	case CKR_OK:
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
	case CKR_PIN_LOCKED:
	/* There was nobody to look at it. */
	case CKR_USER_ALREADY_LOGGED_IN:
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_SESSION_CLOSED:
	case CKR_CRYPTOKI_NOT_INITIALIZED:
	case CKR_OPERATION_NOT_INITIALIZED:
		return false;
	}
	return true;
}

static int
p11_login(struct token *t, const struct secret *pin, struct err *e)
{
	struct p11_token *p = p11_of(t);
	enum token_pin_state st;
	int tries, left, r;
	CK_RV rv;

	t->pin_doubt = 0;
	t->had_login = p->logged_in;
	if ((r = p11_pin_state(t, &st, &tries, e)) != 0 ||
	    (r = token_takes_pin(t, st, tries, e)) != 0)
		return r;
	(void)p->f->C_Logout(p->session);
	p->logged_in = false;
	secret_clear(p->pin);
	p11_sign_forget(p);
	rv = p11_log_in_as(p, CKU_USER, pin);
	if (rv == CKR_OK) {
		p->logged_in = true;
		if (pin != NULL)
			secret_copy(p->pin, pin);
		return 0;
	}
	if ((r = p11_failed(e, rv, "login")) == ERR_PIN_WRONG)
		e->detail = p11_pin_state(t, &st, &left, e) == 0 &&
		    left >= 0 ? left : 0;
	if (r == ERR_PIN_WRONG)
		return err_set(e, r, e->detail, "the PIN is wrong");
	if (pin != NULL && p11_in_doubt(rv))
		t->pin_doubt = tries;
	/* That a login needs a login is nothing to ask a person for. */
	return r == ERR_PIN_NEEDED ? (int)(e->code = ERR_TOKEN) : r;
}

static int
p11_logout(struct token *t, struct err *e)
{
	CK_RV rv = p11_of(t)->f->C_Logout(p11_of(t)->session);

	secret_clear(p11_of(t)->pin);
	p11_sign_forget(p11_of(t));
	p11_of(t)->logged_in = false;
	if (rv != CKR_OK && rv != CKR_USER_NOT_LOGGED_IN)
		return p11_failed(e, rv, "logout");
	return 0;
}

static void
p11_close(struct token *t)
{
	(void)p11_of(t)->f->C_CloseSession(p11_of(t)->session);
	sig_verifier_free(p11_of(t)->verifier);
	p11_sign_forget(p11_of(t));
	secret_free(p11_of(t)->pin);
	secret_free(p11_of(t)->rejected);
	free(t);
}

static const struct token_ops ops = {
	.begin = p11_begin,
	.end = p11_end,
	.info = p11_info,
	.pin_state = p11_pin_state,
	.list = p11_keys_list,
	.login = p11_login,
	.logout = p11_logout,
	.sign = p11_sign,
	.close = p11_close,
};

int
p11_open(struct p11_module *m, uint64_t slot, struct token **out,
    struct err *e)
{
	CK_TOKEN_INFO info;
	struct p11_token *p;
	CK_RV rv;
	int r;

	if ((p = calloc(1, sizeof(*p))) == NULL ||
	    (p->pin = secret_new()) == NULL ||
	    (p->rejected = secret_new()) == NULL) {
		if (p != NULL)
			secret_free(p->pin);
		free(p);
		return err_set(e, ERR_NOMEM, 0, "token");
	}
	p->t.ops = &ops;
	p->t.manage = &p11_manage_ops;
	p->f = m->f;
	p->slot = slot;
	if ((r = get_info(p, &info, e)) == 0 && (rv = m->f->C_OpenSession(
	    slot, CKF_SERIAL_SESSION, NULL, NULL, &p->session)) != CKR_OK)
		r = p11_failed(e, rv, "session");
	if (r != 0) {
		secret_free(p->pin);
		secret_free(p->rejected);
		free(p);
		return r;
	}
	put_field(p->t.serial, sizeof(p->t.serial), info.serialNumber,
	    sizeof(info.serialNumber));
	p->t.has_pad =
	    (info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0;
	*out = &p->t;
	return 0;
}
