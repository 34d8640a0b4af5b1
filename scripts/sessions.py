"""sessions.py - sessions of a Penstock game, for gdb.

    (gdb) source scripts/sessions.py
    (gdb) sessions               all of them: number, name, state, connection
    (gdb) sessions bt            with a backtrace of each
    (gdb) session 7 bt           any command on the stack of one
    (gdb) session 7 info locals

Works on a live game and on a core dump. A session that runs now is the thread
itself: its backtrace is gdb's own.
"""
import gdb
import gdb.unwinder

# As ctx_swap() pushes them, from its stack pointer up.
SAVED = (("r15", 8), ("r14", 16), ("r13", 24), ("r12", 32), ("rbx", 40),
         ("rbp", 48), ("rip", 56))
FRAME = 64


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


class Elsewhere(gdb.unwinder.Unwinder):
    """Makes a session's saved registers the caller of the innermost frame."""

    def __init__(self):
        super().__init__("penstock session")
        self.sp = None  # the saved stack pointer, while one is looked at
        self.inner = 0

    def __call__(self, pending):
        if self.sp is None:
            return None
        sp = pending.read_register("rsp")
        if int(sp) != self.inner:
            return None
        pc = pending.read_register("rip")
        info = pending.create_unwind_info(FrameId(sp, pc))
        word = gdb.lookup_type("unsigned long").pointer()
        for name, at in SAVED:
            info.add_saved_register(
                name, gdb.Value(self.sp + at).cast(word).dereference()
                .cast(pending.read_register(name).type))
        info.add_saved_register(
            "rsp", gdb.Value(self.sp + FRAME).cast(sp.type))
        return info


UNWINDER = Elsewhere()
gdb.unwinder.register_unwinder(None, UNWINDER, replace=True)


def on_session(s, command):
    """Run a gdb command in the frame that called ctx_switch() last."""
    frame = gdb.newest_frame()
    selected = gdb.selected_frame()
    level = selected.level() if hasattr(selected, "level") else 0
    UNWINDER.inner = int(frame.read_register("rsp"))
    UNWINDER.sp = int(s["ctx"]["sp"])
    gdb.invalidate_cached_frames()
    try:
        gdb.newest_frame().older().select()
        return gdb.execute(command, to_string=True)
    finally:
        UNWINDER.sp = None
        gdb.invalidate_cached_frames()
        gdb.execute("frame %d" % level, to_string=True)


def all_sessions():
    every = gdb.lookup_static_symbol("sessions_first")
    if every is None:
        raise gdb.GdbError("this program has no sessions")
    net = every.value()
    while net:
        s = net["first"]
        while s:
            yield net, s
            s = s["next"]
        net = net["next"]


def number(s):
    return int(s["number"]) & ((1 << 63) - 1)


def line(s):
    state = str(s["state"]).lower()
    conn = int(s["conn"])
    return "%6d  %-9s %-20s %s" % (
        number(s), state, s["name"].string(),
        "connection %d" % conn if conn else
        "stranded" if state == "stranded" else "task")


def command_on(s, command):
    state = str(s["state"])
    if state in ("RUNNING", "STRANDED"):
        return gdb.execute(command, to_string=True) \
            if state == "RUNNING" else "no stack\n"
    out = on_session(s, command)
    # The frame it was all looked at from is not the session's.
    return "\n".join(l for l in out.split("\n") if not l.startswith("#0 "))


class Sessions(gdb.Command):
    """List the sessions of a Penstock game; `sessions bt`: with backtraces."""

    def __init__(self):
        super().__init__("sessions", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        for _, s in all_sessions():
            print(line(s))
            if argument:
                print(command_on(s, argument).rstrip("\n"))


class Session(gdb.Command):
    """session NUMBER COMMAND: run a command on the stack of one session."""

    def __init__(self):
        super().__init__("session", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split(None, 1)
        if not words or not words[0].isdigit():
            raise gdb.GdbError("session NUMBER COMMAND")
        for _, s in all_sessions():
            if number(s) == int(words[0]):
                print(line(s))
                print(command_on(s, words[1] if len(words) > 1 else "bt")
                      .rstrip("\n"))
                return
        raise gdb.GdbError("there is no session %s" % words[0])


Sessions()
Session()
