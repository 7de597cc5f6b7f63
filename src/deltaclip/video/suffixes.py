"""Which files of a folder are taken for videos: by the end of their name, and by their bytes if that is not enough."""

__all__ = ["AMBIGUOUS_SUFFIXES", "FILM_SUFFIXES", "PROXY_SUFFIXES", "VIDEO_SUFFIXES", "looks_like_video"]

_SUFFIXES = (
    "264 265 360 3g2 3gp amv asf avi dat dav divx dv evo f4v flv gif gxf h264 h265 hevc insv ivf lrf lrv m1v m2p m2t "
    "m2ts m2v m4v mjpeg mjpg mk3d mkv mod mov mp4 mpe mpeg mpg mpv mts mxf nut obu ogm ogv qt rec rm rmvb swf tod tp "
    "trp ts vob vro webm wmv wtv y4m"
)
VIDEO_SUFFIXES = tuple(f".{suffix}" for suffix in _SUFFIXES.split())
"""What is taken from folders, in any case of letters. Pictures (.webp, .png, .jpg) are not: folders of videos are full
of them as thumbnails. A file of any other suffix is read when it is named itself."""
AMBIGUOUS_SUFFIXES = tuple(f".{suffix}" for suffix in ["360", "dat", "mod", "mts", "rec", "tp", "ts"])
"""Suffixes of cameras and recorders that other files bear as well: TypeScript and Qt's translations (.ts, .mts), music
and Go (.mod), anything (.dat, .rec). Such a file is taken only if `looks_like_video` says so."""
PROXY_SUFFIXES = (".lrf", ".lrv")
"""Small copies that cameras write beside a film: the same film twice."""
FILM_SUFFIXES = tuple(set(VIDEO_SUFFIXES) - {*PROXY_SUFFIXES, ".dat", ".mod", ".rec"})
"""What may end the name of a film that a data set calls by its name alone. Others are beside films as their copies,
features and records."""

_PACKET_SIZES = (188, 192, 204)
"""Bytes of a packet of MPEG-TS, of the form with a time stamp that cameras write, and of that with error correction."""
_SYNC, _FEWEST_PACKETS = 0x47, 5
# Where a container says what it is: (offset, bytes).
_HEADS = (
    (4, b"ftyp"),  # MP4, MOV, 3GP and their kin; the next three: those of cameras that say it later
    (4, b"moov"),
    (4, b"mdat"),
    (4, b"wide"),
    (0, b"\x1aE\xdf\xa3"),  # Matroska, WebM
    (8, b"AVI "),
    (8, b"CDXA"),  # a video CD's MPEG in RIFF
    (0, b"FLV"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),  # ASF, WMV
    (0, b"OggS"),
    (0, b".RMF"),
    (0, b"DHAV"),  # Dahua
    (0, b"IMKH"),  # Hikvision
    (0, b"\x06\x0e\x2b\x34"),  # MXF
    (0, b"\x00\x00\x01\xba"),  # MPEG program stream
    (0, b"\x00\x00\x01\xb3"),  # MPEG-1 and -2 video
    (0, b"\x00\x00\x00\x01\x09"),  # H.264: access unit delimiter, parameter sets
    (0, b"\x00\x00\x00\x01\x27"),
    (0, b"\x00\x00\x00\x01\x67"),
    (0, b"\x00\x00\x00\x01\x40\x01"),  # HEVC
)


def looks_like_video(block: bytes, *, is_head: bool = True) -> bool:
    """Whether bytes are those of a film in a container or stream that cameras and recorders write.

    block: of a file, some ten thousand bytes. is_head: they are its first ones. Others than the first are asked as well
    because a recording may be damaged at its head; there only packets of a transport stream can be told.
    """
    if is_head and any(block[offset : offset + len(head)] == head for offset, head in _HEADS):
        return True
    # No text holds a zero byte, and every transport stream does, in its tables.
    return b"\0" in block and any(_has_packets(block, size) for size in _PACKET_SIZES)


def _has_packets(block: bytes, size: int) -> bool:
    """Whether packets of `size` bytes follow each other somewhere in the block, each with a head as they have it."""
    starts = min(size, len(block) - (_FEWEST_PACKETS - 1) * size - 3)
    return any(
        # ISO/IEC 13818-1, 2.4.3.3: the two bits of adaptation_field_control in the fourth byte are never both zero.
        all(block[at] == _SYNC and block[at + 3] & 0x30 for at in range(start, start + _FEWEST_PACKETS * size, size))
        for start in range(starts)
    )
