/*
 * log.h - the log of a process: one line an event, key=value pairs, no raw
 * control bytes whoever they came from.
 *
 *	ipc_log(IPC_LOG_INFO, "closed", "conn=%llu why=%s", id, why);
 *	-> 2026-11-21T04:30:00.123 netd closed conn=41 why=slow
 */
#ifndef IPC_LOG_H
#define IPC_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ipc_level { IPC_LOG_ERROR, IPC_LOG_WARN, IPC_LOG_INFO, IPC_LOG_DEBUG };

/* Who speaks ("netd"), and the lowest rank that is shown. Both processes of
 * one terminal write whole lines to descriptor 2. */
void ipc_log_init(const char *process, enum ipc_level level);
/* One line. Text that came from outside goes through ipc_log_quote(). */
void ipc_log(enum ipc_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/*
 * Make n bytes safe for a log line: printable ASCII as it is, the rest as
 * \xNN, in quotes if there is a space or nothing at all, cut with "..." if it
 * is too long. Writes at most size bytes (16 and up) with the NUL; returns out.
 */
const char *ipc_log_quote(const void *bytes, size_t n, char *out, size_t size);
/*
 * text, to stand between the two quotes of key="...": what would end them, and
 * what would be taken for an escape, as \xNN. As above otherwise.
 */
const char *ipc_log_inside(const char *text, char *out, size_t size);
/* Put a ? for each of n bytes that would control a terminal, or are no UTF-8.
 * lines: newlines stay. */
void ipc_log_tame(char *text, size_t n, bool lines);

#endif
