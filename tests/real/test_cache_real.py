"""The frame cache on real clips: what comes back is what the reader sees."""

from pathlib import Path

import numpy as np
import pytest

from deltaclip.frame_cache import CacheSettings, FrameCache, write_cache
from deltaclip.motion import MotionSpec
from deltaclip.reader import read_motion

pytestmark = pytest.mark.real

CLIPS = ("dog_in_snow.mp4", "newtonscradle.gif", "msvd_WTf5EgVY5uU_124_128.avi")


def test_frames_and_masks_of_real_clips_come_back(real_data: Path, tmp_path: Path) -> None:
    videos = {name: real_data / "captioned" / name for name in CLIPS}
    report = write_cache(tmp_path, videos, CacheSettings(num_frames=8))
    assert report.failures == ()
    cache = FrameCache.open(tmp_path)
    for name, path in videos.items():
        frames, motion = read_motion(path, MotionSpec("subject"), 8)
        held = cache.clip(name, np.arange(8))
        assert held.alpha is not None
        assert np.array_equal(held.seconds, frames.seconds)
        assert np.abs(held.rgb.astype(int) - frames.rgb).mean() < 4
        assert np.abs(held.alpha - motion.alpha).max() <= 0.5 / 255 + 1e-6
        assert held.fallback == motion.fallback
        assert np.array_equal(held.see("subject:binary") > 0.5, motion.alpha > 0.5)
