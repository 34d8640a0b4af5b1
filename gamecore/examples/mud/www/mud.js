/*
 * mud.js - the page: a line to the game, what it says, and the panel beside.
 *
 * The line speaks the subprotocol gmcp.mudstandards.org: binary frames are the
 * terminal's text, text frames are "Package.Sub json" beside it. What the
 * panel shows is all from the latter; the game is played without it as well.
 */
"use strict";

const $ = (id) => document.getElementById(id);
const screen_ = new Ansi($("screen"));
const decoder = new TextDecoder();
const mud = { socket: null, state: "connecting", room: {}, tries: 0, heard: {} };
window.mud = mud; /* for whoever looks, and for tests */

/* ---- the line ------------------------------------------------------------ */

function setState(state, words)
{
	mud.state = state;
	$("line").className = state;
	$("line").textContent = words || state;
}

function connect()
{
	const scheme = location.protocol === "https:" ? "wss://" : "ws://";
	const pass = sessionStorage.getItem("pass");
	const socket = new WebSocket(
		scheme + location.host + "/play" + (pass ? "?back" : ""),
		["gmcp.mudstandards.org"]);

	mud.socket = socket;
	socket.binaryType = "arraybuffer";
	setState("connecting");
	socket.onopen = () => {
		mud.tries = 0;
		mud.again = undefined;
		setState("connected");
		side("Core.Hello", { client: "Penstock Vale", version: "1" });
		side("Core.Supports.Set",
			["Char 1", "Char.Items 1", "Room 1", "Comm.Channel 1"]);
		if (pass)
			side("Char.Login.Pass", pass);
	};
	socket.onmessage = (event) => {
		if (typeof event.data === "string")
			hear(event.data);
		else
			show(decoder.decode(event.data, { stream: true }));
	};
	socket.onclose = (event) => {
		hide(false);
		setState("closed", "no line");
		show("\r\n\x1b[90m" + (event.reason || "The line is cut") +
			". Press Enter to come back.\x1b[0m\r\n");
		mud.socket = null;
		/* Whoever said quit is asked for a name again. */
		if (event.code === 1000)
			sessionStorage.removeItem("pass");
		/* Only what fell by itself comes back by itself. */
		if (event.code === 1006 || event.code === 1012)
			again();
	};
}

function again()
{
	const seconds = Math.min(30, 2 ** mud.tries++);

	clearTimeout(mud.again);
	setState("closed", `no line, again in ${seconds} s`);
	mud.again = setTimeout(connect, seconds * 1000);
}

function say(line)
{
	if (mud.socket === null) {
		clearTimeout(mud.again);
		connect();
		return false;
	}
	if (mud.socket.readyState !== WebSocket.OPEN)
		return false;
	mud.socket.send(new TextEncoder().encode(line + "\n"));
	return true;
}

function side(name, value)
{
	mud.socket.send(name + " " + JSON.stringify(value));
}

/* ---- the screen ---------------------------------------------------------- */

function isAtEnd()
{
	const s = $("screen");

	return s.scrollHeight - s.scrollTop - s.clientHeight < 40;
}

function toEnd()
{
	$("screen").scrollTop = $("screen").scrollHeight;
	$("more").hidden = true;
}

function show(text)
{
	const follow = isAtEnd();

	screen_.write(text);
	if (follow)
		toEnd();
	else
		$("more").hidden = false;
}

$("more").onclick = toEnd;
$("screen").onscroll = () => {
	if (isAtEnd())
		$("more").hidden = true;
};

/* ---- typing -------------------------------------------------------------- */

const history_ = [], HISTORY_MAX = 100;
let at = 0, draft = "";

function hide(on)
{
	const input = $("input");

	if ((input.type === "password") === on)
		return;
	input.type = on ? "password" : "text";
	input.value = "";
}

function remember(line)
{
	if (line && history_[history_.length - 1] !== line)
		history_.push(line);
	if (history_.length > HISTORY_MAX)
		history_.shift();
	at = history_.length;
}

function command(line)
{
	if (say(line))
		screen_.echo(line);
	toEnd();
}

$("form").onsubmit = (event) => {
	const input = $("input"), line = input.value;

	event.preventDefault();
	input.value = "";
	if (input.type === "password") {
		if (say(line))
			screen_.echo("•".repeat(8));
		toEnd();
		return;
	}
	remember(line);
	command(line);
};

function recall(step)
{
	const input = $("input");

	if (input.type === "password")
		return;
	if (at === history_.length)
		draft = input.value;
	at = Math.max(0, Math.min(history_.length, at + step));
	input.value = at === history_.length ? draft : history_[at];
	input.setSelectionRange(input.value.length, input.value.length);
}

$("input").onkeydown = (event) => {
	if (event.key === "ArrowUp" || event.key === "ArrowDown") {
		event.preventDefault();
		recall(event.key === "ArrowUp" ? -1 : 1);
	} else if (event.key === "PageUp" || event.key === "PageDown") {
		event.preventDefault();
		$("screen").scrollBy(0, (event.key === "PageUp" ? -0.9 : 0.9) *
			$("screen").clientHeight);
	} else if (event.key === "Escape") {
		$("input").value = "";
	}
};

/* Whoever types anywhere means the line, unless they mark text. */
document.addEventListener("keydown", (event) => {
	if (event.key.length === 1 && !event.ctrlKey && !event.metaKey &&
	    !event.altKey && document.activeElement !== $("input"))
		$("input").focus();
});
$("screen").onclick = () => {
	if (String(getSelection()) === "" && matchMedia("(hover: hover)").matches)
		$("input").focus();
};

/* ---- beside the text ----------------------------------------------------- */

function bar(which, part, whole, words, name)
{
	const b = document.querySelector(".bar." + which);
	const share = whole > 0 ? Math.max(0, Math.min(1, part / whole)) : 0;

	b.querySelector("i").style.width = 100 * share + "%";
	b.querySelector("span").textContent = words;
	if (name)
		b.querySelector("b").textContent = name;
	b.classList.toggle("low", share < 0.34);
	b.hidden = false;
}

function vitals(v)
{
	const before = 40 * (v.level - 1) ** 2;

	$("bars").hidden = false;
	bar("life", v.hp, v.maxhp, `${v.hp} / ${v.maxhp}`);
	bar("experience", v.xp - before, v.nextxp - before,
		`${v.xp} / ${v.nextxp}`, `level ${v.level}`);
	if (v.foe)
		bar("foe", v.foehp, 100, `${v.foehp} %`, v.foe);
	else
		document.querySelector(".bar.foe").hidden = true;
	$("coins").textContent = `${v.coins} coins`;
}

function room(r)
{
	mud.room = r;
	$("where").textContent = `${r.name}, ${r.area}`;
	for (const b of document.querySelectorAll("#ways [data-way]"))
		b.disabled = b.dataset.way.length === 1 &&
			!(b.dataset.way in r.exits);
}

function svg(name, attributes, text)
{
	const e = document.createElementNS("http://www.w3.org/2000/svg", name);

	for (const [key, value] of Object.entries(attributes))
		e.setAttribute(key, value);
	if (text !== undefined)
		e.textContent = text;
	return e;
}

const STEP = 44, HALF = 14;
const WAYS = { n: [0, -1], e: [1, 0], s: [0, 1], w: [-1, 0] };

function drawWays(all, place)
{
	const x = place.x * STEP, y = place.y * STEP;

	for (const way of place.exits)
		if (WAYS[way])
			all.append(svg("line", { class: "way", x1: x, y1: y,
				x2: x + WAYS[way][0] * STEP / 2,
				y2: y + WAYS[way][1] * STEP / 2 }));
}

function drawPlace(all, place)
{
	const here = place.x === 0 && place.y === 0;
	const g = svg("g", { class: here ? "place here" : "place",
		transform: `translate(${place.x * STEP} ${place.y * STEP})` });

	g.append(svg("title", {}, place.name));
	g.append(svg("rect", { x: -HALF, y: -HALF, width: 2 * HALF,
		height: 2 * HALF, rx: 6 }));
	g.append(svg("text", { y: 5 }, here ? "@" : place.symbol));
	if (place.exits.includes("u"))
		g.append(svg("path", { class: "stairs", d: "M5-8l4-5 4 5z" }));
	if (place.exits.includes("d"))
		g.append(svg("path", { class: "stairs", d: "M5 8l4 5 4-5z" }));
	g.onclick = () => command(here ? "look" : "walk " + place.name);
	all.append(g);
}

function map(places)
{
	const all = $("map");
	const xs = places.map((p) => p.x), ys = places.map((p) => p.y);
	const left = Math.min(-2, ...xs) - 0.7, top = Math.min(-2, ...ys) - 0.7;
	const right = Math.max(2, ...xs) + 0.7, low = Math.max(2, ...ys) + 0.7;

	all.textContent = "";
	all.setAttribute("viewBox", [left * STEP, top * STEP,
		(right - left) * STEP, (low - top) * STEP].join(" "));
	for (const place of places)
		drawWays(all, place);
	for (const place of places)
		drawPlace(all, place);
}

function items(list)
{
	const all = $(list.location === "inv" ? "carried" : "here");

	all.textContent = "";
	for (const item of list.items) {
		const li = document.createElement("li");
		const b = document.createElement("button");

		b.type = "button";
		b.textContent = item.name;
		if (item.attrib)
			b.className = item.attrib === "l" ? "held" : "worn";
		b.onclick = () => command((list.location === "inv" ?
			"examine " : "get ") + item.name.split(" ").pop());
		li.append(b);
		all.append(li);
	}
}

const TALK_MAX = 50;

function talk(t)
{
	const li = document.createElement("li");
	const who = document.createElement("b");

	li.className = ["say", "tell", "shout"].includes(t.channel) ?
		t.channel : "say";
	who.textContent = t.talker;
	li.append(who, " " + t.text);
	$("talk").append(li);
	while ($("talk").childElementCount > TALK_MAX)
		$("talk").firstElementChild.remove();
	li.scrollIntoView({ block: "nearest" });
}

/* What lets this tab in again without a question, while it is open. */
function pass(given)
{
	if (given)
		sessionStorage.setItem("pass", given);
	else
		sessionStorage.removeItem("pass");
}

const packages = {
	"char.login.pass": pass,
	"char.vitals": vitals,
	"room.info": room,
	"room.map": map,
	"char.items.list": items,
	"comm.channel.text": talk,
	"client.input": (input) => hide(Boolean(input.hidden)),
};

function hear(text)
{
	const blank = text.indexOf(" ");
	const name = (blank < 0 ? text : text.slice(0, blank)).toLowerCase();

	if (!packages[name] || blank < 0)
		return;
	try {
		const value = JSON.parse(text.slice(blank + 1));

		mud.heard[name] = value;
		packages[name](value);
	} catch (error) {
		console.warn("not understood:", text, error);
	}
}

/* ---- buttons ------------------------------------------------------------- */

for (const b of document.querySelectorAll("#ways [data-way]"))
	b.onclick = () => command(b.dataset.way);

$("panel-button").onclick = () => {
	const open = document.body.classList.toggle("panel-open");

	$("panel-button").setAttribute("aria-expanded", String(open));
	toEnd();
};
window.addEventListener("resize", toEnd);

connect();
$("input").focus();
