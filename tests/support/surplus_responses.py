"""Responses that are followed by surplus bytes, which must not reach another caller."""

from collections.abc import Callable

from support.scripted_server import chunked, response

# Segments of records, made from two bodies: the first response, and what a server adds to it or sends in its place.
SURPLUS_RESPONSES: dict[str, Callable[[bytes, bytes], list[list[bytes]]]] = {
    "length": lambda a, b: [[response(a) + response(b)]],
    "two segments": lambda a, b: [[response(a)], [response(b)]],
    "two records in one segment": lambda a, b: [[response(a), response(b)]],
    "three records in one segment": lambda a, b: [[response(a)[:20], response(a)[20:], response(b)]],
    "a byte more": lambda a, _: [[response(a) + b"\n"]],
    "a byte more in a segment": lambda a, _: [[response(a)], [b"\n"]],
    "half a response more": lambda a, b: [[response(a) + response(b)[:30]]],
    "chunked": lambda a, b: [[chunked(a) + chunked(b)]],
    "chunked, then length": lambda a, b: [[chunked(a), response(b)]],
    "chunked with extensions and trailers": lambda a, b: [[chunked(a, b"X-T: 1\r\n", b";x=1") + response(b)]],
    "both lengths": lambda a, b: [[chunked(a).replace(b"\r\n", b"\r\nContent-Length: 5\r\n", 1) + response(b)]],
    "two equal lengths": lambda a, b: [
        [response(a).replace(b"\r\n", b"\r\nContent-Length: %d\r\n" % len(a), 1) + response(b)]
    ],
    "204 with a body": lambda _, b: [[response(response(b), "204 No Content")]],
    "304 with a body": lambda _, b: [[response(response(b), "304 Not Modified")]],
    "204 and a response": lambda _, b: [[response(b"", "204 No Content", Content_Length="") + response(b)]],
    "empty, and a response": lambda _, b: [[response(b"") + response(b)]],
    "an error first": lambda _, b: [[response(b'{"code":-1102,"msg":"no"}', "400 Bad Request") + response(b)]],
    "a redirect first": lambda _, b: [[response(b"", "302 Found", Location="/x") + response(b)]],
    "HTTP/1.0": lambda a, b: [[response(a, version="HTTP/1.0", Connection="keep-alive") + response(b)]],
    "an interim response": lambda a, b: [[b"HTTP/1.1 103 Early Hints\r\n\r\n" + response(a) + response(b)]],
    "until the connection closes": lambda a, b: [[response(a, Content_Length="") + response(b)]],
    "lines that end in LF": lambda a, b: [[response(a).replace(b"\r\n", b"\n") + response(b)]],
    "folded headers": lambda a, b: [[response(a, X_Long="1\r\n 2") + response(b)]],
    "a broken body": lambda _, b: [[response(b"[{") + response(b)]],
    "a false encoding": lambda a, b: [[response(a, Content_Encoding="gzip") + response(b)]],
}
