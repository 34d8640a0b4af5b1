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
 *	line.on("error", (e) => ...)       netd found what we said malformed:
 *	                                   e.message, e.field, e.rule
 *
 * Before it is sent it is held against the declaration here: what does not fit
 * throws an Error with of (which message), field and rule, in the words that
 * netd would have: "say: text: longer than 200 bytes". A field that may be
 * missing is so if it is undefined or null, both ways.
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

/* ---- what is said, held against what the game declared -------------------- */

function unfit(rule) {
	const e = new Error(rule);
	e.name = "PenstockError";
	e.field = "";
	e.rule = rule;
	throw e;
}

/* What act() throws is about a part of us. */
function inside(part, act) {
	try {
		return act();
	} catch (e) {
		if (e.name === "PenstockError")
			e.field = part + (/^[^[]/.test(e.field) ? "." : "") +
				e.field;
		throw e;
	}
}

const asText = (f) => typeof f.min === "string";
const bound = (b) => typeof b === "string" || Number.isInteger(b) ? b :
	Number(b.toPrecision(9));
const outside = (f) => unfit(`not from ${bound(f.min)} to ${bound(f.max)}`);

function fitWhole(f, value) {
	if (typeof value === "string" && asText(f) && /^-?\d+$/.test(value))
		value = BigInt(value);
	else if (Number.isInteger(value))
		value = BigInt(value);
	else if (typeof value !== "bigint")
		unfit("not a whole number");
	if (value < BigInt(f.min) || value > BigInt(f.max))
		outside(f);
	return asText(f) ? String(value) : Number(value);
}

function fitFloat(f, value) {
	if (typeof value === "bigint")
		value = Number(value);
	if (typeof value !== "number")
		unfit("not a number");
	if (f.type === "f32" && Number.isFinite(Math.fround(value)))
		value = Math.fround(value);
	return value >= f.min && value <= f.max ? value : outside(f);
}

function fitText(f, value) {
	if (typeof value !== "string")
		unfit("not text");
	if (new TextEncoder().encode(value).length > f.longest)
		unfit(`longer than ${f.longest} bytes`);
	/* Half a pair is no character. */
	if (/[\0\ud800-\udfff]/u.test(value))
		unfit("not UTF-8, or a NUL in it");
	return value;
}

function fitBytes(f, value) {
	const text = value instanceof Uint8Array ? plain("", value) : value;
	if (typeof text !== "string" || text.length % 4 ||
	    !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
		unfit("not base64");
	if (text.length / 4 * 3 - text.split("=").length + 1 > f.longest)
		unfit(`longer than ${f.longest} bytes`);
	return text;
}

function fitArray(f, value, each) {
	if (ArrayBuffer.isView(value))
		value = Array.from(value);
	if (!Array.isArray(value))
		unfit("not an array");
	if (f.type === "list" && value.length > f.longest)
		unfit(`more than ${f.longest}`);
	if (f.type !== "list" && value.length !== f.count)
		unfit(`not exactly ${f.count}`);
	return Array.from(value, (v, i) => inside(`[${i}]`, () => each(v)));
}

function fitFields(fields, value) {
	const out = {};
	if (!isMap(value))
		unfit("not an object of fields");
	for (const name of Object.keys(value))
		if (value[name] !== undefined && !Object.hasOwn(fields, name))
			inside(name, () => unfit("no such field"));
	for (const name of Object.keys(fields)) {
		const f = fields[name];
		const v = Object.hasOwn(value, name) ? value[name] : undefined;
		if (f.optional && (v === undefined || v === null))
			continue;
		put(out, name, inside(name, () =>
			v === undefined ? unfit("missing") : fit(f, v)));
	}
	return out;
}

const fits = {
	bool: (f, v) => typeof v === "boolean" ? v :
		unfit("neither true nor false"),
	enum: (f, v) => typeof v !== "string" ? unfit("not one of its names") :
		f.names.includes(v) ? v : unfit("none of " + f.names.join(" ")),
	f32: fitFloat, f64: fitFloat, str: fitText, bytes: fitBytes,
	struct: (f, v) => fitFields(f.fields, v),
	list: (f, v) => fitArray(f, v, (each) => f.of ? fit(f.of, each) :
		fitFields(f.fields, each)),
};

/* The value as it is said; throws. */
function fit(f, value) {
	const one = fits[f.type] || fitWhole;
	return f.count ? fitArray(f, value, (v) => one(f, v)) : one(f, value);
}

/* ---- the state ------------------------------------------------------------- */

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
		if (change.ack)
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
		const messages = this.#typed && Penstock.schema.messages;
		if (messages)
			try {
				if (!Object.hasOwn(messages, name))
					unfit("no such message");
				fields = fitFields(messages[name].fields, fields);
			} catch (e) {
				e.of = name;
				if (e.name === "PenstockError")
					e.message = [name, e.field, e.rule]
						.filter(Boolean).join(": ");
				throw e;
			}
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
