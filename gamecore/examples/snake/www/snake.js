/*
 * snake.js - the page of Snake. page.h says what there is to see and to say.
 *
 * In this order: what is known (room, my), the line to the game (net), what is
 * new (onstate, on), drawing (view), the panels, and the keys. Everything that
 * other players wrote goes in by textContent.
 */
"use strict";

const LETTERS = "ABCDEFGHIJ";
/* Told apart by the colour-blind (after Okabe and Ito), and never by colour
 * alone: each slot also has a letter and a pattern. */
const COLOURS = ["#f5a623", "#56b4e9", "#00c08b", "#f0e442", "#ff6b4a",
	"#d987c9", "#3d7bff", "#e8eef4", "#b5a0ff", "#c49a6c"];
const DX = [-1, 0, 1, 0], DY = [0, -1, 0, 1];
const BODIES = "lurd";

const $ = (id) => document.getElementById(id);

/* Storage may be forbidden; the game goes on without. */
const keep = {
	get(key) { try { return localStorage.getItem(key); } catch { return null; } },
	set(key, value) { try { localStorage.setItem(key, value); } catch { /* forgotten */ } },
};

/* ---- what is known ------------------------------------------------------- */

/* The room as the game has it; penstock.js keeps it so. */
let room = { width: 50, height: 25, speed: 6, frame: 0, things: {}, snakes: {},
	top: [], log: {} };

const my = {
	id: "",                /* until the game has our name */
	name: "",
	wanted: keep.get("snake.name") || "",
	playing: false,
	wants: "",             /* "play" or "watch": asked for, to be had again */
	best: 0,
	link: "connecting", latency: 0,
	over: null,            /* {score, why} of my last game */
	errors: [],
	get snake() { return room.snakes[this.id]; },
};

/* Each snake as it lies there, id -> {...snake, cells, left}: cells are {x, y,
 * way} from head to tail, left is the one its tail left in this frame. */
const bodies = new Map();

/* Since its path was told it went straight on and grew by up to growth. */
function body({ path: [frame, head, growth, runs] })
{
	const gone = room.frame - frame, W = room.width, H = room.height;
	const ways = [...runs.matchAll(/(\D)(\d*)/g)].flatMap(([, way, n]) =>
		Array(Number(n || 1)).fill(BODIES.indexOf(way)));
	const length = 1 + ways.length + Math.min(growth, gone);
	let x = head % W + DX[ways[0]] * gone;
	let y = Math.floor(head / W) + DY[ways[0]] * gone;

	ways.unshift(...Array(gone).fill(ways[0]));
	return Array.from({ length }, (none, i) => {
		const cell = { x: (x % W + W) % W, y: (y % H + H) % H,
			way: ways[Math.max(0, i - 1)] };
		x -= DX[ways[i]];
		y -= DY[ways[i]];
		return cell;
	});
}

function layBodies(steps)
{
	for (const id of bodies.keys())
		if (!Object.hasOwn(room.snakes, id))
			bodies.delete(id);
	for (const [id, snake] of Object.entries(room.snakes)) {
		if (!snake.path)
			continue;
		const cells = body(snake), old = bodies.get(id), end = cells.at(-1);
		const tail = old && old.cells.at(-1);
		const left = !old || steps > 1 ? null : steps === 0 ? old.left :
			tail.x !== end.x || tail.y !== end.y ? tail : null;
		bodies.set(id, { ...snake, id, cells, left });
	}
}

/* ---- the line to the game ------------------------------------------------ */

/*
 * penstock.js comes back by itself, mostly to the snake that we left, keeps
 * the room as it is and has a function for each message that the game
 * declared. All that the rest of the page knows of connections are net.say(),
 * net.retry() and onlink(state, seconds).
 */
const net = {
	line: null, pinger: 0, countdown: 0, onlink: null,

	url() {
		const room = new URLSearchParams(location.search).get("room");
		return "/play" + (room ? "?room=" + encodeURIComponent(room) : "");
	},

	open() {
		this.onlink("connecting", 0);
		this.line = new Penstock(this.url(), {
			onopen: () => {
				this.onlink("open", 0);
				this.renew();
			},
			onback: () => this.onlink("open", 0),
			onaway: (seconds) => this.onlink("waiting", seconds),
			onclose: (why, final) => this.over(why, final),
			onstate,
		});
		for (const name in on)
			this.line.on(name, on[name]);
		this.pinger = setInterval(() =>
			this.say("ping", { sent: Math.round(performance.now()) }), 4000);
	},

	/* Perhaps the game knows us as we were, or it is a new connection. */
	renew() {
		if (my.name)
			this.say("name", { name: my.wanted });
	},

	over(why, final) {
		my.id = "";
		my.playing = false;
		if (final) {
			clearInterval(this.pinger);
			this.onlink("closed", 0);
			$("lost-text").textContent = "Connection closed: " + why;
		}
		cards();
	},

	retry() {
		if (this.line.state === "closed")
			location.reload();
		this.line.retry();
	},

	/* Old turns are of no use to a snake that went on without us. */
	say(name, fields) {
		return this.line.state === "open" && this.line[name](fields);
	},
};

net.onlink = (link, seconds) => {
	my.link = link;
	$("link").dataset.state = link;
	$("link").textContent = link === "open" ? "online" :
		link === "connecting" ? "connecting" : "offline";
	clearInterval(net.countdown);
	$("lost").hidden = link === "open" || link === "connecting";
	if (link === "waiting") {
		const until = performance.now() + seconds * 1000;
		const say = () => {
			const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
			$("lost-text").textContent = "Connection lost. Trying again " +
				(left ? "in " + left + " s" : "now") +
				(net.line && net.line.tries > 1 ?
					" (attempt " + net.line.tries + ")" : "");
		};
		say();
		net.countdown = setInterval(say, 500);
	}
	cards();
};

/* ---- what is new --------------------------------------------------------- */

/* A death as a sentence about whoever died; the killer's name goes in. */
const DEATHS = {
	wall: () => "ran into the wall",
	stone: () => "ran into a stone",
	corpse: () => "ran into a dead snake",
	self: (me) => me ? "bit your own tail" : "bit its own tail",
	snake: (me, by) => "ran into " + by,
	head: (me, by) => "met " + by + " head on",
	left: () => "left",
};

function death(why, me, by)
{
	return Object.hasOwn(DEATHS, why) ? DEATHS[why](me, by || "somebody") :
		me ? "are out" : "is out";
}

let shown = 0; /* the frame that is shown */

/* The room changed: what moved, then what is to be seen and heard of it. */
function onstate(shared, { from, set = {}, del = [] })
{
	const whole = from === 0, gone = (of) => del.some((path) => path[0] === of);
	const steps = shared.frame - shown;

	room = shared;
	shown = room.frame;
	if (whole)
		begin();
	if (whole || steps !== 0)
		view.frameAt = performance.now();
	const before = new Map(bodies);
	layBodies(whole ? 2 : steps);
	for (const id in set.snakes)
		if (before.has(id))
			ate(bodies.get(id), before.get(id).score);
	for (const at in set.things)
		if (set.things[at] === "x" && !whole)
			view.burst(at % room.width, Math.floor(at / room.width),
				"#8b9bab", 14);
	for (const n in set.log)
		panels.log(set.log[n]);
	whether();
	if (set.snakes || gone("snakes"))
		panels.players();
	if (set.top)
		panels.top();
	$("people").textContent = room.people + " here";
}

/* All of it is new. */
function begin()
{
	bodies.clear();
	$("room").textContent = "room " + room.room;
	$("room").hidden = !room.room;
	$("rule-edge").textContent = room.wrap ?
		"The edges are joined. Stones, snakes and the dead end the game." :
		"The wall, stones, snakes and the dead end the game.";
	$("log").replaceChildren();
	view.resize();
	panels.players();
}

/* Do I play? */
function whether()
{
	const was = my.playing;

	my.playing = Boolean(my.snake);
	if (my.playing && !was) {
		my.wants = "";
		my.over = null;
		view.mineSince = performance.now();
		document.activeElement.blur();
		/* On a phone the pad must be in sight. */
		window.scrollTo(0, 0);
		cards();
	} else if (was && !my.playing) {
		const end = Object.values(room.log).findLast((e) => e.id === my.id);
		my.over = { score: end ? end.score : 0,
			why: death(end ? end.out : "", true, end ? end.by : "") };
		my.best = Math.max(my.best, my.over.score);
		view.shake = performance.now();
		sound.die();
		setTimeout(cards, 700);
	}
}

function ate({ id, slot, score, cells: [{ x, y }] }, before)
{
	if (score <= before)
		return;
	view.burst(x, y, COLOURS[slot], 8);
	view.rise(x, y, "+" + (score - before), COLOURS[slot]);
	if (id === my.id)
		sound.eat(score - before);
}

const on = {
	you({ id, name }) {
		my.id = id;
		my.name = name;
		whether();
		if (my.wants === "play" && !my.playing)
			net.say("join");
		panels.players();
		cards();
	},
	sorry({ text }) {
		my.errors.push(text);
		if (my.wants === "play" && !my.id)
			my.name = "";
		my.wants = "";
		panels.toast(text[0].toUpperCase() + text.slice(1) + ".");
		cards();
	},
	pong({ sent }) {
		my.latency = Math.max(0, Math.round(performance.now() - sent));
		$("link").textContent = my.latency + " ms";
	},
	bye({ text }) { panels.toast(text[0].toUpperCase() + text.slice(1) + "."); },
};

/* ---- sound: three blips, off until asked for ------------------------------ */

const sound = {
	on: keep.get("snake.sound") === "on", ctx: null,

	blip(from, to, seconds, type) {
		if (!this.on || !window.AudioContext)
			return;
		this.ctx = this.ctx || new AudioContext();
		const t = this.ctx.currentTime;
		const osc = this.ctx.createOscillator(), gain = this.ctx.createGain();
		osc.type = type;
		osc.frequency.setValueAtTime(from, t);
		osc.frequency.exponentialRampToValueAtTime(to, t + seconds);
		gain.gain.setValueAtTime(0.09, t);
		gain.gain.exponentialRampToValueAtTime(0.001, t + seconds);
		osc.connect(gain).connect(this.ctx.destination);
		osc.start(t);
		osc.stop(t + seconds);
	},
	eat(digit) { this.blip(380 + 40 * digit, 760 + 60 * digit, 0.12, "triangle"); },
	die() { this.blip(260, 50, 0.5, "sawtooth"); },
	show() {
		$("sound").textContent = this.on ? "Sound on" : "Sound off";
		$("sound").setAttribute("aria-pressed", String(this.on));
	},
	toggle() {
		this.on = !this.on;
		keep.set("snake.sound", this.on ? "on" : "off");
		this.show();
		this.eat(5);
	},
};

/* ---- drawing -------------------------------------------------------------- */

/*
 * The game goes from cell to cell; the eye wants motion. So a head slides
 * from where it was during one frame, and a tail's last cell shrinks away.
 * Where the whole field would be too small (a phone), the view follows the
 * own head, or the leader's, and a small map shows the rest.
 */
const view = {
	canvas: $("field"), g: $("field").getContext("2d"),
	cell: 16, cols: 50, rows: 25, x: 0, y: 0, follow: false, dpr: 1,
	frameAt: 0, sparks: [], rising: [], shake: 0, mineSince: 0, tile: null,
	calm: matchMedia("(prefers-reduced-motion: reduce)").matches,

	resize() {
		const box = $("frame").getBoundingClientRect();
		const dpr = Math.min(3, window.devicePixelRatio || 1);
		const pad = 2;
		const whole = Math.min((box.width - 2 * pad) / room.width,
			(box.height - 2 * pad) / room.height);

		this.follow = whole < 11;
		/* Whole device pixels, so that edges are crisp. */
		this.cell = Math.max(1, Math.floor((this.follow ?
			Math.max(whole, 16, Math.min(19, box.height / room.height)) :
			whole) * dpr)) / dpr;
		this.cols = this.follow ?
			Math.min(room.width, (box.width - 2 * pad) / this.cell) : room.width;
		this.rows = this.follow ?
			Math.min(room.height, (box.height - 2 * pad) / this.cell) : room.height;
		this.dpr = dpr;
		const width = this.cols * this.cell + 2 * pad;
		const height = this.rows * this.cell + 2 * pad;
		this.pad = pad;
		this.canvas.width = Math.round(width * dpr);
		this.canvas.height = Math.round(height * dpr);
		this.canvas.style.width = width + "px";
		this.canvas.style.height = height + "px";
		this.tile = null;
		if (!this.follow)
			this.x = this.y = 0;
	},

	burst(x, y, colour, n) {
		if (this.calm || this.sparks.length > 300)
			return;
		for (let i = 0; i < n; i++) {
			const a = Math.random() * 7, v = 1 + Math.random() * 5;
			this.sparks.push({ x: x + 0.5, y: y + 0.5, dx: Math.cos(a) * v, dy: Math.sin(a) * v,
				colour, since: performance.now(), life: 300 + Math.random() * 350 });
		}
	},

	rise(x, y, text, colour) {
		this.rising.push({ x: x + 0.5, y, text, colour,
			since: performance.now() });
	},

	/* Where the head of each body is shown. */
	heads(p) {
		return [...bodies.values()].map((b) => ({ ...b, way: b.cells[0].way,
			mine: b.id === my.id,
			x: b.cells[0].x + 0.5 - DX[b.cells[0].way] * (1 - p),
			y: b.cells[0].y + 0.5 - DY[b.cells[0].way] * (1 - p) }));
	},

	/* Where to look: at the own head, or the leader's. */
	look(heads, dt) {
		if (!this.follow)
			return;
		const target = heads.find((h) => h.mine) ||
			heads.reduce((a, b) => a && a.score >= b.score ? a : b, null) ||
			{ x: room.width / 2, y: room.height / 2 };
		const clamp = (v, max) => Math.max(0, Math.min(max, v));
		const x = clamp(target.x - this.cols / 2, room.width - this.cols);
		const y = clamp(target.y - this.rows / 2, room.height - this.rows);
		const far = Math.abs(x - this.x) + Math.abs(y - this.y) > 20;
		const k = far || this.calm ? 1 : 1 - Math.exp(-dt / 110);
		this.x += (x - this.x) * k;
		this.y += (y - this.y) * k;
	},

	/* The floor: a checker just light enough to count cells by. */
	floor() {
		const g = this.g, c = this.cell;

		if (this.tile === null) {
			const t = document.createElement("canvas");
			t.width = t.height = Math.round(2 * c * this.dpr);
			const tg = t.getContext("2d");
			tg.fillStyle = "#0e141b";
			tg.fillRect(0, 0, t.width, t.height);
			tg.fillStyle = "#10171f";
			tg.fillRect(0, 0, t.width / 2, t.width / 2);
			tg.fillRect(t.width / 2, t.width / 2, t.width / 2, t.width / 2);
			this.tile = g.createPattern(t, "repeat");
			this.tile.setTransform(new DOMMatrix().scale(1 / this.dpr));
		}
		g.fillStyle = this.tile;
		g.fillRect(0, 0, room.width * c, room.height * c);
	},

	edge() {
		const g = this.g, c = this.cell;

		g.lineWidth = 2;
		g.strokeStyle = room.wrap ? "#35506a" : "#4a6076";
		g.setLineDash(room.wrap ? [c / 2, c / 2] : []);
		g.strokeRect(-1, -1, room.width * c + 2, room.height * c + 2);
		g.setLineDash([]);
	},

	things(now) {
		const g = this.g, c = this.cell;

		g.textAlign = "center";
		g.textBaseline = "middle";
		for (const [at, look] of Object.entries(room.things)) {
			const x = at % room.width * c, y = Math.floor(at / room.width) * c;
			if (look === "#")
				this.stone(x, y, c);
			else if (look === "o" || look === "x")
				this.corpse(x, y, c, look);
			else
				this.digit(x + c / 2, y + c / 2, c, Number(look), now);
		}
	},

	stone(x, y, c) {
		const g = this.g, m = c * 0.08;

		g.fillStyle = "#59636e";
		g.beginPath();
		g.roundRect(x + m, y + m, c - 2 * m, c - 2 * m, c * 0.22);
		g.fill();
		g.fillStyle = "#828d99";
		g.beginPath();
		g.roundRect(x + m, y + m, c - 2 * m, (c - 2 * m) * 0.42, c * 0.2);
		g.fill();
	},

	corpse(x, y, c, look) {
		const g = this.g, m = c * (look === "x" ? 0.14 : 0.2);

		g.strokeStyle = "#5f6d7b";
		g.lineWidth = Math.max(1, c * 0.1);
		g.beginPath();
		if (look === "x") {
			g.moveTo(x + m, y + m);
			g.lineTo(x + c - m, y + c - m);
			g.moveTo(x + c - m, y + m);
			g.lineTo(x + m, y + c - m);
		} else {
			g.fillStyle = "#1b232c";
			g.arc(x + c / 2, y + c / 2, c / 2 - m, 0, 7);
			g.fill();
		}
		g.stroke();
	},

	digit(x, y, c, value, now) {
		const g = this.g;
		const beat = this.calm ? 0 : Math.sin(now / 300 + x) * 0.03;
		const r = c * (0.38 + value * 0.012 + beat);

		g.fillStyle = "rgba(245, 184, 61, " + (0.05 + value * 0.012) + ")";
		g.beginPath();
		g.arc(x, y, r * 1.7, 0, 7);
		g.fill();
		g.fillStyle = "#1b1608";
		g.strokeStyle = "#f5b83d";
		g.lineWidth = Math.max(1.2, c * 0.09);
		g.beginPath();
		g.arc(x, y, r, 0, 7);
		g.fill();
		g.stroke();
		g.fillStyle = "#fff3d6";
		g.font = "700 " + c * 0.6 + "px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
		g.fillText(String(value), x, y + c * 0.04);
	},

	/* The links of one snake, each from a part to the next towards the head;
	 * across an edge both halves, the clip cuts what is outside. */
	links({ cells, left }, p) {
		const all = [], W = room.width, H = room.height;
		const add = ({ x, y, way }, from, to) => {
			const link = (ox, oy) => all.push([
				x + 0.5 + ox + DX[way] * from, y + 0.5 + oy + DY[way] * from,
				x + 0.5 + ox + DX[way] * to, y + 0.5 + oy + DY[way] * to, way]);
			link(0, 0);
			const nx = x + DX[way], ny = y + DY[way];
			if (nx < 0 || nx >= W || ny < 0 || ny >= H)
				link(nx < 0 ? W : nx >= W ? -W : 0, ny < 0 ? H : ny >= H ? -H : 0);
		};
		cells.slice(1).forEach((c, i) => add(c, 0, i === 0 ? p : 1));
		if (left && p < 1)
			add(left, p, 1);
		return all;
	},

	snakes(p, heads) {
		const g = this.g, c = this.cell;

		for (const b of bodies.values()) {
			const list = this.links(b, p), mine = b.id === my.id;
			const path = new Path2D();
			for (const [x1, y1, x2, y2] of list) {
				path.moveTo(x1 * c, y1 * c);
				/* A line of no length has no round end in all browsers. */
				path.lineTo(x2 * c + 0.01, y2 * c);
			}
			g.lineCap = g.lineJoin = "round";
			g.strokeStyle = mine ? "#ffffff" : "#06090d";
			g.lineWidth = c * 0.74 + (mine ? 3 : 2);
			g.stroke(path);
			g.strokeStyle = COLOURS[b.slot];
			g.lineWidth = c * 0.74;
			g.stroke(path);
			this.pattern(list, b.slot);
		}
		for (const h of heads)
			this.head(h);
	},

	/* What tells snakes apart without colours: none, dots, a line, bars,
	 * a light line. */
	pattern(list, slot) {
		const g = this.g, c = this.cell, kind = slot % 5;

		if (kind === 0)
			return;
		g.beginPath();
		for (const [x1, y1, x2, y2, way] of list) {
			if (kind === 1) {
				g.moveTo(x1 * c, y1 * c);
				g.lineTo(x1 * c + 0.01, y1 * c);
			} else if (kind === 3) {
				const sx = DY[way] * 0.26 * c, sy = DX[way] * 0.26 * c;
				g.moveTo(x1 * c + sx, y1 * c + sy);
				g.lineTo(x1 * c - sx, y1 * c - sy);
			} else {
				g.moveTo(x1 * c, y1 * c);
				g.lineTo(x2 * c, y2 * c);
			}
		}
		g.strokeStyle = kind === 4 ? "rgba(255,255,255,.75)" : "rgba(6,9,13,.62)";
		g.lineWidth = c * [0, 0.3, 0.2, 0.2, 0.18][kind];
		g.stroke();
	},

	head(h) {
		const g = this.g, c = this.cell, x = h.x * c, y = h.y * c;
		const fx = DX[h.way], fy = DY[h.way];

		g.fillStyle = COLOURS[h.slot];
		g.strokeStyle = h.mine ? "#ffffff" : "#06090d";
		g.lineWidth = h.mine ? 2 : 1.5;
		g.beginPath();
		g.arc(x, y, c * 0.5, 0, 7);
		g.fill();
		g.stroke();
		for (const side of [-1, 1]) {
			const ex = x + fx * c * 0.14 - fy * side * c * 0.22;
			const ey = y + fy * c * 0.14 + fx * side * c * 0.22;
			g.fillStyle = "#ffffff";
			g.beginPath();
			g.arc(ex, ey, c * 0.15, 0, 7);
			g.fill();
			g.fillStyle = "#06090d";
			g.beginPath();
			g.arc(ex + fx * c * 0.06, ey + fy * c * 0.06, c * 0.08, 0, 7);
			g.fill();
		}
	},

	labels(heads, now) {
		const g = this.g, c = this.cell, W = room.width * c;

		g.textAlign = "center";
		g.textBaseline = "alphabetic";
		g.lineJoin = "round";
		for (const h of heads) {
			const { mine } = h;
			const text = LETTERS[h.slot] + " " + (mine ? "You" : h.name);
			g.font = (mine ? "700 " : "600 ") + Math.max(10, Math.min(13, c * 0.72)) +
				"px system-ui, 'DejaVu Sans', sans-serif";
			const half = g.measureText(text).width / 2 + 3;
			const x = Math.max(half, Math.min(W - half, h.x * c));
			const y = h.y * c < 1.6 * c ? h.y * c + 1.45 * c : h.y * c - 0.75 * c;
			g.strokeStyle = "rgba(6, 9, 13, .9)";
			g.lineWidth = 3;
			g.strokeText(text, x, y);
			g.fillStyle = mine ? "#ffffff" : COLOURS[h.slot];
			g.fillText(text, x, y);
			if (mine && now - this.mineSince < 3000) {
				const k = (now - this.mineSince) % 750 / 750;
				g.strokeStyle = "rgba(255, 255, 255, " + (1 - k) + ")";
				g.lineWidth = 2;
				g.beginPath();
				g.arc(h.x * c, h.y * c, c * (0.7 + k * 2), 0, 7);
				g.stroke();
			}
		}
	},

	effects(now) {
		const g = this.g, c = this.cell;

		this.sparks = this.sparks.filter((s) => now - s.since < s.life);
		for (const s of this.sparks) {
			const t = (now - s.since) / 1000, k = 1 - (now - s.since) / s.life;
			g.globalAlpha = k;
			g.fillStyle = s.colour;
			g.beginPath();
			g.arc((s.x + s.dx * t) * c, (s.y + s.dy * t) * c, c * 0.14 * k + 0.5, 0, 7);
			g.fill();
		}
		this.rising = this.rising.filter((s) => now - s.since < 900);
		g.textAlign = "center";
		for (const s of this.rising) {
			const k = (now - s.since) / 900;
			g.globalAlpha = 1 - k * k;
			g.font = "800 " + Math.max(13, c * 1.05) + "px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
			g.lineWidth = 3;
			g.strokeStyle = "#06090d";
			g.strokeText(s.text, s.x * c, (s.y - k * 1.6) * c);
			g.fillStyle = s.colour;
			g.fillText(s.text, s.x * c, (s.y - k * 1.6) * c);
		}
		g.globalAlpha = 1;
	},

	map() {
		const g = this.g, w = 96, k = w / room.width, h = room.height * k;
		const x0 = this.canvas.width / this.dpr - w - 10, y0 = 10;

		g.fillStyle = "rgba(6, 9, 13, .78)";
		g.strokeStyle = "#4a6076";
		g.lineWidth = 1;
		g.fillRect(x0, y0, w, h);
		g.strokeRect(x0 - 0.5, y0 - 0.5, w + 1, h + 1);
		const dot = (x, y, colour) => {
			g.fillStyle = colour;
			g.fillRect(x0 + x * k, y0 + y * k, Math.max(1.5, k), Math.max(1.5, k));
		};
		for (const [at, look] of Object.entries(room.things))
			if (look >= "1" && look <= "9")
				dot(at % room.width, Math.floor(at / room.width), "#f5b83d");
		for (const { slot, cells } of bodies.values())
			cells.forEach(({ x, y }) => dot(x, y, COLOURS[slot]));
		g.strokeStyle = "rgba(255, 255, 255, .6)";
		g.strokeRect(x0 + this.x * k, y0 + this.y * k, this.cols * k, this.rows * k);
	},

	last: 0,
	draw(now) {
		const g = this.g, c = this.cell;
		const slide = this.calm ? 1 : 1000 / room.speed;
		const p = Math.min(1, Math.max(0, (now - this.frameAt) / slide));
		const heads = this.heads(p);
		const shaking = this.calm ? 0 : Math.max(0, 1 - (now - this.shake) / 350);

		this.look(heads, now - this.last);
		this.last = now;
		g.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
		g.clearRect(0, 0, this.canvas.width, this.canvas.height);
		g.translate(this.pad - this.x * c + Math.sin(now / 18) * shaking * 5,
			this.pad - this.y * c + Math.cos(now / 23) * shaking * 5);
		g.save();
		g.beginPath();
		g.rect(0, 0, room.width * c, room.height * c);
		g.clip();
		this.floor();
		this.things(now);
		this.snakes(p, heads);
		this.effects(now);
		this.labels(heads, now);
		g.restore();
		this.edge();
		if (this.follow) {
			g.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
			this.map();
		}
		requestAnimationFrame((t) => this.draw(t));
	},
};

/* ---- panels ---------------------------------------------------------------- */

function element(tag, cls, text)
{
	const e = document.createElement(tag);

	if (cls)
		e.className = cls;
	if (text !== undefined)
		e.textContent = text;
	return e;
}

function badge(slot)
{
	const e = element("span", "badge", LETTERS[slot]);

	e.style.backgroundColor = COLOURS[slot];
	return e;
}

const panels = {
	players() {
		const list = Object.entries(room.snakes).sort(([, a], [, b]) =>
			b.score - a.score || a.slot - b.slot);

		$("players").replaceChildren(...list.map(([id, p]) => {
			const li = element("li", id === my.id ? "me" : "");
			const who = element("span", "who", p.name);
			if (p.bot)
				who.append(" ", element("small", "", "bot"));
			li.append(badge(p.slot), who, element("span", "points", p.score));
			return li;
		}));
		$("players-count").textContent = list.length ?
			list.length + " of " + room.most : "";
		$("nobody").hidden = list.length > 0;
		document.querySelector(".players").classList.toggle("empty", list.length === 0);
		$("mine-score").textContent = my.snake ? my.snake.score : 0;
	},

	top() {
		const today = new Date().toDateString();

		$("top").replaceChildren(...room.top.map(([name, score, slot, at], i) => {
			const li = element("li");
			const date = new Date(at * 1000);
			const time = element("time", "", date.toDateString() === today ?
				date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false }) :
				date.toLocaleDateString([], { day: "numeric", month: "short" }));
			time.dateTime = date.toISOString();
			time.title = date.toLocaleString();
			const who = element("span", "who", name);
			who.style.color = COLOURS[slot];
			li.append(element("span", "rank", i + 1), who,
				element("span", "points", score), time);
			return li;
		}));
		$("top-none").hidden = room.top.length > 0;
	},

	/* What somebody said, or the end of one who is no bot. */
	log({ who, slot, said, id, score, out, by }) {
		if (out && id[0] === "b")
			return;
		const log = $("log");
		const low = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
		const li = element("li", out ? "event" : "");
		const name = element("b", "", who);

		if (slot >= 0)
			name.style.color = COLOURS[slot];
		li.append(name, out ? death(out, false, by) + ", " + score +
			(score === 1 ? " point" : " points") : said);
		log.append(li);
		while (log.children.length > 100)
			log.firstChild.remove();
		if (low)
			log.scrollTop = log.scrollHeight;
	},

	toast(text) {
		$("toast").textContent = text;
		$("toast").hidden = false;
		clearTimeout(this.timer);
		this.timer = setTimeout(() => { $("toast").hidden = true; }, 4000);
	},
};

/* Which card lies over the field. */
function cards()
{
	const named = my.name !== "" || my.wants === "watch";
	const online = my.link === "open";
	const over = named && !my.playing && my.over !== null;

	const fresh = $("welcome").hidden && !named;
	$("welcome").hidden = named;
	if (fresh && matchMedia("(pointer: fine)").matches)
		$("name").focus();
	$("over").hidden = !over || !online;
	$("watching").hidden = !named || my.playing || over || !online;
	$("mine").hidden = !my.playing;
	$("pad").classList.toggle("idle", !my.playing);
	if (over) {
		$("over-why").textContent = "You " + my.over.why;
		$("over-score").textContent = my.over.score;
		$("over-best").textContent = my.over.score < my.best ?
			"your best: " + my.best :
			my.over.score > 0 ? "your best so far" : "every digit counts";
	}
}

/* ---- keys, fingers, buttons ------------------------------------------------- */

function play()
{
	if (!my.name) {
		my.wants = "";
		cards();
		$("welcome").hidden = false;
		$("name").focus();
		return;
	}
	my.over = null;
	net.say("join");
	cards();
}

function turn(way)
{
	if (my.playing)
		net.say("turn", { way });
}

const KEYS = { ArrowLeft: 0, ArrowUp: 1, ArrowRight: 2, ArrowDown: 3,
	KeyA: 0, KeyW: 1, KeyD: 2, KeyS: 3 };

document.addEventListener("keydown", (ev) => {
	const typing = ev.target instanceof HTMLInputElement;

	if (ev.key === "Escape" && typing)
		ev.target.blur();
	if (typing || ev.ctrlKey || ev.metaKey || ev.altKey)
		return;
	if (Object.hasOwn(KEYS, ev.code)) {
		if (!ev.repeat)
			turn(KEYS[ev.code]);
		ev.preventDefault();
	} else if (ev.key === "Enter" && !(ev.target instanceof HTMLButtonElement)) {
		if (!my.playing && $("welcome").hidden)
			play();
	} else if (ev.key === "t" || ev.key === "T" || ev.key === "/") {
		$("said").focus();
		ev.preventDefault();
	}
});

$("pad").addEventListener("pointerdown", (ev) => {
	const way = ev.target.dataset.way;

	if (way === undefined)
		return;
	ev.preventDefault();
	turn(Number(way));
	if (navigator.vibrate)
		navigator.vibrate(8);
});

/* A finger that goes on turns again, without being lifted. */
const swipe = { id: null, x: 0, y: 0 };
$("frame").addEventListener("pointerdown", (ev) => {
	if (ev.pointerType === "mouse" || !my.playing)
		return;
	Object.assign(swipe, { id: ev.pointerId, x: ev.clientX, y: ev.clientY });
});
$("frame").addEventListener("pointermove", (ev) => {
	const dx = ev.clientX - swipe.x, dy = ev.clientY - swipe.y;

	if (ev.pointerId !== swipe.id || Math.max(Math.abs(dx), Math.abs(dy)) < 22)
		return;
	turn(Math.abs(dx) > Math.abs(dy) ? (dx < 0 ? 0 : 2) : (dy < 0 ? 1 : 3));
	Object.assign(swipe, { x: ev.clientX, y: ev.clientY });
});
for (const end of ["pointerup", "pointercancel"])
	$("frame").addEventListener(end, () => { swipe.id = null; });

$("welcome").addEventListener("submit", (ev) => {
	const name = $("name").value.trim();

	ev.preventDefault();
	if (name === "") {
		$("name").focus();
		panels.toast("A name first.");
		return;
	}
	keep.set("snake.name", name);
	my.wanted = my.name = name;
	my.wants = "play";
	if (!net.say("name", { name }))
		net.retry();
	cards();
});
$("watch").addEventListener("click", () => {
	my.wants = "watch";
	cards();
});
$("join").addEventListener("click", play);
$("again").addEventListener("click", play);
$("rest").addEventListener("click", () => {
	my.over = null;
	cards();
});
$("lost-now").addEventListener("click", () => net.retry());
$("sound").addEventListener("click", () => sound.toggle());
$("chat").addEventListener("submit", (ev) => {
	const text = $("said").value.trim();

	ev.preventDefault();
	if (text === "") {
		$("said").blur();
		return;
	}
	if (!my.name)
		panels.toast("A name first: press Play.");
	else if (net.say("talk", { text }))
		$("said").value = "";
});
window.addEventListener("resize", () => view.resize());
window.addEventListener("online", () => net.retry());
new ResizeObserver(() => view.resize()).observe($("frame"));

$("name").value = my.wanted;
sound.show();
cards();
view.resize();
net.open();
requestAnimationFrame((t) => view.draw(t));

/* For tests: what the page knows, and the keys. */
window.snake = { my, bodies, turn, play, net, get room() { return room; } };
