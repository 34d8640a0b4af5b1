/*
 * barred.c - run a program where the system refuses what it would lock itself
 * with, as old kernels and strict containers do.
 *
 *	barred calls|files|both PROGRAM [ARGUMENT]...
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static void
bar_calls(scmp_filter_ctx f)
{
	seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0);
	seccomp_rule_add(f, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1,
	    SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP));
}

static void
bar_files(scmp_filter_ctx f)
{
	seccomp_rule_add(
	    f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0);
}

int
main(int argc, char **argv)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	if (argc < 3 || f == NULL)
		return 2;
	if (strcmp(argv[1], "files") != 0)
		bar_calls(f);
	if (strcmp(argv[1], "calls") != 0)
		bar_files(f);
	if (seccomp_load(f) < 0)
		return 77;
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 2;
}
