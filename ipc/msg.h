/*
 * msg.h - the messages of messages.def: their numbers, structs, names, and
 * packing and unpacking of the typed ones over tpl.
 */
#ifndef IPC_MSG_H
#define IPC_MSG_H

#include "ipc/buf.h"
#include "ipc/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The version both ends say in HELLO and WELCOME. See PROTOCOL.md. */
#define IPC_VERSION 1
/* A typed message's image, whatever frame_max says: 64 KiB (rule 1 of tpl). */
#define IPC_IMAGE_MAX (64u << 10)
/* A connection's tag, and the text of a CLOSE (RFC 6455 5.5.1), in bytes. */
#define IPC_TAG_MAX 1024u
#define IPC_CLOSE_TEXT_MAX 123u
/* What a game may write between two COMMITs, in bytes, frames included. */
#define IPC_TURN_MAX (4u << 20)
/* INFO's answer carries this as its request. */
#define IPC_REQUEST_INFO UINT64_MAX

/* flags of SEND, SEND_GROUP, SEND_BUT and MESSAGE */
#define IPC_CLASS_MASK 0x03u
#define IPC_RELIABLE 0x00u  /* never dropped: the player is closed first */
#define IPC_LATEST 0x01u    /* a newer one with the same key replaces it */
#define IPC_DROPPABLE 0x02u /* the oldest goes first */
#define IPC_TEXT 0x00u
#define IPC_BINARY 0x04u
#define IPC_MARKUP 0x08u /* SEND...: its text is markup (markup.h) */
/* bits of ABLE, and what SET_ABLE sets */
#define IPC_ABLE_COLOURS 0x03u
#define IPC_ABLE_UTF8 0x04u
#define IPC_ABLE_READER 0x08u
#define IPC_ABLE_SIDE 0x10u
#define IPC_ABLE_EDITS 0x20u
enum ipc_able { IPC_SET_COLOURS, IPC_SET_UTF8, IPC_SET_READER, IPC_SET_WRAP };
#define IPC_COLUMNS_MAX 1000
/* The name of an out-of-band message, in bytes. */
#define IPC_SIDE_NAME_MAX 64u
/* flags of CLOSED, COMMIT, and of things in pieces */
#define IPC_FAILED 0x01u
#define IPC_PARTIAL 0x01u
#define IPC_MORE 0x01u
#define IPC_FIRST 0x02u
/* flag of STATE_WATCH and EVENT */
#define IPC_TO_GROUP 0x01u
/* channel of WORKED */
enum ipc_worked { IPC_WORKED_DONE, IPC_WORKED_FAILED, IPC_WORKED_NOTE };
/* The longest name of workers, in bytes. */
#define IPC_WORKERS_NAME_MAX 31u
/* opened.state */
enum ipc_opened_state {
	IPC_FRESH,
	IPC_RESUMED, /* the game before knew it */
	IPC_NEW,     /* came while no game was there */
	IPC_GONE     /* left meanwhile: its CLOSED follows at once */
};

enum ipc_kind {
#define RAW(number, NAME, to, doc) IPC_##NAME = number,
#define MSG(number, NAME, name, to, doc, ...) IPC_##NAME = number,
#define GONE(number)
#include "ipc/messages.def"
#undef RAW
#undef MSG
#undef GONE
	IPC_KIND_END = 128 /* every kind is below */
};

enum ipc_reason {
#define REASON(number, NAME, name, code, doc) IPC_REASON_##NAME = number,
#include "ipc/reasons.def"
#undef REASON
	IPC_REASON_END
};

enum ipc_error {
#define ERR(number, NAME, doc) IPC_ERR_##NAME = -(number),
#include "ipc/errors.def"
#undef ERR
};

/* Laid out like tpl_bin. */
struct ipc_bin {
	void *addr;
	uint32_t sz;
};

#define U8(field, max) uint8_t field;
#define U16(field, max) uint16_t field;
#define U32(field, max) uint32_t field;
#define U64(field, max) uint64_t field;
#define STR(field, longest) char *field;
#define BIN(field, longest) struct ipc_bin field;
#define RAW(number, NAME, to, doc)
#define GONE(number)
#define MSG(number, NAME, name, to, doc, ...) \
	struct ipc_##name {                   \
		__VA_ARGS__                   \
	};
#include "ipc/messages.def"
#undef U8
#undef U16
#undef U32
#undef U64
#undef STR
#undef BIN
#undef RAW
#undef GONE
#undef MSG

enum ipc_to { IPC_TO_NETD = 1, IPC_TO_GAME = 2 };

struct ipc_field {
	const char *name;
	char type;     /* of tpl: c v u U s B */
	size_t offset; /* in the struct */
	uint64_t max;  /* the largest value, or length in bytes */
};

struct ipc_info {
	const char *name; /* as in messages.def */
	const char *doc;
	const char *format; /* of tpl; NULL for a RAW message */
	size_t size;        /* of the struct; 0 for a RAW message */
	enum ipc_to to;
	const struct ipc_field *fields; /* ended by a NULL name */
};

/* What messages.def says of a kind, or NULL if there is none. */
const struct ipc_info *ipc_info(unsigned kind);
/* "slow" for IPC_REASON_SLOW; "unknown" for a number that is none. */
const char *ipc_reason_name(unsigned reason);
const char *ipc_reason_text(unsigned reason);
/* The WebSocket close code for a reason, 1000 for a number that is none. */
unsigned ipc_reason_code(unsigned reason);
/* The sentence for an error, whatever its number. */
const char *ipc_error_text(int error);
/* "TOO_LONG" for IPC_ERR_TOO_LONG. */
const char *ipc_error_name(int error);

/*
 * Append the tpl image of a typed message to out. m is the struct of that
 * kind; its strings may be NULL, which is the same as "". Strings and bytes
 * beyond the limit of messages.def are cut. Returns 0, or IPC_ERR_NO_MEMORY,
 * IPC_ERR_TOO_LONG (out is full), IPC_ERR_INVALID (a number is over its limit);
 * out is then unchanged.
 */
int ipc_msg_pack(unsigned kind, const void *m, struct ipc_buf *out);

/*
 * Read the tpl image in f into *m, the struct of f->kind, checking each field
 * against messages.def. Returns 0, and *m is owned: ipc_msg_release() it. Or
 * IPC_ERR_PROTOCOL: *why is a constant sentence, *field the field's name or
 * NULL, and there is nothing to release.
 */
int ipc_msg_unpack(
    const struct ipc_frame *f, void *m, const char **why, const char **field);
void ipc_msg_release(unsigned kind, void *m);

/* Append a whole frame with this typed message in it. Errors as _pack. */
int
ipc_msg_frame(unsigned kind, uint64_t id, const void *m, struct ipc_buf *out);

/*
 * One readable line for a frame, without its newline: name, id, flags,
 * channel, then the fields or the bytes (escaped, at most 64 of them unless
 * all is set). Appends to out: true, or false if it is full.
 */
bool ipc_msg_print(const struct ipc_frame *f, bool all, struct ipc_buf *out);

/*
 * What the sender of a frame must be told, if it is not legal for that
 * direction: NULL if kind and direction fit.
 */
const char *ipc_msg_check(const struct ipc_frame *f, enum ipc_to to);
/* Is it? By kind; 0: there is no such kind. */
extern const uint8_t ipc_msg_ways[UINT8_MAX + 1];
static inline bool
ipc_msg_fits(const struct ipc_frame *f, enum ipc_to to)
{
	return ipc_msg_ways[f->kind] == to;
}

#endif
