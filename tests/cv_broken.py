"""Makes files that are broken, hostile or no CVs at all, at test time."""

import io
import struct
import zipfile
import zlib


def scanned() -> bytes:
    """A page that is one large picture."""
    pixels = zlib.compress(b"\xff" * (1240 * 1754))
    shape = b"/Subtype/Image/Width 1240/Height 1754/ColorSpace/DeviceGray/BitsPerComponent 8"
    picture = b"<<" + shape + b"/Filter/FlateDecode/Length %d>>stream\n%s\nendstream"
    return raw_pdf(b"q 595 0 0 842 0 0 cm /P Do Q", b"/XObject<</P 5 0 R>>",
                   picture % (len(pixels), pixels))  # fmt: skip


def raw_pdf(content: bytes, resources: bytes = b"", *more: bytes, stream: bytes = b"") -> bytes:
    """A PDF written by hand, one page; `stream` gives the content's dictionary entries."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<<%s>>>>"
        % resources,
        b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), stream, content),
        *more,
    ]
    return assembled(objects)


def assembled(objects: list[bytes]) -> bytes:
    """Number the objects and write their table; the first is the root."""
    out, starts = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        starts.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    at = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % start for start in starts)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, at)
    return bytes(out)


FONT = b"/Font<</F 5 0 R>>"
HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def deflate_bomb(layers: int = 2, megabytes: int = 400) -> bytes:
    """A PDF of a few kilobytes whose page unpacks to hundreds of megabytes."""
    data = zlib.compress(b" " * (megabytes << 20), 9)
    for _ in range(layers - 1):
        data = zlib.compress(data, 9)
    filters = b"/Filter[" + b"/FlateDecode" * layers + b"]"
    return raw_pdf(data, FONT, HELVETICA, stream=filters)


def nested_arrays(depth: int = 200_000) -> bytes:
    """A page whose content opens brackets without end."""
    return raw_pdf(b"[" * depth + b"]" * depth, FONT, HELVETICA)


def nested_pages(depth: int = 5_000) -> bytes:
    """A tree of pages that goes down and down."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    objects += [b"<</Type/Pages/Kids[%d 0 R]/Count 1>>" % (n + 3) for n in range(depth)]
    objects.append(b"<</Type/Page/MediaBox[0 0 9 9]>>")
    return assembled(objects)


def docx_raw(body: bytes, *, declared: bytes = b"", packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A DOCX with this XML inside the body; `declared` goes before the root."""
    space = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    more = b' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    xml = (b'<?xml version="1.0" encoding="UTF-8"?>' + declared + b"<w:document " + space + more
           + b"><w:body>" + body + b"</w:body></w:document>")  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packed) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", xml)
    return out.getvalue()


def docx_bomb(megabytes: int = 300) -> bytes:
    """A small DOCX whose body unpacks to hundreds of megabytes of one letter."""
    return docx_raw(b"<w:p><w:r><w:t>" + b"a" * (megabytes << 20) + b"</w:t></w:r></w:p>")


def docx_lying(data: bytes) -> bytes:
    """The same archive with its declared sizes halved: the directory lies."""
    out = bytearray(data)
    at = out.find(b"PK\x01\x02")
    while at >= 0:
        size = struct.unpack_from("<I", out, at + 24)[0]
        struct.pack_into("<I", out, at + 24, size // 2)
        at = out.find(b"PK\x01\x02", at + 4)
    return bytes(out)


def many_pages(count: int) -> bytes:
    """A PDF of so many pages, each saying its number."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * n) for n in range(count))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count),
    ]
    objects.append(HELVETICA)
    for number in range(count):
        text = b"BT /F 12 Tf 50 700 Td (This is page %d of a document that goes on) Tj ET" % number
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R"
            b"/Resources<</Font<</F 3 0 R>>>>>>" % (5 + 2 * number)
        )
        objects.append(b"<</Length %d>>stream\n%s\nendstream" % (len(text), text))
    return assembled(objects)
