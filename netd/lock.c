/*
 * lock.c - netd gives up what it does not need. lock.h says what and when;
 * ipc/cage.c how. Must never be the reason that netd does not start: what the
 * system refuses is a line in the log, and the rest holds.
 */
#include "netd/lock.h"

#include "ipc/cage.h"
#include "ipc/log.h"
#include "netd/netd.h"
#include "netd/operator.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <openssl/crypto.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define ALL UINT32_MAX
/* The kind in socket()'s type, which has flags beside it. */
#define KIND 0xf

/* ---- what whoever starts us tells ---------------------------------------- */

bool
lock_expect(struct netd *n, const char *text, char *why, size_t size)
{
	struct lock *l = &n->lock;
	struct url *u = url_new(), **more;

	snprintf(why, size, "too many (limit listeners_max)");
	if (u == NULL || l->n_urls >= (size_t)n->config.listeners_max)
		goto fail;
	if (!url_parse(u, text, &n->config, why, size))
		goto fail;
	snprintf(why, size, "out of memory");
	more = realloc(l->urls, (l->n_urls + 1) * sizeof(struct url *));
	if (more == NULL)
		goto fail;
	l->urls = more;
	l->urls[l->n_urls++] = u;
	return true;
fail:
	url_drop(u);
	return false;
}

static bool
add_port(struct lock *l, const char *word, size_t len)
{
	char digits[8], *end;
	unsigned long port;

	if (len == 0 || len >= sizeof(digits) || l->n_ports >= LOCK_PORTS_MAX)
		return false;
	memcpy(digits, word, len);
	digits[len] = '\0';
	port = strtoul(digits, &end, 10);
	if (*end || digits[0] < '0' || digits[0] > '9' || port < 1 ||
	    port > 65535)
		return false;
	l->ports[l->n_ports++] = (uint16_t)port;
	return true;
}

bool
lock_connects(struct netd *n, const char *list)
{
	struct lock *l = &n->lock;

	l->said = true;
	while (*list) {
		size_t len = strcspn(list, ",");

		if (len == 1 && *list == '*')
			l->any = true;
		else if (len == 4 && memcmp(list, "unix", 4) == 0)
			l->unix_too = true;
		else if (!add_port(l, list, len))
			return false;
		list += len + (list[len] == ',');
	}
	return true;
}

void
lock_release(struct netd *n)
{
	struct lock *l = &n->lock;

	while (l->n_urls)
		url_drop(l->urls[--l->n_urls]);
	free(l->urls);
	l->urls = NULL;
}

static bool
connects_anywhere(const struct lock *l)
{
	return l->any || !l->said;
}

static bool
connects_nowhere(const struct lock *l)
{
	return !connects_anywhere(l) && !l->unix_too && l->n_ports == 0;
}

static bool
is_datagrams(const struct url *u)
{
	return u->transport->open_socket && !u->transport->is_tty;
}

static bool
is_tty(const struct url *u)
{
	return u->transport->is_tty;
}

static bool
is_unix(const struct url *u)
{
	return u->transport->is_unix;
}

/* Is one of those that are listened on, or may be, such a one? */
static bool
any_url(const struct netd *n, bool (*is)(const struct url *u))
{
	for (const struct listener *l = n->listeners; l; l = l->next)
		if (is(l->url))
			return true;
	for (size_t i = 0; i < n->lock.n_urls; i++)
		if (is(n->lock.urls[i]))
			return true;
	return false;
}

/* ---- the first step: privileges and calls -------------------------------- */

/* Of root: ports below 1024, and its game's files, whoever owns them. Where
 * these are is the second step's. */
static void
drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];
	uint32_t keep = 1u << CAP_NET_BIND_SERVICE | 1u << CAP_DAC_OVERRIDE;

	if (syscall(SYS_capget, &head, data) < 0)
		return;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= i == 0 ? keep : 0;
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	syscall(SYS_capset, &head, data);
}

/* Nobody of the same user looks into our memory, where passwords pass; but
 * under a debugger, and if cores are wanted (ulimit -c), that is the wish. */
static void
hide_memory(void)
{
	struct rlimit core;

	if (ipc_traced() || getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_cur)
		return;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void
allow_sockets(void *calls)
{
	static const int inet[] = { AF_INET, AF_INET6 };
	static const int kinds[] = { SOCK_STREAM, SOCK_DGRAM };
	static const int protocols[] = { 0, IPPROTO_TCP, IPPROTO_UDP };

	for (size_t i = 0; i < N(inet) * N(kinds) * N(protocols); i++)
		seccomp_rule_add(calls, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, ALL, (unsigned)inet[i % 2]),
		    SCMP_A1(
			SCMP_CMP_MASKED_EQ, KIND, (unsigned)kinds[i / 2 % 2]),
		    SCMP_A2(
			SCMP_CMP_MASKED_EQ, ALL, (unsigned)protocols[i / 4]));
	seccomp_rule_add(calls, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3,
	    SCMP_A0(SCMP_CMP_MASKED_EQ, ALL, AF_UNIX),
	    SCMP_A1(SCMP_CMP_MASKED_EQ, KIND, SOCK_STREAM),
	    SCMP_A2(SCMP_CMP_MASKED_EQ, ALL, 0));
	/* MSG_FASTOPEN is a connect() that Landlock does not see. */
	seccomp_rule_add(calls, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1,
	    SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
	seccomp_rule_add(calls, SCMP_ACT_ALLOW, SCMP_SYS(sendmsg), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
	seccomp_rule_add(calls, SCMP_ACT_ALLOW, SCMP_SYS(sendmmsg), 1,
	    SCMP_A3(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0));
}

static void *
list_calls(void)
{
	static const int own[] = { SCMP_SYS(accept), SCMP_SYS(accept4),
		SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(connect),
		SCMP_SYS(shutdown), SCMP_SYS(getsockname),
		SCMP_SYS(getpeername), SCMP_SYS(setsockopt),
		SCMP_SYS(getsockopt), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg),
		SCMP_SYS(recvmmsg), SCMP_SYS(send), SCMP_SYS(recv),
		SCMP_SYS(vmsplice), SCMP_SYS(open), SCMP_SYS(openat),
		SCMP_SYS(openat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
		SCMP_SYS(rmdir), SCMP_SYS(linkat), SCMP_SYS(rename),
		SCMP_SYS(renameat), SCMP_SYS(renameat2),
		/* for the second step, which ends their use */
		SCMP_SYS(seccomp), SCMP_SYS(landlock_create_ruleset),
		SCMP_SYS(landlock_add_rule), SCMP_SYS(landlock_restrict_self) };
	void *calls = ipc_cage_calls(false);

	for (size_t i = 0; calls && i < N(own); i++)
		if (own[i] >= 0)
			seccomp_rule_add(calls, SCMP_ACT_ALLOW, own[i], 0);
	if (calls == NULL)
		return NULL;
	allow_sockets(calls);
	/* The one child: it writes a recording, and is in here with us. */
	seccomp_rule_add(calls, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
	    SCMP_A0(SCMP_CMP_MASKED_EQ, ALL, CLONE_FILES | SIGCHLD));
	return calls;
}

static void
say_why(char *out, size_t size, const char *what)
{
	snprintf(out, size, "%s: %s", what, strerror(errno));
}

void
lock_calls(struct netd *n)
{
	struct lock *l = &n->lock;
	const char *never = ipc_cage_never();
	void *calls;

	if (l->off || never) {
		snprintf(l->calls_why, sizeof(l->calls_why), "%s",
		    never ? never : "--no-lock");
		snprintf(
		    l->places_why, sizeof(l->places_why), "%s", l->calls_why);
		l->off = true;
		return;
	}
	/* What these read when first used they read now. */
	tzset();
	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
	drop_capabilities();
	hide_memory();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	calls = list_calls();
	l->calls = calls && ipc_cage_calls_hold(calls);
	if (!l->calls)
		say_why(l->calls_why, sizeof(l->calls_why), "no seccomp");
}

/* ---- the second step: places and connections ------------------------------
 */

static void
allow_url(struct ipc_cage_places *places, const struct url *u)
{
	char dir[sizeof(u->path)], *slash;

	if (u->www[0])
		ipc_cage_place(places, u->www, IPC_CAGE_READ);
	if (is_tty(u))
		ipc_cage_place(
		    places, "/dev/tty", IPC_CAGE_READ | IPC_CAGE_WRITE);
	if (!is_unix(u))
		return;
	snprintf(dir, sizeof(dir), "%s", u->path);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	ipc_cage_place(places, slash ? dir : ".", IPC_CAGE_SOCKET);
}

/* What c-ares reads for each name. */
static void
allow_names(struct ipc_cage_places *places)
{
	static const char *const files[] = { "/etc/hosts", "/etc/resolv.conf",
		"/etc/nsswitch.conf", "/etc/host.conf", "/etc/services" };

	for (size_t i = 0; i < N(files); i++)
		ipc_cage_place(places, files[i], IPC_CAGE_READ);
}

/* The files of our own sockets go when we do. */
static void
allow_end(struct ipc_cage_places *places, const char *dir)
{
	char parent[256], *slash;

	ipc_cage_place(places, dir, IPC_CAGE_SOCKET);
	snprintf(parent, sizeof(parent), "%s", dir);
	slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		ipc_cage_place(places, parent, IPC_CAGE_RMDIR);
	}
}

static void
allow_places(struct netd *n, struct ipc_cage_places *places)
{
	const char *crashes = n->crashes.dir;
	char dir[sizeof(n->wait_path)], *slash;

	for (const struct listener *l = n->listeners; l; l = l->next)
		allow_url(places, l->url);
	for (size_t i = 0; i < n->lock.n_urls; i++)
		allow_url(places, n->lock.urls[i]);
	ipc_cage_place(places, "/dev/null", IPC_CAGE_READ);
	ipc_cage_place(places, crashes ? crashes : ".",
	    crash_lay_by(n) ? IPC_CAGE_NAME : IPC_CAGE_MOVE);
	if (operator_dir(n))
		allow_end(places, operator_dir(n));
	snprintf(dir, sizeof(dir), "%s", n->wait_path);
	slash = strrchr(dir, '/');
	if (slash) {
		*slash = '\0';
		ipc_cage_place(places, dir, IPC_CAGE_SOCKET);
	}
	if (!connects_nowhere(&n->lock))
		allow_names(places);
	for (size_t i = 0; i < n->lock.n_ports; i++)
		ipc_cage_port(places, n->lock.ports[i]);
	/* Long answers to look-ups of names. */
	if (n->lock.n_ports)
		ipc_cage_port(places, 53);
}

/* Open for writing only what is made by that. */
static void
refuse_writing(void *calls, int call, bool flags_second)
{
	static const unsigned made[] = { 0, O_CREAT, O_EXCL };

	for (unsigned i = 0; i < 3 * N(made); i++)
		seccomp_rule_add(calls, SCMP_ACT_ERRNO(EPERM), call, 1,
		    SCMP_CMP(flags_second ? 1 : 2, SCMP_CMP_MASKED_EQ,
			O_ACCMODE | O_CREAT | O_EXCL,
			(i / N(made) + 1) | made[i % N(made)]));
}

static void
refuse(void *calls, int call)
{
	if (call >= 0)
		seccomp_rule_add(calls, SCMP_ACT_ERRNO(EPERM), call, 0);
}

static void
refuse_socket(void *calls, int family, int kind)
{
	seccomp_rule_add(calls, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 2,
	    SCMP_A0(SCMP_CMP_MASKED_EQ, ALL, (unsigned)family),
	    SCMP_A1(SCMP_CMP_MASKED_EQ, KIND, (unsigned)kind));
}

/* What the first step had to leave because nobody had told yet. */
static void
refuse_more_calls(struct netd *n)
{
	struct lock *l = &n->lock;
	void *calls = seccomp_init(SCMP_ACT_ALLOW);

	if (calls == NULL)
		return;
	seccomp_attr_set(calls, SCMP_FLTATR_CTL_TSYNC, 1);
	refuse(calls, SCMP_SYS(landlock_create_ruleset));
	refuse(calls, SCMP_SYS(landlock_add_rule));
	refuse(calls, SCMP_SYS(landlock_restrict_self));
	if (!any_url(n, is_tty)) {
		refuse_writing(calls, SCMP_SYS(openat), false);
		if (SCMP_SYS(open) >= 0)
			refuse_writing(calls, SCMP_SYS(open), true);
	}
	if (!any_url(n, is_unix) && !l->unix_too && !connects_anywhere(l))
		refuse_socket(calls, AF_UNIX, SOCK_STREAM);
	if (connects_nowhere(l)) {
		/* A stale socket file is found by connecting to it. */
		if (!any_url(n, is_unix))
			refuse(calls, SCMP_SYS(connect));
		if (!any_url(n, is_datagrams)) {
			refuse_socket(calls, AF_INET, SOCK_DGRAM);
			refuse_socket(calls, AF_INET6, SOCK_DGRAM);
		}
	}
	refuse(calls, SCMP_SYS(seccomp));
	ipc_cage_calls_hold(calls);
}

static void
hold_places(struct netd *n)
{
	struct lock *l = &n->lock;
	struct ipc_cage_places places;

	if (ipc_cage_abi() == 0) {
		snprintf(l->places_why, sizeof(l->places_why),
		    "no Landlock in this kernel");
		return;
	}
	if (ipc_cage_places(&places, connects_anywhere(l), false)) {
		allow_places(n, &places);
		l->places = ipc_cage_places_hold(&places);
	}
	if (!l->places)
		say_why(l->places_why, sizeof(l->places_why), "no Landlock");
}

static void
tell(struct lock *l)
{
	bool whole = (l->calls && l->places) || l->off;

	if (l->told)
		return;
	l->told = true;
	ipc_log(whole ? IPC_LOG_DEBUG : IPC_LOG_INFO, "locked",
	    "calls=%s files=%s connects=%s%s%s%s%s%s", l->calls ? "yes" : "no",
	    l->places ? "yes" : "no",
	    connects_anywhere(l)  ? "anywhere"
	    : connects_nowhere(l) ? "nowhere"
				  : "listed",
	    whole && !l->off ? "" : " why=\"", l->calls ? "" : l->calls_why,
	    l->calls || l->places || l->off ? "" : ", ",
	    l->places || l->off ? "" : l->places_why,
	    whole && !l->off ? "" : "\"");
}

void
lock_places(struct netd *n)
{
	struct lock *l = &n->lock;

	if (l->told)
		return;
	if (l->off)
		;
	else if (l->asked)
		hold_places(n);
	else
		snprintf(l->places_why, sizeof(l->places_why),
		    "the game did not say what it needs (see --may-listen)");
	if (l->asked && l->calls)
		refuse_more_calls(n);
	tell(l);
}

/* ---- later wishes ---------------------------------------------------------
 */

bool
lock_lets_connect(
    const struct netd *n, const struct url *u, char *why, size_t size)
{
	const struct lock *l = &n->lock;

	if (l->off || !l->asked || connects_anywhere(l))
		return true;
	for (size_t i = 0; i < l->n_ports && !is_unix(u); i++)
		if (l->ports[i] == u->port)
			return true;
	if (is_unix(u) && l->unix_too)
		return true;
	if (is_unix(u))
		snprintf(why, size,
		    "netd is locked and may not connect to files "
		    "(--may-connect unix)");
	else
		snprintf(why, size,
		    "netd is locked and may not connect to port %u "
		    "(--may-connect %u)",
		    u->port, u->port);
	return false;
}

/* Is it one that was told of, or like it? */
static bool
expected(const struct netd *n, const struct url *u)
{
	if (is_datagrams(u))
		return any_url(n, is_datagrams) || !connects_nowhere(&n->lock);
	return true;
}

/* Is this folder, or one that it is in, one of those? Then it is not the lock
 * that keeps us from it. */
static bool
pages_expected(const struct netd *n, const char *dir)
{
	for (size_t i = 0; i < n->lock.n_urls; i++) {
		const char *told = n->lock.urls[i]->www;
		size_t len = strlen(told);

		if (len && strncmp(dir, told, len) == 0 &&
		    (dir[len] == '\0' || dir[len] == '/' ||
			told[len - 1] == '/'))
			return true;
	}
	return false;
}

static bool
opens(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || (errno != EACCES && errno != EPERM);
}

bool
lock_lets_listen(
    const struct netd *n, const struct url *u, char *why, size_t size)
{
	const struct lock *l = &n->lock;

	if (!l->places && !(l->calls && l->asked))
		return true;
	if (!expected(n, u)) {
		snprintf(why, size,
		    "netd is locked and has no datagrams (--may-listen with "
		    "such a URL)");
		return false;
	}
	if (u->www[0] && !pages_expected(n, u->www) && !opens(u->www)) {
		snprintf(why, size,
		    "netd is locked and may not read '%s' (--may-listen with "
		    "this URL)",
		    u->www);
		return false;
	}
	return true;
}
