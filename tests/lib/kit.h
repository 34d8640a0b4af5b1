/*
 * kit.h - start netd and games, talk to them, see what they said.
 *
 * For process tests. Each case gets a temporary folder and ends with nothing
 * left of it: every process it started is ended by its number. All waiting is
 * for a condition, with a deadline of KIT_WAIT_MS unless the name says more.
 * Whatever goes wrong fails the case, and a case that failed shows the output
 * of each process. So no function here returns an error.
 *
 *	static void
 *	echoes_a_line(void)
 *	{
 *		struct kit_proc *game = kit_game("echo", "--listen",
 *		    "line://127.0.0.1:0", NULL);
 *		int fd = kit_connect(kit_url(game, 1));
 *
 *		kit_send(fd, "hello\n");
 *		kit_expect(fd, "hello\n");
 *	}
 *	... KIT_TEST(echoes_a_line), in main's table
 */
#ifndef TESTS_LIB_KIT_H
#define TESTS_LIB_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <sys/types.h>

#define KIT_WAIT_MS 10000

struct kit_case {
	void (*f)(void);
};

#define KIT_TEST(f_)                                                      \
	{                                                                 \
#f_, kit_run, kit_setup, kit_teardown, &(struct kit_case) \
		{                                                         \
			f_                                                \
		}                                                         \
	}

/* For KIT_TEST only. */
void kit_run(void **state);
int kit_setup(void **state);
int kit_teardown(void **state);

/* Fail the case with this sentence. */
_Noreturn void
kit_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A path in the case's folder, a view until its end. */
const char *kit_path(const char *name);
/* Milliseconds on a clock that only goes forward. */
int64_t kit_now_ms(void);
/* Look again soon: for loops with a deadline of one's own. */
void kit_tick(void);

/* ---- processes ----------------------------------------------------------- */

struct kit_proc {
	pid_t pid; /* also its process group: that of all it starts */
	char name[64];
	char out[256], err[256]; /* files: what it printed */
	char dir[256];           /* of netd --wait, else empty */
	bool ended;
	int status; /* of wait(), once ended */
};

/* Start a program of bin/ ("netd", "echo"), or one whose path this is, with
 * these arguments, ended by NULL. Does not wait for anything. */
struct kit_proc *kit_start(const char *program, ...);
struct kit_proc *kit_startv(const char *program, char **argv);
/* The same, with a limit on descriptors for it and what it starts. */
struct kit_proc *kit_start_limited(unsigned fds, const char *program, ...);
/* netd --wait in a folder of its own with these further arguments; waits
 * until a game can attach. */
struct kit_proc *kit_netd(const char *argument, ...);
/* A game with these arguments; waits until its first listener is there. */
struct kit_proc *kit_game(const char *name, ...);
/* Put that program's bytes in the place of another, as an installer does. */
void kit_install(const char *program, const char *to);
/* Send a signal to the process alone. */
void kit_signal(struct kit_proc *p, int signal);
/* To it and all it started, as Ctrl-C does. */
void kit_signal_all(struct kit_proc *p, int signal);
/* Wait for its end; returns its exit status, or 128 + the signal. */
int kit_wait(struct kit_proc *p);
bool kit_ended(struct kit_proc *p);
/* SIGKILL, and wait. */
void kit_kill(struct kit_proc *p);
/* The first child of p with this name in /proc, waits for it; 0: "netd". */
pid_t kit_child(struct kit_proc *p, const char *name);
/* Resident memory of a process in KiB, its threads' CPU time in ms. */
long kit_rss_kib(pid_t pid);
long kit_cpu_ms(pid_t pid);
size_t kit_fds(pid_t pid);

/* All it printed so far, on both, or on descriptor 2 alone; owned by the
 * case. */
char *kit_said(struct kit_proc *p);
char *kit_errors(struct kit_proc *p);
/* Wait until what it printed contains text, and so often. */
void kit_expect_log(struct kit_proc *p, const char *text);
void kit_expect_logs(struct kit_proc *p, const char *text, unsigned times);
/* How often text stands in what it printed. */
unsigned kit_count_log(struct kit_proc *p, const char *text);
/* The URL of its n-th listener (from 1) with the real port; waits for it. */
const char *kit_url(struct kit_proc *p, unsigned n);

/* ---- connections --------------------------------------------------------- */

/*
 * Connect to a URL of a listener: line, tcp, ws (the TCP connection alone) or
 * unix. Returns a descriptor, closed with the case if not before. *_small:
 * with a receive buffer that does not grow beyond 64 KiB.
 */
int kit_connect(const char *url);
int kit_connect_small(const char *url);
/* A server on a free port, and its URL with that scheme; then whoever comes to
 * it, waited for. */
int kit_serve(const char *scheme, char *url, size_t size);
int kit_accept(int server);
/* A UDP socket of this address (127.x.y.z), connected to a URL's port on
 * 127.0.0.1; non-blocking, the case's own to close. */
int kit_stranger(const char *ip, const char *url);
void kit_close(int fd);
/* All of it, waiting as long as it takes within the deadline. */
void kit_send(int fd, const char *text);
void kit_send_bytes(int fd, const void *bytes, size_t len);
/* As much as goes now; returns how much. */
size_t kit_send_some(int fd, const void *bytes, size_t len);
/* Read exactly this. */
void kit_expect(int fd, const char *text);
void kit_expect_bytes(int fd, const void *bytes, size_t len);
/* Read exactly len bytes. */
void kit_recv_bytes(int fd, void *bytes, size_t len);
/* Read until the other side ends; owned text by the case, *len if not NULL.
 * A reset counts as an end. */
char *kit_recv_all(int fd, size_t *len);
/* Read a line without its newline; owned by the case. */
char *kit_line(int fd);
/* Read lines until one contains text; that line, owned by the case. */
char *kit_hear(int fd, const char *text);
/* Nothing is to be read and the line stands. */
void kit_expect_silence(int fd, int for_ms);
/* WebSocket: the handshake, a masked frame, a whole unmasked one. */
int kit_ws(const char *url);
void kit_ws_send(int fd, unsigned opcode, const void *bytes, size_t len);
/* Returns the opcode; *bytes is owned by the case. */
unsigned kit_ws_recv(int fd, char **bytes, size_t *len);

#endif
