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


# ---- 4.1 the range decoder

EVEN = (1 << 15, 0)
LEAST, MOST = 32, (1 << 16) - 32


class Bits:
    """Models of decisions: how likely a 1 is, in 65,536ths, and how often the decision was made."""

    def __init__(self, n, start=EVEN):
        self.p, self.n = [start[0]] * n, [start[1]] * n


def rarely(n):
    return (1 << 16) // n, min(n // 2, 12)


def usually(n):
    p, k = rarely(n)
    return (1 << 16) - p, k


class Decoder:
    def __init__(self, body):
        self.begin(body)

    def begin(self, body):
        self.body, self.at, self.span = body, 4, 0xFFFFFFFF
        self.code = int.from_bytes(body[:4].ljust(4, b"\0"), "big")

    def shift(self):
        while self.span < 1 << 24:
            b = self.body[self.at] if self.at < len(self.body) else 0
            self.at += 1
            self.span, self.code = self.span << 8, (self.code << 8 | b) & 0xFFFFFFFF

    def decide(self, bits, i=0):
        p, n = bits.p[i], bits.n[i]
        bound = (self.span >> 16) * p
        if self.code < bound:
            one, self.span = 1, bound
            p += (MOST - p) * ((1 << 16) // (n + 2)) >> 16
        else:
            one, self.span = 0, self.span - bound
            self.code -= bound
            p -= (p - LEAST) * ((1 << 16) // (n + 2)) >> 16
        bits.p[i], bits.n[i] = p, min(n + 1, 30)
        self.shift()
        return one

    def plain(self, n):
        v = 0
        while n > 0:
            take = min(n, 8)
            n -= take
            self.span >>= take
            part = min(self.code // self.span, (1 << take) - 1)
            self.code -= part * self.span
            v = v << take | part
            self.shift()
        return v

    def tree(self, bits, n):
        node = 1
        for _ in range(n):
            node = node << 1 | self.decide(bits, node)
        return node - (1 << n)

    def count(self, m):
        if self.decide(m.none):
            return 0
        size = self.tree(m.size, 5) or self.plain(6)
        return 1 << size - 1 | self.plain(size - 1) if size else 0

    def whole(self):
        return self.at >= len(self.body) and self.body[-1:] != b"\0"


# ---- 4.2 counts and differences

class Count:
    def __init__(self):
        self.none, self.size = Bits(1), Bits(32)
        self.size.p[1], self.size.n[1] = rarely(8)


# ---- 4.3 text

TOPIC, SKELETON, PROPERTIES, PAYLOAD = 1, 2, 3, 4
END = 0xFF
LESSONS = [
    (TOPIC, "sensor/status/battery/pressure/humidity/temperature"),
    (SKELETON, '{"id":\0,"ts":\0,"battery":\0,"voltage":\0,"rssi":-\0,"temperature":\0,"humidity":\0,"pressure":\0}'),
    (SKELETON, '{"time":"\0Z","values":{"temperature":{"value":\0,"unit":"%"}}}'),
    (SKELETON, '{"value":\0,"unit":"°C","time":"\0Z","quality":"good"}'),
]


def kind_of(b):
    if 0x61 <= b | 0x20 <= 0x7A:
        return 0
    if 0x30 <= b <= 0x39:
        return 1
    return 2 if b >= 0x80 else 3


class Teacher:
    """Stands in for the decoder while the model learns its lessons: it decides what it is told to."""

    def __init__(self):
        self.byte = 0

    def decide(self, bits, i, one):
        p, n = bits.p[i], bits.n[i]
        step = (1 << 16) // (n + 2)
        p = p + ((MOST - p) * step >> 16) if one else p - ((p - LEAST) * step >> 16)
        bits.p[i], bits.n[i] = p, min(n + 1, 30)
        return one

    def hit(self, bits, i, expected):
        return self.decide(bits, i, self.byte == expected)

    def literal(self, bits):
        node = 1
        for shift in range(7, -1, -1):
            node = node << 1 | self.decide(bits, node, self.byte >> shift & 1)
        return self.byte


class Student:
    def __init__(self, decoder):
        self.decoder = decoder

    def hit(self, bits, i, _):
        return self.decoder.decide(bits, i)

    def literal(self, bits):
        return self.decoder.tree(bits, 8)


class Text:
    def __init__(self, decoder):
        self.seen, self.at, self.source, self.run, self.last = bytearray(1), 1, 0, 0, 0
        self.four, self.two = [0] * 4096, [0] * 1024
        self.hits = [Bits(16) for _ in range(4)]
        self.bytes = [Bits(256) for _ in range(4)]
        self.coder = teacher = Teacher()
        for kind, text in LESSONS:
            self.begin(kind)
            for teacher.byte in text.encode() + bytes([END]):
                self.next()
        self.coder = Student(decoder)

    def begin(self, kind):
        self.last, self.run = kind, 0

    def next(self):
        four = (self.last * 0x2545F491 & 0xFFFFFFFF) >> 20
        two = ((self.last & 0xFFFF) * 0x9E3779B1 & 0xFFFFFFFF) >> 22
        found = 0
        if self.run == 0:
            if self.four[four]:
                self.source, found = self.four[four], 1
            elif self.two[two]:
                self.source, found = self.two[two], 2
            else:
                found = 3
        b = self.seen[self.source]
        if self.coder.hit(self.hits[found], min(self.run, 15), b):
            self.run += 1
        else:
            self.run = 0
            b = self.coder.literal(self.bytes[kind_of(self.last & 0xFF)])
        self.four[four] = self.two[two] = self.at
        self.last = (self.last << 8 | b) & 0xFFFFFFFF
        if self.at == len(self.seen):
            self.seen.append(b)
        else:
            self.seen[self.at] = b
        self.at = self.at + 1 if self.at < 65535 else 1
        self.source += 1
        if self.source >= len(self.seen):
            self.source = 0
        return b

    def counted(self, n, kind):
        self.begin(kind)
        return bytes(self.next() for _ in range(n))

    def ended(self, kind, most):
        self.begin(kind)
        out = bytearray()
        while (b := self.next()) != END:
            out.append(b)
            if len(out) > most:
                raise Corrupt("a text is longer than %d bytes" % most)
        return bytes(out)


# ---- 4.4 numbers and their formats

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


# ---- 4.5 predictions

class Slot:
    def __init__(self, time=False):
        self.value = self.format = 0
        self.left = (0, 0)
        self.as_usual = Bits(1, usually(64))
        self.costs, self.new_costs = ([64] * 5 + [0], [64, 64, 0]) if time else ([0] * 6, [0] * 3)
        self.size, self.new_size = (32, 32) if time else (96, 128)
        self.pace = self.paces = 0

    def copy(self):
        s = Slot()
        s.__dict__.update(self.__dict__)
        s.costs, s.new_costs = self.costs[:], self.new_costs[:]
        s.as_usual = Bits(1, (self.as_usual.p[0], self.as_usual.n[0]))
        return s


class Trail:
    def __init__(self):
        self.seen = False
        self.value = self.format = self.step = self.level = 0
        self.left = (0, 0)


GAINS = (0, 1, 2, 2, 3, 3, 3, 3, 4)


def distance(a, b):
    return wrap(a[0] - b[0]) if a[1] == b[1] else 0


def account(costs, ways, v):
    for i, w in enumerate(ways):
        costs[i] += (abs(wrap(v - w)).bit_length() << 4) - (costs[i] >> 4)


def expect(costs, ways):
    v = ways[costs.index(min(costs))]
    return v if -MAX_NUMBER < v < MAX_NUMBER else 0


# ---- 4.6 shapes

class Skeleton:
    def __init__(self, text, number, slots):
        self.text, self.number, self.slots, self.next = text, number, slots, None


class Shape:
    def __init__(self, topic, flags, properties, skeleton):
        self.topic, self.flags, self.properties, self.skeleton = topic, flags, properties, skeleton
        self.trails = [Trail() for _ in skeleton.slots]
        self.next = None


class Shapes:
    def __init__(self, body):
        self.decoder = d = Decoder(body)
        self.decide, self.count, self.text = d.decide, d.count, Text(d)
        self.follows, self.new_topic, self.skeleton_follows = Bits(1), Bits(1, usually(4)), Bits(1)
        self.same_flags, self.same_properties = Bits(1, usually(64)), Bits(1, usually(64))
        self.is_new, self.flag_bits, self.timed_bits, self.format_bits = Bits(2), Bits(8), Bits(2), Bits(128)
        self.shape_count, self.topic_count, self.skeleton_count = Count(), Count(), Count()
        self.properties_count, self.gap = Count(), Count()
        self.gap.none = Bits(1, usually(64))
        self.timed_bits.p[1], self.timed_bits.n[1] = usually(64)
        self.lengths = {PROPERTIES: Count(), PAYLOAD: Count()}
        self.nearby = [Bits(64) for _ in range(5)]
        for m in self.nearby:
            for i in range(6, 64):
                m.p[i], m.n[i] = rarely(16)
        self.as_usual = Bits(1)
        self.topics, self.bags, self.skeletons, self.shapes, self.slots = [], [b""], [], [], 0
        self.none = Skeleton(None, 0, [Slot(time=True)])
        self.shape, self.numbers, self.time, self.timed = None, [], 0, 0
        self.flags = self.bag = 0

    def entry(self, table, i):
        if i >= len(table):
            raise Corrupt("entry %d of a table of %d" % (i, len(table)))
        return table[i]

    def usual(self):
        """Gives the shape of a message of which only the numbers are told."""
        if self.shape and self.shape.next and self.decide(self.as_usual):
            self.shape = self.shape.next
            return self.shape

    def which(self):
        expected = self.shape.next if self.shape else None
        if expected and self.decide(self.follows):
            shape = expected
        else:
            kept = True
            if self.decide(self.is_new, 1 if expected else 0):
                shape, kept = self.define()
            else:
                shape = self.entry(self.shapes, self.count(self.shape_count))
            if self.shape and kept:
                self.shape.next = shape
        self.shape = shape
        return shape

    def define(self):
        kept = True
        if self.decide(self.new_topic):
            topic = self.text.ended(TOPIC, 65535)
            if len(self.topics) < 1024:
                self.topics.append(topic)
            else:
                kept = False
        else:
            topic = self.entry(self.topics, self.count(self.topic_count))
        if not self.decide(self.same_flags):
            self.flags = self.decoder.tree(self.flag_bits, 3)
        if self.decide(self.same_properties):
            properties = self.bags[self.bag]
        else:
            i = self.count(self.properties_count)
            if i:
                properties, self.bag = self.entry(self.bags, i - 1), i - 1
            else:
                properties = self.counted(PROPERTIES)
                if len(self.bags) < 256:
                    self.bag = len(self.bags)
                    self.bags.append(properties)
                else:
                    kept = False
        skeleton = self.skeleton()
        if self.shape:
            self.shape.skeleton.next = skeleton
        shape = Shape(topic, self.flags, properties, skeleton)
        kept = kept and len(self.shapes) < 1024
        if kept:
            self.shapes.append(shape)
        return shape, kept

    def skeleton(self):
        expected = self.shape.skeleton.next if self.shape else None
        if expected and self.decide(self.skeleton_follows):
            return expected
        i = self.count(self.skeleton_count)
        if i == 1:
            return self.none
        if i > 1:
            return self.entry(self.skeletons, i - 2)
        text = self.text.ended(SKELETON, 4096)
        slots = text.count(0) + 1
        self.slots += slots
        if len(self.skeletons) >= 256 or self.slots > 2048 or slots > 33:
            raise Corrupt("too many skeletons, or numbers in them")
        parent = self.shape.skeleton.slots if self.shape else [Slot(time=True)]
        mine = [parent[i].copy() if i < len(parent) - 1 else Slot() for i in range(slots - 1)]
        skeleton = Skeleton(text, len(self.skeletons) + 1, mine + [parent[-1].copy()])
        self.skeletons.append(skeleton)
        return skeleton

    def counted(self, kind):
        n = self.count(self.lengths[kind])
        if n > MAX_BYTES:
            raise Corrupt("a text has %d bytes" % n)
        return self.text.counted(n, kind)

    def difference(self, e):
        """Gives a difference, and how many bits are expected of the next one."""
        near = min((e + 8) >> 4, 62)
        size = self.size_near(near)
        e = (e * 2 + min(size << 4, e + 64)) // 3
        if size == 0:
            return 0, e
        rest = self.decoder.plain(size)
        v = 1 << size - 1 | rest >> 1
        return (-v if rest & 1 else v), e

    def size_near(self, near):
        m = self.nearby[min(near, 4)]
        at, below, above = near, near - 1, near + 1
        for i in range(64):
            if self.decide(m, i):
                return at
            if below >= 0 and (i % 2 == 0 or above > 63):
                at, below = below, below - 1
            else:
                at, above = above, above + 1
        return 0

    def value(self, slot, trail, donor, f, before, left):
        others = rescale(slot.value, slot.format, f)
        neighbour = rescale(*before, f)
        if not trail.seen:
            ways = [others, neighbour, wrap(others + distance(left, slot.left))]
            d, size = self.difference(slot.new_size)
            v = wrap(expect(slot.new_costs, ways) + d)
            slot.new_size = size
            if d:
                account(slot.new_costs, ways, v)
            trail.level = wrap(v << 4)
        else:
            if slot.paces == 0 and donor:
                slot.costs, slot.size, slot.paces = donor.costs[:], donor.size, donor.paces
                slot.pace = rescale(donor.pace, donor.format, slot.format)
            last, pace = rescale(trail.value, trail.format, f), rescale(slot.pace, slot.format, f)
            after = wrap(rescale(trail.level, trail.format, f) + pace)
            ways = [last, wrap(last + rescale(trail.step, trail.format, f)), wrap(after + 8) >> 4, others, neighbour,
                    wrap(last + distance(left, trail.left))]
            d, size = self.difference(slot.size)
            v = wrap(expect(slot.costs, ways) + d)
            slot.size = size
            if d:
                account(slot.costs, ways, v)
            trail.step = wrap(v - last)
            trail.level = wrap(after + (wrap(wrap(v << 4) - after) >> 1)) if slot.paces else wrap(v << 4)
            slot.pace = wrap(pace + (wrap(wrap(trail.step << 4) - pace) >> GAINS[slot.paces]))
            slot.paces = min(slot.paces + 1, 8)
        trail.seen = True
        for t in trail, slot:
            t.value, t.format, t.left = v, f, left
        return v

    def payload(self, shape, donor, usual):
        numbers, left = [], (0, 0)
        for i, trail in enumerate(shape.trails[:-1]):
            slot = shape.skeleton.slots[i]
            f = trail.format if trail.seen else slot.format
            if not usual and not self.decide(slot.as_usual):
                f = self.decoder.tree(self.format_bits, 7)
            if not valid(f):
                raise Corrupt("format %d" % f)
            given = donor.slots[i] if donor and i < len(donor.slots) - 1 else None
            before = self.numbers[i] if i < len(self.numbers) else (0, 0)
            left = self.value(slot, trail, given, f, before, left), f
            if not fits(*left):
                raise Corrupt("a number is out of range")
            numbers.append(left)
        parts = shape.skeleton.text.split(b"\0")
        return numbers, parts[0] + b"".join(written(*n).encode() + p for n, p in zip(numbers, parts[1:]))

    def published(self, shape, donor, numbers, usual):
        if not usual:
            self.timed = self.decide(self.timed_bits, self.timed)
        if not self.timed:
            return 0
        times = (milliseconds(*n) for n in numbers)
        left = next((t for t in times if t is not None), 0), 0
        given = donor.slots[-1] if donor else None
        self.time = self.value(shape.skeleton.slots[-1], shape.trails[-1], given, 0, (self.time, 0), left)
        if self.time <= 0:
            raise Corrupt("a time is out of range")
        return self.time


    def read(self, head, started):
        """Gives the messages of a body. started: others were read before."""
        sequence = head["first"] - started
        for i in range(head["count"]):
            donor = self.shape.skeleton if self.shape else None
            usual = self.usual()
            shape = usual or self.which()
            if i or started:
                sequence += 1 if usual else self.count(self.gap) + 1
            if shape.skeleton is self.none:
                numbers, payload = [], self.counted(PAYLOAD)
            else:
                numbers, payload = self.payload(shape, donor, usual)
            time = self.published(shape, donor, numbers, usual)
            self.numbers = numbers
            yield message(shape.topic, payload, shape.properties, shape.flags, time, sequence)
        if not self.decoder.whole():
            raise Corrupt("bytes stand behind its last message")


def shape_codec(head, body, primer=None):
    if primer is None:
        return Shapes(body).read(head, 0)
    s = Shapes(primer[1])
    for _ in s.read(primer[0], 0):
        pass
    s.decoder.begin(body)
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
