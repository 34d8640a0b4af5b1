/*
 * penstock.js - a WebSocket to a Penstock game that mends itself.
 *
 *	<script src="/penstock.js"></script>
 *	const line = new Penstock("/play", {
 *		onopen() {},           a new connection: nobody knows us yet
 *		onmessage(data) {},    a string or an ArrayBuffer
 *		onaway(seconds) {},    there is no line; tried again in seconds
 *		onback() {},           it is back: nothing lost, nothing doubled
 *		onclose(why, final) {} the connection is over; a new one is
 *	});                            tried (then onopen) unless final
 *	line.send("hello");            false: it will not arrive
 *	line.state                     "connecting" "open" "away" "closed"
 *	line.retry()                   now, and not in some seconds
 *	line.close()
 *
 * If the game declared its messages (typed messages, gamecore.h), this file as
 * netd serves it knows them, and each is a function:
 *
 *	line.say({ text: "hello" })        false: it will not arrive
 *	line.on("say", (say) => ...)       say.who, say.text: as declared
 *	line.on("error", (e) => ...)       what we said was not: e.message,
 *	                                   e.field, e.rule
 *
 * Bytes are base64 (a Uint8Array becomes that), whole numbers that may be over
 * 2^53 are text (a BigInt becomes that). A message with a name that this class
 * has already ("send") is line.call("send", {...}). What nobody listens to
 * with on() comes to onmessage. A page of another server sets Penstock.schema
 * to what /schema says before its first connection.
 *
 * If the game has a state that players follow, or takes events:
 *
 *	line.shared                        the state, always up to date
 *	onstate(shared, change) {}         a handler as those above
 *	await line.waitUntil((shared) => shared.tick > 9, 1000)
 *	await line.event("MOVE", [1, 2], { fast: true })   it was taken
 *	await line.request("WHO", [])      what the game answers
 *	line.handle("HEARD", (args, kwargs) => ...)        the game's events;
 *	                                   what it returns is the answer
 *
 * A promise is broken when the time is over or the connection. Bytes are a
 * Uint8Array both ways.
 *
 * It comes back to the same connection if the listener's URL has resume=TIME
 * (netd(8)); without that, or when the time is over, it opens a new one. As a
 * module: import "/penstock.js", which sets globalThis.Penstock.
 */
(function (root) {
"use strict";

const PROTOCOL = "penstock.resume.1"; /* netd/resume_word.h */
const GIVEN_UP = 4000;    /* close code: no goodbye, we shall be back */
const CONNECT_MS = 8000;  /* for one try */
const SILENCE_MS = 8000;  /* without an ack: the line is dead */
const WAIT_MS = 500, WAIT_MAX_MS = 8000;
const ACK_MESSAGES = 32, BEAT_MS = 1000;
const KEPT_MAX = 1 << 20; /* bytes that may wait for an ack */
/* Closed so, the server has nothing against us: restart, full, idle. */
const RETRY_CODES = [1001, 1011, 1012, 1013];

const sizeOf = (data) =>
	typeof data === "string" ? data.length : data.byteLength;

function withSign(data) {
	if (typeof data === "string")
		return "=" + data;
	const out = new Uint8Array(1 + data.byteLength);
	out[0] = 61; /* '=' */
	out.set(new Uint8Array(data.buffer || data, data.byteOffset || 0,
		data.byteLength), 1);
	return out;
}

/* What JSON has no word for; the key's own value, as toJSON() may hide it. */
function plain(key, value) {
	if (typeof value === "bigint")
		return String(value);
	if (!(value instanceof Uint8Array))
		return value;
	let text = "";
	for (const byte of value)
		text += String.fromCharCode(byte);
	return btoa(text);
}

/* Values as netd writes them (ipc/value.h). */
const asBytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const isBytes = (value) => value !== null && typeof value === "object" &&
	typeof value.$bytes === "string" && Object.keys(value).length === 1;
const read = (text) => JSON.parse(text, (key, value) =>
	isBytes(value) ? asBytes(value.$bytes) : value);
const write = (value) => JSON.stringify(value, (key, v) =>
	v instanceof Uint8Array ? { $bytes: plain("", v) } : v);
const isMap = (value) => value !== null && typeof value === "object" &&
	!Array.isArray(value) && !(value instanceof Uint8Array);

function put(into, key, value) {
	/* A name that every object has is only a key here. */
	Object.defineProperty(into, key, { value, writable: true,
		enumerable: true, configurable: true });
}

function merge(into, from) {
	for (const key of Object.keys(from)) {
		const value = from[key];
		if (isMap(value)) {
			if (!Object.hasOwn(into, key) || !isMap(into[key]))
				put(into, key, {});
			merge(into[key], value);
		} else {
			put(into, key, value);
		}
	}
}

function drop(from, path) {
	const last = path[path.length - 1];
	for (const key of path.slice(0, -1))
		from = from && Object.hasOwn(from, key) ? from[key] : undefined;
	if (from)
		delete from[last];
}

class Penstock {
	/* Private, as a message of the game may have any of these names. */
	#ackBytes; #acked; #ackedAt; #actors; #awaySince; #beat; #graceMs;
	#handlers; #kept; #keptBytes; #listeners; #numbers; #patience; #promises;
	#ready; #received; #said; #socket; #timer; #token; #tries; #typed;
	#unsaidBytes; #watchers;

	constructor(url, handlers = {}) {
		const whole = new URL(url, root.location && root.location.href);

		whole.protocol = whole.protocol.replace(/^http/, "ws");
		this.url = whole.href;
		this.#handlers = handlers;
		this.#listeners = new Map();
		this.#actors = new Map();   /* handle() */
		this.#watchers = new Set(); /* waitUntil() */
		this.#promises = new Map(); /* event() and request(), by number */
		this.#numbers = 0;
		this.#typed = Boolean(Penstock.schema);
		this.#tries = 0;
		this.#forget("connecting");
		for (const name in this.#typed ? Penstock.schema.messages : {})
			if (!(name in this))
				this[name] = (fields) => this.call(name, fields);
		this.#connect();
	}

	/* As if there had never been a connection. */
	#forget(state) {
		this.state = state;
		this.#token = "";
		this.#kept = [];     /* sent or to be sent, and not acked */
		this.#keptBytes = 0;
		this.#acked = 0;     /* the server has that many of ours */
		this.#received = 0;  /* we have that many of the server's */
		this.#said = 0;      /* and acked so many of them */
		this.#unsaidBytes = 0;
		this.shared = {};
		for (const promise of this.#promises ? this.#promises.values() : [])
			promise.no(new Error("the connection is over"));
		if (this.#promises)
			this.#promises.clear();
		this.#numbers = 0;
	}

	#tell(name, ...args) {
		if (this.#handlers[name])
			this.#handlers[name](...args);
	}

	#connect() {
		const socket = new WebSocket(this.url, [PROTOCOL]);
		const mine = (act) => (ev) => socket === this.#socket && act(ev);

		clearTimeout(this.#timer);
		this.#socket = socket;
		this.#ready = false; /* greetings are over */
		socket.binaryType = "arraybuffer";
		this.#patience = setTimeout(() => this.#lost(), CONNECT_MS);
		socket.onopen = mine(() => this.#greet());
		socket.onmessage = mine((ev) => this.#got(ev.data));
		socket.onclose = mine((ev) => {
			if (ev.code === 1005 || ev.code === 1006)
				this.#lost();
			else
				this.#over(ev.code, ev.reason);
		});
	}

	#greet() {
		this.#socket.send(this.#token ?
			`!back ${this.#token} ${this.#received}` : "!new");
	}

	#opened(how) {
		clearTimeout(this.#patience);
		this.#ready = true;
		this.#tries = 0;
		this.#ackedAt = Date.now();
		this.#beat = setInterval(() => this.#look(), BEAT_MS);
		this.state = "open";
		this.#tell(how);
	}

	#got(data) {
		if (typeof data !== "string" || data[0] === "=")
			this.#message(data);
		else
			this.#word(data.split(" "));
	}

	/* Counted before the handler sees it, which may throw. */
	#message(data) {
		this.#received++;
		this.#unsaidBytes += sizeOf(data);
		if (this.#received - this.#said >= ACK_MESSAGES ||
		    this.#unsaidBytes >= this.#ackBytes)
			this.#ack();
		data = data.slice(1);
		if (typeof data === "string" && data.startsWith('["$') &&
		    this.#talk(read(data)))
			return;
		if (!this.#typed || !this.#heard(data))
			this.#tell("onmessage", data);
	}

	/* netd's own words: netd/talk.h. */
	#talk([word, ...said]) {
		if (word === "$state")
			this.#follow(said[0]);
		else if (word === "$got" || word === "$answer")
			this.#keep(word, ...said);
		else if (word === "$event")
			this.#act(...said);
		else
			return false;
		return true;
	}

	#follow(change) {
		if (change.from === 0)
			this.shared = {};
		for (const path of change.del || [])
			drop(this.shared, path);
		merge(this.shared, change.set || {});
		this.send(JSON.stringify(["$ack", change.to]));
		this.#tell("onstate", this.shared, change);
		for (const look of this.#watchers)
			look();
	}

	waitUntil(cond, ms = 1000) {
		return new Promise((yes, no) => {
			const over = (act, what) => {
				clearTimeout(timer);
				this.#watchers.delete(look);
				act(what);
			};
			const look = () => {
				try {
					if (cond(this.shared))
						over(yes, this.shared);
				} catch (e) {
					over(no, e);
				}
			};
			const timer = setTimeout(() => over(no,
				new Error("not so within " + ms + " ms")), ms);
			this.#watchers.add(look);
			look();
		});
	}

	#ask(until, name, args, kwargs, ms) {
		const number = this.#numbers + 1;
		if (!this.send(write(["$event", number, name, args, kwargs])))
			return Promise.reject(new Error("there is no connection"));
		this.#numbers = number;
		return new Promise((yes, no) => {
			const timer = ms && setTimeout(() => {
				this.#promises.delete(number);
				no(new Error("no answer within " + ms + " ms"));
			}, ms);
			this.#promises.set(number, {
				until,
				yes(what) { clearTimeout(timer); yes(what); },
				no(what) { clearTimeout(timer); no(what); },
			});
		});
	}

	event(name, args = [], kwargs = {}, ms = 0) {
		return this.#ask("$got", name, args, kwargs, ms);
	}

	request(name, args = [], kwargs = {}, ms = 10000) {
		return this.#ask("$answer", name, args, kwargs, ms);
	}

	#keep(word, number, what) {
		const promise = this.#promises.get(number);
		if (!promise || promise.until !== word)
			return;
		this.#promises.delete(number);
		promise.yes(what);
	}

	handle(name, act) {
		this.#actors.set(name, act);
		return this;
	}

	/* A handler that throws is not the game's trouble. */
	async #act(number, name, args, kwargs) {
		const actor = this.#actors.get(name);
		let answer;
		try {
			if (actor)
				answer = await actor(args, kwargs);
			else
				this.#tell("onevent", name, args, kwargs);
		} finally {
			if (number)
				this.send(write(answer === undefined ?
					["$got", number] : ["$got", number, answer]));
		}
	}

	/* A typed message that somebody listens to. */
	#heard(data) {
		if (typeof data !== "string" || data[0] !== "[")
			return false;
		const [name, fields] = JSON.parse(data);
		const act = this.#listeners.get(name);
		if (act)
			act(fields);
		else if (name === "error")
			console.warn("Penstock: %o is malformed: %o: %s",
				fields.message, fields.field, fields.rule);
		return Boolean(act) || name === "error";
	}

	on(name, act) {
		this.#listeners.set(name, act);
		return this;
	}

	call(name, fields = {}) {
		return this.send(JSON.stringify([name, fields], plain));
	}

	#ack() {
		if (!this.#ready || this.#said === this.#received)
			return;
		this.#said = this.#received;
		this.#unsaidBytes = 0;
		this.#socket.send("!ack " + this.#received);
	}

	#word(parts) {
		if (parts[0] === "!hello") {
			this.#token = parts[1];
			this.#graceMs = Number(parts[2]);
			this.#ackBytes = Number(parts[3]);
			this.#opened("onopen");
		} else if (parts[0] === "!back") {
			this.#drop(Number(parts[1]));
			this.#kept.forEach((what) => this.#socket.send(what));
			this.#opened("onback");
		} else if (parts[0] === "!ack") {
			this.#drop(Number(parts[1]));
		} else if (parts[0] === "!gone") {
			this.#ended("forgotten", false);
			this.#socket.send("!new");
		}
	}

	/* The server has n of our messages. */
	#drop(n) {
		for (const what of this.#kept.splice(0, n - this.#acked))
			this.#keptBytes -= sizeOf(what);
		this.#acked = n;
		this.#ackedAt = Date.now();
	}

	/* Once a second: a dead line that is not closed shows by no acks. */
	#look() {
		this.#ack();
		if (this.#kept.length && Date.now() - this.#ackedAt > SILENCE_MS)
			this.#lost();
	}

	#leave(code) {
		const socket = this.#socket;

		clearTimeout(this.#patience);
		clearTimeout(this.#timer);
		clearInterval(this.#beat);
		this.#socket = null;
		this.#ready = false;
		if (socket && socket.readyState <= 1)
			socket.close(code);
	}

	#again(ms) {
		this.#timer = setTimeout(() => this.#connect(), ms);
		this.#tell("onaway", ms / 1000);
	}

	#lost() {
		const now = Date.now();

		this.#leave(GIVEN_UP);
		if (this.state === "open" && this.#graceMs > 0) {
			this.state = "away";
			this.#awaySince = now;
		} else if (this.state === "open") {
			this.#ended("connection lost", false);
		} else if (this.state === "away" && now - this.#awaySince > this.#graceMs) {
			this.#ended("away for too long", false);
		}
		/* Spread, so that a crowd does not come back in one moment. */
		this.#again(Math.min(WAIT_MAX_MS, WAIT_MS * 2 ** this.#tries++) *
			(0.5 + Math.random() / 2));
	}

	#ended(why, final) {
		this.#forget(final ? "closed" : "connecting");
		this.#tell("onclose", why, final);
	}

	/* The server closed it with a reason. */
	#over(code, reason) {
		const final = !RETRY_CODES.includes(code);

		this.#leave();
		this.#ended(reason || "closed (" + code + ")", final);
		if (!final)
			this.#again(WAIT_MS * (1 + 2 * Math.random()));
	}

	send(data) {
		if (this.state !== "open" && this.state !== "away")
			return false;
		const what = withSign(data);
		if (this.#keptBytes + sizeOf(what) > KEPT_MAX)
			return false;
		if (this.#kept.length === 0)
			this.#ackedAt = Date.now();
		this.#kept.push(what);
		this.#keptBytes += sizeOf(what);
		if (this.#ready)
			this.#socket.send(what);
		return true;
	}

	retry() {
		if (this.#socket === null && this.state !== "closed")
			this.#connect();
	}

	close() {
		this.#leave(1000);
		this.state = "closed";
	}
}

root.Penstock = Penstock;
})(globalThis);
