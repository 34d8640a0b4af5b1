/* bot.h - a snake that plays by itself, from what any player can see. */
#ifndef SNAKE_BOT_H
#define SNAKE_BOT_H

#include "world.h"

/*
 * The way a placed snake should go on: towards the nearest digit that can be
 * reached, away from places too small for it and from cells another head may
 * enter. Returns the way it already goes when every way is as bad.
 */
enum world_way bot_way(const struct world *w, int slot);

#endif
