"""What the phones do: each scenario plays, and gives functions that tell what happened once things are quiet."""
import asyncio
import time


async def till(t):
    await asyncio.sleep(max(0, t - time.time()))


# ---- scenarios: each plays, and gives back functions that make the truth of each call once things are quiet -------------
async def s_answer(L, p):
    """A resident calls, one desk phone rings, is answered after p.answer seconds, p.talk seconds of talk."""
    desk = {"8009": L.d105}.get(p.get("did"), L.d101)
    desk.plan(ring=p.get("ring", 0.05), answer=p["answer"], early=L.audio["ringback"] if p.get("early") else None,
              talk=p["talk"] if p.get("desk_ends") else None)
    c = await L.trunk.invite(p.get("did", "8001"), p.get("number", "13800010101"), p.get("name", ""), raw_name=p.get("raw_name", ""))
    n = p.get("timeout", 60)
    for _ in range(int(n * 20)):
        if desk.history and "answer" in desk.history[0].t:
            break
        await asyncio.sleep(0.05)
    if p.get("desk_ends"):
        await c.wait("ended", 60)
    else:
        await c.wait("answer", 20)
        await till(desk.history[0].t["answer"] + p["talk"])
        await c.bye()
    return [lambda: L.truth("A", c, desk.history)]


async def s_giveup(L, p):
    """The caller hangs up p.after seconds after the desk phone began to ring (no desk phone: after the INVITE)."""
    L.d101.plan(ring=p.get("ring", 0.05), answer=None)
    c = await L.trunk.invite(p.get("did", "8001"), p.get("number", "13800040404"), p.get("name", ""))
    for _ in range(400):
        if (L.d101.history and "ringing" in L.d101.history[0].t) or c.state == "ended":
            break
        await asyncio.sleep(0.01)
    if c.state != "ended":
        await till((L.d101.history[0].t["ringing"] if L.d101.history else c.t["invite"]) + p["after"])
        if "answer" in c.t:
            await c.bye()
        else:
            c.cancel()
    await c.wait("ended", 10)
    return [lambda: L.truth("A", c, L.d101.history)]


async def s_refused(L, p):
    """The desk phone answers 486 at once, or 603 after ringing p.reject_after seconds."""
    L.d101.plan(**({"busy": True} if "reject_after" not in p else {"ring": 0.05, "reject_after": p["reject_after"]}))
    c = await L.trunk.invite(p.get("did", "8001"), p.get("number", "13800050505"))
    await c.wait("ended", 40)
    return [lambda: L.truth("A", c, L.d101.history)]


async def s_group(L, p):
    """Two desk phones ring; the one named p.by answers p.answer seconds after the first began."""
    lag = p.get("lag", 0.8)
    for d, ring in ((L.d101, 0.05), (L.d102, 0.05 + lag)):
        ans = (p["answer"] - (lag if d is L.d102 else 0)) if d.name == p["by"] else None
        d.plan(ring=ring, answer=ans)
    c = await L.trunk.invite("8002", p.get("number", "13800060606"))
    await c.wait("answer", 40)
    await asyncio.sleep(p["talk"])
    await c.bye()
    return [lambda: L.truth("A", c, L.d101.history + L.d102.history)]


async def s_queue(L, p):
    """Agent 101 does not answer the first attempt(s) (8 s each, 3 s between), then answers p.answer s into the last."""
    for _ in range(p.get("misses", 1)):
        L.d101.plan(ring=0.05, answer=None)
    L.d101.plan(ring=0.05, answer=p["answer"])
    c = await L.trunk.invite("8004", p.get("number", "13800080808"))
    for _ in range(2000):
        if len(L.d101.history) > p.get("misses", 1) and "answer" in L.d101.history[-1].t:
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(p["talk"])
    await c.bye()
    return [lambda: L.truth("A", c, L.d101.history)]


async def s_blind(L, p):
    """Desk 101 answers, talks, sends the caller on to 103 by REFER, 103 answers after p.answer2."""
    L.d101.plan(ring=0.05, answer=p["answer"])
    L.d103.plan(ring=0.05, answer=p["answer2"])
    c = await L.trunk.invite("8001", p.get("number", "13800090909"))
    await c.wait("answer", 40)
    await asyncio.sleep(p["talk"])
    a = L.d101.history[0]
    await a.refer("103")
    await a.wait("transfer_done", 3)
    if a.state != "ended":
        await a.bye()
    for _ in range(600):
        if L.d103.history and "answer" in L.d103.history[0].t:
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(p["talk2"])
    await c.bye()
    return [lambda: L.truth("A", c, L.d101.history)]


async def s_attended(L, p):
    """Desk 101 answers, holds, calls 103 on a second line, they talk, then joins both by REFER with Replaces."""
    L.d101.plan(ring=0.05, answer=p["answer"])
    L.d103.plan(ring=0.05, answer=p["answer2"])
    c = await L.trunk.invite("8001", p.get("number", "13800101010"))
    await c.wait("answer", 40)
    await asyncio.sleep(p["talk"])
    a = L.d101.history[0]
    await a.set_hold(True)
    await asyncio.sleep(0.3)
    b = await L.d101.invite("103", "101", "Desk One")
    await b.wait("answer", 40)
    await asyncio.sleep(p["consult"])
    await a.refer("103", replaces=b)
    await a.wait("transfer_done", 4)
    for x in (a, b):
        if x.state != "ended":
            await x.bye()
    await asyncio.sleep(p["talk2"])
    await c.bye()
    desk_legs = [x for x in L.d101.history if not x.outgoing]
    return [lambda: L.truth("A", c, desk_legs)]


async def s_hold(L, p):
    """Talk, hold (re-INVITE sendonly), resume, talk."""
    L.d101.plan(ring=0.05, answer=p["answer"])
    c = await L.trunk.invite("8001", p.get("number", "13800111111"))
    await c.wait("answer", 40)
    await asyncio.sleep(p["talk"])
    a = L.d101.history[0]
    await a.set_hold(True)
    await asyncio.sleep(p["hold"])
    await a.set_hold(False)
    await asyncio.sleep(p["talk2"])
    await c.bye()
    return [lambda: L.truth("A", c, L.d101.history)]


async def s_callback(L, p):
    """Desk 101 calls a resident, who answers after p.answer (null: does not answer)."""
    L.trunk.plan(ring=p.get("ring", 0.3), answer=p.get("answer"), early=L.audio["ringback"] if p.get("early") else None)
    c = await L.d101.invite("9" + p.get("number", "13800121212"), "101", "Desk One")
    if p.get("answer") is not None:
        await c.wait("answer", 60)
        await asyncio.sleep(p["talk"])
        await c.bye()
    else:
        await asyncio.sleep(p["after"])
        c.cancel()
        await c.wait("ended", 5)
    return [lambda: L.truth("A", c, L.trunk.history, direction="outbound", number=p.get("number", "13800121212"))]


async def s_race(L, p):
    """The caller's CANCEL leaves p.lead seconds before (negative: after) the desk phone's 200 OK."""
    L.d101.plan(ring=0.05, answer=p["answer"])
    c = await L.trunk.invite("8001", p.get("number", "13800131313"))
    for _ in range(2000):
        if L.d101.history and "ringing" in L.d101.history[0].t:
            break
        await asyncio.sleep(0.005)
    await till(L.d101.history[0].t["ringing"] + p["answer"] - p["lead"])
    if "answer" in c.t:
        await c.bye()
    else:
        c.cancel()
    await c.wait("ended", 10)
    await asyncio.sleep(1)

    def make():
        t = L.truth("A", c, L.d101.history)
        # Who won shows at the caller: refused, he was gone; let in, he may have been joined in the same instant.
        gone = c.final == 487
        t["verdicts"] = ["abandoned"] if gone else ["abandoned", "within"]
        t["owes_recording"] = False
        return t
    return [make]


async def s_overlap(L, p):
    """Two calls at once: A on 101 by 8001, B begins p.gap s later on 102 (through 8015 when p.b_did says so)."""
    L.d101.plan(ring=0.05, answer=p["answer_a"])
    L.d102.plan(ring=0.05, answer=p["answer_b"])
    a = await L.trunk.invite("8001", "13800141414")
    await asyncio.sleep(p["gap"])
    if p.get("same_number"):
        b = await L.trunk.invite("8016", "13800141414")
    else:
        b = await L.trunk.invite("8016", "13900139015")

    async def finish(c, talk):
        await c.wait("answer", 60)
        await asyncio.sleep(talk)
        await c.bye()
    await asyncio.gather(finish(a, p["talk_a"]), finish(b, p["talk_b"]))
    return [lambda: L.truth("A", a, L.d101.history), lambda: L.truth("B", b, L.d102.history)]


async def s_failover(L, p):
    """101 rings 8 s in vain, then 102 rings and answers after p.answer."""
    L.d101.plan(ring=0.05, answer=None)
    L.d102.plan(ring=0.05, answer=p["answer"])
    c = await L.trunk.invite("8015", p.get("number", "13800151515"))
    await c.wait("answer", 40)
    await asyncio.sleep(p["talk"])
    await c.bye()
    return [lambda: L.truth("A", c, L.d101.history + L.d102.history)]


async def s_pickup(L, p):
    """101 rings, 102 picks the call up with *8 after p.answer seconds."""
    L.d101.plan(ring=0.05, answer=None)
    c = await L.trunk.invite("8001", p.get("number", "13800171717"))
    for _ in range(400):
        if L.d101.history and "ringing" in L.d101.history[0].t:
            break
        await asyncio.sleep(0.01)
    start = L.d101.history[0].t["ringing"]
    await till(start + p["answer"])
    k = await L.d102.invite("*8", "102", "Desk Two")
    await k.wait("answer", 10)
    await c.wait("answer", 10)
    await asyncio.sleep(p["talk"])
    await c.bye()
    await k.wait("ended", 5)

    def make():
        t = L.truth("A", c, L.d101.history)
        ms = (k.t["answer"] - start) * 1000
        t.update(answered=k.t["answer"], answered_by="102", ring_ms=ms, owes_recording=True,
                 verdicts=["within" if ms < L.limit_ms else "late"])
        return t
    return [make]


async def s_message(L, p):
    """Nobody answers for 12 s, the PBX answers and records a message of p.talk seconds."""
    L.d101.plan(ring=0.05, answer=None)
    c = await L.trunk.invite("8011", p.get("number", "13800181818"))
    await c.wait("answer", 40)
    await asyncio.sleep(p["talk"])
    await c.bye()

    def make():
        t = L.truth("A", c, L.d101.history)
        t.update(verdicts=["unanswered"], ring_ms=None)
        return t
    return [make]


async def s_restart(L, p):
    """The PBX is restarted (p.how = restart) or killed (crash) p.talk seconds into the call (p.answer null: into the ringing)."""
    L.d101.plan(ring=0.05, answer=p.get("answer"))
    c = await L.trunk.invite(p.get("did", "8001"), p.get("number", "13800161616"))
    await c.wait("answer" if p.get("answer") is not None else "ringing", 40)
    await asyncio.sleep(p["talk"])
    await (L.restart_pbx() if p["how"] == "restart" else L.crash_pbx(p.get("down", 2)))
    for x in (c, L.d101.history[0]):
        if x.state != "ended":
            if "answer" in x.t:
                await x.bye()
            elif x.outgoing:
                x.cancel()
    after = None
    if p.get("then"):
        L.d101.plan(ring=0.05, answer=p["then"])
        after = await L.trunk.invite("8001", "13800116116")
        await after.wait("answer", 30)
        await asyncio.sleep(3)
        await after.bye()

    def make():
        t = L.truth("A", c, L.d101.history[:1])
        # When it ended the phones cannot tell: the PBX was gone.
        t["ended"] = None
        if p.get("answer") is None:
            t["verdicts"] = ["unanswered", "unknown"]
        return t
    return [make] + ([lambda: L.truth("B", after, L.d101.history[1:])] if after else [])
