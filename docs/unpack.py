#!/usr/bin/env python3
"""Decodes blocks of Skerry's encoding `pack`: docs/pack.md. Standard library only, written from the specification.

    unpack.py [--primer FILE]... [FILE]        a file of blocks, one behind the other; standard input without a name

Prints one JSON object for each message. Primers that blocks need stand before them, or in files of their own. As a module: decode(block, primers) gives a head and
a list of messages; primers is a dictionary of what primer(block) gives.
"""
import argparse
import datetime
import json
import sys

MAX_MESSAGES, MAX_BYTES, MAX_TIME = 65535, 16 << 20, 253402300799999
MAX_NUMBER = 1 << 62


class Corrupt(ValueError):
    """The block is damaged, or no block."""


class Unsupported(ValueError):
    """The block is of a kind that this decoder cannot read."""


class NoPrimer(ValueError):
    """The primer of the block is not there."""


# ---- 2 the head

def crc32c(data):
    crc = 0xFFFFFFFF
    for b in data:
        crc ^= b
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if n > len(self.data) - self.at:
            raise Corrupt("it is cut off")
        self.at += n
        return self.data[self.at - n:self.at]

    def byte(self):
        return self.take(1)[0]

    def uvarint(self):
        v = shift = 0
        while True:
            b = self.byte()
            v |= (b & 0x7F) << shift
            shift += 7
            if v >> 64 or shift > 70:
                raise Corrupt("a number has more than 64 bits")
            if b < 0x80:
                return v


def split(data):
    """Gives the head of the first block in data, its body, and what follows it."""
    r = Reader(data)
    magic, second = r.byte(), r.byte()
    if magic & 0xF0 != 0xE0:
        raise Corrupt("it begins with 0x%02x" % magic)
    if magic != 0xE1 or second & 0x0F > 1:
        raise Unsupported("version %d, codec and flags 0x%02x" % (magic & 0x0F, second))
    primed, keep = second & 0x20, second & 0x80
    if (primed or keep) and second & 0x0F != 1 or primed and keep or keep and not second & 0x10:
        raise Corrupt("codec and flags 0x%02x do not go together" % second)
    head = {}
    if primed:
        head["primer"] = int.from_bytes(r.take(4), "big")
    else:
        head["epoch"] = int.from_bytes(r.take(8), "big")
        try:
            head["stream"] = r.take(r.byte()).decode("utf-8")
        except UnicodeDecodeError:
            raise Corrupt("its stream is not UTF-8") from None
    head["first"] = r.uvarint()
    if second & 0x40:
        head["below"] = r.uvarint()
    head["count"] = r.uvarint()
    body = r.take(r.uvarint())
    if second & 0x10:
        end = r.at
        check = int.from_bytes(r.take(4), "big")
        if check != crc32c(data[:end]):
            raise Corrupt("its check sum is wrong")
        if keep:
            head["id"] = check
    if head.get("stream") == "" or not 1 <= head["count"] <= MAX_MESSAGES:
        raise Corrupt("its head is wrong")
    head["codec"] = second & 0x0F
    return head, body, data[r.at:]


def complete(head, primers):
    """Fills in what a primed block leaves to its primer, and gives that."""
    primer = None
    if "primer" in head:
        primer = primers.get(head["primer"])
        if primer is None:
            raise NoPrimer("its primer %08x is not known" % head["primer"])
        head["epoch"], head["stream"] = primer[0]["epoch"], primer[0]["stream"]
        if head["first"] == 0:
            raise Corrupt("its sequences are wrong")
        head["first"] += primer[0]["first"]
    if "below" in head:
        head["floor"] = head["first"] - head["below"]
        if head["floor"] < 1:
            raise Corrupt("its floor is wrong")
    return primer


def primer(block):
    """Gives the id of a primer, and what blocks need of it."""
    head, body, rest = split(block)
    if rest not in (b"", b"\n") or "id" not in head:
        raise Corrupt("it is no primer")
    return head["id"], (head, body)


def decode(block, primers={}):
    """Gives the head of a block and its messages."""
    head, body, rest = split(block)
    if rest:
        raise Corrupt("%d bytes follow it" % len(rest))
    return head, list(messages(head, body, primers))


def messages(head, body, primers={}):
    before = complete(head, primers)
    left = MAX_BYTES
    for m in shape_codec(head, body, before) if head["codec"] else list_codec(head, body):
        left -= len(m["topic"]) + len(m["payload"]) + len(m["properties"])
        if left < 0:
            raise Corrupt("it decodes to more than %d bytes" % MAX_BYTES)
        yield m


def message(topic, payload, properties, flags, time, sequence):
    try:
        text = topic.decode("utf-8")
    except UnicodeDecodeError:
        raise Corrupt("a topic is not UTF-8") from None
    if not 1 <= len(topic) <= 65535 or any(c in text for c in "\0+#"):
        raise Corrupt("a topic is no Topic Name")
    if flags & 3 == 3 or not 0 <= time <= MAX_TIME or sequence >> 64:
        raise Corrupt("QoS, time or sequence is out of range")
    return {"topic": topic, "payload": payload, "properties": properties, "qos": flags & 3,
            "retain": flags & 4 != 0, "time": time, "sequence": sequence}


# ---- 3 codec 0: list

def list_codec(head, body):
    r = Reader(body)
    topic = properties = b""
    time, sequence = 0, head["first"] - 1
    for i in range(head["count"]):
        what = r.byte()
        gap = r.uvarint()
        if what & 0xC0 or i == 0 and gap:
            raise Corrupt("a message has wrong flags or sequences")
        sequence += gap + 1
        if what & 0x08:
            z = r.uvarint()
            time += z >> 1 ^ -(z & 1)
            if time <= 0:
                raise Corrupt("a time is out of range")
        if what & 0x10:
            topic = r.take(r.uvarint())
        if what & 0x20:
            properties = r.take(r.uvarint())
        payload = r.take(r.uvarint())
        yield message(topic, payload, properties, what, time if what & 0x08 else 0, sequence)
    if r.at < len(body):
        raise Corrupt("bytes stand behind its last message")


# ---- 4.1 bits

class Bits:
    def __init__(self, body):
        self.begin(body)

    def begin(self, body):
        self.value, self.size, self.at = int.from_bytes(body, "little"), len(body) * 8, 0

    def take(self, n):
        v = self.value >> self.at & (1 << n) - 1
        self.at += n
        if self.at > self.size:
            raise Corrupt("it is cut off")
        return v

    def place(self, places):
        return self.take((places - 1).bit_length()) if places > 1 else 0

    def number(self, k):
        q = 0
        while q < 6 and not self.take(1):
            q += 1
        if q == 6:
            n = self.take(6)
            return 1 << n | self.take(n)
        return q << k | self.take(k)

    def whole(self):
        return self.size - self.at < 8 and not self.value >> self.at


# ---- 4.2 text

TOPIC, SKELETON, PROPERTIES, PAYLOAD = 0, 1, 2, 3
END = 0xFF
RING = 65536
LENGTH = 4
LESSONS = [
    (TOPIC, "sensor/status/battery"),
    (TOPIC, "sensor/pressure"),
    (TOPIC, "sensor/humidity"),
    (TOPIC, "sensor/temperature"),
    (SKELETON, '{"id":\0,"ts":\0,"battery":\0,"voltage":\0,"rssi":-\0,"temperature":\0,"humidity":\0,"pressure":\0}'),
    (SKELETON, '{"time":"\0Z","values":{"temperature":{"value":\0,"unit":"%"}}}'),
    (SKELETON, '{"value":\0,"unit":"°C","time":"\0Z","quality":"good"}'),
]
LITERALS = b'etaionrslducmp"/' + b"hgbvfy:,\0\xff012345" + b"6789wk_-{}[]. %zxjqTSCPHVAMIRBKL"


class Text:
    def __init__(self, bits):
        self.bits, self.ring, self.at = bits, bytearray(RING), 1
        self.behind, self.begun, self.stretch = [0] * 512, [0] * 4, [0] * 4
        for kind, text in LESSONS:
            self.begin(kind)
            for b in text.encode() + bytes([END]):
                self.follow()
                self.add(b)

    def begin(self, kind):
        source = self.begun[kind]
        self.add(kind)
        self.begun[kind] = self.at
        return source

    def add(self, b):
        self.ring[self.at] = b
        self.at = self.after(self.at)

    @staticmethod
    def after(at):
        return at + 1 if at + 1 < RING else 1

    def follow(self):
        """Gives where stands what followed the two bytes before, or 0."""
        def two(at):
            return self.ring[max(at - 1, 0)], self.ring[max(at - 2, 0)]

        a, b = two(self.at)
        i = ((a << 8 | b) * 0x9E3779B1 & 0xFFFFFFFF) >> 23
        source, self.behind[i] = self.behind[i], self.at
        return source if source and two(source) == (a, b) else 0

    def literal(self, other):
        take = self.bits.take
        if other and take(1):
            return take(8), True
        if not take(1):
            return LITERALS[take(4)], False
        if not take(1):
            return LITERALS[16 + take(4)], False
        if not take(1):
            return LITERALS[32 + take(5)], False
        return take(8), True

    def stretch_of(self, kind, first):
        if not first:
            return self.bits.number(1)
        if not self.bits.take(1):
            self.stretch[kind] = self.bits.number(3)
        return self.stretch[kind]

    def read(self, kind, most, ended):
        """Gives a string of so many bytes, or one of that many at most that is ended."""
        out = bytearray()
        if not most and not ended:
            return b""
        source, aside, first, other = self.begin(kind), 0, True, False
        while True:
            if source:
                whole = self.bits.take(1)
                n = most - len(out) if whole else self.stretch_of(kind, first)
                start = len(out)
                while len(out) - start < n and len(out) <= most and not (ended and self.ring[source] == END):
                    out.append(self.ring[source])
                    self.add(self.ring[source])
                    source = self.after(source)
                found = self.ring[source] == END
                if len(out) > most or (not (ended and found) if whole and ended else len(out) - start < n):
                    raise Corrupt("a text is longer than %d bytes, or not there" % most)
                if whole:
                    if ended:
                        self.add(END)
                    return bytes(out)
                aside = 0
                if n:
                    self.follow()
                    aside, other = self.after(source), False
            b, other = self.literal(other)
            self.add(b)
            if ended and b == END:
                return bytes(out)
            if len(out) == most:
                raise Corrupt("a text is longer than %d bytes" % most)
            out.append(b)
            if len(out) == most and not ended:
                return bytes(out)
            source = self.follow() or aside
            aside, first = 0, False


# ---- 4.3 numbers and their formats

DECIMALS, SHORTEST, PADDED, INSTANT = 0, 32, 64, 96


def wrap(v):
    return (v + (1 << 63)) % (1 << 64) - (1 << 63)


def quotient(a, b):
    return a // b if a >= 0 else -(-a // b)


def valid(f):
    family, n = f & ~31, f & 31
    return n <= 18 if family < PADDED else 2 <= n <= 19 if family == PADDED else n <= 9


def fits(v, f):
    if not -MAX_NUMBER < v < MAX_NUMBER:
        return False
    if f & ~31 == PADDED:
        return 0 <= v < 10 ** (f & 31)
    if f & ~31 == INSTANT:
        return v >= 0 and v // 10 ** (f & 31) <= MAX_TIME // 1000
    return True


def rescale(v, a, b):
    if a == b:
        return v
    fa, fb, n = a & ~31, b & ~31, (b & 31) - (a & 31)
    if fa != fb and max(fa, fb) > SHORTEST:
        return 0
    if fa == PADDED or n == 0:
        return v
    return wrap(v * 10 ** n) if n > 0 else quotient(v, 10 ** -n)


def written(v, f):
    family, n = f & ~31, f & 31
    if family == INSTANT:
        second, fraction = divmod(v, 10 ** n)
        t = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=second)
        return t.strftime("%Y-%m-%dT%H:%M:%S") + (".%0*d" % (n, fraction) if n else "")
    if family == PADDED:
        return "%0*d" % (n, v)
    whole, fraction = divmod(abs(v), 10 ** n)
    text = "%0*d" % (n, fraction) if n else ""
    if family == SHORTEST:
        text = text.rstrip("0")
    return ("-" if v < 0 else "") + str(whole) + ("." + text if text else "")


def milliseconds(v, f):
    family, n = f & ~31, f & 31
    if family == INSTANT or family != PADDED and n <= 6 and 10 ** 9 <= quotient(v, 10 ** n) < 10 ** 10:
        return v * 10 ** (3 - n) if n <= 3 else v // 10 ** (n - 3)
    if family == PADDED or n > 0:
        return None
    for power in (0, 3, 6):
        if 10 ** (12 + power) <= v < 10 ** (13 + power):
            return v // 10 ** power
    return None


# ---- 4.4 predictions

BEFORE, ONWARD, IN_STEP, NEIGHBOUR, MOVED = range(5)
QUIET = 6
GAINS = (0, 1, 2, 2, 3, 3, 3, 3, 4)


class Slot:
    def __init__(self, size=40, new_size=128):
        self.value = self.format = 0
        self.size, self.new_size, self.lean = size, new_size, 0
        self.way, self.costs, self.taught, self.pace = BEFORE, [0] * 5, 0, 0

    def copy(self):
        s = Slot()
        s.__dict__.update(self.__dict__)
        s.costs = self.costs[:]
        return s

    def adopt(self, d):
        self.costs, self.size, self.way, self.taught = d.costs[:], d.size, d.way, d.taught
        self.pace = rescale(d.pace, d.format, self.format)

    def align(self, f):
        self.value, self.pace = rescale(self.value, self.format, f), rescale(self.pace, self.format, f)
        self.format = f


class Trail:
    def __init__(self):
        self.seen = False
        self.value = self.format = self.step = self.lag = 0

    def align(self, f):
        self.value, self.step = rescale(self.value, self.format, f), rescale(self.step, self.format, f)
        self.lag, self.format = 0, f


def size_of(d):
    return d.bit_length() << 4


def length(v):
    v = wrap(v)
    return (2 * v if v >= 0 else -2 * v - 1).bit_length()


def in_range(v):
    return v if -MAX_NUMBER < v < MAX_NUMBER else 0


class Number:
    """A number that is to be told: where it stands, and what there is to expect it from."""

    def __init__(self, slot, trail, near, donor, left, f):
        if trail.seen and not slot.taught and donor:
            slot.adopt(donor)
        if slot.format != f or trail.format != f:
            slot.align(f)
            trail.align(f)
        self.slot, self.trail, self.left, self.near = slot, trail, left, rescale(near[0], near[1], f)

    def size(self):
        return self.slot.size if self.trail.seen else self.slot.new_size

    def expected(self):
        s, t = self.slot, self.trail
        if not t.seen:
            return in_range(self.near if s.lean > 0 else s.value)
        return in_range(self.ways()[s.way])

    def ways(self):
        t = self.trail
        return [t.value, wrap(t.value + t.step), wrap(t.value + (wrap(t.lag + self.slot.pace + 8) >> 4)), self.near, wrap(t.value + self.left)]

    def learn(self, v, d):
        """Gives how far the number has moved."""
        s, t = self.slot, self.trail
        if not t.seen:
            if s.value:
                s.new_size += (min(size_of(d), s.new_size + 256) - s.new_size) >> 1
            if d:
                s.lean += (length(v - s.value) - length(v - self.near) << 2) - (s.lean >> 2)
            t.seen, t.value, t.step, t.lag, s.value = True, v, 0, 0, v
            return 0
        step = wrap(v - t.value)
        if d:
            self.teach(v, step, d)
        else:
            s.size -= (s.size + 3) >> 2
            s.taught = max(s.taught, 1)
            t.lag = 0
        t.value, t.step, s.value = v, step, v
        return step

    def teach(self, v, step, d):
        s, t = self.slot, self.trail
        s.size += (min(size_of(d), s.size + 64) - s.size) >> 2
        if s.taught <= 8:
            for i, w in enumerate(self.ways()):
                s.costs[i] += (length(v - w) << 4) - (s.costs[i] >> 2)
            for i, c in enumerate(s.costs):
                if c + 24 < s.costs[s.way]:
                    s.way = i
        if s.taught:
            t.lag = wrap(t.lag + s.pace - (step << 4)) >> 1
        s.pace = wrap(s.pace + (wrap(wrap(step << 4) - s.pace) >> GAINS[min(s.taught, 8)]))
        s.taught = s.taught + 1 if s.taught < 15 else 8


# ---- 4.5 messages

class Skeleton:
    def __init__(self, text, number, slots):
        self.text, self.number, self.slots, self.next = text, number, slots, self


class Shape:
    def __init__(self, topic, flags, properties, skeleton, timed):
        self.topic, self.flags, self.properties, self.skeleton, self.timed = topic, flags, properties, skeleton, timed
        self.trails = [Trail() for _ in skeleton.slots]
        self.next = None


class Shapes:
    def __init__(self, body):
        self.bits = Bits(body)
        self.text = Text(self.bits)
        none = Skeleton(None, 0, [Slot(8, 8)])
        self.topics, self.bags, self.skeletons, self.shapes, self.slots = [], [b""], [none], [], 1
        self.shape, self.started = None, False
        self.flags = self.bag = 0

    def entry(self, table, i):
        if i >= len(table):
            raise Corrupt("entry %d of a table of %d" % (i, len(table)))
        return table[i]

    def which(self):
        """Gives the shape of a message, whether all else is as usual, and whether the shape is new, and in the table."""
        take, before = self.bits.take, self.shape
        if take(1):
            if not before or not before.next:
                raise Corrupt("no shape followed")
            return before.next, True, False, True
        if take(1):
            return self.known(), True, False, True
        if take(1):
            if not before or len(self.topics) >= 1024:
                raise Corrupt("a new topic behind nothing, or too many")
            topic = self.new_topic()
            self.topics.append(topic)
            return self.new(topic, self.bags[self.bag], before.skeleton.next, True)
        if take(1):
            return self.known(), False, False, True
        shape, _, fresh, kept = self.define()
        return shape, False, fresh, kept

    def known(self):
        return self.entry(self.shapes, self.bits.place(len(self.shapes)))

    def new(self, topic, properties, skeleton, kept):
        shape = Shape(topic, self.flags, properties, skeleton, self.shape.timed if self.shape else 0)
        if kept := kept and len(self.shapes) < 1024:
            self.shapes.append(shape)
        return shape, True, True, kept

    def new_topic(self):
        return self.text.read(TOPIC, 65535, True)

    def define(self):
        take, place = self.bits.take, self.bits.place
        kept = True
        if take(1):
            topic = self.new_topic()
            kept = len(self.topics) < 1024
            if kept:
                self.topics.append(topic)
        else:
            topic = self.entry(self.topics, place(len(self.topics)))
        if not take(1):
            self.flags = take(3)
        if take(1):
            properties = self.bags[self.bag]
        else:
            i = place(len(self.bags) + 1)
            if i == len(self.bags):
                properties = self.counted(PROPERTIES)
                if i < 256:
                    self.bags.append(properties)
            else:
                properties = self.entry(self.bags, i)
            if i < 256:
                self.bag = i
            else:
                kept = False
        skeleton = self.shape.skeleton.next if self.shape and take(1) else self.skeleton()
        shape, _, _, kept = self.new(topic, properties, skeleton, kept)
        return shape, False, True, kept

    def skeleton(self):
        i = self.bits.place(len(self.skeletons) + 1)
        if i < len(self.skeletons):
            return self.skeletons[i]
        text = self.text.read(SKELETON, 4096, True)
        slots = text.count(0) + 1
        self.slots += slots
        if i > len(self.skeletons) or i > 256 or self.slots > 2048 or slots > 33:
            raise Corrupt("too many skeletons, or numbers in them")
        parent = (self.shape.skeleton if self.shape else self.skeletons[0]).slots
        mine = [parent[i].copy() if i < len(parent) - 1 else Slot() for i in range(slots - 1)]
        skeleton = Skeleton(text, i, mine + [parent[-1].copy()])
        self.skeletons.append(skeleton)
        return skeleton

    def counted(self, kind):
        n = self.bits.number(LENGTH)
        if n > MAX_BYTES:
            raise Corrupt("a text has %d bytes" % n)
        return self.text.read(kind, n, False)

    def formats(self, shape):
        return [t.format if t.seen else s.format for s, t in zip(shape.skeleton.slots, shape.trails)][:-1]

    def told_formats(self, shape):
        formats = self.formats(shape)
        if formats and not self.bits.take(1):
            formats = [f if self.bits.take(1) else self.bits.take(7) for f in formats]
        for f in formats:
            if not valid(f):
                raise Corrupt("format %d" % f)
        return formats

    def number(self, shape, i, f, left, usual):
        """Gives the value of a number, and how far it has moved."""
        before = self.shape
        last = i == len(shape.trails) - 1
        j = -1 if last else i
        near, donor = (0, 0), None
        if before and (last or i < len(before.trails) - 1):
            near, donor = (before.trails[j].value, before.trails[j].format), before.skeleton.slots[j]
        n = Number(shape.skeleton.slots[i], shape.trails[i], near, donor, left, f)
        size, v, d = n.size(), n.expected(), 0
        if not usual or size >= QUIET:
            d = self.bits.number((size + 4) >> 4) & (1 << 64) - 1
            v = wrap(v + ((d >> 1) ^ -(d & 1)))
        return v, n.learn(v, d)

    def payload(self, shape, formats, usual):
        numbers, left = [], 0
        for i, f in enumerate(formats):
            v, left = self.number(shape, i, f, left, usual)
            if not fits(v, f):
                raise Corrupt("a number is out of range")
            numbers.append((v, f))
        parts = shape.skeleton.text.split(b"\0")
        return numbers, left, parts[0] + b"".join(written(*n).encode() + p for n, p in zip(numbers, parts[1:]))

    def time(self, shape, numbers, left, usual):
        if not shape.timed:
            return 0
        clock = next((t for t in (milliseconds(*n) for n in numbers) if t), 0)
        v, _ = self.number(shape, len(shape.trails) - 1, 0, left, usual)
        if not 0 < clock + v <= MAX_TIME:
            raise Corrupt("a time is out of range")
        return clock + v

    def close(self, shape, fresh, kept):
        before = self.shape
        if before:
            if fresh:
                before.skeleton.next = shape.skeleton
            if kept:
                before.next = shape
        self.shape, self.started = shape if kept else None, True

    def read(self, head, primed):
        """Gives the messages of a body. primed: others were read before."""
        sequence = head["first"] - primed
        for _ in range(head["count"]):
            shape, usual, fresh, kept = self.which()
            if self.started:
                sequence += 1 if usual or self.bits.take(1) else self.bits.number(LENGTH) + 2
            if not usual:
                shape.timed = self.bits.take(1)
            numbers, left = [], 0
            if shape.skeleton.text is None:
                payload = self.counted(PAYLOAD)
            else:
                formats = self.formats(shape) if usual else self.told_formats(shape)
                numbers, left, payload = self.payload(shape, formats, usual)
            time = self.time(shape, numbers, left, usual)
            self.close(shape, fresh, kept)
            yield message(shape.topic, payload, shape.properties, shape.flags, time, sequence)
        if not self.bits.whole():
            raise Corrupt("bytes stand behind its last message")


def shape_codec(head, body, primer=None):
    if primer is None:
        return Shapes(body).read(head, 0)
    s = Shapes(primer[1])
    for _ in s.read(primer[0], 0):
        pass
    s.bits.begin(body)
    return s.read(head, 1)


# ---- the program

def as_object(head, m):
    o = {"epoch": "%016x" % head["epoch"], "stream": head["stream"], "sequence": m["sequence"], "time": m["time"],
         "topic": m["topic"].decode(), "qos": m["qos"], "retain": m["retain"]}
    try:
        o["payload"] = m["payload"].decode("utf-8")
    except UnicodeDecodeError:
        o["payload_hex"] = m["payload"].hex()
    if m["properties"]:
        o["properties_hex"] = m["properties"].hex()
    return o


def main():
    flags = argparse.ArgumentParser(description="Prints what is in blocks of the encoding pack.")
    flags.add_argument("--primer", action="append", default=[], metavar="FILE", help="a primer that blocks need")
    flags.add_argument("file", nargs="?", help="blocks, one behind the other")
    flags = flags.parse_args()
    primers = {}
    for name in flags.primer:
        try:
            primers.update([primer(open(name, "rb").read())])
        except ValueError as e:
            sys.exit("%s: %s" % (name, e))
    data = open(flags.file, "rb").read() if flags.file else sys.stdin.buffer.read()
    number = 0
    try:
        while data:
            number += 1
            head, body, data = split(data)
            for m in messages(head, body, primers):
                print(json.dumps(as_object(head, m), ensure_ascii=False))
            if "id" in head:
                primers[head["id"]] = head, body
            if data[:1] == b"\n":  # which skerry sub puts behind a payload
                data = data[1:]
    except ValueError as e:
        sys.exit("block %d: %s" % (number, e))


if __name__ == "__main__":
    main()
