/*
 * kit_own.h - between the files of the kit: what a case owns.
 */
#ifndef TESTS_LIB_KIT_OWN_H
#define TESTS_LIB_KIT_OWN_H

/* p, freed at the end of the case; NULL fails it. */
void *kit_own(void *p);
/* Call f with p at the end of the case, before what it owns is freed. */
void kit_at_end(void (*f)(void *), void *p);
/* fd, closed at the end of the case. */
int kit_own_fd(int fd);

#endif
