"""A small SIP phone in plain Python: enough of RFC 3261/3264/3515/3891 to drive a PBX from the outside.

Real SIP over UDP, real RTP. Every message it sends or gets is logged with the wall clock of this machine, which is also
the clock of the PBX, so the times of the phones and of the PBX can be compared directly.
"""
import asyncio
import random
import re
import socket
import time

PT = {"ulaw": (0, "PCMU/8000"), "alaw": (8, "PCMA/8000"), "g722": (9, "G722/8000")}


def token(n=10):
    return "".join(random.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(n))


class Msg:
    def __init__(self, data):
        head, _, self.body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.start = lines[0]
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers.append((name.strip(), value.strip()))
        self.is_response = self.start.startswith("SIP/2.0 ")
        if self.is_response:
            self.status = int(self.start.split(" ")[1])
            self.method = self.get("CSeq").split()[1]
        else:
            self.method = self.start.split(" ")[0]
        self.cseq = int(self.get("CSeq").split()[0])

    def get(self, name, default=""):
        for n, v in self.headers:
            if n.lower() == name.lower():
                return v
        return default

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]


def tag_of(value):
    m = re.search(r";tag=([^;>\s]+)", value)
    return m.group(1) if m else None


def uri_of(value):
    m = re.search(r"<([^>]+)>", value)
    return m.group(1) if m else value.split(";")[0].strip()


class Rtp:
    """Sends one looped audio file in 20 ms packets; counts what comes back."""

    def __init__(self, audio, pt):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.port = self.sock.getsockname()[1]
        self.audio, self.pt = audio, pt
        # Nobody says the same words twice: no two calls may leave the same bytes.
        self.pos = 160 * random.randrange(max(1, len(audio or b"") // 160))
        self.peer, self.sending, self.task, self.rx, self.tx = None, True, None, 0, 0

    def start(self):
        if self.task is None and self.audio:
            self.task = asyncio.ensure_future(self.run())

    async def run(self):
        seq, stamp, ssrc = random.randrange(30000), random.randrange(1 << 31), random.randrange(1 << 31)
        nxt, mark = time.monotonic(), 0x80
        try:
            while True:
                if self.peer and self.sending:
                    chunk = self.audio[self.pos:self.pos + 160]
                    if len(chunk) < 160:
                        self.pos, chunk = 0, self.audio[:160]
                    self.pos += 160
                    head = bytes([0x80, self.pt | mark]) + (seq & 0xffff).to_bytes(2, "big") + \
                        (stamp & 0xffffffff).to_bytes(4, "big") + ssrc.to_bytes(4, "big")
                    try:
                        self.sock.sendto(head + chunk, self.peer)
                        self.tx += 1
                    except OSError:
                        pass
                    mark = 0
                    seq += 1
                stamp += 160
                try:
                    while True:
                        self.sock.recv(2048)
                        self.rx += 1
                except OSError:
                    pass
                nxt += 0.02
                await asyncio.sleep(max(0, nxt - time.monotonic()))
        except asyncio.CancelledError:
            pass

    def stop(self):
        if self.task:
            self.task.cancel()
        try:
            self.sock.close()
        except OSError:
            pass


class Call:
    """One dialogue of one phone. `t` holds the wall-clock time of each thing that happened, first time only."""

    def __init__(self, ua, call_id, outgoing):
        self.ua, self.call_id, self.outgoing = ua, call_id, outgoing
        self.local_tag, self.remote_tag = token(), None
        self.cseq, self.state = random.randrange(100, 900), "new"
        self.t, self.final, self.notify, self.ended_by = {}, None, [], None
        self.rtp = Rtp(ua.audio, PT[ua.codec][0])
        self.changed = asyncio.Event()
        self.hold = False
        self.sdp_version = 1
        self.remote = ua.pbx
        self.peer_number = None
        self.pending = {}
        self.route = []                          # RFC 3261 section 12.1: what a proxy on the way asked for

    def mark(self, what):
        self.t.setdefault(what, time.time())
        self.changed.set()

    async def wait(self, what, timeout=60):
        end = time.monotonic() + timeout
        while what not in self.t:
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), left)
            except asyncio.TimeoutError:
                return False
        return True

    # ---- media
    def sdp(self, direction="sendrecv"):
        pt, name = PT[self.ua.codec]
        return ("v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=lab\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP %d 101\r\n"
                "a=rtpmap:%d %s\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=%s\r\n"
                % (self.sdp_version, self.rtp.port, pt, pt, name, direction))

    def learn_sdp(self, body):
        m = re.search(r"m=audio (\d+)", body)
        if m:
            c = re.search(r"c=IN IP4 (\S+)", body)
            self.rtp.peer = (c.group(1) if c else "127.0.0.1", int(m.group(1)))
        if "a=sendonly" in body:
            return "recvonly"
        if "a=inactive" in body:
            return "inactive"
        return "sendrecv"

    # ---- requests
    def request(self, method, uri=None, body="", extra=(), cseq=None, branch=None):
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        to = "<%s>%s" % (self.remote_uri, ";tag=" + self.remote_tag if self.remote_tag else "")
        lines = ["%s %s SIP/2.0" % (method, uri or self.target),
                 "Via: SIP/2.0/UDP 127.0.0.1:%d;branch=%s;rport" % (self.ua.port, branch or "z9hG4bK" + token(14)),
                 "Max-Forwards: 70", "From: %s;tag=%s" % (self.local_name, self.local_tag), "To: " + to,
                 "Call-ID: " + self.call_id, "CSeq: %d %s" % (cseq, method), *("Route: " + hop for hop in self.route),
                 "Contact: <sip:%s@127.0.0.1:%d>" % (self.ua.user, self.ua.port), "User-Agent: labphone/1"]
        if method in ("INVITE", "REFER"):
            lines.append("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, UPDATE, INFO")
            lines.append("Supported: replaces")
        lines += list(extra)
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append("Content-Length: %d" % len(body.encode()))
        text = "\r\n".join(lines) + "\r\n\r\n" + body
        self.ua.send(text, self)
        return cseq, lines[1]

    async def transact(self, method, **kw):
        """Sends a request inside the dialogue and waits for its final answer; resends a few times."""
        cseq, via = self.request(method, **kw)
        branch = re.search(r"branch=([^;]+)", via).group(1)
        fut = asyncio.get_running_loop().create_future()
        self.pending[(method, cseq)] = fut
        for pause in (0.6, 1.2, 2.4, 5):
            try:
                return await asyncio.wait_for(asyncio.shield(fut), pause)
            except asyncio.TimeoutError:
                self.request(method, cseq=cseq, branch=branch, **kw)
        return None

    async def bye(self):
        if "bye" in self.t or self.state == "ended":
            return
        self.ended_by = self.ended_by or "self"
        self.mark("bye")
        self.state = "ended"
        await self.transact("BYE")
        self.rtp.stop()
        self.mark("ended")

    def cancel(self):
        self.mark("cancel_sent")
        self.ended_by = self.ended_by or "self"
        uri, via, cseq = self.invite_tx
        self.ua.send("\r\n".join([
            "CANCEL %s SIP/2.0" % uri, via, "Max-Forwards: 70", "From: %s;tag=%s" % (self.local_name, self.local_tag),
            "To: <%s>" % self.remote_uri, "Call-ID: " + self.call_id, "CSeq: %d CANCEL" % cseq,
            "User-Agent: labphone/1", "Content-Length: 0"]) + "\r\n\r\n", self)

    async def set_hold(self, on):
        self.hold = on
        self.sdp_version += 1
        self.rtp.sending = not on
        self.t["hold" if on else "resume"] = time.time()
        return await self.transact("INVITE", body=self.sdp("sendonly" if on else "sendrecv"))

    async def refer(self, to, replaces=None):
        target = "sip:%s@%s:%d" % (to, *self.ua.pbx)
        if replaces is not None:
            target += "?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s" % (
                replaces.call_id.replace("@", "%40"), replaces.remote_tag, replaces.local_tag)
        self.t["refer"] = time.time()
        return await self.transact("REFER", extra=["Refer-To: <%s>" % target,
                                                   "Referred-By: <sip:%s@127.0.0.1>" % self.ua.user])

    # ---- answers to a request from the PBX
    def respond(self, req, status, reason, body="", extra=()):
        lines = ["SIP/2.0 %d %s" % (status, reason)]
        lines += ["Via: " + v for v in req.all("Via")]
        lines += ["Record-Route: " + v for v in req.all("Record-Route")]
        to = req.get("To")
        if ";tag=" not in to and status != 100:
            to += ";tag=" + self.local_tag
        lines += ["From: " + req.get("From"), "To: " + to, "Call-ID: " + self.call_id, "CSeq: " + req.get("CSeq"),
                  "Contact: <sip:%s@127.0.0.1:%d>" % (self.ua.user, self.ua.port), "User-Agent: labphone/1"]
        lines += list(extra)
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append("Content-Length: %d" % len(body.encode()))
        text = "\r\n".join(lines) + "\r\n\r\n" + body
        if req.method == "INVITE":
            self.last_response = text
        self.ua.send(text, self)

    def ring(self, early=None):
        if early is not None:
            self.rtp.audio, self.rtp.pos = early, 0
            self.respond(self.invite, 183, "Session Progress", self.sdp())
            self.rtp.start()
            self.mark("early")
        else:
            self.respond(self.invite, 180, "Ringing")
        self.mark("ringing")

    def answer(self):
        self.rtp.audio = self.ua.audio
        self.mark("answer")
        self.state = "up"
        self.respond(self.invite, 200, "OK", self.sdp(), ["Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, UPDATE"])
        self.rtp.start()

    def reject(self, status, reason):
        self.final = status
        self.mark("reject")
        self.state = "ended"
        self.respond(self.invite, status, reason)
        self.rtp.stop()

    def facts(self):
        return {"phone": self.ua.name, "dir": "out" if self.outgoing else "in", "sip_call_id": self.call_id,
                "peer": self.peer_number, "final": self.final, "ended_by": {"self": self.ua.name, "peer": "pbx"}.get(self.ended_by),
                "t": {k: round(v, 3) for k, v in sorted(self.t.items(), key=lambda kv: kv[1])},
                "rtp": {"sent": self.rtp.tx, "got": self.rtp.rx}}


class Phone(asyncio.DatagramProtocol):
    def __init__(self, name, user, port, pbx, audio, codec="ulaw", log=None):
        self.name, self.user, self.port, self.pbx, self.audio, self.codec = name, user, port, pbx, audio, codec
        self.log = log or (lambda row: None)
        self.calls, self.plans, self.history = {}, [], []

    async def open(self):
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", self.port))

    def connection_made(self, transport):
        self.transport = transport

    def send(self, text, call=None):
        self.transport.sendto(text.encode(), self.pbx)
        self.log({"t": round(time.time(), 6), "phone": self.name, "dir": "sent", "line": text.split("\r\n")[0],
                  "call_id": call.call_id if call else None, "cseq": re.search(r"CSeq: (.*)", text).group(1).strip()})

    def plan(self, **kw):
        """What to do with the next INVITE: ring (s to the 180), answer (s after it), busy, early (ringback audio), talk."""
        self.plans.append(kw)

    def reset(self):
        self.plans, self.history = [], []
        for c in self.calls.values():
            c.rtp.stop()
        self.calls = {}

    def datagram_received(self, data, addr):
        if len(data) < 8:
            return
        now = time.time()
        msg = Msg(data)
        self.log({"t": round(now, 6), "phone": self.name, "dir": "got", "line": msg.start, "call_id": msg.get("Call-ID"),
                  "cseq": msg.get("CSeq")})
        call = self.calls.get(msg.get("Call-ID"))
        if msg.is_response:
            if call:
                self.on_response(call, msg)
            return
        if call is None:
            if msg.method == "INVITE":
                self.on_invite(msg)
            elif msg.method != "ACK":
                stub = Call(self, msg.get("Call-ID"), False)
                stub.rtp.stop()
                stub.respond(msg, 200 if msg.method == "OPTIONS" else 481, "OK" if msg.method == "OPTIONS" else "Gone")
            return
        self.on_request(call, msg)

    def on_invite(self, msg):
        call = Call(self, msg.get("Call-ID"), False)
        self.calls[call.call_id] = call
        self.history.append(call)
        call.invite, call.remote_tag, call.target = msg, tag_of(msg.get("From")), uri_of(msg.get("Contact"))
        call.remote_uri, call.local_name = uri_of(msg.get("From")), msg.get("To").split(";tag")[0]
        call.peer_number = re.sub(r"^sips?:", "", call.remote_uri).split("@")[0]
        call.route = msg.all("Record-Route")
        call.mark("invite")
        call.learn_sdp(msg.body)
        call.respond(msg, 100, "Trying")
        plan = self.plans.pop(0) if self.plans else {"busy": True}
        asyncio.ensure_future(self.run_plan(call, plan))

    async def run_plan(self, call, plan):
        if plan.get("busy"):
            await asyncio.sleep(plan.get("ring", 0.05))
            call.reject(486, "Busy Here")
            return
        await asyncio.sleep(plan.get("ring", 0.05))
        if call.state == "ended":
            return
        call.ring(plan.get("early"))
        if plan.get("answer") is not None:
            await asyncio.sleep(max(0, call.t["ringing"] + plan["answer"] - time.time()))
            if call.state == "ended":
                return
            call.answer()
            if plan.get("talk") is not None:
                await asyncio.sleep(plan["talk"])
                await call.bye()
        elif plan.get("reject_after") is not None:
            await asyncio.sleep(plan["reject_after"])
            if call.state != "ended":
                call.reject(603, "Decline")

    def on_request(self, call, msg):
        if msg.method == "ACK":
            call.mark("ack")
        elif msg.method == "INVITE":
            if msg.get("CSeq") == getattr(call, "invite", msg).get("CSeq") and not call.outgoing and ";tag=" not in msg.get("To"):
                self.send(call.last_response, call)          # a resent INVITE
                return
            back = call.learn_sdp(msg.body) if msg.body else "sendrecv"
            call.sdp_version += 1
            call.respond(msg, 200, "OK", call.sdp("sendonly" if call.hold else back))
        elif msg.method == "CANCEL":
            call.respond(msg, 200, "OK")
            call.mark("cancelled")
            if call.state not in ("up", "ended"):
                call.state, call.ended_by, call.final = "ended", "peer", 487
                call.cancel_reason = msg.get("Reason")
                call.respond(call.invite, 487, "Request Terminated")
                call.rtp.stop()
                call.mark("ended")
        elif msg.method == "BYE":
            call.respond(msg, 200, "OK")
            call.ended_by = call.ended_by or "peer"
            call.state = "ended"
            call.rtp.stop()
            call.mark("bye_got")
            call.mark("ended")
        elif msg.method == "NOTIFY":
            call.respond(msg, 200, "OK")
            call.notify.append(msg.body.strip())
            call.mark("notify")
            if " 200 " in msg.body:
                call.mark("transfer_done")
        else:
            call.respond(msg, 200, "OK", call.sdp() if msg.body and msg.method == "UPDATE" else "")

    async def invite(self, to, number, name="", extra=(), raw_name=""):
        call = Call(self, token(12) + "@lab", True)
        self.calls[call.call_id] = call
        self.history.append(call)
        call.peer_number = to
        call.target = call.remote_uri = "sip:%s@%s:%d" % (to, *self.pbx)
        shown = raw_name or name.replace('\\', '\\\\').replace('"', '\\"')
        call.local_name = '%s<sip:%s@127.0.0.1>' % ('"%s" ' % shown if shown else "", number)
        call.number = number
        call.mark("invite")
        cseq, via = call.request("INVITE", body=call.sdp(), extra=extra)
        call.invite_tx = (call.target, via, cseq)
        return call

    def on_response(self, call, msg):
        fut = call.pending.get((msg.method, msg.cseq))
        if msg.method != "INVITE":
            if fut and not fut.done() and msg.status >= 200:
                fut.set_result(msg.status)
            return
        first = call.outgoing and msg.cseq == call.invite_tx[2]
        if msg.status < 200:
            if msg.status == 180:
                call.mark("ringing")
            elif msg.status == 183:
                call.mark("early")
                call.learn_sdp(msg.body)
                call.rtp.start()
            return
        if msg.status < 300:
            if first:
                call.route = msg.all("Record-Route")[::-1]
            call.remote_tag = tag_of(msg.get("To"))
            if msg.get("Contact"):
                call.target = uri_of(msg.get("Contact"))
            if msg.body:
                call.learn_sdp(msg.body)
            call.request("ACK", cseq=msg.cseq)
            if first:
                call.mark("answer")
                call.final = msg.status
                if "cancel_sent" in call.t and call.state != "ended":
                    asyncio.ensure_future(call.bye())         # answered while our CANCEL was on the way
                    return
                call.state = "up" if call.state != "ended" else call.state
                call.rtp.start()
        else:
            _, via, cseq = call.invite_tx if first else (None, None, None)
            if first:
                self.send("\r\n".join([
                    "ACK %s SIP/2.0" % call.invite_tx[0], via, "Max-Forwards: 70",
                    "From: %s;tag=%s" % (call.local_name, call.local_tag), "To: " + msg.get("To"),
                    "Call-ID: " + call.call_id, "CSeq: %d ACK" % cseq, "Content-Length: 0"]) + "\r\n\r\n", call)
                call.final, call.state = msg.status, "ended"
                call.ended_by = call.ended_by or "peer"
                call.rtp.stop()
                call.mark("rejected")
                call.mark("ended")
        if fut and not fut.done():
            fut.set_result(msg.status)
