/*
 * arena.js - the arena's page: own tank ahead of time, all others behind it.
 *
 * Time is in ticks of the server. line.shared is what the server has (see
 * arena.c: tank x y a h s f q); what is drawn is
 *	me      the server's place of the last input that counted (q), and from
 *	        there every input since, driven here by the rules of world.c
 *	others  between two of their places, as of seen(): late enough that the
 *	        next place is there already
 */
"use strict";

/* ---- the rules: the same in world.c ------------------------------------- */

const TICK_MS = 33, SIZE = 20000, RADIUS = 200, SPEED = 130;

const between = (low, v, high) => v < low ? low : v > high ? high : v;

function drive(at, dx, dy, rocks) {
	const speed = dx && dy ? SPEED * Math.SQRT1_2 : SPEED;
	let x = at.x + dx * speed, y = at.y + dy * speed;
	for (const [rx, ry, radius] of rocks) {
		const want = radius + RADIUS;
		let ox = x - rx, oy = y - ry, is = Math.sqrt(ox * ox + oy * oy);
		if (is >= want)
			continue;
		if (is < 1e-6) {
			ox = is = 1;
			oy = 0;
		}
		x = rx + ox / is * want;
		y = ry + oy / is * want;
	}
	return { x: between(RADIUS, x, SIZE - RADIUS),
		y: between(RADIUS, y, SIZE - RADIUS) };
}

/* ---- what is known ------------------------------------------------------ */

const VIEW = 3800; /* units from the middle to the farther edge */
const COOL_TICKS = 9, LATE_MAX = 8, INPUTS_KEPT = 90;
const $ = (id) => document.getElementById(id);

const past = new Map(); /* key: [{t, x, y}], oldest first */
const shots = [];       /* {x, y, tox, toy, hit, killed, until} */
const clock = { offset: null, late: 2, lates: [] };
const me = { key: null, name: "", joined: false, alive: false,
	at: { x: SIZE / 2, y: SIZE / 2 }, was: { x: SIZE / 2, y: SIZE / 2 },
	off: { x: 0, y: 0 }, aim: 0, number: 0, pending: [], rtt: 0, error: 0,
	fire: false, fired: 0, stepped: 0 };
const show = { predict: true, ghost: false };

const tanks = () => line.shared.tanks || {};
const mine = () => me.key === null ? undefined : tanks()[me.key];
/* Events that nobody has to acknowledge. */
const tell = (name, args) =>
	line.send(JSON.stringify(["$event", 0, name, args, {}]));

/* The tick that is drawn now, with a fraction. */
function seen() {
	if (clock.offset === null)
		return 0;
	return (performance.now() - clock.offset) / TICK_MS - clock.late;
}

/* A tick arrived: the fastest of late tells the offset, the slowest how late
 * the others must be drawn. */
function tickArrived(tick) {
	const now = performance.now(), is = now - tick * TICK_MS;
	clock.lates.push({ at: now, is });
	while (clock.lates.length > 1 && now - clock.lates[0].at > 3000)
		clock.lates.shift();
	let least = Infinity, most = -Infinity;
	for (const l of clock.lates) {
		least = Math.min(least, l.is);
		most = Math.max(most, l.is);
	}
	clock.offset = clock.offset === null ||
		Math.abs(least - clock.offset) > 200 ? least :
		clock.offset + (least - clock.offset) * 0.05;
	const want = between(1.5, 1.5 + (most - least) / TICK_MS, LATE_MAX);
	clock.late += (want - clock.late) * 0.05;
}

function remember(key, tank, tick) {
	let list = past.get(key);
	if (!list)
		past.set(key, list = []);
	const last = list[list.length - 1];
	if (last && last.t < tick - 1)
		list.push({ t: tick - 1, x: last.x, y: last.y });
	list.push({ t: tick, x: tank.x, y: tank.y });
	while (list.length > 2 && list[1].t < tick - 30)
		list.shift();
}

function placeOf(key, t) {
	const list = past.get(key);
	if (!list)
		return undefined;
	for (let i = list.length - 1; i > 0; i--) {
		const a = list[i - 1], b = list[i];
		if (t >= b.t)
			return b;
		if (t >= a.t) {
			const part = (t - a.t) / (b.t - a.t);
			/* Who comes back somewhere else does not fly there. */
			if (Math.hypot(b.x - a.x, b.y - a.y) > 5 * SPEED)
				return part < 1 ? a : b;
			return { x: a.x + (b.x - a.x) * part,
				y: a.y + (b.y - a.y) * part };
		}
	}
	return list[0];
}

/* The server has spoken: from its place, everything it has not seen again. */
function correct() {
	const tank = mine();
	if (!tank)
		return;
	const shown = { x: me.at.x + me.off.x, y: me.at.y + me.off.y };
	const back = me.alive !== tank.h > 0;
	me.alive = tank.h > 0;
	while (me.pending.length && me.pending[0].n <= tank.q) {
		const done = me.pending.shift();
		const took = performance.now() - done.at;
		me.rtt += (took - me.rtt) * (me.rtt ? 0.1 : 1);
	}
	let at = { x: tank.x, y: tank.y };
	if (me.alive)
		for (const p of me.pending)
			at = drive(at, p.dx, p.dy, line.shared.rocks);
	const dx = me.at.x - at.x, dy = me.at.y - at.y;
	me.error = Math.hypot(dx, dy);
	me.was.x -= dx;
	me.was.y -= dy;
	me.at = at;
	/* Little is smoothed away; who stands elsewhere is there at once. */
	if (back || me.error > 5 * SPEED) {
		me.off = { x: 0, y: 0 };
		me.was = { ...at };
	} else {
		me.off = { x: shown.x - at.x, y: shown.y - at.y };
	}
}

function stateCame(shared, change) {
	const set = change.set || {}, changed = set.tanks || {};
	if (set.tick !== undefined)
		tickArrived(set.tick);
	for (const key in changed)
		if ("x" in changed[key] || "y" in changed[key] ||
				!past.has(key))
			if (shared.tanks[key])
				remember(key, shared.tanks[key], shared.tick);
	for (const key of past.keys())
		if (!(key in tanks()))
			past.delete(key);
	if (me.key !== null && changed[me.key])
		correct();
	if (set.top)
		showTop(set.top);
}

/* ---- what one wants ----------------------------------------------------- */

const keys = new Set();
const stick = { id: null, x: 0, y: 0, dx: 0, dy: 0 };
const KEYS = { ArrowLeft: "l", KeyA: "l", ArrowRight: "r", KeyD: "r",
	ArrowUp: "u", KeyW: "u", ArrowDown: "d", KeyS: "d" };

function step() {
	const dx = (keys.has("r") - keys.has("l")) || stick.dx;
	const dy = (keys.has("d") - keys.has("u")) || stick.dy;
	const aim = Math.round((me.aim + 2 * Math.PI) % (2 * Math.PI) * 1000);
	const n = ++me.number;

	tell("IN", [n, dx, dy, between(0, aim, 6283)]);
	me.pending.push({ n, dx, dy, at: performance.now() });
	if (me.pending.length > INPUTS_KEPT)
		me.pending.shift();
	me.was = me.at;
	if (me.alive && show.predict)
		me.at = drive(me.at, dx, dy, line.shared.rocks);
	if (me.fire && me.alive && n - me.fired >= COOL_TICKS) {
		me.fired = n;
		tell("FIRE", [between(0, aim, 6283), seen()]);
	}
}

function drivePage(now) {
	if (me.joined && mine() && line.state === "open") {
		if (now - me.stepped > 10 * TICK_MS)
			me.stepped = now;
		for (; me.stepped <= now; me.stepped += TICK_MS)
			step();
	}
	me.off.x *= 0.88;
	me.off.y *= 0.88;
	draw(now);
	requestAnimationFrame(drivePage);
}

/* ---- what is seen ------------------------------------------------------- */

const field = $("field"), pen = field.getContext("2d");
let scale = 1;

function fit() {
	const ratio = Math.min(devicePixelRatio || 1, 2);
	field.width = innerWidth * ratio;
	field.height = innerHeight * ratio;
	scale = Math.max(field.width, field.height) / 2 / VIEW;
}

/* Between two steps, and a little off while a correction is smoothed. */
function whereIAm(now) {
	const tank = mine();
	if (!tank)
		return { x: SIZE / 2, y: SIZE / 2 };
	if (!show.predict)
		return placeOf(me.key, seen()) || tank;
	const part = between(0, 1 - (me.stepped - now) / TICK_MS, 1);
	return { x: me.was.x + (me.at.x - me.was.x) * part + me.off.x,
		y: me.was.y + (me.at.y - me.was.y) * part + me.off.y };
}

const hueOf = (key) => (Number(BigInt(key) % 360n) * 47) % 360;

function drawGround(eye) {
	pen.fillStyle = "#0b0f14";
	pen.fillRect(0, 0, field.width, field.height);
	pen.save();
	pen.translate(field.width / 2, field.height / 2);
	pen.scale(scale, scale);
	pen.translate(-eye.x, -eye.y);
	pen.fillStyle = "#101821";
	pen.fillRect(0, 0, SIZE, SIZE);
	pen.strokeStyle = "#18222d";
	pen.lineWidth = 1.5 / scale;
	pen.beginPath();
	for (let i = 0; i <= SIZE; i += 1000) {
		pen.moveTo(i, 0);
		pen.lineTo(i, SIZE);
		pen.moveTo(0, i);
		pen.lineTo(SIZE, i);
	}
	pen.stroke();
	pen.strokeStyle = "#3a4a5b";
	pen.lineWidth = 40;
	pen.strokeRect(-20, -20, SIZE + 40, SIZE + 40);
	for (const [x, y, radius] of line.shared.rocks || []) {
		pen.beginPath();
		pen.arc(x, y, radius, 0, 7);
		pen.fillStyle = "#26313d";
		pen.fill();
		pen.lineWidth = 30;
		pen.strokeStyle = "#364554";
		pen.stroke();
	}
}

function drawTank(key, tank, at, aim, own) {
	const dead = tank.h <= 0, hue = hueOf(key);
	pen.globalAlpha = dead ? 0.25 : tank.f ? 0.6 : 1;
	pen.fillStyle = own ? "#00c08b" : `hsl(${hue} 45% 52%)`;
	pen.strokeStyle = own ? "#c8ffe9" : `hsl(${hue} 50% 76%)`;
	pen.lineWidth = 26;
	if (!dead) {
		pen.beginPath();
		pen.moveTo(at.x, at.y);
		pen.lineTo(at.x + Math.cos(aim) * RADIUS * 1.5,
			at.y + Math.sin(aim) * RADIUS * 1.5);
		pen.lineWidth = 80;
		pen.stroke();
		pen.lineWidth = 26;
	}
	pen.beginPath();
	pen.arc(at.x, at.y, RADIUS, 0, 7);
	pen.fill();
	pen.stroke();
	if (!dead && tank.h < 100) {
		pen.fillStyle = "#1c2733";
		pen.fillRect(at.x - 200, at.y - 330, 400, 44);
		pen.fillStyle = tank.h > 50 ? "#00c08b" : "#ff6b4a";
		pen.fillRect(at.x - 200, at.y - 330, 4 * tank.h, 44);
	}
	pen.fillStyle = own ? "#e6edf3" : "#a9b7c4";
	pen.font = "96px system-ui, sans-serif";
	pen.textAlign = "center";
	pen.fillText(tank.n || "", at.x, at.y + 330);
	pen.globalAlpha = 1;
}

function drawShots(now) {
	pen.lineCap = "round";
	for (let i = shots.length - 1; i >= 0; i--) {
		/* A frame's time may lie before a shot that came just now. */
		const s = shots[i], left = Math.min(1, (s.until - now) / 220);
		if (left <= 0) {
			shots.splice(i, 1);
			continue;
		}
		pen.globalAlpha = left;
		pen.strokeStyle = s.own ? "#7dffd6" : "#ffd27d";
		pen.lineWidth = 34;
		pen.beginPath();
		pen.moveTo(s.x, s.y);
		pen.lineTo(s.tox, s.toy);
		pen.stroke();
		if (s.hit) {
			pen.fillStyle = s.killed ? "#ff6b4a" : "#fff3d6";
			pen.beginPath();
			pen.arc(s.tox, s.toy, (s.killed ? 420 : 160) * (1.3 - left),
				0, 7);
			pen.fill();
		}
	}
	pen.globalAlpha = 1;
}

function drawMap(eye) {
	const map = $("map"), m = map.getContext("2d"), k = map.width / SIZE;
	m.clearRect(0, 0, map.width, map.height);
	m.fillStyle = "#364554";
	for (const [x, y, radius] of line.shared.rocks || []) {
		m.beginPath();
		m.arc(x * k, y * k, Math.max(1.5, radius * k), 0, 7);
		m.fill();
	}
	m.fillStyle = "#f5b83d";
	for (const key of past.keys()) {
		const at = placeOf(key, seen());
		if (key !== me.key && at)
			m.fillRect(at.x * k - 1, at.y * k - 1, 2, 2);
	}
	m.fillStyle = "#00c08b";
	m.beginPath();
	m.arc(eye.x * k, eye.y * k, 3, 0, 7);
	m.fill();
}

function draw(now) {
	const eye = whereIAm(now), t = seen();
	drawGround(eye);
	for (const key of past.keys()) {
		const tank = tanks()[key], at = placeOf(key, t);
		if (key !== me.key && tank && at)
			drawTank(key, tank, at, tank.a / 1000, false);
	}
	const tank = mine();
	if (tank) {
		if (show.ghost) {
			pen.setLineDash([60, 60]);
			pen.strokeStyle = "#ffffff";
			pen.lineWidth = 20;
			pen.beginPath();
			pen.arc(tank.x, tank.y, RADIUS, 0, 7);
			pen.stroke();
			pen.setLineDash([]);
		}
		drawTank(me.key, tank, eye, me.aim, true);
	}
	drawShots(now);
	pen.restore();
	drawMap(eye);
}

function showTop(list) {
	$("top").replaceChildren(...list.map(([name, score]) => {
		const li = document.createElement("li");
		const who = document.createElement("span");
		const what = document.createElement("b");
		who.textContent = name;
		what.textContent = score;
		li.append(who, what);
		li.className = name === me.name ? "me" : "";
		return li;
	}));
	$("best").hidden = list.length === 0;
}

/* Four times a second: what a person reads. */
function showNumbers() {
	const tank = mine();
	$("link").textContent = line.state;
	$("rtt").textContent = me.rtt ? Math.round(me.rtt) + " ms" : "–";
	$("delay").textContent = clock.offset === null ? "–" :
		Math.round(clock.late * TICK_MS) + " ms late";
	$("error").textContent = tank ? me.error.toFixed(1) : "–";
	$("near").textContent = past.size;
	$("mine").hidden = !tank;
	if (!tank)
		return;
	$("name").textContent = tank.n;
	$("score").textContent = tank.s;
	$("health").style.width = tank.h + "%";
	$("health").className = tank.h <= 50 ? "low" : "";
	note(tank.h > 0 ? "" : "Hit. Back in a moment.");
}

function note(text) {
	if (line.state === "away")
		text = "The line is gone, trying again.";
	$("note").textContent = text;
	$("note").hidden = text === "";
}

/* ---- the line ----------------------------------------------------------- */

async function join() {
	try {
		const key = await line.request("JOIN", [me.name]);
		if (key === null) {
			note("The arena is full.");
			return;
		}
		me.key = String(key);
		me.joined = true;
		me.number = 0;
		me.fired = -COOL_TICKS;
		me.pending = [];
		me.alive = false;
		correct();
	} catch (e) {
		note("No answer: " + e.message);
	}
}

const line = new Penstock("/play", {
	onopen() {
		past.clear();
		clock.offset = null;
		clock.lates = [];
		me.key = null;
		if (me.joined)
			join();
	},
	onstate: stateCame,
	onclose(why) { note("Closed: " + why); },
});

line.handle("SHOT", ([x, y, tox, toy, by, hit, killed]) => {
	shots.push({ x, y, tox, toy, hit: hit !== 0, killed,
		own: String(by) === me.key, until: performance.now() + 220 });
	if (shots.length > 200)
		shots.shift();
});

/* ---- hands -------------------------------------------------------------- */

function aimAt(x, y) {
	me.aim = Math.atan2(y - innerHeight / 2, x - innerWidth / 2);
}

function toggle(what) {
	show[what] = !show[what];
	$(what).setAttribute("aria-pressed", show[what]);
}

addEventListener("keydown", (e) => {
	if (e.target === $("who") || e.ctrlKey || e.metaKey || e.altKey)
		return;
	if (KEYS[e.code]) {
		keys.add(KEYS[e.code]);
		e.preventDefault();
	} else if (e.code === "Space") {
		me.fire = true;
		e.preventDefault();
	} else if (e.code === "KeyP" && !e.repeat) {
		toggle("predict");
	} else if (e.code === "KeyG" && !e.repeat) {
		toggle("ghost");
	}
});
addEventListener("keyup", (e) => {
	keys.delete(KEYS[e.code]);
	if (e.code === "Space")
		me.fire = false;
});
addEventListener("blur", () => {
	keys.clear();
	me.fire = false;
});
field.addEventListener("pointerdown", (e) => {
	field.setPointerCapture(e.pointerId);
	if (e.pointerType === "touch" && e.clientX < innerWidth / 2) {
		Object.assign(stick, { id: e.pointerId, x: e.clientX,
			y: e.clientY });
		return;
	}
	aimAt(e.clientX, e.clientY);
	me.fire = true;
});
field.addEventListener("pointermove", (e) => {
	if (e.pointerId === stick.id) {
		const dx = e.clientX - stick.x, dy = e.clientY - stick.y;
		stick.dx = Math.abs(dx) > 16 ? Math.sign(dx) : 0;
		stick.dy = Math.abs(dy) > 16 ? Math.sign(dy) : 0;
	} else {
		aimAt(e.clientX, e.clientY);
	}
});
for (const end of ["pointerup", "pointercancel"])
	field.addEventListener(end, (e) => {
		if (e.pointerId === stick.id)
			Object.assign(stick, { id: null, dx: 0, dy: 0 });
		else
			me.fire = false;
	});
for (const what of ["predict", "ghost"])
	$(what).addEventListener("click", () => toggle(what));
$("join").addEventListener("submit", (e) => {
	e.preventDefault();
	me.name = $("who").value.trim() || "nobody";
	$("join").hidden = true;
	join();
});

addEventListener("resize", fit);
fit();
setInterval(showNumbers, 250);
requestAnimationFrame(drivePage);
/* For tests, and the curious. */
window.arena = { me, clock, past, shots, show, line, whereIAm, placeOf, seen };
