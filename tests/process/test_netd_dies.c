/* links: tests/lib/kit*.c tests/lib/players.c tests/lib/deaths.c */
/*
 * netd dies, however and whenever: the game plays on under a new one, hears of
 * it once for each connection, and nobody who connects is refused.
 */
#include "tests/lib/deaths.h"
#include "tests/lib/kit.h"
#include "tests/lib/players.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY "restarts_max=1000000"

static struct kit_proc *p;
static const char *url;

/* ---- helpers --------------------------------------------------------------
 */

static void
begin(const char *limit)
{
	p = kit_game(players_game("witness"), "--limit", limit, NULL);
	url = kit_url(p, 1);
}

/* The netd that is not this one any more; 0: any. */
static pid_t
netd_after(pid_t before)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	pid_t pid;

	while ((pid = kit_child(p, "netd")) == before) {
		if (kit_now_ms() > end)
			kit_fail("no netd came after %ld", (long)before);
		kit_tick();
	}
	return pid;
}

/* The game's first process. */
static pid_t
game_pid(void)
{
	long pid = 0;

	kit_expect_log(p, "begin ");
	sscanf(strstr(kit_said(p), "begin "), "begin %ld\n", &pid);
	return (pid_t)pid;
}

/* Send a signal to netd; returns its pid. */
static pid_t
kill_netd(int number)
{
	pid_t pid = netd_after(0);

	kill(pid, number);
	return pid;
}

struct account {
	uint64_t ticks, dice;
	int64_t now_us;
};

static struct account
ask(int fd)
{
	struct account a;
	char *line;

	kit_send(fd, "who\n");
	line = kit_line(fd);
	/* What those hear who come while the game starts again. */
	if (strncmp(line, "The game is being restarted", 27) == 0)
		line = kit_line(fd);
	if (sscanf(line, "who %" SCNu64 " %" SCNd64 " %" SCNu64, &a.ticks,
		&a.now_us, &a.dice) != 3)
		kit_fail("no account: '%s'", line);
	return a;
}

/* A player who comes now has an answer of the game. */
static struct account
plays(void)
{
	int fd = kit_connect(url);
	struct account a = ask(fd);

	kit_close(fd);
	return a;
}

static void
say(const char *format, const char *a, const char *b)
{
	int fd = kit_connect(url);
	char line[600];

	snprintf(line, sizeof(line), format, a, b);
	kit_send(fd, line);
	/* It stays open: what is said last must arrive. */
}

static void
make_file(const char *name)
{
	int fd = open(kit_path(name), O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* Did the game see exactly one CLOSE behind each OPEN, and no number twice? Of
 * one process of the game that saw all. */
static void
books_agree(unsigned opens_min)
{
	static uint64_t open[200000];
	static bool closed[200000];
	char *text = kit_said(p);
	unsigned opens = 0, closes = 0, i;
	uint64_t id;

	memset(closed, 0, sizeof(closed));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		bool opened = sscanf(line, "open %" SCNu64, &id) == 1;

		if (!opened && sscanf(line, "close %" SCNu64, &id) != 1)
			continue;
		for (i = 0; i < opens && open[i] != id; i++)
			continue;
		if (opened != (i == opens) || (!opened && closed[i]))
			kit_fail("not in turn: '%s'", line);
		if (opened)
			open[opens++] = id;
		else
			closed[i] = ++closes;
	}
	if (opens < opens_min || opens != closes)
		kit_fail("%u opened, %u closed", opens, closes);
}

static void
ends_well(void)
{
	kit_signal(p, SIGTERM);
	assert_int_equal(kit_wait(p), 0);
}

/* Nothing that it started runs any more. */
static void
left_nothing(void)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;

	for (;;) {
		while (waitpid(-p->pid, NULL, WNOHANG) > 0)
			continue;
		if (kill(-p->pid, 0) < 0 && errno == ESRCH)
			return;
		if (kit_now_ms() > end)
			kit_fail("something of %s still runs", p->name);
		kit_tick();
	}
}

/* ---- connects while it dies ------------------------------------------------
 */

static struct {
	struct sockaddr_in to;
	atomic_bool end;
	unsigned connected, refused, answered;
	int error;
	int64_t longest_ms;
} hammer;

/* One after the other; each wants one answer, or an end. */
static void *
hammering(void *none)
{
	(void)none;
	while (!hammer.end) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct linger reset = { 1, 0 };
		struct timeval most = { KIT_WAIT_MS / 1000, 0 };
		int64_t from = kit_now_ms();
		char answer[200];

		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
		if (connect(fd, (struct sockaddr *)&hammer.to,
			sizeof(hammer.to)) < 0) {
			hammer.error = errno;
			hammer.refused++;
		} else {
			hammer.connected++;
			if (send(fd, "who\n", 4, MSG_NOSIGNAL) == 4 &&
			    recv(fd, answer, sizeof(answer), 0) > 0) {
				hammer.answered++;
				from = kit_now_ms() - from;
				if (from > hammer.longest_ms)
					hammer.longest_ms = from;
			}
		}
		close(fd);
	}
	return NULL;
}

static void
fifty_players_hear_of_it_and_nobody_is_refused(void)
{
	struct account before = { 0 }, now;
	pthread_t thread;
	int fds[50];

	begin(MANY);
	hammer.to = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) },
		.sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1)) };
	assert_int_equal(pthread_create(&thread, NULL, hammering, NULL), 0);
	for (int round = 0; round < 6; round++) {
		static const int how[] = { SIGKILL, SIGSEGV, SIGABRT };
		int64_t from;

		for (int i = 0; i < 50; i++) {
			fds[i] = kit_connect(url);
			now = ask(fds[i]);
			assert_true(now.now_us >= before.now_us);
			assert_true(now.ticks >= before.ticks);
			before = now;
		}
		from = kit_now_ms();
		kill_netd(how[round % 3]);
		for (int i = 0; i < 50; i++) {
			size_t len;

			kit_recv_all(fds[i], &len);
			kit_close(fds[i]);
		}
		plays();
		print_message("# answered again %d ms after the kill\n",
		    (int)(kit_now_ms() - from));
		/* The ticks go on by themselves. */
		for (uint64_t at = plays().ticks; plays().ticks == at;)
			kit_tick();
	}
	hammer.end = true;
	pthread_join(thread, NULL);
	print_message("# %u connects, %u answered, longest %d ms\n",
	    hammer.connected, hammer.answered, (int)hammer.longest_ms);
	if (hammer.refused)
		kit_fail("%u connects failed: %s", hammer.refused,
		    strerror(hammer.error));
	assert_true(hammer.answered > 0);
	assert_int_equal(kit_count_log(p, "notice 3 netd died"), 6);
	assert_int_equal(kit_count_log(p, "netd_died how="), 6);
	assert_true(kit_count_log(p, " netd_gone\n") >= 6 * 50);
	ends_well();
	books_agree(300);
	assert_int_equal(kit_count_log(p, "begin "), 1);
	left_nothing();
}

static void
twenty_kills_in_a_row(void)
{
	static const int how[] = { SIGKILL, SIGABRT, SIGSEGV };
	pid_t pid = 0;

	begin(MANY);
	plays();
	for (int i = 0; i < 20; i++) {
		/* Every other one as soon as it is there. */
		pid = netd_after(pid);
		if (i % 2)
			plays();
		kill(pid, i % 2 ? how[i % 3] : SIGKILL);
	}
	netd_after(pid);
	plays();
	ends_well();
	books_agree(11);
	assert_int_equal(kit_count_log(p, "begin "), 1);
	left_nothing();
}

static void
one_that_keeps_dying_is_given_up_in_one_line(void)
{
	unsigned kills = 0;

	begin("restarts_max=3");
	for (pid_t pid = 0; !kit_ended(p); kit_tick()) {
		pid_t next = 0;
		char *said = kit_said(p);

		/* Only where a new one was seen to begin. */
		if (kit_count_log(p, "listening listener=1") > kills &&
		    !strstr(said, "given up")) {
			next = netd_after(pid);
			kill(next, SIGKILL);
			kills++;
			pid = next;
			if (kills == 4)
				break;
		}
	}
	assert_int_equal(kit_wait(p), 1);
	assert_int_equal(kills, 4);
	assert_int_equal(kit_count_log(p, "given up"), 1);
	kit_expect_log(p, "witness: netd died 4 times in");
	assert_int_equal(kit_count_log(p, "end -3 netd is gone"), 1);
	left_nothing();
}

/* ---- what the game was doing ------------------------------------------------
 */

static void
a_connection_like_a_file_says_closed(void)
{
	char line[300];

	begin(MANY);
	say("call %s -1\n", url, "");
	kit_expect_log(p, "calling ");
	kill_netd(SIGKILL);
	kit_expect_log(p, "read -2\nnow -2 write -2\n");
	snprintf(line, sizeof(line), "call %s 60000\n", url);
	say("%s%s", line, "");
	kit_expect_logs(p, "calling ", 2);
	kill_netd(SIGKILL);
	kit_expect_logs(p, "read -2\nnow -2 write -2\n", 2);
	plays();
	ends_well();
	books_agree(4);
}

static void
a_call_that_is_under_way_fails_with_its_reason(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char to[64];

	/* It takes the call and never shakes hands. */
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	snprintf(to, sizeof(to), "ws://127.0.0.1:%u/", ntohs(a.sin_port));
	begin(MANY);
	say("call %s%s\n", to, "");
	assert_true(accept(fd, NULL, NULL) >= 0);
	kill_netd(SIGKILL);
	kit_expect_log(p, "called netd_gone\n");
	/* And one whose order goes to the dead. */
	say("hold %s call %s\n", kit_path("go"), to);
	kit_expect_log(p, "holding\n");
	kill_netd(SIGKILL);
	kit_expect_logs(p, "netd_died", 2);
	make_file("go");
	kit_expect_logs(p, "called netd_gone\n", 2);
	plays();
	ends_well();
	close(fd);
}

/* It sleeps, however often one looks. */
static void
expect_asleep(pid_t pid)
{
	int64_t end = kit_now_ms() + KIT_WAIT_MS;
	char path[64], stat[256], state = 0;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	for (int times = 0; times < 50; times = state == 'S' ? times + 1 : 0) {
		FILE *f = fopen(path, "r");

		assert_non_null(f);
		assert_non_null(fgets(stat, sizeof(stat), f));
		fclose(f);
		state = strrchr(stat, ')')[2];
		if (kit_now_ms() > end)
			kit_fail("it does not wait: %c", state);
		kit_tick();
	}
}

static void
a_big_write_into_a_stopped_netd_ends_with_it(void)
{
	pid_t game, netd;

	begin(MANY);
	game = game_pid();
	say("hold %s flood 16384\n", kit_path("go"), "");
	kit_expect_log(p, "holding\n");
	netd = kill_netd(SIGSTOP);
	make_file("go");
	kit_expect_log(p, "flooding\n");
	/* Nobody reads: the game waits in write(). */
	expect_asleep(game);
	assert_int_equal(kit_count_log(p, "flooded"), 0);
	kill(netd, SIGKILL);
	kit_expect_log(p, "flooded 0 0\n");
	plays();
	ends_well();
	books_agree(2);
}

static void
numbers_are_new_even_while_the_game_is_busy(void)
{
	int fds[10];

	begin(MANY);
	for (int i = 0; i < 10; i++)
		ask(kit_connect(url));
	say("hold %s who\n", kit_path("go"), "");
	kit_expect_log(p, "holding\n");
	kill_netd(SIGKILL);
	kit_expect_log(p, "netd_died");
	/* The new netd takes them in before the game has greeted it. */
	for (int i = 0; i < 10; i++) {
		fds[i] = kit_connect(url);
		kit_send(fds[i], "who\n");
	}
	make_file("go");
	for (int i = 0; i < 10; i++)
		kit_line(fds[i]);
	ends_well();
	books_agree(21);
}

static void
timers_and_listeners_are_as_the_game_left_them(void)
{
	const char *second, *third;
	char line[200];
	int fd;

	begin(MANY);
	say("timer 7 400 0\ntimer 0 20 20\ntimer 8 100000 0\n%s%s",
	    "listen line://127.0.0.1:0?burst=21\n", "");
	second = kit_url(p, 2);
	say("hold %s %s\n", kit_path("one"), "timer 9 10 0");
	kit_expect_log(p, "holding\n");
	kill_netd(SIGKILL);
	kit_expect_log(p, "netd_died");
	make_file("one");
	/* Begun while netd was dead, before it, and for ever. */
	kit_expect_log(p, "timer 9\n");
	kit_expect_log(p, "timer 7\n");
	kit_expect_logs(p, "timer 0\n", kit_count_log(p, "timer 0\n") + 5);
	ask(kit_connect(second));
	assert_int_equal(kit_count_log(p, "timer 7\n"), 1);
	assert_int_equal(kit_count_log(p, "timer 9\n"), 1);
	/* One that is closed while netd is dead stays closed. */
	say("hold %s %s\n", kit_path("two"), "unlisten 2");
	kit_expect_logs(p, "holding\n", 2);
	kill_netd(SIGKILL);
	kit_expect_logs(p, "netd_died", 2);
	make_file("two");
	kit_expect_logs(p, "notice 3", 2);
	plays();
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(
	    connect(fd,
		(struct sockaddr *)&(struct sockaddr_in){ .sin_family = AF_INET,
		    .sin_addr = { htonl(INADDR_LOOPBACK) },
		    .sin_port =
			htons((uint16_t)atoi(strrchr(second, ':') + 1)) },
		sizeof(struct sockaddr_in)) < 0);
	close(fd);
	/* And one that is asked for then is there. */
	say("hold %s %s\n", kit_path("three"), "listen tcp://127.0.0.1:0");
	kit_expect_logs(p, "holding\n", 3);
	kill_netd(SIGKILL);
	kit_expect_logs(p, "netd_died", 3);
	make_file("three");
	kit_expect_log(p, " tcp://127.0.0.1:");
	third = strstr(kit_said(p), " tcp://127.0.0.1:") + 1;
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(third, "\n"), third);
	kit_close(kit_connect(line));
	plays();
	ends_well();
}

/* ---- what goes on -----------------------------------------------------------
 */

static void
a_recording_goes_on_in_another_file(void)
{
	const char *file = kit_path("game.rec"), *next = kit_path("game.rec.2");
	struct kit_proc *dump;
	pid_t netd;

	p = kit_game(
	    players_game("witness"), "--limit", MANY, "--record", file, NULL);
	url = kit_url(p, 1);
	plays();
	netd = kill_netd(SIGKILL);
	netd_after(netd);
	kit_expect_log(p, "game.rec.2");
	plays();
	ends_well();
	dump = kit_start("netctl", "dump", next, NULL);
	assert_int_equal(kit_wait(dump), 0);
	assert_non_null(strstr(kit_said(dump), "why=again"));
	assert_non_null(strstr(kit_said(dump), "OPENED"));
}

static void
a_snapshot_outlives_netd(void)
{
	pid_t netd;
	int fd;

	p = kit_game(
	    players_game("witness"), "--limit", "restarts_max=1", NULL);
	url = kit_url(p, 1);
	fd = kit_connect(url);
	kit_send(fd, "snapshot of everything\nsaid\n");
	kit_expect_logs(p, "said said\n", 1);
	netd = kill_netd(SIGKILL);
	netd_after(netd);
	plays();
	death_await(death_signal(p, SIGKILL));
	kit_expect_logs(p, " recovered how", 1);
	death_await(death_signal(p, SIGKILL));
	kit_expect_logs(p, "restored of everything\n", 1);
	ends_well();
}

/* A message of tcp://, and the next one. */
static void
put(int fd, const char *text)
{
	uint32_t n = htonl((uint32_t)strlen(text));

	kit_send_bytes(fd, &n, sizeof(n));
	kit_send(fd, text);
}

static void
get(int fd, char *out, size_t size)
{
	uint32_t n;

	kit_recv_bytes(fd, &n, sizeof(n));
	n = ntohl(n);
	assert_true(n < size);
	kit_recv_bytes(fd, out, n);
	out[n] = '\0';
}

/* A line that says !new; its token. */
static int
greet(int fd, char token[128])
{
	char word[200];

	put(fd, "!new");
	get(fd, word, sizeof(word));
	assert_int_equal(sscanf(word, "!hello %127s", token), 1);
	return fd;
}

/* The token at a new netd: not known as a line, and then who it was. */
static int
come_back(const char *token, char again[128])
{
	int fd = kit_connect(url);
	char word[200];

	snprintf(word, sizeof(word), "!back %s 0", token);
	put(fd, word);
	get(fd, word, sizeof(word));
	assert_string_equal(word, "!gone");
	return greet(fd, again);
}

static void
a_token_brings_a_player_back_to_its_number_and_tag(void)
{
	char token[128], other[128], again[128], text[64];
	unsigned long id, stranger;
	pid_t netd;
	int fd;

	p = kit_game(players_game("witness"), "--limit", MANY, "--listen",
	    "tcp://127.0.0.1:0?resume=20s", NULL);
	url = kit_url(p, 1);
	fd = greet(kit_connect(url), token);
	greet(kit_connect(url), other);
	assert_int_equal(sscanf(token, "%16lx", &id), 1);
	put(fd, "=tag Anna");
	put(fd, "=here");
	kit_expect_logs(p, "said here\n", 1);
	netd = kill_netd(SIGKILL);
	netd_after(netd);
	fd = come_back(token, again);
	/* The same number under the same secret. */
	assert_string_equal(again, token);
	snprintf(text, sizeof(text), "resumed %lu Anna\n", id);
	kit_expect_logs(p, text, 1);
	put(fd, "=back");
	kit_expect_logs(p, "said back\n", 1);
	/* A guess is nobody. */
	other[20] = other[20] == '7' ? '8' : '7';
	come_back(other, again);
	assert_int_equal(sscanf(again, "%16lx", &stranger), 1);
	assert_true(stranger > id + 1);
	/* And once more, under the third. */
	netd = kill_netd(SIGKILL);
	netd_after(netd);
	come_back(token, again);
	assert_string_equal(again, token);
	kit_expect_logs(p, text, 2);
	ends_well();
}

/* ---- both -------------------------------------------------------------------
 */

static void
netd_and_game_die_together(void)
{
	begin(MANY);
	for (int i = 0; i < 10; i++) {
		pid_t game, netd;

		plays();
		game = death_game(p);
		netd = netd_after(0);
		kill(i % 2 ? game : netd, SIGKILL);
		kill(i % 2 ? netd : game, SIGKILL);
		netd_after(netd);
		plays();
	}
	ends_well();
	left_nothing();
}

static void
netd_dies_while_it_recovers_the_game(void)
{
	begin(MANY);
	for (int i = 0; i < 5; i++) {
		pid_t netd;

		plays();
		netd = netd_after(0);
		death_signal(p, SIGKILL);
		if (i % 2)
			kit_expect_logs(p, "game_died", (unsigned)i / 2 + 1);
		kill(netd, SIGKILL);
		netd_after(netd);
		plays();
	}
	ends_well();
	left_nothing();
}

static void
the_game_dies_before_it_greets_the_new_netd(void)
{
	pid_t game;

	begin(MANY);
	game = game_pid();
	say("hold %s who\n", kit_path("never"), "");
	kit_expect_log(p, "holding\n");
	kill_netd(SIGKILL);
	kit_expect_log(p, "netd_died");
	kill(game, SIGKILL);
	/* Nobody has its memory: it starts again. */
	kit_expect_logs(p, "begin ", 2);
	plays();
	ends_well();
	left_nothing();
}

static void
a_game_that_never_greets_the_new_netd_is_ended(void)
{
	p = kit_game(players_game("witness"), "--limit", "hang_ms=300", NULL);
	url = kit_url(p, 1);
	say("hold %s who\n", kit_path("never"), "");
	kit_expect_log(p, "holding\n");
	kill_netd(SIGKILL);
	kit_expect_logs(p, "begin ", 2);
	kit_expect_log(p, "hung for ");
	plays();
	ends_well();
	left_nothing();
}

static void
netd_dies_during_an_upgrade(void)
{
	begin(MANY);
	for (unsigned i = 0; i < 6; i++) {
		pid_t netd = netd_after(0);
		unsigned upgrades, games;

		plays();
		upgrades = kit_count_log(p, " upgrade game=");
		games = kit_count_log(p, " game=witness pid=");
		kit_signal(p, SIGHUP);
		if (i % 3)
			kit_expect_logs(p, " upgrade game=", upgrades + 1);
		if (i % 3 == 2)
			kit_expect_logs(p, " game=witness pid=", games + 1);
		kill(netd, SIGKILL);
		netd_after(netd);
		plays();
	}
	ends_well();
	left_nothing();
}

/* ---- what is no death, and what ends all ------------------------------------
 */

static void
one_that_is_stopped_is_not_dead(void)
{
	pid_t netd;
	int fd;

	begin(MANY);
	fd = kit_connect(url);
	ask(fd);
	netd = kill_netd(SIGSTOP);
	kit_expect_silence(fd, 500);
	kill(netd, SIGCONT);
	ask(fd);
	assert_int_equal(netd_after(0), netd);
	assert_int_equal(kit_count_log(p, "netd_died"), 0);
	assert_int_equal(kit_count_log(p, "close "), 0);
	ends_well();
}

static void
asked_to_stop_then_it_is_not_started_again(void)
{
	begin(MANY);
	say("hold %s who\n", kit_path("never"), "");
	kit_expect_log(p, "holding\n");
	kit_signal(p, SIGTERM);
	kit_expect_log(p, "stopping by=launcher");
	kill_netd(SIGKILL);
	/* The game does not listen, and is ended in its time. */
	assert_int_not_equal(kit_wait(p), 0);
	assert_int_equal(kit_count_log(p, "netd_died"), 0);
	left_nothing();
}

static void
stopping_before_the_game_greets_asks_it_all_the_same(void)
{
	begin(MANY);
	say("hold %s who\n", kit_path("go"), "");
	kit_expect_log(p, "holding\n");
	kill_netd(SIGKILL);
	kit_expect_log(p, "netd_died");
	kit_signal(p, SIGTERM);
	kit_expect_log(p, "stopping by=launcher");
	make_file("go");
	assert_int_equal(kit_wait(p), 0);
	assert_int_equal(kit_count_log(p, "end "), 0);
	left_nothing();
}

static void
nobody_outlives_netd_and_launcher(void)
{
	begin(MANY);
	plays();
	kill_netd(SIGKILL);
	kit_kill(p);
	left_nothing();
}

static void
without_a_launcher_the_game_is_told(void)
{
	p = kit_game(players_game("witness"), "--foreground", NULL);
	url = kit_url(p, 1);
	plays();
	kill_netd(SIGKILL);
	assert_int_equal(kit_wait(p), 1);
	kit_expect_log(p, "end -3 netd is gone\n");
	left_nothing();
}

/* A sanitizer makes an exit status of a crash, and a crash is meant here. */
static void
crashes_are_signals(void)
{
	const char *given = getenv("ASAN_OPTIONS");
	char all[512];

	snprintf(all, sizeof(all), "%s:abort_on_error=1", given ? given : "");
	setenv("ASAN_OPTIONS", all + (all[0] == ':'), 1);
}

/* Of gc_later(): tests/games/later.c says what is due when. */
static void
what_is_due_later_comes_once_and_in_order_under_the_next_netd(void)
{
	unsigned next = 0, repeated = 0, i;
	pid_t pid = 0;
	char *said;

	p = kit_game(players_game("later"), "--limit", MANY, NULL);
	url = kit_url(p, 1);
	kit_connect(url);
	for (int round = 0; round < 4; round++) {
		char text[32];

		snprintf(text, sizeof(text), "due 1 %d\n", 10 + round * 25);
		kit_expect_log(p, text);
		pid = netd_after(pid);
		kill(pid, SIGKILL);
	}
	kit_expect_log(p, "repeated ");
	said = kit_said(p);
	for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, "due 7", 5) == 0)
			kit_fail("'%s' after its owner gave up", line);
		if (sscanf(line, "due 1 %u", &i) == 1 && i != next++)
			kit_fail("%u is due, not %u", i, next - 1);
		sscanf(line, "repeated %u", &repeated);
	}
	assert_int_equal(next, 100);
	assert_int_equal(kit_count_log(p, "stopped 100\n"), 1);
	/* What passed while no netd was there is counted. */
	if (repeated < 98 || repeated > 102)
		kit_fail("repeated %u times", repeated);
	assert_int_equal(kit_count_log(p, "netd_died how="), 4);
	ends_well();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(
		    what_is_due_later_comes_once_and_in_order_under_the_next_netd),
		KIT_TEST(fifty_players_hear_of_it_and_nobody_is_refused),
		KIT_TEST(twenty_kills_in_a_row),
		KIT_TEST(one_that_keeps_dying_is_given_up_in_one_line),
		KIT_TEST(a_connection_like_a_file_says_closed),
		KIT_TEST(a_call_that_is_under_way_fails_with_its_reason),
		KIT_TEST(a_big_write_into_a_stopped_netd_ends_with_it),
		KIT_TEST(numbers_are_new_even_while_the_game_is_busy),
		KIT_TEST(timers_and_listeners_are_as_the_game_left_them),
		KIT_TEST(a_recording_goes_on_in_another_file),
		KIT_TEST(a_snapshot_outlives_netd),
		KIT_TEST(a_token_brings_a_player_back_to_its_number_and_tag),
		KIT_TEST(netd_and_game_die_together),
		KIT_TEST(netd_dies_while_it_recovers_the_game),
		KIT_TEST(the_game_dies_before_it_greets_the_new_netd),
		KIT_TEST(a_game_that_never_greets_the_new_netd_is_ended),
		KIT_TEST(netd_dies_during_an_upgrade),
		KIT_TEST(one_that_is_stopped_is_not_dead),
		KIT_TEST(asked_to_stop_then_it_is_not_started_again),
		KIT_TEST(stopping_before_the_game_greets_asks_it_all_the_same),
		KIT_TEST(nobody_outlives_netd_and_launcher),
		KIT_TEST(without_a_launcher_the_game_is_told),
	};

	crashes_are_signals();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
