"""Lists what a component imports; fails if it is more than types.

A Python component carries an interpreter, and an interpreter likes to ask the
system for files, clocks and dice. With `--stub-wasi` it cannot: this script makes
sure of it, from the component's own import section.
"""

import sys

ALLOWED = ("xinglin:types/", "xinglin:clinical/")
IMPORT_SECTION = 10


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def number(self):
        """Unsigned LEB128."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def take(self, size):
        self.at += size
        return self.data[self.at - size : self.at]

    def description(self):
        """Steps over an `externdesc` of the component binary format."""
        kind = self.byte()
        if kind == 0x00:  # core module
            self.byte()
            self.number()
        elif kind == 0x03:  # type: equal to one, or a fresh resource
            if self.byte() == 0x00:
                self.number()
        else:  # function, component, instance: the index of a type
            self.number()


def imports(component):
    if component[:8] != b"\0asm\x0d\0\x01\0":
        raise SystemExit("not a component")
    reader = Reader(component, 8)
    while reader.at < len(component):
        section, size = reader.byte(), reader.number()
        body = Reader(reader.take(size))
        if section == IMPORT_SECTION:
            for _ in range(body.number()):
                body.byte()
                yield body.take(body.number()).decode()
                body.description()


def main():
    with open(sys.argv[1], "rb") as file:
        names = list(imports(file.read()))
    print("\n".join(names))
    refused = [name for name in names if not name.startswith(ALLOWED)]
    if refused:
        raise SystemExit(f"imports more than types: {', '.join(refused)}")


if __name__ == "__main__":
    main()
