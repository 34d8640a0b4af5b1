#!/usr/bin/env node
/*
 * snake_browser.js - Snake as people play it: two pages in a real browser.
 *
 *	snake_browser.js http://localhost:8080/ DIR PID
 *
 * Both join, one is steered with the keyboard until it eats a digit, and the
 * other page must see that score, the death, the top score and the chat. Then
 * a line is cut and must come back, the game and netd are killed (PID is the
 * launcher of both) and the same snakes go on, and a phone must play with its
 * pad.
 * Screenshots go to DIR. Prints a line of TAP for each promise; ends with 0 if
 * all were kept, 1 at the first that was not. CHROMIUM names another browser.
 */
"use strict";

const fs = require("fs");
const net = require("net");
const path = require("path");
const { browser: launch } = require("./lib.js");

const [direct, dir, launcher] = process.argv.slice(2);
const DEADLINE_MS = 90000, PROMISES = 11;
const DX = [-1, 0, 1, 0], DY = [0, -1, 0, 1];
const KEYS = ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"];

let kept = 0;
let address; /* direct, by way of our cable */

/* A cable between the browser and the game that can be cut. */
const cable = {
	lines: new Set(), pulled: false,

	lay() {
		const to = new URL(direct), port = to.port, host = to.hostname;
		const server = net.createServer((from) => {
			if (this.pulled) {
				from.resetAndDestroy();
				return;
			}
			const on = net.connect(port, host);
			this.lines.add(from).add(on);
			for (const [one, other] of [[from, on], [on, from]]) {
				one.on("error", () => { });
				one.on("close", () => {
					this.lines.delete(one);
					other.destroy();
				});
				one.pipe(other);
			}
		});
		return new Promise((done) => server.listen(0, "127.0.0.1", () => {
			to.hostname = "127.0.0.1";
			to.port = server.address().port;
			address = to.href;
			done(server);
		}));
	},

	cut() {
		for (const one of this.lines)
			one.resetAndDestroy();
	},
};

function promise(text)
{
	console.log("ok " + ++kept + " - " + text);
}

function must(true_, text)
{
	if (!true_)
		throw new Error(text);
}

/* What a page knows of the field, once it is past that frame. */
function look(page, frame)
{
	return page.evaluate(async (past) => {
		const { my } = window.snake;
		const end = performance.now() + 5000;

		while (window.snake.room.frame <= past && my.playing &&
		       performance.now() < end)
			await new Promise((done) => requestAnimationFrame(done));
		const { room, bodies } = window.snake;
		const at = ({ x, y }) => x + y * room.width;
		const mine = bodies.get(my.id);
		const cells = Object.entries(room.things).map(([where, what]) =>
			[Number(where), what]);
		for (const body of bodies.values())
			cells.push(...body.cells.map((cell) => [at(cell), "@"]));
		return { frame: room.frame, playing: my.playing,
			score: mine ? mine.score : 0, width: room.width,
			height: room.height, wrap: room.wrap, cells,
			head: mine ? at(mine.cells[0]) : -1,
			way: mine ? mine.cells[0].way : -1 };
	}, frame);
}

/*
 * Which way to go: to the nearest digit if hungry, else where there is most
 * room. Digits count as walls for one that is not hungry.
 */
function choose(f, hungry)
{
	const looks = new Map(f.cells);
	const ahead = (at, way) => {
		let x = at % f.width + DX[way], y = Math.floor(at / f.width) + DY[way];
		if (f.wrap) {
			x = (x + f.width) % f.width;
			y = (y + f.height) % f.height;
		}
		return x < 0 || y < 0 || x >= f.width || y >= f.height ? -1 :
			x + y * f.width;
	};
	const digit = (at) => looks.has(at) && looks.get(at) >= "1" && looks.get(at) <= "9";
	const open = (at) => at >= 0 && (!looks.has(at) || (hungry && digit(at)));
	let best = f.way, worth = -1;

	for (const turn of [0, 1, 3]) {
		const way = (f.way + turn) % 4, first = ahead(f.head, way);
		if (!open(first))
			continue;
		const steps = new Map([[first, 1]]);
		const queue = [first];
		let found = 0;
		for (let i = 0; i < queue.length && queue.length < 400; i++) {
			const at = queue[i];
			if (digit(at) && !found)
				found = steps.get(at);
			for (let w = 0; w < 4; w++) {
				const to = ahead(at, w);
				if (!open(to) || steps.has(to))
					continue;
				steps.set(to, steps.get(at) + 1);
				queue.push(to);
			}
		}
		const value = queue.length < 60 ? queue.length :
			1000 + (hungry && found ? 500 - found : 0);
		if (value > worth) {
			worth = value;
			best = way;
		}
	}
	return best;
}

/* Steer until enough(field) or the snake is dead; returns the last field. */
async function steer(page, hungry, enough)
{
	let f = await look(page, -1);

	while (f.playing && !enough(f)) {
		if (f.head >= 0) {
			const way = choose(f, hungry);
			if (way !== f.way)
				await page.keyboard.press(KEYS[way]);
		}
		f = await look(page, f.frame);
	}
	return f;
}

const my = (page, field) => page.evaluate((f) => window.snake.my[f], field);
const frame = (page) => page.evaluate(() => window.snake.room.frame);
const until = (page, what, arg) =>
	page.waitForFunction(what, arg, { timeout: 20000, polling: 50 });

async function join(page, name)
{
	await page.goto(address);
	await page.fill("#name", name);
	await page.keyboard.press("Enter");
	await until(page, () => window.snake.my.playing);
}

async function again(page)
{
	await page.locator("#again").click();
	await until(page, () => window.snake.my.playing);
}

/* The other page must see the score, in its state and in its list. */
async function sees(other, id, score)
{
	await until(other, ([i, n]) => {
		const p = window.snake.room.snakes[i];
		return p && p.score >= n && [...document.querySelectorAll("#players li")]
			.some((li) => li.textContent.includes("Ann") &&
				Number(li.querySelector(".points").textContent) >= n);
	}, [id, score]);
}

async function eat(a, b)
{
	const end = Date.now() + DEADLINE_MS;
	let done = false;

	/* The other one only stays alive meanwhile, or joins again. */
	const company = (async () => {
		while (!done) {
			await steer(b, false, () => done);
			if (!done)
				await again(b);
		}
	})();
	try {
		for (;;) {
			const f = await steer(a, true, (g) => g.score > 0);
			if (f.playing && f.score > 0) {
				await sees(b, await my(a, "id"), f.score);
				await a.screenshot({ path: path.join(dir, "snake-play.png") });
				await b.screenshot({ path: path.join(dir, "snake-other.png") });
				return f.score;
			}
			must(Date.now() < end, "no digit was eaten in " + DEADLINE_MS / 1000 + " s");
			await again(a);
		}
	} finally {
		done = true;
		await company;
	}
}

async function die(a, b)
{
	const { score } = await look(a, -1);

	/* Nobody steers: the edge, a stone or a corpse ends it. */
	await a.waitForSelector("#over:not([hidden])", { timeout: 30000 });
	const shown = Number(await a.textContent("#over-score"));
	must(shown >= score && shown > 0, "game over shows " + shown + ", not " + score);
	await a.screenshot({ path: path.join(dir, "snake-over.png") });
	promise("game over is shown with its score");
	await until(b, (n) => window.snake.room.top.some(([name, points, , at]) =>
		name.startsWith("Ann") && points === n && at > 1e9), shown);
	promise("the other page has the top score with its date");
}

async function talk(a, b)
{
	const text = "<img src=x onerror=alert(1)> hi";

	await b.fill("#said", text);
	await b.keyboard.press("Enter");
	await until(a, (t) => [...document.querySelectorAll("#log li")]
		.some((li) => li.textContent.endsWith(t)), text);
	must(await a.locator("#log img").count() === 0, "chat became HTML");
	promise("chat arrives, as text");
	await b.keyboard.press("Escape");
}

/* Cut both lines: the same players come back, and hear no new beginning. */
async function cut_lines(a, b)
{
	for (const page of [a, b])
		if (!await my(page, "playing"))
			await again(page);
	await b.evaluate(() => {
		const { net: line } = window.snake, { renew } = line;
		window.anew = 0;
		line.renew = () => {
			window.anew++;
			renew.call(line);
		};
	});
	for (let i = 0; i < 5; i++) {
		const before = [await my(a, "id"), await my(b, "id")];
		const frames = await frame(b);

		cable.cut();
		for (const page of [a, b])
			await until(page, () => window.snake.my.link !== "open");
		if (i === 0)
			await b.screenshot({ path: path.join(dir, "snake-lost.png") });
		for (const page of [a, b])
			await until(page, () => window.snake.my.link === "open");
		await until(b, (n) => window.snake.room.frame > n + 3, frames);
		must(await my(a, "id") === before[0] && before[0] &&
			await my(b, "id") === before[1] && before[1],
			"another player came back");
		must(await b.locator("#lost").isHidden(), "still says that the line is lost");
		for (const page of [a, b])
			if (!await my(page, "playing"))
				await again(page);
	}
	must(await b.evaluate(() => window.anew) === 0, "the game began anew");
	await b.screenshot({ path: path.join(dir, "snake-back.png") });
	promise("both lines are cut five times, and Snake goes on");
}

/* The launcher's child of that name with two pipes; the game's frozen copies
 * have none. */
function child(name)
{
	const is = (pid) => {
		const [, comm, parent] = fs.readFileSync("/proc/" + pid + "/stat", "utf8")
			.match(/\((.*)\) . (\d+)/);
		const pipes = () => fs.readdirSync("/proc/" + pid + "/fd").filter((fd) =>
			fs.readlinkSync("/proc/" + pid + "/fd/" + fd).startsWith("pipe:"));
		return comm === name && parent === launcher &&
			(name === "netd" || pipes().length >= 2);
	};

	return Number(fs.readdirSync("/proc").find((pid) => {
		try {
			return /^\d+$/.test(pid) && is(pid);
		} catch {
			return false; /* gone meanwhile */
		}
	}));
}

/* Both play, and their snakes are where nothing will happen to them soon. */
async function far_from_all(a, b)
{
	for (;;) {
		const far = [];
		for (const page of [a, b]) {
			if (!await my(page, "playing"))
				await again(page);
			const f = await steer(page, false, (g) => ahead(g) > 9);
			far.push(f.playing && ahead(await look(page, -1)) > 7);
		}
		if (far[0] && far[1])
			return;
	}
}

/* So many free cells lie ahead. */
function ahead(f)
{
	const looks = new Map(f.cells);
	let x = f.head % f.width, y = Math.floor(f.head / f.width), n = -1;

	if (f.head < 0)
		return -1;
	do {
		n++;
		x += DX[f.way];
		y += DY[f.way];
	} while (x >= 0 && x < f.width && y >= 0 && y < f.height &&
		!looks.has(x + y * f.width));
	return n;
}

/* The game dies, then netd: the same snakes go on. */
async function kill(a, b, program)
{
	await far_from_all(a, b);
	const before = [await my(a, "id"), await my(b, "id")];
	const name = program === "netd" ? "netd" : "game";
	const at = await frame(b), from = Date.now();

	/* Nobody is back before it was seen how that looks. */
	cable.pulled = program === "netd";
	process.kill(child(program), "SIGKILL");
	if (cable.pulled) {
		await until(b, () => window.snake.my.link !== "open");
		await b.screenshot({ path: path.join(dir, "snake-netd-dies.png") });
		cable.pulled = false;
	}
	for (const page of [a, b]) {
		await until(page, (n) => window.snake.my.link === "open" &&
			window.snake.my.id && window.snake.room.frame > n, at);
		must(await page.evaluate((id) => window.snake.my.id === id &&
			Boolean(window.snake.room.snakes[id]), before[page === a ? 0 : 1]),
			"the snake did not outlive " + name);
	}
	const ms = Date.now() - from;
	/* It is steered as before. */
	await steer(b, false, (f) => f.frame > at + 6);
	await b.screenshot({ path: path.join(dir, "snake-after-" + name + ".png") });
	promise("a kill of " + name + " costs nobody a snake (" + ms + " ms)");
}

/* A goodbye instead of a cut: the connection is over, the name is not. */
async function lose_line(b)
{
	cable.pulled = true;
	await b.evaluate(() => window.socket.close());
	await b.waitForSelector("#lost:not([hidden])", { timeout: 5000 });
	must(await my(b, "link") === "waiting", "not waiting");
	cable.pulled = false;
	await b.click("#lost-now");
	await until(b, () => window.snake.my.link === "open" && window.snake.my.id);
	must(await b.locator("#lost").isHidden(), "still says that the line is lost");
	promise("a lost connection is said, and a new one has the name");
}

async function phone(browser)
{
	const context = await browser.newContext({ hasTouch: true, isMobile: true,
		viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 });
	const page = await context.newPage();

	await page.goto(address);
	await page.fill("#name", "Phone");
	await page.tap("#welcome .main");
	await until(page, () => window.snake.my.playing);
	for (let turned = false; !turned;) {
		const f = await look(page, await frame(page));
		const way = (f.way + 1) % 4;
		if (f.playing && f.head >= 0)
			await page.tap('#pad [data-way="' + way + '"]');
		/* It may die before it turns: then another snake tries. */
		await until(page, (w) => {
			const { my: me, bodies } = window.snake, mine = bodies.get(me.id);
			window.turned = mine && mine.cells[0].way === w;
			return window.turned || !me.playing;
		}, way);
		turned = await page.evaluate(() => window.turned);
		if (!turned && !await my(page, "playing"))
			await again(page);
	}
	const wide = await page.evaluate(() => document.documentElement.scrollWidth);
	must(wide <= 390, "the page is " + wide + " pixels wide on a phone of 390");
	await page.screenshot({ path: path.join(dir, "snake-phone.png") });
	promise("a phone plays with the pad, and the page fits");
	await context.close();
}

async function run(browser)
{
	const faults = [];
	const pages = [];

	for (let i = 0; i < 2; i++) {
		const context = await browser.newContext({ viewport: { width: 1366, height: 768 } });
		/* The line itself, which the page keeps to itself. */
		await context.addInitScript(() => {
			window.WebSocket = class extends WebSocket {
				constructor(...how) {
					super(...how);
					window.socket = this;
				}
			};
		});
		pages.push(await context.newPage());
		pages[i].on("pageerror", (e) => faults.push(e.message));
	}
	const [a, b] = pages;
	await a.goto(address);
	await a.waitForSelector("#welcome:not([hidden])");
	await a.screenshot({ path: path.join(dir, "snake-welcome.png") });
	await join(a, "Ann <b>of the long name");
	must((await my(a, "name")).length <= 15, "the name was not cut");
	await join(b, "Bob");
	promise("two pages join");
	promise("a digit was eaten, and the other page saw the score: " + await eat(a, b));
	await die(a, b);
	await talk(a, b);
	await cut_lines(a, b);
	await kill(a, b, "snake");
	await kill(a, b, "netd");
	await lose_line(b);
	await phone(browser);
	must(faults.length === 0, "errors on the page: " + faults.join("; "));
	promise("no errors on the pages");
}

async function main()
{
	if (!launcher) {
		console.error("usage: snake_browser.js ADDRESS DIR PID");
		return 2;
	}
	fs.mkdirSync(dir, { recursive: true });
	console.log("1.." + PROMISES);
	const server = await cable.lay();
	const browser = await launch();
	try {
		await run(browser);
		return 0;
	} catch (e) {
		console.log("not ok " + (kept + 1) + " - " + e.message.split("\n").join(" | "));
		console.log("# " + e.stack.split("\n").slice(-3).join(" "));
		for (const context of browser.contexts())
			for (const page of context.pages())
				console.log("# " + await page.evaluate(() =>
					JSON.stringify([window.snake.my, window.snake.room])));
		return 1;
	} finally {
		await browser.close();
		cable.cut();
		server.close();
	}
}

main().then((status) => { process.exitCode = status; });
