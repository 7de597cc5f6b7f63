"""Which files of a folder are taken for videos, by the end of their name."""

__all__ = ["VIDEO_SUFFIXES"]

_SUFFIXES = (
    "3g2 3gp amv asf avi divx dv f4v flv gif gxf h264 h265 hevc ivf m1v m2t m2ts m2v m4v mjpeg mjpg mkv mov mp4 mpeg "
    "mpg mts mxf nut obu ogm ogv qt rm rmvb swf ts vob webm wmv wtv y4m"
)
VIDEO_SUFFIXES = tuple(f".{suffix}" for suffix in _SUFFIXES.split())
"""What is taken from folders, in any case of letters. Pictures (.webp, .png, .jpg) are not: folders of videos are full
of them as thumbnails. A file of any other suffix is read when it is named itself."""
