/*
 * launcher.c - the process between netd, the game and the shell, which only
 * waits: its loop, signals, ended children, and what main() returns at last.
 * It returns from gc_open() like everybody else and never exits by itself.
 * Next: launcher_orders.c, launcher_netd.c; wake.c and crew.c do the work.
 */
#include "gamecore/launcher.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* For a game that was asked to stop and has no netd any more. */
#define GAME_END_MS 2000
/* For a netd whose pipe ended to be seen dead; else it hung up on purpose. */
#define NETD_DEAD_MS 2000
/* timeout(1) sends its signal to the process and to its group: that is one. */
#define SAME_STOP_US 100000

bool
launcher_can_wake(const struct launcher *l)
{
	return l->wake.keeper >= 0 && !l->o->no_journal;
}

void
launcher_tell(
    struct launcher *l, unsigned type, uint64_t value, const char *text)
{
	if (l->control >= 0 && l->netd)
		control_say(l->control, type, value, text);
}

/*
 * The game ended otherwise than by gc_close() and status 0. netd, which knows
 * what the game had in hand, says what comes next: WAKE, COLD, or its own end.
 */
static void
game_died(struct launcher *l)
{
	struct ipc_control m = { .type = IPC_CONTROL_DIED,
		.number = l->upgrades,
		.value = (unsigned)l->game_status,
		.fds = { -1, -1 } };
	char how[64];

	if (l->wake.last_words[0])
		launcher_tell(l, IPC_CONTROL_LOG, 0, l->wake.last_words);
	l->wake.last_words[0] = '\0';
	launch_how(l->game_status, how, sizeof(how));
	snprintf(
	    m.text, sizeof(m.text), "how=\"%s\"", l->hung[0] ? l->hung : how);
	l->hung[0] = '\0';
	launcher_tell(l, IPC_CONTROL_HAND, wake_hand(&l->wake), "");
	/* One that could not even begin has said why: that is no death. */
	if (l->control >= 0 && l->netd && !l->not_begun)
		ipc_control_send(l->control, &m);
	if (!l->no_start && l->stops == 0 && launcher_can_wake(l))
		return;
	launcher_tell(l, IPC_CONTROL_GIVE_UP, 0, "");
}

void
launcher_game_ended(struct launcher *l, int status)
{
	pid_t pid = l->game;

	l->game = 0;
	l->game_status = status;
	launcher_drop_fresh(l);
	/* What it said last lies in the keeper socket. */
	wake_told(&l->wake);
	l->no_start = l->wake.no_start == pid;
	l->not_begun = l->no_start && pid == l->first;
	if (status) {
		game_died(l);
		return;
	}
	launcher_tell(l, IPC_CONTROL_ENDED, 0, "");
}

/* netd sees its pipe end, and says whether it had taken over before. */
static void
next_ended(struct launcher *l, int status)
{
	l->next_ended = true;
	l->next_status = status;
}

/* The copies of a new game that was not to be go with it. */
void
launcher_old_ended(struct launcher *l)
{
	l->old = 0;
	if (l->old_from == 0)
		return;
	wake_told(&l->wake);
	wake_dismiss_next(&l->wake, l->old_from);
}

static void
reap(struct launcher *l)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == l->game)
			launcher_game_ended(l, status);
		else if (pid == l->next)
			next_ended(l, status);
		else if (pid == l->old)
			launcher_old_ended(l);
		else if (pid == l->netd)
			launcher_netd_ended(l, status);
		else
			crew_ended(
			    &l->crew, pid, status, l->netd ? l->control : -1);
	}
}

/* Once: everything ends in order. Twice: at once. */
static void
asked_to_stop(struct launcher *l, int number)
{
	uint64_t now = launcher_clock_us();

	l->stop_signal = number;
	if (l->stops == 1 && now - l->stop_us < SAME_STOP_US)
		return;
	if (++l->stops == 1) {
		l->stop_us = now;
		if (l->netd &&
		    control_say(l->control, IPC_CONTROL_STOP, 0, "") < 0)
			kill(l->netd, SIGTERM);
		return;
	}
	launcher_tell(l, IPC_CONTROL_STOP_NOW, 0, "");
	crew_end(&l->crew, true);
	if (l->game)
		kill(l->game, SIGKILL);
	if (l->netd && l->stops > 2)
		kill(l->netd, SIGKILL);
}

/* It comes from the kernel or from the shell when the terminal goes. */
static bool
terminal_went(const struct launcher *l, const struct signalfd_siginfo *si)
{
	return l->terminal &&
	       (si->ssi_code == SI_KERNEL ||
		   si->ssi_pid == (uint32_t)getsid(0)) &&
	       !tty_is_there();
}

/*
 * SIGHUP is an upgrade, unless the terminal went from which we were started:
 * nobody is left to press Ctrl-C. Who used nohup knows that, and wants it so.
 */
static void
on_hangup(struct launcher *l, const struct signalfd_siginfo *si)
{
	bool went = terminal_went(l, si);

	if (tty_is_open() || (went && !l->nohup))
		asked_to_stop(l, SIGTERM);
	else if (!went)
		launcher_tell(l, IPC_CONTROL_UPGRADE, 0, "");
}

static void
on_signals(struct launcher *l)
{
	struct signalfd_siginfo si;

	while (read(l->signals, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap(l);
		else if (si.ssi_signo == SIGHUP)
			on_hangup(l, &si);
		else
			asked_to_stop(l, (int)si.ssi_signo);
	}
}

/* How long poll() may wait, and what to do when nothing came. */
static int
patience_ms(const struct launcher *l)
{
	if (l->netd == 0 && l->stops)
		return GAME_END_MS;
	if (l->netd == 0 && l->given_up)
		return NETD_END_MS;
	return l->wake.n_askers ? NETD_DEAD_MS : -1;
}

static void
out_of_patience(struct launcher *l)
{
	/* netd lives, and ended the game's link: the game ends, too. */
	while (l->wake.n_askers)
		wake_answer(&l->wake, 0, NULL);
	if (l->netd || l->cut_off || l->game == 0)
		return;
	l->cut_off = true;
	kill(l->game, SIGKILL);
}

/* Nobody but us ends a copy, and the system when memory is short: netd has to
 * ask for another. */
static void
copies_lost(struct launcher *l)
{
	uint64_t number;

	while ((number = wake_lost_copy(&l->wake)) != 0)
		launcher_say_lost(l, number, false);
}

#define FDS_MAX (3 + FROZEN_MAX)

/* Copies say nothing: only their end is seen. */
static nfds_t
listen_to(const struct launcher *l, struct pollfd fds[FDS_MAX])
{
	const int fixed[] = { l->signals, l->control, l->wake.keeper };

	for (size_t i = 0; i < 3; i++)
		fds[i] = (struct pollfd){ .fd = fixed[i], .events = POLLIN };
	for (size_t i = 0; i < l->wake.n; i++)
		fds[3 + i] = (struct pollfd){ .fd = l->wake.frozen[i].fd };
	return 3 + l->wake.n;
}

static void
wait_for_all(struct launcher *l)
{
	reap(l);
	while (l->game || l->netd || crew_alive(&l->crew)) {
		struct pollfd fds[FDS_MAX];
		nfds_t n_fds = listen_to(l, fds);
		int patience = patience_ms(l), crew, n;

		crew_run(&l->crew, l->netd ? l->control : -1);
		crew = crew_wait_ms(&l->crew);
		n = poll(fds, n_fds,
		    crew >= 0 && (patience < 0 || crew < patience) ? crew
								   : patience);
		if (n < 0)
			continue;
		if (n == 0 && (crew < 0 || (patience >= 0 && crew >= patience)))
			out_of_patience(l);
		if (fds[2].revents) {
			wake_told(&l->wake);
			launcher_answer_again(l);
		}
		copies_lost(l);
		if (fds[1].revents)
			launcher_hear(l);
		if (fds[0].revents)
			on_signals(l);
	}
	while (l->kept)
		launcher_unkeep(
		    l, &(struct ipc_control){ .number = l->kept->number });
}

static int
shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* What main() returns and says at the launcher's end. Whoever ended with a
 * status of its own has said why itself. */
static void
verdict(struct launcher *l)
{
	char how[64];

	if (l->given_up)
		return;
	l->start->text = "";
	l->start->status = shell_status(l->game_status);
	launch_how(l->game_status, how, sizeof(how));
	if (l->stops > 1 || (l->stops && l->not_begun))
		l->start->status = 128 + l->stop_signal;
	else if (l->cut_off || (l->netd_first && l->stops && l->netd_status))
		options_say(
		    l->start, 1, "the game did not end when asked: %s", how);
	else if (WIFSIGNALED(l->netd_status))
		options_say(l->start, 1, "netd died: %s",
		    launch_how(l->netd_status, how, sizeof(how)));
	else if (l->netd_first && launch_said_why(l->netd_status))
		l->start->status = 1;
	else if (l->netd_first && l->not_begun)
		options_say(l->start, 1, "netd ended before the game began: %s",
		    launch_how(l->netd_status, how, sizeof(how)));
	else if (l->netd_first && l->netd_status)
		l->start->status = 1;
	else if (WIFSIGNALED(l->game_status))
		options_say(
		    l->start, l->start->status, "the game died: %s", how);
}

/* The signals that the launcher reads one by one. */
static void
launcher_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

/* The child: nothing but two pipes, and deaf to the terminal, since STOP
 * comes with the stream. It never outlives its launcher. */
static bool
become_game(struct launched *l, const struct pipes *p,
    const struct launcher *launcher, pid_t parent, const sigset_t *before)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		raise(SIGKILL);
	tty_forget();
	close(launcher->control);
	close(launcher->signals);
	if (launcher->wake.keeper >= 0)
		close(launcher->wake.keeper);
	if (launcher->wake.hands_fd >= 0)
		close(launcher->wake.hands_fd);
	launch_deafen();
	sigprocmask(SIG_SETMASK, before, NULL);
	*l = (struct launched){ .up = p->up_r,
		.down = p->down_w,
		.control = -1,
		.pid = (uint32_t)getpid(),
		.keeper = launcher->wake.game_keeper,
		.hand = launcher->wake.hands };
	return true;
}

bool
launcher_run(struct launched *l, const struct options *o,
    struct gc_start *start, char **argv)
{
	struct launcher me = { .o = o, .start = start, .control = -1 };
	char how[64];
	int e = 0;
	pid_t parent = getpid();
	struct pipes p;
	sigset_t mine, before;
	struct sigaction hangup;

	if (!start_netd(o, start, &me.netd, &me.control))
		return false;
	me.terminal = tty_is_there();
	sigaction(SIGHUP, NULL, &hangup);
	me.nohup = hangup.sa_handler == SIG_IGN;
	launcher_make_key(me.key);
	control_say(me.control, IPC_CONTROL_KEY, 0, me.key);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	wake_init(&me.wake, argv);
	crew_declare(start->workers, me.control);
	launcher_signals(&mine);
	sigprocmask(SIG_BLOCK, &mine, &before);
	me.signals = signalfd(-1, &mine, SFD_CLOEXEC | SFD_NONBLOCK);
	if (me.signals >= 0 && crew_init(&me.crew, start->workers, argv) &&
	    pipes_hand_over(
		me.control, IPC_LINK_FIRST, launcher_can_wake(&me), argv, &p)) {
		/* What stdio holds must not leave twice. */
		fflush(NULL);
		me.game = fork();
		if (me.game == 0)
			crew_release(&me.crew);
		if (me.game == 0)
			return become_game(l, &p, &me, parent, &before);
		me.first = me.game;
		pipes_close_game(&p);
	}
	if (me.game <= 0) {
		e = errno;
		me.game = 0;
		launcher_tell(&me, IPC_CONTROL_GIVE_UP, 0, "");
	}
	wait_for_all(&me);
	verdict(&me);
	if (e && (me.stops || launch_said_why(me.netd_status))) {
		start->status = me.stops ? 128 + me.stop_signal : 1;
		start->text = "";
	} else if (e == EPIPE) /* netd read nothing of it */
		options_say(start, 1, "netd ended before the game began: %s",
		    launch_how(me.netd_status, how, sizeof(how)));
	else if (e)
		options_say(start, 1, "cannot start the game: %s%s",
		    strerror(e),
		    e == EMFILE || e == ENFILE ? " (raise ulimit -n)" : "");
	tty_restore();
	close(me.signals);
	wake_release(&me.wake);
	crew_release(&me.crew);
	if (me.control >= 0)
		close(me.control);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return false;
}
