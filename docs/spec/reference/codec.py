"""Fixed-width fields and the reader under every decoder (README.md: Encoding; errors.md)."""


class Refused(Exception):
    """An input that must be refused; `name` is the name of the error in errors.md."""

    def __init__(self, name):
        super().__init__(name)
        self.name = name


def refuse_if(condition, name):
    if condition:
        raise Refused(name)


def u8(value):
    return value.to_bytes(1, "little")


def u16(value):
    return value.to_bytes(2, "little")


def u32(value):
    return value.to_bytes(4, "little")


def u64(value):
    return value.to_bytes(8, "little")


def u128(value):
    return value.to_bytes(16, "little")


class Reader:
    """Reads fields from left to right; the first violation is the one that is told."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        refuse_if(count > len(self.data) - self.at, "truncated")
        self.at += count
        return self.data[self.at - count : self.at]

    def rest(self):
        return self.take(len(self.data) - self.at)

    def number(self, width):
        return int.from_bytes(self.take(width), "little")

    def u8(self):
        return self.number(1)

    def u16(self):
        return self.number(2)

    def u32(self):
        return self.number(4)

    def u64(self):
        return self.number(8)

    def u128(self):
        return self.number(16)

    def finish(self):
        refuse_if(self.at != len(self.data), "trailing_bytes")
